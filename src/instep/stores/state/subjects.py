"""Reading what is kept of subjects: links, holds, memberships, intents, and the spool of decisions.

Each statement is made once: SQLAlchemy takes longer to put one together than SQLite takes to answer it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, Row, Select, bindparam, func, select, tuple_

from instep.core.guard import Population
from instep.core.link import ALIVE, Hold, Link, Status
from instep.core.record import Intent, SpoolEntry
from instep.core.subject import Kind
from instep.stores.columns import among, words
from instep.stores.state import rows
from instep.stores.state.due import LIVING, due
from instep.stores.state.tables import HELD, IN_ESCROW, effects, intents, links, memberships, spool

SLICE = 500_000
"""Bytes of decisions that are taken from the spool at once, or little more: a large group's has many members."""
PAGE = 1000
"""Rows in a page of what is streamed."""

_JOB, _KIND = bindparam("job_"), bindparam("kind_")
_LIMIT = bindparam("limit_", type_=Integer)

_LINKS = select(*rows.LINK).where(links.c.job == _JOB, links.c.kind == _KIND, among(links.c.subject_id, "ids"))
_OWNERS = select(*rows.LINK).where(links.c.job == _JOB, links.c.kind == _KIND, among(links.c.app_id, "ids"))
# Whether they're alive is asked of the rows: asked in SQL, it would lead SQLite to read all who are alive.
_ACCOUNTS = select(links.c.subject_id, links.c.app_id, links.c.status).where(
    links.c.job == _JOB, links.c.kind.in_(words(Kind)), among(links.c.subject_id, "ids")
)
_LINK_IDS = (
    select(links.c.subject_id)
    .where(links.c.job == _JOB, links.c.kind == _KIND, links.c.subject_id > bindparam("after"))
    .order_by(links.c.subject_id)
    .limit(PAGE)
)
_HOLDS = select(*rows.LINK).where(links.c.job == _JOB, HELD).order_by(links.c.subject_id)
_WAITING_EFFECTS = select(links.c.hold_effects).where(links.c.job == _JOB, HELD, links.c.hold_verdict == "waiting")
_ESCROW = select(*rows.LINK).where(links.c.job == _JOB, IN_ESCROW).order_by(links.c.subject_id)
_NEXT_TRY = (
    select(links.c.next_try)
    .where(links.c.job == _JOB, IN_ESCROW, links.c.next_try.is_not(None))
    .order_by(links.c.next_try)
    .limit(1)
)
_COUNTS = (
    select(links.c.kind, links.c.status, func.count().label("number"))
    .where(links.c.job == _JOB)
    .group_by(links.c.kind, links.c.status)
)
_MEMBERSHIPS = (
    select(memberships.c.member_id, memberships.c.state)
    .where(memberships.c.job == _JOB, memberships.c.group_id == bindparam("group"))
    .order_by(memberships.c.member_id)
)
_SENT = select(func.count()).where(memberships.c.job == _JOB, memberships.c.state == "sent")
_EFFECTS = (
    select(effects.c.kind, func.sum(effects.c.count).label("total"))
    .where(effects.c.job == _JOB, effects.c.at >= bindparam("since"))
    .group_by(effects.c.kind)
)
_INTENTS = select(*rows.INTENT).where(intents.c.job == _JOB).order_by(intents.c.kind, intents.c.subject_id)
_UNDER_WAY = select(intents.c.subject_id).where(
    intents.c.job == _JOB, intents.c.kind == _KIND, among(intents.c.subject_id, "ids")
)
_ORDER = (spool.c.priority, spool.c.ordinal, spool.c.kind, spool.c.subject_id)
_SPOOL = (
    select(*rows.SPOOLED, spool.c.kind, spool.c.subject_id).where(spool.c.job == _JOB).order_by(*_ORDER).limit(_LIMIT)
)
_SPOOL_AFTER = _SPOOL.where(tuple_(*_ORDER) > tuple_(*(bindparam(f"after_{c.name}", type_=c.type) for c in _ORDER)))
_LENGTHS = _SPOOL.with_only_columns(func.length(spool.c.decision))
_WAITING = select(*rows.SPOOLED, spool.c.subject_id).where(
    spool.c.job == _JOB, spool.c.kind == _KIND, among(spool.c.subject_id, "ids")
)
_COMING = select(spool.c.subject_id).where(
    spool.c.job == _JOB, spool.c.kind == _KIND, spool.c.makes_account, among(spool.c.subject_id, "ids")
)


