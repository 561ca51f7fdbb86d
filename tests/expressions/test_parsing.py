"""What is an expression and what isn't, and how clearly the difference is told."""

import pytest

from instep.expressions import ExpressionError, attribute, constant, parse


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("[mail]", "[mail]"),
        ("  [ mail ]\n", "[mail]"),
        ('"const"', '"const"'),
        (r'"a \\ and a \""', r'"a \\ and a \""'),
        ("8", "8"),
        ("-10", "-10"),
        ("&hf7", "&HF7"),
        ("true", "True"),
        ('tolower([mail],"tr-TR")', 'ToLower([mail], "tr-TR")'),
        ('SWITCH([a],,"k","v")', 'Switch([a], , "k", "v")'),
        ("[a]=[b]", "[a] = [b]"),
        ('iif([a]<>"x",1,2)', 'IIF([a] <> "x", 1, 2)'),
        ('"t-"&[alias]', '"t-" & [alias]'),
        ('"a"&"b"&"c" = [d]', '"a" & "b" & "c" = [d]'),
        ('InStr("a","b",,VBTEXTCOMPARE)', 'InStr("a", "b", , VBTEXTCOMPARE)'),
        ('Replace([a],"-", , , "_",,)', 'Replace([a], "-", , , "_", , )'),
        ("Now( )", "Now()"),
        ("[extension_0123456789abcdef_costCenter]", "[extension_0123456789abcdef_costCenter]"),
        ("Left(\u00a0[a],\u20031)", "Left([a], 1)"),
    ],
)
def test_text_is_understood_and_written_in_its_canonical_form(text: str, canonical: str) -> None:
    assert parse(text).text == canonical
    assert parse(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ('Lef("a", 1)', 1, '"Lef" is unknown; did you mean "Left"?'),
        ('Join(" ", Uper([a]))', 11, '"Uper" is unknown; did you mean "ToUpper"?'),
        ("Xyzzy()", 1, '"Xyzzy" is unknown'),
        ("", 1, "the expression is empty"),
        ("   ", 1, "the expression is empty"),
        ('Join(" ", [a]', 14, 'expected "," or ")" in the arguments of Join, but found the end'),
        ('Join(" " [a])', 10, 'expected "," or ")"'),
        ("[a] [b]", 5, "the expression ends here, but [b] follows"),
        ("[a", 1, "no closing bracket"),
        ('Append([a], "x)', 13, "no closing quote"),
        ("[]", 1, "name in the brackets"),
        ("[ ]", 1, "name in the brackets"),
        (r'"\d"', 2, r'a backslash in a text is written twice: "\\d", not "\d"'),
        ("Left(“a”, 1)", 6, "straight double quotes"),
        ("Left('a', 1)", 6, "straight double quotes"),
        ("1.5", 2, "numbers are whole"),
        ("007", 1, "no zeros in front"),
        ("9223372036854775808", 1, "numbers go from"),
        ("&H8000000000000000", 1, "numbers go from"),
        ("mail", 1, "write [mail] for an attribute"),
        ("Left", 1, "Left is a function; its arguments follow in parentheses"),
        ("[a] = b", 7, "write [b] for an attribute"),
        ("a & [b]", 1, "write [a] for an attribute"),
        ("([a])", 1, "parentheses only enclose the arguments"),
        ("[a] = [b] = [c]", 11, "only two things can be compared"),
        ("[a] AND [b]", 5, 'the expression ends here, but "AND" follows'),
        ("Left(,1)", 1, "Left needs String as its argument 1: Left(String, NumChars)"),
        ("Left([a])", 1, "Left needs NumChars as its argument 2"),
        ("Left([a], 1, 2)", 1, "Left takes no more than 2 of the 3 arguments"),
        ("Guid(1)", 1, "Guid takes no more than 0 of the 1 arguments"),
        ('Join(" ")', 1, "Join needs source as its argument 2"),
        ('Join(" ", [a], )', 1, "argument 3 of Join is left out"),
        ('Left([a], "x")', 11, 'NumChars of Left: "x" isn\'t a whole number'),
        ("Left([a], [b] = [c])", 15, "NumChars of Left is a number, but this gives true or false"),
        ('Left(Split([a], ","), 1)', 6, "but Split gives a list; pick one of the list with Item"),
        ('DateAdd("q", 1, [a])', 9, 'interval of DateAdd is one of yyyy, m, ww, d, h, n, s, not "q"'),
        ('DateAdd("d", 1, 5)', 17, "dateTime of DateAdd is a date, but this gives a number"),
        ('CDate("soon")', 7, '"soon" isn\'t a date'),
        ('InStr([a], "b", , vbFoo)', 19, "compareType of InStr is one of vbBinaryCompare, vbTextCompare"),
        ('InStr([a], "b", , [c])', 19, "compareType of InStr is one of"),
        ('InStr([a], "b", 0)', 17, "start is at least 1, not 0"),
        ('AppRoleAssignments("Admin")', 20, "is role objects, but this gives one value"),
        ("Count(AppRoleAssignmentsComplex([a]))", 7, "but AppRoleAssignmentsComplex gives role objects"),
        ('Append(SelectUniqueValue("a", "b"), "c")', 8, "can't stand inside of another function"),
        ('Switch([a], , "k")', 1, "come in pairs"),
        ('Replace([a], "b", , , , , )', 1, "takes one of these"),
        ('Replace([a], , [b], , "", , )', 16, "must be a text in quotes"),
        ('Replace([a], , "(x", , "", , )', 16, 'in the pattern at its character 1: this group has no closing ")"'),
        ('Replace([a], , "(?<n>x)", "m", "", , )', 1, "no group of this name; it has n"),
        ('Item("a", 2)', 1, "the list has 1 elements"),
        ('FormatDateTime([a], "AssumeMartian", "yyyy", "yyyy")', 21, '"AssumeMartian" isn\'t a date style'),
        ('ToLower([a], "not a culture")', 14, "isn't the name of a culture"),
        ("%a%", 1, "belong to another product"),
        ("{a}", 1, '"{" isn\'t expected here'),
    ],
)
def test_fault_is_told_with_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.column == column
    assert str(caught.value) == f"{caught.value.message} (column {column})"


