"""What the directory holds, and the rows in which it comes from a source.

Values that the sources make, the use cases of the directory check and its store keeps. Names of attributes
are Microsoft Graph's. How the engine sees the same people is `instep.core.subject`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from instep.core.subject import DEFAULT_ACCESS, Kind, Presence

NAMED = {Kind.USER: "userPrincipalName", Kind.GROUP: "displayName"}
"""The property that is an entry's name."""


class Entry(Struct, frozen=True):
    """A user or group as the directory holds it (Graph's directoryObject)."""

    kind: Kind
    id: str
    name: str
    """userPrincipalName of a user, displayName of a group."""
    attributes: Mapping[str, Any] = {}
    """Graph's properties, the name among them; those with a field of their own below, and null ones, are left out."""
    enabled: bool = True
    manager: str | None = None
    """The manager's user id."""
    presence: Presence = Presence.PRESENT
    deleted: datetime | None = None
    """When it was soft-deleted; none while it's present."""
    source: str = ""
    """Where it was imported from; empty when it was made here."""
    sequence: int = 0
    """The number of the change that touched it last."""


class Assignment(Struct, frozen=True):
    """A user or group given to an app with a role (Graph's appRoleAssignment)."""

    id: str
    app: str
    kind: Kind
    principal: str
    """The id of the user or group."""
    role: str = DEFAULT_ACCESS
    """The id of the app role."""


class Row(Struct, frozen=True, gc=False):
    """A user or group as a source tells it. What isn't given leaves the directory's value as it is."""

    line: int
    kind: Kind
    id: str | None
    """None when the source knows no ids: then the name tells who it is."""
    name: str | None
    attributes: Mapping[str, Any]
    """None clears an attribute."""
    enabled: bool | None = None
    manager: str | UnsetType | None = UNSET
    """Id or userPrincipalName; None says that there is none."""
    deleted: datetime | None = None


class MemberRow(Struct, frozen=True, gc=False):
    """A membership as a source tells it: ids, or names that say who it is."""

    line: int
    group: str
    member: str
    kind: Kind | None = None
    """The member's, where the source tells."""


class AssignmentRow(Struct, frozen=True, gc=False):
    """An assignment as a source tells it."""

    line: int
    app: str
    principal: str
    """Id, userPrincipalName or the displayName of a group."""
    role: str = DEFAULT_ACCESS


AnyRow = Row | MemberRow | AssignmentRow


class File(Struct, frozen=True):
    """What is known of a source's file apart from its rows."""

    name: str
    source: str
    """Under which name the directory keeps what comes from it."""
    kinds: tuple[Kind, ...] | None = None
    """What it's a complete list of; None when its rows tell: of each type that occurs in it."""
    group: str | None = None
    """The group whose members it lists completely; id or name."""


class Removal(Struct, frozen=True):
    """What complete lists lack, and would therefore remove."""

    what: str
    """`users`, `groups`, `memberships`; or `members of` a group."""
    count: int
    population: int
    """Of how many."""


class Counts(Struct, frozen=True):
    """What became of the rows of one type."""

    created: int = 0
    updated: int = 0
    restored: int = 0
    removed: int = 0
    unchanged: int = 0


class Fault(Struct, frozen=True, order=True):
    """What is wrong with a source, where, and what to do about it."""

    file: str
    line: int
    """1 is the first; 0 when it's about the whole file."""
    column: str
    value: str
    expected: str
    """What is wrong or was expected instead, and the way out."""

    def __str__(self) -> str:
        place = [self.file]
        if self.line:
            place.append(f"line {self.line}")
        if self.column:
            place.append(f"column {self.column}")
        return f"{', '.join(place)}: {repr(self.value) + ': ' if self.value else ''}{self.expected}"
