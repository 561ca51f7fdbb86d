"""The service, put together: the runner of all jobs, what follows each cycle, and what is done every now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from instep.wiring import SystemChance, SystemClock, job, target, world

if TYPE_CHECKING:
    from instep.core.app import App
    from instep.core.drift import AuditSummary
    from instep.core.job import JobStatus
    from instep.engine.job_runner import Connect, JobRunner
    from instep.engine.runner import Chore, Runner
    from instep.engine.world import Job
    from instep.mailing.smtp import SmtpMailer
    from instep.monitoring.figures import Figures
    from instep.ports import CycleSummary, StateReader, Target
    from instep.settings import Settings
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore
    from instep.targets.pacing import Pacing

HOUR = 3600.0
MAIL_EVERY = 3.0
"""Seconds between two looks for mails that are due."""


@dataclass(frozen=True, slots=True)
class Service:
    """The service while it runs."""

    runner: Runner
    pacings: dict[str, Pacing]
    """Of each app that was connected to: jobs that send to one app share one."""


def connect(settings: Settings, memory: StateStore, used: dict[str, Pacing]) -> Connect:
    """What opens an app's job and its target for the runner. used: takes the pacing of each app."""
    from instep.targets.pacing import Pacings

    chance = SystemChance()
    pacings = Pacings(SystemClock(), lambda: chance.uniform(0.0, 1.0))

    @asynccontextmanager
    async def open_app(app: App) -> AsyncIterator[tuple[Job, Target]]:
        async with target(settings, memory, app, pacings=pacings) as client:
            used[app.name] = client.pacing
            yield job(app), client

    return open_app


@asynccontextmanager
async def service(settings: Settings, people: DirectoryStore, memory: StateStore) -> AsyncIterator[Service]:
    """The service over these stores."""
    from instep.engine.audits import Audits
    from instep.engine.runner import Runner

    async with world(settings, people, memory) as outside:

        async def ended(app: App, summary: CycleSummary) -> None:
            await conclude(memory, app, summary)

        async def found(app: App, summary: AuditSummary) -> None:
            await tell_of_drift(memory, app, summary)

        pacings: dict[str, Pacing] = {}
        open_app = connect(settings, memory, pacings)
        chores = _chores(settings, people, memory)
        chores["audits"] = (HOUR, Audits(outside, open_app, found).run)
        yield Service(Runner(outside, open_app, ended, chores, settings.stop_seconds), pacings)


def _chores(settings: Settings, people: DirectoryStore, memory: StateStore) -> dict[str, tuple[float, Chore]]:
    """What is done every now and then, by name, with the seconds in between."""
    from instep.directory.editing import purge_expired
    from instep.engine.notices import announce, deliver
    from instep.mailing.layout import lay_out

    clock = SystemClock()

    async def announce_all() -> None:
        """What comes with time and not with a cycle: a credential that nears its end."""
        for app in await memory.read(lambda state: state.apps()):
            await announce(memory, lay_out, app, clock.now())

    async def purge() -> None:
        """Who has been in the recycle bin for 30 days is gone for good, and the apps are to know it."""
        await asyncio.to_thread(purge_expired, people, clock.now())

    async def prune() -> None:
        """What is too old to be kept."""
        await asyncio.to_thread(memory.prune_log, clock.now() - timedelta(days=settings.log_days))

    chores: dict[str, tuple[float, Chore]] = {
        "purge": (HOUR, purge),
        "prune": (HOUR, prune),
        "notices": (HOUR / 12, announce_all),
    }
    if post := mailer(settings):

        async def send_mails() -> None:
            await deliver(memory, post, clock)

        chores["mail"] = (MAIL_EVERY, send_mails)
    return chores


async def tell_of_drift(memory: StateStore, app: App, summary: AuditSummary) -> None:
    """Tell whom it concerns what an audit found."""
    from instep.core.drift import State
    from instep.core.notices import NAMED, Drifted, Person
    from instep.core.unmanaged import STRAY
    from instep.engine.notices import announce_drift
    from instep.mailing.layout import lay_out

    drift, strays = await memory.read(lambda state: (state.drift(app.name), state.unmanaged(app.name)))
    fresh = [each for each in drift if each.last_seen >= summary.began and each.times == 1]
    stray = [each for each in strays if each.reason in STRAY and each.active and each.first_seen >= summary.began]
    shown = sorted(fresh, key=lambda each: (not each.regains_access, each.name))[:NAMED]
    people = [Person(each.name, each.path) for each in shown]
    people += [Person(each.name, f"an account of somebody who is {each.reason}") for each in stray]
    repaired = sum(each.state in (State.REPAIRING, State.REPAIRED) for each in fresh)
    found = Drifted(summary.began, len(fresh), repaired, len(stray), tuple(people[:NAMED]))
    await announce_drift(memory, lay_out, app, found, SystemClock().now())


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


async def figures(service: Service, people: DirectoryStore, memory: StateStore) -> Figures:
    """The figures of the service: each job as the runner and the state know it."""
    from instep.monitoring.figures import Figures, JobFigures, LimitFigures

    sequence = await asyncio.to_thread(people.sequence)

    def of(state: StateReader, each: JobRunner) -> JobFigures:
        status: JobStatus = state.status(each.name)
        watermark = state.watermark(each.name)
        last = next((c for c in state.cycles(each.name, limit=3) if c.ended), None)
        remains = state.remains(each.name, SystemClock().now())
        return JobFigures(
            job=each.name,
            schedule=status.schedule,
            quarantined=status.quarantine is not None,
            running=each.running,
            fault=each.fault,
            behind=max(0, sequence - (watermark.sequence if watermark else 0)),
            last_ended=last.ended if last else None,
            escrow=remains.escrow,
            held=remains.held,
            links={(str(kind), status): number for (kind, status), number in state.counts(each.name).items()},
            done=dict(each.totals),
            cycles=dict(each.results),
            seconds=each.seconds,
            limits=limits.get(each.name, ()),
            pauses=pauses.get(each.name, {}),
        )

    # Here, and not where the state is read: that's another thread.
    limits = {
        name: tuple(LimitFigures(k.purpose, k.resource, k.origin, k.rate, k.burst) for k in pacing.limits())
        for name, pacing in service.pacings.items()
    }
    pauses = {name: pacing.pauses() for name, pacing in service.pacings.items()}

    jobs = await memory.read(lambda state: tuple(of(state, each) for each in service.runner.jobs.values()))
    return Figures(sequence, jobs, await memory.read(lambda state: state.mails_waiting()))
