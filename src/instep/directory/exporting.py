"""Exporting: JSON Lines that can be imported again, and CSV for spreadsheets.

The export is one snapshot. In CSV a cell that a spreadsheet would take for a formula gets an apostrophe before it;
JSON Lines holds everything as it is. Purged users and groups are in neither.
"""

import csv
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Protocol

import msgspec

from instep.core.directory import Entry
from instep.core.subject import Kind, Presence
from instep.directory.lookup import WORD
from instep.directory.store import Browsing

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Text(Protocol):
    """Where CSV goes."""

    def write(self, text: str, /) -> Any: ...


def json_lines(browsing: Browsing) -> Iterator[str]:
    """Users, groups, memberships and assignments, one JSON object per line, each with its newline."""
    for kind in Kind:
        for presence in (Presence.PRESENT, Presence.SOFT_DELETED):
            for entry in browsing.entries(kind, presence=presence):
                yield _line({"type": WORD[kind], **properties(entry)})
    for group, kind, member in browsing.memberships():
        yield _line({"type": "membership", "group": group, "member": member, "memberType": WORD[kind]})
    for assigned in browsing.assignments():
        told = {"app": assigned.app, "principal": assigned.principal, "role": assigned.role}
        yield _line({"type": "assignment", **told})


def properties(entry: Entry) -> dict[str, Any]:
    """An entry as Graph's properties."""
    told: dict[str, Any] = {"id": entry.id, **entry.attributes}
    if entry.kind is Kind.USER:
        told["accountEnabled"] = entry.enabled
        if entry.manager is not None:
            told["manager"] = entry.manager
    if entry.deleted is not None:
        told["deletedDateTime"] = entry.deleted.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return told


def table(browsing: Browsing, kind: Kind, out: Text) -> None:
    """Present users or groups as CSV, a column per property that somebody has."""
    names: dict[str, None] = {}
    for entry in browsing.entries(kind):
        names.update(dict.fromkeys(properties(entry)))
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180 section 2
    writer.writerow(_cell(name) for name in names)
    for entry in browsing.entries(kind):
        told = properties(entry)
        writer.writerow(_cell(told.get(name)) for name in names)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):  # pyright: ignore[reportUnknownVariableType]
        value = "; ".join(value)  # pyright: ignore[reportUnknownArgumentType]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(told: dict[str, Any]) -> str:
    return msgspec.json.encode(told).decode() + "\n"
