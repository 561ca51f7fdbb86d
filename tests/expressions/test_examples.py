"""Every example of the registry gives what it says, and the reference page is the one that the registry makes."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from instep.expressions import EvaluationError, ExpressionError, Function, functions, parse, reference
from instep.expressions.registry import Example

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expressions.md"
EXAMPLES = [
    pytest.param(example, id=f"{function.name}-{number}")
    for function in functions().values()
    for number, example in enumerate(function.examples, start=1)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_gives_what_it_says(example: Example) -> None:
    inputs = replace(reference.EXAMPLE_INPUTS, attributes=example.given)
    if example.error:
        with pytest.raises((ExpressionError, EvaluationError)) as caught:
            parse(example.expression).evaluate(inputs)
        assert example.error in str(caught.value)
        return
    result = parse(example.expression).evaluate(inputs)
    assert result == example.result
    assert type(result) is type(example.result)


@pytest.mark.parametrize("function", functions().values(), ids=lambda function: function.name)
def test_every_function_is_documented_and_shown(function: Function) -> None:
    assert function.about.strip().endswith(".")
    assert function.examples
    assert any(not example.error for example in function.examples) or function.name == "Error"
    assert all(function.name in example.expression for example in function.examples)
    assert all(parameter.about for parameter in function.parameters)
    assert (function.code is None) is not (function.build is None)


def test_optional_parameters_come_after_required_ones_or_are_left_out_between_commas() -> None:
    for function in functions().values():
        for parameter in function.parameters[:-1]:
            assert not parameter.repeats, f"only the last parameter of {function.name} can repeat"


def test_the_reference_page_is_the_one_that_the_registry_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.page(), (
        "write it anew: python -m instep.expressions.reference > docs/reference/expressions.md"
    )


def test_a_function_is_described_as_the_graph_lists_it() -> None:
    assert functions()["Mid"].schema() == {
        "name": "Mid",
        "parameters": [
            {"name": "source", "required": True, "allowMultipleOccurrences": False, "type": "String"},
            {"name": "start", "required": True, "allowMultipleOccurrences": False, "type": "Integer"},
            {"name": "length", "required": True, "allowMultipleOccurrences": False, "type": "Integer"},
        ],
    }
    assert [item["name"] for item in functions()["Replace"].schema()["parameters"]] == [
        "source",
        "Find",
        "RegularExpression",
        "RegularExpressionGroupName",
        "Replacement",
        "ReplacementPropertyName",
        "Template",
    ]
    assert functions()["Join"].schema()["parameters"][1] == {
        "name": "source",
        "required": True,
        "allowMultipleOccurrences": True,
        "type": "String",
    }
