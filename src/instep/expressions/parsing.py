"""Reads the text of an expression into a tree.

The grammar is small, with two oddities: an argument may be left out between two commas, and bare words name choices.

    expression  = joined [ comparison joined ]
    joined      = single { "&" single }
    single      = call | [attribute] | "text" | number | &Hhex | word
    call        = Name "(" [ argument { "," argument } ] ")"
    argument    = expression | nothing

A name before "(" must be a function that exists; whether its arguments fit, and whether a word may stand where it
does, is looked at by the compiler.
"""

from typing import Final

from . import registry
from .errors import ExpressionError, quoted, shortened
from .limits import EXPRESSION_CALLS, EXPRESSION_DEPTH
from .nodes import Attribute, Call, Comparison, Concatenation, Node, Number, Text, Truth, Word
from .tokens import Kind, Token, tokens

_LARGEST: Final = 2**63 - 1
_WORDS: Final = {"true": True, "false": False}


def tree(text: str) -> Node:
    """The tree of an expression, or an `ExpressionError` with the column and what was expected there."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._token = next(self._tokens)
        self._depth = 0
        self._calls = 0

    def whole(self) -> Node:
        if self._token.kind is Kind.END:
            raise ExpressionError('the expression is empty; write "" for an empty text', 1)
        node = self._expression()
        rest = self._take()
        if rest.kind is not Kind.END:
            raise ExpressionError(f"the expression ends here, but {rest} follows", rest.column)
        return node

    def _take(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._tokens)
        return token

    def _expression(self) -> Node:
        left = self._joined()
        if self._token.kind is not Kind.COMPARISON:
            return left
        operator = self._take()
        right = self._joined()
        if self._token.kind is Kind.COMPARISON:
            raise ExpressionError("only two things can be compared at once; nest IIF for more", self._token.column)
        return Comparison(operator.value, left, right, operator.column)

    def _joined(self) -> Node:
        first = self._single()
        if self._token.kind is not Kind.CONCATENATION:
            return first
        parts = [first]
        while self._token.kind is Kind.CONCATENATION:
            self._take()
            parts.append(self._single())
        return Concatenation(tuple(parts), first.column)

    def _single(self) -> Node:
        token = self._take()
        match token.kind:
            case Kind.TEXT:
                return Text(token.value, token.column)
            case Kind.ATTRIBUTE:
                return Attribute(token.value, token.column)
            case Kind.NUMBER:
                return _number(token)
            case Kind.HEXADECIMAL:
                return Number(_in_range(int(token.value[2:], 16), token), hexadecimal=True, column=token.column)
            case Kind.NAME if self._token.kind is Kind.OPEN:
                return self._call(token)
            case Kind.NAME if token.value.lower() in _WORDS:
                return Truth(_WORDS[token.value.lower()], token.column)
            case Kind.NAME:
                return Word(token.value, token.column)
            case Kind.OPEN:
                raise ExpressionError("parentheses only enclose the arguments of a function", token.column)
            case _:
                raise ExpressionError(
                    f"expected a function, an [attribute], a text in quotes or a number, but found {token}",
                    token.column,
                )

    def _call(self, name: Token) -> Call:
        function = registry.find(name.value, name.column)
        self._take()
        self._depth += 1
        self._calls += 1
        if self._depth > EXPRESSION_DEPTH:
            raise ExpressionError(f"functions are nested more than {EXPRESSION_DEPTH} deep", name.column)
        if self._calls > EXPRESSION_CALLS:
            raise ExpressionError(f"an expression has at most {EXPRESSION_CALLS} function calls", name.column)
        arguments: list[Node | None] = []
        if self._token.kind is not Kind.CLOSE:
            arguments.append(self._argument())
            while self._token.kind is Kind.COMMA:
                self._take()
                arguments.append(self._argument())
        if self._token.kind is not Kind.CLOSE:
            raise ExpressionError(
                f'expected "," or ")" in the arguments of {function.name}, but found {self._token}', self._token.column
            )
        self._take()
        self._depth -= 1
        return Call(function.name, tuple(arguments), name.column)

    def _argument(self) -> Node | None:
        if self._token.kind in (Kind.COMMA, Kind.CLOSE):
            return None
        return self._expression()


def _number(token: Token) -> Number:
    digits = token.value.removeprefix("-")
    if len(digits) > 1 and digits.startswith("0"):
        raise ExpressionError(
            f'a number has no zeros in front; write "{token.value}" in quotes if they matter', token.column
        )
    if len(digits) > len(str(_LARGEST)):
        raise _out_of_range(token)
    return Number(_in_range(int(token.value), token), column=token.column)


def _in_range(value: int, token: Token) -> int:
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise _out_of_range(token)
    return value


def _out_of_range(token: Token) -> ExpressionError:
    return ExpressionError(f"numbers go from {-_LARGEST - 1} to {_LARGEST}", token.column)


def stray_word(word: Word) -> ExpressionError:
    """A bare word where no choice is expected: most often forgotten quotes, brackets or parentheses."""
    if registry.known(word.name):
        return ExpressionError(f"{word.name} is a function; its arguments follow in parentheses", word.column)
    name = shortened(word.name)
    return ExpressionError(
        f"{quoted(name)} stands alone; write [{name}] for an attribute or put it in quotes for a text", word.column
    )
