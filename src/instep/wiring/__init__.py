"""The composition root: the only place that knows every part.

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
    from instep.engine.world import Job, World
    from instep.settings import Settings
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore
    from instep.targets.pacing import Pacings
    from instep.targets.scim import ScimTarget


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
            read_lag_seconds=settings.read_lag_seconds,
        )
    finally:
        reading.shutdown()


@asynccontextmanager
async def target(
    settings: Settings, memory: StateStore, app: App, token: str | None = None, pacings: Pacings | None = None
) -> AsyncIterator[ScimTarget]:
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
