"""The documented operators of scoping filters, row by row, with the published samples; the ids name the section of the
behaviour specification that holds them."""

from typing import Any

import pytest
from tests.core.examples import NOW

from instep.core.scoping import OPERATORS, SPELLINGS, Filter, clause, evaluate
from instep.expressions import Inputs

MILLION = "(1[0-9][0-9][0-9][0-9][0-9][0-9])"

# operator, its value, what it holds for, what it doesn't, and what it says of an attribute that is empty
DOCUMENTED: list[tuple[str, str | None, list[Any], list[Any], bool]] = [
    ("EQUALS", "Engineering", ["Engineering"], ["engineering", "Engineer"], False),
    ("EQUALS", "7", [7, "7"], [8], False),
    ("NOT EQUALS", "Engineering", ["engineering", "Sales"], ["Engineering"], False),
    ("IS TRUE", None, [True, "True"], [False, "False"], False),
    ("IS FALSE", None, [False, "False"], [True, "True"], False),
    ("IS NULL", None, [], ["x", 0, False], True),
    ("IS NOT NULL", None, ["x", 0, False], [], False),
    ("REGEX MATCH", r".*\@domain.com", ["ada@domain.com"], ["ada@DOMAIN.com", "ada@other.com"], False),
    ("REGEX MATCH", MILLION, ["1000000", "1999999"], ["999999", "2000000"], False),
    ("NOT REGEX MATCH", r".*\@domain.com", ["ada@other.com"], ["ada@domain.com"], False),
    ("GREATER_THAN", "10", [11, "11", 100], [10, 9, 0], False),
    ("GREATER_THAN_OR_EQUALS", "10", [10, "10", 11], [9, 0], False),
    ("INCLUDES", "gin", ["Engineering"], ["Gin", "Sales"], False),
    ("ENDS_WITH", "ing", ["Engineering"], ["Engineer", "ENGINEERING"], False),
    ("&", "Engineering and Sales", ["Engineering", "Sales"], ["Legal", "sales"], False),
    ("!&", "Engineering and Sales", ["Legal", "sales"], ["Engineering", "Sales"], False),
]


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: f"section 2.3: {row[0]} {row[1] or ''}")
def test_documented_operator(row: tuple[str, str | None, list[Any], list[Any], bool]) -> None:
    operator, value, yes, no, empty = row
    only = Filter("Only", (clause("department", operator, () if value is None else (value,)),))

    def passes(held: Any) -> bool:
        return evaluate((only,), Inputs({"department": held}, now=NOW)).passed

    assert [held for held in yes if not passes(held)] == []
    assert [held for held in no if passes(held)] == []
    assert (passes(None), passes("")) == (empty, empty)


def test_section_2_3_names_all_operators() -> None:
    assert {SPELLINGS[name] for name in OPERATORS} == {row[0] for row in DOCUMENTED}
