"""The tree of a parsed expression, and its text.

Nodes are plain values; where they stood in the text (`column`) doesn't count when two are compared. An omitted
argument is `None`. `printed` gives the canonical text: parsing it again gives the same tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from .errors import REDACTED


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, written in decimal or as `&H` and hexadecimal digits."""

    value: int
    hexadecimal: bool = False
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """The bare word True or False."""

    value: bool
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: the name of a choice, such as vbTextCompare."""

    name: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A source attribute in square brackets, under the name that the rule's author used."""

    name: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments, `None` where one is left out."""

    name: str
    arguments: tuple["Node | None", ...]
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions with `=`, `<>`, `<`, `<=`, `>` or `>=` between them."""

    operator: str
    left: "Node"
    right: "Node"
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Two or more expressions put together with `&`."""

    parts: tuple["Node", ...]
    column: int = field(default=0, compare=False)


Constant: TypeAlias = Text | Number | Truth
Node: TypeAlias = Text | Number | Truth | Word | Attribute | Call | Comparison | Concatenation


def children(node: Node) -> tuple[Node | None, ...]:
    """The parts of a node, from left to right."""
    match node:
        case Call():
            return node.arguments
        case Comparison():
            return (node.left, node.right)
        case Concatenation():
            return node.parts
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        if child is not None:
            yield from walk(child)


def printed(node: Node | None, *, masked: bool = False) -> str:
    """The canonical text of a node. With `masked`, constants inside of `Redact` are written as `[Redact]`."""
    match node:
        case None:
            return ""
        case Text():
            return '"' + node.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Number(value=value, hexadecimal=True):
            return f"&H{value:X}"
        case Number() | Truth():
            return str(node.value)
        case Word():
            return node.name
        case Attribute():
            return f"[{node.name}]"
        case Call(name="Redact") if masked:
            return f"Redact({', '.join(map(_hidden, node.arguments))})"
        case Call():
            return f"{node.name}({', '.join(printed(argument, masked=masked) for argument in node.arguments)})"
        case Comparison():
            return f"{printed(node.left, masked=masked)} {node.operator} {printed(node.right, masked=masked)}"
        case Concatenation():
            return " & ".join(printed(part, masked=masked) for part in node.parts)


def _hidden(node: Node | None) -> str:
    has_constants = node is not None and any(isinstance(part, Text | Number) for part in walk(node))
    return REDACTED if has_constants else printed(node)
