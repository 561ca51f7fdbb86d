"""Quarantine: whether a job is unhealthy, how long it waits then, and when it's well again. Pure.

A cycle's summary and a tally of its failures in, the job's next status out. The published conditions hold
(docs/explanation/quarantine.md), and beside them ones that a small company reaches. The cause in words, and the way
out of it, are in `cause`; when the job runs next is in `schedule`; who calls this is `engine/health.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from instep.core.app import QuarantineLimits
from instep.core.cause import Cause, in_words
from instep.core.job import JobStatus, Quarantine, QuarantineReason
from instep.core.record import CycleSummary

BRIEF = frozenset({"Timeout", "WebExceptionProtocolError", "InternalServerError", "InternalError", "TooManyRequests"})
"""Codes of an app that can't be reached: most such faults are over in a minute."""
PATIENCE = 3
"""From how many cycles in a row that ended by a brief fault on, the job is in quarantine."""

BACKOFF = (timedelta(hours=6), timedelta(hours=12), timedelta(hours=24))
"""The published times between two attempts; the last one is repeated."""
RECONNECT = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1), *BACKOFF)
"""The same of an app that couldn't be asked: an outage of minutes isn't to cost hours."""
END = timedelta(days=28)
"""After so long a job is given up, until an administrator starts it."""

ACTIONS = ("create", "adopt", "update", "disable", "enable", "delete", "failure")
"""The words of a cycle's summary that count as something tried."""
EVERYBODY = 3
"""How many have to be tried in a first cycle, at least, for their all failing to say something about the app."""
PUBLISHED_FAILURES, PUBLISHED_SHARE = 5_000, 0.4
BASE, TOTAL = 40_000, 60_000


class Tally(Struct, frozen=True):
    """What a cycle tried, and what of it failed."""

    tried: int
    failed: int
    new: int
    """Of those that failed: who hadn't failed before."""
    managed: int = 0
    """Accounts and groups that the job has in the app."""
    references: int = 0
    """Subjects whose manager or members couldn't all be written."""


class Remains(Struct, frozen=True):
    """What a cycle left behind."""

    escrow: int = 0
    """Subjects whose last attempt failed."""
    held: int = 0
    """Decisions of the guard that wait for somebody's word."""
    new: int = 0
    """Of the escrow: who failed in this cycle for the first time."""


def tally(counts: Mapping[str, int], remains: Remains, managed: int = 0, references: int = 0) -> Tally:
    """The tally of a cycle from the words of its summary."""
    failed = counts.get("failure", 0)
    return Tally(sum(counts.get(word, 0) for word in ACTIONS), failed, min(remains.new, failed), managed, references)


def judge(
    status: JobStatus,
    cycle: CycleSummary,
    counted: Tally,
    remains: Remains,
    limits: QuarantineLimits,
    causes: Sequence[Cause],
    now: datetime,
) -> JobStatus:
    """How the job stands after a cycle that has ended.

    A cycle that was interrupted says nothing. Neither does one that asked the app for nothing while the app is out
    of reach. A quarantine that an operator imposed is lifted by an operator.
    """
    held = status.quarantine
    if cycle.result in ("interrupted", "running") or (held and held.reason is QuarantineReason.ON_DEMAND):
        return status
    if cycle.kind == "on-demand":
        return _after_on_demand(status, cycle)
    if cycle.result == "unavailable":
        return _out_of_reach(status, cycle, now)
    if held and held.reason is QuarantineReason.EXCEPTION and not cycle.counts.get("requests"):
        again = now + _gap(held.reason, held.series_count)
        return replace(status, quarantine=replace(held, next_attempt=again))
    reason = _reason(cycle, counted, limits) or _lasting(held, counted, limits)
    if reason is None:
        return _steady(replace(status, quarantine=None, failed_cycles=0), remains, now)
    words = f"{counted.failed:,} of {counted.tried:,} failed in one cycle: {in_words(causes)}"
    code = causes[0].code if causes else ""
    return _imposed(status, reason, words, code, cycle.id, now)


