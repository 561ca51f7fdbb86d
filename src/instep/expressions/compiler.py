"""Turns a tree into something that runs: checks each call against the registry, and nests closures.

Whatever can be known when a rule is saved is found here: the number and kinds of arguments, constants that can't be
read, patterns that can't be translated, calls that fail whatever the subject is. What is left at run time are look-ups
in the source's attributes and plain calls. Faults get their place here, and lose their values if anything is redacted.
How one argument is read is in `arguments.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from . import registry
from .aliases import resolved
from .arguments import Argument, argument, fitted, refuse_unfit
from .comparing import COMPARISONS
from .errors import EvaluationError, ExpressionError, Fault, PatternTimeout, shortened
from .nodes import Attribute, Call, Comparison, Concatenation, Node, Number, Text, Truth, Word, printed, walk
from .parsing import stray_word
from .reading import bounded, text
from .registry import Function, Kind
from .values import DROP, Dropped, Evaluator, Inputs, Reader, Redacted, Result, Value

_NOBODY: Final = Inputs({}, now=datetime(1970, 1, 1, tzinfo=UTC))
_SHOWN: Final = 200


@dataclass(slots=True)
class Compiled:
    """What runs for each subject, and what the tree was found to use."""

    run: Callable[[Inputs], Result]
    attributes: set[str] = field(default_factory=set[str])
    functions: set[str] = field(default_factory=set[str])
    warnings: list[str] = field(default_factory=list[str])


def compiled(root: Node) -> Compiled:
    """Checks and compiles a tree; an `ExpressionError` with the column if it can't work."""
    compiler = Compiler(root)
    found = compiler.found
    run = compiler.evaluator(root, "")
    found.run = run
    if "IgnoreFlowIfNullOrEmpty" in found.functions:
        found.run = _dropping(run)
    if "Redact" in found.functions:
        found.run = _redacting(found.run)
    return found


class Compiler:
    """Compiles the nodes of one tree and notes what it meets."""

    def __init__(self, root: Node) -> None:
        self.found = Compiled(_constant(None))
        self.redacts = any(isinstance(node, Call) and node.name == "Redact" for node in walk(root))
        self._text = printed(root, masked=True)
        self._hidden: Call | None = None

    def evaluator(self, node: Node, place: str) -> Evaluator:
        """What gives the node its value."""
        match node:
            case Text() | Number() | Truth():
                return _constant(node.value)
            case Attribute():
                return self._attribute(node)
            case Word():
                raise stray_word(node)
            case Call():
                return self._call(node, place)
            case Comparison():
                return self._comparison(node, place)
            case Concatenation():
                return self._concatenation(node, place)

    def _attribute(self, node: Attribute) -> Evaluator:
        name, first = resolved(node.name)
        self.found.attributes.add(name)
        return _first_element(name) if first else _attribute(name)

    def _call(self, call: Call, place: str) -> Evaluator:
        function = registry.find(call.name, call.column)
        self.found.functions.add(function.name)
        if function.top_only and place:
            raise ExpressionError(f"{function.name} can't stand inside of another function", call.column)
        outer = self._hidden
        if function.name == "Redact" and outer is None:
            self._hidden = call
        arguments = self._arguments(call, function, place)
        if function.build is not None:
            run = self._guarded(function.build(_Site(self, call, place, arguments)), call)
        else:
            run = self._plain(cast(Callable[..., Value], function.code), arguments, call)
        self._hidden = outer
        return run

    def _arguments(self, call: Call, function: Function, place: str) -> tuple[Argument, ...]:
        return tuple(
            argument(self, function, index, node, f"{place}.{index}".lstrip("."))
            for index, node in enumerate(fitted(call, function))
        )

    def _plain(self, code: Callable[..., Value], arguments: tuple[Argument, ...], call: Call) -> Evaluator:
        located = self._located(call)
        if len(arguments) == 1 and arguments[0].gives_null:
            run = _calling_with_one(code, arguments[0].read, located)
        elif not any(item.gives_null for item in arguments):
            run = _calling_always(code, tuple(item.read for item in arguments), located)
        else:
            run = _calling(code, tuple((item.read, item.gives_null) for item in arguments), located)
        if not _is_constant(call):
            return run
        try:
            return _constant(run(_NOBODY))
        except EvaluationError as error:
            raise ExpressionError(error.message, call.column) from None

    def _comparison(self, node: Comparison, place: str) -> Evaluator:
        sides = (node.left, node.right)
        for side in sides:
            refuse_unfit(Kind.TEXT, side, "a comparison")
        if Text("") in sides:
            self.found.warnings.append(
                'a comparison with "" is false for everybody, since nothing empty is ever compared; '
                'use IsNullOrEmpty, or Switch with the key ""'
            )
        compare = COMPARISONS[node.operator]
        left, right = (self.evaluator(side, f"{place}.{index}".lstrip(".")) for index, side in enumerate(sides))
        return self._guarded(lambda inputs: compare(left(inputs), right(inputs)), node)

    def _concatenation(self, node: Concatenation, place: str) -> Evaluator:
        for part in node.parts:
            refuse_unfit(Kind.TEXT, part, "&")
        parts = [self.evaluator(part, f"{place}.{index}".lstrip(".")) for index, part in enumerate(node.parts)]

        def run(inputs: Inputs) -> Value:
            result = ""
            for part in parts:
                piece = text(part(inputs))
                if piece is None:
                    return None
                result = bounded(result + piece)
            return result

        return self._guarded(run, node)

    def _guarded(self, run: Evaluator, node: Node) -> Evaluator:
        located = self._located(node)

        def guarded(inputs: Inputs) -> Value:
            try:
                return run(inputs)
            except (Fault, PatternTimeout) as fault:
                raise located(fault) from None

        return guarded

    def _located(self, node: Node) -> Callable[[Fault | PatternTimeout], EvaluationError]:
        shown = self._hidden or node

        def located(fault: Fault | PatternTimeout) -> EvaluationError:
            place = shortened(printed(shown, masked=True), _SHOWN)
            if isinstance(fault, PatternTimeout):
                return PatternTimeout(fault.message, self._text, place, fault.pattern)
            return EvaluationError(fault.told(redacted=self.redacts), self._text, place)

        return located


