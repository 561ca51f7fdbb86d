"""The state's database: implements `instep.ports.State`.

Awaited writes go through one writer thread and share commits; awaited reads run in two threads, each on a
snapshot of its own. Callers without a loop use `reading` and `writing`.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from instep.ports import StateReader, StateWriter
from instep.stores.database import MIGRATIONS, open_database
from instep.stores.secrets import Vault
from instep.stores.state import history
from instep.stores.state.reading import SqlStateReader
from instep.stores.state.writing import SqlStateWriter
from instep.stores.writer import Writer

T = TypeVar("T")


class StateStore:
    """The state in the database at `path`, with its secrets encrypted by the key in `key_path`."""

    def __init__(self, path: Path, key_path: Path) -> None:
        """Open the database, made when it's missing. The key is made with the first secret.

        Raises DatabaseUnavailable."""
        self._vault = Vault(key_path)
        self._database = open_database(path, MIGRATIONS / "state")
        self._writer = Writer(self._database)
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="state reader")

    async def write(self, work: Callable[[StateWriter], T]) -> T:
        """Run `work` in the writer's thread; when this returns, what it wrote is durable.

        When it raises, all that it wrote is undone, and nothing else. Raises DatabaseUnavailable too.
        """
        return await self._writer.run(lambda connection: work(SqlStateWriter(connection, self._vault)))

    async def read(self, work: Callable[[StateReader], T]) -> T:
        """Run `work` on a snapshot. It must not return an iterator that it hasn't used up."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    @contextmanager
    def reading(self) -> Iterator[SqlStateReader]:
        """One snapshot, for callers without a loop. Raises DatabaseUnavailable."""
        with self._database.read() as connection:
            yield SqlStateReader(connection, self._vault)

    @contextmanager
    def writing(self) -> Iterator[StateWriter]:
        """One transaction, for callers without a loop; undone when the body raises. Raises DatabaseUnavailable."""
        with self._database.write() as connection:
            yield SqlStateWriter(connection, self._vault)

    def prune_log(self, before: datetime) -> int:
        """Take log entries older than `before` away, in many short transactions; returns how many. Cycles go too."""
        pruned = 0
        with self._database.write() as connection:
            history.forget_cycles(connection, before)
        while True:
            with self._database.write() as connection:
                number = history.prune(connection, before, self._vault)
                history.forget_effects(connection, before)
            pruned += number
            if number < history.CHUNK:
                return pruned

    def close(self) -> None:
        """Finish what is queued, and close. Closing twice does nothing."""
        self._writer.close()
        self._readers.shutdown()
        self._database.close()

    def _read(self, work: Callable[[StateReader], T]) -> T:
        with self.reading() as reader:
            return work(reader)
