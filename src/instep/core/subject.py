"""A subject: the user or group being looked at, with everything that the rules may read.

Attributes carry Microsoft Graph's property names. The directory fills a `Subject` from one consistent
read; nothing in `core` reads more than what is in it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""The app role id of an assignment without a role (Microsoft Graph, appRoleAssignment)."""


class Kind(StrEnum):
    """The type of a subject and of its resource in the app (RFC 7643 section 4)."""

    USER = "User"
    GROUP = "Group"


class Presence(StrEnum):
    """Where a subject stands in the directory's life cycle."""

    PRESENT = "present"
    SOFT_DELETED = "soft-deleted"
    """In the recycle bin, can be restored for 30 days."""
    PURGED = "purged"
    """Hard-deleted: only the id and the last known name are left, as a tombstone."""


class AppRole(Struct, frozen=True):
    """An app role that can be assigned: Graph's `appRole`, less what provisioning doesn't read."""

    id: str
    value: str
    display_name: str
    provisions: bool = True
    """Whether people who hold just this role are provisioned ("effectively entitled")."""


class Grant(Struct, frozen=True):
    """One way in which a subject is assigned to the app."""

    assignment_id: str
    role_id: str = DEFAULT_ACCESS
    path: tuple[str, ...] = ()
    """Display names of the groups from the assigned one down to the subject; empty when assigned directly."""


class Subject(Struct, frozen=True):
    """A user or group as the directory knows it at sequence number `seq`."""

    kind: Kind
    id: str
    seq: int
    name: str
    """userPrincipalName of a user, displayName of a group: what logs and plans call it."""
    presence: Presence = Presence.PRESENT
    enabled: bool = True
    """Graph's accountEnabled; groups are always enabled."""
    attributes: Mapping[str, Any] = {}
    manager: str | None = None
    """The manager's user id."""
    grants: tuple[Grant, ...] = ()
    members: tuple[str, ...] = ()
    """A group's members as the job counts them: user ids (flattened), or user and group ids (direct)."""
    ended_by: int = 0
    """Of a user who is disabled, deleted or not assigned: the number of the change that made it so; 0: not known."""
