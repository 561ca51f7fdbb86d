"""SCIM documents: attributes keyed by path become a document, and a document is read by path.

Writing is strict: the JSON types of RFC 7643, no nulls. Reading is tolerant, since apps send names in another
case, "True" for true, one object where a list belongs, and extensions nested or flat.
"""

import copy
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, cast

from instep.scim.paths import CORE_GROUP, CORE_USER, ENTERPRISE_USER, AttributePath, Selector, parse


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""What `read` gives where a document has no value. RFC 7643 section 2.5: null and an empty list are none."""

_MULTI_VALUED = frozenset(
    {"emails", "phonenumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles", "x509certificates"}
)
_BOOLEAN = frozenset({"active", "primary"})
_READ_ONLY = frozenset({"meta", "groups"})
_MADE_BY_SERVERS = frozenset({"$ref", "display"})


class DocumentError(ValueError):
    """A path that can't be set, since another value stands on its way; the message names both."""


# --------------------------------------------------------------------------------------------- writing


def build(kind: str, attributes: Mapping[str, Any], schemas: Iterable[str] = ()) -> dict[str, Any]:
    """The document for POST or PUT: attributes keyed by path text, those that are None left out.

    kind: `User` or `Group`. schemas: URNs to be listed besides the core schema and the extensions used.
    Raises PathError, DocumentError.
    """
    extensions: dict[str, None] = {}
    document: dict[str, Any] = {"schemas": []}
    for text, value in attributes.items():
        if value is None or value is ABSENT:
            continue
        path = parse(text)
        if path.schema:
            extensions[path.schema] = None
        put(document, path, value)
    _mark_work_email(document)
    core = CORE_USER if kind == "User" else CORE_GROUP
    document["schemas"] = list(dict.fromkeys((core, *extensions, *schemas)))
    return document


def put(document: dict[str, Any], path: AttributePath, value: Any) -> None:
    """Set one value in a document of ours, making the objects and the element on its way.

    Raises DocumentError where another path has put a plain value on the way.
    """
    holder = _object_at(document, path.schema, path) if path.schema else document
    if path.selector or (path.sub and path.attribute.lower() in _MULTI_VALUED):
        _put_element(_elements_at(holder, path), path, value)
    elif path.sub:
        inner = _object_at(holder, path.attribute, path)
        inner[_spelt(inner, path.sub)] = wire_value(path, value)
    else:
        holder[_spelt(holder, path.attribute)] = wire_value(path, value)


