"""PATCH in each dialect, word for word."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.change import AttributeChange
from instep.scim import patch
from instep.scim.abilities import Dialect
from instep.scim.paths import ENTERPRISE_USER

WORK = 'emails[type eq "work"].value'
MANAGER = f"{ENTERPRISE_USER}:manager"


def operations(*changes: tuple[str, Any, Any], dialect: Dialect = "rfc", **more: Any) -> list[dict[str, Any]]:
    return patch.attributes([AttributeChange(*change) for change in changes], dialect, **more)


def test_a_message_says_what_it_is() -> None:
    assert patch.message([{"op": "remove", "path": "title"}]) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "title"}],
    }


# ------------------------------------------------------------------------------------------ attributes


def test_new_values_are_added_others_replaced_and_cleared_ones_removed() -> None:
    assert operations(
        ("title", None, "Countess"), ("name.familyName", "Byron", "Lovelace"), ("nickName", "A", None)
    ) == [
        {"op": "add", "path": "title", "value": "Countess"},
        {"op": "replace", "path": "name.familyName", "value": "Lovelace"},
        {"op": "remove", "path": "nickName"},
    ]


@pytest.mark.parametrize(
    ("dialect", "operation"),
    [
        ("rfc", {"op": "replace", "path": "active", "value": False}),
        ("entra", {"op": "Replace", "path": "active", "value": "False"}),
        ("entra-compliant", {"op": "replace", "path": "active", "value": False}),
    ],
)
@pytest.mark.parametrize("value", [False, "False"])
def test_a_disable_in_each_dialect(dialect: Dialect, operation: dict[str, Any], value: Any) -> None:
    assert operations(("active", True, value), dialect=dialect) == [operation]


@pytest.mark.parametrize(
    ("dialect", "operation"),
    [
        ("rfc", {"op": "add", "path": MANAGER, "value": {"value": "42"}}),
        ("entra", {"op": "Add", "path": MANAGER, "value": "42"}),
        ("entra-compliant", {"op": "add", "path": MANAGER, "value": "42"}),
    ],
)
def test_a_manager_in_each_dialect(dialect: Dialect, operation: dict[str, Any]) -> None:
    assert operations((MANAGER, None, "42"), dialect=dialect) == [operation]


@pytest.mark.parametrize(
    ("dialect", "path"),
    [("rfc", "roles[primary eq true].value"), ("entra", 'roles[primary eq "True"].value')],
)
def test_a_boolean_in_a_filter_in_each_dialect(dialect: Dialect, path: str) -> None:
    assert operations(('roles[primary eq "True"].value', "a", "b"), dialect=dialect)[0]["path"] == path


def test_several_plain_replaces_are_one_in_the_compliant_dialect() -> None:
    changes = [
        ("displayName", "a", "b"),
        (WORK, "x", "y"),
        ("name.givenName", "c", "d"),
        ("ENT:employeeNumber", "1", "2"),
        ("nickName", None, "n"),
    ]
    assert operations(*changes, dialect="entra-compliant") == [
        {"op": "replace", "path": WORK, "value": "y"},
        {"op": "add", "path": "nickName", "value": "n"},
        {
            "op": "replace",
            "value": {"displayName": "b", "name.givenName": "d", f"{ENTERPRISE_USER}:employeeNumber": "2"},
        },
    ]


def test_an_element_with_a_new_value_is_added_whole() -> None:
    assert operations((WORK, None, "a@x"), ('emails[type eq "work"].display', None, "A")) == [
        {
            "op": "add",
            "path": "emails",
            "value": [{"type": "work", "value": "a@x", "display": "A", "primary": True}],
        }
    ]


def test_an_element_that_had_a_value_is_written_into() -> None:
    assert operations((WORK, "a", "b"), ('emails[type eq "work"].display', None, "A")) == [
        {"op": "replace", "path": WORK, "value": "b"},
        {"op": "add", "path": 'emails[type eq "work"].display', "value": "A"},
    ]


def test_part_of_an_address_is_written_into_it_since_others_may_be_there() -> None:
    region = 'addresses[type eq "work"].region'
    assert operations((region, None, "Kent")) == [{"op": "add", "path": region, "value": "Kent"}]


def test_where_elements_were_read_the_missing_ones_are_added_whole() -> None:
    region = 'addresses[type eq "work"].region'
    changes = [(region, None, "Kent"), (WORK, "old", "new"), ('ims[type eq "x"].value', "gone", None)]
    assert operations(*changes, present=lambda path: path.attribute == "emails") == [
        {"op": "add", "path": "addresses", "value": [{"type": "work", "region": "Kent"}]},
        {"op": "replace", "path": WORK, "value": "new"},
    ]


def test_entras_dialect_always_writes_into_the_element() -> None:
    assert operations((WORK, None, "a@x"), dialect="entra") == [{"op": "Add", "path": WORK, "value": "a@x"}]


def test_an_element_without_value_goes_as_a_whole() -> None:
    assert operations((WORK, "a", None)) == [{"op": "remove", "path": 'emails[type eq "work"]'}]
    assert operations((WORK, "a", None), ('emails[type eq "work"].display', "A", "B")) == [
        {"op": "remove", "path": WORK},
        {"op": "replace", "path": 'emails[type eq "work"].display', "value": "B"},
    ]


# --------------------------------------------------------------------------------------------- members


@pytest.mark.parametrize(
    ("dialect", "removal", "expected"),
    [
        (
            "rfc",
            "value-path",
            [
                {"op": "remove", "path": 'members[value eq "r\\"1"]'},
                {"op": "remove", "path": 'members[value eq "r2"]'},
                {"op": "add", "path": "members", "value": [{"value": "a1"}, {"value": "a2"}]},
            ],
        ),
        (
            "entra",
            "value-list",
            [
                {"op": "Remove", "path": "members", "value": [{"value": 'r"1'}, {"value": "r2"}]},
                {
                    "op": "Add",
                    "path": "members",
                    "value": [{"$ref": None, "value": "a1"}, {"$ref": None, "value": "a2"}],
                },
            ],
        ),
    ],
)
def test_members_in_each_form(dialect: Any, removal: Any, expected: list[dict[str, Any]]) -> None:
    assert patch.members(["a1", "a2"], ['r"1', "r2"], dialect, removal) == expected


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True), st.integers(1, 7))
def test_chunks_hold_everyone_once_and_removals_first(add: list[str], remove: list[str], size: int) -> None:
    chunks = list(patch.chunks(add, remove, size))
    assert [m for plus, _ in chunks for m in plus] == add
    assert [m for _, minus in chunks for m in minus] == remove
    assert all(len(plus) + len(minus) == size for plus, minus in chunks[:-1])
    assert len(chunks) == -(-(len(add) + len(remove)) // size)
    assert [bool(plus) for plus, _ in chunks] == sorted(bool(plus) for plus, _ in chunks)
