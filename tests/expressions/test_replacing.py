"""Replace: its five ways, .NET's substitutions, and what is taken as it is."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from instep.expressions import EvaluationError, Inputs, PatternTimeout, Value, parse

NOW = datetime(2021, 7, 2, tzinfo=UTC)


def value(text: str, given: Mapping[str, Value]) -> object:
    return parse(text).evaluate(Inputs(given, now=NOW))


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        ("[$1]", "x[b]x[b]x"),
        ("[${1}]", "x[b]x[b]x"),
        ("[$2]", "x[c]x[c]x"),
        ("[${n}]", "x[c]x[c]x"),
        ("$0", "xbcxbcx"),
        ("[$&]", "x[bc]x[bc]x"),
        ("$$1", "x$1x$1x"),
        ("$9", "x$9x$9x"),
        ("${m}", "x${m}x${m}x"),
        ("$", "x$x$x"),
        ("$x", "x$xx$xx"),
        ("$+", "xcxcx"),
        (r"\\1", r"x\1x\1x"),
        ("[$`]", "x[x]x[xbcx]x"),
        ("[$']", "x[xbcx]x[x]x"),
        ("$_", "x" + "xbcxbcx" + "x" + "xbcxbcx" + "x"),
    ],
)
def test_written_out_replacement_may_use_the_substitutions_of_dotnet(replacement: str, expected: str) -> None:
    assert value(f'Replace([a], , "(b)(?<n>c)", , "{replacement}", , )', {"a": "xbcxbcx"}) == expected


def test_replacement_from_an_attribute_is_taken_as_it_is() -> None:
    assert value('Replace([a], , "(b)", , [c], , )', {"a": "abc", "c": "$1$&"}) == "a$1$&c"


def test_a_replacement_without_value_counts_as_empty() -> None:
    assert value('Replace([a], "b", , , [c], , )', {"a": "abc"}) == "ac"
    assert value('Replace([a], , "b", , [c], , )', {"a": "abc"}) == "ac"
    assert value('Replace([a], , "(?<n>b)", "n", [c], , )', {"a": "abc"}) == "ac"


@pytest.mark.parametrize(
    "text",
    [
        'Replace([a], "b", , , "c", , )',
        'Replace([a], "b", , , , , "<b>")',
        'Replace([a], , "b", , "c", , )',
        'Replace([a], , "(?<n>b)", "n", "c", , )',
        'Replace([a], , "(?<n>b)", "n", , [b], )',
    ],
)
def test_without_a_source_there_is_no_result(text: str) -> None:
    assert value(text, {}) is None


def test_empty_matches_are_replaced_as_dotnet_does() -> None:
    assert value('Replace([a], , "[a-z_]*", , "-", , )', {"a": "john_doe72"}) == "--7-2-"


def test_every_capture_of_a_group_is_replaced() -> None:
    assert value(r'Replace([a], , "(?<d>\\d,?)+", "d", "#", , )', {"a": "1,2,3 x 4"}) == "### x #"


def test_group_that_did_not_take_part_is_empty_in_a_replacement() -> None:
    assert value('Replace([a], , "(?<x>a)|(?<y>b)", , "[${x}]", , )', {"a": "ab"}) == "[a][]"


def test_group_that_captured_before_its_match_is_left_alone() -> None:
    assert value('Replace([a], , "(?<=(?<n>a))b", "n", "-", , )', {"a": "ab"}) == "-b"
    assert value('Replace([a], , "(?<=(?<n>a)b?)b", "n", "-", , )', {"a": "abb"}) == "-bb"


def test_other_attribute_without_a_match_gives_null() -> None:
    assert value('Replace([a], , "(?<n>b)", "n", , [o], )', {"a": "", "o": "xyz"}) is None


def test_nothing_can_be_looked_for_nowhere() -> None:
    with pytest.raises(EvaluationError, match="oldValue can't be empty"):
        value('Replace([a], [b], , , "c", , )', {"a": "abc", "b": ""})
    assert value('Replace([a], [b], , , "c", , )', {"a": "abc"}) == "abc"


def test_pattern_that_takes_too_long_says_which_and_where() -> None:
    expression = parse('Append(Replace([a], , "^(a|aa)+$", , "", , ), "x")')
    with pytest.raises(PatternTimeout) as caught:
        expression.evaluate(Inputs({"a": "a" * 60 + "!"}, now=NOW, pattern_timeout=0.01))
    assert caught.value.pattern == "^(a|aa)+$"
    assert caught.value.expression == expression.text
    assert caught.value.place == 'Replace([a], , "^(a|aa)+$", , "", , )'
    assert "within 0.01 s" in str(caught.value)
