"""One cycle per job at a time, wherever the workers are."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import ShiftedClock, small_world
from tests.engine.test_crashes import people, person

from instep.core.subject import Kind
from instep.engine.lease import LeaseKeeper
from instep.ports import LeaseLost, LeaseTaken
from instep.targets.memory import MemoryTarget


async def test_a_job_that_a_living_worker_runs_is_not_run_again(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        async with LeaseKeeper(replace(world.world, owner="another"), "app"):
            with pytest.raises(LeaseTaken) as taken:
                await world.sync()
        assert taken.value.owner == "another"
        assert (await world.sync()).result == "succeeded"


async def test_a_dead_workers_lease_need_not_run_out(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        keeper = LeaseKeeper(replace(world.world, owner="dead-one"), "app")
        await keeper.__aenter__()
        assert (await world.sync()).result == "succeeded"
        with pytest.raises(LeaseLost):
            await world.state.write(lambda state: state.spool(keeper.lease, []))
        await keeper.__aexit__()


async def test_a_worker_that_was_taken_over_can_neither_send_nor_commit(tmp_path: Path) -> None:
    """The first worker stalls in a request; a second takes over; the first one's outcome isn't kept."""
    stalled, go_on = asyncio.Event(), asyncio.Event()

    class Connection:
        """The first worker's own way to the app: its first request stalls on the network."""

        def __init__(self, app: MemoryTarget) -> None:
            self._app = app
            self._fence = lambda: None

        def fenced_by(self, check: Any) -> None:
            self._fence = check

        async def create(self, *args: Any) -> Any:
            self._fence()
            if not stalled.is_set():
                stalled.set()
                await go_on.wait()
            return await self._app.create(*args)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._app, name)

    class Stopped(ShiftedClock):
        async def sleep(self, seconds: float) -> None:
            await go_on.wait()

    with small_world(tmp_path) as world:
        people(world, 6)
        app = world.target
        world.target = Connection(app)
        alive = replace(world.world, request_seconds=0.2)
        world.world = replace(alive, owner="stalled", concurrency=1, clock=Stopped(), lease_seconds=0.3)
        first = asyncio.create_task(world.sync())
        await stalled.wait()
        world.world, world.target = alive, app
        with pytest.raises(LeaseTaken):
            await world.sync()
        await asyncio.sleep(0.6)
        result = await world.sync()
        assert result.result == "succeeded"
        before = len(world.target.calls)
        go_on.set()
        with pytest.raises(LeaseLost):
            await first
        # At most the one request that was under way is carried out after the take-over; the app refuses it.
        assert len(world.target.calls) - before <= 1
        names = [u["userName"] for u in world.target.content(Kind.USER).values()]
        assert len(names) == len(set(names)) == 6


async def test_a_job_is_not_disturbed_by_what_the_app_does_slowly(tmp_path: Path) -> None:
    """The lease is renewed while a request takes longer than the lease lasts."""

    class Slow(MemoryTarget):
        async def create(self, kind: Kind, attributes, members=()):  # type: ignore[no-untyped-def]
            await asyncio.sleep(0.5)
            return await super().create(kind, attributes, members)

    with small_world(tmp_path, target=Slow()) as world:
        with world.directory.edit() as edit:
            person(edit, "u1")
        world.world = replace(world.world, lease_seconds=0.3, request_seconds=1.0)
        world.rules = {**world.rules, "scope": "all"}
        assert (await world.sync()).counts["create"] == 1
