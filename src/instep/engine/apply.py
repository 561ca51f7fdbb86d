"""Applying: the spooled decisions become requests, and their outcomes are kept.

A producer takes slices off the spool in order (managers pulled ahead of those who refer to them), lays the
guarded parts aside, and makes the intents of a slice durable in one commit. Workers send; a recorder keeps
outcomes in groups. While all workers wait for a slow app, the producer goes on listening: whoever loses access
meanwhile has workers of their own (`lanes`). An outcome that could mean that the app itself is in trouble leads to
one test of the connection, and to a stop if that fails, so that no subject is blamed for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from instep.core import guard
from instep.core.change import Decision
from instep.core.guard import Verdict
from instep.core.link import Hold, Link
from instep.core.plan import URGENT, makes_account, sends
from instep.core.subject import Kind
from instep.engine.entries import held, new_link
from instep.engine.lanes import Lane, Lanes
from instep.engine.lease import LeaseKeeper
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.recorder import Recorder
from instep.engine.sending import Prepared, Sending, named
from instep.engine.spool import in_order
from instep.engine.superseded import Superseded
from instep.engine.world import Job, World
from instep.ports import Intent, Record, SpoolEntry, StateReader, StateWriter, Target

SLICE = 4
"""Decisions for each worker that are made ready at once."""


class Application:
    """Applies what is in the spool of one cycle."""

    def __init__(
        self,
        world: World,
        job: Job,
        target: Target,
        lookup: Lookup,
        keeper: LeaseKeeper,
        cycle: str,
        progress: Progress,
        stop: asyncio.Event,
    ) -> None:
        self._world = world
        self._job = job
        self._keeper = keeper
        self._cycle = cycle
        self._progress = progress
        self._stop = stop
        self._under_way: dict[str, asyncio.Future[str | None]] = {}
        self._recorder = Recorder(world, keeper, self._under_way)
        self._sending = Sending(world, job, target, lookup, cycle, progress, self._may_send)
        self.again: set[tuple[Kind, str]] = set()
        """Subjects to evaluate once more in this cycle."""
        self.superseded: set[tuple[Kind, str]] = set()
        """Subjects whose decision wasn't sent, since they had changed."""
        self.held = 0
        self._trouble: Exception | None = None

    async def run(self, verdict: Callable[[], Awaitable[Verdict]]) -> None:
        """Apply until the spool is empty or a stop is asked for.

        verdict: asked before each slice; it may feed the spool. Raises AppUnavailable and LeaseLost; what was
        under way is finished and kept before.
        """
        lanes = Lanes(self._world.concurrency)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recorder.run())
            workers = [tasks.create_task(self._work(lane)) for lane in lanes.of_workers()]
            try:
                await self._produce(lanes, verdict)
            except Exception as trouble:  # noqa: BLE001 - raised below, when what is under way has been kept
                self._trouble = self._trouble or trouble
            lanes.close()
            await asyncio.wait(workers)
            await self._recorder.finish()
        self._trouble = self._trouble or self._recorder.trouble
        if self._trouble:
            raise self._trouble
        if self._sending.unavailable:
            raise self._sending.unavailable

    @property
    def _halted(self) -> bool:
        return bool(self._stop.is_set() or self._sending.unavailable or self._trouble or self._recorder.trouble)

    async def _may_send(self) -> bool:
        """Wait until there's room for another request; whether it may still be sent."""
        await self._recorder.room()
        return not self._halted

    async def _produce(self, lanes: Lanes, verdict: Callable[[], Awaitable[Verdict]]) -> None:
        while not self._halted:
            judged = await verdict()
            if self._halted:
                return
            lane = lanes.open()
            entries = await self._slice(urgent=lane is lanes.urgent)
            for prepared in await self._prepare(entries, judged) if entries else ():
                lane.put(prepared)
            if entries:
                continue
            if lanes.busy:
                await lanes.change(self._world.looks_every_seconds)
            elif lane is lanes.usual:
                return  # of the urgent lane only what is urgent was asked for: the spool may hold more

    async def _slice(self, urgent: bool) -> list[SpoolEntry]:
        """The next decisions, with those whom they refer to before them. urgent: only what can't wait."""
        size = self._world.concurrency * SLICE
        first = await self._world.state.read(lambda state: state.next_in_spool(self._job.name, size))
        if urgent:
            return [e for e in first if e.priority <= URGENT]
        taken = {e.decision.subject_id: e for e in first}
        missing = _referred(first, taken)
        while missing:
            more = await self._world.state.read(
                lambda state, ids=missing: state.waiting(self._job.name, Kind.USER, ids)
            )
            taken |= more
            missing = _referred(list(more.values()), taken)
        return in_order(taken.values())

    async def _prepare(self, entries: Sequence[SpoolEntry], verdict: Verdict) -> list[Prepared]:
        """Lay aside what is held, keep what needs no request, make the rest's intents durable."""
        world, job, now = self._world, self._job, self._world.clock.now()
        links = await world.state.read(lambda state: _links(state, job.name, entries))
        accounts: dict[str, str] = {}
        ready: list[Prepared] = []
        records: list[Record] = []
        for entry in entries:
            decision = entry.decision
            at = (decision.kind, decision.subject_id)
            link = links.get(at) or new_link(decision, decision.seed or world.chance.token())
            kinds = {} if entry.approved else verdict.held_kinds(decision)
            free, guarded = guard.split(decision, kinds)
            initiator = "approval" if entry.approved else "on-demand" if entry.on_demand else ""
            if guarded:
                records.append(held(job, self._cycle, world.chance.token(), now, guarded, link, kinds, initiator))
                link = records[-1].link or link
                self.held += 1
                self._progress.count("hold")
            if free is None:
                continue
            keeps = link.hold if guarded or _judged(link.hold) else None
            link = msgspec.structs.replace(link, hold=keeps)
            prepared = Prepared(free, link, self._waits_for(free), accounts, initiator)
            if sends(free.change):
                ready.append(prepared)
                if makes_account(free.change):
                    self._under_way[free.subject_id] = asyncio.get_running_loop().create_future()
            else:
                records.append(self._sending.without_request(prepared))
        intents = [
            Intent(p.decision.kind, p.decision.subject_id, p.decision.name, p.decision, p.link.app_id, now)
            for p in ready
        ]
        lease = self._keeper.lease

        def work(state: StateWriter) -> None:
            state.unspool(lease, [(e.decision.kind, e.decision.subject_id) for e in entries])
            state.intend(lease, intents)
            state.record(lease, records)

        await world.state.write(work)
        # Asked after it was seen who is under way: whoever wasn't has been recorded, if only just now.
        names = list({name for p in ready for name in named(p.decision)})
        if names:
            accounts |= await world.state.read(lambda state: state.accounts(job.name, names))
        return ready

    def _waits_for(self, decision: Decision) -> dict[str, "asyncio.Future[str | None]"]:
        """Those under way whom this decision refers to."""
        change = decision.change
        members = (*getattr(change, "members", ()), *getattr(change, "members_added", ()))
        return {i: f for i in (*decision.after, *members) if (f := self._under_way.get(i))}

    async def _work(self, lane: Lane) -> None:
        """Send what comes. After trouble the lane is only emptied: what wasn't sent isn't an open intent."""
        while (prepared := await lane.take()) is not None:
            at = (prepared.decision.kind, prepared.decision.subject_id)
            account: str | None = None
            try:
                if self._halted:
                    self._recorder.keep(Record(settled=at))
                    continue
                record, account, again = await self._sending.send(prepared)
                self._recorder.keep(record, had_room=True)
                if again:
                    self.again.add(at)
            except Superseded:
                self._recorder.keep(Record(settled=at), had_room=True)
                self.superseded.add(at)
            except Exception as trouble:  # noqa: BLE001 - kept and raised by run; the intent stays open
                self._trouble = self._trouble or trouble
                self._recorder.give_up(trouble)
            finally:
                future = self._under_way.get(at[1])
                if future and not future.done():
                    future.set_result(account)
                lane.done()


def _referred(entries: Sequence[SpoolEntry], taken: dict[str, SpoolEntry]) -> list[str]:
    return list({a for e in entries for a in e.decision.after if a not in taken})


def _links(state: StateReader, job: str, entries: Sequence[SpoolEntry]) -> dict[tuple[Kind, str], Link]:
    found: dict[tuple[Kind, str], Link] = {}
    for kind in Kind:
        ids = [e.decision.subject_id for e in entries if e.decision.kind is kind]
        if ids:
            found |= {(kind, i): link for i, link in state.links(job, kind, ids).items()}
    return found


def _judged(hold: Hold | None) -> bool:
    return hold is not None and hold.verdict != "waiting"
