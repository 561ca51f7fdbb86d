"""The outside world on one page: what the engine asks of the directory, the app, the store and the clock.

Adapters live in `stores`, `targets` and `sources`; `wiring` chooses them. The network side is async. The
store side is synchronous and batched: the engine runs it through `Writing` and `Reading`, which put it on
the store's own threads.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from instep.audits import AuditReader, AuditWriter
from instep.core.app import App as App
from instep.core.change import AttributeChange
from instep.core.guard import Population
from instep.core.job import Asked, JobStatus, ProgressReport, Reset, Wish
from instep.core.link import Hold, Link
from instep.core.outcome import Outcome
from instep.core.record import CycleSummary as CycleSummary
from instep.core.record import Exchange as Exchange
from instep.core.record import Intent as Intent
from instep.core.record import Lease as Lease
from instep.core.record import LogEntry as LogEntry
from instep.core.record import Membership as Membership
from instep.core.record import Record as Record
from instep.core.record import SpoolEntry as SpoolEntry
from instep.core.record import Watermark as Watermark
from instep.core.subject import AppRole, Kind, Subject
from instep.outbox import OutboxReader, OutboxWriter
from instep.scim.abilities import Abilities

T = TypeVar("T")


# ---------------------------------------------------------------------------------------------- the app


class Resource(Struct, frozen=True):
    """A user or group as the app returned it: `document` is the SCIM resource as it came."""

    id: str
    document: Mapping[str, Any]


class Answer(Struct, frozen=True):
    """What came of a write."""

    outcome: Outcome
    app_id: str | None = None
    resource: Resource | None = None
    """The resource in the app's own words, where the answer carried it."""
    members_taken: bool = False
    """Whether the members that rode in a creation are known to have been taken."""
    members_done: tuple[str, ...] = ()
    """App ids whose addition or removal was acknowledged, also when a later chunk failed."""
    exchanges: tuple[Exchange, ...] = ()
    members_outcome: Outcome | None = None
    """Of a creation: why members are missing in `members_done`, though the group itself was made (`outcome` is
    Done then). None when all were taken."""


class AppUnavailable(Exception):
    """The app can't be reached, refuses our credentials, or isn't a SCIM endpoint: no subject is at fault.

    The message says what was asked, what came, and what to do about it.
    """

    def __init__(self, message: str, code: str, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.exchange = exchange


class Target(Protocol):
    """One app. Reads raise `AppUnavailable`; writes never raise for what the app answers: see `Answer`.

    An implementation must check look-ups as far as the protocol goes (a list response, ids present) and must
    not retry a POST whose fate is unknown. Whether an answer truly matches is the engine's to check.
    Attributes are keyed by attribute path (`name.givenName`); references and members are app ids here.
    """

    @property
    def abilities(self) -> Abilities: ...

    @property
    def requests(self) -> int:
        """How many requests have been sent to the app so far, look-ups and repetitions included."""
        ...

    def fenced_by(self, check: Callable[[], None]) -> None:
        """Have `check` called right before each request that is sent, also after waiting for the app's permission.
        What it raises ends the call: this is where a lost lease stops a worker."""
        ...

    async def check(self, kinds: Sequence[Kind], matching: Mapping[Kind, str]) -> None:
        """Test the connection: look up a value that nobody has, by the matching attribute of each kind."""
        ...

    async def count(self, kind: Kind) -> int | None:
        """How many there are; none when the app's answer can't be relied upon."""
        ...

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """What the app returns for `path eq value`: not to be believed unseen, servers ignore filters."""
        ...

    def pages(self, kind: Kind) -> AsyncIterator[list[Resource]]:
        """Everything of that kind, page by page, without group members.

        Raises AppUnavailable also when the list is incomplete (fewer than it says, or an id twice)."""
        ...

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        """One resource; none when the app answers 404."""
        ...

    async def create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> Answer: ...

    async def update(
        self,
        kind: Kind,
        app_id: str,
        changes: Sequence[AttributeChange],
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> Answer:
        """Attribute changes in one request, members in as few as the app takes."""
        ...

    async def delete(self, kind: Kind, app_id: str) -> Answer:
        """Delete; gone already counts as done (RFC 7644 section 3.6)."""
        ...

    async def close(self) -> None: ...


# ------------------------------------------------------------------------------------------ the directory


class View(Struct, frozen=True):
    """How a job looks at the directory."""

    app: str
    scope: str
    """`assigned` or `all`."""
    roles: tuple[AppRole, ...]
    scope_nesting: str
    member_nesting: str


class DirectoryReader(Protocol):
    """One consistent, read-only look at the directory: all answers are of sequence number `sequence`."""

    @property
    def epoch(self) -> str:
        """Names this directory: another one, or a restored copy, has another."""
        ...

    @property
    def sequence(self) -> int: ...

    def affected(self, view: View, kind: Kind, since: int | None) -> Iterator[list[str]]:
        """Ids of the subjects to look at, ascending, in pages of some hundreds, each once.

        since=None: everyone whom the view could bring into scope (tombstones left out). Otherwise: whoever
        changed after `since`, tombstones included; everyone below the child of each membership, and below
        each assignment's principal and each group, that changed after it; of groups also those above a
        changed membership, where members are flattened."""
        ...

    def subjects(self, view: View, kind: Kind, ids: Sequence[str]) -> list[Subject]:
        """Those subjects, complete, in the order of `ids`. One that was never here comes back as purged."""
        ...

    def everyone(self, kind: Kind) -> Iterator[list[str]]:
        """Ids of all, tombstones included, ascending, in pages."""
        ...

    def populated(self, view: View) -> bool:
        """Whether the view could bring at least one living user into scope."""
        ...


class Directory(Protocol):
    """The directory, as the engine needs it."""

    def reader(self) -> AbstractContextManager[DirectoryReader]: ...

    def sequence(self) -> int:
        """The newest sequence number, cheap enough to ask before each batch."""
        ...


# ---------------------------------------------------------------------------------------------- the store


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

    def cycles(self, job: str, limit: int = 10) -> list[CycleSummary]: ...
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
    def begin_cycle(self, lease: Lease, cycle: CycleSummary) -> None:
        """Also empties the job's spool: a cycle that was cut off is evaluated anew."""
        ...

    def end_cycle(
        self, lease: Lease, cycle: CycleSummary, watermark: Watermark | None, abilities: Abilities
    ) -> None: ...
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
        """Forget those links with the memberships of their groups: the accounts stay in the app, and are matched
        again."""
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


# -------------------------------------------------------------------------------------- clock and chance


class Clock(Protocol):
    """Time. `now` is UTC and only for people and schedules; durations come from `monotonic`."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class Chance(Protocol):
    """Randomness: `token` for seeds and ids, `uniform` for jitter."""

    def token(self) -> str: ...
    def uniform(self, low: float, high: float) -> float: ...
