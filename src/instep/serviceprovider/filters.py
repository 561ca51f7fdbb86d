"""SCIM filters as text: how much of one is read, and what Entra means by its short names.

The caps come before the parser, so that a hostile filter costs next to nothing. What a filter means is said in
`conditions.py`.
"""

import re

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import AttrPath, Comparison, FilterNode, LogicalExpr, Not, Present, ValuePath

from instep.serviceprovider.documents import ENTERPRISE

LONGEST = 8192
DEEPEST = 16
MOST_TERMS = 100

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')
_ENTERPRISE_ATTRIBUTES = frozenset(
    {"employeenumber", "costcenter", "organization", "division", "department", "manager"}
)


def tidied(text: object) -> object:
    """A filter whose caps have been checked, with the names that Entra sends put right.

    Entra asks for `manager` without its schema and for the person without `.value`. What isn't text is left to the
    validation that follows. InvalidFilterException when it's too long, too deep, too wide, or no filter.
    """
    if not isinstance(text, str):
        return text
    if len(text) > LONGEST:
        raise InvalidFilterException(detail=f"the filter has {len(text)} characters; at most {LONGEST} are taken")
    if (depth := _nesting(text)) > DEEPEST:
        raise InvalidFilterException(detail=f"the filter nests {depth} brackets; at most {DEEPEST} are taken")
    tree = ScimFilter(text).ast
    if _terms(tree) > MOST_TERMS:
        raise InvalidFilterException(detail=f"the filter compares more than {MOST_TERMS} times")
    return str(_put_right(tree))


def qualified(name: str) -> str | None:
    """The schema of an attribute that is Entra's to leave out; None when it's no enterprise attribute."""
    return ENTERPRISE if name.lower() in _ENTERPRISE_ATTRIBUTES else None


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in _STRING.sub("", text):
        if character in "([":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]":
            depth -= 1
    return deepest


def _terms(node: FilterNode) -> int:
    match node:
        case LogicalExpr():
            return sum(_terms(term) for term in node.terms)
        case Not():
            return _terms(node.expr)
        case ValuePath():
            return _terms(node.val_filter)
        case _:
            return 1


def _put_right(node: FilterNode) -> FilterNode:
    match node:
        case LogicalExpr():
            return LogicalExpr(node.op, tuple(_put_right(term) for term in node.terms))
        case Not():
            return Not(_put_right(node.expr))
        case Comparison():
            return Comparison(_named(node.attr_path, compared=True), node.op, node.value)
        case Present():
            return Present(_named(node.attr_path, compared=False))
        case _:
            return node


def _named(path: AttrPath, *, compared: bool) -> AttrPath:
    uri = path.uri or qualified(path.attr)
    if compared and path.attr.lower() == "manager" and uri is not None and path.sub_attr is None:
        return AttrPath(path.attr, "value", uri)
    return AttrPath(path.attr, path.sub_attr, uri)
