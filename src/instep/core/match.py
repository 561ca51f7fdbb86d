"""Matching: does what the app returned really answer what was asked?

Servers ignore filters, fold case, and return near misses. So each resource of an answer is read and compared
here: none that truly matches means create, one means adopt, two or more is an error that names them.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from msgspec import Struct

from instep.core.change import AttributeChange
from instep.core.key import key as key
from instep.core.rules import Mapping as AttributeMapping
from instep.core.rules import ObjectRules
from instep.scim import documents, paths


class Absent(Struct, frozen=True):
    """Looked up by every matching attribute, and not there."""

    looked_up: bool = True
    """False where the app refuses duplicates, so that creating first is sound."""
    asked: tuple[str, ...] = ()


class Found(Struct, frozen=True):
    """Exactly one account truly matches."""

    app_id: str
    by: str
    """The matching path."""
    observed: Mapping[str, Any]
    """Its managed attributes, by path."""
    owner: str = ""
    """Who it's linked to already, in words; empty when free."""
    members: tuple[str, ...] = ()
    """Subjects of this job that are members of it (groups)."""
    foreign: tuple[str, ...] = ()
    """App ids of members that no subject of this job stands behind."""
    login: str = ""
    """Its userName, whether it's managed or not."""


class Twins(Struct, frozen=True):
    """Several truly match."""

    by: str
    value: str
    app_ids: tuple[str, ...]


Observed: TypeAlias = Absent | Found | Twins


def matching_ids(documents_by_id: Iterable[tuple[str, Mapping[str, Any]]], path: str, value: str) -> list[str]:
    """The ids, each once, of the resources whose `path` really has that value."""
    parsed, wanted = paths.parse(path), key(value)
    found: dict[str, None] = {}
    for app_id, document in documents_by_id:
        held = documents.read(document, parsed)
        values = cast("list[Any]", held) if isinstance(held, list) else [held]
        if any(v is not documents.ABSENT and v is not None and key(v) == wanted for v in values):
            found[app_id] = None
    return list(found)


def observe(document: Mapping[str, Any], rules: ObjectRules, extra: Iterable[str] = ()) -> dict[str, Any]:
    """The managed attributes that the resource holds, by path."""
    observed: dict[str, Any] = {}
    for path in (*(m.target for m in rules.mappings), *extra):
        value = documents.read(document, paths.parse(path))
        if value is not documents.ABSENT:
            observed[path] = value
    return observed


def rewritten(sent: Mapping[str, Any], document: Mapping[str, Any], rules: ObjectRules) -> dict[str, Any]:
    """Where the app says that it holds something else than what was sent: its own values, by path.

    Attributes that the answer leaves out are no statement."""
    exact = {m.target: m.case_exact for m in rules.mappings}
    differing: dict[str, Any] = {}
    for path, value in sent.items():
        held = documents.read(document, paths.parse(path))
        if held is not documents.ABSENT and not documents.same(held, _plain(value), exact.get(path, False)):
            differing[path] = held
    return differing


def ignored(
    changes: Iterable[AttributeChange], returned: Mapping[str, Any], document: Mapping[str, Any], rules: ObjectRules
) -> list[AttributeChange]:
    """Changes that the app acknowledged and didn't make: its answer shows what it held before. `old` is what it shows.

    returned: what the app made of earlier values, by path (`Link.returned`). An app that tidies or shortens values may
    show the same for the old one and the new one; what could be that isn't told.
    """
    exact = {m.target: m.case_exact for m in rules.mappings}
    found: list[AttributeChange] = []
    for change in changes:
        held = documents.read(document, paths.parse(change.path))
        before, new = _plain(returned.get(change.path, change.old)), _plain(change.new)
        if before is None or documents.same(held, new, exact.get(change.path, False)):
            continue
        if documents.same(held, before, True) and not _tidied(new, held, change.path in returned):
            found.append(AttributeChange(change.path, held, change.new))
    return found


def _tidied(new: Any, held: Any, rewrites: bool) -> bool:
    """Whether an app could have made `held` of `new`. rewrites: whether it's known to make something of the values."""
    if new is None:
        return False
    whole, shown = (
        "".join(c for c in unicodedata.normalize("NFKD", str(value)).casefold() if c.isalnum()) for value in (new, held)
    )
    return whole == shown or (rewrites and whole.startswith(shown))


def _plain(value: Any) -> Any:
    """A value as the app has it: of a reference, the app id."""
    return cast("Any", value["value"] if isinstance(value, dict) and "subject" in value else value)


def differences(
    wanted: Mapping[str, Any],
    held: Mapping[str, Any],
    unknown: frozenset[str],
    by_target: Mapping[str, AttributeMapping],
) -> list[AttributeChange]:
    """What has to change so that `held` becomes `wanted`, attribute by attribute, in the order of `wanted`."""
    changes: list[AttributeChange] = []
    if not unknown and wanted.items() <= held.items():
        return changes
    for path, value in wanted.items():
        old = held.get(path)
        if old == value and path not in unknown:
            continue
        mapping = by_target.get(path)
        exact = mapping is not None and mapping.case_exact
        new = _flowing(mapping, value, old)
        if new is not None and (path in unknown or not documents.same(old, new, exact)):
            changes.append(AttributeChange(path, old, new, added=_added(mapping, value, old)))
    return changes


def _added(mapping: AttributeMapping | None, value: Any, old: Any) -> tuple[Any, ...]:
    """The values that an attribute which only gets values gets now; all of them where it isn't known what it has."""
    if mapping is None or mapping.flow not in ("value-add", "multi-value-add") or not isinstance(value, list):
        return ()
    values, held = cast("list[Any]", value), cast("list[Any]", old) if isinstance(old, list) else [old]
    fresh = tuple(v for v in values if not any(documents.same([v], [h], mapping.case_exact) for h in held))
    return fresh or tuple(values)


def _flowing(mapping: AttributeMapping | None, value: Any, old: Any) -> Any:
    """What the attribute is to become as its mapping flows; none when nothing flows."""
    if mapping is None or mapping.flow == "always" or old is None:
        return value
    if mapping.flow == "attribute-add":
        return None
    if not isinstance(value, list):
        return value
    held = cast("list[Any]", old) if isinstance(old, list) else [old]
    added = [v for v in cast("list[Any]", value) if not any(documents.same([v], [h], mapping.case_exact) for h in held)]
    if not added and mapping.flow == "multi-value-add":
        return None
    return [*held, *added]
