"""What sets two documents apart, one line for each difference, in words.

Rows are known by what they are about (a mapping by its target, a filter by its name, a role by its id), so that
moving one isn't taken for changing all that follow. New types and fields are compared without being named here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from instep.core.rules_document import ClauseDocument, FilterDocument, MappingRow, RoleDocument

_KEYS: Final[Mapping[type[Struct], str]] = {MappingRow: "target", FilterDocument: "name", RoleDocument: "id"}


def differences(old: Struct, new: Struct, place: str = "") -> Iterator[str]:
    """How `new` differs from `old`, two values of one type; nothing when they're equal.

    place: what both are called, before the name of each field.
    """
    for name in new.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        inside = f"{place}.{name}" if place else name
        if before == after:
            continue
        if isinstance(before, Struct) and isinstance(after, Struct):
            yield from differences(before, after, inside)
        elif rows := _rows(before, after):
            yield from _of_rows(*rows, inside)
        else:
            yield f"{inside}: {shown(before)} → {shown(after)}"


def _rows(before: Any, after: Any) -> tuple[dict[str, Struct], dict[str, Struct]] | None:
    """Both lists by the key of their rows; none when they aren't lists of rows, or a key stands twice."""
    if not isinstance(before, tuple) or not isinstance(after, tuple):
        return None
    old, new = cast("tuple[Any, ...]", before), cast("tuple[Any, ...]", after)
    key = _KEYS.get(type((*old, *new)[0]))
    if key is None:
        return None
    first, second = ({getattr(row, key): row for row in rows} for rows in (old, new))
    return (first, second) if (len(first), len(second)) == (len(old), len(new)) else None


def _of_rows(before: dict[str, Struct], after: dict[str, Struct], place: str) -> Iterator[str]:
    for key, row in before.items():
        if key not in after:
            yield f"{place}: {key} is gone ({_without_key(row)})"
    for key, row in after.items():
        if key not in before:
            yield f"{place}: {key} is new ({_without_key(row)})"
        elif row != before[key]:
            changed = (line.replace(": ", " ", 1) for line in differences(before[key], row))
            yield f"{place}: {key}: {'; '.join(changed)}"
    stayed = [key for key in before if key in after]
    if stayed != [key for key in after if key in before]:
        yield f"{place}: those that stay are in another order"


def _without_key(row: Struct) -> str:
    key = _KEYS[type(row)]
    told: list[str] = []
    for field in msgspec.structs.fields(row):
        value = getattr(row, field.name)
        if field.name != key and (field.required or value != field.default):
            told.append(f"{field.name} {shown(value)}")
    return ", ".join(told)


def shown(value: Any) -> str:
    """A value in a line of text."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "nothing"
        case str():
            return value or '""'
        case ClauseDocument():
            said = f"{value.attribute} {value.operator}"
            return said if value.value is None else f"{said} '{value.value}'"
        case Struct():
            return "{" + ", ".join(f"{name} {shown(getattr(value, name))}" for name in value.__struct_fields__) + "}"
        case tuple():
            elements = cast("tuple[Any, ...]", value)
            word = " and " if any(isinstance(each, ClauseDocument) for each in elements) else ", "
            return word.join(map(shown, elements)) or "none"
        case _:
            return str(value)
