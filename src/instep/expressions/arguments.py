"""The arguments of a call: whether they fit the function's parameters, and how each is read.

Constants are read once, when the rule is saved; what can't be read is refused there with its column. Everything else
is read for each subject, by the rules of `reading.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from . import reading, registry
from .errors import REDACTED, ExpressionError, Fault, quoted
from .nodes import Call, Comparison, Concatenation, Node, Number, Text, Truth, Word
from .registry import Function, IfNull, Kind, Parameter
from .values import Evaluator, Inputs, Reader, Value

_CONVERSIONS: Final[dict[Kind, Callable[[Value], Any]]] = {
    Kind.TEXT: reading.text,
    Kind.NUMBER: reading.whole,
    Kind.TRUTH: reading.truth,
    Kind.DATE: reading.moment,
    Kind.LIST: reading.items,
}

_UNFIT: Final[dict[Kind, frozenset[Kind]]] = {
    Kind.TEXT: frozenset({Kind.LIST, Kind.ROLES}),
    Kind.NUMBER: frozenset({Kind.LIST, Kind.ROLES, Kind.TRUTH, Kind.DATE}),
    Kind.TRUTH: frozenset({Kind.LIST, Kind.ROLES}),
    Kind.DATE: frozenset({Kind.LIST, Kind.ROLES, Kind.NUMBER, Kind.TRUTH}),
    Kind.LIST: frozenset({Kind.ROLES}),
    Kind.ROLES: frozenset({Kind.TEXT, Kind.NUMBER, Kind.TRUTH, Kind.DATE, Kind.LIST, Kind.ROLES}),
}
"""For each kind of parameter, what may not stand there, as far as that is known without a subject."""

_NAMES: Final = {
    Kind.TEXT: "one value",
    Kind.NUMBER: "a number",
    Kind.TRUTH: "true or false",
    Kind.DATE: "a date",
    Kind.LIST: "a list",
    Kind.ROLES: "role objects",
}
_WAYS_OUT: Final = {Kind.LIST: "; pick one of the list with Item, or put it in one text with Join"}


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, ready to be read. `gives_null` says that without a value the whole call has none."""

    node: Node | None
    read: Reader
    gives_null: bool


class Compiling(Protocol):
    """What reading an argument needs of the compiler."""

    @property
    def redacts(self) -> bool: ...

    def evaluator(self, node: Node, place: str) -> Evaluator: ...


def fitted(call: Call, function: Function) -> tuple[Node | None, ...]:
    """The arguments in their parameters' places, or an `ExpressionError` about their number."""
    arguments = function.arranged(call.arguments)
    if function.most is not None and len(arguments) > function.most:
        raise ExpressionError(
            f"{function.name} takes no more than {function.most} of the {len(arguments)} arguments: "
            f"{function.signature}",
            call.column,
        )
    for index, node in enumerate(arguments):
        parameter = function.parameter(index)
        if node is None and index >= len(function.parameters):
            raise ExpressionError(
                f'argument {index + 1} of {function.name} is left out; write "" for an empty text', call.column
            )
        if node is None and parameter.required:
            raise ExpressionError(
                f"{function.name} needs {parameter.name} as its argument {index + 1}: {function.signature}", call.column
            )
    return arguments


def argument(compiler: Compiling, function: Function, index: int, node: Node | None, place: str) -> Argument:
    """The argument in this place, ready to be read."""
    parameter = function.parameter(index)
    if node is None:
        return Argument(None, lambda inputs: None, gives_null=False)
    name = f"{parameter.name} of {function.name}"
    refuse_unfit(parameter.kind, node, name)
    if parameter.kind is Kind.WORD:
        return Argument(node, _always(_word(parameter, name, node)), gives_null=False)
    if isinstance(node, Text | Number | Truth):
        return Argument(node, _always(_constant(compiler, parameter, name, node)), _gives_null(parameter))
    if parameter.kind is Kind.PATTERN:
        raise ExpressionError(
            f"{name} must be a text in quotes, since it is checked when the rule is saved", node.column
        )
    return Argument(node, _reader(parameter, compiler.evaluator(node, place)), _gives_null(parameter))


def refuse_unfit(kind: Kind, node: Node, name: str) -> None:
    """Refuses what can never be read as `kind`: a list as a text, a truth as a number."""
    given = _kind(node)
    if given not in _UNFIT.get(kind, frozenset()):
        return
    source = node.name if isinstance(node, Call) else "this"
    raise ExpressionError(
        f"{name} is {_NAMES[kind]}, but {source} gives {_NAMES[given]}{_WAYS_OUT.get(given, '')}", node.column
    )


def _kind(node: Node) -> Kind:
    match node:
        case Text():
            return Kind.TEXT  # which may well spell a number, a truth or a date: reading it will tell
        case Number():
            return Kind.NUMBER
        case Truth() | Comparison():
            return Kind.TRUTH
        case Concatenation():
            return Kind.TEXT
        case Call():
            return registry.find(node.name, node.column).returns
        case _:
            return Kind.ANY


def _gives_null(parameter: Parameter) -> bool:
    return parameter.required and parameter.if_null is IfNull.GIVES_NULL


def _always(value: Any) -> Reader:
    return lambda inputs: value


def _word(parameter: Parameter, name: str, node: Node) -> str:
    written = node.name if isinstance(node, Word) else node.value if isinstance(node, Text) else ""
    for choice in parameter.choices:
        if choice.lower() == written.lower():
            return choice
    raise ExpressionError(f"{name} is one of {', '.join(parameter.choices)}", node.column)


def _constant(compiler: Compiling, parameter: Parameter, name: str, node: Text | Number | Truth) -> Any:
    shown = REDACTED if compiler.redacts else quoted(node.value)
    try:
        value = _converted(parameter, node.value)
        if parameter.check is not None and isinstance(value, str):
            parameter.check(value)
    except Fault as fault:
        raise ExpressionError(f"{name}: {fault.told(redacted=compiler.redacts)}", node.column) from None
    if parameter.choices and str(value).lower() not in (choice.lower() for choice in parameter.choices):
        raise ExpressionError(f"{name} is one of {', '.join(parameter.choices)}, not {shown}", node.column)
    return value


def _converted(parameter: Parameter, value: Value) -> Any:
    convert = _CONVERSIONS.get(parameter.kind)
    result = value if convert is None else convert(value)
    if parameter.least is not None and isinstance(result, int) and result < parameter.least:
        raise Fault(f"{parameter.name} is at least {parameter.least}, not {result}")
    return result


def _reader(parameter: Parameter, run: Evaluator) -> Reader:
    """Reads a value for each subject; texts, which most values are, take the short way."""
    if parameter.kind in (Kind.ANY, Kind.ROLES):
        return run
    if parameter.kind is Kind.TEXT:
        read: Reader = _text_reader(run)
    else:

        def converted(inputs: Inputs) -> Any:
            return _converted(parameter, run(inputs))

        read = converted

    return read if isinstance(parameter.if_null, IfNull) else _reader_with(read, parameter.if_null)


def _text_reader(run: Evaluator) -> Reader:
    def read(inputs: Inputs) -> str | None:
        value = run(inputs)
        return value if isinstance(value, str) else reading.text(value)

    return read


def _reader_with(read: Reader, instead: str | int) -> Reader:
    def read_or(inputs: Inputs) -> Any:
        value = read(inputs)
        return instead if value is None else value

    return read_or
