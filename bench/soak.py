"""A day of service in accelerated time with a dozen apps: does anything grow that shouldn't?

    .venv/bin/python bench/soak.py --hours 24 --speed 360

The runner, the engine and the stores are the real ones; the apps live in the process, and all clocks run `--speed`
times as fast. People join, move and leave all day, some are refused, two apps are down for a while, audits run. Told
are memory, open files and threads after the first hour and at the end, and the rows and bytes of the databases.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from instep import wiring
from instep.core.app import App, Audit
from instep.core.compile import compile_rules
from instep.core.directory import Entry
from instep.core.job import JobStatus
from instep.core.outcome import Refused
from instep.core.rules_document import rules_document
from instep.core.subject import Kind
from instep.engine import apply, watch
from instep.engine import runner as runner_module
from instep.engine.audits import Audits
from instep.engine.runner import Runner
from instep.engine.world import Job
from instep.ports import AppUnavailable, CycleSummary, Target
from instep.settings import Settings
from instep.targets.memory import Call, Fault, MemoryTarget
from instep.wiring import serving

APPS = 12
RULES: dict[str, Any] = {
    "scope": "all",
    "users": {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]", "matching": 1},
            {"target": "displayName", "source": "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
            {"target": "active", "source": 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'},
        ]
    },
    "groups": {"enabled": False},
}


class FastClock:
    """All clocks of the service, running faster."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began, self._start = time.monotonic(), datetime.now(UTC)

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class SoakedApp(MemoryTarget):
    """An app in the process that refuses some people, and is down between two hours of the day."""

    def __init__(self, number: int, clock: FastClock) -> None:
        super().__init__(hook=self._fault)
        self._clock = clock
        self._down = (3600.0 * 6, 3600.0 * 7) if number < 2 else (0.0, 0.0)

    def _fault(self, call: Call) -> Fault | None:
        self.calls.clear()
        if self._down[0] < self._clock.monotonic() < self._down[1]:
            raise AppUnavailable("no connection", "WebExceptionProtocolError")
        if call.method == "create" and "odd" in str(call.detail.get("userName")):
            return Fault(Refused("odd", "UnprocessableEntity"))
        return None


def usage(folder: Path) -> dict[str, int]:
    """What the process and the databases take now."""
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "rss_kb": resident,
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "state_kb": (folder / "state.sqlite").stat().st_size // 1024,
        "directory_kb": (folder / "directory.sqlite").stat().st_size // 1024,
    }


def rows(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with sqlite3.connect(path) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        counted = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    return {name: count for name, count in counted.items() if count}


def unhurried() -> None:
    """Looks that are meant for real time, several in a second, would be all that the machine does."""
    runner_module.DIRECTORY_EVERY, runner_module.JOBS_EVERY = 30.0, 60.0
    watch.EVERY, watch.REPORTS_EVERY, apply.LISTENS_EVERY = 30.0, 120.0, 30.0


async def soak(folder: Path, hours: float, speed: float, people: int) -> dict[str, Any]:
    """The day."""
    settings = Settings(data=folder, listen="off")
    clock, chance = FastClock(speed), random.Random(1)
    with wiring.stores(settings) as (directory, state):
        targets = {f"app{i}": SoakedApp(i, clock) for i in range(APPS)}
        apps = {
            name: App(name, name, "scim", "https://app.example", RULES, audit=Audit("repair", 6)) for name in targets
        }
        with state.writing() as writer:
            for app in apps.values():
                writer.save_app(app, "secret")
                writer.change_status(app.name, lambda _: JobStatus("active"))
        rules = compile_rules(rules_document(RULES))
        with directory.edit() as edit:
            for i in range(people):
                hire(edit, f"p{i}", "Engineer")

        @asynccontextmanager
        async def connect(app: App) -> AsyncIterator[tuple[Job, Target]]:
            yield Job(app, rules), targets[app.name]

        async def ended(app: App, summary: CycleSummary) -> None:
            cycles[summary.result] = cycles.get(summary.result, 0) + 1
            await serving.conclude(state, app, summary)

        async def audited(app: App, summary: Any) -> None:
            cycles["audits"] = cycles.get("audits", 0) + 1

        async def prune() -> None:
            await asyncio.to_thread(state.prune_log, clock.now() - timedelta(hours=6))

        cycles: dict[str, int] = {}
        stop = asyncio.Event()
        async with wiring.world(settings, directory, state) as world:
            world = replace(world, clock=clock, lease_seconds=3600.0, request_seconds=60.0)
            audits = Audits(world, connect, audited)
            runner = Runner(world, connect, ended, {"audits": (3600.0, audits.run), "prune": (3600.0, prune)})
            running = asyncio.create_task(runner.run(stop))
            measured, hired = {}, people
            while clock.monotonic() < hours * 3600:
                await asyncio.sleep(0.5)
                with directory.edit() as edit:
                    hire(edit, f"{'odd' if hired % 50 == 0 else 'p'}{hired}", "Engineer")
                    hire(edit, f"p{chance.randrange(1, people)}", f"Title {chance.randrange(100)}")
                    hire(edit, f"p{chance.randrange(1, people)}", "Leaver", enabled=hired % 40 != 0)
                hired += 1
                if "after_an_hour" not in measured and clock.monotonic() > 3600:
                    measured["after_an_hour"] = usage(folder)
                if "half" not in measured and clock.monotonic() > hours * 1800:
                    measured["half"] = usage(folder)
            measured["end"] = usage(folder)
            stop.set()
            await running
        measured["stopped"] = usage(folder)
    return {
        **measured,
        "hired": hired - people,
        "cycles": cycles,
        "state_rows": rows(folder / "state.sqlite"),
        "directory_rows": rows(folder / "directory.sqlite"),
    }


def hire(edit: Any, name: str, title: str, enabled: bool = True) -> None:
    """Hire or change somebody."""
    address = f"{name}@firm.example"
    attributes = {"userPrincipalName": address, "displayName": name, "jobTitle": title}
    edit.put(Entry(Kind.USER, name, address, attributes, enabled=enabled))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=24.0)
    options.add_argument("--speed", type=float, default=360.0, help="how many seconds pass in one")
    options.add_argument("--people", type=int, default=300)
    given = options.parse_args()
    unhurried()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(asyncio.run(soak(Path(name), given.hours, given.speed, given.people)), indent=2))
