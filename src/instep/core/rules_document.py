"""The rules document: what an administrator may say about a job, checked for its form.

It is plain data (YAML, JSON) of the shape below. Here its keys, types and attribute paths are checked; the
expressions in `source` are compiled, and thereby checked, by `instep.core.compile`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from instep.core.faults import Fault, content, elements, form_faults, sound
from instep.core.key import key
from instep.scim.paths import PathError, parse

Action = Literal["create", "update", "delete"]


class DocumentError(ValueError):
    """A document that can't be used; the message names the place and what was expected there."""


class MappingRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One attribute mapping."""

    target: str
    """Attribute path in the app."""
    source: str
    """An expression of the mapping language: `[attribute]`, `"constant"`, `Join(" ", [givenName], [surname])`."""
    matching: int = 0
    """Matching precedence, 1 first; 0 doesn't match."""
    default: str | None = None
    """Sent on creation when the source gives nothing."""
    flow: Literal["always", "create", "attribute-add", "value-add", "multi-value-add"] = "always"
    """`always`; on `create` only; `attribute-add` only while the app has no value; `value-add` takes no values of a
    list away; `multi-value-add` neither, and only when there is one to add."""
    default_on: Literal["create", "always"] = "create"
    """Whether the default is sent on creation only, or later as well."""
    clear_when_empty: bool = False
    """A source without a value clears the attribute."""
    multivalued: bool = False
    """The attribute takes a list."""
    case_exact: bool = False
    """Whether a change of case alone is a change."""
    required: bool = False
    """Without a value no account or group is made."""
    reference: bool = False
    """The value is a subject's id and travels as that subject's id in the app."""


class ClauseDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison of a scoping filter."""

    attribute: str
    """The attribute in the directory: `department`."""
    operator: str
    """As documented, in any case: `EQUALS`, `NOT EQUALS`, `IS NULL`, `REGEX MATCH`, ..."""
    value: str | None = None
    """What is compared with; none for `IS NULL`, `IS NOT NULL`, `IS TRUE` and `IS FALSE`."""


class FilterDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A titled scoping filter; all of its clauses must hold."""

    name: str
    """What logs call it."""
    clauses: tuple[ClauseDocument, ...]
    """All of them must hold."""


class ObjectDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of users, or of groups."""

    mappings: tuple[MappingRow, ...] = ()
    """What the app's attributes are made of; one at least must be matching."""
    filters: tuple[FilterDocument, ...] = ()
    """Scoping filters: one of them must pass; none let everybody pass."""
    enabled: bool = True
    """Whether this type is provisioned."""
    actions: tuple[Action, ...] = ("create", "update", "delete")
    """What may happen in the app; disabling is an update."""
    members: bool = False
    """Whether memberships are provisioned (groups only)."""


class RoleDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """An app role that people and groups can be assigned."""

    id: str
    """A GUID that never changes."""
    value: str
    """What the app calls it."""
    display_name: str
    """What people read."""
    provisions: bool = True
    """Whether people who hold just this role are provisioned."""


class NestingDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """What nested groups mean."""

    scope: Literal["descendants", "direct"] = "descendants"
    """Who comes into scope through an assigned group: everyone below it, or its direct members."""
    members: Literal["flattened", "direct"] = "flattened"
    """What a group has as members in the app: the people below it, or its direct members."""


class EndingDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """How access ends: `disable` sends `active: false`, `delete` deletes."""

    by: Literal["disable", "delete"] = "disable"
    """What is sent when somebody is no longer in scope."""
    delete_when_purged: bool = True
    """Whether a hard delete in the directory deletes in the app."""


class KindLimitsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The guard's limits for one kind of effects; what is left out is as for all others."""

    cycle_count: int | None = None
    """So many in one cycle."""
    cycle_share: float | None = None
    """So large a part in one cycle; 0.05 is 5 %."""
    day_count: int | None = None
    """So many in 24 hours."""
    day_share: float | None = None
    """So large a part in 24 hours."""


class KindsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """Kinds of effects with limits of their own."""

    disable: KindLimitsDocument | None = None
    """People who lose access by being disabled; counted together with those who lose it by being deleted."""
    delete: KindLimitsDocument | None = None
    """People who lose access by being deleted; counted together with those who lose it by being disabled."""
    login_change: KindLimitsDocument | None = None
    """People whose login identifier changes."""
    membership_removal: KindLimitsDocument | None = None
    """Memberships that end, measured against those that the job manages."""
    group_deletion: KindLimitsDocument | None = None
    """Groups that are deleted, measured against those that the job manages."""
    disabled_deletion: KindLimitsDocument | None = None
    """Accounts that are deleted when they were disabled already, measured against all that the job manages."""


class GuardDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """How much access may end before somebody has to approve it: the larger of the count and the share."""

    cycle_count: int = 5
    """So many in one cycle."""
    cycle_share: float = 0.05
    """So large a part of the people in one cycle; 0.05 is 5 %."""
    day_count: int = 10
    """So many in 24 hours."""
    day_share: float = 0.10
    """So large a part of the people in 24 hours."""
    kinds: KindsDocument | None = None
    """Other limits for some kinds of effects."""


class ProtectedDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts that the job never touches, such as break-glass accounts."""

    people: tuple[str, ...] = ()
    """Who they are in the directory: userPrincipalNames, or ids of users and groups."""
    accounts: tuple[str, ...] = ()
    """Who they are in the app: their login names (userName)."""


class RulesDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A job's rules, as they are written down."""

    users: ObjectDocument
    """What is said of people."""
    groups: ObjectDocument = ObjectDocument(enabled=False)
    """What is said of groups; left out, none are provisioned."""
    scope: Literal["assigned", "all"] = "assigned"
    """Who is provisioned: whoever is assigned to the app, or everyone."""
    default_access: bool = True
    """Whether Default Access entitles to provisioning."""
    roles: tuple[RoleDocument, ...] = ()
    """The app's roles."""
    nesting: NestingDocument = NestingDocument()
    """What nested groups mean."""
    skip_out_of_scope_deletions: bool = False
    """Whether nothing is sent for people who leave the scope."""
    authoritative_members: bool = False
    """Whether members whom somebody else put into a managed group are taken out."""
    ending: EndingDocument = EndingDocument()
    """How access ends."""
    guard: GuardDocument = GuardDocument()
    """How much access may end at once."""
    protected: ProtectedDocument | None = None
    """Accounts that are never touched: not made, adopted, changed, disabled, deleted, nor put into or out of groups."""


def rules_document(given: Mapping[str, Any]) -> RulesDocument:
    """The document, typed, with everything that was left out at its default.

    Raises DocumentError naming the first faulty place: `users.mappings[3].target: ...`; `document_faults` has all.
    """
    for fault in document_faults(given):
        raise DocumentError(str(fault))
    return convert(given, RulesDocument)


def document_faults(given: Any) -> list[Fault]:
    """Everything that is wrong with the form of a rules document; its expressions are `compile`'s to check."""
    faults = form_faults(given, RulesDocument)
    for place in ("users", "groups"):
        if isinstance(section := content(given).get(place), Mapping):
            faults += _section_faults(content(section), place)
    roles = sound(content(given).get("roles"), RoleDocument)
    for name in ("id", "value"):
        faults += _twice({at: getattr(role, name) for at, role in roles.items()}, f"roles[{{}}].{name}")
    faults += _guard_faults(content(given).get("guard", {}))
    return [*faults, *_protected_faults(content(given).get("protected"))]


