"""The composition root: the only file that knows every part.

It opens the stores where the settings say, compiles a job's rules, and hands the engine its world. Imports are
made where they're needed, so that a command which only lists people doesn't load an HTTP client.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.core.job import JobStatus
    from instep.engine.job_runner import Connect, JobRunner
    from instep.engine.runner import Chore, Runner
    from instep.engine.world import Job, World
    from instep.mailing.smtp import SmtpMailer
    from instep.monitoring.figures import Figures
    from instep.ports import CycleSummary, StateReader, Target
    from instep.settings import Settings
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore
    from instep.targets.pacing import Pacings


HOUR = 3600.0
MAIL_EVERY = 15.0
"""Seconds between two looks for mails that are due."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemChance:
    """Randomness fit for secrets, asked from the system in larger pieces: a cycle needs several for each person."""

    def __init__(self) -> None:
        self._pool = b""

    def token(self) -> str:
        if not self._pool:
            self._pool = secrets.token_bytes(4096)
        piece, self._pool = self._pool[:16], self._pool[16:]
        return piece.hex()

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * secrets.randbelow(1 << 32) / (1 << 32)


def directory(settings: Settings) -> DirectoryStore:
    """The directory's store; made when it's missing."""
    from instep.stores.directory import DirectoryStore

    settings.data.mkdir(parents=True, exist_ok=True)
    return DirectoryStore(settings.data / "directory.sqlite")


def state(settings: Settings) -> StateStore:
    """The state's store; made when it's missing."""
    from instep.stores.state import StateStore

    settings.data.mkdir(parents=True, exist_ok=True)
    return StateStore(settings.data / "state.sqlite", settings.key_path)


@contextmanager
def stores(settings: Settings) -> Iterator[tuple[DirectoryStore, StateStore]]:
    """Both stores, closed at the end."""
    people = directory(settings)
    try:
        memory = state(settings)
        try:
            yield people, memory
        finally:
            memory.close()
    finally:
        people.close()


def job(app: App) -> Job:
    """The app's job with its rules compiled. Raises DocumentError."""
    from instep.core.compile import compile_rules
    from instep.core.rules_document import rules_document
    from instep.engine.world import Job

    return Job(app, compile_rules(rules_document(app.rules)))


