"""What clients really send, put into the forms of RFC 7644.

Entra writes `manager` as a bare text or a list, leaves schemas out, and uses dotted keys without a path; Okta names
the `id` in a PATCH; everybody sends roles that this app doesn't take. Here such bodies become plain ones: whole
documents with known shapes, and PATCH operations that have one path each. What isn't a dialect of somebody's is left
as it is, for the validation that follows to judge.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from scim2_models import InvalidPathException, InvalidSyntaxException, InvalidValueException, NoTargetException

from instep.serviceprovider.documents import ENTERPRISE, GROUP, USER, Document
from instep.serviceprovider.filters import LONGEST, qualified
from instep.serviceprovider.schemas import NEVER_TAKEN

_PATH = re.compile(r"(?:(?P<schema>urn:[^\[\]\"\s]+):)?(?P<name>[A-Za-z$][\w$-]*)(?P<rest>[.\[].*)?", re.DOTALL)
VALUE_IS = re.compile(r'\[\s*value\s+eq\s+"(?P<id>[^"\\]*)"\s*\]', re.IGNORECASE)
"""The filter of a path such as `members[value eq "7f3c"]`, where the id needs no unescaping."""
_SERVER_MADE = frozenset({"schemas", "meta", "groups"})
_MOST_OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of a PATCH, with its path."""

    op: str
    """add, replace or remove."""
    path: str
    value: Any = None
    has_value: bool = False
    only_if_manager: str | None = None
    """Removes the manager only if it's this one."""

    @property
    def schema(self) -> str:
        """The schema that the path names, in lower case; empty when it names none or the resource's own."""
        named = (_parts(self.path)["schema"] or "").lower()
        return "" if named in (USER.lower(), GROUP.lower()) else named

    @property
    def name(self) -> str:
        """The attribute's own name, in lower case."""
        return str(_parts(self.path)["name"]).lower()

    @property
    def rest(self) -> str:
        """What follows the attribute's name: a sub-attribute, a filter, or nothing."""
        return _parts(self.path)["rest"] or ""


# --- whole documents ---


def resource(payload: object) -> object:
    """The body of a POST or PUT. InvalidValueException when a member or manager can't be made out."""
    if not isinstance(payload, dict):
        return payload
    tidy: Document = {}
    for name, value in payload.items():
        match name.lower():
            case taken if taken in NEVER_TAKEN:
                continue
            case "members":
                tidy[name] = None if value is None else _members(value)
            case extension if extension == ENTERPRISE.lower() and isinstance(value, dict):
                tidy[name] = _extension(value)
            case _:
                tidy[name] = value
    return tidy


def _extension(values: Document) -> Document:
    tidy = {name: value for name, value in values.items() if name.lower() != "manager"}
    manager = next((_manager(value) for name, value in values.items() if name.lower() == "manager"), None)
    return tidy if manager is None else {**tidy, "manager": manager}


def _manager(value: object) -> Document | None:
    """A manager as an object, or None when the value says that there's none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        value = {"value": value}
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise InvalidValueException(detail="manager must be the id of a User, or an object with its value")
    manager = {name: each for name, each in value.items() if name.lower() in ("value", "$ref") and each}
    if isinstance(reference := manager.get("$ref"), str):
        manager["$ref"] = re.sub(r"^(?:\.\./)+", "", reference)  # "../Users/26118915", as in RFC 7643 §8.3
    return manager or None


def _members(value: object) -> list[Document]:
    """Members as objects with nothing but their value: all else about them is the app's to say."""
    entries = value if isinstance(value, list) else [value]
    return [{"value": member_id} for member_id in dict.fromkeys(_member(entry) for entry in entries)]


def _member(entry: object) -> str:
    found, kind = entry, "User"
    if isinstance(entry, dict):
        if "value" not in entry:
            entry = {name.lower(): each for name, each in entry.items()}
        found, kind = entry.get("value"), entry.get("type") or "User"
    if not isinstance(found, str) or not found:
        raise InvalidValueException(detail="each of the members needs the id of a User as its value")
    if str(kind).lower() != "user":
        raise InvalidValueException(detail="a team holds people only: members must be Users")
    return found


