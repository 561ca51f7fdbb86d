"""What sets two documents apart, in words."""

from typing import Any

from msgspec.structs import replace

from instep.core.rules_document import (
    ClauseDocument,
    FilterDocument,
    GuardDocument,
    MappingRow,
    ObjectDocument,
    RoleDocument,
    RulesDocument,
)
from instep.documents.app_document import AppDocument, TokenDocument
from instep.documents.differences import differences

USER_NAME = MappingRow("userName", "[userPrincipalName]", matching=1)
TITLE = MappingRow("title", "[jobTitle]")
NORTH = FilterDocument("North", (ClauseDocument("country", "EQUALS", "NO"), ClauseDocument("jobTitle", "IS NOT NULL")))


def rules(*rows: MappingRow, filters: tuple[FilterDocument, ...] = (), **given: Any) -> RulesDocument:
    return RulesDocument(users=ObjectDocument(mappings=rows, filters=filters), **given)


def told(old: RulesDocument, new: RulesDocument) -> list[str]:
    return list(differences(old, new))


def test_equal_documents_differ_in_nothing() -> None:
    assert told(rules(USER_NAME, TITLE), rules(USER_NAME, TITLE)) == []


def test_settings_are_told_with_both_values() -> None:
    assert told(rules(USER_NAME), rules(USER_NAME, scope="all", guard=GuardDocument(cycle_count=7))) == [
        "scope: assigned → all",
        "guard.cycle_count: 5 → 7",
    ]


def test_rows_are_known_by_what_they_are_about() -> None:
    mail = MappingRow("nickName", "[mail]", default="none", required=True)
    changed = replace(USER_NAME, source="[mail]", matching=2)
    assert told(rules(USER_NAME, TITLE), rules(mail, changed)) == [
        "users.mappings: title is gone (source [jobTitle])",
        "users.mappings: nickName is new (source [mail], default none, required true)",
        "users.mappings: userName: source [userPrincipalName] → [mail]; matching 1 → 2",
    ]


def test_another_order_is_told_once() -> None:
    assert told(rules(USER_NAME, TITLE), rules(TITLE, USER_NAME)) == [
        "users.mappings: those that stay are in another order"
    ]


def test_filters_are_told_as_people_say_them() -> None:
    other = FilterDocument("North", (ClauseDocument("country", "EQUALS", "SE"),))
    assert told(rules(USER_NAME), rules(USER_NAME, filters=(NORTH,))) == [
        "users.filters: North is new (clauses country EQUALS 'NO' and jobTitle IS NOT NULL)"
    ]
    assert told(rules(USER_NAME, filters=(NORTH,)), rules(USER_NAME, filters=(other,))) == [
        "users.filters: North: clauses country EQUALS 'NO' and jobTitle IS NOT NULL → country EQUALS 'SE'"
    ]


def test_filters_of_one_name_are_compared_as_a_whole() -> None:
    [line] = told(rules(USER_NAME, filters=(NORTH, NORTH)), rules(USER_NAME, filters=(NORTH,)))
    assert line.startswith("users.filters: {name North, clauses country EQUALS 'NO' and")


def test_what_comes_and_goes_as_a_whole_is_told() -> None:
    old = AppDocument("crm", "CRM", "https://crm.example", rules(USER_NAME, roles=(RoleDocument("r", "v", "V"),)))
    new = replace(old, token=TokenDocument(env="CRM"), rules=rules(USER_NAME), display_name="")
    assert list(differences(old, new)) == [
        'display_name: CRM → ""',
        "rules.roles: r is gone (value v, display_name V)",
        "token: nothing → {env CRM, file nothing}",
    ]
    actions = replace(old.rules.users, actions=())
    assert list(differences(old.rules.users, actions)) == ["actions: create, update, delete → none"]
