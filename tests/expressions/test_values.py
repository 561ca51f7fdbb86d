"""How values are read: null, lists, numbers and truths, comparisons, attributes' older names."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.expressions import DROP, Candidates, EvaluationError, Inputs, Value, functions, parse
from instep.expressions.aliases import ALIASES
from instep.expressions.registry import IfNull, Kind

NOW = datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC)


def value(text: str, given: Mapping[str, Value] | None = None) -> object:
    return parse(text).evaluate(Inputs(given or {}, now=NOW, seed="s"))


@pytest.mark.parametrize(
    ("older", "given", "expected"),
    [
        ("objectId", {"id": "1"}, "1"),
        ("OBJECTID", {"id": "1"}, "1"),
        ("id", {"id": "1"}, "1"),
        ("mobile", {"mobilePhone": "+1"}, "+1"),
        ("mobilePhone", {"mobilePhone": "+1"}, "+1"),
        ("telephoneNumber", {"businessPhones": ("+1", "+2")}, "+1"),
        ("telephoneNumber", {"businessPhones": ()}, None),
        ("telephoneNumber", {"businessPhones": "+1"}, "+1"),
        ("telephoneNumber", {}, None),
        ("businessPhones", {"businessPhones": ("+1", "+2")}, ("+1", "+2")),
        ("physicalDeliveryOfficeName", {"officeLocation": "5"}, "5"),
        ("facsimileTelephoneNumber", {"faxNumber": "+3"}, "+3"),
    ],
)
def test_attributes_have_two_names(older: str, given: Mapping[str, Value], expected: Value) -> None:
    expression = parse(f"[{older}]")
    assert expression.evaluate(Inputs(given, now=NOW)) == expected
    assert expression.text == f"[{older}]"


def test_attributes_are_told_by_their_graph_names() -> None:
    for older, alias in ALIASES.items():
        assert parse(f"[{older}]").attributes == {alias.name}


def test_direct_mapping_gives_the_attribute_as_it_is() -> None:
    roles = ({"value": "a", "displayName": "A"},)
    for given_value in ("x", "", True, 7, ("a", "b"), (), roles, None):
        assert value("[a]", {"a": given_value}) is given_value


def test_plain_functions_without_a_required_argument_give_null_or_what_their_table_says() -> None:
    arguments = {Kind.NUMBER: "1", Kind.DATE: '"2020-01-01"', Kind.WORD: None}
    for function in functions().values():
        if function.code is None:
            continue
        for index, parameter in enumerate(function.parameters):
            if not parameter.required or parameter.if_null is not IfNull.GIVES_NULL:
                continue
            others = [arguments.get(item.kind, '"a"') for item in function.parameters if item.required]
            if parameter.kind is Kind.ROLES:
                others = [""] * len(others)
            if function.name == "DateAdd" or function.name == "DateDiff":
                others[0] = '"d"'
            if function.name == "FormatDateTime":
                others = ['"2020"', '"yyyy"', '"yyyy"']
            others[min(index, len(others) - 1) if function.name != "FormatDateTime" else max(index - 1, 0)] = "[absent]"
            assert value(f"{function.name}({', '.join(map(str, others))})") is None, (function.name, parameter.name)


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("Append([a], [b])", {"a": "x"}, "x"),
        ('Left([a], "2")', {"a": "xyz"}, "xy"),
        ("Left([a], [n])", {"a": "xyz", "n": " 2 "}, "xy"),
        ("Left([a], [n])", {"a": "xyz", "n": "&H2"}, "xy"),
        ("Left([a], [n])", {"a": "xyz", "n": 2}, "xy"),
        ("Left([a], [n])", {"a": "xyz"}, None),
        ("ToLower([a], [culture])", {"a": "XI"}, "xi"),
        ("PCase([a], [separators])", {"a": "a-b"}, "A-B"),
        ('InStr([a], "b", [start])', {"a": "ab"}, 2),
        ('Append([a], "!")', {"a": True}, "True!"),
        ('Append([a], "!")', {"a": 12}, "12!"),
        ('Append([a], "!")', {"a": ("only",)}, "only!"),
        ('Append([a], "!")', {"a": ()}, None),
        ('[a] & "!"', {"a": "x"}, "x!"),
        ('[a] & "!"', {}, None),
        ("[a] & 1 & True", {"a": "x"}, "x1True"),
        ('Join("-", [a], [b], 0, False)', {"a": ("", "x", "y")}, "x-y-0-False"),
        ('Join("-", [a])', {"a": ()}, None),
        ("Coalesce([a], [b])", {"a": (), "b": "x"}, "x"),
        ("Coalesce([a], [b])", {"a": "", "b": "x"}, ""),
        ("Count([a])", {"a": "single"}, 1),
        ("Item([a], 1)", {"a": "single"}, "single"),
        ("IsNullOrEmpty([a])", {"a": ()}, True),
        ("IsPresent([a])", {"a": False}, True),
        ("Trim([a])", {"a": 5}, 5),
        ("Not([a])", {"a": "TRUE"}, False),
        ("Not([a])", {"a": "yes"}, True),
        ("CBool([a])", {"a": "7"}, True),
        ("CBool([a])", {"a": "0"}, False),
        ("CBool([a])", {"a": "yes"}, False),
        ("IIF([a], 1, 2)", {"a": "true"}, 1),
        ("IIF([a], 1, 2)", {"a": "false"}, 2),
        ("IIF([a], 1, 2)", {}, 2),
        ("IIF([a], [b], 2)", {"a": True}, None),
        ('Switch([a], "d", 1, "one", True, "yes")', {"a": 1}, "one"),
        ('Switch([a], "d", 1, "one", True, "yes")', {"a": True}, "yes"),
        ('Switch([a], "d", [b], "same")', {"a": "x", "b": "x"}, "same"),
        ('Switch([a], "d", [b], "same", "", "empty")', {}, "empty"),
        ('Switch([a], "d", "k", [b])', {"a": "k"}, None),
        ('Switch([a], [b], "k", "v")', {"a": "x", "b": ("1", "2")}, ("1", "2")),
        ('Word([a], 1, "")', {"a": "one two"}, "one two"),
        ('Word([a], 0, " ")', {"a": "one two"}, ""),
        ("StringFromSid([a])", {}, None),
        ("DNComponent([a], 2)", {"a": 'cn="a, b" , ou=\\C3\\A9t\\C3\\A9;dc=x'}, "été"),
        ("DNComponent([a], 1)", {"a": 'cn="a, b" , ou=x'}, "a, b"),
    ],
)
def test_value_is_read_as_what_is_needed(text: str, given: Mapping[str, Value], expected: Value) -> None:
    result = value(text, given)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ('Append([a], "!")', {"a": ("x", "y")}, "there are 2; pick one with Item"),
        ('Append([a], "!")', {"a": ({"value": "x"},)}, "use SingleAppRoleAssignment"),
        ("Count([a])", {"a": ({"value": "x"},)}, "this is a list of objects"),
        ("Left([a], [n])", {"a": "x", "n": "two"}, '"two" isn\'t a whole number, in Left([a], [n])'),
        ("Left([a], [n])", {"a": "x", "n": True}, "isn't a whole number"),
        ("Left([a], [n])", {"a": "x", "n": "9" * 19}, "too large a number"),
        ("Mid([a], [n], 1)", {"a": "x", "n": 0}, "start is at least 1, not 0"),
        ('Append("x", Item(Split([a], ","), 3))', {"a": "1,2"}, 'no element 3, in Item(Split([a], ","), 3)'),
        ("DefaultDomain()", {}, "no default domain"),
        ('Error("no " & "mail")', {}, "no mail"),
        ("RandomString([n], 1, 1, 1, 1)", {"n": 2}, "is shorter than the 4 characters"),
        ("ConvertToBase64([a])", {"a": "\ud800"}, "half a character"),
        ("DNComponent([a], 1)", {"a": "no name"}, "isn't a distinguished name"),
        ("DateAdd([a], 1, Now())", {"a": "fortnight"}, '"fortnight" is no interval'),
        ('[a] & "x"', {"a": ("x", "y")}, 'in [a] & "x"'),
        ('CBool([a] = "x")', {"a": ("x", "y")}, 'in [a] = "x"'),
    ],
)
def test_value_that_cannot_be_read_fails_with_its_place(text: str, given: Mapping[str, Value], message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value(text, given)
    assert message in str(caught.value)
    assert caught.value.expression == parse(text).text


@pytest.mark.parametrize("operator", ["=", "<>", "<", "<=", ">", ">="])
@pytest.mark.parametrize("given", [{}, {"a": ""}, {"a": "x"}, {"b": "x"}, {"a": "x", "b": ()}])
def test_comparison_with_something_empty_is_false(operator: str, given: Mapping[str, Value]) -> None:
    assert value(f"[a] {operator} [b]", given) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a" = "a"', True),
        ('"a" = "A"', False),
        ('"a" <> "A"', True),
        ('"true" = "TRUE"', True),
        ('True = "true"', True),
        ('"7" = "07"', False),
        ('7 = "07"', True),
        ('7 <> "x"', True),
        ('"10" > "9"', True),
        ('"b" > "a"', True),
        ('"10" > "9x"', False),
        ('-5 < "-4"', True),
        ('"1/2/2021 1:00:00 PM" > "12/2/2020 1:00:00 PM"', True),
        ('"7" >= 7', True),
        ('"7" <= 7', True),
    ],
)
def test_comparison(text: str, expected: bool) -> None:
    assert value(text) is expected


def test_error_in_a_branch_that_is_not_taken_does_no_harm() -> None:
    assert value('IIF([a] = "x", "fine", Error("no"))', {"a": "x"}) == "fine"
    assert value('Switch([a], Error("no"), "x", "fine", "y", Error("no"))', {"a": "x"}) == "fine"
    assert value('Coalesce([a], Error("no"))', {"a": "x"}) == "x"


def test_what_is_to_be_ignored_drops_the_whole_mapping_from_wherever_it_stands() -> None:
    assert value('Append(IgnoreFlowIfNullOrEmpty([a]), "x")') is DROP
    assert value('IIF([b] = "1", IgnoreFlowIfNullOrEmpty([a]), "x")', {"b": "1"}) is DROP
    assert value('IIF([b] = "1", IgnoreFlowIfNullOrEmpty([a]), "x")', {"b": "2"}) == "x"
    assert value("IgnoreFlowIfNullOrEmpty([a])", {"a": ()}) is DROP
    assert value("IgnoreFlowIfNullOrEmpty([a])", {"a": False}) is False


def test_candidates_are_distinct_texts_in_order() -> None:
    assert value('SelectUniqueValue([a], [b], [a], "", 7)', {"a": "x"}) == Candidates(("x", "7"))


def test_made_values_depend_on_the_seed_and_the_place_alone() -> None:
    def made(text: str, seed: str) -> object:
        return parse(text).evaluate(Inputs({"a": str(id(seed))}, now=datetime.now(UTC), seed=seed))

    assert made("Guid()", "1") == made("guid( )", "1")
    assert made("Guid()", "1") != made("Guid()", "2")
    first, second = str(made('Join(" ", Guid(), Guid())', "1")).split()
    assert first != second
    password = "RandomString(24, 4, 4, 4, 4)"
    assert made(password, "1") == made(password, "1")
    assert made(password, "1") != made(password, "2")


@given(st.text(max_size=8), *[st.integers(0, 20) for _ in range(4)], st.integers(0, 40))
def test_random_string_has_what_was_asked_for(
    seed: str, digits: int, special: int, upper: int, lower: int, more: int
) -> None:
    length = digits + special + upper + lower + more
    text = f'RandomString({length}, {digits}, {special}, {upper}, {lower}, "0Oo1l|")'
    result = str(parse(text).evaluate(Inputs({}, now=NOW, seed=seed)))
    assert len(result) == length
    assert not set(result) & set("0Oo1l|")
    assert sum(character.isdigit() for character in result) >= digits
    assert sum(not character.isalnum() for character in result) >= special
    assert sum("A" <= character <= "Z" for character in result) >= upper
    assert sum("a" <= character <= "z" for character in result) >= lower


@given(st.text(max_size=8))
def test_guid_is_a_version_4_identifier(seed: str) -> None:
    made = str(parse("Guid()").evaluate(Inputs({}, now=NOW, seed=seed)))
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 4


TEXTS = st.text(max_size=30)


@given(TEXTS, st.integers(-50, 50))
def test_left_is_the_beginning(text: str, count: int) -> None:
    assert value(f"Left([a], {count})", {"a": text}) == (text if count < 0 else text[:count])


@given(TEXTS, st.integers(1, 40), st.integers(0, 40))
def test_mid_is_a_slice_and_left_and_the_rest_make_the_whole(text: str, start: int, length: int) -> None:
    given_text = {"a": text}
    assert value(f"Mid([a], {start}, {length})", given_text) == text[start - 1 : start - 1 + length]
    assert (
        str(value(f"Left([a], {length})", given_text)) + str(value(f"Mid([a], {length + 1}, 99)", given_text)) == text
    )


@given(TEXTS, TEXTS)
def test_what_instr_finds_is_there(text: str, part: str) -> None:
    found = value("InStr([a], [b])", {"a": text, "b": part})
    assert isinstance(found, int)
    assert (found > 0) is (part in text)
    assert not found or value(f"Mid([a], {found}, {len(part)})", {"a": text, "b": part}) == part


@given(st.lists(st.text("abc", min_size=1, max_size=4), max_size=6), st.text(",;", min_size=1, max_size=3))
def test_words_are_what_stands_between_delimiters(words: list[str], between: str) -> None:
    given_text = {"a": between.join(words), "d": ",;"}
    assert [value(f"Word([a], {number}, [d])", given_text) for number in range(1, 7)] == words + [""] * (6 - len(words))


@given(st.lists(st.text("ab ", max_size=4).map(str.strip), min_size=1, max_size=6).filter(lambda parts: parts != [""]))
def test_split_undoes_join_of_what_is_not_empty(parts: list[str]) -> None:
    assert value('Split([a], ",")', {"a": ",".join(parts)}) == tuple(parts)
    kept = tuple(part for part in parts if part)
    assert value('Split(Join(",", [a]), ",")', {"a": tuple(parts)}) == (kept or None)


@given(st.lists(st.sampled_from(["a", "A", "b", "B", "ß", "ss"]), max_size=8))
def test_duplicates_are_removed_once_and_for_all(values: list[str]) -> None:
    once = value("RemoveDuplicates([a])", {"a": tuple(values)})
    assert isinstance(once, tuple)
    assert len({str(item).lower() for item in once}) == len(once)
    assert value("RemoveDuplicates([a])", {"a": once}) == once
    assert set(once) <= set(values)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_base64_is_undone(text: str) -> None:
    assert value("ConvertFromBase64(ConvertToBase64([a]))", {"a": text}) == text
