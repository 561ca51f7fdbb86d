"""Expressions as Microsoft Graph's schema documents write them: `attributeMappingSource`, a tree of JSON objects.

Every node has `type` (Attribute, Constant or Function), `name`, `expression` (its text) and `parameters`, a list of
keys and nodes. Arguments that are left out are absent. Constants are texts there, numbers too. The documents know no
operators; a comparison or `&` is written as a function that has the sign for its name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from . import registry
from .errors import ExpressionError, quoted
from .expression import Expression, attribute, constant, parse
from .limits import EXPRESSION_DEPTH, EXPRESSION_LENGTH
from .nodes import Attribute, Call, Comparison, Concatenation, Node, Number, Text, Truth, Word, children, printed
from .registry import Function, Kind, Parameter
from .tokens import attribute_name

Tree = dict[str, Any]

_COMPARISONS: Final = ("=", "<>", "<", "<=", ">", ">=")
_SIDES: Final = ("left", "right")


def to_tree(expression: Expression) -> Tree:
    """The `attributeMappingSource` of an expression."""
    node = expression.node
    if isinstance(node, Number | Truth):
        return _node("Constant", expression.text, node)  # alone it is no text, and comes back as what it was
    return _tree(node)


def _tree(node: Node) -> Tree:
    match node:
        case Attribute():
            return _node("Attribute", node.name, node)
        case Text():
            return _node("Constant", node.value, node)
        case Number() | Truth():
            return _tree(Text(str(node.value)))
        case Word():
            return _tree(Text(node.name))
        case Call():
            return _node("Function", node.name, node, _parameters(node))
        case Comparison():
            return _node("Function", node.operator, node, zip(_SIDES, children(node), strict=True))
        case Concatenation():
            return _node("Function", "&", node, (("source", part) for part in node.parts))


def _parameters(call: Call) -> Iterable[tuple[str, Node | None]]:
    function = registry.find(call.name)
    for index, argument in enumerate(function.arranged(call.arguments)):
        yield function.parameter(index).tree_key, argument


def _node(kind: str, name: str, node: Node, parameters: Iterable[tuple[str, Node | None]] = ()) -> Tree:
    return {
        "type": kind,
        "name": name,
        "expression": printed(node),
        "parameters": [{"key": key, "value": _tree(value)} for key, value in parameters if value is not None],
    }


def from_tree(source: Mapping[str, Any]) -> Expression:
    """The expression of an `attributeMappingSource`, or an `ExpressionError`.

    An attribute or a constant is known by its `name`. A function is known by its `expression` if it has one, else by
    its name and parameters. Without a type there must be an `expression`.
    """
    kind, name, text = _field(source, "type"), _field(source, "name"), _field(source, "expression")
    match kind.lower():
        case "attribute" if name:
            return attribute(name)
        case "constant" if source.get("name") is not None:
            return _constant(name, text)
        case "attribute" | "constant" | "function" | "" if text:
            return parse(text)
        case "function" if name:
            return parse(printed(_from(source, 0)))
        case "attribute" | "constant" | "function" | "":
            raise ExpressionError("a mapping's source has a name or an expression, and this one has neither")
        case _:
            raise ExpressionError(f"{quoted(kind)} is no type of a mapping's source")


def _constant(name: str, text: str) -> Expression:
    if name == text and text:
        try:
            alone = parse(text)
        except ExpressionError:
            return constant(name)
        if isinstance(alone.node, Number | Truth):
            return alone
    return constant(name)


def _field(source: Mapping[str, Any], key: str) -> str:
    value = source.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ExpressionError(f"the {key} of a mapping's source is a text, not {quoted(value)}")
    return value


def _from(source: Mapping[str, Any], depth: int) -> Node:
    if depth > EXPRESSION_DEPTH:
        raise ExpressionError(f"functions are nested more than {EXPRESSION_DEPTH} deep")
    kind, name = _field(source, "type").lower(), _field(source, "name")
    if kind == "attribute" and name:
        return Attribute(attribute_name(name))
    if kind == "constant" and source.get("name") is not None:
        return Text(name)
    if kind == "function" and name:
        return _function(name, _given(source, depth))
    text = _field(source, "expression")
    if not text:
        raise ExpressionError("each parameter's value has a type and a name, or an expression")
    return parse(text).node


def _given(source: Mapping[str, Any], depth: int) -> list[tuple[str, Node]]:
    parameters: object = source.get("parameters") or []
    if not isinstance(parameters, list):
        raise ExpressionError("the parameters of a mapping's source are a list")
    entries = cast(list[object], parameters)
    if len(entries) > EXPRESSION_LENGTH:
        raise ExpressionError(f"a mapping's source has at most {EXPRESSION_LENGTH:,} parameters")
    return [(_field(entry, "key"), _from(_object(entry.get("value")), depth + 1)) for entry in map(_object, entries)]


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ExpressionError("each parameter of a mapping's source has a key and a value")
    return cast(Mapping[str, Any], value)


def _function(name: str, given: list[tuple[str, Node]]) -> Node:
    nodes = [node for _, node in given]
    if name in _COMPARISONS and len(nodes) == 2:
        return Comparison(name, nodes[0], nodes[1])
    if name == "&" and len(nodes) >= 2:
        return Concatenation(tuple(nodes))
    function = registry.find(name)
    places: dict[int, Node] = {}
    for key, node in given:
        index = _place(function, key, places)
        places[index] = _as_written(function.parameter(index), node)
    return Call(function.name, tuple(places.get(index) for index in range(max(places, default=-1) + 1)))


def _place(function: Function, key: str, taken: Mapping[int, Node]) -> int:
    """The position of the argument that a key means; keys of repeated parameters take the next free one."""
    plain = key.lower().rstrip("0123456789") or key.lower()
    for index, parameter in enumerate(function.parameters):
        names = (parameter.tree_key.lower(), parameter.name.lower())
        if key.lower() not in names and not (parameter.repeats and plain in names):
            continue
        if parameter.repeats:
            return max(index, max(taken, default=-1) + 1)
        if index in taken:
            raise ExpressionError(f"{function.name} has the parameter {quoted(key)} twice")
        return index
    keys = ", ".join(parameter.tree_key for parameter in function.parameters) or "none"
    raise ExpressionError(f"{function.name} has no parameter {quoted(key)}; its parameters are {keys}")


def _as_written(parameter: Parameter, node: Node) -> Node:
    """Numbers and choices are texts in the documents; in an expression they stand without quotes."""
    if not isinstance(node, Text):
        return node
    if parameter.kind is Kind.WORD and node.value.isidentifier():
        return Word(node.value)
    if parameter.kind is Kind.NUMBER and node.value.removeprefix("-").isdecimal() and node.value.isascii():
        digits = node.value.removeprefix("-")
        if len(digits) < 19 and (len(digits) == 1 or not digits.startswith("0")):
            return Number(int(node.value))
    return node
