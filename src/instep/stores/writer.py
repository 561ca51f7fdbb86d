"""The one writer of a database in a process: a thread that commits in groups.

A commit waits for the disk, so what is queued while one runs goes into the next together. Each work has a
savepoint: one that raises is undone alone. A caller goes on only when its work is durable. It knows no
tables; what a work does is its caller's.

    writer = Writer(database)
    count = await writer.run(lambda connection: connection.execute(statement).rowcount)
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection

from instep.stores.database import Database, is_of_the_file

T = TypeVar("T")

GROUP_SECONDS = 0.05
"""After how long a group takes in no more works, so that other processes get their turn."""


class WriterClosed(RuntimeError):
    """The writer was closed before this work was handed in."""


@dataclass(slots=True, frozen=True)
class _Work:
    call: Callable[[Connection], Any]
    future: Future[Any]


class Writer:
    """Runs works on the database's writing connection, one after the other, in a thread of its own."""

    def __init__(self, database: Database, group_seconds: float = GROUP_SECONDS) -> None:
        self._database = database
        self._group_seconds = group_seconds
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=f"writer {database.path.name}", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer's thread; returns what it returned when it's committed.

        Raises what the work raised (only that work is undone), and DatabaseUnavailable when the commit fails.
        Cancelling a caller withdraws a work that hasn't begun; one that has begun is carried out.
        """
        return await asyncio.wrap_future(self.submit(work))

    def run_blocking(self, work: Callable[[Connection], T]) -> T:
        """The same for callers without an event loop. Never call it from inside a work."""
        return self.submit(work).result()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue `work`; the future is done when it's committed. Raises WriterClosed."""
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise WriterClosed(f"the writer of {self._database.path} is closed")
            self._queue.put(_Work(work, future))
        return future

    def close(self) -> None:
        """Carry out what is queued, then end. Closing twice does nothing."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            self._commit_group(first)

    def _commit_group(self, first: _Work) -> None:
        """One transaction with `first` and what is queued by then; then tell the callers."""
        group: list[tuple[_Work, Any, BaseException | None]] = []
        begun: list[_Work] = []
        try:
            with self._database.write() as connection:
                deadline = time.monotonic() + self._group_seconds
                work: _Work | None = first
                while work is not None:
                    if work.future.set_running_or_notify_cancel():
                        begun.append(work)
                        group.append((work, *_attempt(work, connection)))
                    work = self._next(deadline)
        except BaseException as wrong:  # noqa: BLE001 whatever broke the transaction is for all its callers
            if first not in begun and first.future.set_running_or_notify_cancel():
                begun.append(first)
            for work in begun:
                work.future.set_exception(wrong)
            return
        for work, result, wrong in group:
            if wrong is None:
                work.future.set_result(result)
            else:
                work.future.set_exception(wrong)

    def _next(self, deadline: float) -> _Work | None:
        if time.monotonic() >= deadline:
            return None
        try:
            work = self._queue.get_nowait()
        except Empty:
            return None
        if work is None:
            self._queue.put(None)  # the end comes after this group
        return work


def _attempt(work: _Work, connection: Connection) -> tuple[Any, BaseException | None]:
    """What the work returned or raised. What can't be undone alone is raised, and undoes the group."""
    savepoint = connection.begin_nested()
    try:
        result = work.call(connection)
    except BaseException as wrong:  # handed to the caller, who is in another thread
        if is_of_the_file(wrong):
            raise
        savepoint.rollback()
        return None, wrong
    savepoint.commit()
    return result, None
