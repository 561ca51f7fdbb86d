"""Scoping filters: clauses over a subject's attributes, joined by AND within a filter and by OR between filters.

The operators and what they say of an empty attribute are those of the documented service: every clause on an
empty attribute is false, `IS NULL` excepted. Comparisons are case-sensitive. A clause that can't be evaluated
(a text where a number belongs, a pattern that takes too long) is an error and not a no: it would end people's
access. No filters at all let everybody pass.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from instep.expressions import EvaluationError, Expression, Inputs, PatternTimeout, attribute
from instep.expressions.patterns import Pattern
from instep.expressions.patterns import compile as compile_pattern

NOT_USABLE = frozenset({"ismemberof", "members", "approleassignments", "manager"})
"""Attributes that can't decide about scope: they are references or lists."""


class ClauseError(ValueError):
    """A clause that can't be evaluated, or can't be used; the message says why."""


class Clause(Struct, frozen=True):
    """One comparison, compiled."""

    text: str
    """As logs show it: `department EQUALS 'Engineering'`."""
    source: Expression
    test: Callable[[str | None], bool]

    def holds(self, inputs: Inputs) -> bool:
        """Whether it's true of the subject. Raises ClauseError, EvaluationError, and PatternTimeout in its name."""
        try:
            value = self.source.run(inputs)
            return self.test(value if type(value) is str and value else _text(self, value))
        except PatternTimeout as late:
            raise PatternTimeout(late.message, self.text, self.text, late.pattern) from None


class Filter(Struct, frozen=True):
    """A titled filter: all of its clauses must hold."""

    name: str
    clauses: tuple[Clause, ...]
    keys: tuple[str, ...] = ()
    """What the log calls each clause: `<filter>.<clause>`. Made from the rest, since it's needed for each subject."""

    def __post_init__(self) -> None:
        force_setattr(self, "keys", tuple(f"{self.name}.{clause.text}" for clause in self.clauses))


class Passing(Struct, frozen=True):
    """How it was evaluated: `clauses` by `<filter>.<clause>`."""

    passed: bool
    clauses: Mapping[str, bool]


class Finding(Struct, frozen=True):
    """How one clause came out, for whoever asks why."""

    filter: str
    clause: str
    value: Any
    """What the attribute holds."""
    holds: bool | None
    """None when it can't be evaluated."""
    error: str = ""


def evaluate(filters: tuple[Filter, ...], inputs: Inputs, off: frozenset[str] = frozenset()) -> Passing:
    """Whether the subject passes, with each clause's result.

    off: clauses, by their text, that may not be tried any more. Raises ClauseError and EvaluationError.
    """
    seen: dict[str, bool] = {}
    passed = not filters
    for each in filters:
        holds = True
        for key, clause in zip(each.keys, each.clauses, strict=True):
            if off and clause.text in off:
                raise ClauseError(f"{clause.text}: its pattern took too long too often, so it isn't tried any more")
            result = clause.holds(inputs)
            seen[key] = result
            holds = holds and result
        passed = passed or holds
    return Passing(passed, seen)


def findings(filters: tuple[Filter, ...], inputs: Inputs) -> tuple[Finding, ...]:
    """How each clause comes out, whatever the others say."""
    found: list[Finding] = []
    for each in filters:
        for clause in each.clauses:
            value = clause.source.evaluate(inputs)
            try:
                holds, error = clause.holds(inputs), ""
            except (ClauseError, EvaluationError) as wrong:
                holds, error = None, str(wrong)
            found.append(Finding(each.name, clause.text, value, holds, error))
    return tuple(found)


def clause(name: str, operator: str, values: tuple[str, ...] = ()) -> Clause:
    """Compile one clause. operator: in any case, with spaces or underscores.

    Raises ClauseError for an unknown operator, a missing value, a faulty pattern or an unusable attribute.
    """
    known = OPERATORS.get(_canonical(operator))
    if known is None:
        raise ClauseError(f"{operator!r} is no operator; expected one of {', '.join(SPELLINGS.values())}")
    if name.lower() in NOT_USABLE:
        raise ClauseError(f"{name} can't decide about scope: it's a reference or a list")
    spelling, unary = SPELLINGS[_canonical(operator)], _canonical(operator) in UNARY
    if unary and values:
        raise ClauseError(f"{spelling} takes no value")
    if not unary and len(values) != 1:
        raise ClauseError(f"{spelling} takes exactly one value, not {len(values)}")
    text = f"{name} {spelling}" if unary else f"{name} {spelling} '{values[0]}'"
    return Clause(text, attribute(name), known(values[0] if values else ""))


def _canonical(operator: str) -> str:
    return " ".join(operator.replace("_", " ").upper().split())


def _text(of: Clause, value: Any) -> str | None:
    """The value as text; none when it's absent or empty."""
    if value is None or value == "" or value == ():
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str | int):
        return str(value)
    raise ClauseError(f"{of.text}: the attribute has several values, which a filter can't compare")


Test = Callable[[str | None], bool]


def _on(test: Callable[[str], bool]) -> Test:
    """The rule for empty attributes: false, whatever the operator."""
    return lambda held: held is not None and test(held)


def _equals(value: str) -> Test:
    return _on(lambda held: held == value)


def _not_equals(value: str) -> Test:
    return _on(lambda held: held != value)


def _is(wanted: str) -> Callable[[str], Test]:
    def boolean(held: str) -> bool:
        if held.lower() not in ("true", "false"):
            raise ClauseError(f"IS {wanted.upper()} compares booleans, and {held!r} is none")
        return held.lower() == wanted

    return lambda _: _on(boolean)


def _pattern(value: str) -> Pattern:
    try:
        return compile_pattern(value)
    except ValueError as wrong:
        raise ClauseError(f"the pattern {value!r}: {wrong}") from None


def _matches(value: str) -> Test:
    pattern = _pattern(value)
    return _on(lambda held: pattern.search(held))


def _not_matches(value: str) -> Test:
    pattern = _pattern(value)
    return _on(lambda held: not pattern.search(held))


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ClauseError(f"{what} {text!r} is no whole number") from None


def _greater(or_equal: bool) -> Callable[[str], Test]:
    def made(value: str) -> Test:
        limit = _number(value, "the value")
        if limit < 0:
            raise ClauseError("only numbers from 0 up can be compared")
        if or_equal:
            return _on(lambda held: _number(held, "the attribute's value") >= limit)
        return _on(lambda held: _number(held, "the attribute's value") > limit)

    return made


OPERATORS: dict[str, Callable[[str], Test]] = {
    "EQUALS": _equals,
    "NOT EQUALS": _not_equals,
    "IS TRUE": _is("true"),
    "IS FALSE": _is("false"),
    "IS NULL": lambda _: lambda held: held is None,
    "IS NOT NULL": lambda _: lambda held: held is not None,
    "REGEX MATCH": _matches,
    "NOT REGEX MATCH": _not_matches,
    "GREATER THAN": _greater(or_equal=False),
    "GREATER THAN OR EQUALS": _greater(or_equal=True),
    "INCLUDES": lambda value: _on(lambda held: value in held),
    "ENDS WITH": lambda value: _on(lambda held: held.endswith(value)),
    # The reverse of INCLUDES: the configured text contains the attribute.
    "&": lambda value: _on(lambda held: held in value),
    "!&": lambda value: _on(lambda held: held not in value),
}
UNARY = frozenset({"IS TRUE", "IS FALSE", "IS NULL", "IS NOT NULL"})
SPELLINGS = {name: name.replace(" ", "_") if name.startswith(("GREATER", "ENDS")) else name for name in OPERATORS}
"""The documented spelling of each operator."""