@asynccontextmanager
async def world(settings: Settings, people: DirectoryStore, memory: StateStore) -> AsyncIterator[World]:
    """The engine's world over these stores."""
    from instep.engine.world import World, is_dead, this_process

    reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="directory")

    async def offload(work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(reading, work)

    try:
        yield World(
            directory=people,
            state=memory,
            clock=SystemClock(),
            chance=SystemChance(),
            offload=offload,
            owner=this_process(),
            dead=is_dead,
            lease_seconds=settings.lease_seconds,
            request_seconds=settings.request_seconds,
            concurrency=settings.concurrency,
        )
    finally:
        reading.shutdown()


@asynccontextmanager
async def target(
    settings: Settings, memory: StateStore, app: App, token: str | None = None, pacings: Pacings | None = None
) -> AsyncIterator[Target]:
    """The app's SCIM endpoint, with its secret (the one that is kept unless given) and with what was learnt of it.

    pacings: where its limits are learnt, for jobs that may send to one app."""
    from instep.targets.credentials import authorized_by
    from instep.targets.gallery import template
    from instep.targets.scim import ScimTarget

    with memory.reading() as reader:
        token = token or reader.token(app.name)
        learnt = reader.abilities(app.name)
    clock, private = SystemClock(), settings.private_networks
    client = ScimTarget(
        app.tenant_url,
        authorized_by(app.credentials, token or "", clock, settings.request_seconds, private),
        clock,
        abilities=learnt or template(app.template).abilities,
        request_seconds=settings.request_seconds,
        connections=settings.concurrency,
        private_networks=private,
        pacings=pacings,
        limits=template(app.template).limits,
    )
    try:
        yield client
    finally:
        await client.close()


def connect(settings: Settings, memory: StateStore) -> Connect:
    """What opens an app's job and its target for the runner."""
    from instep.targets.pacing import Pacings

    chance = SystemChance()
    pacings = Pacings(SystemClock(), lambda: chance.uniform(0.0, 1.0))

    @asynccontextmanager
    async def open_app(app: App) -> AsyncIterator[tuple[Job, Target]]:
        async with target(settings, memory, app, pacings=pacings) as client:
            yield job(app), client

    return open_app


@asynccontextmanager
async def runner(settings: Settings, people: DirectoryStore, memory: StateStore) -> AsyncIterator[Runner]:
    """The runner of all jobs over these stores."""
    from instep.engine.runner import Runner

    async with world(settings, people, memory) as outside:

        async def ended(app: App, summary: CycleSummary) -> None:
            await conclude(memory, app, summary)

        async def announce_all() -> None:
            """What comes with time and not with a cycle: a credential that nears its end."""
            from instep.engine.notices import announce
            from instep.mailing.layout import lay_out

            for app in await memory.read(lambda state: state.apps()):
                await announce(memory, lay_out, app, outside.clock.now())

        async def purge() -> None:
            """Who has been in the recycle bin for 30 days is gone for good, and the apps are to know it."""
            from instep.directory.editing import purge_expired

            await asyncio.to_thread(purge_expired, people, outside.clock.now())

        chores: dict[str, tuple[float, Chore]] = {"purge": (HOUR, purge), "notices": (HOUR / 12, announce_all)}
        if post := mailer(settings):

            async def send_mails() -> None:
                from instep.engine.notices import deliver

                await deliver(memory, post, outside.clock)

            chores["mail"] = (MAIL_EVERY, send_mails)
        yield Runner(outside, connect(settings, memory), ended, chores, settings.stop_seconds)


async def conclude(memory: StateStore, app: App, summary: CycleSummary) -> JobStatus:
    """What follows each cycle: the job's health is judged, and whom it concerns is told."""
    from instep.engine.health import judge_health
    from instep.engine.notices import announce
    from instep.mailing.layout import lay_out

    now = SystemClock().now()
    status = await judge_health(memory, app, summary, now)
    await announce(memory, lay_out, app, now)
    return status


def mailer(settings: Settings) -> SmtpMailer | None:
    """Who sends mails; none when no mail server is set. Raises ValueError where its settings can't be used."""
    if not settings.smtp_host:
        return None
    from instep.mailing.smtp import SmtpMailer, SmtpServer

    return SmtpMailer(
        SmtpServer(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_tls,
            settings.smtp_user,
            settings.smtp_password_file,
            settings.smtp_from,
        )
    )


async def figures(runner: Runner, people: DirectoryStore, memory: StateStore) -> Figures:
    """The figures of the service: each job as the runner and the state know it."""
    from instep.monitoring.figures import Figures, JobFigures

    sequence = await asyncio.to_thread(people.sequence)

    def of(state: StateReader, each: JobRunner) -> JobFigures:
        status: JobStatus = state.status(each.name)
        watermark = state.watermark(each.name)
        last = next((c for c in state.cycles(each.name, limit=3) if c.ended), None)
        return JobFigures(
            job=each.name,
            schedule=status.schedule,
            quarantined=status.quarantine is not None,
            running=each.running,
            fault=each.fault,
            behind=max(0, sequence - (watermark.sequence if watermark else 0)),
            last_ended=last.ended if last else None,
            escrow=len(state.escrow(each.name)),
            held=sum(hold.verdict == "waiting" for _, hold in state.holds(each.name)),
            links={(str(kind), status): number for (kind, status), number in state.counts(each.name).items()},
            done=dict(each.totals),
            cycles=dict(each.results),
            seconds=each.seconds,
        )

    jobs = await memory.read(lambda state: tuple(of(state, each) for each in runner.jobs.values()))
    return Figures(sequence, jobs)
