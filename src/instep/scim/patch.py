"""PATCH requests (RFC 7644 section 3.5.2) in the dialects that apps were written for.

`rfc` is clean: lower-case operations, JSON types, one operation per attribute, members taken out by value
path. `entra` is what Entra sends by default, `entra-compliant` what it sends with `aadOptscim062020`. Which
dialect and which form of removal an app gets is in its abilities; this module only words it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from instep.scim.abilities import Dialect, Removal
from instep.scim.documents import element, is_manager, wire_value
from instep.scim.paths import AttributePath, parse, quoted

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Operation = dict[str, Any]
Presence = Callable[[AttributePath], bool]
"""Whether the app has the element that a path selects."""


class AttributeChange(Protocol):
    """One attribute that changes; `new` is None where it is cleared, `added` what a list that only grows gets."""

    @property
    def path(self) -> str: ...
    @property
    def old(self) -> Any: ...
    @property
    def new(self) -> Any: ...
    @property
    def added(self) -> Sequence[Any]: ...


def message(operations: Sequence[Operation]) -> dict[str, Any]:
    """The PATCH body with these operations."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


# ------------------------------------------------------------------------------------------ attributes


def attributes(
    changes: Iterable[AttributeChange], dialect: Dialect = "rfc", present: Presence | None = None
) -> list[Operation]:
    """The operations that make these changes.

    present: whether the app has the element that a path selects, where that was read. Without it an element
    whose `value` is new is taken to be new as a whole. Strict servers refuse a path into an element that isn't
    there (RFC 7644 section 3.5.2.3, noTarget), so a new element is added on the bare attribute.
    Raises PathError.
    """
    groups: dict[str, list[tuple[AttributePath, AttributeChange]]] = {}
    for change in changes:
        path = parse(change.path)
        groups.setdefault(path.element if path.selector else str(path), []).append((path, change))
    operations: list[Operation] = []
    for group in groups.values():
        operations += _element(group, dialect, present) if group[0][0].selector else _plain(group, dialect)
    return _merged(operations) if dialect == "entra-compliant" else operations


def _plain(group: list[tuple[AttributePath, AttributeChange]], dialect: Dialect) -> Iterator[Operation]:
    for path, change in group:
        yield _operation(path, change, dialect)


def _element(
    group: list[tuple[AttributePath, AttributeChange]], dialect: Dialect, present: Presence | None
) -> Iterator[Operation]:
    """The operations of the changes to one element, such as `emails[type eq "work"]`."""
    first = group[0][0]
    exists = present(first) if present else not _surely_new(group, dialect)
    given = {p.sub or "value": wire_value(p, c.new) for p, c in group if c.new is not None}
    if not exists:
        if given:
            yield _add_element(first, given, dialect)
        return
    if not given and any(p.sub in ("value", None) for p, _ in group):
        # An element without its value says nothing: it goes as a whole.
        yield {
            "op": _op("remove", dialect),
            "path": _text(AttributePath(first.attribute, first.schema, first.selector), dialect),
        }
        return
    for path, change in group:
        yield _operation(path, change, dialect)


def _surely_new(group: list[tuple[AttributePath, AttributeChange]], dialect: Dialect) -> bool:
    """Whether the element can't be there yet. Only its `value` tells: of an address, other parts may be known.

    Entra's default dialect always writes into the element, and the apps made for it expect that.
    """
    if dialect == "entra" or any(change.old is not None for _, change in group):
        return False
    return any(path.sub == "value" and change.new is not None for path, change in group)


def _add_element(path: AttributePath, given: Mapping[str, Any], dialect: Dialect) -> Operation:
    assert path.selector is not None
    bare = AttributePath(path.attribute, path.schema)
    return {
        "op": _op("add", dialect),
        "path": str(bare),
        "value": [element(path.selector, given, path.attribute)],
    }


def _operation(path: AttributePath, change: AttributeChange, dialect: Dialect) -> Operation:
    text = _text(path, dialect)
    if change.new is None:
        return {"op": _op("remove", dialect), "path": text}
    if change.added:
        return {"op": _op("add", dialect), "path": text, "value": _value(path, list(change.added), dialect)}
    op = "add" if change.old is None else "replace"
    return {"op": _op(op, dialect), "path": text, "value": _value(path, change.new, dialect)}


def _value(path: AttributePath, value: Any, dialect: Dialect) -> Any:
    if is_manager(path) and dialect != "rfc":
        return cast("Any", value["value"]) if isinstance(value, Mapping) else value
    value = wire_value(path, value)
    if dialect == "entra" and isinstance(value, bool):
        return str(value)
    return value


def _text(path: AttributePath, dialect: Dialect) -> str:
    """The path as the dialect writes it: in filters, RFC 7644 has booleans and Entra has "True"."""
    selector = path.selector
    if dialect != "rfc" or selector is None or not isinstance(selector.value, bool):
        return str(path)
    prefix = f"{path.schema}:" if path.schema else ""
    sub = f".{path.sub}" if path.sub else ""
    return f"{prefix}{path.attribute}[{selector.name} eq {str(selector.value).lower()}]{sub}"


def _merged(operations: list[Operation]) -> list[Operation]:
    """Several plain replaces become one without a path, its keys dotted or with the URN in front."""
    plain = [o for o in operations if o["op"] == "replace" and "[" not in o["path"]]
    if len(plain) < 2:
        return operations
    rest = [o for o in operations if o not in plain]
    return [*rest, {"op": "replace", "value": {o["path"]: o["value"] for o in plain}}]


def _op(name: str, dialect: Dialect) -> str:
    return name.capitalize() if dialect == "entra" else name


# --------------------------------------------------------------------------------------------- members


def chunks(add: Sequence[str], remove: Sequence[str], size: int) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The members to add and to remove, request by request, `size` of them in each; removals go first."""
    queue = [(member, False) for member in remove] + [(member, True) for member in add]
    for start in range(0, len(queue), size):
        part = queue[start : start + size]
        yield tuple(m for m, adds in part if adds), tuple(m for m, adds in part if not adds)


def members(
    add: Sequence[str], remove: Sequence[str], dialect: Dialect = "rfc", removal: Removal = "value-path"
) -> list[Operation]:
    """The operations that add and remove these members, given by their ids in the app."""
    operations: list[Operation] = []
    if remove and removal == "value-list":
        operations.append(
            {"op": _op("remove", dialect), "path": "members", "value": [{"value": member} for member in remove]}
        )
    else:
        operations += [
            {"op": _op("remove", dialect), "path": f"members[value eq {quoted(member)}]"} for member in remove
        ]
    if add:
        values = [{"$ref": None, "value": m} if dialect == "entra" else {"value": m} for m in add]
        operations.append({"op": _op("add", dialect), "path": "members", "value": values})
    return operations
