"""Expressions in Microsoft Graph's documents: out and back in, whole or in parts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from instep.expressions import ExpressionError, Inputs, from_tree, functions, parse, reference, to_tree

NOW = datetime(2021, 7, 2, tzinfo=UTC)
EXAMPLES = [
    (example.expression, example.given)
    for function in functions().values()
    for example in function.examples
    if not example.error
]


def attribute_node(name: str) -> dict[str, Any]:
    return {"type": "Attribute", "name": name, "expression": f"[{name}]", "parameters": []}


def constant_node(text: str) -> dict[str, Any]:
    return {"type": "Constant", "name": text, "expression": f'"{text}"', "parameters": []}


def test_tree_is_the_one_that_parse_expression_answers_with() -> None:
    assert to_tree(parse('Replace([preferredLanguage], "-", , , "_", ,  )')) == {
        "type": "Function",
        "name": "Replace",
        "expression": 'Replace([preferredLanguage], "-", , , "_", , )',
        "parameters": [
            {"key": "source", "value": attribute_node("preferredLanguage")},
            {"key": "Find", "value": constant_node("-")},
            {"key": "Replacement", "value": constant_node("_")},
        ],
    }


def test_numbers_are_texts_in_the_documents() -> None:
    assert to_tree(parse("Mid([a], 1, 8)"))["parameters"][1:] == [
        {"key": "start", "value": constant_node("1")},
        {"key": "length", "value": constant_node("8")},
    ]


def test_simple_mappings() -> None:
    assert to_tree(parse("[mail]")) == attribute_node("mail")
    assert to_tree(parse('"x"')) == constant_node("x")
    assert from_tree({"type": "Attribute", "name": "mail"}) == parse("[mail]")
    assert from_tree({"type": "Constant", "name": 'a "quoted" one'}) == parse(r'"a \"quoted\" one"')
    assert from_tree({"type": "Constant", "name": "", "expression": "whatever"}) == parse('""')
    assert from_tree({"type": "Function", "name": "Guid"}) == parse("Guid()")
    assert from_tree({"expression": "[mail]"}) == parse("[mail]")
    assert from_tree({"type": "Attribute", "name": None, "expression": "[mail]", "parameters": None}) == parse("[mail]")


@pytest.mark.parametrize(("text", "given"), EXAMPLES)
def test_every_example_goes_out_and_comes_back(text: str, given: dict[str, Any]) -> None:
    expression = parse(text)
    tree = to_tree(expression)
    assert from_tree(tree) == expression
    assert to_tree(from_tree(tree)) == tree


def without_expressions(tree: dict[str, Any]) -> dict[str, Any]:
    parameters = [{"key": item["key"], "value": without_expressions(item["value"])} for item in tree["parameters"]]
    return {"type": tree["type"], "name": tree["name"], "parameters": parameters}


@pytest.mark.parametrize(("text", "given"), EXAMPLES)
def test_every_example_means_the_same_when_only_its_tree_is_left(text: str, given: dict[str, Any]) -> None:
    inputs = Inputs(given, now=NOW, seed="s", default_domain=reference.EXAMPLE_INPUTS.default_domain)
    bare = without_expressions(to_tree(parse(text)))
    assert from_tree(bare).evaluate(inputs) == parse(text).evaluate(inputs)


@pytest.mark.parametrize("text", ["[a] = [b]", '[a] & "x" & [b]', 'IIF([a] <> "x", [b] & "y", "z")', "[a] >= 5"])
def test_operators_are_functions_in_the_documents(text: str) -> None:
    expression = parse(text)
    assert from_tree(to_tree(expression)) == expression
    inputs = Inputs({"a": "9", "b": "2"}, now=NOW)
    assert from_tree(without_expressions(to_tree(expression))).evaluate(inputs) == expression.evaluate(inputs)


def test_documented_names_of_parameters_are_understood_too() -> None:
    tree = {
        "type": "Function",
        "name": "replace",
        "parameters": [
            {"key": "regexPattern", "value": constant_node("b")},
            {"key": "Source", "value": {"expression": "ToLower([a])"}},
            {"key": "replacementValue", "value": {"type": "Constant", "name": "c"}},
        ],
    }
    assert from_tree(tree).text == 'Replace(ToLower([a]), , "b", , "c")'
    joined = {
        "type": "Function",
        "name": "Join",
        "parameters": [{"key": key, "value": constant_node(key)} for key in ("separator", "source1", "source2")],
    }
    assert from_tree(joined).text == 'Join("separator", "source1", "source2")'


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "has a name or an expression"),
        ({"type": "Function"}, "has a name or an expression"),
        ({"type": "Attribute", "name": ""}, "has a name or an expression"),
        ({"type": "Script", "name": "x"}, '"Script" is no type'),
        ({"type": 5}, "the type of a mapping's source is a text"),
        ({"expression": ["[a]"]}, "the expression of a mapping's source is a text"),
        ({"type": "Function", "name": "Lef"}, 'did you mean "Left"?'),
        ({"type": "Function", "name": "Left", "parameters": []}, "Left needs String"),
        ({"type": "Function", "name": "Left", "parameters": {}}, "Left needs String"),
        ({"type": "Function", "name": "Left", "parameters": "x"}, "are a list"),
        ({"type": "Function", "name": "Left", "parameters": [5]}, "has a key and a value"),
        ({"type": "Function", "name": "Left", "parameters": [{"key": "String"}]}, "has a key and a value"),
        (
            {"type": "Function", "name": "Len", "parameters": [{"key": "source", "value": {}}]},
            "each parameter's value has a type and a name",
        ),
        (
            {"type": "Function", "name": "Len", "parameters": [{"key": "text", "value": {"expression": "[a]"}}]},
            'Len has no parameter "text"; its parameters are source',
        ),
        (
            {"type": "Function", "name": "Len", "parameters": [{"key": "source", "value": {"expression": "[a]"}}] * 2},
            'Len has the parameter "source" twice',
        ),
        ({"type": "Attribute", "name": "a]b"}, "can't be the name of an attribute"),
    ],
)
def test_document_that_makes_no_sense_is_refused(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        from_tree(tree)
    assert message in str(caught.value)


def test_bottomless_document_is_refused() -> None:
    tree = attribute_node("a")
    for _ in range(5_000):
        tree = {"type": "Function", "name": "Len", "parameters": [{"key": "source", "value": tree}]}
    with pytest.raises(ExpressionError, match="nested more than 50 deep"):
        from_tree(tree)


def test_choice_is_written_without_quotes_again() -> None:
    bare = without_expressions(to_tree(parse('InStr([a], "b", 2, vbTextCompare)')))
    assert from_tree(bare).text == 'InStr([a], "b", 2, vbTextCompare)'
