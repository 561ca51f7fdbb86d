"""The operators of scoping filters, and what they say of an empty attribute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.examples import LAW, NOW

from instep.core.scoping import SPELLINGS, UNARY, ClauseError, Filter, clause, evaluate
from instep.expressions import EvaluationError, Inputs


def passes(held: Any, operator: str, *values: str) -> bool:
    """Whether somebody with this department passes a filter of this one clause."""
    only = Filter("Only", (clause("department", operator, values),))
    return evaluate((only,), Inputs({"department": held}, now=NOW)).passed


@pytest.mark.parametrize(
    ("operator", "value", "yes", "no"),
    [
        ("EQUALS", "Research", ["Research"], ["research", "Research ", "Sales"]),
        ("NOT EQUALS", "Research", ["research", "Sales"], ["Research"]),
        ("REGEX MATCH", "^Re", ["Research"], ["research", "A Re"]),
        ("NOT REGEX MATCH", "^Re", ["Sales"], ["Research"]),
        ("GREATER_THAN", "5", ["6", 6, "10"], ["5", "4", "-1"]),
        ("GREATER_THAN_OR_EQUALS", "5", ["5", 5, "10"], ["4"]),
        ("INCLUDES", "sea", ["Research"], ["Sales"]),
        ("ENDS_WITH", "arch", ["Research"], ["Researcher"]),
        ("&", "Research and Sales", ["Research", "Sales"], ["Legal"]),
        ("!&", "Research and Sales", ["Legal"], ["Research"]),
    ],
)
def test_operators_with_a_value(operator: str, value: str, yes: list[Any], no: list[Any]) -> None:
    for held in yes:
        assert passes(held, operator, value), held
    for held in [*no, None, ""]:
        assert not passes(held, operator, value), held


@pytest.mark.parametrize(
    ("operator", "yes", "no"),
    [
        ("IS TRUE", ["True", "true", True], ["False", False, None, ""]),
        ("IS FALSE", ["False", False], ["True", None, ""]),
        ("IS NULL", [None, ""], ["x", False]),
        ("IS NOT NULL", ["x", False, 0], [None, ""]),
    ],
)
def test_operators_without_a_value(operator: str, yes: list[Any], no: list[Any]) -> None:
    for held in yes:
        assert passes(held, operator), held
    for held in no:
        assert not passes(held, operator), held


@pytest.mark.parametrize("written", ["not equals", "NOT_EQUALS", "Not  Equals"])
def test_operators_may_be_written_in_any_way(written: str) -> None:
    assert clause("department", written, ("x",)).text == "department NOT EQUALS 'x'"


@pytest.mark.parametrize(
    ("held", "operator", "value"),
    [
        ("many", "GREATER_THAN", "5"),
        ("perhaps", "IS TRUE", None),
        (("a", "b"), "EQUALS", "a"),
        (("a", "b"), "IS NULL", None),
    ],
)
def test_what_can_not_be_compared_is_an_error_and_not_a_no(held: Any, operator: str, value: str | None) -> None:
    with pytest.raises((ClauseError, EvaluationError)):
        passes(held, operator, *([] if value is None else [value]))


@pytest.mark.parametrize(
    ("attribute", "operator", "values", "said"),
    [
        ("department", "RESEMBLES", ("x",), "RESEMBLES"),
        ("department", "EQUALS", (), "exactly one value"),
        ("department", "IS NULL", ("x",), "takes no value"),
        ("department", "REGEX MATCH", ("(",), "pattern"),
        ("department", "GREATER_THAN", ("five",), "five"),
        ("department", "GREATER_THAN", ("-1",), "from 0 up"),
        ("manager", "EQUALS", ("x",), "manager"),
        ("members", "IS NULL", (), "members"),
    ],
)
def test_clauses_that_can_not_work_are_refused(
    attribute: str, operator: str, values: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ClauseError) as caught:
        clause(attribute, operator, values)
    assert said in str(caught.value)


def test_no_filters_let_everybody_pass() -> None:
    assert evaluate((), Inputs({}, now=NOW)).passed


@LAW
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=3), min_size=1, max_size=3))
def test_law_clauses_are_joined_by_and_and_filters_by_or(table: list[list[bool]]) -> None:
    filters = tuple(
        Filter(f"F{n}", tuple(clause("department", "EQUALS" if holds else "NOT EQUALS", ("x",)) for holds in row))
        for n, row in enumerate(table)
    )
    found = evaluate(filters, Inputs({"department": "x"}, now=NOW))
    assert found.passed == any(all(row) for row in table)


@LAW
@given(st.sampled_from(sorted(SPELLINGS)), st.sampled_from([None, ""]))
def test_law_nothing_but_is_null_holds_for_an_empty_attribute(operator: str, held: str | None) -> None:
    values = () if operator in UNARY else ("5",)
    assert passes(held, operator, *values) == (operator == "IS NULL")
