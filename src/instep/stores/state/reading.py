"""Reading the state: implements `instep.ports.StateReader` over a connection, and what only people ask of the log.

One look: what it's given is a snapshot, or the writer's own transaction. What is due, and the searching of the
log, are in `due` and `history`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, Select, cast, func, select, tuple_

from instep.core.app import App
from instep.core.guard import Population
from instep.core.job import Asked, JobStatus, ProgressReport, Reset, Wish
from instep.core.link import ALIVE, Hold, Link, Status
from instep.core.record import ChainReport, CycleSummary, Intent, Judging, Lease, LogEntry, SpoolEntry, Watermark
from instep.core.report import ReportRow
from instep.core.subject import Kind
from instep.scim.abilities import Abilities
from instep.stores.secrets import Vault
from instep.stores.state import history, reported, rows, verification
from instep.stores.state.drift import DriftReading
from instep.stores.state.due import LIVING, due
from instep.stores.state.notices import NoticesReading
from instep.stores.state.tables import (
    HELD,
    IN_ESCROW,
    apps,
    cycles,
    effects,
    intents,
    jobs,
    links,
    log,
    memberships,
    schemas,
    spool,
    wishes,
)

Statement = Select[*tuple[Any, ...]]

SLICE = 500_000
"""Bytes of decisions that are taken from the spool at once, or little more: a large group's has many members."""
PAGE = 1000
"""Rows in a page of what is streamed."""

_APP = [c for c in apps.columns if c.name != "token"]


