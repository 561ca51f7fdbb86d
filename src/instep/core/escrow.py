"""Escrow: when a subject whose last attempt failed is tried again.

Minutes at first, since most faults are brief; then 6, 12 and 24 hours and daily, until 28 days after the
first failure (the published schedule). A change at the source makes a subject due at once, which is the
engine's business.
"""

from datetime import datetime, timedelta

BACKOFF = (
    timedelta(minutes=5),
    timedelta(minutes=20),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
END = timedelta(days=28)


def next_try(failures: int, first_failure: datetime, now: datetime) -> datetime | None:
    """When to try again after `failures` (1 or more) attempts; none when it has been given up."""
    if now - first_failure >= END:
        return None
    return now + BACKOFF[min(failures, len(BACKOFF)) - 1]
