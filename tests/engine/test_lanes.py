"""The two lanes from the spool to the workers: nothing of the spool is left when a cycle ends."""

import asyncio
from pathlib import Path
from typing import Any

from tests.engine.small_world import small_world
from tests.engine.test_crashes import people, person

from instep.core.directory import Assignment
from instep.core.subject import Kind


async def test_spool_is_emptied_also_when_the_workers_are_quicker_than_the_store(tmp_path: Path) -> None:
    """The usual lane is full when it's asked for, and empty by the time that what is urgent was looked for."""
    for each in range(6):
        with small_world(tmp_path / str(each)) as world:
            people(world, 70)
            assert (await world.sync()).counts["create"] == 72


async def test_who_loses_access_doesnt_wait_though_every_worker_waits_for_the_app(tmp_path: Path) -> None:
    """All workers are stuck in creations, as they are when the app's limit is reached; a leaver arises then."""
    with small_world(tmp_path) as world:
        people(world, 12)
        await world.sync()
        go_on, stuck, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        create, update = world.target.create, world.target.update

        async def stalls(*given: Any) -> Any:
            stuck.set()
            await go_on.wait()
            return await create(*given)

        async def notices(*given: Any) -> Any:
            ended.set()
            return await update(*given)

        world.target.create, world.target.update = stalls, notices
        with world.directory.edit() as edit:
            for i in range(60):
                person(edit, f"n{i}")
                edit.assign(Assignment(f"an{i}", "app", Kind.USER, f"n{i}"))
        cycle = asyncio.create_task(world.sync())
        await stuck.wait()
        await asyncio.sleep(0.3)
        with world.directory.edit() as edit:
            person(edit, "u2", manager="u0", enabled=False)
        await asyncio.wait_for(ended.wait(), 5)
        assert not go_on.is_set()
        go_on.set()
        counts = (await cycle).counts
        assert (counts["create"], counts["disable"]) == (60, 1)
