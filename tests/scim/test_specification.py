"""The documented PATCH shapes, row by row; the ids name the section of the behaviour specification that holds them."""

from typing import Any

import pytest

from instep.core.change import AttributeChange
from instep.scim import patch
from instep.scim.abilities import Dialect
from instep.scim.paths import ENTERPRISE_USER

WORK = 'emails[type eq "work"].value'
NUMBER, DEPARTMENT = f"{ENTERPRISE_USER}:employeeNumber", f"{ENTERPRISE_USER}:department"
MANAGER = f"{ENTERPRISE_USER}:manager"

Row = tuple[str, Dialect, list[tuple[str, Any, Any]], list[dict[str, Any]]]

DOCUMENTED: list[Row] = [
    ("disable", "entra", [("active", True, False)], [{"op": "Replace", "path": "active", "value": "False"}]),
    ("disable", "entra-compliant", [("active", True, False)], [{"op": "replace", "path": "active", "value": False}]),
    ("single add", "entra", [("nickName", None, "Babs")], [{"op": "Add", "path": "nickName", "value": "Babs"}]),
    (
        "single add",
        "entra-compliant",
        [("nickName", None, "Babs")],
        [{"op": "add", "path": "nickName", "value": "Babs"}],
    ),
    (
        "full example",
        "entra",
        [("displayName", "A", "Pvlo"), (WORK, "a@example.com", "p@example.com"), (DEPARTMENT, None, "Retail")],
        [
            {"op": "Replace", "path": "displayName", "value": "Pvlo"},
            {"op": "Replace", "path": WORK, "value": "p@example.com"},
            {"op": "Add", "path": DEPARTMENT, "value": "Retail"},
        ],
    ),
    (
        "full example",
        "entra-compliant",
        [
            ("displayName", "A", "Bjfe"),
            (WORK, "a@example.com", "p@example.com"),
            ("name.givenName", "B", "Kkom"),
            (NUMBER, "A0", "A1"),
        ],
        [
            {"op": "replace", "path": WORK, "value": "p@example.com"},
            {"op": "replace", "value": {"displayName": "Bjfe", "name.givenName": "Kkom", NUMBER: "A1"}},
        ],
    ),
    ("manager", "entra-compliant", [(MANAGER, None, "7")], [{"op": "add", "path": MANAGER, "value": "7"}]),
]


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: f"section 5.4: {row[0]}, {row[1]}")
def test_documented_attribute_change(row: Row) -> None:
    _, dialect, changes, expected = row
    assert patch.attributes([AttributeChange(*change) for change in changes], dialect) == expected


@pytest.mark.parametrize(
    ("dialect", "removal", "operation"),
    [
        ("entra", "value-list", {"op": "Remove", "path": "members", "value": [{"value": "u1091"}]}),
        ("entra-compliant", "value-path", {"op": "remove", "path": 'members[value eq "u1091"]'}),
        ("rfc", "value-path", {"op": "remove", "path": 'members[value eq "u1091"]'}),
    ],
    ids=lambda value: f"section 5.4: {value}" if isinstance(value, str) else "",
)
def test_documented_removal_of_a_member(dialect: Any, removal: Any, operation: dict[str, Any]) -> None:
    assert patch.members([], ["u1091"], dialect, removal) == [operation]


@pytest.mark.parametrize(
    ("dialect", "operation"),
    [
        (
            "entra",
            {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "u1"}, {"$ref": None, "value": "u2"}]},
        ),
        ("entra-compliant", {"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}]}),
        ("rfc", {"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u2"}]}),
    ],
    ids=lambda value: f"section 5.4: {value}" if isinstance(value, str) else "",
)
def test_documented_addition_of_members(dialect: Any, operation: dict[str, Any]) -> None:
    assert patch.members(["u1", "u2"], [], dialect, "value-path") == [operation]


def test_4_2_app_role_assignments_complex_adds_only_what_is_new() -> None:
    one, two = {"value": "1", "primary": False}, {"value": "2", "primary": False}
    change = AttributeChange("roles", [one], [one, two], added=(two,))
    assert patch.attributes([change], "entra") == [{"op": "Add", "path": "roles", "value": [two]}]
    replaced = AttributeChange("roles", [one], [two])
    assert patch.attributes([replaced], "entra") == [{"op": "Replace", "path": "roles", "value": [two]}]
