"""The stores' databases, with a shorter way from a statement to SQLite.

Half of a run would go into SQLAlchemy's way there: it takes a connection from a pool, and makes an execution context
and a cursor's result for each statement, while SQLite answers in a few microseconds. A run sends thousands of them,
always the same ones. Here SQLAlchemy still puts each into words, and says how values go in and come out; in between
the driver is called directly. Connections are opened by the stores' own engines.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Dialect, Engine, Executable

from instep.stores.database import Database


class _Words(Struct, frozen=True):
    """A statement in SQLite's words."""

    compiled: Any
    sql: str
    order: list[str]
    """The names of its parameters, as they follow each other."""
    given: dict[str, Any]
    """The values that are in the statement itself."""
    into: dict[str, Any]
    """How values go in, by name."""
    row: Callable[[Any], Any] | None
    """Makes a row of what the driver gives; none for what SQLAlchemy doesn't know the columns of."""


class _Result:
    """What the stores ask of a SQLAlchemy result."""

    def __init__(self, cursor: sqlite3.Cursor, row: Callable[[Any], Any]) -> None:
        self._cursor, self._row = cursor, row
        self.rowcount = cursor.rowcount

    def __iter__(self) -> Iterator[Any]:
        return map(self._row, self._cursor)

    def all(self) -> list[Any]:
        return [*map(self._row, self._cursor.fetchall())]

    def first(self) -> Any:
        found = self._cursor.fetchone()
        self._cursor.close()
        return None if found is None else self._row(found)

    def one(self) -> Any:
        (row,) = self.all()
        return row

    def scalar(self) -> Any:
        found = self.first()
        return None if found is None else found[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> "_Scalars":
        return _Scalars(self)


class _Scalars:
    def __init__(self, result: _Result) -> None:
        self._values = (row[0] for row in result)

    def partitions(self, size: int) -> Iterator[list[Any]]:
        while page := [*islice(self._values, size)]:
            yield page


class QuickDatabase:
    """In the place of a store's `Database`."""

    def __init__(self, database: Database) -> None:
        self.path, self.writers, self.readers = database.path, database.writers, database._readers
        self._database = database
        self._open: list[Any] = []
        self._writer: QuickConnection | None = None
        self._free: list[QuickConnection] = []

    @contextmanager
    def write(self) -> Iterator["QuickConnection"]:
        """As `Database.write`."""
        writer = self._writer = self._writer or self.connect(self.writers)
        writer.driver.execute("BEGIN IMMEDIATE")
        try:
            yield writer
        except BaseException:
            writer.driver.rollback()
            raise
        writer.driver.commit()

    @contextmanager
    def read(self) -> Iterator["QuickConnection"]:
        """As `Database.read`."""
        reader = self._free.pop() if self._free else self.connect(self.readers)
        reader.driver.execute("BEGIN")
        try:
            yield reader
        finally:
            if self._open:  # a dead worker's reader ends when all is closed
                reader.driver.rollback()
                self._free.append(reader)

    def close(self) -> None:
        """Close all connections."""
        for pooled in self._open:
            pooled.close()
        self._open.clear()
        self._database.close()

    def connect(self, engine: Engine) -> "QuickConnection":
        """Another connection of that engine, as it opens and prepares them."""
        pooled = engine.raw_connection()
        self._open.append(pooled)
        driver = pooled.driver_connection
        assert driver is not None
        return QuickConnection(driver, engine.dialect)


class QuickConnection:
    """What the stores ask of a SQLAlchemy connection, inside a transaction."""

    def __init__(self, driver: sqlite3.Connection, dialect: Dialect) -> None:
        self.driver, self._dialect = driver, dialect

    def execute(self, statement: Executable, given: Any = None, execution_options: Any = None) -> _Result:
        """As `sqlalchemy.Connection.execute`. What is asked for as a stream is one anyway."""
        many = isinstance(given, list)
        sets = given if many else [given or {}]
        words, extracted = _words(statement, list(sets[0]), len(sets) > 1, self._dialect)
        sql, order, into = words.sql, words.order, words.into
        if extracted is None and not words.compiled.post_compile_params:
            values = [{**words.given, **each} for each in sets]
        else:
            values = [words.compiled.construct_params(each, extracted_parameters=extracted) for each in sets]
            if words.compiled.post_compile_params:
                expanded = words.compiled._process_parameters_for_postcompile(values[0])
                sql, order, into = expanded.statement, expanded.positiontup, into | expanded.processors
                values = [expanded.parameters]
        rows = [[into[n](each[n]) if n in into else each[n] for n in order] for each in values]
        cursor = self.driver.executemany(sql, rows) if len(rows) > 1 else self.driver.execute(sql, rows[0])
        return _Result(cursor, words.row or _untyped(cursor))


_KNOWN: WeakKeyDictionary[Executable, dict[Any, _Words]] = WeakKeyDictionary()
_SEEN: WeakKeyDictionary[Executable, bool] = WeakKeyDictionary()
_MADE: dict[Any, _Words] = {}


def _words(statement: Any, keys: list[str], many: bool, dialect: Dialect) -> tuple[_Words, Any]:
    """The statement's words, and what differs in it from the one that they were made of: nothing for those that are
    used again, since they have words of their own."""
    known = _KNOWN.get(statement)
    if known and (words := known.get((*keys, many))):
        return words, None
    if statement not in _SEEN:
        _SEEN[statement] = True
        key = statement._generate_cache_key()
        if key is not None:
            at = (key.key, *keys, many)
            if at not in _MADE:
                compiled = statement._compiler(dialect, cache_key=key, column_keys=keys, for_executemany=many)
                _MADE[at] = _worded(compiled, dialect)
            return _MADE[at], key.bindparams
    words = _worded(statement._compiler(dialect, cache_key=None, column_keys=keys, for_executemany=many), dialect)
    _KNOWN.setdefault(statement, {})[(*keys, many)] = words
    return words, None


def _worded(compiled: Any, dialect: Dialect) -> _Words:
    assert not compiled.insert_prefetch, "columns with defaults would need a value each"
    columns = compiled._result_columns
    row = None
    if columns:
        out = [entry.type._cached_result_processor(dialect, None) for entry in columns]
        row = _maker(tuple(entry.keyname for entry in columns), out)
    return _Words(
        compiled,
        compiled.string,
        list(compiled.positiontup or ()),
        compiled.construct_params({}, _check=False),
        dict(compiled._bind_processors),
        row,
    )


def _untyped(cursor: sqlite3.Cursor) -> Callable[[Any], Any]:
    """Of a statement that was written by hand: values come out as they are."""
    return _maker_of(tuple(name for name, *_ in cursor.description or ()))


def _maker(names: tuple[str, ...], out: list[Any]) -> Callable[[Any], Any]:
    make = _maker_of(names)
    if not any(out):
        return make
    return lambda row: make([process(value) if process else value for process, value in zip(out, row)])  # noqa: B905


@cache
def _maker_of(names: tuple[str, ...]) -> Callable[[Any], Any]:
    return namedtuple("Row", names, rename=True)._make  # type: ignore[misc]
