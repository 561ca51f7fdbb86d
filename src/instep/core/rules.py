"""Rules: who is in scope, and how a subject's attributes become the app's.

A job's rules are compiled once per cycle from its document and are then only read. `version` names their
content: when it changes, everyone is looked at again.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from instep.core.guard import Limits
from instep.core.protection import Protection
from instep.core.scoping import Filter
from instep.core.subject import AppRole, Kind
from instep.expressions import Expression

_USER = Kind.USER  # by name, since an enumeration's member is slow to fetch, and this is asked of everybody

Action = Literal["create", "update", "delete"]

Flow = Literal["always", "create", "attribute-add", "value-add", "multi-value-add"]
"""`always`; on `create` only; `attribute-add` only while the app has no value; `value-add` never takes values of a
list away; `multi-value-add` neither, and only when there is one to add (Graph's attributeFlowType)."""


class Mapping(Struct, frozen=True):
    """One attribute mapping (Graph's `attributeMapping`)."""

    target: str
    """The SCIM attribute path, canonical text: `emails[type eq "work"].value`."""
    source: Expression
    default: str | None = None
    """Written on creation when the source evaluates to null."""
    matching: int = 0
    """Matching precedence, 1 first; 0 doesn't match."""
    flow: Flow = "always"
    """When the value flows: see `Flow`."""
    default_on: Literal["create", "always"] = "create"
    """Whether the default is written on creation only, as the documented service does, or later as well."""
    clear_when_empty: bool = False
    """Whether a source without a value clears the attribute; otherwise it leaves it."""
    multivalued: bool = False
    """Whether the attribute takes a list: a single value becomes a list of one."""
    case_exact: bool = False
    """Whether a change of case alone is a change (RFC 7643 section 2.2)."""
    required: bool = False
    reference: bool = False
    """The value is another subject's id and travels as that subject's id in the app."""
    boolean: bool = False
    """Whether RFC 7643 makes the attribute a boolean. Made from the rest, as are the next two and the last four of the
    next class, since each is needed for each subject."""
    plain: bool = False
    """Whether a text is the attribute's value as it stands."""
    usual: bool = False
    """Whether that is so and it flows always."""

    def __post_init__(self) -> None:
        boolean = self.target == "active" or self.target.endswith(".primary")
        plain = not (boolean or self.multivalued or self.source.impure or self.source.redacted)
        force_setattr(self, "boolean", boolean)
        force_setattr(self, "plain", plain)
        force_setattr(self, "usual", plain and self.flow == "always")


class ObjectRules(Struct, frozen=True):
    """The rules of one object type."""

    kind: Kind
    mappings: tuple[Mapping, ...]
    filters: tuple[Filter, ...] = ()
    """Scoping filters: one of them must pass; none let everybody pass."""
    enabled: bool = True
    actions: frozenset[Action] = frozenset({"create", "update", "delete"})
    members: bool = False
    """Whether memberships are provisioned (groups only)."""
    matching: tuple[Mapping, ...] = ()
    """The matching mappings in the order of their precedence."""
    by_target: dict[str, Mapping] = {}
    logins: frozenset[str] = frozenset()
    """The paths that people are known by in the app."""
    redacted: tuple[str, ...] = ()
    """The paths whose values are shown to nobody."""

    def __post_init__(self) -> None:
        matching = sorted((m for m in self.mappings if m.matching), key=lambda m: m.matching)
        force_setattr(self, "matching", tuple(matching))
        force_setattr(self, "by_target", {m.target: m for m in self.mappings})
        force_setattr(self, "redacted", tuple(m.target for m in self.mappings if m.source.redacted))
        force_setattr(self, "logins", frozenset({"userName", *(m.target for m in matching)}))


class Ending(Struct, frozen=True):
    """How access ends, a property of the app, apart from the attribute rows."""

    by: Literal["disable", "delete"] = "disable"
    """`disable` sends `active: false`; `delete` is for apps without a soft delete."""
    delete_when_purged: bool = True
    """Whether a hard delete in the directory deletes in the app."""


class Rules(Struct, frozen=True):
    """Everything that decides who is provisioned to one app, and with what."""

    version: str
    users: ObjectRules
    groups: ObjectRules
    scope: Literal["assigned", "all"] = "assigned"
    roles: tuple[AppRole, ...] = ()
    default_access: bool = True
    """Whether Default Access entitles to provisioning; templates that ship roles say no."""
    scope_nesting: Literal["descendants", "direct"] = "descendants"
    """Who comes into scope through an assigned group: everyone below it, or its direct members."""
    member_nesting: Literal["flattened", "direct"] = "flattened"
    """What a group has as members in the app: the people below it, or its direct members."""
    skip_out_of_scope_deletions: bool = False
    """Entra's SkipOutOfScopeDeletions: leaving scope then sends nothing."""
    authoritative_members: bool = False
    """Whether members that someone else put into a managed group are taken out."""
    ending: Ending = Ending()
    limits: Limits = Limits()
    protection: Protection | None = None
    """Accounts that are never touched; none where nobody is protected."""

    def of(self, kind: Kind) -> ObjectRules:
        """The rules of that object type."""
        return self.users if kind is _USER else self.groups
