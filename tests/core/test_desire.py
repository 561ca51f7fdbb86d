"""What the mappings make of somebody who is in scope."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import EDITOR, FORGOTTEN, GUEST, LAW, MANAGER, NOW, RULES, desired, group, job, person, wish

from instep.core.desire import Desired, Mapped, NotReady, desire, in_scope, inputs
from instep.core.desire import mapped as mapped_one_by_one
from instep.core.rules import Rules
from instep.core.subject import Grant


def mapped(source: str, target: str = "nickName", **row: Any) -> Rules:
    """The usual job with one mapping more."""
    return job({"target": target, "source": source, **row})


def failure(attributes: dict[str, Any], rules: Rules) -> str:
    """Why nobody can say what the app should hold of somebody with these attributes."""
    found = wish(person(attributes=attributes), rules)
    assert isinstance(found, NotReady), found
    assert found.code == "EntrySynchronizationError"
    assert found.trace[-1].status == "failure"
    return found.reason


def test_attributes_are_mapped_by_path() -> None:
    found = desired(person(manager="grace"))
    assert found.attributes == {
        "userName": "ada@firm.example",
        "displayName": "Ada",
        "title": "Analyst",
        "active": True,
    }
    assert found.references == {MANAGER: "grace"}
    assert found.initial == {}


def test_a_group_has_its_name_and_members_and_nothing_else() -> None:
    found = desired(group("team", "ada", "grace"))
    assert found.attributes == {"displayName": "Team"}
    assert found.members == ("ada", "grace")


def test_members_are_not_wanted_where_they_are_not_provisioned() -> None:
    assert desired(group("team", "ada"), job(groups={"members": False})).members == ()


def test_nobody_as_manager_is_said_explicitly() -> None:
    assert desired(person()).references == {MANAGER: None}


# ------------------------------------------------------------------------------------------------- null


@pytest.mark.parametrize("empty", [None, ""])
def test_an_attribute_without_a_value_is_left_alone(empty: str | None) -> None:
    found = desired(person(attributes={"jobTitle": empty}))
    assert "title" not in found.attributes
    assert "title" not in found.initial


def test_a_default_is_for_creation_only() -> None:
    rules = mapped("[nickname]", default="nobody")
    assert desired(person(), rules).initial == {"nickName": "nobody"}
    assert "nickName" not in desired(person(), rules).attributes
    known = desired(person(attributes={"nickname": "Countess"}), rules)
    assert known.attributes["nickName"] == "Countess"
    assert known.initial == {}


def test_a_value_that_flows_on_creation_only_is_apart() -> None:
    found = desired(person(), mapped("[displayName]", flow="create"))
    assert found.initial == {"nickName": "Ada"}
    assert "nickName" not in found.attributes


def test_a_default_may_hold_later_as_well() -> None:
    rules = mapped("[nickname]", default="nobody", default_on="always", multivalued=True)
    found = desired(person(), rules)
    assert found.attributes["nickName"] == ["nobody"]
    assert found.initial == {}
    assert desired(person(attributes={"nickname": "Countess"}), rules).attributes["nickName"] == ["Countess"]


def test_an_attribute_may_be_cleared_where_the_source_has_no_value() -> None:
    rules = mapped("[nickname]", clear_when_empty=True)
    assert desired(person(), rules).cleared == ("nickName",)
    assert desired(person(attributes={"nickname": "Countess"}), rules).cleared == ()


def test_a_single_value_of_a_list_is_a_list_of_one() -> None:
    rules = mapped("[otherMails]", multivalued=True)
    assert desired(person(attributes={"otherMails": "a@x.example"}), rules).attributes["nickName"] == ["a@x.example"]
    assert desired(person(attributes={"otherMails": ["a", "b"]}), rules).attributes["nickName"] == ["a", "b"]
    assert "nickName" not in desired(person(attributes={"otherMails": []}), rules).attributes


def test_candidates_are_apart_until_somebody_has_looked() -> None:
    for row in ({}, {"multivalued": True}):
        rules = mapped('SelectUniqueValue([displayName], Append([displayName], "2"))', flow="create", **row)
        found = desired(person(), rules)
        assert found.candidates == {"nickName": ("Ada", "Ada2")}
        assert "nickName" not in {**found.attributes, **found.initial}


def test_an_empty_default_is_no_value() -> None:
    found = desired(person(), mapped("[nickname]", default="", required=True))
    assert found.initial == {}
    assert found.missing == ("nickName",)


def test_a_flow_that_is_to_be_ignored_takes_no_default_either() -> None:
    found = desired(person(), mapped("IgnoreFlowIfNullOrEmpty([nickname])", default="nobody"))
    assert "nickName" not in {**found.attributes, **found.initial}


def test_required_attributes_without_a_value_are_named() -> None:
    rules = job(
        {"target": "nickName", "source": "[nickname]", "required": True},
        {"target": "locale", "source": "[locale]", "required": True, "default": "en"},
        {"target": "userType", "source": "[userType]", "required": True},
    )
    assert desired(person(), rules).missing == ("nickName", "userType")


# ----------------------------------------------------------------------------------------------- active


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[accountEnabled]", True),
        ("Not([IsSoftDeleted])", True),
        ('Switch([IsSoftDeleted], , "False", "True", "True", "False")', True),
        ('"False"', False),
        ('"  tRuE "', True),
        ("[nothing]", True),
        ("IgnoreFlowIfNullOrEmpty([nothing])", True),
    ],
)
def test_active_is_a_boolean(source: str, expected: bool) -> None:
    found = desired(person(), mapped(source, "active"))
    assert found.attributes["active"] is expected


def test_primary_is_a_boolean() -> None:
    found = desired(person(), mapped('"true"', 'emails[type eq "work"].primary'))
    assert found.attributes['emails[type eq "work"].primary'] is True


def test_a_text_that_looks_like_a_boolean_stays_text_elsewhere() -> None:
    assert desired(person(), mapped('"True"')).attributes["nickName"] == "True"


def test_active_that_is_neither_true_nor_false_can_not_be_told() -> None:
    assert "'maybe' is neither True nor False" in failure({"jobTitle": "maybe"}, mapped("[jobTitle]", "active"))


@pytest.mark.parametrize("row", [{"source": "[nothing]", "default": "False"}, {"source": '"False"', "flow": "create"}])
def test_active_is_never_for_creation_only(row: dict[str, str]) -> None:
    found = desired(person(), mapped(target="active", **row))
    assert found.attributes["active"] is False
    assert found.initial == {}


def test_active_is_wanted_of_everybody_where_access_ends_by_it() -> None:
    assert desired(person()).attributes["active"] is True
    assert "active" not in desired(person(), job(ending={"by": "delete"})).attributes
    assert "active" not in desired(group()).attributes


# --------------------------------------------------------------------------------------------- matching


def test_matching_values_come_in_precedence_and_not_in_the_order_of_mappings() -> None:
    rules = job(
        {"target": "externalId", "source": "[employeeId]", "matching": 3},
        {"target": "nickName", "source": "[mail]", "matching": 2},
    )
    found = desired(person(attributes={"employeeId": "1815", "mail": "ada@mail.example"}), rules)
    assert found.matches == (
        ("userName", "ada@firm.example"),
        ("nickName", "ada@mail.example"),
        ("externalId", "1815"),
    )


def test_a_matching_attribute_without_a_value_is_passed_over() -> None:
    rules = mapped("[mail]", matching=2)
    assert desired(person(), rules).matches == (("userName", "ada@firm.example"),)


def test_nobody_is_matched_by_a_default() -> None:
    assert desired(person(), mapped("[mail]", matching=2, default="unknown")).matches == (
        ("userName", "ada@firm.example"),
    )


def test_a_list_is_nothing_to_be_matched_by() -> None:
    rules = mapped("[otherMails]", matching=2)
    assert "one value" in failure({"otherMails": ["a@x.example", "b@x.example"]}, rules)


# ------------------------------------------------------------------------------------------ expressions


@pytest.mark.parametrize("source", ['Error("no cost centre")', "CDate([jobTitle])", "Item([otherMails], [jobTitle])"])
def test_a_mapping_that_fails_leaves_the_question_open(source: str) -> None:
    assert "the mapping of nickName failed" in failure({"otherMails": ["a"]}, mapped(source))


def test_a_default_of_the_wrong_type_leaves_the_question_open() -> None:
    rules = mapped("[nothing]", "active")
    last = replace(rules.users.mappings[-1], default="perhaps")
    bent = replace(rules, users=replace(rules.users, mappings=(*rules.users.mappings[:-1], last)))
    assert "'perhaps' is neither True nor False" in failure({}, bent)
    *_, active = mapped_one_by_one(bent.users, inputs(person(), (), NOW, "seed"))
    assert "'perhaps' is neither True nor False" in active.error


def test_lists_are_read_and_given_as_lists() -> None:
    found = desired(person(attributes={"otherMails": ["b@x.example", "a@x.example"]}), mapped("[otherMails]"))
    assert found.attributes["nickName"] == ["b@x.example", "a@x.example"]


def test_the_older_names_of_attributes_are_understood() -> None:
    rules = job({"target": "externalId", "source": "[objectId]"}, {"target": "nickName", "source": "[telephoneNumber]"})
    found = desired(person(attributes={"businessPhones": ["1", "2"]}), rules)
    assert (found.attributes["externalId"], found.attributes["nickName"]) == ("ada", "1")


def test_roles_are_those_that_are_held_and_known() -> None:
    grants = (Grant("as-1", GUEST), Grant("as-2", EDITOR), Grant("as-3", FORGOTTEN))
    found = desired(person(grants=grants), mapped("AppRoleAssignments([appRoleAssignments])"))
    assert found.attributes["nickName"] == ["editor", "guest"]


def test_redacted_values_flow_and_are_named_as_such() -> None:
    found = desired(person(), mapped("Redact([jobTitle])"))
    assert found.attributes["nickName"] == "Analyst"
    assert found.redacted == ("nickName",)


def test_a_redacted_value_is_not_told_when_it_fails() -> None:
    assert "s3cret" not in failure({"jobTitle": "s3cret"}, mapped("Redact([jobTitle])", "active"))


def test_what_is_made_up_comes_from_the_seed_and_differs_between_attributes() -> None:
    rules = job({"target": "nickName", "source": "Guid()"}, {"target": "externalId", "source": "Guid()"})
    first, again, other = (desired(person(), rules, seed).attributes for seed in ("seed", "seed", "other"))
    assert first == again
    assert first["nickName"] != first["externalId"]
    assert first["nickName"] != other["nickName"]


# ------------------------------------------------------------------------------------------------- laws

TEXT = st.none() | st.text(max_size=20)


@LAW
@given(st.dictionaries(st.sampled_from(["displayName", "jobTitle", "mail", "otherMails"]), TEXT | st.lists(TEXT)))
def test_law_whatever_is_in_the_directory_is_mapped_or_named_as_a_failure(attributes: dict[str, Any]) -> None:
    found = wish(person(attributes=attributes), RULES)
    if not isinstance(found, NotReady):
        assert None not in desired(person(attributes=attributes)).attributes.values()


@LAW
@given(st.permutations(["displayName", "jobTitle", "mail", "department"]))
def test_law_the_order_of_attributes_in_the_directory_does_not_matter(names: list[str]) -> None:
    rules = job({"target": "nickName", "source": "[mail]"}, {"target": "locale", "source": "[department]"})
    ordered = replace(person(), attributes={name: name.upper() for name in names})
    usual = replace(person(), attributes={name: name.upper() for name in sorted(names)})
    assert list(desired(ordered, rules).attributes.items()) == list(desired(usual, rules).attributes.items())


# ----------------------------------------------------------------------------------- mapping by mapping


def each(attributes: dict[str, Any], *rows: dict[str, Any]) -> tuple[dict[str, Mapped], Desired | NotReady]:
    """What each of these mappings makes of somebody, and what comes of all of them."""
    rules = job(*rows)
    subject = person(attributes=attributes)
    given = inputs(subject, rules.roles, NOW, "seed")
    return {m.mapping.target: m for m in mapped_one_by_one(rules.users, given)}, in_scope(subject, rules, given)


def test_each_mapping_is_told_with_what_it_reads_and_what_it_gives() -> None:
    found, wish = each({"mail": "a@x.example"}, {"target": "nickName", "source": 'Join(" ", [surname], [mail])'})
    assert list(found) == ["userName", "displayName", "title", MANAGER, "nickName"]
    assert (found["nickName"].read, found["nickName"].value) == (
        {"mail": "a@x.example", "surname": None},
        "a@x.example",
    )
    names = ["companyName", "department", "employeeId", "jobTitle", "mail", "mobilePhone", "surname"]
    many, _ = each({}, {"target": "nickName", "source": f"Join({', '.join(f'[{name}]' for name in ['none', *names])})"})
    assert list(many["nickName"].read) == sorted(["none", *names])
    assert [m.error for m in found.values()] == [""] * 5
    assert found["nickName"].given(wish) == "a@x.example"


def test_a_mapping_that_fails_is_told_beside_the_others() -> None:
    found, wish = each(
        {},
        {"target": "nickName", "source": 'Error("no cost centre")'},
        {"target": "active", "source": '"perhaps"'},
    )
    assert isinstance(wish, NotReady)
    assert "no cost centre" in found["nickName"].error
    assert "'perhaps' is neither True nor False" in found["active"].error
    assert (found["nickName"].value, found["active"].given(wish)) == (None, None)
    assert (found["title"].error, found["title"].given(wish)) == ("", "Analyst")


def test_what_an_account_gets_of_a_mapping_has_the_default_and_the_choice_in_it() -> None:
    unique = {"target": "locale", "source": 'SelectUniqueValue("b", "a")', "flow": "create"}
    found, wish = each(
        {},
        {"target": "nickName", "source": "[nickname]", "default": "nobody"},
        {"target": "userType", "source": "IgnoreFlowIfNullOrEmpty([nothing])"},
        unique,
    )
    assert isinstance(wish, Desired)
    assert [found[path].given(wish) for path in ("nickName", "userType", "locale")] == ["nobody", None, ["b", "a"]]
    assert found["locale"].given(replace(wish, initial={"locale": "b"})) == "b"
    assert found["nickName"].value is None
    always, wish = each({}, {"target": "nickName", "source": "[nickname]", "default": "nobody", "default_on": "always"})
    assert always["nickName"].given(wish) == "nobody"


# ------------------------------------------------------------------------------------- what may be read


def test_what_expressions_may_read_of_people_and_groups() -> None:
    given = inputs(person(manager="grace"), RULES.roles, NOW, "seed", "firm.example")
    assert given.attributes == {
        "displayName": "Ada",
        "jobTitle": "Analyst",
        "userPrincipalName": "ada@firm.example",
        "originalUserPrincipalName": "ada@firm.example",
        "id": "ada",
        "manager": "grace",
        "IsSoftDeleted": "False",
        "accountEnabled": True,
        "appRoleAssignments": (),
    }
    assert (given.now, given.seed, given.default_domain) == (NOW, "seed", "firm.example")
    team = inputs(group(), (), NOW, "seed").attributes
    assert (team["displayName"], team["id"], team["appRoleAssignments"]) == ("Team", "team", ())
    assert "userPrincipalName" not in team


def test_roles_are_read_as_objects_in_the_order_of_the_app() -> None:
    subject = person(grants=(Grant("as-1", GUEST), Grant("as-2", EDITOR), Grant("as-3", FORGOTTEN)))
    assert inputs(subject, RULES.roles, NOW, "seed").attributes["appRoleAssignments"] == (
        {"id": EDITOR, "value": "editor", "displayName": "Editor"},
        {"id": GUEST, "value": "guest", "displayName": "Guest"},
    )


def test_the_default_domain_is_known_to_expressions() -> None:
    found = desire(person(), mapped("DefaultDomain()"), NOW, "seed", "firm.example")
    assert isinstance(found, Desired)
    assert found.attributes["nickName"] == "firm.example"


def test_a_reference_that_is_worked_out_is_one_too() -> None:
    row = {"target": "buddy", "source": 'IIF([jobTitle] = "Analyst", [manager], "")', "reference": True}
    found = desired(person(manager="grace"), job(row))
    assert found.references == {MANAGER: "grace", "buddy": "grace"}
    assert "buddy" not in found.attributes
    hidden = desired(person(manager="grace"), job({**row, "source": "Redact([manager])"}))
    assert hidden.references["buddy"] == "grace"
    assert "buddy" not in hidden.attributes


def test_matching_is_by_text_whatever_the_value_is() -> None:
    found = desired(person(), mapped("Count([displayName])", matching=2))
    assert found.attributes["nickName"] == 1
    assert found.matches[1] == ("nickName", "1")


def test_a_redacted_value_is_typed_like_any_other() -> None:
    rules = mapped('Redact("True")', "active")
    assert desired(person(), rules).attributes["active"] is True
    assert "the value is neither True nor False" in failure({}, mapped('Redact("s3cret")', "active"))
