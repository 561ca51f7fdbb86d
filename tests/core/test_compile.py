"""A job's rules document becomes rules, or a list of what is wrong with it."""

from typing import Any

import pytest
from tests.core.examples import EDITOR, GROUPS, GUEST, ROLES, USERS, job

from instep.core.compile import compile_rules, rules_faults
from instep.core.guard import Limits
from instep.core.rules import Ending
from instep.core.rules_document import DocumentError, rules_document
from instep.core.subject import AppRole, Kind


def compiled(*mappings: dict[str, Any], **given: Any) -> Any:
    return compile_rules(rules_document({"users": {"mappings": list(mappings)}, **given}))


def test_every_word_of_the_document_reaches_the_rules() -> None:
    rules = job(
        users={"mappings": list(USERS), "actions": ["create"]},
        scope="all",
        default_access=False,
        nesting={"scope": "direct", "members": "direct"},
        skip_out_of_scope_deletions=True,
        authoritative_members=True,
        ending={"by": "delete", "delete_when_purged": False},
        guard={"cycle_count": 1, "cycle_share": 0.2, "day_count": 3, "day_share": 0.4},
    )
    assert (rules.users.kind, rules.groups.kind) == (Kind.USER, Kind.GROUP)
    assert (rules.users.actions, rules.users.members, rules.groups.members) == (frozenset({"create"}), False, True)
    assert (rules.scope, rules.default_access) == ("all", False)
    assert (rules.scope_nesting, rules.member_nesting) == ("direct", "direct")
    assert (rules.skip_out_of_scope_deletions, rules.authoritative_members) == (True, True)
    assert rules.ending == Ending("delete", False)
    assert rules.limits == Limits(1, 0.2, 3, 0.4)
    assert rules.roles == (AppRole(EDITOR, "editor", "Editor"), AppRole(GUEST, "guest", "Guest", False))
    assert rules.of(Kind.USER) is rules.users
    assert rules.of(Kind.GROUP) is rules.groups


def test_every_word_of_a_mapping_reaches_the_rules() -> None:
    said = {"matching": 2, "default": "x", "flow": "create", "case_exact": True, "required": True}
    mapping = job({"target": "nickName", "source": "[mail]", **said}).users.mappings[-1]
    assert (mapping.target, mapping.source.text, mapping.matching) == ("nickName", "[mail]", 2)
    assert (mapping.default, mapping.flow, mapping.case_exact, mapping.required) == ("x", "create", True, True)
    assert not mapping.reference
    assert job().users.mappings[-1].reference


def test_matching_mappings_come_in_their_precedence() -> None:
    rows = [{"target": path, "source": "[id]", "matching": rank} for path, rank in (("externalId", 3), ("title", 2))]
    rules = job(users={"mappings": [*rows, USERS[0]]})
    assert [m.target for m in rules.users.matching] == ["userName", "title", "externalId"]


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("Active", "active"),
        ("USERNAME", "userName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
        ('emails[ type eq "work" ].value', 'emails[type eq "work"].value'),
        ("ENT:department", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
        ("DisplayName", "DisplayName"),
    ],
)
def test_paths_are_written_in_one_way(written: str, target: str) -> None:
    row = {"target": written, "source": "[userPrincipalName]", "matching": 1}
    assert compiled(row).users.mappings[0].target == target


# ------------------------------------------------------------------------------------------------ faults


