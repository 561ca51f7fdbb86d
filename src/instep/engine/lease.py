"""Keeping a job's lease while its cycle runs.

The store's token fences off whatever a worker writes after it lost the lease. What it sends to the app is
fenced by the deadline here, checked on the monotonic clock right before each request. The deadline is earlier
than the lease's end in the store by the time that a request may take.
"""

import asyncio
from contextlib import suppress

from instep.engine.world import World
from instep.ports import Lease, LeaseLost, LeaseTaken


class LeaseKeeper:
    """Takes a job's lease, renews it in the background, gives it back."""

    def __init__(self, world: World, job: str) -> None:
        self._world = world
        self._job = job
        self._deadline = 0.0
        # A request that is sent right before the deadline may last this much longer.
        self._seconds = world.lease_seconds + world.request_seconds
        self._renewal: asyncio.Task[None] | None = None
        self.lease: Lease

    async def __aenter__(self) -> "LeaseKeeper":
        """Raises LeaseTaken when a living worker holds the job."""
        world = self._world
        try:
            await self._take(None)
        except LeaseTaken as taken:
            if not world.dead(taken.owner):
                raise
            await self._take(taken.owner)
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._renewal:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal
        with suppress(LeaseLost):
            await self._world.state.write(lambda state: state.give_lease_back(self.lease))

    def check(self) -> None:
        """Raises LeaseLost when a request sent now might outlive the lease."""
        if self._world.clock.monotonic() >= self._deadline:
            raise LeaseLost(f"the lease of {self._job} ran out before it could be renewed")

    async def _take(self, over: str | None) -> None:
        world = self._world
        began = world.clock.monotonic()
        self.lease = await world.state.write(
            lambda state: state.take_lease(self._job, world.owner, world.clock.now(), self._seconds, over)
        )
        self._deadline = began + world.lease_seconds

    async def _renew(self) -> None:
        world = self._world
        while True:
            await world.clock.sleep(world.lease_seconds / 3)
            began = world.clock.monotonic()
            try:
                self.lease = await world.state.write(
                    lambda state: state.renew_lease(self.lease, world.clock.now(), self._seconds)
                )
            except LeaseLost:
                self._deadline = 0.0
                return
            self._deadline = began + world.lease_seconds
