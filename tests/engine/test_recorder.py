"""Outcomes that can't be kept: how far a cycle goes on meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.engine.small_world import SmallWorld
from tests.engine.test_crashes import people

from instep.engine.lanes import URGENT_WORKERS
from instep.targets.memory import MemoryTarget


class StuckState:
    """A state whose writes hang once something was sent, as on a disk that doesn't answer."""

    def __init__(self, real: Any, target: MemoryTarget) -> None:
        self._real, self._target = real, target
        self.stuck, self.free = asyncio.Event(), asyncio.Event()

    async def write(self, work: Any) -> Any:
        if any(call.method == "create" for call in self._target.calls):
            self.stuck.set()
            await self.free.wait()
        return await self._real.write(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def test_while_outcomes_cant_be_kept_no_more_is_sent_than_may_be_in_flight(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path)
    people(world, 40)
    state = StuckState(world.state, world.target)
    world.world = replace(world.world, state=state)  # type: ignore[arg-type]
    cycle = asyncio.create_task(world.sync())
    await state.stuck.wait()
    for _ in range(500):  # nothing but the writes has to wait for anything else than the loop's turns
        await asyncio.sleep(0)
    sent = [call for call in world.target.calls if call.method == "create"]
    state.free.set()
    result = await cycle
    world.close()
    assert result.result == "succeeded"
    assert len(sent) <= world.world.concurrency + URGENT_WORKERS
