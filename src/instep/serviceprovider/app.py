"""The app, put together: its database, its journal, the threads they're used from, and its ASGI endpoint.

One thread writes, a few read. Administrative commands need none of it: they open the database and call the functions
of `organisations.py`, `domains.py`, `tokens.py`, `members.py` and `teams.py`, also while the app is running.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from instep.serviceprovider import text
from instep.serviceprovider.database import Database
from instep.serviceprovider.endpoint import Endpoint
from instep.serviceprovider.journal import Journal
from instep.serviceprovider.limiter import Limiter

_READERS = 2

Result = TypeVar("Result")


class App:
    """A running app. Close it when it isn't needed any more."""

    def __init__(
        self,
        folder: Path,
        *,
        quick: bool = True,
        requests_per_second: float | None = None,
        now: Callable[[], datetime] = text.now,
    ) -> None:
        """Opens the app's data in `folder`. OSError when that can't be done.

        `quick=False` switches the quick way off (see `handler.py`), `requests_per_second` limits each organisation.
        """
        self.database = Database(folder)
        self.journal = Journal(folder)
        self.quick = quick
        self.now = now
        self.limiter = Limiter(requests_per_second) if requests_per_second else None
        self.endpoint = Endpoint(self)
        self._writer = ThreadPoolExecutor(1, "app-writer")
        self._readers = ThreadPoolExecutor(_READERS, "app-reader")

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Does the work in a transaction of the writer; comes back when it's committed."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._writing, work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Does the work in a transaction that changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._reading, work)

    def close(self) -> None:
        """Ends the threads, when what they're at is done, and closes the files."""
        self._writer.shutdown()
        self._readers.shutdown()
        self.journal.close()
        self.database.close()

    def _writing(self, work: Callable[[Connection], Result]) -> Result:
        with self.database.writing() as connection:
            return work(connection)

    def _reading(self, work: Callable[[Connection], Result]) -> Result:
        with self.database.reading() as connection:
            return work(connection)
