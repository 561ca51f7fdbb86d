"""The recorder: outcomes are kept in groups, one commit for whatever has come in meanwhile.

A record that the store refuses, since its app id belongs to another subject, is turned into that subject's
failure: the others of its group are kept all the same.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from instep.core.acknowledge import failed
from instep.core.link import Status
from instep.engine.lanes import URGENT_WORKERS
from instep.engine.lease import LeaseKeeper
from instep.engine.world import World
from instep.ports import AlreadyLinked, Record

GROUP = 200
"""Records in one commit at the most."""


class Recorder:
    """Keeps the outcomes of one cycle."""

    def __init__(self, world: World, keeper: LeaseKeeper, under_way: dict[str, "asyncio.Future[str | None]"]) -> None:
        self._world = world
        self._keeper = keeper
        self._under_way = under_way
        self._queue: asyncio.Queue[tuple[Record, bool] | None] = asyncio.Queue()
        self._unkept, self._most = 0, world.concurrency + URGENT_WORKERS
        self._room = asyncio.Event()
        self.trouble: Exception | None = None
        """Why an outcome couldn't be kept: nothing more may be sent then."""

    async def room(self) -> None:
        """Wait, right before a request, until fewer have been sent whose outcome isn't durable than may be in flight:
        whatever dies then, no more has to be found out again. Each call is followed by `keep`, or by `give_up`."""
        while self._unkept >= self._most and not self.trouble:
            self._room.clear()
            await self._room.wait()
        self._unkept += 1

    def keep(self, record: Record, had_room: bool = False) -> None:
        """Have this kept soon. had_room: whether `room` was asked for before."""
        self._queue.put_nowait((record, had_room))

    def give_up(self, trouble: Exception) -> None:
        """Nothing more may be sent; what was is still kept."""
        self.trouble = self.trouble or trouble
        self._room.set()

    async def finish(self) -> None:
        """Say that nothing more comes."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Keep what comes until `finish`, or until the store refuses: then `trouble` says why."""
        ended = False
        while not ended:
            taken = [await self._queue.get()]
            while not self._queue.empty() and len(taken) < GROUP:
                taken.append(self._queue.get_nowait())
            ended = None in taken
            kept = [each for each in taken if each is not None]
            try:
                await self._write([record for record, _ in kept])
            except Exception as trouble:  # noqa: BLE001 - raised by whoever runs this, once nothing is under way
                self.give_up(trouble)
                return
            self._unkept -= sum(had_room for _, had_room in kept)
            self._room.set()

    async def _write(self, records: Sequence[Record]) -> None:
        if not records:
            return
        lease = self._keeper.lease
        try:
            await self._world.state.write(lambda state: state.record(lease, records))
        except AlreadyLinked:
            for record in records:
                await self._write_one(record)
        for record in records:
            if record.settled:
                self._under_way.pop(record.settled[1], None)

    async def _write_one(self, record: Record) -> None:
        lease = self._keeper.lease
        try:
            await self._world.state.write(lambda state: state.record(lease, [record]))
        except AlreadyLinked as taken:
            refused = _refused(record, taken, self._world)
            await self._world.state.write(lambda state: state.record(lease, [refused]))


def _refused(record: Record, taken: AlreadyLinked, world: World) -> Record:
    reason = f"the app returned the account {taken.app_id}, which belongs to {taken.subject_id}"
    link, log = record.link, record.log
    if link:
        bare = msgspec.structs.replace(link, app_id=None, status=Status.UNLINKED, sent={}, returned={})
        link = failed(bare, reason, world.clock.now())
    if log:
        log = msgspec.structs.replace(log, status="failure", code="DuplicateSourceEntries", reason=reason)
    return Record(link=link, log=log, settled=record.settled)
