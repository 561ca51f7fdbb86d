"""What an author of rules is told, word for word; and where the places of what is made up once are."""

from datetime import UTC, datetime

import pytest

from instep.expressions import EvaluationError, ExpressionError, Inputs, Redacted, Value, parse
from instep.expressions.limits import EXPRESSION_CALLS, EXPRESSION_DEPTH, EXPRESSION_LENGTH, RESULT_LENGTH, TEXT_LENGTH

NOW = datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC)
GIVEN: dict[str, Value] = {"a": "07", "b": "xyz", "n": "two", "c": ("1", "2")}


def value(text: str) -> object:
    return parse(text).evaluate(Inputs(GIVEN, now=NOW, seed="s"))


def alone(word: str) -> str:
    return f'"{word}" stands alone; write [{word}] for an attribute or put it in quotes for a text'


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        (
            'Append("a", "b", "c", "d")',
            1,
            "Append takes no more than 2 of the 4 arguments: Append(source, suffix)",
        ),
        ('Append("a")', 1, "Append needs suffix as its argument 2: Append(source, suffix)"),
        (" Append()", 2, "Append needs source as its argument 1: Append(source, suffix)"),
        ('Join("-", "a", , "b")', 1, 'argument 3 of Join is left out; write "" for an empty text'),
        (
            'SingleAppRoleAssignment("a" & "b")',
            25,
            "appRoleAssignments of SingleAppRoleAssignment is role objects, but this gives one value",
        ),
        (
            "SingleAppRoleAssignment(&HF)",
            25,
            "appRoleAssignments of SingleAppRoleAssignment is role objects, but this gives a number",
        ),
        (
            'Split("a,b", ",") & "x"',
            1,
            "& is one value, but Split gives a list; pick one of the list with Item, or put it in one text with Join",
        ),
        ('AppRoleAssignmentsComplex([r]) & "x"', 1, "& is one value, but AppRoleAssignmentsComplex gives role objects"),
        (
            '"a" = Split("a", ",")',
            7,
            "a comparison is one value, but Split gives a list; "
            "pick one of the list with Item, or put it in one text with Join",
        ),
        (
            'Replace([a], , [b], , "x", , )',
            16,
            "regexPattern of Replace must be a text in quotes, since it is checked when the rule is saved",
        ),
        ('InStr("aB", "b", , 7)', 20, "compareType of InStr is one of vbBinaryCompare, vbTextCompare"),
        ('Mid("abc", 0, 1)', 12, "start of Mid: start is at least 1, not 0"),
        ('Left("abc", "")', 13, 'NumChars of Left: "" isn\'t a whole number'),
        ('Append(SelectUniqueValue("a", "b"), "x")', 8, "SelectUniqueValue can't stand inside of another function"),
        ("vbTextCompare", 1, alone("vbTextCompare")),
        ("vbTextCompare = [a]", 1, alone("vbTextCompare")),
        ("[a] = vbTextCompare", 7, alone("vbTextCompare")),
        ('"a" & vbTextCompare', 7, alone("vbTextCompare")),
        ('IIF(True, vbTextCompare, "a")', 11, alone("vbTextCompare")),
        ("Append = 1", 1, "Append is a function; its arguments follow in parentheses"),
        ('Append("a" "b")', 12, 'expected "," or ")" in the arguments of Append, but found a text in quotes'),
        (
            "Append(",
            8,
            "expected a function, an [attribute], a text in quotes or a number, but found the end",
        ),
        ('Trim("ab\\x")', 9, 'a backslash in a text is written twice: "\\\\x", not "\\x"'),
        ("[a\u200bb]", 1, '"a\u200bb" can\'t be the name of an attribute'),
        *(
            (f"Trim({quote}a)", 6, f'texts stand in straight double quotes ("), not in {quote}')
            for quote in ("\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "'")
        ),
        ("07", 1, 'a number has no zeros in front; write "07" in quotes if they matter'),
        ("-07", 1, 'a number has no zeros in front; write "-07" in quotes if they matter'),
        (str(2**63), 1, f"numbers go from {-(2**63)} to {2**63 - 1}"),
        (str(-(2**63) - 1), 1, f"numbers go from {-(2**63)} to {2**63 - 1}"),
        ("1" * 20, 1, f"numbers go from {-(2**63)} to {2**63 - 1}"),
        (
            'IIF(Split("a", ","), 1, 2)',
            5,
            "condition of IIF is true or false, but Split gives a list; "
            "pick one of the list with Item, or put it in one text with Join",
        ),
        ("=1", 1, 'expected a function, an [attribute], a text in quotes or a number, but found "="'),
    ],
)
def test_what_can_not_work_is_told_where_it_stands(text: str, column: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert (caught.value.message, caught.value.column) == (said, column)


def test_how_deep_and_how_long_expressions_may_be() -> None:
    def nested(depth: int) -> str:
        return "Trim(" * depth + "[a]" + ")" * depth

    def listed(count: int) -> str:
        return " & ".join(["Trim([a])"] * count)

    parse(nested(EXPRESSION_DEPTH))
    parse(listed(EXPRESSION_CALLS))
    for text, said in (
        (f"Append(Trim([a]), {nested(EXPRESSION_DEPTH)})", f"functions are nested more than {EXPRESSION_DEPTH} deep"),
        (nested(EXPRESSION_DEPTH + 1), f"functions are nested more than {EXPRESSION_DEPTH} deep"),
        (listed(EXPRESSION_CALLS + 1), f"an expression has at most {EXPRESSION_CALLS} function calls"),
    ):
        with pytest.raises(ExpressionError) as caught:
            parse(text)
        assert caught.value.message == said


# ------------------------------------------------------------------------------------- what is redacted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Left([b], [n])", '"two" isn\'t a whole number, in Left([b], [n])'),
        ("Redact([a]) & Left([b], [n])", "[Redact] isn't a whole number, in Left([b], [n])"),
        ('Left([b], [n]) & Redact("k")', "[Redact] isn't a whole number, in Left([b], [n])"),
        ('"a" & Redact(Left([b], [n]))', "[Redact] isn't a whole number, in Redact(Left([b], [n]))"),
        ('Redact(Append(Redact(Left([a], [n])), "x"))', "[Redact] isn't a whole number, in Redact([Redact])"),
        ("Redact(Left([a], [n]) & 5)", "[Redact] isn't a whole number, in Redact([Redact])"),
        (
            'Left(Redact("s3cret") & [a], [n])',
            "[Redact] isn't a whole number, in Left(Redact([Redact]) & [a], [n])",
        ),
        (
            '[c] & Redact("s3cret")',
            "one value is needed, but there are 2; pick one with Item, or put them in one with Join, "
            "in [c] & Redact([Redact])",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_without_what_is_redacted(text: str, said: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value(text)
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ['Redact("s3cret")', 'Redact("a" & [a]) & "k"', "Redact(5)", "Redact(Trim([a]))"])
def test_the_text_of_an_expression_is_all_of_it(text: str) -> None:
    assert parse(text).text == text
    assert parse(text).redacted


def test_redacted_is_only_what_says_so() -> None:
    assert value('"a" & Redact([a])') == Redacted("a07")
    assert value('"a" & [a]') == "a07"


# ------------------------------------------------------------------------- what is made up once, by its place


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Guid()", "f43e08dd-1592-4a19-83c1-d92c4ef03282"),
        ('Append("", Guid())', "90b01df6-5338-4e10-92ec-cd88437a172c"),
        ('Append(Append("", Guid()), "")', "592ad5e1-4b1c-450e-b53e-db747e0d680b"),
        ('Append("", Append("", Guid()))', "4b1572ba-7007-4406-8286-5ae9ff128f00"),
        ('Guid() & ""', "afa9ee12-7f06-46b8-b2f9-1ba5996de6f0"),
        ('"" & Guid()', "90b01df6-5338-4e10-92ec-cd88437a172c"),
        ('Append("", "" & Guid())', "4b1572ba-7007-4406-8286-5ae9ff128f00"),
        ('IIF(Guid() = "5bb8be1d-5e48-4670-b237-758724f013a5", 1, Guid())', "65e467a0-7f98-43f2-a833-6d05e869ac19"),
    ],
)
def test_what_is_made_up_depends_on_its_place_alone(text: str, made: str) -> None:
    """Accounts have been made with it: another version must not make something else of the same place."""
    assert value(text) == made


