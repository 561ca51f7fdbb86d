"""Watching, while a cycle runs, what administrators do with its job: pause, restart, a run on demand, other rules.

Several times a second the state is looked at. A pause, a restart and other rules stop the cycle between two requests.
Wishes are taken up by the cycle that runs. The other way round, how far the cycle is gets written down for other
processes.
"""

import asyncio
from contextlib import suppress

from instep.core.job import ProgressReport
from instep.core.subject import Kind
from instep.engine.lease import LeaseKeeper
from instep.engine.progress import Progress
from instep.engine.world import Job, World
from instep.ports import App, LeaseLost

REPORTS_EVERY = 1.0
"""Seconds between two reports of the progress: each is a write."""


class Watch:
    """Of one cycle. `stop` is set when the cycle has to end.

    on_demand: whether the cycle looks only at subjects that are asked for, so that a wish for a whole cycle has to
    wait for the next.
    """

    def __init__(
        self,
        world: World,
        job: Job,
        keeper: LeaseKeeper,
        cycle: str,
        progress: Progress,
        stop: asyncio.Event,
        on_demand: bool,
    ) -> None:
        self._world = world
        self._keeper = keeper
        self._job = job.name
        self._provisions = (job.app.rules, job.app.tenant_url)
        self._cycle = cycle
        self._progress = progress
        self._stop = stop
        self._on_demand = on_demand
        self._reported = 0.0
        self._task: asyncio.Task[None] | None = None
        self.subjects: set[tuple[Kind, str]] = set()
        """Asked for, and not evaluated yet; whoever evaluates them takes them out."""
        self.why = ""
        """Why the cycle was stopped: `paused`, `restarted` or `rules changed`."""

    async def __aenter__(self) -> "Watch":
        """Looks once before anything else happens."""
        await self.look()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError, LeaseLost):
            await self._task
        with suppress(LeaseLost):
            await self._report()

    async def look(self) -> None:
        """See what is asked for, and take up what this cycle can do. Raises LeaseLost."""
        asked, app = await self._world.state.read(lambda state: (state.asked(self._job), state.app(self._job)))
        if asked.schedule == "paused" or asked.reset:
            self.why = "paused" if asked.schedule == "paused" else "restarted"
            self._stop.set()
            return
        self._compare(app)
        taken = [wish for wish in asked.wishes if wish.subjects or not self._on_demand]
        if taken and not self._stop.is_set():
            lease, ids = self._keeper.lease, [wish.id for wish in taken]
            await self._world.state.write(lambda state: state.take_wishes(lease, ids, self._cycle))
            self.subjects |= {at for wish in taken for at in wish.subjects}

    async def compare_rules(self) -> None:
        """Stop the cycle if there are other rules by now, or the app is elsewhere: a change in the directory was made
        with them in mind perhaps, and by the old ones somebody might lose access for a moment."""
        self._compare(await self._world.state.read(lambda state: state.app(self._job)))

    def _compare(self, app: App | None) -> None:
        if app is not None and (app.rules, app.tenant_url) != self._provisions and not self._stop.is_set():
            self.why = "rules changed"
            self._stop.set()

    async def _run(self) -> None:
        """Until the cycle ends; a lost lease is noticed by the cycle itself."""
        while not self._stop.is_set():
            await self._world.clock.sleep(self._world.looks_every_seconds)
            await self.look()
            if self._world.clock.monotonic() - self._reported >= REPORTS_EVERY:
                await self._report()

    async def _report(self) -> None:
        progress, lease = self._progress, self._keeper.lease
        report = ProgressReport(
            self._cycle,
            self._world.clock.now(),
            progress.phase,
            progress.evaluated,
            progress.planned,
            progress.applied,
            dict(progress.counts),
            progress.requests,
        )
        self._reported = self._world.clock.monotonic()
        await self._world.state.write(lambda state: state.report_progress(lease, report))
