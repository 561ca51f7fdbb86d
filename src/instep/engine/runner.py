"""The runner: every job's cycles, by themselves, side by side in one process.

A job's cycle begins when the directory has changed (gathered over a moment, so that an import is one cycle), when
something is asked for, when somebody in escrow is due, and at the latest after the job's interval; `core/schedule.py`
says when. Jobs don't know each other: each is a task of its own (`engine/job_runner.py`). This file starts and ends
them, and tells them that something may have happened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from instep.engine.job_runner import Connect, Ended, JobRunner
from instep.engine.world import World

log = structlog.get_logger()

DIRECTORY_EVERY = 0.1
"""Seconds between two looks at the directory's sequence number."""
JOBS_EVERY = 0.5
"""Seconds between two looks at what is asked of the jobs."""

Chore = Callable[[], Awaitable[None]]
"""Something that is done every now and then, like delivering mails. What it raises is logged."""


class Runner:
    """Runs all jobs that are started, until it's stopped.

    connect: opens a job with its app. ended: told of each cycle. chores: by name, with the seconds between two runs.
    stop_seconds: how long what is in flight may take at the end.
    """

    def __init__(
        self,
        world: World,
        connect: Connect,
        ended: Ended,
        chores: Mapping[str, tuple[float, Chore]],
        stop_seconds: float = 8.0,
    ) -> None:
        self._world = world
        self._connect = connect
        self._ended = ended
        self._chores = chores
        self._stop_seconds = stop_seconds
        self.jobs: dict[str, JobRunner] = {}
        """By name, for whoever wants to know how they are."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. What is under way is finished then; what isn't in time is cut off, and found
        out by the next start."""
        looking: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._watch_directory()),
            asyncio.create_task(self._watch_jobs()),
        ]
        looking += [asyncio.create_task(self._repeat(name, *chore)) for name, chore in self._chores.items()]
        ended: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([ended, *looking], return_when=asyncio.FIRST_COMPLETED)
            for task in looking:
                if task.done():
                    task.result()  # a look at the databases fails only when they can't be used at all
        finally:
            for task in (*looking, ended):
                task.cancel()
            await asyncio.gather(*looking, ended, return_exceptions=True)
            await self._end_jobs()

    async def _watch_directory(self) -> None:
        seen = -1
        while True:
            newest = await self._world.offload(self._world.directory.sequence)
            if newest != seen:
                seen = newest
                for job in self.jobs.values():
                    job.directory_moved(newest)
            await self._world.clock.sleep(DIRECTORY_EVERY)

    async def _watch_jobs(self) -> None:
        while True:
            names = await self._world.state.read(lambda state: [app.name for app in state.apps()])
            for name in names:
                if name not in self.jobs:
                    job = JobRunner(self._world, name, self._connect, self._ended)
                    self.jobs[name] = job
                    self._tasks[name] = asyncio.create_task(job.run(), name=name)
            for name in [name for name in self.jobs if name not in names]:
                await self._end(name)
            for job in self.jobs.values():
                await job.look()
            await self._world.clock.sleep(JOBS_EVERY)

    async def _repeat(self, name: str, seconds: float, chore: Chore) -> None:
        while True:
            try:
                await chore()
            except Exception:
                log.exception("chore.failed", chore=name)
            await self._world.clock.sleep(seconds)

    async def _end(self, name: str) -> None:
        """An app was removed: its job ends."""
        job, task = self.jobs.pop(name), self._tasks.pop(name)
        job.stop()
        await asyncio.wait([task], timeout=self._stop_seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _end_jobs(self) -> None:
        for job in self.jobs.values():
            job.stop()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks.values(), timeout=self._stop_seconds)
        for task in late:
            log.warning("job.cut_off", job=task.get_name())
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