def lifted(status: JobStatus) -> JobStatus:
    """The status after `start`, or after a restart that forgets the quarantine: it comes back if its cause remains."""
    return replace(status, quarantine=None, failed_cycles=0)


def _after_on_demand(status: JobStatus, cycle: CycleSummary) -> JobStatus:
    """A run of single subjects shows at the most that the app can be asked again."""
    held = status.quarantine
    answers = cycle.result != "unavailable" and bool(cycle.counts.get("requests"))
    return lifted(status) if answers and held and held.reason is QuarantineReason.EXCEPTION else status


def _out_of_reach(status: JobStatus, cycle: CycleSummary, now: datetime) -> JobStatus:
    if status.quarantine is None and cycle.code in BRIEF and status.failed_cycles + 1 < PATIENCE:
        return replace(status, failed_cycles=status.failed_cycles + 1)
    return _imposed(status, QuarantineReason.EXCEPTION, cycle.message, cycle.code, cycle.id, now)


def _reason(cycle: CycleSummary, counted: Tally, limits: QuarantineLimits) -> QuarantineReason | None:
    """Why this cycle leads to quarantine; none when it doesn't.

    People whom the app refuses for reasons of their own come up again and again, and at times nobody else is tried:
    so they're measured against everyone whom the job manages, and only who fails for the first time against the cycle.
    """
    failed, new = counted.failed, counted.new
    if failed > BASE:
        return QuarantineReason.BASE
    # Managers and members that aren't in the app yet heal by themselves: alone they don't make a job unhealthy.
    if failed >= PUBLISHED_FAILURES and failed + counted.references > TOTAL:
        return QuarantineReason.TOTAL
    first_tries = counted.tried - (failed - new)
    everybody = cycle.kind == "initial" and EVERYBODY <= new == first_tries
    if (
        everybody
        or _many(new, first_tries, PUBLISHED_FAILURES, PUBLISHED_SHARE)
        or _many(new, first_tries, limits.failures, limits.share)
        or _many(failed, max(counted.tried, counted.managed + failed), limits.failures, limits.share)
    ):
        return QuarantineReason.PROPORTION
    return None


def _many(failed: int, of: int, count: int, share: float) -> bool:
    return failed > 0 and failed >= count and failed > share * of


def _lasting(held: Quarantine | None, counted: Tally, limits: QuarantineLimits) -> QuarantineReason | None:
    """The reason that goes on: too large a share of whoever was tried in quarantine failed again, however few."""
    if held is None or held.reason is QuarantineReason.EXCEPTION:
        return None
    return held.reason if _many(counted.failed, counted.tried, 1, limits.share) else None


def _imposed(
    status: JobStatus, reason: QuarantineReason, message: str, code: str, cycle: str, now: datetime
) -> JobStatus:
    """The status with a quarantine that begins, or stays in force for one more attempt."""
    held = status.quarantine
    count = held.series_count + 1 if held else 1
    first = held.series_began if held else now
    same = held is not None and (held.reason, _trouble(held.code, reason)) == (reason, _trouble(code, reason))
    began = held.began if held and same else now
    again = None if now - first >= END else now + _gap(reason, count)
    quarantine = Quarantine(reason, message, code, began, first, count, again, cycle)
    return replace(status, quarantine=quarantine, failed_cycles=status.failed_cycles + 1)


def _trouble(code: str, reason: QuarantineReason) -> str:
    """What makes one quarantine another: of an app out of reach the code, as far as it tells more than that."""
    return code if reason is QuarantineReason.EXCEPTION and code not in BRIEF else ""


def _gap(reason: QuarantineReason, count: int) -> timedelta:
    gaps = RECONNECT if reason is QuarantineReason.EXCEPTION else BACKOFF
    return gaps[min(count, len(gaps)) - 1]


def _steady(status: JobStatus, remains: Remains, now: datetime) -> JobStatus:
    if remains.escrow or remains.held:
        return status
    return replace(status, steady_first=status.steady_first or now, steady_last=now)
