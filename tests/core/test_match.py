"""Does what the app returned really answer what was asked?"""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.examples import LAW, MANAGER, RULES, job

from instep.core.change import AttributeChange
from instep.core.match import differences, ignored, key, matching_ids, observe, rewritten
from instep.scim import documents


def users(**names: Any) -> list[tuple[str, dict[str, Any]]]:
    """An answer with these users: id to userName."""
    return [(id, {"id": id, "userName": name}) for id, name in names.items()]


# ------------------------------------------------------------------------------------------- look-ups


def test_a_server_that_ignores_the_filter_finds_nobody_else() -> None:
    everybody = users(a="ada@firm.example", b="bo@firm.example", c="cy@firm.example")
    assert matching_ids(everybody, "userName", "bo@firm.example") == ["b"]
    assert matching_ids(everybody, "userName", "dee@firm.example") == []


@pytest.mark.parametrize("held", ["ada@firm.example.org", "xada@firm.example", "ada", "", " ada@firm.example", None, 7])
def test_near_misses_do_not_match(held: Any) -> None:
    assert matching_ids(users(a=held), "userName", "ada@firm.example") == []


def test_twins_are_all_found_and_each_once() -> None:
    twins = users(c="ada@firm.example", b="bo@firm.example", a="ADA@firm.example")
    assert matching_ids([*twins, *twins], "userName", "Ada@Firm.Example") == ["c", "a"]


def test_a_resource_without_the_attribute_does_not_match() -> None:
    for nothing in ("None", str(documents.ABSENT)):
        assert matching_ids([("a", {"id": "a"}), ("b", {"userName": None})], "userName", nothing) == []
        assert matching_ids([("a", {"userName": [None]})], "userName", nothing) == []


def test_names_of_attributes_may_be_spelled_in_any_case() -> None:
    assert matching_ids([("a", {"ID": "a", "USERNAME": "ada"})], "userName", "ada") == ["a"]


def test_an_element_is_chosen_by_its_type() -> None:
    document = {"emails": [{"type": "home", "value": "ada@home"}, {"type": "work", "value": "ada@work"}]}
    assert matching_ids([("a", document)], 'emails[type eq "work"].value', "ada@work") == ["a"]
    assert matching_ids([("a", document)], 'emails[type eq "work"].value', "ada@home") == []


def test_any_value_of_a_list_matches() -> None:
    assert matching_ids([("a", {"nickName": ["Countess", "Ada"]})], "nickName", "ada") == ["a"]


# ----------------------------------------------------------------------------------------------- letters


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "ADA"),
        ("ren\u00e9e", "rene\u0301e"),
        ("RENE\u0301E", "ren\u00e9e"),
        ("ΟΔΟΣ", "οδος"),
        ("\u212bsa", "\u00e5SA"),
        ("İzmir", "i\u0307zmir"),
    ],
)
def test_case_and_composition_do_not_matter(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ılgın", "ilgin"),
        ("İlgin", "ilgin"),
        ("\uff41da", "ada"),
        ("ﬁona", "fiona"),
        ("strauß", "strauss"),
        ("ſmith", "smith"),
        ("аda", "ada"),
        ("renee", "renée"),
        ("ada\u200b", "ada"),
        ("ada ", "ada"),
    ],
)
def test_letters_that_only_look_or_sort_alike_are_different(one: str, other: str) -> None:
    """Dotless i, full width, ligatures, sharp and long s, Cyrillic, accents: another name may be another person."""
    assert key(one) != key(other)
    assert matching_ids(users(a=other), "userName", one) == []


@LAW
@given(st.text(max_size=30))
def test_law_composition_never_matters(text: str) -> None:
    assert key(unicodedata.normalize("NFD", text)) == key(unicodedata.normalize("NFC", text)) == key(text)


@LAW
@given(st.text(st.characters(max_codepoint=127), max_size=30))
def test_law_case_never_matters_in_ascii(text: str) -> None:
    assert key(text) == key(text.upper()) == key(text.swapcase())


@LAW
@given(st.text(min_size=1, max_size=10), st.text(max_size=10))
def test_law_different_keys_never_match(one: str, other: str) -> None:
    assert bool(matching_ids(users(a=other), "nickName", one)) is False
    assert bool(matching_ids(users(a=other), "userName", one)) == (key(one) == key(other))


# ---------------------------------------------------------------------------------- what the app holds


