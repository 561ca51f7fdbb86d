"""Entra's "Download members" of one group. Which group that is isn't in the file.

So the file's name says it (the administrator chooses it when downloading), or the option `--group`. Members that
aren't people or groups, like devices and service principals, are left out: nothing provisions them.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from instep.core.directory import AnyRow, Fault, MemberRow
from instep.core.subject import Kind
from instep.sources import columns
from instep.sources.format import Format
from instep.sources.table import Table

_KINDS = {"user": Kind.USER, "guest": Kind.USER, "member": Kind.USER, "group": Kind.GROUP}
_OTHERS = {"device", "serviceprincipal", "contact", "orgcontact"}

# What the portal proposes names no group: exportGroupMembers_2024-1-31.csv.
_PROPOSED = re.compile(r"export_?group_?members?[\d_\- ]*$", re.IGNORECASE)
_AROUND = re.compile(r"^(?:members[ _-]of[ _-])?(?P<name>.+?)(?:[ _-]members)?(?: \(\d+\))?$", re.IGNORECASE)


def group_of(path: Path) -> str | None:
    """The group that a file's name tells: "Sales.csv", "Sales members.csv", "members of Sales (1).csv"; none when
    it has the name that the portal proposes."""
    stem = re.sub(r" \(\d+\)$", "", path.stem)
    found = _AROUND.match(stem)
    return None if found is None or _PROPOSED.match(stem) else found["name"]


def _fits(header: Collection[str]) -> bool:
    return bool({"objecttype", "membertype", "isgroup", "isuser"} & set(header))


def _missing(header: Collection[str]) -> str:
    return "" if {"id", "objectid"} & set(header) else "id"


def _rows(table: Table, group: str) -> Iterator[AnyRow | Fault]:
    names = [columns.plain(name) for name in table.header]
    id_at = next(n for n, name in enumerate(names) if name in ("id", "objectid"))
    for item in table.rows():
        if isinstance(item, Fault):
            yield item
            continue
        line, cells = item
        told = dict(zip(names, cells, strict=False))
        try:
            member = columns.identifier(cells[id_at])
        except ValueError as wrong:
            yield table.text.fault(line, cells[id_at], str(wrong), table.header[id_at])
            continue
        kind = columns.plain(told.get("objecttype") or told.get("membertype") or "").removeprefix("microsoftgraph")
        if not kind:
            kind = "group" if told.get("isgroup", "").lower() == "true" else "user"
        if kind in _OTHERS:
            continue
        if kind not in _KINDS:
            column = table.header[next(n for n, name in enumerate(names) if name in ("objecttype", "membertype"))]
            yield table.text.fault(line, kind, "User or Group was expected", column)
            continue
        yield MemberRow(line, group, member, _KINDS[kind])


FORMAT = Format("Entra, Download members of a group", "entra", (), _fits, _missing, _rows, of_group=True)
