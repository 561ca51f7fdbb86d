"""Two lanes from the producer to the workers, so that nobody who loses access waits behind those who get it.

The usual lane takes everything in its order, as long as there is room. When it's full, since the app is slow or
asks for patience, what is urgent goes by a lane of its own, which has workers of its own.
"""

import asyncio
from collections.abc import Iterator

from instep.engine.sending import Prepared

URGENT_WORKERS = 4


class Lane:
    """Decisions on their way to workers. `under_way` counts those that wait and those being sent."""

    def __init__(self, changed: asyncio.Event) -> None:
        self._queue: asyncio.Queue[Prepared | None] = asyncio.Queue()
        self._changed = changed
        self.under_way = 0

    def put(self, prepared: Prepared | None) -> None:
        """Send this; None tells a worker to end."""
        self.under_way += prepared is not None
        self._queue.put_nowait(prepared)

    async def take(self) -> Prepared | None:
        """The next one; each that is taken has to be `done`."""
        return await self._queue.get()

    def done(self) -> None:
        """One is finished."""
        self.under_way -= 1
        self._changed.set()


class Lanes:
    """Both lanes. workers: how many the usual lane has."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._changed = asyncio.Event()
        self.usual = Lane(self._changed)
        self.urgent = Lane(self._changed)

    def of_workers(self) -> Iterator[Lane]:
        """The lane of each worker."""
        yield from [self.usual] * self._workers
        yield from [self.urgent] * URGENT_WORKERS

    def open(self) -> Lane:
        """The usual lane while it has room: no more waits than every worker can begin next."""
        return self.usual if self.usual.under_way <= 2 * self._workers else self.urgent

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self.usual.under_way or self.urgent.under_way)

    async def change(self, seconds: float) -> None:
        """Wait until a worker has finished something, `seconds` at the most."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Nothing more comes: workers end when their lane is empty."""
        for lane in self.of_workers():
            lane.put(None)
