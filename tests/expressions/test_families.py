"""Facts about functions that their examples don't show: bounds, odd input, and what is said of it."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from instep.expressions import EvaluationError, ExpressionError, Inputs, Value, parse
from instep.expressions.limits import RESULT_ITEMS, RESULT_LENGTH

NOW = datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC)


def value(text: str, seed: str = "s", **given: Value) -> object:
    return parse(text).evaluate(Inputs(given, now=NOW, seed=seed))


def refusal(text: str, given: Mapping[str, Value] | None = None) -> str:
    """What is said when the expression is saved or evaluated, without its place."""
    try:
        found = value(text, **(given or {}))
    except (ExpressionError, EvaluationError) as error:
        return error.message
    pytest.fail(f"it has a value: {found}")


# ---------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('DateAdd("yyyy", -2020, Now())', "7/2/0001 3:33:38 PM"),
        ('DateAdd("yyyy", 7978, Now())', "7/2/9999 3:33:38 PM"),
        ('DateAdd("M", 1, "2024-01-31")', "2/29/2024 12:00:00 AM"),
        ('DateDiff("s", Now(), Now())', 0),
        ('DateDiff("d", Now(), "2021-07-01")', -1),
        ('FormatDateTime("", , "yyyy-MM-dd", "yyyy")', ""),
        ('FormatDateTime(" 2021-01-02 ", , "yyyy-MM-dd", "yyyy")', "2021"),
    ],
)
def test_dates(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize("years", [-2021, 7979, 10**9])
def test_a_date_outside_of_the_calendar_is_refused(years: int) -> None:
    assert (
        refusal("DateAdd([i], [n], Now())", {"i": "yyyy", "n": years}) == "the result is outside of the years 1 to 9999"
    )
    assert refusal("DateAdd([i], [n], Now())", {"i": "d", "n": years * 366}).startswith("the result is outside")


def test_what_is_no_interval_is_told_which_there_are() -> None:
    assert refusal("DateAdd([i], 1, Now())", {"i": "fortnight"}) == (
        '"fortnight" is no interval; intervals are yyyy, m, ww, d, h, n, s'
    )


def test_styles_of_a_date_decide_whether_space_is_allowed() -> None:
    said = refusal('FormatDateTime(" 2021-01-02 ", "None", "yyyy-MM-dd", "yyyy")')
    assert said == '" 2021-01-02 " doesn\'t fit the date format "yyyy-MM-dd"'


# ------------------------------------------------------------------------------------------ encodings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ConvertFromBase64("SABlAA==")', "He"),
        ('StringFromSid("AQAAAAAAAAU=")', "S-1-5"),
        ('StringFromSid("AQABAAAAAAU=")', "S-1-1099511627781"),
        ('DNComponent("c=DE,o=x", 1)', "DE"),
        ('DNComponent("cn=\\\\FFa", 1)', "\ufffda"),
    ],
)
def test_encodings(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize("text", ["SA!BlAA==", "SABlAA=", "/w=="])
def test_what_is_no_base64_of_a_text_is_refused(text: str) -> None:
    assert refusal(f'ConvertFromBase64("{text}", UTF8)') == f'"{text}" isn\'t base64 of a text in this encoding'


@pytest.mark.parametrize("text", ["no sid!", "", "AQ==", "AQA=", "AQEAAAAAAAU=", "AQ!AAAAAAAAU=", "AQAAAAAAAAUA"])
def test_what_is_no_security_identifier_is_refused(text: str) -> None:
    assert refusal(f'StringFromSid("{text}")') == f'"{text}" isn\'t a security identifier in base64'


# ---------------------------------------------------------------------------------------------- lists


def test_a_text_is_split_into_no_more_parts_than_a_list_may_have() -> None:
    assert len(value('Split([t], ",")', t="," * (RESULT_ITEMS - 1))) == RESULT_ITEMS  # type: ignore[arg-type]
    assert "more than 10,000 elements" in refusal('Split([t], ",")', {"t": "," * RESULT_ITEMS})
    assert refusal('Split([t], "")', {"t": "a"}) == "the delimiter of Split can't be empty"


def test_a_list_without_values_contains_nothing() -> None:
    assert (value('Contains([l], "x")'), value("Count([l])")) == (0, 0)


# ----------------------------------------------------------------------------------------- choosing


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ('Switch(Trim([a]), "d", "k", 1, "l", 2)', ()),
        ('Switch([a], "d", "k", 1, "l", 2)', ()),
        ('Switch([a], "d", "k", 1, "k", 2)', ("Switch has the same key twice; the first one counts",)),
        ('Switch([a], "d", "k", 1, [b], 2, "k", 3)', ()),
        ('Switch([a], "d", [b], 1, [b], 2)', ()),
        (
            'Switch(IsNull([a]), "d", "k", 1)',
            ('IsNull as the source of Switch gives True or False; to catch an empty source use the key ""',),
        ),
    ],
)
def test_an_author_is_warned_of_keys_that_can_not_be_meant(text: str, warnings: tuple[str, ...]) -> None:
    assert tuple(parse(text).warnings) == warnings


def test_the_first_of_two_keys_that_are_the_same_counts() -> None:
    assert value('Switch("k", "d", "k", 1, "k", 2)') == 1
    assert value('Switch("k", "d", [b], 1, [b], 2)', b="k") == 1


@pytest.mark.parametrize(("default", "expected"), [("", None), ('"d"', "d")])
def test_a_key_that_is_read_from_the_directory_may_not_fit_either(default: str, expected: Value) -> None:
    assert value(f'Switch("x", {default}, [b], 1)', b="k") == expected


def test_an_error_without_words_says_that_a_rule_made_it() -> None:
    for text in ("Error([a])", 'Error("")'):
        assert refusal(text) == "the mapping's rule says that this is an error"


# ------------------------------------------------------------------------------------------ made values


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (
            "RandomString(200, 0, 0, 0, 0)",
            "9OpldJelPS1tGjg7IIfRa8ogJOruBHFgcYEPhR8Bv61nbHUs7bpxhy3cG9miZn4abVobztxvefCbkEY8s9NckWfqXE6qRvSnjCuHMt42"
            "jYvyLfscsm3Keneodt8GF1zTc84TrNVcMfniHosIyXKR2QoOiJx0J03u0H8vFkTCe952ky5lRiZvtTLpKFwKBABXxTzvqiIv",
        ),
        ("RandomString(12, 3, 3, 3, 3)", "jsZ{2.8N]4lC"),
        ('RandomString(12, 3, 3, 3, 3, "abc")', "nyZ{2.8N]4mC"),
        ("RandomString(0, 0, 0, 0, 0)", ""),
    ],
)
def test_what_is_made_up_stays_what_it_is(text: str, made: str) -> None:
    """Accounts have been made with it: another version must not make something else of the same seed."""
    assert value(text) == made


def test_a_seed_may_be_any_text() -> None:
    assert value("Guid()", seed="\ud800") != value("Guid()", seed="\ud801")


def test_a_random_string_has_no_length_where_the_directory_has_none() -> None:
    for position in range(5):
        numbers = ["[n]" if position == index else "4" for index in range(5)]
        assert value(f"RandomString({', '.join(numbers)})") is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("257, 0, 0, 0, 0", "a random string has at most 256 characters, not 257"),
        ("5, 2, 2, 1, 1", "a random string of 5 is shorter than the 6 characters that it must have"),
        ('5, 1, 0, 0, 0, "0123456789"', "nothing is left of the characters that a random string must have"),
        ('5, 1, 0, 1, 0, "0123456789"', "nothing is left of the characters that a random string must have"),
    ],
)
def test_a_random_string_that_can_not_be_is_refused_when_it_is_saved(arguments: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(f'Append("", RandomString({arguments}))')
    assert (caught.value.message, caught.value.column) == (said, 12)


def test_a_random_string_may_have_its_longest_and_its_shortest_length() -> None:
    assert len(str(value("RandomString(256, 0, 0, 0, 0)"))) == 256
    assert len(str(value("RandomString([n], 1, 1, 1, 1)", n=4))) == 4
    assert set(str(value('RandomString(50, 0, 0, 0, 0, "0123456789")'))).isdisjoint("0123456789")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert refusal(f'RandomString(1, 0, 0, 0, 0, "0123456789{letters}")').startswith("nothing is left")


# ------------------------------------------------------------------------------------------- replacing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Replace([t], "a", , , [none], , )', "b"),
        ('Replace([t], [none], , , "x", , )', "aab"),
        ('Replace([none], "a", , , "x", , )', None),
        ('Replace([none], "<t>", , , , , "<t>!")', None),
        ('Replace([t], "<t>", , , , , [none])', None),
        ('Replace([t], [none], , , , , "<t>!")', "<t>!"),
        ('Replace([t], , "a", , [none], , )', "b"),
        ('Replace([none], , "a", , "x", , )', None),
        ('Replace([t], , "a", , "<$0>", , )', "<a><a>b"),
        ('Replace([t], , "(?<g>a)(b?)", "g", [none], , )', "b"),
        ('Replace([none], , "(?<g>a)", "g", "x", , )', None),
        ('Replace([t], , "(?<g>a)", "g", "x", , )', "xxb"),
        ('Replace([t], , "(?=(?<g>ab))a", "g", "x", , )', "ax"),
        ('Replace([none], , "(?<g>b)", "g", , [t], )', "b"),
        ('Replace([none], , "(?<g>z)", "g", , [t], )', None),
        ('Replace([none], , "(?<g>b)", "g", , [none], )', None),
        ('Replace([t], , "(?<g>z)", "g", , [t], )', "aab"),
        ('Replace("", , "(?<g>b)", "g", , [t], )', "b"),
    ],
)
def test_replacing(text: str, expected: Value) -> None:
    assert value(text, t="aab") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('Replace([t], [e], , , "x", , )', "oldValue can't be empty"),
        ('Replace([t], , "(?<g>a)(?<h>b)", "x", "y", , )', "the pattern has no group of this name; it has g, h"),
        ('Replace([t], , "(a)", "x", "y", , )', "the pattern has no group of this name; it has none"),
    ],
)
def test_what_can_not_be_replaced_is_told(text: str, said: str) -> None:
    assert refusal(text, {"t": "aab", "e": ""}) == said


def test_what_replace_takes_together_is_told() -> None:
    said = refusal('Replace([t], "a", , , "b", , "c")')
    assert said.startswith("Replace takes one of these, and nothing else: ")
    assert "oldValue" in said


def test_a_faulty_pattern_is_told_with_its_place_in_the_text() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse('Replace([t], , "ab[a-z", , "", , )')
    assert caught.value.column == 16
    assert caught.value.message.startswith("in the pattern at its character ")


@pytest.mark.parametrize(
    "text",
    [
        'Replace([t], "a", , , [b], , )',
        'Replace([t], , "a", , [b], , )',
        'Replace([t], , "(?<g>a)", "g", [b], , )',
        f'Replace([t], , "a", , "{"b" * 5_000}", , )',
        f'Replace([t], , "a", , "$0{"b" * 4_999}", , )',
    ],
)
def test_a_result_of_replacing_may_be_as_long_as_any_attribute_and_no_longer(text: str) -> None:
    assert len(str(value(text, t="a" * 20, b="b" * 5_000))) == RESULT_LENGTH
    for longer in ("a" * 20 + "c", "a" * 21):
        assert refusal(text, {"t": longer, "b": "b" * 5_000}) == "the result has more than 100,000 characters"


def test_a_pattern_that_is_too_large_has_no_place() -> None:
    assert refusal('Replace([t], , "(?:a{1000}){1000}", , "", , )').startswith("in the pattern: ")


def test_a_group_has_to_be_written_out() -> None:
    said = refusal('Replace([t], , "(?<g>a)", [g], "x", , )', {"g": "g"})
    assert said == "regexGroupName of Replace must be a text in quotes, since it is checked when the rule is saved"


# ---------------------------------------------------------------------------------------- roles and texts


@pytest.mark.parametrize(
    ("roles", "values", "single"),
    [
        (None, None, None),
        ((), (), None),
        ("editor", ("editor",), "editor"),
        (("b", "a", "b"), ("b", "a"), "a"),
        (({"value": "b"}, {"displayName": "A"}, {"id": "1"}), ("b", "A"), "A"),
    ],
)
def test_roles_may_be_texts_and_have_no_value(roles: Value, values: Value, single: Value) -> None:
    assert value("AppRoleAssignments([r])", r=roles) == values
    assert value("SingleAppRoleAssignment([r])", r=roles) == single


def test_a_role_without_a_name_is_called_by_its_value() -> None:
    (role,) = value("AppRoleAssignmentsComplex([r])", r=({"value": "a"},))  # type: ignore[misc, attr-defined]
    assert role == {"primary": False, "type": "WindowsAzureActiveDirectoryRole", "value": "a", "display": "a"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Word([t], 1, "")', "a--b c"),
        ('Word([t], 2, "")', ""),
        ('Word([t], 2, " -")', "b"),
        ('Word([t], 1, "-")', "a"),
        ('Word([t], 2, "-")', "b c"),
        ('Word([t], 0, "-")', ""),
        ('Join(", ", 0, False, [t], [l], 7)', "0, False, a--b c, x, y, 7"),
        ('Join(", ", [none], "", [e])', None),
        ("Trim([l])", ("x", "y")),
    ],
)
def test_words_and_joined_texts(text: str, expected: Value) -> None:
    assert value(text, t="a--b c", l=("x", "", "y") if "Join" in text else (" x", "y "), e=()) == expected


def test_joined_texts_may_be_as_long_as_any_attribute_and_no_longer() -> None:
    half = "x" * (RESULT_LENGTH // 2 - 1)
    assert value('Join("--", [a], [b])', a=half, b=(half,)) == f"{half}--{half}"
    for separator, more in (("---", ""), ("--", "x")):
        said = refusal(f'Join("{separator}", [a], [b])', {"a": half + more, "b": half})
        assert said == "the result has more than 100,000 characters"
    assert len(str(value('Join("--", [a], [b])', a="x" * RESULT_LENGTH, b=""))) == RESULT_LENGTH