class SubjectsReading:
    """Reads of what is kept of subjects, all from one snapshot. Iterators are to be used up while it lasts."""

    _connection: Connection

    def links(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, Link]:
        found = self._rows(_LINKS, ids=subject_ids, job_=job, kind_=kind)
        return {row.subject_id: rows.link(row) for row in found}

    def accounts(self, job: str, subject_ids: Sequence[str]) -> dict[str, str]:
        found = self._rows(_ACCOUNTS, ids=subject_ids, job_=job)
        return {row.subject_id: row.app_id for row in found if row.app_id is not None and row.status in LIVING}

    def link_ids(self, job: str, kind: Kind) -> Iterator[list[str]]:
        after = ""
        while page := [row.subject_id for row in self._rows(_LINK_IDS, job_=job, kind_=kind, after=after)]:
            yield page
            after = page[-1]

    def owners(self, job: str, kind: Kind, app_ids: Sequence[str]) -> dict[str, Link]:
        return {row.app_id: rows.link(row) for row in self._rows(_OWNERS, ids=app_ids, job_=job, kind_=kind)}

    def due(self, job: str, now: datetime) -> list[tuple[Kind, str]]:
        return due(self._connection, job, now)

    def next_try(self, job: str) -> datetime | None:
        return self._connection.execute(_NEXT_TRY, {"job_": job}).scalar()

    def memberships(self, job: str, group_id: str) -> dict[str, str]:
        return {row.member_id: row.state for row in self._rows(_MEMBERSHIPS, job_=job, group=group_id)}

    def population(self, job: str) -> Population:
        counts = self.counts(job)
        return Population(
            users=sum(counts.get((Kind.USER, status), 0) for status in (Status.ACTIVE, Status.FORGOTTEN)),
            groups=counts.get((Kind.GROUP, Status.ACTIVE), 0),
            memberships=self._connection.execute(_SENT, {"job_": job}).scalar_one(),
            linked=sum(counts.get((Kind.USER, status), 0) for status in (*ALIVE, Status.FORGOTTEN)),
        )

    def effects_since(self, job: str, since: datetime) -> dict[str, int]:
        return {row.kind: int(row.total) for row in self._rows(_EFFECTS, job_=job, since=since)}

    def waiting_effects(self, job: str) -> dict[str, int]:
        total: Counter[str] = Counter()
        for row in self._rows(_WAITING_EFFECTS, job_=job):
            total.update(row.hold_effects)
        return dict(total)

    def intents(self, job: str) -> list[Intent]:
        return [rows.intent(row) for row in self._rows(_INTENTS, job_=job)]

    def under_way(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        return {row.subject_id for row in self._rows(_UNDER_WAY, ids=subject_ids, job_=job, kind_=kind)}

    def holds(self, job: str) -> list[tuple[Link, Hold]]:
        """Whatever the verdict is, waiting or given."""
        found = [rows.link(row) for row in self._rows(_HOLDS, job_=job)]
        return [(link, link.hold) for link in found if link.hold]

    def counts(self, job: str) -> dict[tuple[Kind, str], int]:
        return {(rows.kind(row.kind), row.status): row.number for row in self._rows(_COUNTS, job_=job)}

    def escrow(self, job: str) -> list[Link]:
        """All links that wait for their next try, or whose last attempt failed, also those that were given up."""
        return [rows.link(row) for row in self._rows(_ESCROW, job_=job)]

    def next_in_spool(self, job: str, limit: int) -> list[SpoolEntry]:
        number = total = 0
        for (length,) in self._rows(_LENGTHS, job_=job, limit_=limit):
            total += length
            if number and total > SLICE:
                break
            number += 1
        return [rows.spooled(row) for row in self._rows(_SPOOL, job_=job, limit_=number)] if number else []

    def spooled(self, job: str) -> Iterator[SpoolEntry]:
        page = self._rows(_SPOOL, job_=job, limit_=PAGE)
        while page:
            yield from map(rows.spooled, page)
            place = {f"after_{column.name}": getattr(page[-1], column.name) for column in _ORDER}
            page = self._rows(_SPOOL_AFTER, job_=job, limit_=PAGE, **place)

    def waiting(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, SpoolEntry]:
        found = self._rows(_WAITING, ids=subject_ids, job_=job, kind_=kind)
        return {row.subject_id: rows.spooled(row) for row in found}

    def coming(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        return {row.subject_id for row in self._rows(_COMING, ids=subject_ids, job_=job, kind_=kind)}

    def _rows(self, statement: Select[*tuple[Any, ...]], **given: Any) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(statement, given).all()
