"""Expressions and patterns that want to be slow or large: each is answered or refused at once, and memory stays flat.

Time is the process's own and the best of three counts, so that a busy machine doesn't fail the test.
"""

import resource
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from instep.expressions import EvaluationError, ExpressionError, Inputs, Value, parse
from instep.expressions.limits import RESULT_ITEMS, RESULT_LENGTH
from instep.expressions.patterns import PatternError, PatternTimeout
from instep.expressions.patterns import compile as compiled

NOW = datetime(2021, 7, 2, tzinfo=UTC)
SECONDS = 0.2
MEGABYTES = 100
LARGE = "x" * RESULT_LENGTH
GIVEN: Mapping[str, Value] = {
    "a": "a" * 60 + "!",
    "large": LARGE,
    "accents": "é" * RESULT_LENGTH,
    "blank": " " * RESULT_LENGTH,
    "commas": "," * RESULT_LENGTH,
    "quotes": '"' * RESULT_LENGTH,
    "slashes": "\\" * RESULT_LENGTH,
    "digits": "9" * RESULT_LENGTH,
    "many": ("x" * 1000,) * 1000,
    "n": "9223372036854775807",
}


def nested(name: str, depth: int, inner: str = "[large]", rest: str = "") -> str:
    return f"{name}(" * depth + inner + f"{rest})" * depth


def doubled(times: int) -> str:
    text = '"xxxxxxxxxx"'
    for _ in range(times):
        text = f'Replace({text}, "x", , , "xxxxxxxxxx", , )'
    return text


