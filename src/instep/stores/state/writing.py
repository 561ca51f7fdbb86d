"""Writing the state: implements `instep.ports.StateWriter` over a connection inside a writing transaction.

The caller commits. Whatever is written under a lease first looks whether its token is still the job's. What is
kept of a subject goes through `recording`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, Row, Update, bindparam, delete, func, insert, select, update

from instep.core.app import App
from instep.core.job import JobStatus, ProgressReport, Reset, Wish
from instep.core.link import Status
from instep.core.record import CycleSummary, Intent, Judging, Lease, Record, SpoolEntry, Watermark
from instep.core.subject import Kind
from instep.ports import LeaseLost, LeaseTaken
from instep.scim.abilities import Abilities
from instep.stores.columns import among, upsert
from instep.stores.state import rows
from instep.stores.state.drift import DriftWriting, forget_audits
from instep.stores.state.notices import NoticesWriting
from instep.stores.state.reading import JOB_ROW, SqlStateReader
from instep.stores.state.recording import keep
from instep.stores.state.tables import (
    HELD,
    IN_ESCROW,
    apps,
    cycles,
    intents,
    jobs,
    links,
    memberships,
    notices,
    pending,
    schemas,
    spool,
    wishes,
)

_SAVE_APP = upsert(apps, {"token": lambda new: func.coalesce(new.excluded.token, apps.c.token)})
_SAVE_SCHEMA = upsert(schemas)
_SPOOL = upsert(spool)
_INTEND = upsert(intents)
_SAVE_CYCLE = upsert(cycles)
_UNSPOOL: Delete = delete(spool).where(
    spool.c.job == bindparam("job"), spool.c.kind == bindparam("of"), spool.c.subject_id == bindparam("subject")
)
_JUDGE = (
    update(links)
    .where(links.c.job == bindparam("job_"), HELD, among(links.c.hold_digest, "ids"))
    .values(hold_verdict=bindparam("given"))
)
_FORGET_LINK: Update = (
    update(links)
    .where(
        links.c.job == bindparam("job_"), links.c.kind == bindparam("of"), links.c.subject_id == bindparam("subject")
    )
    .where(links.c.app_id.is_not(None))
    .values(status=Status.FORGOTTEN, failures=0, first_failure=None, next_try=None)
)
_FORGET_PENDING: Delete = delete(pending).where(
    pending.c.job == bindparam("job_"), pending.c.kind == bindparam("of"), pending.c.subject_id == bindparam("subject")
)
_DOUBT_MEMBERS: Update = (
    update(memberships)
    .where(
        memberships.c.job == bindparam("job_"),
        memberships.c.group_id == bindparam("subject"),
        memberships.c.state == "sent",
    )
    .values(state="unknown")
)
_EMPTY_SPOOL = delete(spool).where(spool.c.job == bindparam("job_"))
_INTERRUPT = (
    update(cycles)
    .where(cycles.c.job == bindparam("job_"), cycles.c.result == "running", cycles.c.id != bindparam("cycle"))
    .values(result="interrupted")
)
_TAKE_WISHES = update(wishes).where(among(wishes.c.id, "ids")).values(cycle=bindparam("taker"))
_SET_JOB = update(jobs).where(jobs.c.job == bindparam("job_"))
_HOLDER = select(jobs.c.lease_owner, jobs.c.lease_token).where(jobs.c.job == bindparam("job_"))
_NO_JOB: dict[str, Any] = {
    "epoch": None,
    "sequence": 0,
    "rules_version": "",
    "version": "",
    "rules_changed": False,
    "abilities": None,
    "status": JobStatus(),
    "reset": frozenset[Reset](),
    "progress": None,
    "lease_token": 0,
}


class SqlStateWriter(SqlStateReader, NoticesWriting, DriftWriting):
    """Reads and writes of the state within one writing transaction."""

    def save_app(self, app: App, token: str | None) -> None:
        """Add or change an app. token: none leaves the one that is kept. Raises SecretUnreadable."""
        stored = None
        if token is not None:
            others = select(apps.c.name).where(apps.c.token.is_not(None), apps.c.name != app.name)
            stored = self._vault.encrypt(token, app=app.name, field="token", may_make_key=self._first(others) is None)
        values = {name: getattr(app, name) for name in app.__struct_fields__}
        self._connection.execute(_SAVE_APP, values | {"token": stored})

    def save_schema(self, app: str, document: Mapping[str, Any]) -> None:
        """Keep the schema document that the app's rules were imported from, in place of an earlier one."""
        self._connection.execute(_SAVE_SCHEMA, {"app": app, "document": document})

    def remove_app(self, name: str) -> None:
        """Remove the app with all that its job remembers but the log. A cycle under way loses its lease."""
        self._connection.execute(delete(apps).where(apps.c.name == name))
        self._connection.execute(delete(schemas).where(schemas.c.app == name))
        for table in (links, memberships, pending, intents, spool, cycles, wishes, notices):
            self._connection.execute(delete(table).where(table.c.job == name))
        forget_audits(self._connection, name)
        # The row stays for its token: a lease of another life of this name must never fit again.
        self._connection.execute(
            update(jobs)
            .where(jobs.c.job == name)
            .values(_NO_JOB | {"lease_token": jobs.c.lease_token + 1, "lease_owner": None, "lease_until": None})
        )

    def take_lease(self, job: str, owner: str, now: datetime, seconds: float, over: str | None = None) -> Lease:
        """Take the job's lease. Its own holder may take it again, and gets a new token. Raises LeaseTaken."""
        row = self._job(job)
        held = rows.lease(row)
        if held and held.owner not in (owner, over) and held.until > now:
            raise LeaseTaken(job, held.owner, held.until)
        lease = Lease(job, owner, row.lease_token + 1, now + timedelta(seconds=seconds))
        self._set_job(job, lease_owner=owner, lease_token=lease.token, lease_until=lease.until)
        return lease

    def renew_lease(self, lease: Lease, now: datetime, seconds: float) -> Lease:
        """The same lease, running from now on. Raises LeaseLost."""
        self._check(lease)
        until = now + timedelta(seconds=seconds)
        self._set_job(lease.job, lease_until=until)
        return Lease(lease.job, lease.owner, lease.token, until)

    def give_lease_back(self, lease: Lease) -> None:
        """Let others take the job at once. Raises LeaseLost."""
        self._check(lease)
        self._set_job(lease.job, lease_owner=None, lease_until=None)

    def begin_cycle(self, lease: Lease, cycle: CycleSummary, judging: Judging) -> None:
        """Keep the cycle as running and empty the spool; an earlier one that still runs was interrupted."""
        self._check(lease)
        self._connection.execute(_EMPTY_SPOOL, {"job_": lease.job})
        self._connection.execute(_INTERRUPT, {"job_": lease.job, "cycle": cycle.id})
        self._connection.execute(_SAVE_CYCLE, rows.cycle_values(cycle))
        self._set_job(
            lease.job,
            rules_version=judging.rules_version,
            version=judging.version,
            rules_changed=judging.changed,
        )

    def end_cycle(self, lease: Lease, cycle: CycleSummary, watermark: Watermark | None, abilities: Abilities) -> None:
        """Keep what came of the cycle. watermark: none leaves the one that is kept, and what changed before it."""
        self._check(lease)
        self._connection.execute(_SAVE_CYCLE, rows.cycle_values(cycle))
        self._set_job(lease.job, abilities=abilities)
        if watermark is not None:
            self._set_job(lease.job, epoch=watermark.epoch, sequence=watermark.sequence, rules_changed=False)

    def spool(self, lease: Lease, entries: Iterable[SpoolEntry]) -> None:
        self._check(lease)
        self._many(_SPOOL, [rows.spool_values(lease.job, entry) for entry in entries])

    def unspool(self, lease: Lease, subjects: Iterable[tuple[Kind, str]]) -> None:
        """Take decisions off the spool; who isn't in it does no harm."""
        self._check(lease)
        self._many(_UNSPOOL, [{"job": lease.job, "of": kind, "subject": subject} for kind, subject in subjects])

    def intend(self, lease: Lease, intents: Iterable[Intent]) -> None:
        self._check(lease)
        kept = list(intents)
        self._many(_INTEND, [rows.intent_values(lease.job, intent) for intent in kept])
        self.unspool(lease, [(intent.kind, intent.subject_id) for intent in kept])

    def record(self, lease: Lease, records: Iterable[Record]) -> None:
        self._check(lease)
        keep(self._connection, lease.job, list(records), self._vault)

    def judge_holds(self, job: str, digests: Mapping[str, str]) -> int:
        """See `instep.ports.StateWriter`. Raises ValueError for another verdict than the two."""
        judged = 0
        for verdict in sorted(set(digests.values())):
            if verdict not in ("approved", "rejected"):
                raise ValueError(f"{verdict!r} isn't a verdict; it must be approved or rejected")
            given = {"job_": job, "given": verdict, "ids": [d for d, each in digests.items() if each == verdict]}
            judged += self._connection.execute(_JUDGE, given).rowcount
        return judged

    def change_status(self, job: str, change: Callable[[JobStatus], JobStatus]) -> JobStatus:
        """Set the job's status to what `change` makes of it; returns it."""
        status = change(self._job(job).status)
        self._set_job(job, status=status)
        return status

    def ask_reset(self, job: str, reset: frozenset[Reset]) -> None:
        """Have a restart forget this, together with what was asked for earlier. The next cycle carries it out."""
        self._set_job(job, reset=self._job(job).reset | reset)

    def carry_out_reset(self, lease: Lease, reset: frozenset[Reset]) -> None:
        """See `instep.ports.StateWriter`; links are forgotten by `forget_links`. Raises LeaseLost."""
        self._check(lease)
        if Reset.WATERMARK in reset or Reset.LINKS in reset:
            self._set_job(lease.job, epoch=None, sequence=0)
        if Reset.ESCROWS in reset:
            at = (links.c.job == lease.job, IN_ESCROW)
            calm = {"failures": 0, "first_failure": None, "next_try": None, "last_error": ""}
            self._connection.execute(update(links).where(*at).values(calm))
        self._set_job(lease.job, reset=self._job(lease.job).reset - reset)

    def forget_links(self, lease: Lease, subjects: Collection[tuple[Kind, str]]) -> None:
        """Forget links, until they're matched again, and references. Memberships are unknown then. Raises LeaseLost."""
        self._check(lease)
        at = [{"job_": lease.job, "of": kind, "subject": subject_id} for kind, subject_id in subjects]
        self._many(_FORGET_LINK, at)
        self._many(_FORGET_PENDING, at)
        self._many(_DOUBT_MEMBERS, [each for each in at if each["of"] is Kind.GROUP])

    def wish(self, wish: Wish) -> int:
        """Ask for a cycle or a run on demand; returns the wish's id."""
        values = {"job": wish.job, "asked": wish.asked, "subjects": wish.subjects, "cycle": ""}
        return self._connection.execute(insert(wishes).values(values).returning(wishes.c.id)).scalar_one()

    def take_wishes(self, lease: Lease, ids: Collection[int], cycle: str) -> None:
        """The cycle takes those wishes up."""
        self._check(lease)
        self._connection.execute(_TAKE_WISHES, {"ids": list(ids), "taker": cycle})

    def report_progress(self, lease: Lease, report: ProgressReport) -> None:
        """Say how far the cycle is."""
        self._check(lease)
        self._set_job(lease.job, progress=report)

    def _job(self, job: str) -> Row[*tuple[Any, ...]]:
        """The job's row, made when it's missing."""
        row = self._first(JOB_ROW, job_=job)
        if row is None:
            self._connection.execute(insert(jobs), _NO_JOB | {"job": job})
            row = self._connection.execute(JOB_ROW, {"job_": job}).one()
        return row

    def _check(self, lease: Lease) -> None:
        held = self._connection.execute(_HOLDER, {"job_": lease.job}).first()
        if held is None or (held.lease_owner, held.lease_token) != (lease.owner, lease.token):
            now = f"{held.lease_owner} has it now" if held and held.lease_owner else "nobody has it now"
            raise LeaseLost(f"the lease of {lease.job} was lost: {now}")

    def _set_job(self, job: str, **values: Any) -> None:
        self._connection.execute(_SET_JOB, {"job_": job, **values})

    def _many(self, statement: Any, values: list[rows.Values]) -> None:
        if values:
            self._connection.execute(statement, values)
