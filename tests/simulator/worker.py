"""A worker: the real runner of one job over the real stores, which can die at any step and be stopped for a while.

Each read and write of a store and each request is a step. A worker that has died carries out nothing from there on; one
that is stopped goes on later where it was, as a process does after SIGSTOP and SIGCONT.
"""

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.simulator.app import Line, ModelApp
from tests.simulator.connections import QuickDatabase

from instep.core.compile import compile_rules
from instep.core.rules_document import rules_document
from instep.engine.health import judge_health
from instep.engine.job_runner import JobRunner
from instep.engine.world import Job, World
from instep.ports import App, CycleSummary
from instep.scim.abilities import Abilities
from instep.stores.directory import DirectoryStore
from instep.stores.state import StateStore
from instep.stores.state.reading import SqlStateReader
from instep.targets.scim import ScimTarget

READ_LAG = 61.0
"""Seconds that the engine waits for what isn't shown; the model's reads lag by up to 60."""


class Died(BaseException):
    """The worker is dead: whatever it still wants to do doesn't happen."""


class Time:
    """The port `Clock` in virtual time, with a day that jumps."""

    def __init__(self) -> None:
        self.skew = timedelta()

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(seconds=self.monotonic()) + self.skew

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SeededChance:
    """The port `Chance` from a seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


class Stores:
    """The stores of one run: all its workers have the same files.

    Single reads share a connection that stays open, which costs less than taking one for each.
    """

    def __init__(self, folder: Path) -> None:
        self.directory = DirectoryStore(folder / "directory.sqlite")
        self.state = StateStore(folder / "state.sqlite", folder / "secrets.key")
        self._quick = [QuickDatabase(store._database) for store in (self.directory, self.state)]
        for store, quick in zip((self.directory, self.state), self._quick, strict=True):
            store._database = quick  # type: ignore[assignment]
        self._looks = [quick.connect(quick.readers) for quick in self._quick]
        self._reader = SqlStateReader(self._looks[1], self.state._vault)  # type: ignore[arg-type]

    def sequence(self) -> int:
        """The directory's newest number."""
        (number,) = self._looks[0].driver.execute("SELECT number FROM sequence").fetchone()
        return int(number)

    def read(self, work: Callable[[Any], Any]) -> Any:
        """What `work` makes of the state."""
        driver = self._looks[1].driver
        driver.execute("BEGIN")
        try:
            return work(self._reader)
        finally:
            driver.rollback()

    def close(self) -> None:
        """Close everything."""
        self.state.close()
        self.directory.close()


