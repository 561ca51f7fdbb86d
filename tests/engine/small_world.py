"""A small world for engine tests: real stores in a folder, an app in memory, a clock that can be put forward."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from instep.core.compile import compile_rules
from instep.core.plan import Plan
from instep.core.rules_document import rules_document
from instep.core.subject import Kind
from instep.engine.cycle import run_cycle
from instep.engine.preview import preview
from instep.engine.progress import Progress
from instep.engine.world import Job, World
from instep.ports import App, CycleSummary, LogEntry, Target
from instep.stores.directory import DirectoryStore
from instep.stores.state import StateStore
from instep.targets.memory import MemoryTarget
from instep.wiring import SystemChance, SystemClock

RULES: dict[str, Any] = {
    "scope": "assigned",
    "users": {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]", "matching": 1},
            {"target": "displayName", "source": "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
            {
                "target": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                "source": "[manager]",
                "reference": True,
            },
        ]
    },
    "groups": {"mappings": [{"target": "displayName", "source": "[displayName]", "matching": 1}], "members": True},
}


class ShiftedClock(SystemClock):
    """The system's clock, with a day that can be put forward."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class SmallWorld:
    """A directory, one app and its job."""

    def __init__(self, folder: Path, target: Target | None = None, rules: dict[str, Any] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.directory = DirectoryStore(folder / "directory.sqlite")
        self.state = StateStore(folder / "state.sqlite", folder / "secrets.key")
        self.clock = ShiftedClock()
        self.target: Any = target if target is not None else MemoryTarget()
        self._reading = ThreadPoolExecutor(max_workers=1)
        self.owner = "test"
        self.world = World(
            directory=self.directory,
            state=self.state,
            clock=self.clock,
            chance=SystemChance(),
            offload=self._offload,
            owner=self.owner,
            dead=lambda owner: owner.startswith("dead"),
            lease_seconds=30.0,
            request_seconds=0.05,
            concurrency=4,
            read_lag_seconds=0.05,
        )
        with self.state.writing() as state:
            if state.app("app") is None or rules:
                state.save_app(_app(rules or RULES), "secret")

    async def _offload(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)

    @property
    def rules(self) -> dict[str, Any]:
        """The app's rules, as they are kept."""
        with self.state.reading() as state:
            app = state.app("app")
        assert app
        return app.rules

    @rules.setter
    def rules(self, rules: dict[str, Any]) -> None:
        with self.state.writing() as state:
            state.save_app(_app(rules), None)

    @property
    def job(self) -> Job:
        with self.state.reading() as state:
            app = state.app("app")
        assert app
        return Job(app, compile_rules(rules_document(app.rules)))

    async def sync(self, stop: asyncio.Event | None = None) -> CycleSummary:
        """One cycle."""
        return await run_cycle(self.world, self.job, self.target, Progress(), stop or asyncio.Event())

    async def on_demand(self) -> CycleSummary:
        """A run of whom wishes are about, and nobody else."""
        return await run_cycle(self.world, self.job, self.target, Progress(), asyncio.Event(), on_demand=True)

    async def plan(self) -> tuple[Plan, list[LogEntry]]:
        """What the next cycle would do."""
        return await preview(self.world, self.job, self.target, Progress())

    def log(self, **where: Any) -> list[LogEntry]:
        with self.state.reading() as state:
            return list(state.log("app", **where))

    def link(self, subject_id: str, kind: Kind = Kind.USER) -> Any:
        with self.state.reading() as state:
            return state.links("app", kind, [subject_id]).get(subject_id)

    def approve(self, verdict: str = "approved") -> int:
        """Approve (or reject) everything that is held now."""
        with self.state.writing() as state:
            return state.judge_holds("app", {hold.digest: verdict for _, hold in state.holds("app")})

    def close(self) -> None:
        self._reading.shutdown()
        self.state.close()
        self.directory.close()


Taking = TypeVar("Taking", bound=MemoryTarget)


def takes_twins(target: Taking) -> Taking:
    """The target as an app that doesn't mind two accounts, or groups, of one name."""
    target._unique = {Kind.USER: None, Kind.GROUP: None}
    target._abilities = target._abilities.__class__(enforces_uniqueness=False)
    return target


def _app(rules: dict[str, Any]) -> App:
    return App("app", "App", "scim", "https://app.example/scim", rules)


@contextmanager
def small_world(folder: Path, **given: Any) -> Iterator[SmallWorld]:
    """A small world, closed at the end."""
    world = SmallWorld(folder, **given)
    try:
        yield world
    finally:
        world.close()
