"""What a first cycle will cost in an app, from what was learnt of it. Pure."""

from math import ceil

from msgspec import Struct

from instep.checking.visit import Facts
from instep.scim.abilities import Abilities

AT_ONCE = 10
"""Requests in flight, where nothing was measured."""


class Cost(Struct, frozen=True):
    """The requests of a first cycle by what they're for, and how long they take; no seconds when nothing was timed."""

    users: int
    groups: int
    memberships: int
    look_ups: int
    creations: int
    membership_changes: int
    per_second: float | None

    @property
    def requests(self) -> int:
        """All of them."""
        return self.look_ups + self.creations + self.membership_changes

    @property
    def seconds(self) -> float | None:
        """How long they take; a request to /Bulk as long as what's in it."""
        whole = self.look_ups + self.users + self.groups + self.membership_changes
        return whole / self.per_second if self.per_second else None


def cost(able: Abilities, facts: Facts, users: int, groups: int, memberships: int) -> Cost:
    """The cost of so many users, groups and memberships, all of them new to the app."""
    groups = 0 if facts.has_groups is False else groups
    memberships = memberships if groups else 0
    chunks = ceil(ceil(memberships / groups) / able.members_per_patch) if memberships else 0
    return Cost(
        users,
        groups,
        memberships,
        _look_ups(able, facts.people, users, able.enforces_uniqueness) + _look_ups(able, None, groups, False),
        (ceil(users / facts.bulk_operations) if facts.bulk_operations and able.bulk else users) + groups,
        groups * max(0, chunks - able.members_in_create),
        _per_second(facts),
    )


def _look_ups(able: Abilities, held: int | None, wanted: int, unique: bool) -> int:
    """A count, and then the cheapest sound way: nothing in an empty app, the list's pages, a creation that may be
    refused, or a look-up for each."""
    if not wanted:
        return 0
    if held == 0:
        return 1
    pages = ceil((held or wanted) / able.page_size)
    if able.trusts_list and pages <= wanted:
        return 1 + pages
    return 1 if unique else 1 + wanted


def _per_second(facts: Facts) -> float | None:
    """What reads managed, less where writes take longer."""
    rates = [facts.per_second] if facts.per_second else []
    if facts.write_ms:
        rates.append(AT_ONCE * 1000 / facts.write_ms)
    return min(rates, default=None)
