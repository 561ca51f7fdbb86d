"""The plan: what a cycle would do, as a value, before anything is sent.

`apply` reads decisions and nothing else. The order is part of the plan: leavers first, then people with their
managers before them, then groups, so that most references ride in the request that creates.
"""

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from instep.core.change import (
    Adopt,
    Change,
    Create,
    Decision,
    Delete,
    Disable,
    EffectKind,
    Enable,
    Release,
    Skip,
    Update,
)
from instep.core.guard import NOTHING_HELD, Population, Verdict
from instep.core.subject import Kind


class Plan(Struct, frozen=True):
    """The decisions in order, their tally, and the guard's verdict."""

    job: str
    cycle: str
    """`initial` or `incremental`."""
    decisions: tuple[Decision, ...]
    actions: Mapping[str, int]
    """How many of each action; `failure` counts the skips that are errors."""
    effects: Mapping[str, int]
    population: Population = Population()
    verdict: Verdict = NOTHING_HELD
    held: tuple[Decision, ...] = ()
    """The guarded parts that wait for approval."""

    @property
    def fingerprint(self) -> str:
        """Names the whole plan: the same inputs give the same."""
        return fingerprint(d.digest for d in self.decisions)


def fingerprint(digests: Iterable[str]) -> str:
    """Names a set of decisions by their digests, whatever their order: 16 hexadecimal digits."""
    return hashlib.blake2b("\n".join(sorted(digests)).encode(), digest_size=8).hexdigest()


def action(change: Change) -> str:
    """The word of the log for it."""
    return type(change).__name__.lower()


def makes_account(change: Change) -> bool:
    """Whether references can point to the subject once it's done."""
    return isinstance(change, Create | Adopt)


def sends(change: Change) -> bool:
    """Whether it needs a request to the app."""
    if isinstance(change, Adopt):
        return bool(change.changes or change.members_added or change.members_removed or change.foreign_removed)
    if isinstance(change, Update):
        return change != Update()
    if isinstance(change, Enable | Disable):
        return bool(change.changes)
    return isinstance(change, Create | Delete)


ON_DEMAND = 1
"""The priority of what somebody waits for in front of a screen: that of a leaver."""
URGENT = 2
"""Up to this priority a decision doesn't wait for others that are under way already."""


def priority(decision: Decision) -> int:
    """Smaller goes first. Taking access away never waits behind giving it."""
    change = decision.change
    if isinstance(change, Skip | Release):
        return 0
    ends = isinstance(change, Disable | Delete) or any(e.kind == EffectKind.DISABLE for e in decision.effects)
    if ends:
        return 1 if decision.kind is Kind.USER else 2
    if isinstance(change, Update) and (change.members_removed or change.foreign_removed):
        return 2
    return 4 if decision.kind is Kind.USER else 6
