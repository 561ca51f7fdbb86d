"""Documents: attributes by path are written as RFC 7643 wants them, and read from whatever apps send."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.scim.documents import ABSENT, DocumentError, build, changed, members, read, same
from instep.scim.paths import CORE_GROUP, CORE_USER, ENTERPRISE_USER

WORK = 'emails[type eq "work"].value'
MANAGER = f"{ENTERPRISE_USER}:manager"

# --------------------------------------------------------------------------------------------- writing


def test_a_user_is_written_as_a_document() -> None:
    attributes = {
        "userName": "ada@example.test",
        "active": "True",
        "name.givenName": "Ada",
        "name.familyName": "Byron",
        WORK: "ada@example.test",
        'phoneNumbers[type eq "mobile"].value': "+44 1",
        'addresses[type eq "work"].locality': "London",
        'addresses[type eq "work"].country': "GB",
        'roles[primary eq "True"].value': "editor",
        "ENT:department": "Maths",
        MANAGER: "42",
        "title": None,
    }
    assert build("User", attributes) == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "userName": "ada@example.test",
        "active": True,
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": [{"type": "work", "value": "ada@example.test", "primary": True}],
        "phoneNumbers": [{"type": "mobile", "value": "+44 1"}],
        "addresses": [{"type": "work", "locality": "London", "country": "GB"}],
        "roles": [{"primary": True, "value": "editor"}],
        ENTERPRISE_USER: {"department": "Maths", "manager": {"value": "42"}},
    }


def test_schemas_list_what_is_used_and_what_is_asked_for() -> None:
    assert build("Group", {"displayName": "Maths"}, ["urn:x:y"])["schemas"] == [CORE_GROUP, "urn:x:y"]
    assert build("User", {"ENT:department": None})["schemas"] == [CORE_USER]


def test_a_work_email_isnt_primary_beside_another_that_is() -> None:
    document = build("User", {WORK: "w", 'emails[type eq "home"].value': "h", 'emails[type eq "home"].primary': "True"})
    assert document["emails"] == [{"type": "work", "value": "w"}, {"type": "home", "value": "h", "primary": True}]


def test_a_work_email_may_be_said_not_to_be_primary() -> None:
    document = build("User", {WORK: "w", 'emails[type eq "work"].primary': "False"})
    assert document["emails"] == [{"type": "work", "value": "w", "primary": False}]


def test_a_value_and_parts_of_it_cant_both_be_written() -> None:
    with pytest.raises(DocumentError, match=r"name\.givenName"):
        build("User", {"name": "Ada Byron", "name.givenName": "Ada"})
    with pytest.raises(DocumentError, match="emails"):
        build("User", {"emails": "a", WORK: "b"})


paths = st.sampled_from(
    ["userName", "title", "name.givenName", WORK, 'emails[type eq "home"].value', "ENT:department", MANAGER, "nickName"]
)


@given(st.dictionaries(paths, st.text(min_size=1)))
def test_what_is_written_is_read_back(attributes: dict[str, str]) -> None:
    document = build("User", attributes)
    assert {path: read(document, path) for path in attributes} == attributes


# --------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"USERNAME": "a"}, "userName", "a"),
        ({"Name": {"GivenName": "a"}}, "name.givenName", "a"),
        ({"active": "False"}, "active", False),
        ({"active": "true"}, "active", True),
        ({"active": False}, "active", False),
        ({"displayName": "True"}, "displayName", "True"),
        ({"emails": [{"type": "home", "value": "h"}, {"type": "Work", "value": "w"}]}, WORK, "w"),
        ({"emails": {"type": "work", "value": "w"}}, WORK, "w"),
        ({"emails": [{"value": "h"}]}, WORK, ABSENT),
        ({"emails": [{"value": "a"}, {"value": "b", "primary": "true"}]}, "emails.value", "b"),
        ({"emails": [{"value": "a"}, {"value": "b"}]}, "emails.value", "a"),
        ({"emails": ["a@b"]}, WORK, ABSENT),
        ({"emails": []}, WORK, ABSENT),
        ({"emails": None, "EMAILS": [{"type": "work", "value": "w"}]}, WORK, "w"),
        ({"roles": [{"primary": "True", "value": "r"}]}, 'roles[primary eq "True"].value', "r"),
        ({"roles": [{"primary": True, "value": "r"}]}, 'roles[primary eq "True"].value', "r"),
        ({ENTERPRISE_USER: {"department": "d"}}, "ENT:department", "d"),
        ({ENTERPRISE_USER.upper(): {"Department": "d"}}, "ENT:department", "d"),
        ({f"{ENTERPRISE_USER}:department": "d"}, "ENT:department", "d"),
        ({ENTERPRISE_USER: None}, "ENT:department", ABSENT),
        ({ENTERPRISE_USER: {"manager": "42"}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": 42}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": {"value": "42", "displayName": "B"}}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": {"$ref": "https://x/Users/42"}}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": {"value": "", "$ref": "../Users/42/"}}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": [{"value": "42"}]}}, MANAGER, "42"),
        ({ENTERPRISE_USER: {"manager": {}}}, MANAGER, ABSENT),
        ({ENTERPRISE_USER: {"manager": ""}}, MANAGER, ABSENT),
        ({"name": "Ada"}, "name.givenName", ABSENT),
        ({"title": None}, "title", ABSENT),
        ({"title": ""}, "title", ""),
        ({}, "userName", ABSENT),
    ],
)
def test_sloppy_documents_are_read(document: dict[str, Any], path: str, value: Any) -> None:
    assert read(document, path) == value
    assert type(read(document, path)) is type(value)


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        ({"members": [{"value": "1"}, {"value": "2", "type": "Group"}, {"value": "1"}]}, ["1", "2"]),
        ({"Members": ["1", 2]}, ["1", "2"]),
        ({"members": {"value": "1"}}, ["1"]),
        ({"members": [{"$ref": "https://x/Users/1"}]}, ["1"]),
        ({"members": [{"display": "nameless"}, None]}, []),
        ({"members": None}, []),
        ({}, []),
    ],
)
def test_members_are_read_by_their_ids(document: dict[str, Any], ids: list[str]) -> None:
    assert members(document) == ids


# ----------------------------------------------------------------------------------------- for a PUT


def test_a_document_for_put_keeps_what_isnt_changed() -> None:
    held = {
        "schemas": [CORE_USER],
        "id": "1",
        "meta": {"resourceType": "User"},
        "groups": [{"value": "g"}],
        "USERNAME": "ada",
        "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w", "display": "W"}],
        "phoneNumbers": {"type": "work", "value": "1"},
        "title": "Countess",
        f"{ENTERPRISE_USER}:department": "Maths",
        "custom": {"kept": [1, 2]},
    }
    before = repr(held)
    put = changed(
        held,
        {
            "userName": "byron",
            WORK: None,
            'phoneNumbers[type eq "mobile"].value': "2",
            "title": None,
            "ENT:department": "Poetry",
            "name.givenName": None,
            "active": "False",
        },
    )
    assert put == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "id": "1",
        "USERNAME": "byron",
        "emails": [{"type": "home", "value": "h"}],
        "phoneNumbers": [{"type": "work", "value": "1"}, {"type": "mobile", "value": "2"}],
        ENTERPRISE_USER: {"department": "Poetry"},
        "custom": {"kept": [1, 2]},
        "active": False,
    }
    assert repr(held) == before


def test_part_of_an_element_can_be_taken_out() -> None:
    held = {"addresses": [{"type": "work", "locality": "London", "country": "GB"}], ENTERPRISE_USER: {"manager": "1"}}
    put = changed(held, {'addresses[type eq "work"].country': None, MANAGER: None})
    assert put == {"addresses": [{"type": "work", "locality": "London"}], ENTERPRISE_USER: {}}


# ------------------------------------------------------------------------------------------- comparing


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Ada", "aDA"),
        ("Müller", "Mu\u0308ller"),
        ("Straße", "STRAßE"),
        (5, "5"),
        (5.0, "5"),
        (2.5, "2.5"),
        (True, "True"),
        (False, "false"),
        (None, ABSENT),
        ([], None),
        (["a", "b"], ["B", "A"]),
        (("a",), ["a"]),
        ([{"value": "1", "type": "work"}], [{"TYPE": "Work", "value": "1", "$ref": "x", "primary": False}]),
        ({"value": "1"}, {"value": "1", "display": "One"}),
        ([{"value": "1"}, {"value": "2"}], [{"value": "2"}, {"value": "1"}]),
    ],
)
def test_same(a: Any, b: Any) -> None:
    assert same(a, b)
    assert same(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a", "b"),
        ("Weiß", "Weiss"),
        ("", None),
        ("5", "5.0"),
        (True, 1),
        (False, None),
        (["a"], "a"),
        (["a"], ["a", "b"]),
        ({"value": "1", "primary": True}, {"value": "1"}),
        ([{"value": "1", "type": "work"}], [{"value": "1", "type": "home"}]),
        ("ı", "i"),
    ],
)
def test_not_same(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert not same(b, a)


def test_case_counts_where_it_is_exact() -> None:
    assert not same("Ada", "ada", case_exact=True)
    assert same("Mu\u0308ller", "Müller", case_exact=True)
    assert same(True, "True", case_exact=True)
    assert not same(["A"], ["a"], case_exact=True)


@given(st.text(), st.text())
def test_text_is_the_same_as_itself_whatever_its_form(a: str, b: str) -> None:
    import unicodedata

    for form in ("NFC", "NFD"):
        assert same(a, unicodedata.normalize(form, a))
        assert same(a, unicodedata.normalize(form, a), case_exact=True)
    assert same(a, b) == same(b, a)
