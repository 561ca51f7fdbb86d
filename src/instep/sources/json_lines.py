"""JSON Lines: one JSON object per line, as Microsoft Graph writes users and groups, and as `export` writes them.

    {"type": "user", "id": "...", "userPrincipalName": "ada@example.com", "manager": "...", ...}
    {"type": "group", "id": "...", "displayName": "Sales", ...}
    {"type": "membership", "group": "...", "member": "..."}
    {"type": "assignment", "app": "mixpanel", "principal": "...", "role": "<id of the role>"}

`@odata.type` says the same as `type`. Where both are missing, as in Graph's lists, the properties tell. A property
that's missing leaves the directory's value as it is; null clears it. Passwords aren't taken.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from instep.core.directory import AnyRow, AssignmentRow, Fault, MemberRow, Row
from instep.core.subject import DEFAULT_ACCESS, Kind
from instep.sources import columns
from instep.sources.text import Broken, TextFile

LABEL = "JSON Lines"
A_LIST = "one JSON object per line was expected; jq -c '.[]' makes them of a list"

_TYPES = {
    "user": "user",
    "group": "group",
    "membership": "membership",
    "assignment": "assignment",
    "approleassignment": "assignment",
}
_NOT_TAKEN = {"id", "type", "accountEnabled", "manager", "deletedDateTime", "members", "passwordProfile", "password"}
_decode = msgspec.json.Decoder().decode


class _Wrong(Exception):
    """A property can't be read."""

    def __init__(self, column: str, value: Any, expected: str) -> None:
        super().__init__(expected)
        self.column, self.value, self.expected = column, value, expected


def rows(text: TextFile) -> Iterator[AnyRow | Fault]:
    """The rows of the file; a group with `members` also gives those."""
    with closing(text.lines()) as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield from _told(text, number, line)
        except Broken as broken:
            yield broken.fault


def _told(text: TextFile, number: int, line: str) -> Iterator[AnyRow | Fault]:
    try:
        yield from _rows(number, _object(line))
    except _Wrong as wrong:
        value = wrong.value if isinstance(wrong.value, str) else msgspec.json.encode(wrong.value).decode()
        yield text.fault(number, value if wrong.value is not None else "", wrong.expected, wrong.column)


def _object(line: str) -> dict[str, Any]:
    try:
        value = _decode(line)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise _Wrong("", line.strip(), f"one JSON object was expected ({wrong})") from None
    if not isinstance(value, dict):
        raise _Wrong("", line.strip(), A_LIST)
    return value


def _rows(line: int, told: dict[str, Any]) -> Iterator[AnyRow]:
    kind = _type(told)
    if kind == "membership":
        group = _text(told, "group", "groupId")
        member_kind = str(told.get("memberType") or "").removeprefix("#microsoft.graph.").lower()
        yield MemberRow(line, group, _text(told, "member", "memberId"), _kind(member_kind))
    elif kind == "assignment":
        principal = _text(told, "principal", "principalId")
        yield AssignmentRow(line, _text(told, "app", "resourceDisplayName"), principal, _role(told))
    else:
        yield from _object_rows(line, Kind.USER if kind == "user" else Kind.GROUP, told)


def _type(told: dict[str, Any]) -> str:
    given = told.get("@odata.type") or told.get("type")
    if given is not None:
        kind = _TYPES.get(str(given).removeprefix("#microsoft.graph.").lower())
        if kind is None:
            raise _Wrong("type", given, "user, group, membership or assignment was expected")
        return kind
    if "userPrincipalName" in told:
        return "user"
    if "principalId" in told:
        return "assignment"
    if told.keys() & {"groupTypes", "securityEnabled", "mailEnabled"}:
        return "group"
    raise _Wrong("type", None, "is missing; user, group, membership or assignment was expected")


def _object_rows(line: int, kind: Kind, told: dict[str, Any]) -> Iterator[AnyRow]:
    name_property = "userPrincipalName" if kind is Kind.USER else "displayName"
    id = _read(told, "id", columns.identifier) if told.get("id") is not None else None
    given = told.get(name_property)
    check = columns.principal_name if kind is Kind.USER else columns.group_name
    name = _read(told, name_property, check) if given is not None or id is None else None
    enabled = told.get("accountEnabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise _Wrong("accountEnabled", enabled, "true or false was expected")
    manager = told.get("manager", UNSET)
    if isinstance(manager, dict):
        manager = manager.get("id")
    if not (manager is UNSET or manager is None or isinstance(manager, str)):
        raise _Wrong("manager", manager, "an id or a userPrincipalName was expected")
    members = told.get("members") or []
    if not isinstance(members, list):
        raise _Wrong("members", members, "a list was expected")
    yield Row(
        line=line,
        kind=kind,
        id=id,
        name=name,
        attributes={name: value for name, value in told.items() if name not in _NOT_TAKEN and "@" not in name},
        enabled=enabled,
        manager=manager if kind is Kind.USER else UNSET,
        deleted=_time(told, "deletedDateTime"),
    )
    for member in members:
        known = member if isinstance(member, dict) else {"id": member}
        member_kind = str(known.get("@odata.type") or "").removeprefix("#microsoft.graph.").lower()
        yield MemberRow(line, id or name or "", _read(known, "id", columns.identifier), _kind(member_kind))


def _text(told: dict[str, Any], *names: str) -> str:
    """The first of those properties that is given: some text."""
    name = next((name for name in names if told.get(name) is not None), names[0])
    return _read(told, name, columns.identifier)


def _read(told: dict[str, Any], name: str, read: columns.Read) -> Any:
    value = told.get(name)
    if not isinstance(value, str):
        raise _Wrong(name, value, "is missing" if value is None else "text was expected")
    try:
        return read(value)
    except ValueError as wrong:
        raise _Wrong(name, value, str(wrong)) from None


def _kind(told: str) -> Kind | None:
    return {"user": Kind.USER, "group": Kind.GROUP}.get(told)


def _role(told: dict[str, Any]) -> str:
    given = told.get("role") or told.get("appRoleId") or DEFAULT_ACCESS
    try:
        return str(UUID(given))
    except (ValueError, AttributeError, TypeError):
        expected = "the id of an app role was expected; roles can be named in `instep assign`"
        raise _Wrong("role", given, expected) from None


def _time(told: dict[str, Any], name: str) -> datetime | None:
    value = told.get(name)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Wrong(name, value, "a time like 2026-05-04T09:30:00Z was expected") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
