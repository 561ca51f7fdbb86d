"""One job's cycles, one after the other, for as long as the service runs.

The connection to the app is kept open between cycles, and made anew when the app's settings or its secret have
changed. A fault of one job never reaches another.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from instep.core.schedule import Standing, Why, next_run
from instep.engine.cycle import run_cycle
from instep.engine.progress import Progress
from instep.engine.world import Job, World
from instep.ports import App, CycleSummary, LeaseLost, LeaseTaken, StateReader, Target

log = structlog.get_logger()

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

QUIET = 0.15
"""Seconds without a further change after which a cycle begins."""
AT_THE_LATEST = 0.6
"""Seconds after which it begins though changes go on coming: the cycle takes them up as they come."""
AFTER_A_FAULT, AT_MOST = timedelta(seconds=1), timedelta(seconds=60)
"""How long to wait after a fault of ours, like a database that's locked: twice as long after each in a row."""
OUT_OF_REACH = timedelta(seconds=30)
"""Until an app is asked again that couldn't be reached, unless the job's quarantine says otherwise."""
BUSY = timedelta(seconds=1)
"""How long to wait while another process runs the job."""
PAUSE = timedelta(seconds=5)
"""Between two cycles that nothing new has led to."""
AT_ONCE = frozenset({Why.ASKED, Why.ON_DEMAND, Why.SETTINGS})
"""Reasons of somebody who is waiting, or has just mended something."""

Connect = Callable[[App], AbstractAsyncContextManager[tuple[Job, Target]]]
"""Opens an app's job and its target. Raises ValueError when the app's rules can't be used."""
Ended = Callable[[App, CycleSummary], Awaitable[None]]
"""Told of each cycle that has ended: judges the job's health, and tells whom it concerns."""