# --- PATCH ---


def operations(payload: object, resource_id: str) -> list[Operation]:
    """The operations of a PATCH body (RFC 7644 §3.5.2), each with one path.

    Raises InvalidSyntaxException, InvalidValueException, InvalidPathException or NoTargetException.
    """
    by_name = {str(name).lower(): each for name, each in payload.items()} if isinstance(payload, dict) else {}
    raw = by_name.get("operations")
    if not isinstance(raw, list) or not raw or not all(isinstance(each, dict) for each in raw):
        raise InvalidSyntaxException(detail="a PATCH needs Operations: a list of one or more objects")
    if len(raw) > _MOST_OPERATIONS:
        raise InvalidValueException(detail=f"a PATCH has at most {_MOST_OPERATIONS} operations, not {len(raw)}")
    found: list[Operation] = []
    for each in raw:
        for operation in _with_paths(_operation(each), resource_id):
            found += _tidied(operation)
    return found


def _operation(raw: Document) -> Operation:
    by_name = {str(name).lower(): each for name, each in raw.items()}
    op, path = by_name.get("op"), by_name.get("path") or ""
    if not isinstance(op, str) or op.lower() not in ("add", "replace", "remove"):
        raise InvalidValueException(detail=f"{op!r} is not a PATCH operation: add, remove or replace")
    if not isinstance(path, str) or len(path) > LONGEST:
        raise InvalidPathException(detail="a path is text")
    return Operation(op.lower(), path.strip(), by_name.get("value"), "value" in by_name)


def _with_paths(operation: Operation, resource_id: str) -> Iterator[Operation]:
    """One operation for each key of a value that has no path, or only a schema for one."""
    whole = operation.path.lower() in ("", USER.lower(), GROUP.lower())
    extension = operation.path.lower() == ENTERPRISE.lower()
    if operation.op == "remove" and operation.path == "":
        raise NoTargetException(detail="Remove operation requires a path")
    if not whole and not (extension and operation.op != "remove"):
        yield operation
        return
    if not isinstance(operation.value, dict):
        raise InvalidValueException(detail="an operation without a path needs an object as its value")
    for key, value in operation.value.items():
        if whole and (key.lower() in _SERVER_MADE or (key.lower() == "id" and value == resource_id)):
            continue
        path = f"{ENTERPRISE}:{key}" if extension else key
        yield from _with_paths(replace(operation, path=path, value=value, has_value=True), resource_id)


def _tidied(operation: Operation) -> Iterator[Operation]:
    own = operation.schema == ""
    if own:
        operation = replace(operation, path=f"{_parts(operation.path)['name']}{operation.rest}")
    if own and (schema := qualified(operation.name)) is not None:
        operation = replace(operation, path=f"{schema}:{_parts(operation.path)['name']}{operation.rest}")
        own = False
    if own and operation.name in NEVER_TAKEN:
        return
    if own and operation.name == "members" and operation.rest == "" and operation.value is not None:
        yield replace(operation, path="members", value=_members(operation.value))
    elif operation.schema == ENTERPRISE.lower() and operation.name == "manager":
        yield from _manager_operations(operation)
    else:
        yield operation


def _manager_operations(operation: Operation) -> Iterator[Operation]:
    path = f"{ENTERPRISE}:manager"
    if operation.rest not in ("", ".value") and not VALUE_IS.fullmatch(operation.rest):
        yield operation
        return
    asked = VALUE_IS.fullmatch(operation.rest)
    manager = _manager(operation.value)
    if operation.op == "remove":
        only = asked["id"] if asked else (manager or {}).get("value")
        yield Operation("remove", path, only_if_manager=only)
        return
    # Replacing a complex attribute keeps the sub-attributes that aren't named (RFC 7644 §3.5.2.3), but a $ref that is
    # kept from the last manager would be wrong.
    yield Operation("remove", path)
    if manager is not None:
        yield Operation("add", path, manager, has_value=True)


def _parts(path: str) -> re.Match[str]:
    found = _PATH.fullmatch(path)
    if found is None:
        raise InvalidPathException(detail=f"{path!r} is no attribute path")
    return found
