"""What a job remembers, as the engine needs it. `instep.stores.state` implements it.

Synchronous and batched: the engine runs it through `State.read` and `State.write`, which put it on the store's own
threads. What mails and audits keep is in `outbox` and `audits`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from instep.core.app import App
from instep.core.guard import Population
from instep.core.job import Asked, JobStatus, ProgressReport, Reset, Wish
from instep.core.link import Hold, Link
from instep.core.record import (
    CycleSummary,
    Intent,
    Judging,
    Lease,
    LogEntry,
    Record,
    SpoolEntry,
    Watermark,
)
from instep.core.subject import Kind
from instep.ports.audits import AuditReader, AuditWriter
from instep.ports.outbox import OutboxReader, OutboxWriter
from instep.scim.abilities import Abilities

T = TypeVar("T")


class LeaseLost(Exception):
    """Another worker has taken the job over; nothing was written."""


class AlreadyLinked(Exception):
    """An app id belongs to another subject already, dead or alive; nothing was written."""

    def __init__(self, app_id: str, subject_id: str) -> None:
        super().__init__(f"{app_id} is linked to {subject_id}")
        self.app_id, self.subject_id = app_id, subject_id


class LeaseTaken(Exception):
    """Another worker holds the job."""

    def __init__(self, job: str, owner: str, until: datetime) -> None:
        super().__init__(f"{job} is being synchronised by {owner}")
        self.job, self.owner, self.until = job, owner, until


class StateReader(OutboxReader, AuditReader, Protocol):
    """Reads of the state. Ids and pages are ascending by subject id."""

    def app(self, name: str) -> App | None: ...
    def apps(self) -> list[App]: ...
    def token(self, app: str) -> str | None:
        """The app's secret token in the clear; to be handed to the target and to nothing else."""
        ...

    def schema(self, app: str) -> dict[str, Any] | None:
        """The Graph schema document that the app's rules were imported from, as it came in."""
        ...

    def watermark(self, job: str) -> Watermark | None: ...
    def judging(self, job: str) -> Judging: ...
    def abilities(self, job: str) -> Abilities | None: ...
    def links(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, Link]: ...
    def accounts(self, job: str, subject_ids: Sequence[str]) -> dict[str, str]:
        """Subject id to app id, users and groups alike, of those whose link is alive."""
        ...

    def link_ids(self, job: str, kind: Kind) -> Iterator[list[str]]:
        """Subject ids of all links, ascending, in pages."""
        ...

    def owners(self, job: str, kind: Kind, app_ids: Sequence[str]) -> dict[str, Link]:
        """The links, living or dead, that those app ids belong to."""
        ...

    def due(self, job: str, now: datetime) -> list[tuple[Kind, str]]:
        """Subjects to look at though the directory didn't change: escrow whose time has come; and, unless they
        are in escrow themselves, holds that were approved, and references and memberships that wait for an
        account which now exists."""
        ...

    def memberships(self, job: str, group_id: str) -> dict[str, str]:
        """Member id to state."""
        ...

    def population(self, job: str) -> Population: ...
    def effects_since(self, job: str, since: datetime) -> dict[str, int]: ...
    def waiting_effects(self, job: str) -> dict[str, int]:
        """Effects of the holds that nobody has approved or rejected yet, per kind."""
        ...

    def intents(self, job: str) -> list[Intent]: ...
    def under_way(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        """Those of the subjects that have an open intent."""
        ...

    def holds(self, job: str) -> list[tuple[Link, Hold]]: ...
    def counts(self, job: str) -> dict[tuple[Kind, str], int]:
        """How many links there are, per kind and status."""
        ...

    def escrow(self, job: str) -> list[Link]: ...
    def next_in_spool(self, job: str, limit: int) -> list[SpoolEntry]:
        """The first of the spool, in the order in which they are to be applied; fewer where they are large."""
        ...

    def spooled(self, job: str) -> Iterator[SpoolEntry]: ...
    def waiting(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> dict[str, SpoolEntry]:
        """Those of the subjects whose decision waits in the spool."""
        ...

    def coming(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> set[str]:
        """Those of the subjects for whom a decision that makes an account waits in the spool."""
        ...

    def cycles(self, job: str, limit: int = 10, ended: bool = False) -> list[CycleSummary]:
        """The newest first. ended: only those that have ended."""
        ...

    def lease(self, job: str) -> Lease | None: ...
    def status(self, job: str) -> JobStatus: ...
    def asked(self, job: str) -> Asked:
        """What administrators ask of the job; cheap enough to be asked several times a second."""
        ...

    def revision(self, app: str) -> str:
        """Another one after each change of the app's settings or secret."""
        ...

    def next_try(self, job: str) -> datetime | None:
        """When the first of the escrow is due; none when nobody waits there."""
        ...

    def granted(self, wish: int) -> str:
        """The cycle that took the wish up; empty while it waits."""
        ...

    def progress(self, job: str) -> ProgressReport | None:
        """How far the running or the last cycle is, as last reported."""
        ...

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
    ) -> Iterator[LogEntry]: ...


class StateWriter(StateReader, OutboxWriter, AuditWriter, Protocol):
    """Writes of the state: one call, one transaction's part. Those with a lease check its token first and
    raise `LeaseLost` without having written anything."""

    def save_app(self, app: App, token: str | None) -> None: ...
    def save_schema(self, app: str, document: Mapping[str, Any]) -> None: ...
    def remove_app(self, name: str) -> None: ...
    def take_lease(self, job: str, owner: str, now: datetime, seconds: float, over: str | None = None) -> Lease:
        """Raises LeaseTaken while another one's lease runs, unless that one is `over`, known to be dead."""
        ...

    def renew_lease(self, lease: Lease, now: datetime, seconds: float) -> Lease: ...
    def give_lease_back(self, lease: Lease) -> None: ...
    def begin_cycle(self, lease: Lease, cycle: CycleSummary, judging: Judging) -> None:
        """Also empties the job's spool: a cycle that was cut off is evaluated anew."""
        ...

    def end_cycle(self, lease: Lease, cycle: CycleSummary, watermark: Watermark | None, abilities: Abilities) -> None:
        """watermark: none leaves the one that is kept. With one the cycle has gone through: all are judged alike."""
        ...

    def spool(self, lease: Lease, entries: Iterable[SpoolEntry]) -> None:
        """Add decisions; one for a subject that is already waiting replaces it."""
        ...

    def unspool(self, lease: Lease, subjects: Iterable[tuple[Kind, str]]) -> None: ...
    def intend(self, lease: Lease, intents: Iterable[Intent]) -> None:
        """Make intents durable, and take their decisions off the spool, in one transaction."""
        ...

    def record(self, lease: Lease, records: Iterable[Record]) -> None:
        """Keep outcomes. Raises AlreadyLinked, without having written anything, when an app id belongs to
        another subject."""
        ...

    def judge_holds(self, job: str, digests: Mapping[str, str]) -> int:
        """Set the verdict (`approved` or `rejected`) of holds by digest; returns how many."""
        ...

    def change_status(self, job: str, change: Callable[[JobStatus], JobStatus]) -> JobStatus:
        """Set the job's status to what `change` makes of it; returns it."""
        ...

    def ask_reset(self, job: str, reset: frozenset[Reset]) -> None:
        """Have the next cycle forget this first, together with what was asked for earlier."""
        ...

    def carry_out_reset(self, lease: Lease, reset: frozenset[Reset]) -> None:
        """Forget the watermark and the failures, as far as they're in `reset`, and that it was asked for."""
        ...

    def forget_links(self, lease: Lease, subjects: Collection[tuple[Kind, str]]) -> None:
        """Have those links matched again: the accounts stay in the app, and are remembered until then for the case that
        access has to end. Who is in their groups isn't known any more."""
        ...

    def wish(self, wish: Wish) -> int:
        """Ask whoever runs the job for something; returns the wish's id."""
        ...

    def take_wishes(self, lease: Lease, ids: Collection[int], cycle: str) -> None: ...
    def report_progress(self, lease: Lease, report: ProgressReport) -> None: ...


class State(Protocol):
    """The state store. Writes are gathered by one writer thread and committed in groups: when the awaited
    call returns, what it wrote is durable."""

    async def write(self, work: Callable[[StateWriter], T]) -> T: ...
    async def read(self, work: Callable[[StateReader], T]) -> T: ...
    def reading(self) -> AbstractContextManager[StateReader]:
        """For callers without a loop."""
        ...

    def writing(self) -> AbstractContextManager[StateWriter]:
        """For callers without a loop: one transaction."""
        ...

    def close(self) -> None: ...
