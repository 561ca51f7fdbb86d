"""The two lanes from the spool to the workers: nothing of the spool is left when a cycle ends."""

from pathlib import Path

from tests.engine.small_world import small_world
from tests.engine.test_crashes import people


async def test_spool_is_emptied_also_when_the_workers_are_quicker_than_the_store(tmp_path: Path) -> None:
    """The usual lane is full when it's asked for, and empty by the time that what is urgent was looked for."""
    for each in range(6):
        with small_world(tmp_path / str(each)) as world:
            people(world, 70)
            assert (await world.sync()).counts["create"] == 72