def test_what_is_compared_has_places_of_its_own() -> None:
    assert value('Guid() = "afa9ee12-7f06-46b8-b2f9-1ba5996de6f0"') is True
    assert value('"90b01df6-5338-4e10-92ec-cd88437a172c" = Guid()') is True
    assert value('IIF("4b1572ba-7007-4406-8286-5ae9ff128f00" = "", 1, 2)') == 2
    assert value('Append("", Guid() = "5bb8be1d-5e48-4670-b237-758724f013a5")') == "True"
    assert value('Append("", "4b1572ba-7007-4406-8286-5ae9ff128f00" = Guid())') == "True"


# ------------------------------------------------------------------------------------------- comparisons

_SIGNS = ("=", "<>", "<", "<=", ">", ">=")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a] = 7", True),
        ("7 = [a]", True),
        ('[a] = "7"', False),
        ("[b] < 5", False),
        ("5 < [b]", True),
        ('"8/25/2021 5:41:18 PM" < "abc"', True),
        ('"abc" < "8/25/2021 5:41:18 PM"', False),
        ('"10/25/2021 5:41:18 PM" > "8/25/2021 5:41:18 PM"', True),
        ('True = "true"', True),
        ('True = "yes"', False),
        ("True = 1", False),
        ('"false" = "FALSE"', True),
        *((f"{same} {sign} {same}", sign in ("<=", ">=", "=")) for same in ('"a"', "2") for sign in _SIGNS),
        ('"True" = "FALSE"', False),
    ],
)
def test_two_values_compare_as_what_both_of_them_spell(text: str, expected: bool) -> None:
    assert value(text) is expected


