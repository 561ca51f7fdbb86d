"""A cycle: one pass of a job, from its lease to its watermark.

Settle what an earlier crash left open; evaluate everyone affected into the spool; let the guard judge the
whole; apply. What changes meanwhile is fed into the same spool. When nothing is affected, the app isn't asked
anything. The watermark moves only when everything up to it was evaluated and carried out, held or put into
escrow.
"""

import asyncio
from collections import Counter

import msgspec

from instep.core.guard import NOTHING_HELD, Scale, Verdict, judge
from instep.core.job import QuarantineReason
from instep.core.subject import Kind
from instep.engine.affected import PAGE, beginning, pages, walk
from instep.engine.apply import Application
from instep.engine.evaluate import Evaluation
from instep.engine.lease import LeaseKeeper
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.reset import carry_out_reset
from instep.engine.scale import measure
from instep.engine.sending import test_connection
from instep.engine.settle import Settlement
from instep.engine.spool import StoredSpool
from instep.engine.superseded import SupersededDecisions
from instep.engine.watch import Watch
from instep.engine.world import Job, World
from instep.ports import AppUnavailable, CycleSummary, LeaseLost, Target, Watermark

FRESH = 1.0
"""Seconds for which what the directory said is believed before something is sent."""
LOOKS = 5
"""How often it's looked at again in a row, at most: it may go on changing for ever."""
ROUNDS_PER_SUBJECT = 3
"""How often one subject is looked at again in one cycle for what the cycle itself brought about."""


async def run_cycle(
    world: World, job: Job, target: Target, progress: Progress, stop: asyncio.Event, on_demand: bool = False
) -> CycleSummary:
    """Run one cycle to its end, or until `stop` is set; a pause and a restart set it too.

    on_demand: look only at the subjects of wishes (`state.wish`); the watermark stays where it is.
    Raises LeaseTaken when another worker runs this job, LeaseLost when it was taken over meanwhile. An app
    that can't be reached ends the cycle with the result `unavailable` and its message; nothing is lost.
    """
    async with LeaseKeeper(world, job.name) as keeper:
        cycle = _Cycle(world, job, target, keeper, progress, stop, on_demand)
        target.fenced_by(cycle.fence)
        return await cycle.run()


