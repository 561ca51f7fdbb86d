"""The app's database: one SQLite file, a writer at a time, readers beside it.

A write is in the file when `writing()` has ended (write-ahead log, `synchronous=FULL`), whole or not at all. Every
reader sees one committed state from its first query to its last. What is in the tables is said in `tables.py`.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from instep.serviceprovider import tables
from instep.serviceprovider.text import exact, folded

FILE = "app.sqlite"
_BUSY_SECONDS = 30.0


class Database:
    """The file and the connections to it. Safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        """Opens the database in `folder`, and makes both when they're missing. OSError when it can't be done."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        # People's names and addresses: for nobody but the owner to read.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = _engine(path)
        try:
            self._prepare()
        except DatabaseError as wrong:
            self.close()
            raise OSError(f"{path} can't be used: {wrong.orig}") from wrong
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may change something. Durable when it has ended, undone when it raises."""
        with self._engine.connect().execution_options(writing=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees a single state of the database and changes nothing."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version == tables.VERSION:
            return
        if version != 0:
            raise OSError(f"{self._engine.url.database} was written by another version of the app (tables {version})")
        raw = self._engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()
        with self.writing() as connection:
            tables.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {tables.VERSION}")


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
        pool_size=4,
        max_overflow=-1,
        hide_parameters=True,  # an error would show people's data
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own idea of when a transaction begins isn't ours: see _on_begin.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    for name, function in (("folded", folded), ("exact", exact)):
        connection.create_function(name, 1, _on_text(function), deterministic=True)


def _on_begin(connection: Connection) -> None:
    # A writer takes the lock at once: having read something, it must not find out later that it can't write.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")


def _on_text(function: Callable[[str], str]) -> Callable[..., Any]:
    return lambda value: function(value) if isinstance(value, str) else value
