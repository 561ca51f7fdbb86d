"""The functions of the language: one entry for each, with its documentation, parameters and examples.

A family of functions is a module in `families/`. There are two ways to make one. `@function` registers plain code
that gets its arguments already read (a text, a number, a date, a list). `@form` registers code that is handed the
compiled arguments once and returns what to run for each subject: for functions that look at only some of their
arguments, need the cycle's inputs, or prepare something from constants. Everything else is made from the registry:
the checks of the compiler, the reference page, the Graph's list of functions, and the test that runs all examples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, Protocol

from .errors import ExpressionError, quoted
from .nodes import Call, Node
from .values import Inputs, Reader, Result, Value


class Kind(Enum):
    """What a parameter takes and what a function gives. The value is the name in the Graph's list of functions."""

    ANY = "Any"
    TEXT = "String"
    NUMBER = "Integer"
    TRUTH = "Boolean"
    DATE = "DateTime"
    LIST = "List"
    ROLES = "Roles"
    WORD = "Enum"
    PATTERN = "Pattern"


GRAPH_TYPES: Final = {Kind.NUMBER: "Integer", Kind.TRUTH: "Boolean", Kind.DATE: "DateTime"}


class IfNull(Enum):
    """What an argument without a value does to the call."""

    GIVES_NULL = "the result is null"
    IS_PASSED = "the function decides"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: `name` as the documentation calls it, `key` as the Graph's expression trees do.

    `if_null` is an `IfNull`, or the value that stands in for null. `choices` are the words that are allowed, `least`
    the smallest number, and `check` looks at a constant when the rule is saved (a `Fault` refuses it).
    """

    name: str
    kind: Kind
    about: str = ""
    key: str = ""
    required: bool = True
    repeats: bool = False
    if_null: IfNull | str | int = IfNull.GIVES_NULL
    choices: tuple[str, ...] = ()
    least: int | None = None
    check: Callable[[str], object] | None = None

    @property
    def tree_key(self) -> str:
        """The key in an expression tree."""
        return self.key or self.name


@dataclass(frozen=True, slots=True)
class Example:
    """An expression and what it gives, for these attributes; or the words that its error contains."""

    expression: str
    result: Result = None
    given: Mapping[str, Value] = field(default_factory=dict[str, Value])
    error: str = ""


class Site(Protocol):
    """Where a form is used: its arguments compiled, and what it may ask of the compiler."""

    @property
    def call(self) -> Call: ...

    @property
    def place(self) -> str:
        """The way from the expression's root to this call, such as "0.2"; it stays the same when the text does."""
        ...

    @property
    def arguments(self) -> tuple[Reader | None, ...]:
        """One for each parameter and repetition, read as its kind says; None where it is left out."""
        ...

    def constant(self, index: int) -> str | None:
        """The argument's value if it is written out, as text."""
        ...

    def warn(self, text: str) -> None:
        """Tells the author of the rule something, without refusing it."""
        ...


Builder = Callable[[Site], Callable[[Inputs], Any]]
"""Makes what runs for each subject, which gives a `Value` (or, at the top only, `Candidates`)."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language. Exactly one of `code` and `build` is there.

    `skippable` is the position of a parameter that may be left out together with its comma.
    """

    name: str
    family: str
    about: str
    parameters: tuple[Parameter, ...]
    returns: Kind
    examples: tuple[Example, ...]
    impure: bool = False
    top_only: bool = False
    skippable: int | None = None
    code: Callable[..., Value] | None = None
    build: Builder | None = None

    @property
    def most(self) -> int | None:
        """How many arguments a call has at most; None where the last parameter repeats."""
        return None if self.parameters and self.parameters[-1].repeats else len(self.parameters)

    def arranged(self, arguments: tuple[Node | None, ...]) -> tuple[Node | None, ...]:
        """The arguments of a call, each in its parameter's place, those that are left out as None."""
        at, count = self.skippable, len(self.parameters)
        if at is not None and len(arguments) == count - 1:
            return (*arguments[:at], None, *arguments[at:])
        return arguments + (None,) * (count - len(arguments))

    def parameter(self, index: int) -> Parameter:
        """The parameter of an argument, by its position."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    @property
    def signature(self) -> str:
        """The function and its parameters, optional ones in brackets, as people write it."""
        names = [
            f"{item.name}, …" if item.repeats else item.name if item.required else f"[{item.name}]"
            for item in self.parameters
        ]
        return f"{self.name}({', '.join(names)})"

    def schema(self) -> dict[str, Any]:
        """The entry of the Graph's list of functions."""
        return {
            "name": self.name,
            "parameters": [
                {
                    "name": item.tree_key,
                    "required": item.required,
                    "allowMultipleOccurrences": item.repeats,
                    "type": GRAPH_TYPES.get(item.kind, "String"),
                }
                for item in self.parameters
            ],
        }


_FUNCTIONS: Final[dict[str, Function]] = {}
_LONGEST_GUESS: Final = 40


def function(
    name: str,
    *,
    family: str,
    about: str,
    parameters: tuple[Parameter, ...],
    returns: Kind,
    examples: tuple[Example, ...],
    skippable: int | None = None,
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Registers plain code; the docstring of the language's user is `about`."""

    def register(code: Callable[..., Value]) -> Callable[..., Value]:
        _add(Function(name, family, about, parameters, returns, examples, skippable=skippable, code=code))
        return code

    return register


def form(
    name: str,
    *,
    family: str,
    about: str,
    parameters: tuple[Parameter, ...],
    returns: Kind,
    examples: tuple[Example, ...],
    impure: bool = False,
    top_only: bool = False,
) -> Callable[[Builder], Builder]:
    """Registers code that makes the evaluator itself."""

    def register(build: Builder) -> Builder:
        _add(Function(name, family, about, parameters, returns, examples, impure, top_only, build=build))
        return build

    return register


def _add(entry: Function) -> None:
    key = entry.name.lower()
    if key in _FUNCTIONS:
        raise ValueError(f"the function {entry.name} is registered twice")
    _FUNCTIONS[key] = entry


def registered() -> Mapping[str, Function]:
    """All functions that are registered so far, by their names in alphabetical order."""
    return {entry.name: entry for _, entry in sorted(_FUNCTIONS.items())}


def known(name: str) -> bool:
    """Whether there is a function of this name, in any case."""
    return name.lower() in _FUNCTIONS


def find(name: str, column: int | None = None) -> Function:
    """The function of this name in any case, or an `ExpressionError` that guesses what was meant."""
    entry = _FUNCTIONS.get(name.lower())
    if entry is not None:
        return entry
    raise ExpressionError(f"{quoted(name)} is unknown{guess(name, _FUNCTIONS)}", column)


def guess(name: str, names: Mapping[str, Function]) -> str:
    """The end of a sentence that says what may have been meant."""
    close = get_close_matches(name.lower(), names, n=1) if len(name) <= _LONGEST_GUESS else []
    return f'; did you mean "{names[close[0]].name}"?' if close else ""
