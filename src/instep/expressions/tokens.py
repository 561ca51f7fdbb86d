"""Cuts the text of an expression into tokens.

Only the shape of each token is looked at here; which tokens may follow each other is the parser's business. Text
pasted from web pages and word processors is common, so any white space separates tokens, and curly quotes are
refused by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import ExpressionError, quoted
from .limits import EXPRESSION_LENGTH, TEXT_LENGTH


class Kind(Enum):
    """What a token is."""

    NAME = "a name"
    TEXT = "a text in quotes"
    NUMBER = "a number"
    HEXADECIMAL = "a hexadecimal number"
    ATTRIBUTE = "an attribute"
    COMPARISON = "a comparison"
    CONCATENATION = "&"
    OPEN = "("
    CLOSE = ")"
    COMMA = ","
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `value` is a text without quotes and escapes, an attribute without brackets, else as written."""

    kind: Kind
    value: str
    column: int

    def __str__(self) -> str:
        match self.kind:
            case Kind.END:
                return "the end"
            case Kind.TEXT:
                return "a text in quotes"  # never its content, which may be what Redact is there for
            case Kind.ATTRIBUTE:
                return f"[{self.value}]"
            case _:
                return quoted(self.value)


_SHAPES: Final = (
    (Kind.NAME, r"[A-Za-z_][A-Za-z0-9_]*"),
    (Kind.TEXT, r'"(?:[^"\\]|\\.)*+"'),
    (Kind.NUMBER, r"-?[0-9]+"),
    (Kind.HEXADECIMAL, r"&[Hh][0-9A-Fa-f]+(?![A-Za-z0-9_])"),
    (Kind.ATTRIBUTE, r"\[[^\[\]]*\]"),
    (Kind.COMPARISON, r"<>|<=|>=|[=<>]"),
    (Kind.CONCATENATION, r"&"),
    (Kind.OPEN, r"\("),
    (Kind.CLOSE, r"\)"),
    (Kind.COMMA, r","),
)
_TOKEN: Final = re.compile("|".join(f"(?P<{kind.name}>{shape})" for kind, shape in _SHAPES), re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of the text, the last being `END`; an `ExpressionError` where there is no token."""
    if len(text) > TEXT_LENGTH:
        raise ExpressionError(f"an expression has at most {EXPRESSION_LENGTH:,} characters, this one has {len(text):,}")
    position, length = 0, 0
    while True:
        position = _end_of_space(text, position)
        if position == len(text):
            yield Token(Kind.END, "", position + 1)
            return
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise _no_token(text, position)
        length += len(found[0])
        if length > EXPRESSION_LENGTH:
            raise ExpressionError(f"an expression has at most {EXPRESSION_LENGTH:,} characters", position + 1)
        kind = Kind[found.lastgroup]
        yield Token(kind, _value(kind, found[0], position + 1), position + 1)
        position = found.end()


def _end_of_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _value(kind: Kind, written: str, column: int) -> str:
    if kind is Kind.TEXT:
        inside = written[1:-1]
        for escape in _ESCAPE.finditer(inside):
            if escape[1] not in '\\"':
                raise ExpressionError(
                    f'a backslash in a text is written twice: "\\\\{escape[1]}", not "{escape[0]}"',
                    column + 1 + escape.start(),
                )
        return _ESCAPE.sub(r"\1", inside)
    if kind is Kind.ATTRIBUTE:
        return attribute_name(written[1:-1], column)
    return written


def attribute_name(name: str, column: int | None = None) -> str:
    """The name of an attribute without white space around it, or an `ExpressionError` that says what's wrong."""
    name = name.strip()
    if not name:
        raise ExpressionError("an attribute has its name in the brackets, for example [userPrincipalName]", column)
    if not name.isprintable() or any(character in name for character in '[]"'):
        raise ExpressionError(f"{quoted(name)} can't be the name of an attribute", column)
    return name


def _no_token(text: str, position: int) -> ExpressionError:
    character = text[position]
    column = position + 1
    match character:
        case '"':
            return ExpressionError("this text has no closing quote", column)
        case "[":
            return ExpressionError('this attribute has no closing bracket, "]"', column)
        case "“" | "”" | "„" | "‘" | "’" | "'":
            return ExpressionError(f'texts stand in straight double quotes ("), not in {character}', column)
        case ".":
            return ExpressionError("numbers are whole; put anything else in quotes", column)
        case "%":
            return ExpressionError("names between % signs belong to another product; use an [attribute]", column)
        case _:
            return ExpressionError(f"{quoted(character)} isn't expected here", column)