def test_all_faulty_expressions_are_named_with_their_places() -> None:
    rows = [
        {"target": "userName", "source": "[userPrincipalName", "matching": 1},
        {"target": "displayName", "source": "[displayName]"},
        {"target": "title", "source": "Nonsense([jobTitle])"},
        {"target": "nickName", "source": "SelectUniqueValue([a], [b])"},
    ]
    groups = {"mappings": [{"target": "displayName", "source": "Left([displayName])", "matching": 1}]}
    with pytest.raises(DocumentError) as caught:
        compiled(*rows, groups=groups)
    faults = str(caught.value).split("; ")
    places = ("users.mappings[0]", "users.mappings[2]", "users.mappings[3]", "groups.mappings[0]")
    for place in places:
        assert sum(f"{place}.source: " in fault for fault in faults) == 1
    assert "users.mappings[1]" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"flow": "create", "matching": 2}, "SelectUniqueValue can't be matched by"),
        ({"flow": "always"}, "SelectUniqueValue is for creation only: give the mapping `flow: create`"),
    ],
)
def test_unique_values_are_for_creation_and_not_for_matching(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        job({"target": "nickName", "source": "SelectUniqueValue([a], [b])", **row})
    assert str(caught.value) == f"users.mappings[4].source: {said}"


def test_roles_as_objects_are_only_added_unless_they_are_asserted() -> None:
    for name, flow in (
        ("AppRoleAssignmentsComplex", "multi-value-add"),
        ("AssertiveAppRoleAssignmentsComplex", "always"),
    ):
        rules = job({"target": "roles", "source": f"{name}([appRoleAssignments])"})
        assert rules.users.mappings[-1].flow == flow


def test_faulty_filters_are_named_with_their_places() -> None:
    filters = [
        {"name": "A", "clauses": [{"attribute": "department", "operator": "RESEMBLES", "value": "x"}]},
        {"name": "B", "clauses": []},
    ]
    with pytest.raises(DocumentError) as caught:
        job(users={"filters": filters})
    assert "users.filters[0].clauses[0]: " in str(caught.value)
    assert "users.filters[1]: a filter without clauses" in str(caught.value)


# ----------------------------------------------------------------------------------------------- version


def test_the_same_document_has_the_same_version_however_it_is_written() -> None:
    shuffled = {
        "roles": [dict(reversed(role.items())) for role in ROLES],
        "groups": {"members": True, "mappings": list(GROUPS)},
        "users": {"enabled": True, "mappings": [dict(reversed(row.items())) for row in USERS]},
    }
    assert compile_rules(rules_document(shuffled)).version == job().version


@pytest.mark.parametrize(
    "given",
    [
        {"scope": "all"},
        {"default_access": False},
        {"roles": []},
        {"ending": {"by": "delete"}},
        {"guard": {"cycle_count": 6}},
        {"nesting": {"members": "direct"}},
        {"groups": {"members": False}},
        {"users": {"actions": ["create"]}},
        {"users": {"mappings": list(USERS[:3])}},
        {"users": {"mappings": [*USERS[:3], USERS[3] | {"case_exact": True}]}},
    ],
)
def test_another_document_has_another_version(given: dict[str, Any]) -> None:
    assert job(**given).version != job().version


def test_faults_of_form_and_of_expressions_are_listed_together() -> None:
    given = {
        "scope": "everyone",
        "users": {
            "mappings": [
                {"target": "userName", "source": "[userPrincipalName", "matching": 1},
                {"target": "title", "source": "Lef([jobTitle], 3)"},
                {"target": "nickName", "source": 7},
            ],
            "filters": [
                {"name": "a", "clauses": [{"attribute": "city", "operator": "LIKE", "value": "x"}, {"attribute": "b"}]},
                {"name": "b", "clauses": []},
            ],
        },
    }
    faults = rules_faults(given)
    assert [fault.place for fault in faults] == [
        "scope",
        "users.mappings[2].source",
        "users.filters[0].clauses[1]",
        "users.mappings[0].source",
        "users.mappings[1].source",
        "users.filters[0].clauses[0]",
        "users.filters[1]",
    ]
    assert "Left" in str(faults[4])


def test_rules_without_faults_compile() -> None:
    given = {"users": {"mappings": list(USERS)}, "groups": {"mappings": list(GROUPS)}, "roles": list(ROLES)}
    assert rules_faults(given) == []
    compile_rules(rules_document(given))
