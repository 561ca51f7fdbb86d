"""What audits find: drift, accounts that nobody manages, and how the audit itself went.

An audit writes under a lease of its own, so that it holds up no cycle. Only `correct` touches links: in one
transaction, while no cycle runs, and only those that are still as they were when they were compared.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from instep.core.drift import AuditSummary, Correction, Drift, State, lease_name
from instep.core.job import Wish
from instep.core.link import Link, Status
from instep.core.record import Lease, Record
from instep.core.subject import Kind
from instep.core.unmanaged import Unmanaged
from instep.ports import LeaseTaken
from instep.stores.columns import among, upsert
from instep.stores.secrets import Vault
from instep.stores.state import rows
from instep.stores.state.recording import keep
from instep.stores.state.tables import audits, drift, intents, jobs, links, log, memberships, unmanaged, wishes

MANAGED = (Status.ACTIVE, Status.DISABLED)
"""The statuses of links whose account is looked after."""

_SAVE_AUDIT = upsert(audits)
_KEEP_DRIFT = upsert(drift)
_KEEP_UNMANAGED = upsert(unmanaged, {"first_seen": lambda new: unmanaged.c.first_seen})
_DRIFT_OF = select(drift).where(
    drift.c.job == bindparam("job_"), drift.c.kind == bindparam("kind_"), among(drift.c.subject_id, "ids")
)
_TOUCHED = (
    select(log.c.subject_id)
    .where(log.c.job == bindparam("job_"), log.c.at >= bindparam("since"), among(log.c.subject_id, "ids"))
    .distinct()
)
_MEMBERS = select(memberships.c.member_id, memberships.c.state).where(
    memberships.c.job == bindparam("job_"),
    memberships.c.group_id == bindparam("group"),
    among(memberships.c.member_id, "ids"),
)


class DriftReading:
    """Reads of what audits found, all from one snapshot."""

    _connection: Connection

    def audit(self, job: str) -> AuditSummary | None:
        """The job's last audit, which may still run or have been cut off."""
        row = self._connection.execute(select(audits).where(audits.c.job == job)).first()
        return AuditSummary(**row._asdict()) if row else None

    def drift(self, job: str) -> list[Drift]:
        """All that is kept of it."""
        return [_drift(row) for row in self._connection.execute(select(drift).where(drift.c.job == job))]

    def drift_of(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> list[Drift]:
        """What is kept of those subjects."""
        given = {"job_": job, "kind_": kind, "ids": subject_ids}
        return [_drift(row) for row in self._connection.execute(_DRIFT_OF, given)]

    def unmanaged(self, job: str) -> list[Unmanaged]:
        """Accounts that nobody manages, by app id."""
        wanted = select(unmanaged).where(unmanaged.c.job == job).order_by(unmanaged.c.app_id)
        return [_unmanaged(row) for row in self._connection.execute(wanted)]

    def managed_links(self, job: str, kind: Kind, after: str, limit: int) -> list[Link]:
        """Links whose account is looked after, ascending by subject, from the one behind `after`."""
        at = (links.c.job == job, links.c.kind == kind, links.c.subject_id > after, links.c.status.in_(MANAGED))
        wanted = select(*rows.LINK).where(*at).order_by(links.c.subject_id).limit(limit)
        return [rows.link(row) for row in self._connection.execute(wanted)]

    def touched(self, job: str, subject_ids: Sequence[str], since: datetime) -> set[str]:
        """Those of the subjects whom the log has something about since then."""
        given = {"job_": job, "since": since, "ids": subject_ids}
        return {row.subject_id for row in self._connection.execute(_TOUCHED, given)}


class DriftWriting:
    """Writes of what audits find, within one writing transaction. The vault and `_check` are the whole writer's."""

    _connection: Connection
    _vault: Vault
    _check: Callable[[Lease], None]

    def save_audit(self, lease: Lease, audit: AuditSummary) -> None:
        """Keep how the audit stands, in place of the job's last one. Raises LeaseLost."""
        self._check(lease)
        values = {name: getattr(audit, name) for name in audit.__struct_fields__}
        self._connection.execute(_SAVE_AUDIT, values)

    def keep_drift(self, lease: Lease, job: str, kept: Iterable[Drift], gone: Iterable[Drift]) -> None:
        """Keep these differences, and forget those. Raises LeaseLost."""
        self._check(lease)
        values = [{"job": job} | {name: getattr(d, name) for name in d.__struct_fields__} for d in kept]
        if values:
            self._connection.execute(_KEEP_DRIFT, values)
        for each in gone:
            at = (drift.c.kind == each.kind, drift.c.subject_id == each.subject_id, drift.c.path == each.path)
            self._connection.execute(delete(drift).where(drift.c.job == job, *at))

    def keep_unmanaged(self, lease: Lease, job: str, accounts: Iterable[Unmanaged]) -> None:
        """Keep these accounts; those that are known stay known since they were first seen. Raises LeaseLost."""
        self._check(lease)
        values = [{"job": job} | {name: getattr(a, name) for name in a.__struct_fields__} for a in accounts]
        if values:
            self._connection.execute(_KEEP_UNMANAGED, values)

    def forget_unmanaged(self, lease: Lease, job: str, before: datetime) -> None:
        """Forget the accounts that were last seen before then. Raises LeaseLost."""
        self._check(lease)
        self._connection.execute(delete(unmanaged).where(unmanaged.c.job == job, unmanaged.c.last_seen < before))

    def correct(
        self, job: str, corrections: Sequence[Correction], now: datetime, over: str | None = None
    ) -> set[tuple[Kind, str]]:
        """Have links say what the app holds, and ask for a look at those that are due; returns whose were corrected.

        A subject whose link isn't as it was compared any more, or for whom a request is under way, is left out.
        Raises LeaseTaken while a cycle runs, unless its worker is `over`, known to be dead.
        """
        holder = self._connection.execute(select(jobs).where(jobs.c.job == job)).first()
        held = rows.lease(holder) if holder else None
        if held and held.owner != over and held.until > now:
            raise LeaseTaken(job, held.owner, held.until)
        done = [c for c in corrections if self._as_compared(job, c)]
        keep(self._connection, job, [_record(c) for c in done], self._vault)
        due = tuple((c.link.kind, c.link.subject_id) for c in done if c.due)
        if due:
            wish = Wish(job, now, due)
            values = {"job": wish.job, "asked": wish.asked, "subjects": wish.subjects, "cycle": wish.cycle}
            self._connection.execute(insert(wishes).values(values))
        return {(c.link.kind, c.link.subject_id) for c in done}

    def _as_compared(self, job: str, correction: Correction) -> bool:
        link = correction.link
        at = (links.c.job == job, links.c.kind == link.kind, links.c.subject_id == link.subject_id)
        row = self._connection.execute(select(*rows.LINK).where(*at)).first()
        if row is None or rows.link(row) != link:
            return False
        open_ = (intents.c.job == job, intents.c.kind == link.kind, intents.c.subject_id == link.subject_id)
        if self._connection.execute(select(intents.c.subject_id).where(*open_)).first():
            return False
        given = {"job_": job, "group": link.subject_id, "ids": list(correction.compared)}
        states = {row.member_id: row.state for row in self._connection.execute(_MEMBERS, given)}
        return all(states.get(member) == state for member, state in correction.compared.items())


def forget_audits(connection: Connection, job: str) -> None:
    """Forget all that audits of the job found; one that runs loses its lease."""
    for table in (audits, drift, unmanaged):
        connection.execute(delete(table).where(table.c.job == job))
    ended = {"lease_token": jobs.c.lease_token + 1, "lease_owner": None, "lease_until": None}
    connection.execute(update(jobs).where(jobs.c.job == lease_name(job)).values(ended))


def _record(correction: Correction) -> Record:
    group = correction.link.subject_id
    return Record(
        link=correction.corrected,
        members=correction.members,
        members_gone=tuple((group, member) for member in correction.members_gone),
        account_gone=correction.account_gone,
    )


def _drift(row: Row[*tuple[Any, ...]]) -> Drift:
    values: dict[str, Any] = row._asdict() | {"kind": rows.kind(row.kind), "state": State(row.state)}
    del values["job"]
    return Drift(**values)


def _unmanaged(row: Row[*tuple[Any, ...]]) -> Unmanaged:
    values: dict[str, Any] = row._asdict() | {"kind": rows.kind(row.kind)}
    del values["job"]
    return Unmanaged(**values)