# ----------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("number", "result"),
    [
        (-(2**63), "abcd"),
        (str(-(2**63)), "abcd"),
        (str(2**63 - 1), "abcd"),
        (" &H3 ", "abc"),
        ("&H1F", "abcd"),
        ((), None),
        (("2",), "ab"),
        (None, None),
    ],
)
def test_numbers_of_64_bits_are_read_from_texts_and_lists_too(number: Value, result: Value) -> None:
    assert parse('Left("abcd", [n])').evaluate(Inputs({"n": number}, now=NOW)) == result


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), 2**63, 2**70, True, False, "2.0", ""])
def test_what_is_no_number_of_64_bits_is_refused_however_it_comes(number: Value) -> None:
    with pytest.raises(EvaluationError):
        parse('Left("abcd", [n])').evaluate(Inputs({"n": number}, now=NOW))


def test_numbers_may_be_as_large_as_64_bits() -> None:
    for number in (-(2**63), 2**63 - 1, 0, -1):
        assert value(str(number)) == number


def test_hexadecimal_numbers_are_read_by_sixteens() -> None:
    assert value('Left("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "&H1F")') == "x" * 31
    assert value('InStr("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "b", "&H1F")') == 32
    assert value('InStr("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "b", "&H21")') == 0


@pytest.mark.parametrize(("truth", "expected"), [(None, False), ((), False), ("FALSE", False), ("1", True), (0, False)])
def test_what_is_nothing_is_not_true(truth: Value, expected: bool) -> None:
    assert parse("CBool([t])").evaluate(Inputs({"t": truth}, now=NOW)) is expected


def test_a_result_may_be_as_long_as_any_attribute_and_no_longer() -> None:
    longest = "x" * (RESULT_LENGTH - 1)
    assert parse('Append([t], "y")').evaluate(Inputs({"t": longest}, now=NOW)) == f"{longest}y"
    with pytest.raises(EvaluationError, match="more than 100,000 characters"):
        parse('Append([t], "yz")').evaluate(Inputs({"t": longest}, now=NOW))


def test_an_expression_may_have_space_in_it_and_not_without_end() -> None:
    assert parse(" " * (TEXT_LENGTH - 3) + "[a]").text == "[a]"
    with pytest.raises(ExpressionError) as caught:
        parse(" " * (TEXT_LENGTH - 2) + "[a]")
    assert caught.value.message == "an expression has at most 10,000 characters, this one has 100,001"
    longest = '"' + "x" * (EXPRESSION_LENGTH - 2) + '"'
    assert parse(f" {longest} ").text == longest
    for longer, column in ((f'{longest} & "y"', 10_002), (longest.replace("x", "xx", 1), 1)):
        with pytest.raises(ExpressionError) as caught:
            parse(longer)
        assert (caught.value.message, caught.value.column) == ("an expression has at most 10,000 characters", column)


# --------------------------------------------------------------------------------------------- constants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Replace("xTruey", , True, , "-", , )', "x-y"),
        ('Replace("x5y", , 5, , "-", , )', "x-y"),
        ('InStr("aB", "b", , "vbTextCompare")', 2),
        ('InStr("aB", "b", , VBTEXTCOMPARE)', 2),
    ],
)
def test_a_constant_may_be_written_as_what_it_looks_like(text: str, expected: Value) -> None:
    assert value(text) == expected


def test_the_same_warning_is_told_once() -> None:
    warnings = parse('Switch([a], "d", "k", 1, "k", 2, "k", 3) & Switch([b], "d", "k", 1, "k", 2)').warnings
    assert len(warnings) == len(set(warnings)) == 1


def test_a_comparison_with_an_empty_text_is_warned_of_and_no_other() -> None:
    (warning,) = parse('"" = [a]').warnings
    assert warning.startswith('a comparison with "" is false for everybody')
    assert tuple(parse('[a] = "x"').warnings) == ()


@pytest.mark.parametrize(
    "text",
    ['"x"', "12", "&HF", "True", "[a]", "Trim([a])", '[a] = "x"', '[a] & "x"', 'InStr("a", "b", 1, vbTextCompare)'],
)
def test_where_it_stands_makes_no_other_expression(text: str) -> None:
    assert parse(f"  {text}").node == parse(text).node