def test_what_an_expression_reads_and_does_is_known_without_evaluating_it() -> None:
    expression = parse("IIF(IsPresent([telephoneNumber]), [objectId], Append([mail], Guid()))")
    assert expression.attributes == {"businessPhones", "id", "mail"}
    assert expression.functions == {"IIF", "IsPresent", "Append", "Guid"}
    assert expression.impure
    assert not expression.redacted
    assert not parse('Append([mail], "x")').impure


@pytest.mark.parametrize("text", ["Now()", "Guid()", "RandomString(5, 1, 1, 1, 1)", 'SelectUniqueValue("a", "b")'])
def test_functions_that_depend_on_more_than_attributes_are_impure(text: str) -> None:
    assert parse(text).impure


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("Guid()", "makes a new value for each new link"),
        ("Redact(RandomString(5, 1, 1, 1, 1))", "makes a new value for each new link"),
        ('SelectUniqueValue("a", "b")', "applies only when an object is created"),
        ('IIF([a] = "", "x", "y")', 'a comparison with "" is false for everybody'),
        ('Switch(IsPresent([a]), , "True", "x")', 'use the key ""'),
        ('Switch([a], , "k", "x", "k", "y")', "the same key twice"),
    ],
)
def test_author_of_a_rule_is_warned(text: str, warning: str) -> None:
    assert any(warning in told for told in parse(text).warnings)
    assert not parse("[mail]").warnings


def test_direct_and_constant_mappings_are_expressions_too() -> None:
    assert attribute("mail") == parse("[mail]")
    assert constant('say "\\"') == parse(r'"say \"\\\""')
    with pytest.raises(ExpressionError):
        attribute("a]b")
    with pytest.raises(ExpressionError):
        attribute(" ")


def test_expressions_are_equal_if_their_canonical_texts_are() -> None:
    assert parse("left( [a],1 )") == parse("Left([a], 1)")
    assert len({parse("left([a],1)"), parse("Left([a], 1)"), parse("Left([a], 2)")}) == 2
