"""Ends the upgrade of a database with SIGKILL at each of its statements, and opens the database again.

The older databases have data in them: what a cycle left that was ended half-way, in the tables and columns that the
older schema had. After each death the database must be exactly what it was, or what an upgrade that nobody ended makes
of it at one of the revisions on the way; and opening it again completes the upgrade, to the byte of its dump.
"""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from tests.crash import processes

from instep.serviceprovider.database import FILE as APP_FILE
from instep.serviceprovider.database import Database as AppDatabase
from instep.stores.database import MIGRATIONS, open_database

NOTHING = "nothing"
"""The revision of a database that isn't there yet."""


@dataclass
class Death:
    """An upgrade that was ended, and what became of it."""

    database: str
    revision: str
    at: int
    reached: bool = True
    wrong: list[str] = field(default_factory=list)


class Upgrade:
    """The upgrade of one database from one older revision to the newest."""

    def __init__(self, folder: Path, name: str, revision: str, filled: Path | None) -> None:
        """filled: a database of the newest revision that gives the data; none for the test app's, which has no older
        ones."""
        self.name, self.revision = name, revision
        self._folder = folder
        folder.mkdir(parents=True)
        self._older = folder / "older.sqlite"
        if revision != NOTHING:
            assert filled
            self._make_older(filled)
        self._stages = self._undisturbed()

    def deaths(self, every: int = 1, first: int = 1) -> Iterator[Death]:
        """One after the other, until an upgrade reaches its end."""
        for at in count(first, every):
            death = self._death(at)
            yield death
            if not death.reached:
                return

    def _death(self, at: int) -> Death:
        death = Death(self.name, self.revision, at)
        path = self._fresh(f"death-{at}")
        code = processes.ended(processes.forked(lambda: _killed(at, lambda: self._open(path)), self._folder / "out"))
        death.reached = code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            death.wrong.append(f"ended with {code}: {(self._folder / 'out').read_text()[-1000:]}")
        if dump(path) not in self._stages:
            death.wrong.append("it's neither what it was nor what it should become")
        self._open(path)
        if dump(path) != self._stages[-1]:
            death.wrong.append("opening it again didn't complete the upgrade")
        with closing(sqlite3.connect(path)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchall()
            death.wrong += [] if said == [("ok",)] else [f"damaged: {said}"]
        shutil.rmtree(path.parent)
        return death

    def _undisturbed(self) -> list[str]:
        """The dumps at each revision of an upgrade that nobody ends."""
        path = self._fresh("undisturbed")
        stages = [dump(path)]
        if self.name == "app":
            self._open(path)
            return [*stages, dump(path)]
        known = revisions(self.name)
        for last in range(1 if self.revision == NOTHING else known.index(self.revision) + 2, len(known) + 1):
            open_database(path, self._migrations(last)).close()
            stages.append(dump(path))
        return stages

    def _fresh(self, name: str) -> Path:
        """A copy of the older database in a folder of its own."""
        path = self._folder / name / (APP_FILE if self.name == "app" else f"{self.name}.sqlite")
        path.parent.mkdir()
        if self._older.exists():
            shutil.copy(self._older, path)
        return path

    def _open(self, path: Path) -> None:
        if self.name == "app":
            AppDatabase(path.parent).close()
        else:
            open_database(path, MIGRATIONS / self.name).close()

    def _make_older(self, filled: Path) -> None:
        known = revisions(self.name)
        open_database(self._older, self._migrations(known.index(self.revision) + 1)).close()
        with closing(sqlite3.connect(self._older, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS filled", (str(filled),))
            for (table,) in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
                columns = _columns(connection, "main", table) & _columns(connection, "filled", table)
                if not columns or table == "alembic_version":
                    continue
                names = ", ".join(f'"{column}"' for column in sorted(columns))
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM filled.{table}")
            connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")

    def _migrations(self, last: int) -> Path:
        """A folder with the first so many migrations."""
        folder = self._folder / f"migrations-{last}"
        if not folder.exists():
            folder.mkdir()
            for revision in revisions(self.name)[:last]:
                shutil.copy(MIGRATIONS / self.name / f"{revision}.py", folder)
        return folder


def upgrades(folder: Path, filled: Path) -> Iterator[Upgrade]:
    """From each older revision of each database, and from nothing. filled: a data folder of Instep."""
    for name in ("directory", "state"):
        for revision in (NOTHING, *revisions(name)[:-1]):
            yield Upgrade(folder / f"{name}-{revision}", name, revision, filled / f"{name}.sqlite")
    yield Upgrade(folder / "app", "app", NOTHING, None)


def revisions(name: str) -> list[str]:
    """A database's, in order."""
    return sorted(file.stem for file in (MIGRATIONS / name).glob("[0-9]*_*.py"))


def dump(path: Path) -> str:
    """All that is in it, as SQL; a new directory's own epoch left out."""
    with closing(sqlite3.connect(path if path.exists() else ":memory:")) as connection:
        connection.create_function("folded", 1, str)  # indexes of the test app's use what it brings along
        schema = "\n".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL"))
        rows = [line for line in connection.iterdump() if not line.startswith('INSERT INTO "meta"')]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    return "\n".join([schema, *rows, f"-- user_version {version}"])


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")}


def _killed(at: int, work: Callable[[], None]) -> None:
    """Do the work and die before its n-th statement, whoever executes it; or at the end, with nothing cleared away."""
    statements = 0

    def step(_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == at:
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(Engine, "connect")
    def traced(connection: Any, _: object) -> None:
        connection.set_trace_callback(step)

    work()
