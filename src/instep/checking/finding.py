"""Findings: what a check is, what it found, and the words in which it ends.

A check returns a note when all was well, and raises `Failed`, `Doubtful` or `NotJudged` otherwise. Values only; how
they're run is in `run`.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from instep.core.record import Exchange

if TYPE_CHECKING:
    from instep.checking.visit import Visit

Severity = Literal["must", "should", "nice"]
"""What it means for provisioning when a check fails: it can't work or does harm; it works less well; it's untidy."""


class Result(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_APPLICABLE = "not applicable"


class Ended(Exception):
    """A check that ended in another way than by passing; the message says what was seen."""

    result = Result.FAILED


class Failed(Ended):
    """The endpoint doesn't do what the check is about."""


class Doubtful(Ended):
    """It can be lived with, or another reading of the RFC allows it."""

    result = Result.WARNING


class NotJudged(Ended):
    """There's nothing to judge: not offered, or something before it failed already."""

    result = Result.NOT_APPLICABLE


class Check(Struct, frozen=True):
    """One check. `proves` is what it shows when it passes, `source` where that's asked for, `way_out` what to do."""

    id: str
    title: str
    severity: Severity
    source: str
    proves: str
    way_out: str
    writes: bool
    """Whether it needs to write; such checks are left out of a read-only run."""
    function: "Callable[[Visit], Awaitable[str | None]]"

    @property
    def group(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


class Finding(Struct, frozen=True):
    """What a check found, with the requests and answers behind it."""

    check: Check
    result: Result
    text: str
    exchanges: tuple[Exchange, ...] = ()

    @property
    def failed_must(self) -> bool:
        """Whether provisioning can't do with it."""
        return self.result is Result.FAILED and self.check.severity == "must"


class Leftover(Struct, frozen=True):
    """Something that was made and couldn't be removed. `app_id` is empty where it isn't known."""

    kind: str
    name: str
    app_id: str
    reason: str


class Unreachable(Exception):
    """There's no endpoint to check: out of reach, it refuses the token, or isn't SCIM. The message says what came."""