PARSED = [
    "(" * 3_000 + ")" * 3_000,
    "Left(" * 3_000,
    "Left(" * 1_500 + ")" * 1_500,
    "[" * 9_000,
    '"' * 9_999,
    "\\" * 9_999,
    '"' + "\\" * 9_999,
    "," * 9_999,
    "&" * 9_999,
    "=" * 9_999,
    "-" * 9_999,
    "9" * 9_999,
    "&H" + "F" * 9_990,
    "x" * 9_999,
    "x" * 9_990 + "()",
    " " * 99_999,
    " " * 1_000_000,
    "Join(" + "," * 9_000 + ")",
    'Join(" "' + ', "a"' * 2_400 + ")",
    "[a]" + "&[a]" * 2_400,
    "[a]" + "=[a]" * 2_400,
    "Guid()" + "&Guid()" * 1_400,
    "Switch([a], " + ", ".join(f'"{number}", "x"' for number in range(500)) + ")",
    nested("ToLower", 50),
    nested("ToLower", 51),
    nested("Not", 50, "[a]"),
    'CDate("' + "9" * 9_000 + '")',
    'CDate("' + " " * 9_000 + '")',
    'FormatDateTime([a], , "yyyy", "' + "y" * 9_000 + '")',
    'FormatDateTime([a], , "' + "d" * 9_000 + 'y", "yyyy")',
    'FormatDateTime([a], , "' + "'" * 9_000 + 'y", "yyyy")',
    'DNComponent("' + "a=" * 4_000 + '", 1)',
    "RandomString(999999999, 0, 0, 0, 0)",
    'RandomString(256, 64, 64, 64, 64, "' + "abc" * 2_000 + '")',
    *[doubled(times) for times in range(1, 26)],
    *[f"Len({'Append(' * depth}[a]{', [a])' * depth})" for depth in range(1, 60, 4)],
]
EVALUATED = [
    "Append([large], [large])",
    "[large] & [large]",
    'Join([large], "a", "b", "c")',
    'Join("", ' + ", ".join(["[large]"] * 400) + ")",
    "Join([large], [many])",
    nested("ToUpper", 49, "[accents]"),
    nested("NormalizeDiacritics", 49, "[accents]"),
    nested("PCase", 5, "[accents]"),
    nested("ConvertToUTF8Hex", 20, "[large]"),
    nested("ConvertToBase64", 20, "[large]"),
    'Split([commas], ",")',
    'Split([large], "xx")',
    'Word([commas], 5, ",")',
    "Word([large], 2, [commas])",
    "Word([commas], 99999, [large])",
    'Replace([large], "x", , , [large], , )',
    'Replace("a", "a", , , , , [large])',
    'Replace([large], , "x", , "xx", , )',
    'Replace([large], , "(x)", , "$1$1$_", , )',
    'Replace([large], , "x", , "$\'$`", , )',
    'Replace([large], , "(?<n>x)", "n", [large], , )',
    'Replace([large], , "(?<n>x)*", "n", "y", , )',
    'Replace([large], , "(?<n>(x+x+)+y)", "n", "y", , )',
    'Replace("", , "(?<n>(x+x+)+y)", "n", , [large], )',
    "InStr([large], [accents])",
    "InStr([large], [large], 1, vbTextCompare)",
    "Mid([large], [n], [n])",
    "Left([large], [n])",
    "Item([many], [n])",
    'DateAdd("yyyy", [n], Now())',
    "DateFromNum([n])",
    "BitAnd([n], [n])",
    "CDate([digits])",
    "CDate([blank])",
    "Left([a], [digits])",
    "Left([a], [blank])",
    "[digits] > [digits]",
    "[blank] > [digits]",
    'FormatDateTime([blank], , "yyyy", "yyyy")',
    "FormatDateTime([a], , [large], [large])",
    "DNComponent([blank], 1)",
    "DNComponent([quotes], 1)",
    "DNComponent([slashes], 1)",
    'DNComponent("a=" & [blank], 1)',
    'DNComponent("a=" & Mid([slashes], 1, 9999), 1)',
    "StringFromSid([large])",
    "ConvertFromBase64([large])",
    "ToLower([large], [large])",
    "RemoveDuplicates([many])",
    'Contains([many], "y")',
    "RandomString([n], [n], [n], [n], [n])",
    "SelectUniqueValue(" + ", ".join(["[large]"] * 400) + ")",
    "Coalesce(" + ", ".join(["ToUpper([accents])"] * 20) + ")",
]
PATTERNS = [
    *[f"^({'a' * width}|{'a' * (width + 1)})+$" for width in range(1, 10)],
    *[f"(a+){{{bound}}}$b" for bound in (1, 10, 100, 1_000, 10_000)],
    *["(" * depth + "a" + "+)" * depth + "b" for depth in (2, 10, 30, 50, 51, 300)],
    *["(" * depth + "a" + "{2})" * depth + "b" for depth in (2, 10, 13, 14, 50, 300)],
    *[f"a{{{bound}}}" * 100 for bound in (1, 10, 100, 1_000, 99_999)],
    *["(a|a" + "|aa" * count + ")*b" for count in (1, 10, 100, 320)],
    *["(?=" * depth + "(a+)+b" + ")" * depth for depth in (1, 10, 40)],
    *["(?<=" * depth + "(a+)+b" + ")" * depth for depth in (1, 10, 40)],
    *[".*" * count + "b" for count in (1, 10, 100, 490)],
    *[r"(\w+\s?)" + "*" * count + "$" for count in (1, 2)],
    *["[" * count + "a" + "]" * count for count in (1, 10, 499)],
    *["[a-" * count + "a" + "]" * count for count in (2, 9, 12, 200)],
    *[r"\p{L}" * count + "+" for count in (1, 100, 190)],
    *[r"\b" * count + "a" for count in (1, 100, 490)],
    *["(?i)" + "é" * 990, "(?x)" + "#" * 990, "(?i)" * 249, "(?#" * 300, "|" * 1_000, "()" * 500, "(?:)*" * 190],
    *[r"(a*)*\1" * count for count in (1, 10, 100)],
    *[f"(?<n{number}>a)" * 60 for number in range(3)],
    "(?:(?:(?:(?:a{1,10}){1,10}){1,10}){1,10}){1,10}b",
    "(?:a?){40}a{40}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "{" * 1_000,
    "a{" + "9" * 990 + "}",
    r"\1" * 500,
]


def test_there_are_enough_of_them() -> None:
    assert len(PARSED) + len(EVALUATED) + len(PATTERNS) >= 200


def measured(attempt: Callable[[str], object], text: str) -> object:
    """What the attempt gives, once it has taken little time and memory."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    for _ in range(3):
        started = time.process_time()
        answer = attempt(text)
        times.append(time.process_time() - started)
        if times[-1] < SECONDS:
            break
    else:
        pytest.fail(f"took {min(times):.2f} s")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024 < MEGABYTES
    return answer


@pytest.mark.parametrize("text", PARSED + EVALUATED, ids=lambda text: text[:30])
def test_hostile_expression_is_answered_or_refused_at_once(text: str) -> None:
    answer = measured(answered, text)
    assert not isinstance(answer, Exception) or len(str(answer)) < 2_000
    assert not isinstance(answer, str) or len(answer) <= RESULT_LENGTH
    assert not isinstance(answer, tuple) or len(answer) <= RESULT_ITEMS


def answered(text: str) -> object:
    try:
        return parse(text).evaluate(Inputs(GIVEN, now=NOW))
    except (ExpressionError, EvaluationError) as error:
        return error


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern[:30])
def test_hostile_pattern_is_answered_or_refused_at_once(pattern: str) -> None:
    assert len(str(measured(searched, pattern))) < 3_000


def searched(pattern: str) -> Exception | None:
    try:
        found = compiled(pattern)
        for text in ("a" * 60 + "!", "word " * 20):
            found.search(text)
    except (PatternError, PatternTimeout) as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Append([large], [large])", "the result has more than 100,000 characters"),
        ('Split([commas], ",")', "the result has more than 10,000 elements"),
        ('Replace([large], "x", , , "xx", , )', "the result has more than 100,000 characters"),
        ('Replace([large], , "x", , "xx", , )', "the result has more than 100,000 characters"),
        ('Join("", [large], "x")', "the result has more than 100,000 characters"),
    ],
)
def test_result_that_is_too_large_fails_the_object(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        parse(text).evaluate(Inputs(GIVEN, now=NOW, pattern_timeout=30))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 10_001, "at most 10,000 characters"),
        (" " * 100_001, "at most 10,000 characters"),
        (nested("Not", 51, "[a]"), "nested more than 50 deep"),
        ("Now()" + "&Now()" * 500, "at most 500 function calls"),
    ],
)
def test_expression_over_a_limit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_white_space_between_parts_does_not_count() -> None:
    assert parse("Left(" + " " * 50_000 + "[a], 1)").text == "Left([a], 1)"
    long_text = '"' + "x" * 9_998 + '"'
    assert parse(long_text).text == long_text


def test_there_is_no_way_out_of_the_language() -> None:
    for text in (
        '__import__("os")',
        'Len("a").__class__',
        "[a].__class__",
        'eval("1")',
        "Left.__globals__",
        "{0.__class__}",
    ):
        with pytest.raises(ExpressionError):
            parse(text)
    braces = parse('Append([__class__], "{0.__class__} %s $x")')
    assert braces.evaluate(Inputs({"__class__": "x"}, now=NOW)) == "x{0.__class__} %s $x"
    with pytest.raises(EvaluationError, match=r"\{0\}"):
        parse("CDate([a])").evaluate(Inputs({"a": "{0} {} %s"}, now=NOW))