def test_the_managed_attributes_are_observed_and_nothing_else() -> None:
    document = {
        "id": "app-1",
        "userName": "ada@firm.example",
        "title": None,
        "locale": "en",
        "active": "True",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "app-grace"}},
    }
    assert observe(document, RULES.users) == {"userName": "ada@firm.example", MANAGER: "app-grace"}
    assert observe(document, RULES.users, ("active",))["active"] is True


def test_what_the_app_rewrote_is_told_in_its_own_words() -> None:
    sent = {"displayName": "Ada", "title": "Analyst", "userName": "ada", "active": True}
    document = {"displayName": "Ada Byron", "userName": "ADA", "active": "True"}
    assert rewritten(sent, document, RULES.users) == {"displayName": "Ada Byron"}


def test_what_the_app_leaves_out_is_no_statement() -> None:
    assert rewritten({"displayName": "Ada"}, {"id": "1"}, RULES.users) == {}


def test_case_does_not_count_of_what_no_mapping_says() -> None:
    assert rewritten({"nickName": "Ada"}, {"nickName": "ADA"}, RULES.users) == {}


def test_a_change_of_case_is_a_rewriting_where_case_counts() -> None:
    exact = job({"target": "nickName", "source": "[mail]", "case_exact": True})
    assert rewritten({"nickName": "Ada"}, {"nickName": "ADA"}, exact.users) == {"nickName": "ADA"}


def test_a_reference_is_compared_by_the_account_it_points_to() -> None:
    sent = {MANAGER: {"subject": "grace", "value": "app-grace"}}
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    assert rewritten(sent, {urn: {"manager": {"value": "app-grace", "displayName": "Grace"}}}, RULES.users) == {}
    assert rewritten(sent, {urn: {"manager": {"value": "app-x"}}}, RULES.users) == {MANAGER: "app-x"}


# ------------------------------------------------------------------------------------------- differences


STAYS = object()


def flowing(flow: str, wanted: Any, held: Any, unknown: bool = False) -> Any:
    """What the attribute becomes; STAYS where nothing is sent."""
    rules = job({"target": "nickName", "source": "[nickname]", "flow": flow})
    doubts = frozenset({"nickName"} if unknown else ())
    found = differences({"nickName": wanted}, {} if held is None else {"nickName": held}, doubts, rules.users.by_target)
    return found[0].new if found else STAYS


@pytest.mark.parametrize(
    ("flow", "wanted", "held", "becomes"),
    [
        ("always", ["b"], ["a"], ["b"]),
        ("always", [], ["a"], []),
        ("attribute-add", "new", None, "new"),
        ("attribute-add", "new", "old", STAYS),
        ("value-add", "new", "old", "new"),
        ("value-add", ["b"], ["a"], ["a", "b"]),
        ("value-add", ["A"], ["a"], STAYS),
        ("value-add", ["b"], "first", ["first", "b"]),
        ("multi-value-add", ["a", "b"], ["a", "c"], ["a", "c", "b"]),
        ("multi-value-add", ["a"], ["a", "c"], STAYS),
        ("multi-value-add", ["a"], None, ["a"]),
    ],
)
def test_a_mapping_decides_how_its_value_flows(flow: str, wanted: Any, held: Any, becomes: Any) -> None:
    assert flowing(flow, wanted, held) == becomes


def test_a_list_that_only_grows_is_written_again_where_nobody_knows_what_is_there() -> None:
    assert flowing("value-add", ["a"], ["a"], unknown=True) == ["a"]
    assert flowing("multi-value-add", ["a"], ["a"], unknown=True) is STAYS


PATHS = st.sampled_from(["userName", "displayName", "title", "active"])
VALUES = st.sampled_from(["Ada", "Bo", "", True, False, ["a", "b"], ["b", "a"], 7])


@LAW
@given(st.dictionaries(PATHS, VALUES), st.dictionaries(PATHS, VALUES), st.frozensets(PATHS))
def test_law_differences_bring_what_is_held_to_what_is_wanted(
    wanted: dict[str, Any], held: dict[str, Any], unknown: frozenset[str]
) -> None:
    changes = differences(wanted, held, unknown, RULES.users.by_target)
    assert [c.path for c in changes] == [p for p in wanted if p in {c.path for c in changes}]
    assert {c.path for c in changes} >= unknown & set(wanted)
    after = {**held, **{c.path: c.new for c in changes}}
    assert differences(wanted, after, frozenset(), RULES.users.by_target) == []
    assert all(after[path] == held[path] for path in held if path not in wanted)


