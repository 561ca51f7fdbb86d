"""A report on a stretch of time: what happened to whom, and how long those who left kept their access.

Values and arithmetic only. The store groups the log by heading and person; the moments at which the directory
knew of something come from the directory. `instep report` puts them together.
"""

from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from instep.core.subject import Kind

Heading = Literal["created", "adopted", "changed", "ended", "failed", "held", "released"]
HEADINGS: tuple[Heading, ...] = get_args(Heading)
"""In the order in which a report has them."""


class ReportRow(Struct, frozen=True):
    """What happened to one subject, under one heading."""

    heading: Heading
    kind: Kind
    subject_id: str
    name: str
    app_id: str | None
    times: int
    at: datetime
    """When it was last so."""
    action: str
    code: str
    reason: str
    """Of the last time."""


class Departure(Struct, frozen=True):
    """Somebody whose access is to end, or has ended."""

    kind: Kind
    subject_id: str
    name: str
    state: Literal["held", "failing", "ended"]
    """`held` and `failing` still have access."""
    known: datetime | None
    """When the directory knew that it had to end; none where that can't be told."""
    ended: datetime | None
    """When the app acknowledged it; none while it hasn't."""
    action: str = ""
    """`disable` or `delete`, or what it was called."""
    reason: str = ""
    """Why they still have access."""

    def kept(self, now: datetime) -> timedelta | None:
        """How long access was kept, so far for those who still have it; none where that can't be told.

        A change that comes after the end is another one: a restored directory gives numbers anew.
        """
        until = self.ended or now
        return None if self.known is None or self.known > until else until - self.known


class Stretches:
    """How long access was kept, over many people, none of whom is remembered."""

    def __init__(self) -> None:
        self.people = 0
        self.untold = 0
        """People of whom it can't be told."""
        self.longest = timedelta()
        self._sum = timedelta()

    def add(self, kept: timedelta | None) -> None:
        """One more."""
        self.people += 1
        if kept is None:
            self.untold += 1
            return
        self.longest = max(self.longest, kept)
        self._sum += kept

    @property
    def mean(self) -> timedelta | None:
        """On average; none when it can't be told of anybody."""
        told = self.people - self.untold
        return self._sum / told if told else None
