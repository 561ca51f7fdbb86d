"""Finding out what a file is, by its first line, and opening it as a source.

A file that nobody knows is refused with what was found and what could be read instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from instep.core.directory import AnyRow, Fault
from instep.core.subject import Kind
from instep.sources import columns, entra_groups, entra_members, entra_users, google_users, json_lines
from instep.sources.table import Table
from instep.sources.text import Broken, TextFile


class Unrecognised(Exception):
    """The file isn't any that can be read; the fault says what was found and what was expected."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(slots=True)
class Source:
    """A file whose format is known."""

    label: str
    """The format, for people: "Entra, Download users"."""
    name: str
    """Under which name the directory keeps what comes from it: `entra`, `google`, `json-lines`."""
    kinds: tuple[Kind, ...] | None
    """What it's a complete list of; None when only its rows tell."""
    group: str | None
    """The group whose members it lists."""
    text: TextFile
    read: Callable[[], Iterator[AnyRow | Fault]]

    @property
    def file(self) -> str:
        """The file's name, as it was given."""
        return self.text.name

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.text.size

    def position(self) -> int:
        """Bytes that were read."""
        return self.text.position()

    def rows(self) -> Iterator[AnyRow | Fault]:
        """What the file holds, and what is wrong with it; ends when the rest can't be read."""
        return self.read()


def recognise(path: Path, encoding: str | None = None, group: str | None = None) -> Source:
    """Find out what the file is. Raises Unrecognised.

    encoding: what the file is in, if that's neither UTF-8 nor UTF-16 with a byte order mark.
    group: whose members a list of members holds; else the file's name tells.
    """
    try:
        text = TextFile(path, encoding)
        first = text.start()
        if first.startswith("{"):
            return Source(json_lines.LABEL, "json-lines", None, None, text, lambda: json_lines.rows(text))
        if first.startswith("["):
            raise Broken(text.fault(1, first, json_lines.A_LIST))
        return _table(text, Table(text), group)
    except Broken as broken:
        raise Unrecognised(broken.fault) from None


def _table(text: TextFile, table: Table, group: str | None) -> Source:
    titles = table.header
    if titles and titles[0].lower().startswith("version:"):
        raise Broken(text.fault(1, titles[0], "this is a template for uploads to Entra; its downloads can be read"))
    twice = next((name for n, name in enumerate(titles) if name in titles[:n]), None)
    if "" in titles or twice is not None:
        raise Broken(text.fault(1, twice or "", "each column needs a name of its own"))
    header = {columns.plain(name) for name in titles}
    format = next((format for format in _FORMATS if format.fits(header)), None)
    if format is None:
        raise Broken(text.fault(1, ", ".join(titles), f"the columns are of no file that's known. {_KNOWN}"))
    lacks = format.missing(header)
    if lacks:
        raise Broken(text.fault(1, "", f"looks like {format.label!r}, but this column is missing: {lacks}"))
    whose = (group or entra_members.group_of(text.path)) if format.of_group else None
    if format.of_group and not whose:
        raise Broken(text.fault(0, "", _WHOSE))
    return Source(format.label, format.source, format.kinds, whose, text, lambda: format.rows(table, whose or ""))


_FORMATS = (entra_members.FORMAT, entra_users.FORMAT, entra_groups.FORMAT, google_users.FORMAT)
_KNOWN = (
    "What can be read: Entra's Download users, Download groups and Download members of a group, Google Workspace's "
    "Download users, and JSON Lines"
)
_WHOSE = (
    "lists the members of a group but doesn't say of which: name it with --group, or name the file after it, "
    'like "Sales.csv"'
)
