"""The audits of all jobs, each when it's due, beside their cycles and beside each other.

An app that is large, or slow, keeps no other app's audit waiting: each is a task with a connection of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from instep.core.drift import AuditSummary
from instep.engine.audit import audit_due, run_audit
from instep.engine.job_runner import Connect
from instep.engine.progress import Progress
from instep.engine.world import World
from instep.ports import App, LeaseLost, LeaseTaken, StateReader

log = structlog.stdlib.get_logger()

EVERY = 30.0
"""Seconds between two looks at what is due."""

Audited = Callable[[App, AuditSummary], Awaitable[None]]
"""Told of each audit that has ended."""


class Audits:
    """Runs the audits of jobs that are started and want one."""

    def __init__(self, world: World, connect: Connect, audited: Audited) -> None:
        self._world = world
        self._connect = connect
        self._audited = audited
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until it's cancelled; an audit that is under way then begins anew with the next start."""
        try:
            while True:
                for app in await self._world.state.read(self._due):
                    if app.name not in self._running or self._running[app.name].done():
                        self._running[app.name] = asyncio.create_task(self._audit(app))
                await self._world.clock.sleep(EVERY)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _due(self, state: StateReader) -> list[App]:
        now = self._world.clock.now()

        def wanted(app: App) -> bool:
            status = state.status(app.name)
            healthy = status.schedule == "active" and status.quarantine is None
            # Before its first cycle a job has nothing to compare.
            begun = state.watermark(app.name) is not None
            return healthy and begun and audit_due(app.audit, state.audit(app.name), now)

        return [app for app in state.apps() if wanted(app)]

    async def _audit(self, app: App) -> None:
        stop = asyncio.Event()
        try:
            async with self._connect(app) as (job, target):
                summary = await run_audit(self._world, job, target, Progress(), stop)
        except (LeaseTaken, LeaseLost):
            return  # another process audits this job
        except Exception:
            log.exception("audit.fault", job=app.name)
            return
        log.info("audit.ended", job=app.name, result=summary.result, read=summary.read, **summary.counts)
        await self._audited(app, summary)
