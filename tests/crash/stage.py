"""Where a worker dies: a company in a folder, an app that gets it, and what an undisturbed cycle makes of both.

Both folders are prepared once for each act, and copied for each point. An act is a cycle with something to do: the
first one, for everybody, and the one after a day of changes.
"""

import json
import os
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash import appside, company, processes, steps
from tests.crash.running_app import RunningApp
from tests.serviceprovider.world import organisation

from instep import wiring
from instep.directory.generate import Company
from instep.engine.lanes import URGENT_WORKERS
from instep.serviceprovider.app import App

ACTS = ("initial", "day")
HURRY = 20
"""How many times faster the clock of a worker runs that has something to settle."""
SIDES = ("worker", "app")
"""Who counts the steps: the worker its commits, requests and answers; the app what it does of each request."""


@dataclass(frozen=True)
class Size:
    """Of the company."""

    users: int
    groups: int
    memberships: int


@dataclass
class Undisturbed:
    """What a cycle does that nobody ends."""

    steps: dict[str, int]
    content: Any


@dataclass
class Point:
    """One death, and what became of it."""

    act: str
    side: str
    at: int
    where: str = ""
    """At which step it died; empty when the cycle ended before."""
    repeated: int = 0
    """Writes that the app got twice."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Stage:
    """One act, prepared; any number of points can be tried on it, one after the other."""

    def __init__(self, folder: Path, act: str, size: Size, concurrency: int) -> None:
        self.act = act
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._output = folder / "instep.out"
        self.concurrency = concurrency
        self._number = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        processes.import_ahead(processes.COMMANDS)
        self._prepare(size)
        self.undisturbed = self._run_undisturbed()

    def point(self, side: str, at: int) -> Point:
        """Let a worker die there and another one go on; then see that all is as if nothing had happened."""
        began = time.monotonic()
        point = Point(self.act, side, at)
        with self.copied() as (data, app):
            told = data / "told"
            code = self.sync(data, app, side, at, told)
            killed = app.journal()["harmed"]
            point.where = killed if side == "app" else told.read_text()
            if code != -signal.SIGKILL or not point.where:
                point.where = ""
                point.wrong += [] if code == 0 else [f"ended with {code}: {self.said()}"]
            point.repeated, wrong = self.go_on(data, app)
            point.wrong += wrong
        point.seconds = round(time.monotonic() - began, 2)
        return point

    def go_on(self, data: Path, app: RunningApp) -> tuple[int, list[str]]:
        """Run it again after whatever happened: how many writes the app got twice, and what isn't as if nothing had
        happened."""
        wrong: list[str] = []
        app.journal()  # nothing is under way any more
        if code := self.sync(data, first=_hurry):
            wrong.append(f"the run after it ended with {code}: {self.said()}")
        sent = Counter(tuple(write) for write in app.journal()["writes"])
        again = {write: times - 1 for write, times in sent.items() if times > 1}
        repeated = sum(again.values())
        if repeated > self.concurrency + URGENT_WORKERS:
            wrong.append(f"more repeated than was in flight: {again}")
        wrong += _differences(self.undisturbed.content, app.content())
        before = app.journal()["requests"]
        code = self.sync(data)
        after = app.journal()["requests"]
        if code or after != before:
            wrong.append(f"one more run ended with {code} and sent {after - before} requests: {self.said()}")
        return repeated, wrong

    @contextmanager
    def interrupted(self, at: int) -> Iterator[Path]:
        """Instep's folder as a worker leaves it that dies at its n-th step."""
        with self.copied() as (data, app):
            code = self.sync(data, app, "worker", at, data / "told")
            assert code == -signal.SIGKILL, f"step {at} wasn't reached: {self.said()}"
            yield data

    def said(self) -> str:
        """What the last command said."""
        return self._output.read_text()[-2000:]

    # --- preparing ---

    def _prepare(self, size: Size) -> None:
        """Both folders as they're before the act."""
        base = self._folder / "before"
        data = base / "instep"
        data.mkdir(parents=True)
        app = App(base / "app")
        _, self._token = organisation(app, domain="example.com")
        app.close()
        (base / "token").write_text(self._token)
        generated = ("--users", size.users, "--groups", size.groups, "--memberships", size.memberships)
        self._must(data, "directory", "generate", *map(str, generated), "--seed", str(company.SEED))
        made = Company(size.users, size.groups, size.memberships, company.SEED)
        company.before(data, made)
        with self._serving(base) as running:
            added = ("--url", running.url, "--token-file", str(base / "token"), "--scope", "all")
            self._must(data, "app", "add", "scim", *added)
            if self.act == "day":
                self._must(data, "sync", "scim")
                company.a_day(data, made)

    def _run_undisturbed(self) -> Undisturbed:
        with self.copied() as (data, app):
            told = data / "told"
            code = self.sync(data, app, "worker", steps.NEVER, told)
            assert code == 0, f"the undisturbed cycle ended with {code}: {self.said()}"
            journal, worker = app.journal(), json.loads(told.read_text())
            processes.import_ahead(worker["modules"] + journal["modules"])
            return Undisturbed(
                {"worker": worker["steps"], "app": journal["steps"]},
                app.content(),
            )

    @contextmanager
    def copied(self, place: Path | None = None) -> Iterator[tuple[Path, RunningApp]]:
        """The folders copied, Instep's to `place` if given, and the app running over its copy."""
        self._number += 1
        copy = self._folder / f"point-{self._number}"
        shutil.copytree(self._folder / "before" / "app", copy / "app")
        data = shutil.copytree(self._folder / "before" / "instep", place or copy / "instep", dirs_exist_ok=True)
        try:
            with self._serving(copy) as app:
                yield data, app
        finally:
            shutil.rmtree(copy)

    # --- processes ---

    @contextmanager
    def _serving(self, place: Path) -> Iterator[RunningApp]:
        reads, ready = os.pipe()
        pid = processes.forked(lambda: appside.serve(place / "app", self._port, ready), place / "app.out")
        os.close(ready)
        try:
            with open(reads) as told:
                url = told.read()
            assert url, (place / "app.out").read_text()
            yield RunningApp(url, self._token)
        finally:
            processes.kill(pid)

    def sync(
        self,
        data: Path,
        app: RunningApp | None = None,
        side: str = "",
        at: int = 0,
        told: Path | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> int:
        """`instep sync`, its exit code. With `told` its steps are watched: that file takes what there's to tell, and
        at step `at` it dies. `first` is what the process does before all else."""
        reads, begin = os.pipe()

        def work() -> None:
            os.read(reads, 1)  # the app is to know our pid before
            first()
            if told is None:
                processes.instep(("sync", "scim"), self._environment(data))
                return
            counted = steps.Steps(at if side == "worker" else steps.NEVER, told)
            steps.watch(counted)
            try:
                processes.instep(("sync", "scim"), self._environment(data))
            finally:
                if at == steps.NEVER:
                    counted.tell(json.dumps({"steps": counted.count, "modules": processes.modules()}))

        pid = processes.forked(work, self._output)
        if app and side:
            app.kill(pid, at if side == "app" else steps.NEVER)
        os.write(begin, b".")
        os.close(begin)
        os.close(reads)
        if app and side:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            app.kill(pid, steps.NEVER)  # before somebody else can have that pid
        return processes.ended(pid)

    def _must(self, data: Path, *words: str) -> None:
        code = processes.ended(processes.forked(lambda: processes.instep(words, self._environment(data)), self._output))
        assert code == 0, f"instep {' '.join(words)}: {code}: {self.said()}"

    def _environment(self, data: Path) -> dict[str, str]:
        return {
            "INSTEP_DATA": str(data),
            "INSTEP_CONCURRENCY": str(self.concurrency),
            "INSTEP_REQUEST_SECONDS": "10",
            "INSTEP_READ_LAG_SECONDS": "10",
            "INSTEP_LEASE_SECONDS": str(60 * HURRY),
        }


def _hurry() -> None:
    """Give this process a clock that runs fast: the next worker waits as long as a request may be under way before it
    settles what was begun, and of the app it's known that none is."""

    class Hurried(wiring.SystemClock):
        def monotonic(self) -> float:
            return super().monotonic() * HURRY

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds / HURRY)

    wiring.SystemClock = Hurried  # type: ignore[misc]


def _differences(expected: Any, found: Any) -> list[str]:
    """What the app holds that it shouldn't, and the other way round; twins show."""
    texts = [Counter(json.dumps(each, sort_keys=True) for each in side) for side in (expected, found)]
    missing, unexpected = texts[0] - texts[1], texts[1] - texts[0]
    said = [f"missing: {text[:300]}" for text in list(missing)[:3]]
    return said + [f"unexpected: {text[:300]}" for text in list(unexpected)[:3]]
