"""What an app holds, and what it lacks afterwards."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

LOGINS = ("userName", "externalId")
"""What people are known by in the app."""


class Held(Struct, frozen=True):
    """What the app holds, by its own ids."""

    users: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, str]
    members: Mapping[str, frozenset[str]]

    def active(self, app_id: str) -> bool:
        return app_id in self.users and self.users[app_id].get("active") is not False


class Lost(Struct, frozen=True):
    """What is missing in the app, in the names that it had."""

    access: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    """Of accounts that were disabled before: those that are gone."""
    groups: frozenset[str] = frozenset()
    memberships: frozenset[tuple[str, str]] = frozenset()
    """Group and member, where the group is still there."""

    @property
    def concerned(self) -> frozenset[str]:
        """People and groups that lost something."""
        return self.access | self.renamed | self.accounts | self.groups | {group for group, _ in self.memberships}

    def less(self, other: "Lost") -> "Lost":
        """What the other doesn't have."""
        return Lost(*(getattr(self, name) - getattr(other, name) for name in self.__struct_fields__))

    @property
    def counts(self) -> dict[str, int]:
        """How much of each, where there is any."""
        return {name: len(getattr(self, name)) for name in self.__struct_fields__ if getattr(self, name)}


def lost(before: Held, after: Held) -> Lost:
    """What `after` lacks."""
    names = {i: user["userName"] for i, user in before.users.items()}
    return Lost(
        access=frozenset(names[i] for i in before.users if before.active(i) and not after.active(i)),
        renamed=frozenset(
            names[i]
            for i in before.users
            if i in after.users and any(before.users[i].get(k) != after.users[i].get(k) for k in LOGINS)
        ),
        accounts=frozenset(names[i] for i in before.users if not before.active(i) and i not in after.users),
        groups=frozenset(name for i, name in before.groups.items() if i not in after.groups),
        memberships=frozenset(
            (name, names[member])
            for i, name in before.groups.items()
            if i in after.groups
            for member in before.members[i] - after.members[i]
        ),
    )