def convert(given: Any, kind: type[Any]) -> Any:
    """Plain data as a typed value. Raises DocumentError: the place, a colon, and what is wrong there."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as wrong:
        problem, _, place = str(wrong).partition(" - at `$")
        where = place.rstrip("`").lstrip(".")
        problem = problem.replace("Object contains unknown field", "there is no key").replace(
            "Object missing required field", "missing the key"
        )
        raise DocumentError(f"{where}: {problem}" if where else problem) from None


def _section_faults(section: dict[str, Any], place: str) -> Iterator[Fault]:
    if place == "users" and section.get("members") is True:
        yield Fault("users.members", "only groups have members")
    rows = sound(section.get("mappings"), MappingRow)
    canonical: dict[int, str] = {}
    for number, row in rows.items():
        where = f"{place}.mappings[{number}]"
        try:
            canonical[number] = str(parse(row.target)).lower()
        except PathError as wrong:
            yield Fault(f"{where}.target", str(wrong))
        else:
            yield from _row_faults(row, where)
    yield from _twice(canonical, f"{place}.mappings[{{}}].target")
    ranks = {number: row.matching for number, row in rows.items() if row.matching}
    yield from _twice(ranks, f"{place}.mappings[{{}}].matching")
    complete = len(rows) == len(elements(section.get("mappings")))
    if complete and not ranks and section.get("enabled", True) is True:
        yield Fault(f"{place}.mappings", "at least one mapping must be matching (matching: 1)")


def _row_faults(row: MappingRow, where: str) -> Iterator[Fault]:
    path = parse(row.target)
    if path.attribute.lower() == "id" and not path.schema:
        yield Fault(f"{where}.target", "id is given by the app and can't be mapped")
    if path.attribute.lower() == "members" and not path.schema:
        yield Fault(f"{where}.target", "memberships are switched on by `groups.members: true`, not mapped")
    if not row.source.strip():
        yield Fault(f"{where}.source", 'empty; leave the row out, or write "" in quotes for empty text')
    if row.matching < 0:
        yield Fault(f"{where}.matching", "must be 0 or more")
    flows = row.flow == "always" and not row.clear_when_empty and row.default is None and not row.multivalued
    if row.reference and not (flows and not row.matching and not row.required):
        yield Fault(
            f"{where}.reference",
            "is written whenever the account that it points to is there and taken out when there is none, "
            "so nothing else can be said of matching, requirement, default, flow, clearing or lists",
        )
    if str(path).lower() == "active" and row.clear_when_empty:
        yield Fault(f"{where}.clear_when_empty", "access is true or false and never nothing")
    boolean = str(path).lower() == "active" or path.sub == "primary"
    if boolean and row.default is not None and row.default.lower() not in ("true", "false", ""):
        yield Fault(f"{where}.default", f"{row.default!r} is neither True nor False")


def _guard_faults(given: Any) -> Iterator[Fault]:
    if form_faults(given, GuardDocument):
        return
    guard = msgspec.convert(given, GuardDocument)
    yield from _limits_faults(guard, "guard")
    for name in KindsDocument.__struct_fields__ if guard.kinds else ():
        if limits := getattr(guard.kinds, name):
            yield from _limits_faults(limits, f"guard.kinds.{name}")


def _limits_faults(limits: GuardDocument | KindLimitsDocument, place: str) -> Iterator[Fault]:
    for name in ("cycle_share", "day_share"):
        if not 0 <= (getattr(limits, name) or 0) <= 1:
            yield Fault(f"{place}.{name}", "must be from 0 to 1 (0.05 is 5 %)")
    for name in ("cycle_count", "day_count"):
        if (getattr(limits, name) or 0) < 0:
            yield Fault(f"{place}.{name}", "must be 0 or more")


def _protected_faults(given: Any) -> Iterator[Fault]:
    for name in ("people", "accounts"):
        named = elements(content(given).get(name))
        for number, each in enumerate(named):
            if isinstance(each, str) and not each.strip():
                yield Fault(f"protected.{name}[{number}]", "empty; whom should it protect?")
        yield from _twice({at: key(each) for at, each in enumerate(named)}, f"protected.{name}[{{}}]")


def _twice(values: Mapping[int, Any], place: str) -> Iterator[Fault]:
    seen: set[Any] = set()
    for number, value in values.items():
        if value in seen:
            yield Fault(place.format(number), f"{value} is there twice")
        seen.add(value)