class Worker:
    """One process of the service, as far as one job is concerned."""

    def __init__(
        self,
        name: str,
        seed: int,
        stores: "Stores",
        app: ModelApp,
        time: Time,
        dead: set[str],
        told: Callable[[str, CycleSummary], None],
        fell: Callable[[], None],
    ) -> None:
        """told: of each cycle that has ended. fell: called when it has died, or its runner has ended by itself."""
        self.name = name
        self.dead = False
        self.crash_at: tuple[int, str] | None = None
        """The number of the write to die at, and whether `before` its commit or `after` it."""
        self.writes = 0
        self._stopped: asyncio.Event | None = None
        self._stores = stores
        self._app = app
        self._dead = dead
        self._told = told
        self._fell = fell
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.world = World(
            directory=_Directory(stores),
            state=_State(self, stores),  # type: ignore[arg-type]
            clock=time,
            chance=SeededChance(f"{seed} {name}"),
            offload=self._offload,
            owner=name,
            dead=lambda owner: owner in dead,
            lease_seconds=60.0,
            request_seconds=30.0,
            concurrency=4,
            read_lag_seconds=READ_LAG,
            looks_every_seconds=20.0,
        )
        self.job = JobRunner(self.world, "app", self.connect, self._ended)
        token = _CURRENT.set(self)
        self._task = asyncio.get_running_loop().create_task(self.job.run())
        _CURRENT.reset(token)
        self._task.add_done_callback(lambda _: fell())

    async def step(self) -> None:
        """Between two steps anything may happen to a process."""
        if self.dead:
            raise Died
        await asyncio.sleep(0)
        while self._stopped is not None:
            await self._stopped.wait()
        if self.dead:
            raise Died

    async def commit_step(self, when: str) -> None:
        """Before or after a commit: where a planned death comes."""
        await self.step()
        if when == "before":
            self.writes += 1
        if self.crash_at and (self.crash_at[0] < self.writes or self.crash_at == (self.writes, when)):
            self.dead = True
            self._fell()
            raise Died

    async def look(self) -> None:
        """The directory or what is asked for may have changed: as the service looks every half second."""
        if self.dead or self._stopped is not None:
            return
        self.job.directory_moved(self._stores.sequence())
        with suppress(Died):
            await self.job.look()

    def stop(self) -> None:
        """SIGSTOP."""
        self._stopped = self._stopped or asyncio.Event()

    def go_on(self) -> None:
        """SIGCONT."""
        if self._stopped is not None:
            self._stopped.set()
            self._stopped = None

    async def bury(self) -> None:
        """Clear away what a dead worker leaves in this process."""
        self.dead = True
        self._dead.add(self.name)
        self.go_on()
        for _ in range(50):
            if not self.tasks:
                return
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(0)
        raise AssertionError(f"{self.name} is dead and still has {len(self.tasks)} tasks")

    @property
    def fault(self) -> BaseException | None:
        """Why the runner ended by itself, which it never should."""
        if not self._task.done() or self.dead or self._task.cancelled():
            return None
        return self._task.exception()

    @property
    def running(self) -> bool:
        """Whether a cycle is under way."""
        return self.job.running

    async def _offload(self, work: Callable[[], Any]) -> Any:
        await self.step()
        return work()

    @asynccontextmanager
    async def connect(self, app: App) -> AsyncIterator[tuple[Job, ScimTarget]]:
        """The app's job and its target."""
        learnt = self._stores.read(lambda reader: reader.abilities("app"))
        traits = self._app.traits
        stated = Abilities(
            dialect=traits["dialect"],
            page_size=traits["page"],
            members_per_patch=traits["chunk"],
            enforces_uniqueness=traits["unique"],
            trusts_list=traits["lists"],
            bulk=False,
        )
        target = ScimTarget(
            "https://app.example/scim/v2",
            "simulated-secret",
            self.world.clock,
            learnt or stated,
            request_seconds=30.0,
            connections=4,
            transport=Line(self._app, self),
        )
        yield Job(app, compile_rules(rules_document(app.rules))), target

    async def _ended(self, app: App, summary: CycleSummary) -> None:
        self._told(self.name, summary)
        await judge_health(self.world.state, app, summary, self.world.clock.now())


_CURRENT: contextvars.ContextVar[Worker | None] = contextvars.ContextVar("worker", default=None)


def owned(
    loop: asyncio.AbstractEventLoop, work: Any, context: contextvars.Context | None = None
) -> "asyncio.Task[Any]":
    """The loop's way to make tasks: each is written down with the worker whose task makes it."""
    task = asyncio.Task(work, loop=loop, context=context)
    if worker := _CURRENT.get():
        worker.tasks[task] = None
        task.add_done_callback(lambda done: worker.tasks.pop(done, None))
    return task


class _State:
    """The port `State` over the real store's transactions, in the loop's own thread."""

    def __init__(self, worker: Worker, stores: "Stores") -> None:
        self._worker, self._stores = worker, stores

    async def write(self, work: Callable[[Any], Any]) -> Any:
        await self._worker.commit_step("before")
        with self._stores.state.writing() as state:
            result = work(state)
        await self._worker.commit_step("after")
        return result

    async def read(self, work: Callable[[Any], Any]) -> Any:
        await self._worker.step()
        return self._stores.read(work)


class _Directory:
    """The port `Directory`; a reader that a dead worker has left open can be closed."""

    def __init__(self, stores: "Stores") -> None:
        self._stores = stores

    @contextmanager
    def reader(self) -> Iterator[Any]:
        with self._stores.directory.reader() as reader:
            yield reader

    def sequence(self) -> int:
        return self._stores.sequence()