def changed(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The document for PUT: one that was read, with the values at these paths set or, where None, taken out.

    What only the server writes is left out. Raises PathError, DocumentError.
    """
    made = {k: copy.deepcopy(v) for k, v in document.items() if k.lower() not in _READ_ONLY}
    for text, value in values.items():
        path = parse(text)
        if path.schema:
            made.pop(_spelt(made, f"{path.schema}:{path.attribute}"), None)
        if value is not None:
            put(made, path, value)
            _list_schema(made, path)
        else:
            _take_out(made, path)
    return made


def wire_value(path: AttributePath, value: Any) -> Any:
    """The value in the JSON type that RFC 7643 gives the attribute: booleans, and a manager as an object."""
    name = (path.sub or path.attribute).lower()
    if name in _BOOLEAN and not path.schema:
        return as_boolean(value)
    if is_manager(path):
        return cast("Any", value) if isinstance(value, Mapping) else {"value": value}
    return value


def is_manager(path: AttributePath) -> bool:
    """Whether the path is the enterprise extension's manager as a whole."""
    return path.attribute == "manager" and path.schema == ENTERPRISE_USER and path.sub is None


def as_boolean(value: Any) -> Any:
    """`"True"` and `"False"`, in any case, as booleans; anything else as it is."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def element(selector: Selector, values: Mapping[str, Any], attribute: str) -> dict[str, Any]:
    """A new element of a multi-valued attribute. A work e-mail is the primary one, as Entra sends it."""
    made: dict[str, Any] = {selector.name: selector.value, **values}
    if _is_work_email(attribute, made):
        made.setdefault("primary", True)
    return made


def _put_element(elements: list[Any], path: AttributePath, value: Any) -> None:
    selector = path.selector
    for candidate in elements:
        if isinstance(candidate, dict) and (not selector or _selects(selector, cast("dict[str, Any]", candidate))):
            found = cast("dict[str, Any]", candidate)
            break
    else:
        found = {selector.name: selector.value} if selector else {}
        elements.append(found)
    if path.sub:
        found[_spelt(found, path.sub)] = wire_value(path, value)
    elif isinstance(value, Mapping):
        found.update(cast("Mapping[str, Any]", value))
    else:
        found["value"] = value


def _object_at(holder: dict[str, Any], name: str, path: AttributePath) -> dict[str, Any]:
    spelt = _spelt(holder, name)
    if holder.get(spelt) is None:
        holder[spelt] = {}
    found = holder[spelt]
    if not isinstance(found, dict):
        raise DocumentError(f"{path} can't be set: {name} has a value that isn't an object")
    return cast("dict[str, Any]", found)


def _elements_at(holder: dict[str, Any], path: AttributePath) -> list[Any]:
    spelt = _spelt(holder, path.attribute)
    found = holder.get(spelt)
    if found is None or isinstance(found, dict):
        elements: list[Any] = [] if found is None else [cast("Any", found)]
        holder[spelt] = elements
        return elements
    if not isinstance(found, list):
        raise DocumentError(f"{path} can't be set: {path.attribute} has a value that isn't a list")
    return cast("list[Any]", found)


def _take_out(document: dict[str, Any], path: AttributePath) -> None:
    holder = document.get(_spelt(document, path.schema)) if path.schema else document
    if not isinstance(holder, dict):
        return
    inner = cast("dict[str, Any]", holder)
    spelt = _spelt(inner, path.attribute)
    found = inner.get(spelt)
    if path.selector and isinstance(found, list | dict):
        inner[spelt] = _without(_listed(found), path)
    elif path.sub and isinstance(found, dict):
        part = cast("dict[str, Any]", found)
        part.pop(_spelt(part, path.sub), None)
    else:
        inner.pop(spelt, None)


def _without(elements: list[Any], path: AttributePath) -> list[Any]:
    """The elements, less the value at the path; an element without its `value` goes as a whole."""
    kept: list[Any] = []
    for candidate in elements:
        if path.selector and isinstance(candidate, dict) and _selects(path.selector, cast("Any", candidate)):
            if path.sub in (None, "value"):
                continue
            part = cast("dict[str, Any]", candidate)
            part.pop(_spelt(part, path.sub), None)
        kept.append(candidate)
    return kept


def _list_schema(document: dict[str, Any], path: AttributePath) -> None:
    listed = lookup(document, "schemas")
    if (
        path.schema
        and isinstance(listed, list)
        and path.schema.lower() not in (str(urn).lower() for urn in cast("list[Any]", listed))
    ):
        cast("list[Any]", listed).append(path.schema)


def _spelt(holder: Mapping[str, Any], name: str) -> str:
    """The name as the object spells it, names being the same in any case; itself where it has none."""
    if name in holder:
        return name
    lower = name.lower()
    return next((key for key in holder if key.lower() == lower), name)


def _mark_work_email(document: dict[str, Any]) -> None:
    emails = document.get("emails")
    if not isinstance(emails, list):
        return
    elements = [cast("dict[str, Any]", e) for e in cast("list[Any]", emails) if isinstance(e, dict)]
    if any(e.get("primary") is True for e in elements):
        return
    for candidate in elements:
        if _is_work_email("emails", candidate):
            candidate.setdefault("primary", True)


def _is_work_email(attribute: str, candidate: Mapping[str, Any]) -> bool:
    return attribute == "emails" and candidate.get("type") == "work"


# --------------------------------------------------------------------------------------------- reading


def read(document: Mapping[str, Any], path: str | AttributePath) -> Any:
    """The value at a path, or ABSENT. Booleans are booleans, a manager is its id. Raises PathError."""
    where = parse(path) if isinstance(path, str) else path
    value = _attribute(document, where)
    if value is ABSENT:
        return ABSENT
    if where.selector or (where.sub and isinstance(value, list)):
        value = _chosen(value, where.selector)
        if value is ABSENT:
            return ABSENT
    if is_manager(where):
        return _reference(value)
    if where.sub:
        value = lookup(cast("Mapping[str, Any]", value), where.sub) if isinstance(value, Mapping) else ABSENT
    if not where.schema and (where.sub or where.attribute).lower() in _BOOLEAN:
        value = as_boolean(value)
    return value


def lookup(holder: Mapping[str, Any], name: str) -> Any:
    """A member of a JSON object by its name in any case (RFC 7643 section 2.1), or ABSENT."""
    value = holder.get(name)
    if value is None:
        lower = name.lower()
        value = next((v for k, v in holder.items() if v is not None and k.lower() == lower), None)
    return ABSENT if value is None or value == [] else value


def members(document: Mapping[str, Any]) -> list[str]:
    """The ids of a group's members, each once, in their order."""
    found = lookup(document, "members")
    if found is ABSENT:
        return []
    ids = (_reference(entry) for entry in _listed(found))
    return list(dict.fromkeys(i for i in ids if isinstance(i, str)))


def _attribute(document: Mapping[str, Any], path: AttributePath) -> Any:
    if not path.schema:
        return lookup(document, path.attribute)
    extension = lookup(document, path.schema)
    if isinstance(extension, Mapping):
        value = lookup(cast("Mapping[str, Any]", extension), path.attribute)
        if value is not ABSENT:
            return value
    # Some apps answer with the path itself as a key of the resource.
    return lookup(document, f"{path.schema}:{path.attribute}")


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _chosen(value: Any, selector: Selector | None) -> Any:
    elements = [cast("Mapping[str, Any]", e) for e in _listed(value) if isinstance(e, Mapping)]
    if selector:
        return next((e for e in elements if _selects(selector, e)), ABSENT)
    primary = next((e for e in elements if as_boolean(lookup(e, "primary")) is True), None)
    return primary if primary is not None else next(iter(elements), ABSENT)


def _selects(selector: Selector, candidate: Mapping[str, Any]) -> bool:
    return same(lookup(candidate, selector.name), selector.value)


def _reference(value: Any) -> Any:
    """The id that a reference stands for: a bare string, `value`, or the end of `$ref`."""
    if isinstance(value, list):
        value = next(iter(cast("list[Any]", value)), ABSENT)
    if isinstance(value, Mapping):
        entry = cast("Mapping[str, Any]", value)
        found = lookup(entry, "value")
        if found in (ABSENT, ""):
            link = lookup(entry, "$ref")
            found = link.rstrip("/").rpartition("/")[2] if isinstance(link, str) and link else ABSENT
        value = found
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else ABSENT


# ------------------------------------------------------------------------------------------- comparing


def same(a: Any, b: Any, case_exact: bool = False) -> bool:
    """Whether two values mean the same to an app.

    Text is compared in Unicode's NFC and, unless case_exact, without regard to case. A number equals its text
    and a boolean the words true and false, since apps turn the one into the other. None, ABSENT and an empty
    list are the same. Lists are compared as sets; an element's `$ref` and `display`, which servers add, and
    `primary: false`, which is the default, don't count.
    """
    if type(a) is type(b) and a == b:
        return True
    return _normal(a, case_exact) == _normal(b, case_exact)


def _normal(value: Any, case_exact: bool) -> Hashable:
    if isinstance(value, str):
        return _normal_text(value, case_exact)
    if value is None or value is ABSENT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, Mapping):
        return _normal_object(cast("Mapping[str, Any]", value), case_exact)
    if isinstance(value, list | tuple | set | frozenset):
        elements = frozenset(_normal(entry, case_exact) for entry in cast("Iterable[Any]", value))
        return elements or None
    return str(value)


def _normal_text(value: str, case_exact: bool) -> str:
    if value in ("True", "False"):
        return value.lower()
    text = unicodedata.normalize("NFC", value)
    # Lower case and no more: folding would take Weiß for Weiss. It can undo the normal form, hence once more.
    return text if case_exact else unicodedata.normalize("NFC", text.lower())


def _normal_object(value: Mapping[str, Any], case_exact: bool) -> Hashable:
    entries: set[tuple[str, Hashable]] = set()
    for name, part in value.items():
        lower = name.lower()
        normal = _normal(part, case_exact)
        if normal is None or lower in _MADE_BY_SERVERS or (lower == "primary" and normal == "false"):
            continue
        entries.add((lower, normal))
    return frozenset(entries)