class JobRunner:
    """Runs one job until it's stopped."""

    def __init__(self, world: World, name: str, connect: Connect, ended: Ended) -> None:
        self.name = name
        self.running = False
        """Whether a cycle is under way."""
        self.progress = Progress()
        """Of the cycle that runs or ran last."""
        self.fault = ""
        """Why the last cycle couldn't even be tried; empty when it could."""
        self._world = world
        self._connect = connect
        self._ended = ended
        self.totals: Counter[str] = Counter()
        """What the cycles of this process have done, per word of their summaries."""
        self.results: Counter[str] = Counter()
        """How many cycles ended how."""
        self.seconds = 0.0
        """Spent in cycles."""
        self._stop = asyncio.Event()
        self._awake = asyncio.Event()
        self._moved_at = 0.0
        self._sequence = -1
        self._seen: object = None
        self._not_before = _LONG_AGO
        """Until then nothing but what is asked for lets a cycle begin."""
        self._faulty_until = _LONG_AGO
        self._faults = 0
        self._stop_cycle = asyncio.Event()
        self._open: tuple[str, Job, Target] | None = None
        self._tried_with = self._ran_with = ""

    def stop(self) -> None:
        """End between two requests; a cycle that is cut off goes on at the next start."""
        self._stop.set()
        self._stop_cycle.set()
        self._awake.set()

    def directory_moved(self, sequence: int) -> None:
        """The directory has a newer sequence number."""
        self._sequence = sequence
        self._moved_at = self._world.clock.monotonic()
        self._awake.set()

    async def look(self) -> None:
        """See whether something is asked for, or the settings are others; wake up then."""
        seen = await self._world.state.read(
            lambda state: (state.asked(self.name), state.revision(self.name), state.next_try(self.name))
        )
        if seen != self._seen:
            self._seen = seen
            self._awake.set()

    async def run(self) -> None:
        """Run cycles until `stop`."""
        async with AsyncExitStack() as connection:
            while not self._stop.is_set():
                self._awake.clear()
                try:
                    wait = await self._step(connection)
                except Exception as fault:
                    # Whatever it is, it's this job's: the others go on, and this one tries again.
                    log.exception("job.fault", job=self.name)
                    self.fault = f"{type(fault).__name__}: {fault}"
                    self._ran_with = self._tried_with
                    wait = min(AFTER_A_FAULT * 2**self._faults, AT_MOST)
                    self._faults = min(self._faults + 1, 10)
                    self._faulty_until = self._world.clock.now() + wait
                await self._sleep(wait)

    async def _step(self, connection: AsyncExitStack) -> timedelta | None:
        """Run a cycle if it's time; how long nothing has to be done then (none: until something happens)."""
        now = self._world.clock.now()
        app, revision, standing = await self._standing()
        if app is None:
            return None
        why, wait = next_run(standing, now)
        if why is None:
            return wait
        if why not in AT_ONCE and now < (not_before := self._earliest(why, standing)):
            return not_before - now
        if why is Why.CHANGED:
            await self._gather()
        if self._open is None or self._open[0] != revision:
            await connection.aclose()
            self._open = None
            self._open = (revision, *await connection.enter_async_context(self._connect(app)))
        self._tried_with = revision
        try:
            await self._cycle(app, why, *self._open[1:])
        except (LeaseTaken, LeaseLost) as other:
            log.info("job.busy", job=self.name, reason=str(other))
            return BUSY
        self._ran_with = revision
        return timedelta()

    def _earliest(self, why: Why, standing: Standing) -> datetime:
        """When a cycle may begin that nobody is waiting for."""
        if why is Why.CHANGED and not standing.unreachable:
            return self._faulty_until
        return max(self._faulty_until, self._not_before)

    async def _standing(self) -> tuple[App | None, str, Standing]:
        def read(state: StateReader) -> tuple[Any, ...]:
            name = self.name
            # The newest by its beginning needn't be the last: the clock may have been put back meanwhile.
            cycles = [c for c in state.cycles(name, limit=20, ended=True) if c.kind != "on-demand"]
            last = max(cycles, key=lambda cycle: cycle.ended or cycle.began, default=None)
            return (
                state.app(name),
                state.revision(name),
                state.status(name),
                state.asked(name),
                last,
                state.watermark(name),
                state.next_try(name),
            )

        app, revision, status, asked, last, watermark, next_try = await self._world.state.read(read)
        return (
            app,
            revision,
            Standing(
                status,
                asked,
                timedelta(minutes=app.interval_minutes if app else 0),
                last.ended if last else None,
                watermark is None or self._sequence > watermark.sequence,
                self._ran_with != revision,
                next_try,
                last is not None and last.result == "unavailable",
            ),
        )

    async def _gather(self) -> None:
        """Wait for a moment in which nothing changes: an import, or a person's edits, are one cycle then."""
        clock = self._world.clock
        began = clock.monotonic()
        while clock.monotonic() < min(self._moved_at + QUIET, began + AT_THE_LATEST) and not self._stop.is_set():
            await clock.sleep(0.05)

    async def _cycle(self, app: App, why: Why, job: Job, target: Target) -> None:
        """One cycle. Raises LeaseTaken, LeaseLost."""
        self.progress, self._stop_cycle = Progress(), asyncio.Event()
        if self._stop.is_set():
            return
        self.running = True
        try:
            on_demand = why is Why.ON_DEMAND
            summary = await run_cycle(self._world, job, target, self.progress, self._stop_cycle, on_demand)
        finally:
            self.running = False
        self.fault, self._faults = "", 0
        self.results[summary.result] += 1
        self.totals.update(summary.counts)
        self.seconds += _seconds(summary)
        calm = OUT_OF_REACH if summary.result == "unavailable" else PAUSE
        self._not_before = self._world.clock.now() + calm
        _tell(summary, why)
        await self._ended(app, summary)

    async def _sleep(self, wait: timedelta | None) -> None:
        """Until something may have happened, or `wait` is over."""
        if self._stop.is_set() or (wait is not None and wait <= timedelta()):
            return
        woken = asyncio.ensure_future(self._awake.wait())
        waiting: list[asyncio.Future[Any]] = [woken]
        if wait is not None:
            waiting.append(asyncio.ensure_future(self._world.clock.sleep(wait.total_seconds())))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _tell(summary: CycleSummary, why: Why) -> None:
    quiet = not set(summary.counts) - {"requests"} and summary.result == "succeeded"
    tell = log.debug if quiet else log.info if summary.result in ("succeeded", "held") else log.warning
    tell(
        "cycle.ended",
        job=summary.job,
        cycle=summary.id,
        kind=summary.kind,
        why=str(why),
        result=summary.result,
        message=summary.message,
        seconds=round(_seconds(summary), 3),
        **summary.counts,
    )


def _seconds(summary: CycleSummary) -> float:
    return ((summary.ended or summary.began) - summary.began).total_seconds()