class SqlStateReader(NoticesReading, DriftReading):
    """Reads of the state, all from one snapshot. Iterators are to be used up while it lasts."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def app(self, name: str) -> App | None:
        row = self._first(select(*_APP).where(apps.c.name == name))
        return App(**row._asdict()) if row else None

    def apps(self) -> list[App]:
        return [App(**row._asdict()) for row in self._rows(select(*_APP).order_by(apps.c.name))]

    def token(self, app: str) -> str | None:
        """Raises SecretUnreadable when the key isn't the one that it was encrypted with."""
        row = self._first(select(apps.c.token).where(apps.c.name == app))
        return self._vault.decrypt(row.token, app=app, field="token") if row and row.token else None

    def schema(self, app: str) -> dict[str, Any] | None:
        row = self._first(select(schemas.c.document).where(schemas.c.app == app))
        return row.document if row else None

    def watermark(self, job: str) -> Watermark | None:
        row = self._first(select(jobs.c.epoch, jobs.c.sequence).where(jobs.c.job == job))
        return Watermark(*row) if row and row.epoch is not None else None

    def judging(self, job: str) -> Judging:
        row = self._first(select(jobs.c.rules_version, jobs.c.version, jobs.c.rules_changed).where(jobs.c.job == job))
        return Judging(*row) if row else Judging()

    def abilities(self, job: str) -> Abilities | None:
        row = self._first(select(jobs.c.abilities).where(jobs.c.job == job))
        return row.abilities if row else None

    def links(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, Link]:
        wanted = select(*rows.LINK).where(links.c.job == job, links.c.kind == kind)
        return {row.subject_id: rows.link(row) for row in self._each(wanted, links.c.subject_id, subject_ids)}

    def accounts(self, job: str, subject_ids: Sequence[str]) -> dict[str, str]:
        # Whether they're alive is asked here: asked in SQL, it would lead SQLite to read all who are alive.
        columns = (links.c.subject_id, links.c.app_id, links.c.status)
        wanted = select(*columns).where(links.c.job == job, links.c.kind.in_(Kind))
        found = self._each(wanted, links.c.subject_id, subject_ids)
        return {row.subject_id: row.app_id for row in found if row.app_id is not None and row.status in LIVING}

    def link_ids(self, job: str, kind: Kind) -> Iterator[list[str]]:
        column = links.c.subject_id
        wanted = select(column).where(links.c.job == job, links.c.kind == kind).order_by(column).limit(PAGE)
        after = ""
        while page := [row.subject_id for row in self._rows(wanted.where(column > after))]:
            yield page
            after = page[-1]

    def owners(self, job: str, kind: Kind, app_ids: Sequence[str]) -> dict[str, Link]:
        wanted = select(*rows.LINK).where(links.c.job == job, links.c.kind == kind)
        return {row.app_id: rows.link(row) for row in self._each(wanted, links.c.app_id, app_ids)}

    def due(self, job: str, now: datetime) -> list[tuple[Kind, str]]:
        return due(self._connection, job, now)

    def memberships(self, job: str, group_id: str) -> dict[str, str]:
        at = (memberships.c.job == job, memberships.c.group_id == group_id)
        wanted = select(memberships.c.member_id, memberships.c.state).where(*at).order_by(memberships.c.member_id)
        return {row.member_id: row.state for row in self._rows(wanted)}

    def population(self, job: str) -> Population:
        counts = self.counts(job)
        sent = select(func.count()).where(memberships.c.job == job, memberships.c.state == "sent")
        return Population(
            users=sum(counts.get((Kind.USER, status), 0) for status in (Status.ACTIVE, Status.FORGOTTEN)),
            groups=counts.get((Kind.GROUP, Status.ACTIVE), 0),
            memberships=self._connection.execute(sent).scalar_one(),
            linked=sum(counts.get((Kind.USER, status), 0) for status in (*ALIVE, Status.FORGOTTEN)),
        )

    def effects_since(self, job: str, since: datetime) -> dict[str, int]:
        total = func.sum(effects.c.count).label("total")
        at = (effects.c.job == job, effects.c.at >= since)
        found = self._rows(select(effects.c.kind, total).where(*at).group_by(effects.c.kind))
        return {row.kind: int(row.total) for row in found}

    def waiting_effects(self, job: str) -> dict[str, int]:
        total: Counter[str] = Counter()
        at = (links.c.job == job, HELD, links.c.hold_verdict == "waiting")
        for row in self._rows(select(links.c.hold_effects).where(*at)):
            total.update(row.hold_effects)
        return dict(total)

    def intents(self, job: str) -> list[Intent]:
        order = (intents.c.kind, intents.c.subject_id)
        return [rows.intent(r) for r in self._rows(select(*rows.INTENT).where(intents.c.job == job).order_by(*order))]

    def under_way(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        wanted = select(intents.c.subject_id).where(intents.c.job == job, intents.c.kind == kind)
        return {row.subject_id for row in self._each(wanted, intents.c.subject_id, subject_ids)}

    def holds(self, job: str) -> list[tuple[Link, Hold]]:
        """Whatever the verdict is, waiting or given."""
        found = self._links(select(*rows.LINK).where(links.c.job == job, HELD))
        return [(link, link.hold) for link in found if link.hold]

    def counts(self, job: str) -> dict[tuple[Kind, str], int]:
        of = (links.c.kind, links.c.status)
        found = self._rows(select(*of, func.count().label("number")).where(links.c.job == job).group_by(*of))
        return {(rows.kind(row.kind), row.status): row.number for row in found}

    def escrow(self, job: str) -> list[Link]:
        """All links that wait for their next try, or whose last attempt failed, also those that were given up."""
        return self._links(select(*rows.LINK).where(links.c.job == job, IN_ESCROW))

    def next_in_spool(self, job: str, limit: int) -> list[SpoolEntry]:
        lengths = self._rows(_spool(job).with_only_columns(func.length(spool.c.decision)).limit(limit))
        number = total = 0
        for (length,) in lengths:
            total += length
            if number and total > SLICE:
                break
            number += 1
        return [rows.spooled(row) for row in self._rows(_spool(job).limit(number))] if number else []

    def spooled(self, job: str) -> Iterator[SpoolEntry]:
        wanted, place = _spool(job).limit(PAGE), tuple_(*_ORDER)
        page = self._rows(wanted)
        while page:
            yield from map(rows.spooled, page)
            last = page[-1]
            page = self._rows(wanted.where(place > (last.priority, last.ordinal, last.kind, last.subject_id)))

    def waiting(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, SpoolEntry]:
        wanted = select(*rows.SPOOLED, spool.c.subject_id).where(spool.c.job == job, spool.c.kind == kind)
        return {row.subject_id: rows.spooled(row) for row in self._each(wanted, spool.c.subject_id, subject_ids)}

    def coming(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        at = (spool.c.job == job, spool.c.kind == kind, spool.c.makes_account)
        return {
            row.subject_id for row in self._each(select(spool.c.subject_id).where(*at), spool.c.subject_id, subject_ids)
        }

    def cycles(self, job: str, limit: int = 10, ended: bool = False) -> list[CycleSummary]:
        """The newest first. ended: only those that have ended."""
        order = (cycles.c.began.desc(), cycles.c.id)
        wanted = select(*rows.CYCLE).where(cycles.c.job == job).order_by(*order).limit(limit)
        if ended:
            wanted = wanted.where(cycles.c.ended.is_not(None))
        return [rows.cycle(row) for row in self._rows(wanted)]

    def lease(self, job: str) -> Lease | None:
        """The lease, also one that has run out; none when the job was given back or never taken."""
        row = self._first(select(jobs).where(jobs.c.job == job))
        return rows.lease(row) if row else None

    def status(self, job: str) -> JobStatus:
        row = self._first(select(jobs.c.status).where(jobs.c.job == job))
        return row.status if row else JobStatus()

    def asked(self, job: str) -> Asked:
        row = self._first(select(jobs.c.status, jobs.c.reset).where(jobs.c.job == job))
        waiting = self._rows(select(wishes).where(wishes.c.job == job, wishes.c.cycle == "").order_by(wishes.c.id))
        schedule, reset = (row.status.schedule, row.reset) if row else (JobStatus().schedule, frozenset[Reset]())
        return Asked(schedule, reset, tuple(Wish(**w._asdict()) for w in waiting))

    def revision(self, app: str) -> str:
        # The ciphertext of the token has another nonce each time it's set.
        columns = [cast(column, LargeBinary) for column in apps.columns]
        row = self._first(select(*columns).where(apps.c.name == app))
        parts = [hashlib.blake2b(part or b"", digest_size=16).digest() for part in row] if row else []
        return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()

    def next_try(self, job: str) -> datetime | None:
        wanted = select(links.c.next_try).where(links.c.job == job, IN_ESCROW, links.c.next_try.is_not(None))
        row = self._first(wanted.order_by(links.c.next_try).limit(1))
        return row.next_try if row else None

    def granted(self, wish: int) -> str:
        """The cycle that took the wish up; empty while it waits."""
        row = self._first(select(wishes.c.cycle).where(wishes.c.id == wish))
        return row.cycle if row else ""

    def progress(self, job: str) -> ProgressReport | None:
        row = self._first(select(jobs.c.progress).where(jobs.c.job == job))
        return row.progress if row else None

    def log(
        self,
        job: str,
        *,
        person: str | None = None,
        status: str | None = None,
        action: str | None = None,
        cycle: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogEntry]:
        """Entries in the order of their sequence, streamed. after: only those with a greater sequence.

        person: a subject's id, or a name or its beginning, in any case of letters. since, until: from that time
        on, and before that time.
        """
        wanted = history.entries(
            job, person=person, status=status, action=action, cycle=cycle, since=since, until=until, after=after
        )
        return history.stream(self._connection, wanted, limit=limit, newest_first=newest_first)

    def tally(self, job: str, since: datetime, until: datetime) -> dict[str, int]:
        """How many subjects there are of each heading of `report`."""
        return reported.tally(self._connection, job, since, until)

    def report(
        self, job: str, since: datetime, until: datetime, heading: str | None = None, limit: int | None = None
    ) -> Iterator[ReportRow]:
        """What happened to whom from `since` on, before `until`: by heading and name, each once per heading."""
        return reported.report(self._connection, job, since, until, heading, limit)

    def departures(self, job: str, since: datetime, until: datetime) -> Iterator[LogEntry]:
        """Entries by which somebody's access ended, in the order of their sequence."""
        wanted = history.entries(
            job, person=None, status=None, action=None, cycle=None, since=since, until=until, after=0
        )
        return history.stream(self._connection, wanted.where(log.c.ends), limit=None, newest_first=False)

    def logged_jobs(self) -> list[str]:
        """The jobs that have a log, also of apps that were removed."""
        return verification.jobs(self._connection)

    def verify_log(self, job: str) -> ChainReport:
        """Check the chain of the job's log, entry by entry. Raises SecretUnreadable."""
        return verification.verify(self._connection, job, self._vault)

    def log_hash(self, job: str, sequence: int) -> str | None:
        """The hash of an entry of the log; none when it isn't there."""
        return verification.entry_hash(self._connection, job, sequence)

    def _rows(self, statement: Statement) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(statement).all()

    def _first(self, statement: Statement) -> Row[*tuple[Any, ...]] | None:
        return self._connection.execute(statement).first()

    def _links(self, statement: Statement) -> list[Link]:
        return [rows.link(row) for row in self._rows(statement.order_by(links.c.subject_id))]

    def _each(self, statement: Statement, column: Any, ids: Sequence[str]) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows whose `column` is one of `ids`."""
        for batch in rows.batches(ids):
            yield from self._rows(statement.where(column.in_(batch)))


_ORDER = (spool.c.priority, spool.c.ordinal, spool.c.kind, spool.c.subject_id)


def _spool(job: str) -> Statement:
    return select(*rows.SPOOLED, spool.c.kind, spool.c.subject_id).where(spool.c.job == job).order_by(*_ORDER)
