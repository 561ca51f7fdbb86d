"""The provisioning log: searched in SQL, read in chunks by its sequence, so that any length can be streamed.

It is pruned from its beginning, a little at a time. What the guard counts of the last day is kept apart and
stays until it's too old to matter.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from msgspec.structs import replace
from sqlalchemy import CompoundSelect, Connection, Select, delete, func, select, tuple_, union

from instep.core.record import LogEntry
from instep.stores.secrets import Vault
from instep.stores.state import chain, rows
from instep.stores.state.tables import cycles, effects, log, wishes

CYCLES_STAY = 20
"""How many of a job's cycles are kept however old they are."""
CHUNK = 500
"""Entries that are read, or pruned, at once."""

_EFFECTS_STAY = timedelta(days=2)
_LAST = "\U0010ffff"
"""Sorts after every character."""


def entries(
    job: str,
    *,
    person: str | None,
    status: str | None,
    action: str | None,
    cycle: str | None,
    since: datetime | None,
    until: datetime | None,
    after: int,
) -> Select[*tuple[Any, ...]]:
    """The query for the entries to which all of what is given applies. See `SqlStateReader.log`."""
    wanted = select(*rows.ENTRY).where(log.c.job == job)
    if after:
        wanted = wanted.where(log.c.sequence > after)
    for column, value in ((log.c.status, status), (log.c.action, action), (log.c.cycle, cycle)):
        if value is not None:
            wanted = wanted.where(column == value)
    if since is not None:
        # The first number of that time as well, so that a walk from the newest ends there.
        first = select(func.min(log.c.sequence)).where(log.c.job == job, log.c.at >= since).scalar_subquery()
        wanted = wanted.where(log.c.at >= since, log.c.sequence >= first)
    if until is not None:
        wanted = wanted.where(log.c.at < until)
    if person is not None:
        wanted = wanted.where(log.c.sequence.in_(_about(job, person)))
    return wanted


def _about(job: str, person: str) -> CompoundSelect[Any]:
    """The numbers of a person's entries: two searches, since one with an `or` would read the whole log."""
    key = person.casefold()
    by_id = log.c.subject_id.in_((person, person.lower()))
    by_name = log.c.name_key.between(key, key + _LAST)
    return union(*(select(log.c.sequence).where(log.c.job == job, match) for match in (by_id, by_name)))


def stream(
    connection: Connection, wanted: Select[*tuple[Any, ...]], *, limit: int | None, newest_first: bool
) -> Iterator[LogEntry]:
    """The entries of a query of `entries`, in chunks, at most `limit`."""
    sequence = log.c.sequence
    wanted = wanted.order_by(sequence.desc() if newest_first else sequence)
    left = limit
    last: int | None = None
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        further = wanted if last is None else wanted.where(sequence < last if newest_first else sequence > last)
        chunk = connection.execute(further.limit(size)).all()
        yield from map(rows.entry, chunk)
        if len(chunk) < size:
            return
        last = chunk[-1].sequence
        left = None if left is None else left - size


def prune(connection: Connection, before: datetime, vault: Vault) -> int:
    """Take away the oldest entries that are older than `before`, at most a chunk; returns how many.

    Only from the beginning, up to the first that isn't old enough: what stays is a chain without a gap.
    Raises SecretUnreadable.
    """
    columns = (log.c.sequence, log.c.job, log.c.at, log.c.hash)
    oldest = connection.execute(select(*columns).order_by(log.c.sequence).limit(CHUNK)).all()
    gone = list(takewhile(lambda row: row.at < before, oldest))
    if not gone:
        return 0
    newest = {row.job: row for row in gone if row.hash}
    upcoming = connection.execute(select(func.max(log.c.sequence))).scalar_one() + 1
    for job, row in newest.items():
        head = chain.opened(connection, job, vault, upcoming)
        chain.save(connection, replace(head, first_sequence=row.sequence, first_hash=row.hash), vault)
    connection.execute(delete(log).where(log.c.sequence <= gone[-1].sequence))
    return len(gone)


def forget_effects(connection: Connection, before: datetime) -> None:
    """Take away what the guard counted two days before `before` and earlier."""
    connection.execute(delete(effects).where(effects.c.at < before - _EFFECTS_STAY))


def forget_cycles(connection: Connection, before: datetime) -> None:
    """Take away the cycles that ended before then, but each job's last ones, and the wishes that were granted."""
    newest = func.row_number().over(partition_by=cycles.c.job, order_by=cycles.c.began.desc())
    ranked = select(cycles.c.job, cycles.c.id, cycles.c.ended, newest.label("place")).subquery()
    old = select(ranked.c.job, ranked.c.id).where(ranked.c.place > CYCLES_STAY, ranked.c.ended < before)
    connection.execute(delete(cycles).where(tuple_(cycles.c.job, cycles.c.id).in_(old)))
    connection.execute(delete(wishes).where(wishes.c.cycle != "", wishes.c.asked < before))