@pytest.mark.parametrize(
    ("old", "new", "returned", "shown", "told"),
    [
        ("Analyst", "Head", None, "Analyst", True),
        ("Analyst", "Head", None, "Head", False),
        ("Analyst", "Head", None, "HEAD", False),
        ("Analyst", "Head", None, "Something else", False),  # the app makes something of its own of it
        ("Analyst", "Head", None, None, False),  # what the answer leaves out is no statement
        (None, "Head", None, "Analyst", False),  # nobody knows what was there
        (None, "Head", None, None, False),
        ("Analyst", "Head", None, "ANALYST", False),
        ("None", None, None, "None", True),
        ("Analyst", None, None, "Analyst", True),
        ("Analyst", None, None, None, False),
        ("Head", "Head of sales", None, "Head", True),
        ("Dr. Ada", " Dr. Ada ", None, "Dr. Ada", False),  # as it was found, when it was adopted
        # An app that tidies values showed the old one otherwise than it got it.
        ("+1 (555) 01", "+1-555-01", "+155501", "+155501", False),
        ("Head of everything", "Head of everyone", "Head of e", "Head of e", False),
        ("+1 (555) 01", "+1 (555) 02", "+155501", "+155501", True),
    ],
)
def test_old_value_in_an_answer_is_a_change_that_wasnt_made(
    old: str | None, new: str | None, returned: str | None, shown: str | None, told: bool
) -> None:
    document = {"id": "1"} if shown is None else {"id": "1", "title": shown}
    held = {} if returned is None else {"title": returned}
    found = ignored([AttributeChange("title", old, new)], held, document, RULES.users)
    assert found == ([AttributeChange("title", shown, new)] if told else [])


def test_a_list_in_another_order_is_a_change_that_was_made() -> None:
    for new in (["a", "b"], ["A", "B"]):
        change = AttributeChange("nickName", ["b", "a"], new)
        assert ignored([change], {}, {"nickName": ["b", "a"]}, RULES.users) == []


def test_manager_that_stays_is_a_change_that_wasnt_made() -> None:
    change = AttributeChange(MANAGER, {"subject": "ada", "value": "app-ada"}, {"subject": "bob", "value": "app-bob"})
    document = {MANAGER.rpartition(":")[0]: {"manager": {"value": "app-ada"}}}
    assert ignored([change], {}, document, RULES.users) == [AttributeChange(MANAGER, "app-ada", change.new)]


@pytest.mark.parametrize(
    ("flow", "wanted", "held", "added"),
    [
        ("always", ["b"], ["a"], ()),
        ("attribute-add", ["b"], None, ()),
        ("value-add", ["a", "b"], ["a"], ("b",)),
        ("value-add", ["first", "b"], "first", ("b",)),
        ("value-add", "new", "old", ()),
        ("multi-value-add", ["c", "b"], ["A", "B"], ("c",)),
        ("multi-value-add", ["b", "a"], None, ("b", "a")),
    ],
)
def test_of_a_list_that_only_grows_it_is_known_what_comes_in(
    flow: str, wanted: Any, held: Any, added: tuple[str, ...]
) -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "flow": flow})
    (change,) = differences({"nickName": wanted}, {"nickName": held}, frozenset(), rules.users.by_target)
    assert (change.old, change.added) == (held, added)


def test_all_of_a_list_that_only_grows_comes_in_where_nobody_knows_what_is_there() -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "flow": "value-add"})
    doubts = frozenset({"nickName"})
    (change,) = differences({"nickName": ["a"]}, {"nickName": ["a"]}, doubts, rules.users.by_target)
    assert change.added == ("a",)


def test_case_counts_in_what_comes_in_where_it_counts_at_all() -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "flow": "multi-value-add", "case_exact": True})
    (change,) = differences({"nickName": ["A"]}, {"nickName": ["a"]}, frozenset(), rules.users.by_target)
    assert (change.new, change.added) == (["a", "A"], ("A",))


def test_a_value_that_is_no_reference_is_compared_whole() -> None:
    sent = {"nickName": {"value": "a"}}
    assert rewritten(sent, {"nickName": {"value": "a"}}, RULES.users) == {}
    assert rewritten(sent, {"nickName": "a"}, RULES.users) == {"nickName": "a"}
