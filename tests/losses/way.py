"""What a way to lose the source is: what happens, and what has to come of it.

Each way says one of four things. `refused`: the import isn't taken. `untouched`: it's taken, and nothing that is in the
app goes by it. `held`: all that would go waits. `limited`: what the guard's limits let go by design goes, and then the
rest waits; how much that is, the way says. The ways themselves are in `lost_exports`, `lost_grants`, `lost_rules` and
`lost_directories`; `WAYS` is the table of them all.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.losses.firm import (
    JOINED,
    NEWCOMER,
    PROMOTED,
    RULES,
    Firm,
)

Lose = Callable[[Firm], Awaitable[None] | None]
Expected = Literal["refused", "untouched", "held", "limited"]


@dataclass(frozen=True)
class Way:
    """One way to lose something."""

    name: str
    happens: str
    expected: Expected
    lose: Lose
    gone: Mapping[str, int] = field(default_factory=dict)
    """What the limits let go, in the words of `Lost`: only of the ways that are `limited`."""
    stopped: frozenset[str] = frozenset()
    """What of the ordinary day can't reach the app, since it's part of what is lost."""
    before: Mapping[str, Any] = field(default_factory=lambda: RULES)
    """The rules before."""
    kind: str = "assigned"
    """Which firm it is: one for each set of rules before."""
    refused_by_app: bool = False
    """Whether the app refuses all of it anyway."""


WAYS: dict[str, Way] = {}
ALLOWED = 10_000
"""What somebody says who wants an import to pass at any price."""


def way(name: str, happens: str, expected: Expected, lose: Lose, **more: Any) -> None:
    """A row of the table."""
    assert name not in WAYS
    WAYS[name] = Way(name, happens, expected, lose, **more)


EVERYBODY_GOES = frozenset({PROMOTED})
"""Whoever is promoted is among the lost."""
NO_GROUPS = frozenset({PROMOTED, JOINED})
"""The leads, whom somebody joins, are as well."""
NOBODY_NEW = frozenset({NEWCOMER, PROMOTED})
"""Whoever is new can't come in either."""
