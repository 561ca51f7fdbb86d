"""The figures of a running service, as values: what metrics and health are made of."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class LimitFigures(Struct, frozen=True):
    """A limit of the app, for requests of one kind."""

    purpose: str
    resource: str
    origin: str
    """`published`, `announced` or `learnt`."""
    rate: float | None
    """Requests a second."""
    burst: float | None
    """Requests at once."""


class JobFigures(Struct, frozen=True):
    """How one job is, and what its cycles have done since the service started."""

    job: str
    schedule: str
    """`active`, `paused` or `disabled`."""
    quarantined: bool
    running: bool
    fault: str
    """Why the last cycle couldn't be tried; empty when it could."""
    behind: int
    """Changes in the directory that no cycle has looked at yet, by sequence number."""
    last_ended: datetime | None
    escrow: int
    held: int
    links: Mapping[tuple[str, str], int]
    """Per kind (`User`, `Group`) and status."""
    done: Mapping[str, int]
    """Per word of the cycles' summaries: `create`, ..., `failure`, `requests`."""
    cycles: Mapping[str, int]
    """Per result."""
    seconds: float
    """Spent in cycles."""
    limits: tuple[LimitFigures, ...] = ()
    """Of its app; jobs that send to one app have the same."""
    pauses: Mapping[tuple[str, str], float] = {}
    """Seconds that the app still wants to be left alone, by purpose and resource of requests."""


class Figures(Struct, frozen=True):
    """Of the whole service."""

    sequence: int
    """The directory's newest sequence number."""
    jobs: tuple[JobFigures, ...]
    unsent: int = 0
    """Mails that wait to be sent."""
