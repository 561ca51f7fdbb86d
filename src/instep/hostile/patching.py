"""PATCH (RFC 7644 section 3.5.2) as the clients of the world word it.

RFC-clean; with `Replace` and `Add` in capitals, `active` as text and a list of values to be removed, as Entra does;
without a path, the value holding dotted names, as Entra does with its flag and Okta always. What it is about is in
`attributes`.
"""

import copy
from typing import Any

from instep.hostile.attributes import Path, Wrong, conditions, get, holds, key, path

_UNCHANGEABLE = ("id", "meta", "schemas")
_MANY = ("emails", "phonenumbers", "addresses", "members", "roles", "entitlements", "ims", "photos", "x509certificates")
_TRUTH = {"true": True, "false": False}


def patched(document: dict[str, Any], operations: Any) -> dict[str, Any]:
    """The document after all operations; the one given stays as it is. Raises Wrong."""
    result = copy.deepcopy(document)
    if not isinstance(operations, list):
        raise Wrong("a PATCH needs Operations, a list")
    for operation in operations:
        if not isinstance(operation, dict):
            raise Wrong("an operation has to be an object")
        op, where, value = (get(operation, name) for name in ("op", "path", "value"))
        op = str(op).lower()
        if op not in ("add", "replace", "remove"):
            raise Wrong(f"the operation {op!r} isn't add, replace or remove")
        if where:
            _apply(result, op, path(str(where)), value)
        elif op == "remove" or not isinstance(value, dict):
            raise Wrong("an operation without a path needs an object as its value, and can't be a removal")
        else:
            for name, each in value.items():
                _apply(result, op, path(name), each)
    return result


def _apply(document: dict[str, Any], op: str, where: Path, value: Any) -> None:
    if where.name.lower() in _UNCHANGEABLE and not where.schema:
        return
    if where.name.lower() == "active" and isinstance(value, str):
        value = _TRUTH.get(value.lower(), value)
    holder = document
    if where.schema:
        holder = document.setdefault(key(document, where.schema), {})
    name = key(holder, where.name)
    if where.condition:
        _elements(holder, name, op, where, value)
    elif where.sub:
        _sub(holder, name, op, where.sub, value)
    elif op == "remove":
        _removed(holder, name, value)
    else:
        _whole(holder, name, op, value)
    if where.schema and not holder:
        del document[key(document, where.schema)]


def _whole(holder: dict[str, Any], name: str, op: str, value: Any) -> None:
    """Add or replace a whole attribute."""
    held = holder.get(name)
    if value is None:
        holder.pop(name, None)
    elif name.lower() in _MANY or isinstance(held, list):
        given = value if isinstance(value, list) else [value]
        kept = [] if op == "replace" else list(held or [])
        known = {_identity(each) for each in kept}
        holder[name] = kept + [each for each in given if _identity(each) not in known]
    elif isinstance(held, dict) and isinstance(value, dict):
        for sub, each in value.items():
            _sub(holder, name, op, sub, each)
    else:
        holder[name] = value


def _sub(holder: dict[str, Any], name: str, op: str, sub: str, value: Any) -> None:
    """Change one part of a complex attribute. A reference may be given by its plain id."""
    held = holder.get(name)
    whole = dict(held) if isinstance(held, dict) else {}
    if op == "remove" or value is None:
        whole.pop(key(whole, sub), None)
    else:
        whole[key(whole, sub)] = value
    holder[name] = whole
    if not whole:
        del holder[name]


def _removed(holder: dict[str, Any], name: str, value: Any) -> None:
    """Remove an attribute; with a list of values, only those."""
    if not value or not isinstance(holder.get(name), list):
        holder.pop(name, None)
        return
    gone = {_identity(each) for each in (value if isinstance(value, list) else [value])}
    holder[name] = [each for each in holder[name] if _identity(each) not in gone]


def _elements(holder: dict[str, Any], name: str, op: str, where: Path, value: Any) -> None:
    """Change the elements that a condition chooses. Where none fits, add and replace make one."""
    terms = conditions(where.condition)
    elements = [dict(each) if isinstance(each, dict) else each for each in holder.get(name) or []]
    fitting = [each for each in elements if isinstance(each, dict) and holds(each, terms)]
    if op == "remove" and not where.sub:
        holder[name] = [each for each in elements if each not in fitting]
        return
    if not fitting and op != "remove":
        fitting = [{term.name: wanted for term, wanted in terms}]
        elements += fitting
    for element in fitting:
        if op == "remove":
            element.pop(key(element, where.sub), None)
        elif where.sub:
            element[key(element, where.sub)] = value
        elif isinstance(value, dict):
            element.update(value)
    holder[name] = elements


def _identity(element: Any) -> str:
    return str(get(element, "value")) if isinstance(element, dict) and get(element, "value") else repr(element)
