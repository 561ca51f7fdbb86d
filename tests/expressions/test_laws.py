"""What holds for any text and any tree."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    Inputs,
    from_tree,
    functions,
    parse,
    to_tree,
)
from instep.expressions.patterns import Pattern, PatternError, PatternTimeout
from instep.expressions.patterns import compile as compiled

NOW = datetime(2021, 7, 2, tzinfo=UTC)
NAMES = sorted(functions())
PIECES = st.sampled_from(
    [*NAMES, "(", ")", ",", '"', "[", "]", "[mail]", '"x"', "1", "-", "&", "&HF", "=", "<", ">", " ", "\\", "True", "é"]
)
ATTRIBUTES = st.sampled_from(["mail", "telephoneNumber", "otherMails", "appRoleAssignments", "absent", "employeeId"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
NUMBERS = st.integers(-(2**63), 2**63 - 1).map(str)
LEAVES = st.one_of(
    TEXTS, NUMBERS, ATTRIBUTES.map(lambda name: f"[{name}]"), st.sampled_from(["True", "&HF7", '"d"', "0"])
)
GIVEN = Inputs(
    {
        "mail": "zoë@contoso.com",
        "businessPhones": ("+1 23",),
        "otherMails": ("a@x.org", "b@x.org"),
        "appRoleAssignments": ({"value": "admin", "displayName": "Admin"},),
        "employeeId": "42",
    },
    now=NOW,
    seed="seed",
    default_domain="contoso.com",
)


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(st.one_of(inner, st.just("")), max_size=7).map(", ".join)
    calls = st.tuples(st.sampled_from(NAMES), arguments).map(lambda call: f"{call[0]}({call[1]})")
    comparisons = st.tuples(inner, st.sampled_from(["=", "<>", "<", ">="]), inner).map(" ".join)
    return st.one_of(calls, comparisons, st.lists(inner, min_size=2, max_size=3).map(" & ".join))


GRAMMATICAL = st.recursive(LEAVES, _calls, max_leaves=8)


def check(text: str) -> None:
    """Any text is an expression or is refused cleanly; an expression is stable, and has a value or fails cleanly."""
    expression = parsed(text)
    if isinstance(expression, ExpressionError):
        assert expression.message
        assert expression.column is not None
        assert 1 <= expression.column <= len(text) + 1
        return
    again = parse(expression.text)
    assert again == expression
    assert again.node == expression.node
    assert from_tree(to_tree(expression)) == expression
    result = evaluated(expression)
    assert evaluated(again) == result


def parsed(text: str) -> Expression | ExpressionError:
    try:
        return parse(text)
    except ExpressionError as error:
        return error


def evaluated(expression: Expression) -> object:
    try:
        return expression.evaluate(GIVEN)
    except EvaluationError as error:
        return error.message, error.expression, error.place


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_is_refused_with_a_column(text: str) -> None:
    check(text)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_pieces_of_the_language_are_an_expression_or_are_refused(text: str) -> None:
    check(text)


@given(GRAMMATICAL)
def test_what_the_grammar_allows_is_an_expression_or_is_refused(text: str) -> None:
    check(text)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(st.one_of(GRAMMATICAL, st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200)))
def test_any_text_at_length(text: str) -> None:
    check(text)


ARGUMENTS = {
    "String": st.one_of(TEXTS, ATTRIBUTES.map(lambda name: f"[{name}]")),
    "Integer": st.one_of(st.integers(0, 20).map(str), st.just("[employeeId]")),
    "DateTime": st.sampled_from(['"2021-08-24"', "Now()", '"8/25/2021 5:41:18 PM"']),
}


@st.composite
def well_formed(draw: st.DrawFn) -> str:
    """A call whose arguments are of the kinds that the function's schema names."""
    function = functions()[draw(st.sampled_from(NAMES))]
    arguments = [draw(ARGUMENTS.get(item["type"], ARGUMENTS["String"])) for item in function.schema()["parameters"]]
    return f"{function.name}({', '.join(arguments)})"


@given(well_formed())
def test_calls_that_look_right_are_expressions_or_are_refused(text: str) -> None:
    check(text)


PATTERN_GROUPS = ["(?", "(?:", "(?<n>", "(?=", "(?<!", "(?i)", "(?x)", "(?>", "{2}", "{1,3}", "*?", "[^", "-["]
PATTERN_ESCAPES = [r"\d", r"\w", r"\b", r"\p{L}", r"\1", r"\k<n>", r"\u0041"]
PATTERN_PIECES = st.sampled_from([*r"()[]{}^$.|*+?\-,:<>=!'#&~ab12é ", *PATTERN_GROUPS, *PATTERN_ESCAPES])


def translated(pattern: str) -> Pattern | PatternError:
    try:
        return compiled(pattern)
    except PatternError as error:
        return error


def check_pattern(pattern: str) -> None:
    found = translated(pattern)
    if isinstance(found, PatternError):
        assert found.column is None or 0 <= found.column <= len(pattern) + 1
        return
    try:
        for match in found.all("ab12 aab é\n", timeout=0.05):
            assert 0 <= match.start() <= match.end() <= 11
    except PatternTimeout:
        pass


@given(st.lists(PATTERN_PIECES, max_size=12).map("".join))
def test_any_pattern_is_translated_or_refused(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(st.one_of(st.lists(PATTERN_PIECES, max_size=20).map("".join), st.text(max_size=40)))
def test_any_pattern_at_length(pattern: str) -> None:
    check_pattern(pattern)
