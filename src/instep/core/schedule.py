"""When a job runs: pure, from how it stands to the next moment.

The interval counts from the end of the last cycle, as Entra's does; a change in the directory doesn't wait for it.
A job in quarantine is tried when its next attempt has come, or when its settings have changed. One that an operator
put there runs only when somebody asks for it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from instep.core.job import Asked, JobStatus, QuarantineReason


class Why(StrEnum):
    """What lets a cycle begin."""

    ASKED = "asked"
    """Somebody asked for a cycle, or for a restart."""
    ON_DEMAND = "on-demand"
    """Somebody asked for single subjects."""
    CHANGED = "changed"
    """The directory has moved on."""
    SETTINGS = "settings"
    """The rules, the settings, the secret or Instep itself have changed."""
    RETRY = "retry"
    """Somebody in escrow is due, or a job in quarantine is tried again."""
    INTERVAL = "interval"
    """Nothing happened for as long as the interval."""


class Standing(Struct, frozen=True):
    """How a job stands, as far as it decides when it runs."""

    status: JobStatus
    asked: Asked
    interval: timedelta
    ended: datetime | None
    """When the last cycle ended; none before the first."""
    directory_changed: bool
    """Whether the directory is further than the watermark."""
    settings_changed: bool
    """Whether anything that a cycle depends on has changed since the last one."""
    next_try: datetime | None
    """When the first of the escrow is due."""
    unreachable: bool = False
    """Whether the app couldn't be reached in the last cycle."""


def next_run(standing: Standing, now: datetime) -> tuple[Why | None, timedelta | None]:
    """Why the job has to run now; or none, and how long until it may have to (none: only when something happens)."""
    if standing.status.schedule != "active":
        return None, None
    if any(not wish.subjects for wish in standing.asked.wishes) or standing.asked.reset:
        return Why.ASKED, None
    if standing.asked.wishes:
        return Why.ON_DEMAND, None
    quarantine = standing.status.quarantine
    if quarantine and quarantine.reason is QuarantineReason.ON_DEMAND:
        return None, None
    if standing.settings_changed:
        return Why.SETTINGS, None
    if quarantine:
        if quarantine.next_attempt is None:
            return None, None
        return _at(Why.RETRY, quarantine.next_attempt, now)
    if standing.directory_changed or standing.ended is None:
        return Why.CHANGED, None
    moments = [(standing.ended + standing.interval, Why.INTERVAL)]
    if standing.next_try is not None:
        moments.append((standing.next_try, Why.RETRY))
    moment, why = min(moments)
    return _at(why, moment, now)


def _at(why: Why, moment: datetime, now: datetime) -> tuple[Why | None, timedelta | None]:
    return (why, None) if moment <= now else (None, moment - now)
