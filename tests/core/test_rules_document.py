"""The form of a rules document, and what is said about one that can't be used."""

from typing import Any

import pytest

from instep.core.rules_document import DocumentError, GuardDocument, ObjectDocument, document_faults, rules_document

USER_NAME: dict[str, Any] = {"target": "userName", "source": "[userPrincipalName]", "matching": 1}
REFERENCE: dict[str, Any] = {"target": "manager", "source": "[manager]", "reference": True}
UNMATCHED = {**USER_NAME, "matching": 0}


def users(*rows: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"users": {"mappings": [USER_NAME, *rows], **given}}


def test_what_is_left_out_has_its_default() -> None:
    document = rules_document(users())
    assert document.users.actions == ("create", "update", "delete")
    assert document.groups == ObjectDocument(enabled=False)
    assert (document.scope, document.default_access, document.roles) == ("assigned", True, ())
    assert document.guard == GuardDocument(5, 0.05, 10, 0.10)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "missing the key `users`"),
        (users() | {"scop": "all"}, "there is no key `scop`"),
        (users() | {"scope": "everybody"}, "scope: "),
        (users({"target": "title"}), "users.mappings[1]: missing the key `source`"),
        (
            users({"target": "title", "source": "[x]", "colour": 1}),
            "users.mappings[1].colour: there is no key `colour`",
        ),
        (users({"target": "title", "source": 7}), "users.mappings[1].source: "),
        (users({"target": "name..given", "source": "[x]"}), "users.mappings[1].target: "),
        (users({"target": "id", "source": "[x]"}), "users.mappings[1].target: id is given by the app"),
        (users({"target": "ID", "source": "[x]"}), "users.mappings[1].target: id is given by the app"),
        (users({"target": "Members", "source": "[x]"}), "users.mappings[1].target: memberships are switched on"),
        (users({"target": "title", "source": "  "}), "users.mappings[1].source: empty"),
        (users({"target": "title", "source": "[x]", "matching": -1}), "users.mappings[1].matching: must be 0 or more"),
        (users({"target": "title", "source": "[x]", "matching": 1}), "users.mappings[1].matching: 1 is there twice"),
        (users({"target": "USERNAME", "source": "[x]"}), "users.mappings[1].target: username is there twice"),
        (users({"target": "active", "source": "[x]", "default": "on"}), "users.mappings[1].default: 'on' is neither"),
        (users({**REFERENCE, "matching": 2}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "required": True}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "default": "a"}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "flow": "create"}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "flow": "attribute-add"}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "clear_when_empty": True}), "users.mappings[1].reference: "),
        (users({**REFERENCE, "multivalued": True}), "users.mappings[1].reference: "),
        (users({"target": "Active", "source": "[x]", "clear_when_empty": True}), "mappings[1].clear_when_empty: "),
        (
            {"users": {"mappings": [UNMATCHED]}},
            "users.mappings: at least one mapping must be matching",
        ),
        (users() | {"groups": {"enabled": True}}, "groups.mappings: at least one mapping must be matching"),
        (users(members=True), "users.members: only groups have members"),
        (users(actions=["create", "destroy"]), "users.actions[1]: "),
        (users() | {"guard": {"cycle_share": 5}}, "guard.cycle_share: must be from 0 to 1"),
        (users() | {"guard": {"day_share": -0.1}}, "guard.day_share: must be from 0 to 1"),
        (users() | {"guard": {"day_share": float("nan")}}, "guard.day_share: must be from 0 to 1"),
        (users() | {"guard": {"day_count": -1}}, "guard.day_count: must be 0 or more"),
        (users() | {"roles": [{"id": "r", "value": "a", "display_name": "A"}] * 2}, "roles[1].id: r is there twice"),
        (
            users() | {"roles": [{"id": i, "value": "a", "display_name": "A"} for i in "rs"]},
            "roles[1].value: a is there twice",
        ),
    ],
)
def test_what_can_not_be_used_is_refused_with_its_place(document: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        rules_document(document)
    assert said in str(caught.value)
    assert "$" not in str(caught.value)


def test_an_extension_may_have_an_attribute_named_id_or_members() -> None:
    urn = "urn:ietf:params:scim:schemas:extension:firm:2.0:User"
    rows = [{"target": f"{urn}:{name}", "source": "[x]"} for name in ("id", "members")]
    assert len(rules_document(users(*rows)).users.mappings) == 3


def test_a_type_that_is_switched_off_needs_no_mappings() -> None:
    assert rules_document(users() | {"groups": {"enabled": False}}).groups.mappings == ()


def test_all_faults_are_listed_and_what_is_right_is_still_checked() -> None:
    given = {
        "users": {
            "mappings": [
                {**USER_NAME, "colour": "red"},
                {"target": "title", "source": "[x]", "matching": "1"},
                {"target": "name..given", "source": "[x]"},
                {"target": "id", "source": " "},
                "[mail]",
            ],
            "actions": "create",
            "enabled": None,
        },
        "groups": {"enabled": True},
        "roles": [{"id": "r", "value": "a"}],
        "scop": "all",
        "guard": {"day_count": -1},
    }
    assert [fault.place for fault in document_faults(given)] == [
        "users.mappings[0].colour",
        "users.mappings[1].matching",
        "users.mappings[4]",
        "users.actions",
        "users.enabled",
        "roles[0]",
        "scop",
        "users.mappings[2].target",
        "users.mappings[3].target",
        "users.mappings[3].source",
        "groups.mappings",
        "guard.day_count",
    ]


@pytest.mark.parametrize("given", [None, 7, "users", [], {"users": []}, {"users": {"mappings": {}}}, {1: 2}])
def test_what_is_no_rules_document_at_all_is_a_fault(given: Any) -> None:
    assert document_faults(given)


def test_faults_never_repeat_a_value() -> None:
    given = users({"target": "title", "source": ["s3cret"]}, scope="s3cret") | {"scope": "s3cret", "guard": "s3cret"}
    assert "s3cret" not in " ".join(map(str, document_faults(given)))


def test_users_that_are_said_nothing_of_are_a_fault() -> None:
    assert [str(fault) for fault in document_faults({"users": {}})] == [
        "users.mappings: at least one mapping must be matching (matching: 1)"
    ]


def test_all_that_is_wrong_is_listed_and_not_just_the_first_thing() -> None:
    document = users({"target": "id", "source": "[x]"}, {"target": "title", "source": ""}, {"target": "a"})
    places = [str(f.place) for f in document_faults(document | {"scop": "all", "guard": {"day_count": -1}})]
    assert sorted(places) == [
        "guard.day_count",
        "scop",
        "users.mappings[1].target",
        "users.mappings[2].source",
        "users.mappings[3]",
    ]