@dataclass(frozen=True, slots=True)
class _Site:
    """What a form sees of its call."""

    compiler: Compiler
    call: Call
    place: str
    given: tuple[Argument, ...]

    @property
    def arguments(self) -> tuple[Reader | None, ...]:
        return tuple(None if item.node is None else item.read for item in self.given)

    def constant(self, index: int) -> str | None:
        node = self.given[index].node
        return str(node.value) if isinstance(node, Text | Number | Truth) else None

    def warn(self, text: str) -> None:
        if text not in self.compiler.found.warnings:
            self.compiler.found.warnings.append(text)


def _is_constant(node: Node) -> bool:
    """Whether a call gives the same for everybody: plain code all through, and no attribute."""
    return not any(
        isinstance(part, Attribute) or (isinstance(part, Call) and registry.find(part.name).code is None)
        for part in walk(node)
    )


def _constant(value: Value) -> Evaluator:
    return lambda inputs: value


def _attribute(name: str) -> Evaluator:
    return lambda inputs: inputs.attributes.get(name)


def _first_element(name: str) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        value = inputs.attributes.get(name)
        if isinstance(value, tuple):
            return cast(Value, value[0]) if value else None
        return value

    return run


Located = Callable[[Fault | PatternTimeout], EvaluationError]


def _calling_with_one(code: Callable[..., Value], read: Reader, located: Located) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        try:
            value = read(inputs)
            return None if value is None else code(value)
        except Fault as fault:
            raise located(fault) from None

    return run


def _calling_always(code: Callable[..., Value], reads: tuple[Reader, ...], located: Located) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        try:
            return code(*[read(inputs) for read in reads])
        except Fault as fault:
            raise located(fault) from None

    return run


def _calling(code: Callable[..., Value], reads: tuple[tuple[Reader, bool], ...], located: Located) -> Evaluator:
    def run(inputs: Inputs) -> Value:
        try:
            values: list[Any] = []
            for read, gives_null in reads:
                value = read(inputs)
                if value is None and gives_null:
                    return None
                values.append(value)
            return code(*values)
        except Fault as fault:
            raise located(fault) from None

    return run


def _dropping(run: Callable[[Inputs], Result]) -> Callable[[Inputs], Result]:
    def dropping(inputs: Inputs) -> Result:
        try:
            return run(inputs)
        except Dropped:
            return DROP

    return dropping


def _redacting(run: Callable[[Inputs], Result]) -> Callable[[Inputs], Result]:
    def redacting(inputs: Inputs) -> Result:
        result = run(inputs)
        return Redacted(cast(Any, result))

    return redacting
