"""A database file: opened safely, its schema brought up to date, with one way to read and one to write.

A store gives the path and its folder of migrations and gets two doors, both giving a SQLAlchemy Core
connection inside a transaction:

    database = open_database(folder / "directory.db", MIGRATIONS / "directory")
    with database.write() as connection:          # BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when it raises
        connection.execute(insert(users), rows)
    with database.read() as connection:           # one consistent snapshot, whatever others commit meanwhile
        names = connection.execute(select(users.c.name)).scalars().all()
    database.close()

Writing from a program with an event loop goes through `instep.stores.writer.Writer(database)`, which gathers
many writes into few commits. Use one way of writing or the other within a process, since a second `write`
waits until the first has ended. Keep writing transactions short: other processes wait for them, up to 30 s.

A folder of migrations holds alembic revisions named `<number>_<what>.py` (`0001_directory.py`), whose `revision`
is the file's name without `.py` and whose `down_revision` is the one before. See `instep.stores.schema`.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from instep.stores.schema import DatabaseUnavailable, bring_up_to_date

_MAGIC = b"SQLite format 3\0"

_OF_THE_FILE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        # Somebody who was stopped in the middle of it keeps the log's index from being read.
        sqlite3.SQLITE_PROTOCOL,
    }
)

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder of the folders of migrations."""

_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"

PATIENCE = 30.0
"""Seconds that a write waits for another process's write."""


class Database:
    """An open database file. Made by `open_database`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writers = _engine(path, {"foreign_keys": "ON", "cache_size": -8_000}, pool_size=1)
        self._readers = _engine(path, {"query_only": "ON", "cache_size": -2_000}, pool_size=4)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing transaction; commits at the end, rolls back when the body raises.

        Raises DatabaseUnavailable when another process doesn't let go of the database, or it can't be written.
        """
        with _beginning(self.writers, _WRITE, self.path) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A snapshot for reading, as of the first statement: all see the same commit. Raises DatabaseUnavailable."""
        with _beginning(self._readers, _READ, self.path) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections. What is still being read or written elsewhere closes when it ends."""
        self._readers.dispose()
        self.writers.dispose()


def open_database(path: Path, migrations: Path) -> Database:
    """Open the database at `path`, made when it's missing, with the schema of the newest of `migrations`.

    Raises DatabaseUnavailable, with the way out, when it can't be opened or isn't this program's, and
    SchemaTooNew when a newer Instep has changed it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only the owner may read it; SQLite gives its side files the same mode.
        with open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "rb") as file:
            beginning = file.read(len(_MAGIC))
    except OSError as wrong:
        raise DatabaseUnavailable(f"{path} can't be opened: {wrong.strerror}") from wrong
    if beginning and beginning != _MAGIC:  # SQLite would take a short file for an empty database, and overwrite it
        raise DatabaseUnavailable(f"{path} isn't a database; name another file")
    # Tables are rebuilt by some migrations, which enforced foreign keys would take for deletions.
    migrating = _engine(path, {"foreign_keys": "OFF"}, pool_size=1)
    looking = _engine(path, {}, pool_size=1)
    try:
        bring_up_to_date(
            lambda: _beginning(looking, _READ, path), lambda: _beginning(migrating, _WRITE, path), migrations, path
        )
    finally:
        looking.dispose()
        migrating.dispose()
    return Database(path)


def _engine(path: Path, pragmas: dict[str, str | int], pool_size: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0 if pool_size == 1 else 60,
        pool_timeout=PATIENCE,
        # The driver's own transactions are off: it would begin them late, and never for reads.
        connect_args={"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False},
        hide_parameters=True,  # an error would show people's data to whoever reads the log
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        use_wal(connection)
        # FULL: a commit is on the disk when it returns, also through a power cut (sqlite.org/pragma.html).
        for name, value in {"synchronous": "FULL", **pragmas}.items():
            connection.execute(f"PRAGMA {name}={value}")

    return engine


def use_wal(connection: sqlite3.Connection) -> None:
    """Have the database write ahead to a log. Where several open a new one at the same time, all but one are refused
    at once, however long a connection would wait for others (sqlite.org/c3ref/busy_handler.html): they try again.

    Raises sqlite3.Error."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as wrong:
            if _code(wrong) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


@contextmanager
def _beginning(engine: Engine, begin: str, path: Path) -> Iterator[Connection]:
    """A transaction that begins with `begin`. Failures of the file itself, and whatever fails when it begins or
    commits, become DatabaseUnavailable."""
    inside = False
    try:
        with engine.begin() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(begin)  # here and not at an event, which would make each statement look for events
            inside = True
            yield connection
            inside = False
    except (DBAPIError, sqlite3.Error, NoneFree) as wrong:
        if inside and not is_of_the_file(wrong):
            raise
        cause = wrong.orig if isinstance(wrong, DBAPIError) else wrong
        raise DatabaseUnavailable(f"{path} can't be used: {cause}. {_way_out(cause)}") from wrong


def is_of_the_file(wrong: BaseException) -> bool:
    """Whether that's about the file and its disk rather than about a statement. SQLite may then have rolled the whole
    transaction back (sqlite.org/lang_transaction.html)."""
    cause = wrong.orig if isinstance(wrong, DBAPIError) else wrong
    return _code(cause) in _OF_THE_FILE


def _code(wrong: BaseException | None) -> int:
    return getattr(wrong, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code (sqlite.org/rescode.html)


def _way_out(wrong: BaseException | None) -> str:
    code = _code(wrong)
    if code == sqlite3.SQLITE_BUSY or isinstance(wrong, NoneFree):
        return f"Somebody else has been using it for {PATIENCE:.0f} s; try again when they have ended"
    if code == sqlite3.SQLITE_PROTOCOL:
        return "Another process that uses it stands still; let it go on or end it, and try again"
    if code == sqlite3.SQLITE_FULL:
        return "Make room on the disk and try again; what was kept before is whole"
    if code == sqlite3.SQLITE_IOERR:
        return "Check whether the disk has room and is in order, and try again; what was kept before is whole"
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return "The file is damaged; put back a backup"
    return "Check the disk, and who may write the file and its folder"
