"""Changes, decisions and traces: what is done about a subject, and why.

`Change` is a closed set. A `Decision` carries its `Trace`, and is thereby the provisioning log's entry, less
the outcome. The digest of a decision names what would be sent, not why: an approval binds to it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from instep.core.subject import Kind


class AttributeChange(Struct, frozen=True):
    """One attribute that changes; `new=None` clears it."""

    path: str
    old: Any
    new: Any
    effect: str = ""
    """The guarded effect that this change has; empty for none."""
    added: tuple[Any, ...] = ()
    """Of a list whose mapping only adds: the values that come in. What else the app holds stays as it is."""


class Create(Struct, frozen=True, tag="Create"):
    """Make the account or group."""

    attributes: Mapping[str, Any]
    members: tuple[str, ...] = ()


class Adopt(Struct, frozen=True, tag="Adopt"):
    """Take over what exists in the app already, and bring it in step."""

    app_id: str
    observed: Mapping[str, Any]
    """The managed attributes as the app holds them."""
    changes: tuple[AttributeChange, ...] = ()
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    members_found: tuple[str, ...] = ()
    """Subjects that are members in the app already, those that are to be removed too."""
    foreign_removed: tuple[str, ...] = ()
    """App ids of members that nobody here stands behind; only where the job's members are authoritative."""


class Update(Struct, frozen=True, tag="Update"):
    """Bring attributes and memberships in step."""

    changes: tuple[AttributeChange, ...] = ()
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    foreign_removed: tuple[str, ...] = ()


class Disable(Struct, frozen=True, tag="Disable"):
    """End access, keep the account."""

    changes: tuple[AttributeChange, ...]


class Enable(Struct, frozen=True, tag="Enable"):
    """Give access again."""

    changes: tuple[AttributeChange, ...]


class Delete(Struct, frozen=True, tag="Delete"):
    """Delete in the app."""


class Release(Struct, frozen=True, tag="Release"):
    """Let go: nothing is sent."""


class Keep(Struct, frozen=True, tag="Keep"):
    """In step already."""


class Skip(Struct, frozen=True, tag="Skip"):
    """Nothing is done, and the reason is worth telling."""

    code: str
    """A code of the provisioning log: `NotEffectivelyEntitled`, `DuplicateTargetEntries`, ..."""
    reason: str
    failed: bool = False
    """Whether this is an error to be tried again, and not a decision."""


Change = Create | Adopt | Update | Disable | Enable | Delete | Release | Keep | Skip


class Step(Struct, frozen=True, gc=False):
    """One step on the way to a decision, as the provisioning log shows it."""

    type: Literal["import", "scoping", "matching", "referenceResolution", "processing", "export"]
    status: Literal["success", "failure", "skipped", "warning"]
    description: str
    details: Mapping[str, Any] = {}


class EffectKind:
    """What the guard counts: kinds of harm, not names of changes."""

    DISABLE = "disable"
    DELETE = "delete"
    RENAME = "login-change"
    REMOVE_MEMBERS = "membership-removal"
    DELETE_GROUP = "group-deletion"
    DELETE_DISABLED = "disabled-deletion"
    """The deletion of an account that is disabled already: nobody loses access by it, and it can't be undone."""
    ALL = (DISABLE, DELETE, RENAME, REMOVE_MEMBERS, DELETE_GROUP, DELETE_DISABLED)


class Effect(Struct, frozen=True):
    """A guarded effect of a decision."""

    kind: str
    count: int = 1
    always_held: str = ""
    """Why it is held however few there are; empty when the limits decide."""
    waiting: bool = False
    """Whether it has been waiting for an approval since an earlier cycle."""


class Decision(Struct, frozen=True):
    """What is to be done about one subject, and how that was found."""

    kind: Kind
    subject_id: str
    name: str
    seq: int
    change: Change
    app_id: str | None = None
    effects: tuple[Effect, ...] = ()
    trace: tuple[Step, ...] = ()
    after: tuple[str, ...] = ()
    """Subjects that go first where they are under way, since this one refers to them (its manager)."""
    pending: tuple[str, ...] = ()
    """Subjects referred to that have no account in the app: written when they get one."""
    match: tuple[tuple[str, str], ...] = ()
    """Matching paths and values in order of precedence, for changes that may make an account."""
    create_first: bool = False
    """Whether no look-up was made: the app refuses duplicates, and a conflict is looked up then."""
    redacted: tuple[str, ...] = ()
    """Paths whose values flow to the app and are shown to nobody."""
    seed: str = ""
    """What values that are random once were derived from: kept on the link that this decision makes."""
    ended_by: int = 0
    """Of an end of access: the number of the directory's change that it ends by, where it is known."""

    @property
    def digest(self) -> str:
        """Names exactly what would be done: hexadecimal, 32 digits."""
        body = msgspec.json.encode((self.kind, self.subject_id, self.app_id, self.change), order="deterministic")
        return hashlib.blake2b(body, digest_size=16).hexdigest()
