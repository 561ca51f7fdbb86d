"""Column types and statements that both databases share, and what differs between dialects of SQL.

Times are UTC, documents are JSON through msgspec. `upsert` and `among` are the places that know a dialect's words.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import Insert, insert

Excluded = Callable[[Insert], ColumnElement[Any]]


class UtcTime(TypeDecorator[datetime]):
    """A point in time; goes in with any time zone and comes out as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)  # SQLite keeps no zone


class Document(TypeDecorator[Any]):
    """A JSON document, read as the type `shape`. Never NULL: nothing at all is JSON's `null`."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any = Any) -> None:
        super().__init__()
        self.shape = shape

    def bind_processor(self, dialect: Dialect) -> Any:
        encode = msgspec.json.Encoder().encode
        return lambda value: encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # The decoder itself and no function around it: links are read by the hundred thousand.
        return msgspec.json.Decoder(self.shape).decode


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether the column's value is in the list that is given as the parameter `name`, however long it is.

    A list of parameters would make another statement for each length, and has an end (sqlite.org/limits.html).
    """
    values = func.json_each(bindparam(name, type_=Document())).table_valued("value")
    return column.in_(select(values.c.value))


def words(given: Iterable[str]) -> list[ColumnElement[str]]:
    """Words of ours, for `in_`: written into the statement, and so not put together anew each time."""
    return [literal_column(f"'{word}'") for word in given]


@cache
def sql(written: str) -> TextClause:
    """A statement that was written by hand. Made once: it's read for its parameters each time it's made."""
    return text(written)


def upsert(table: Table, otherwise: Mapping[str, Excluded] | None = None) -> Insert:
    """An insert that replaces the row with the same primary key.

    otherwise: for some columns what to set when there is a row already, from the insert's `excluded` values.
    """
    statement = insert(table)
    values: dict[str, Any] = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    values |= {name: value(statement) for name, value in (otherwise or {}).items()}
    keys = list(table.primary_key.columns)
    if not values:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=values)
