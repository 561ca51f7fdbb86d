"""Attribute paths within resources (RFC 7644 section 3.5.2 and 3.10): read, set, removed, and filters on them.

Names are found in any letter case. Filters are `eq`, joined by `and`, which is what provisioning needs and what many
apps have. The PATCH that is made of this is in `patching`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CORE = ("urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_NAME = re.compile(r"\$?[A-Za-z][\w$-]*\Z")
_TERM = re.compile(r"""\s*([^\s"]+)\s+(\w+)\s+("(?:[^"\\]|\\.)*"|[^\s"]+)\s*(and\s+|\Z)""", re.IGNORECASE)
_CASED = ("id", "externalid")


class Wrong(ValueError):
    """A path or a filter that can't be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Path:
    """`urn:...:User:emails[type eq "work"].value`, in its parts; those that are missing are empty."""

    schema: str
    name: str
    condition: str
    sub: str


def path(text: str) -> Path:
    """The path that a text is. Raises Wrong."""
    head, bracket, rest = text.strip().partition("[")
    condition, closing, sub = rest.rpartition("]") if bracket else ("", "", "")
    if bracket and (not closing or (sub and not sub.startswith("."))):
        raise Wrong(f"{text!r} isn't an attribute path")
    sub = sub.removeprefix(".")
    schema = ""
    if head.lower().startswith("urn:"):
        if head.lower() == ENTERPRISE.lower():
            return Path("", head, "", "")
        schema, _, head = head.rpartition(":")
        schema = "" if schema.lower() in (each.lower() for each in CORE) else schema
    name, dot, below = head.partition(".")
    if dot and (bracket or not below):
        raise Wrong(f"{text!r} isn't an attribute path")
    sub = sub or below
    if not _NAME.match(name) or (sub and not _NAME.match(sub)):
        raise Wrong(f"{text!r} isn't an attribute path")
    return Path(schema, name, condition, sub)


def key(document: dict[str, Any], name: str) -> str:
    """The name as the document has it; as given where the document hasn't got it."""
    lower = name.lower()
    return next((each for each in document if each.lower() == lower), name)


def get(document: dict[str, Any], name: str) -> Any:
    """The value of an attribute; None for none."""
    return document.get(key(document, name))


def conditions(text: str) -> list[tuple[Path, Any]]:
    """The terms of a filter: all must hold. Raises Wrong for anything but `eq` and `and`."""
    found: list[tuple[Path, Any]] = []
    at, joined = 0, "and"
    while joined:
        term = _TERM.match(text, at)
        if term is None:
            raise Wrong(f"the filter {text!r} can't be read; only `eq` and `and` are known here")
        if term[2].lower() != "eq":
            raise Wrong(f"the operator {term[2]!r} isn't known here; only `eq` is")
        try:
            value = json.loads(term[3])
        except ValueError:
            raise Wrong(f"{term[3]} isn't a value; text has to be quoted") from None
        found.append((path(term[1]), value))
        at, joined = term.end(), term[4]
    return found


def holds(document: dict[str, Any], terms: list[tuple[Path, Any]]) -> bool:
    """Whether all terms are true of a resource or of an element of an attribute."""
    return all(any(_same(where.name, held, wanted) for held in values(document, where)) for where, wanted in terms)


def values(document: dict[str, Any], where: Path) -> Iterator[Any]:
    """Every value at a path."""
    holder = (get(document, where.schema) or {}) if where.schema else document
    held = get(holder, where.name)
    elements = held if isinstance(held, list) else [] if held is None else [held]
    if where.condition:
        terms = conditions(where.condition)
        elements = [each for each in elements if isinstance(each, dict) and holds(each, terms)]
    for each in elements:
        if isinstance(each, dict):
            value = get(each, where.sub or "value")
            if value is not None:
                yield value
        elif not where.sub:
            yield each


def _same(name: str, held: Any, wanted: Any) -> bool:
    if isinstance(held, str) and isinstance(wanted, str) and name.lower() not in _CASED:
        return held.casefold() == wanted.casefold()
    return type(held) is type(wanted) and held == wanted
