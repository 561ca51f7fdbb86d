"""Columns of people's and groups' tables: which property each becomes, and how its text is read.

A format names the columns it knows; all others become extension attributes under their own name, as text.
An empty cell clears the property.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct

from instep.core.directory import Fault, Row
from instep.core.subject import Kind
from instep.sources.table import Table

Read = Callable[[str], Any]
"""Text to value; raises ValueError saying what was expected."""


class Column(Struct, frozen=True):
    """What becomes of a column: `to` is Graph's property, or one of the fields of a row in angle brackets."""

    to: str
    read: Read | None = None
    also: str = ""
    """A second property that gets the same value."""


ID, NAME, ENABLED, MANAGER = "<id>", "<name>", "<enabled>", "<manager>"
IGNORED = Column("")


_BRACKETS = re.compile(r"\s*\[[^\]]*\]\s*$")


def plain(header: str) -> str:
    """A column's name without case, spaces and brackets: "User principal name" is "userprincipalname", and
    "Email Address [Required]" "emailaddress"."""
    return "".join(c for c in _BRACKETS.sub("", header).casefold() if c.isalnum())


def boolean(text: str) -> bool | None:
    """True or False, as Entra writes them."""
    known = {"true": True, "false": False, "": None}
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise ValueError("True or False was expected") from None


def several(text: str) -> list[str] | None:
    """One value, or several with semicolons between them."""
    return [part.strip() for part in text.split(";") if part.strip()] or None


def identifier(text: str) -> str:
    """An id. GUIDs are compared without regard to case, so they are kept in lower case."""
    value = text.strip()
    if not value or not value.isprintable():
        raise ValueError("an id was expected")
    return value.lower() if len(value) == 36 and value.count("-") == 4 else value


def principal_name(text: str) -> str:
    """A userPrincipalName."""
    value = text.strip()
    if "@" not in value or not value.isprintable() or " " in value or len(value) > 1024:
        raise ValueError("a name like ada@example.com was expected")
    return value


def group_name(text: str) -> str:
    """A displayName of a group."""
    value = text.strip()
    if not value or not value.isprintable() or len(value) > 1024:
        raise ValueError("a group's name was expected")
    return value


def reference(text: str) -> str | None:
    """Somebody's id or userPrincipalName."""
    value = text.strip()
    return identifier(value) if value else None


def rows(
    table: Table, kind: Kind, columns: Sequence[Column], complete: Callable[[dict[str, Any]], None] | None = None
) -> Iterator[Row | Fault]:
    """A row for each line of the table, and a fault for each cell that can't be read.

    columns: what becomes of each column of the table's header. complete: adds to a row's attributes.
    """
    plan = [(n, c.to, c.read, c.also) for n, c in enumerate(columns) if c.to]
    reserved = {ID, NAME, ENABLED, MANAGER}
    for item in table.rows():
        if isinstance(item, Fault):
            yield item
            continue
        line, cells = item
        fields: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        faulty = False
        for n, to, read, also in plan:
            cell = cells[n]
            try:
                value = read(cell) if read else cell or None
            except ValueError as wrong:
                yield table.text.fault(line, cell, str(wrong), table.header[n])
                faulty = True
                continue
            if to in reserved:
                fields[to] = value
            else:
                attributes[to] = value
            if also:
                attributes[also] = value
        if faulty and NAME not in fields:
            continue  # nobody can say whom the row is about
        if complete:
            complete(attributes)
        yield Row(
            line=line,
            kind=kind,
            id=fields.get(ID),
            name=fields.get(NAME),
            attributes=attributes,
            enabled=fields.get(ENABLED),
            manager=fields.get(MANAGER, UNSET),
        )


def chosen(header: Sequence[str], known: Mapping[str, Column]) -> list[Column]:
    """What becomes of each column of a header: what the format knows, else an extension attribute."""
    return [known.get(plain(column)) or Column(column) for column in header]
