"""Reading the state: implements `instep.ports.StateReader` over a connection, and what only people ask of the log.

One look: what it's given is a snapshot, or the writer's own transaction. Here are apps, jobs and the log; what is kept
of subjects is in `subjects`, what is due in `due`, the searching of the log in `history`.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, LargeBinary, Row, Select, bindparam, cast, select

from instep.core.app import App
from instep.core.job import Asked, JobStatus, ProgressReport, Reset, Wish
from instep.core.record import ChainReport, CycleSummary, Judging, Lease, LogEntry, Watermark
from instep.core.report import ReportRow
from instep.scim.abilities import Abilities
from instep.stores.secrets import Vault
from instep.stores.state import history, reported, rows, verification
from instep.stores.state.drift import DriftReading
from instep.stores.state.notices import NoticesReading
from instep.stores.state.subjects import SubjectsReading
from instep.stores.state.tables import apps, cycles, jobs, log, schemas, wishes

# Each statement is made once, see `subjects`.
_NAME, _JOB = bindparam("name_"), bindparam("job_")
_APPS = select(*(c for c in apps.columns if c.name != "token")).order_by(apps.c.name)
_APP = _APPS.where(apps.c.name == _NAME)
_TOKEN = select(apps.c.token).where(apps.c.name == _NAME)
_REVISION = select(*(cast(column, LargeBinary) for column in apps.columns)).where(apps.c.name == _NAME)
_SCHEMA = select(schemas.c.document).where(schemas.c.app == _NAME)
JOB_ROW = select(jobs).where(jobs.c.job == _JOB)
_CYCLES = (
    select(*rows.CYCLE)
    .where(cycles.c.job == _JOB)
    .order_by(cycles.c.began.desc(), cycles.c.id)
    .limit(bindparam("limit_", type_=Integer))
)
_ENDED = _CYCLES.where(cycles.c.ended.is_not(None))
_WISHES = select(wishes).where(wishes.c.job == _JOB, wishes.c.cycle == "").order_by(wishes.c.id)
_GRANTED = select(wishes.c.cycle).where(wishes.c.id == bindparam("wish"))


def _of_job(*columns: str) -> Select[*tuple[Any, ...]]:
    return select(*(jobs.c[name] for name in columns)).where(jobs.c.job == _JOB)


_WATERMARK = _of_job("epoch", "sequence")
_JUDGING = _of_job("rules_version", "version", "rules_changed")
_ABILITIES = _of_job("abilities")
_STATUS = _of_job("status")
_RESET = _of_job("status", "reset")
_PROGRESS = _of_job("progress")


class SqlStateReader(SubjectsReading, NoticesReading, DriftReading):
    """Reads of the state, all from one snapshot. Iterators are to be used up while it lasts."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def app(self, name: str) -> App | None:
        row = self._first(_APP, name_=name)
        return App(**row._asdict()) if row else None

    def apps(self) -> list[App]:
        return [App(**row._asdict()) for row in self._rows(_APPS)]

    def token(self, app: str) -> str | None:
        """Raises SecretUnreadable when the key isn't the one that it was encrypted with."""
        row = self._first(_TOKEN, name_=app)
        return self._vault.decrypt(row.token, app=app, field="token") if row and row.token else None

    def revision(self, app: str) -> str:
        # The ciphertext of the token has another nonce each time it's set.
        row = self._first(_REVISION, name_=app)
        parts = [hashlib.blake2b(part or b"", digest_size=16).digest() for part in row] if row else []
        return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()

    def schema(self, app: str) -> dict[str, Any] | None:
        row = self._first(_SCHEMA, name_=app)
        return row.document if row else None

    def watermark(self, job: str) -> Watermark | None:
        row = self._first(_WATERMARK, job_=job)
        return Watermark(*row) if row and row.epoch is not None else None

    def judging(self, job: str) -> Judging:
        row = self._first(_JUDGING, job_=job)
        return Judging(*row) if row else Judging()

    def abilities(self, job: str) -> Abilities | None:
        row = self._first(_ABILITIES, job_=job)
        return row.abilities if row else None

    def lease(self, job: str) -> Lease | None:
        """The lease, also one that has run out; none when the job was given back or never taken."""
        row = self._first(JOB_ROW, job_=job)
        return rows.lease(row) if row else None

    def status(self, job: str) -> JobStatus:
        row = self._first(_STATUS, job_=job)
        return row.status if row else JobStatus()

    def asked(self, job: str) -> Asked:
        row = self._first(_RESET, job_=job)
        waiting = self._rows(_WISHES, job_=job)
        schedule, reset = (row.status.schedule, row.reset) if row else (JobStatus().schedule, frozenset[Reset]())
        return Asked(schedule, reset, tuple(Wish(**w._asdict()) for w in waiting))

    def granted(self, wish: int) -> str:
        """The cycle that took the wish up; empty while it waits."""
        row = self._first(_GRANTED, wish=wish)
        return row.cycle if row else ""

    def progress(self, job: str) -> ProgressReport | None:
        row = self._first(_PROGRESS, job_=job)
        return row.progress if row else None

    def cycles(self, job: str, limit: int = 10, ended: bool = False) -> list[CycleSummary]:
        """The newest first. ended: only those that have ended."""
        return [rows.cycle(row) for row in self._rows(_ENDED if ended else _CYCLES, job_=job, limit_=limit)]

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

    def _first(self, statement: Select[*tuple[Any, ...]], **given: Any) -> Row[*tuple[Any, ...]] | None:
        return self._connection.execute(statement, given).first()