class _Cycle:
    def __init__(
        self,
        world: World,
        job: Job,
        target: Target,
        keeper: LeaseKeeper,
        progress: Progress,
        stop: asyncio.Event,
        on_demand: bool,
    ) -> None:
        self._world = world
        self._job = job
        self._target = target
        self._keeper = keeper
        self._progress = progress
        before = target.requests
        progress.sent = lambda: target.requests - before
        self._stop = stop
        self._on_demand = on_demand
        self._id = world.chance.token()
        self._now = world.clock.now()
        self._lookup = Lookup(world, job, target)
        spool = StoredSpool(world.state, keeper.lease)
        self._evaluation = Evaluation(world, job, self._lookup, spool, self._id, self._now, progress)
        self._application = Application(world, job, target, self._lookup, keeper, self._id, progress, stop)
        self._settlement = Settlement(world, job, target, self._lookup, keeper, self._id)
        self._watch = Watch(world, job, keeper, self._id, progress, stop, on_demand)
        self._evaluated = 0
        self._rounds: Counter[tuple[Kind, str]] = Counter()
        self._superseded = SupersededDecisions(self._application.superseded, self._evaluation, self._evaluate)
        self._scale: Scale | None = None
        self._limits = job.rules.limits

    def fence(self) -> None:
        """Called right before each request. Raises LeaseLost and Superseded."""
        self._keeper.check()
        self._superseded.check()

    async def run(self) -> CycleSummary:
        world, job = self._world, self._job
        summary = CycleSummary(self._id, job.name, "on-demand", self._now)
        message, result, code, watermark = "", "", "", None
        try:
            await carry_out_reset(world, job, self._keeper, self._settlement)
            begins = await beginning(world, job)
            since, self._limits = begins.since, begins.limits
            if not self._on_demand:
                summary = msgspec.structs.replace(summary, kind="initial" if since is None else "incremental")
            await world.state.write(lambda state: state.begin_cycle(self._keeper.lease, summary, begins.judging))
            async with self._watch:
                await self._test_in_quarantine()
                await self._pass(since)
            if not self._stop.is_set() and not self._on_demand:
                watermark = Watermark(await self._epoch(), self._evaluated)
        except AppUnavailable as gone:
            result, message, code = "unavailable", str(gone), gone.code
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            self._stop.set()
            await self._end(summary, "interrupted", None)
            raise
        if not result:
            result, message = self._result(), self._watch.why
        return await self._end(summary, result, watermark, message, code)

    async def _test_in_quarantine(self) -> None:
        """Of an app that was out of reach it's to be known how it is, also when there's nothing to send."""
        status = await self._world.state.read(lambda state: state.status(self._job.name))
        if status.quarantine and status.quarantine.reason is QuarantineReason.EXCEPTION:
            await test_connection(self._job, self._target)

    async def _pass(self, since: int | None) -> None:
        self._progress.enter("settling")
        again = await self._settlement.run()
        self._progress.enter("evaluating")
        self._evaluation.repeats = bool(self._settlement.parked)
        if not self._on_demand:
            await self._evaluate_affected(since)
        self._evaluation.repeats = True
        again |= await self._due()
        while not self._stop.is_set():
            await self._evaluate_again(again)
            again = set()
            await self._apply()
            if self._stop.is_set():
                return
            if await self._feed():
                continue
            again = await self._left_over()
            if again:
                continue
            if not self._settlement.parked:
                return
            await self._wait()

    async def _wait(self) -> None:
        """Until somebody who is parked is to be looked at again, or there is something new to do. Raises LeaseLost."""
        self._progress.enter("waiting")
        while not self._stop.is_set() and (seconds := self._settlement.next_look()) > 0:
            await self._world.clock.sleep(min(seconds, self._world.looks_every_seconds))
            self._keeper.check()  # nothing else would notice it here, since nothing is sent or written
            if self._watch.subjects or (not self._on_demand and await self._newest() > self._evaluated):
                return

    async def _newest(self) -> int:
        return await self._world.offload(self._world.directory.sequence)

    async def _epoch(self) -> str:
        def epoch() -> str:
            with self._world.directory.reader() as reader:
                return reader.epoch

        return await self._world.offload(epoch)

    async def _evaluate_affected(self, since: int | None) -> None:
        """Everyone affected since then, users before groups."""
        sequence = await walk(self._world, self._job, self._evaluation, since, stopped=self._stop.is_set)
        self._evaluated = self._evaluated if sequence is None else sequence

    async def _evaluate_again(self, subjects: set[tuple[Kind, str]]) -> None:
        """Subjects that wait for something which may have come."""
        parked = self._settlement.parked
        subjects = {at for at in subjects if at not in parked and self._rounds[at] < ROUNDS_PER_SUBJECT}
        if not subjects:
            return
        self._rounds.update(subjects)
        await self._evaluate(subjects)

    async def _due(self) -> set[tuple[Kind, str]]:
        """Those who wait for something that may have come; a run on demand leaves them to the next cycle."""
        if self._on_demand:
            return set()
        return set(await self._world.state.read(lambda state: state.due(self._job.name, self._now)))

    async def _evaluate(self, subjects: set[tuple[Kind, str]], first: bool = False) -> None:
        """Evaluate these, though the directory didn't change. first: and carry them out before others."""
        world = self._world
        look = world.directory.reader()
        reader = await world.offload(look.__enter__)
        try:
            for kind in Kind:
                ids = sorted(i for k, i in subjects if k is kind)
                for page in pages([ids], [], PAGE[kind]):
                    await self._evaluation.page(reader, kind, page, due=True, first=first)
        finally:
            await world.offload(lambda: look.__exit__(None, None, None))

    async def _apply(self) -> None:
        self._progress.enter("applying")
        await self._application.run(self._verdict)

    async def _verdict(self) -> Verdict:
        """The guard's word before each slice, with what the directory brought meanwhile."""
        await self._superseded.decide_anew()
        # Where a busy app lets a look-up wait, there may be something new again by the time that it's answered.
        for _ in range(LOOKS):
            began = self._world.clock.monotonic()
            if not await self._feed() or self._world.clock.monotonic() - began < FRESH:
                break
        await self._watch.compare_rules()
        if not any(self._evaluation.effects.values()):
            return NOTHING_HELD
        if self._scale is None:
            self._scale = await measure(self._world, self._job, self._now)
        return judge(self._evaluation.effects, self._scale, self._limits)

    async def _feed(self) -> bool:
        """Evaluate what is asked for and what has changed in the directory since; whether there was anything."""
        asked, self._watch.subjects = self._watch.subjects, set()
        if asked:
            await self._evaluate(asked, first=True)
        if self._on_demand:
            return bool(asked)
        if await self._newest() <= self._evaluated:
            return bool(asked)
        await self._evaluate_affected(self._evaluated)
        return True

    async def _left_over(self) -> set[tuple[Kind, str]]:
        """Subjects whom this cycle itself gave a reason to be looked at again."""
        again = set(self._application.again)
        self._application.again.clear()
        self._superseded.leave()
        deferred = set(self._evaluation.deferred)
        self._evaluation.deferred.clear()
        # Whoever was put off because a request was under way has not been looked at yet: that's no repetition.
        self._rounds.subtract(deferred)
        often = {at for at, rounds in self._rounds.items() if rounds >= ROUNDS_PER_SUBJECT}
        often -= self._settlement.parked.keys()
        settled = await self._settlement.run(without=often)
        for at in settled:
            self._evaluation.take_back(*at)
        again |= settled
        again |= await self._due()
        parked = set(self._settlement.parked)
        self._evaluation.deferred |= deferred & parked  # they have changed: that's looked at as soon as they're settled
        self._rounds.update(deferred & parked)
        deferred -= parked
        again -= parked
        return {at for at in again | deferred if self._rounds[at] < ROUNDS_PER_SUBJECT}

    def _result(self) -> str:
        if self._stop.is_set():
            return "interrupted"
        if self._progress.counts.get("failure"):
            return "failures"
        return "held" if self._application.held else "succeeded"

    async def _end(
        self, summary: CycleSummary, result: str, watermark: Watermark | None, message: str = "", code: str = ""
    ) -> CycleSummary:
        ended = msgspec.structs.replace(
            summary,
            ended=self._world.clock.now(),
            result=result,
            counts={**self._progress.counts, "requests": self._progress.requests},
            message=message,
            code=code,
        )
        abilities = self._target.abilities
        await self._world.state.write(lambda state: state.end_cycle(self._keeper.lease, ended, watermark, abilities))
        self._progress.enter("ended")
        return ended
