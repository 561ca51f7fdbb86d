"""Entra's schema documents: in, out and in again; what is read from them, and what is told of the rest."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.documents import entra_exports
from tests.documents.entra_exports import CORE_USER, ENTERPRISE

from instep.core.compile import compile_rules
from instep.core.rules_document import (
    ClauseDocument,
    EndingDocument,
    FilterDocument,
    MappingRow,
    NestingDocument,
    ObjectDocument,
    RoleDocument,
    RulesDocument,
    rules_document,
)
from instep.core.subject import Kind
from instep.documents.graph_reading import FaultySchema, read
from instep.documents.graph_schema import attribute_definition, object_mappings
from instep.documents.graph_writing import write
from instep.targets import gallery

Schema = dict[str, Any]


@pytest.fixture(params=list(entra_exports.ALL))
def exported(request: pytest.FixtureRequest) -> Schema:
    """A document at its real length."""
    return load(request.param)


def load(name: str) -> Schema:
    return json.loads((entra_exports.EXPORTS / f"{name}.json").read_text(encoding="utf-8"))


def rows(schema: Schema, kind: Kind = Kind.USER) -> list[Schema]:
    return object_mappings(schema, kind)[0].mapping.content["attributeMappings"]


def row_of(schema: Schema, target: str, kind: Kind = Kind.USER) -> Schema:
    [found] = [row for row in rows(schema, kind) if row["targetAttributeName"] == target]
    return found


def faults(schema: Any) -> list[str]:
    with pytest.raises(FaultySchema) as caught:
        read(schema)
    return str(caught.value).split("\n")


# ------------------------------------------------------------------------------------ there and back again


def test_the_files_are_what_the_script_makes_and_thousands_of_lines_long() -> None:
    for name, made in entra_exports.ALL.items():
        text = (entra_exports.EXPORTS / f"{name}.json").read_text(encoding="utf-8")
        assert text == entra_exports.text(made()), "write them anew: python tests/documents/entra_exports.py"
        assert len(text.splitlines()) > 3_000


def test_in_out_and_in_again_is_equal(exported: Schema) -> None:
    before = deepcopy(exported)
    first = read(exported)
    out = write(first.rules, "app", exported)
    assert out.schema == exported == before
    assert out.notes == ()
    assert read(out.schema) == first


def test_without_the_document_that_they_came_from_the_rules_are_said_completely(exported: Schema) -> None:
    rules = read(exported).rules
    made = write(rules, "app")
    assert made.notes == ()
    assert read(made.schema).rules == rules
    assert write(read(made.schema).rules, "app", made.schema).schema == made.schema


def test_what_is_imported_can_be_compiled(exported: Schema) -> None:
    compile_rules(read(exported).rules)


@pytest.mark.parametrize("name", [each for each in gallery.names() if gallery.template(each).provisionable])
def test_the_rules_of_the_gallery_go_out_and_come_in(name: str) -> None:
    rules = replace(rules_document(gallery.template(name).rules), nesting=NestingDocument("direct", "direct"))
    made = write(rules, name)
    assert read(made.schema, rules).rules == rules


def test_a_schema_that_is_made_lists_whole_directories_and_is_the_same_each_time() -> None:
    rules = rules_document(gallery.template("scim").rules)
    made = write(rules, "crm")
    assert made.schema == write(rules, "crm").schema
    assert made.schema["id"] != write(rules, "hr").schema["id"]
    assert len(entra_exports.text(made.schema).splitlines()) > 2_000
    names = [d["name"] for d in made.schema["directories"]]
    assert names == ["Azure Active Directory", "customappsso"]
    [of] = object_mappings(made.schema, Kind.USER)
    assert attribute_definition(of.target, f"{ENTERPRISE}:manager")["type"] == "Reference"
    assert attribute_definition(of.source, "objectId")["anchor"] is True


# --------------------------------------------------------------------------------------------- what is read


def test_default_app_is_read_row_by_row() -> None:
    rules = read(load("default-app")).rules
    assert rules.nesting == NestingDocument("direct", "direct")
    users = {row.target: row for row in rules.users.mappings}
    assert users["userName"] == MappingRow("userName", "[userPrincipalName]", matching=1, required=True)
    assert users["active"].source == 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
    assert users["name.formatted"].source == 'Join(" ", [givenName], [surname])'
    assert users[f"{ENTERPRISE}:manager"] == MappingRow(f"{ENTERPRISE}:manager", "[manager]", reference=True)
    assert rules.groups.members
    assert [row.target for row in rules.groups.mappings] == ["displayName", "externalId"]
    assert rules.users.actions == ("create", "update", "delete")


def test_gallery_app_is_read_with_its_filters_and_flags() -> None:
    rules = read(load("gallery-app")).rules
    assert rules.users.filters == (
        FilterDocument(
            "Engineers of the north",
            (
                ClauseDocument("department", "EQUALS", "Engineering"),
                ClauseDocument("country", "REGEX MATCH", "^(NO|SE|DK|FI)$"),
                ClauseDocument("jobTitle", "IS NOT NULL"),
            ),
        ),
        FilterDocument("filter 2", (ClauseDocument("extensionAttribute3", "GREATER_THAN_OR_EQUALS", "7"),)),
    )
    users = {row.target: row for row in rules.users.mappings}
    assert users["userName"] == MappingRow(
        "userName", "[userPrincipalName]", matching=1, required=True, case_exact=True
    )
    assert (users["externalId"].matching, users["nickName"].flow) == (2, "create")
    assert users["displayName"].source == "[displayName]"
    assert users["userType"] == MappingRow("userType", '"employee"')
    assert users["locale"].default == "en_US"
    assert users["active"].source == "Not([IsSoftDeleted])"
    assert "timezone" not in users


def test_grown_app_is_read_with_every_flow_type() -> None:
    rules = read(load("grown-app")).rules
    users = {row.target: row for row in rules.users.mappings}
    flows = {target: row.flow for target, row in users.items() if row.flow != "always"}
    assert flows == {
        'emails[type eq "work"].value': "attribute-add",
        'emails[type eq "other"].value': "multi-value-add",
        "title": "value-add",
        "nickName": "attribute-add",
        "name.formatted": "create",
    }
    assert users["nickName"].source == '"none yet"'
    assert users['emails[type eq "other"].value'].multivalued
    assert rules.users.actions == ("create", "update")
    assert (rules.groups.enabled, rules.groups.members, rules.groups.actions) == (False, True, ("create", "update"))


def test_what_has_no_place_in_the_rules_is_told() -> None:
    notes = read(load("grown-app")).notes
    expected = [
        "(title): flowBehavior FlowAlways",
        "(title): flowNullValues",
        ":manager): a reference is written whenever",
        "scope.inputFilterGroups: not looked at",
        "objectMappings[1] (Provision Azure Active Directory Users): not looked at",
        "objectMappings[3] (Contact): not looked at",
        "active comes from [accountEnabled]",
    ]
    assert len(notes) == len(expected)
    for note, part in zip(notes, expected, strict=True):
        assert part in note
    assert read(load("default-app")).notes == ()


def test_an_app_without_active_is_told_how_its_access_ends() -> None:
    schema = load("default-app")
    rows(schema).remove(row_of(schema, "active"))
    assert read(schema).notes == (
        "active isn't mapped, so Entra leaves accounts as they are when access ends; here they are disabled",
    )
    deletes = replace(read(schema).rules, ending=EndingDocument("delete"))
    assert read(schema, deletes).notes == ()


def test_what_the_schema_does_not_speak_of_stays() -> None:
    schema = load("gallery-app")
    base = RulesDocument(
        users=ObjectDocument(),
        scope="all",
        default_access=False,
        roles=(RoleDocument("r", "v", "V"),),
        ending=EndingDocument("delete"),
    )
    rules = read(schema, base).rules
    assert (rules.scope, rules.default_access, rules.roles, rules.ending) == (
        "all",
        False,
        base.roles,
        base.ending,
    )
    assert rules.nesting == NestingDocument("direct", "direct")
    assert rules.users == read(schema).rules.users


# --------------------------------------------------------------------------------- what is changed in between


def changed(schema: Schema, change: Callable[[ObjectDocument], ObjectDocument]) -> tuple[Schema, RulesDocument]:
    """The schema after its users' rules were changed, and those rules."""
    rules = read(schema).rules
    rules = replace(rules, users=change(rules.users))
    out = write(rules, "app", schema)
    assert out.notes == ()
    assert read(out.schema).rules == rules
    return out.schema, rules


def differing(old: Any, new: Any, place: str = "") -> list[str]:
    """Where two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [p for key in {**old, **new} for p in differing(old.get(key), new.get(key), f"{place}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [p for at, pair in enumerate(zip(old, new, strict=True)) for p in differing(*pair, f"{place}[{at}]")]
    return [] if old == new and type(old) is type(new) else [place]


def test_a_changed_row_is_written_into_the_schema_and_all_else_is_left() -> None:
    schema = load("gallery-app")

    def change(users: ObjectDocument) -> ObjectDocument:
        row = replace(users.mappings[3], source="ToLower([mailNickname], )", flow="always", case_exact=False)
        return replace(users, mappings=(*users.mappings[:3], row, *users.mappings[4:]))

    out, _ = changed(schema, change)
    there = ".synchronizationRules[1].objectMappings[0].attributeMappings[3]"
    assert {place.partition(".source")[0] for place in differing(schema, out)} == {
        f"{there}",
        f"{there}.flowType",
        ".directories[1].objects[0].attributes[4].caseExact",
    }
    assert row_of(out, "nickName")["source"]["name"] == "ToLower"


def test_new_rows_come_with_definitions_of_both_sides() -> None:
    urn = "urn:ietf:params:scim:schemas:extension:crm:2.0:User"
    new = (
        MappingRow(f"{urn}:level", "[extension_crm_level]", case_exact=True, required=True),
        MappingRow(f"{urn}:assistant", "[assistant]", reference=True),
        MappingRow(f"{urn}:tags", "[otherMails]", multivalued=True, flow="multi-value-add"),
    )
    out, _ = changed(load("default-app"), lambda users: replace(users, mappings=(*users.mappings, *new)))
    [of] = object_mappings(out, Kind.USER)
    assert attribute_definition(of.source, "extension_crm_level")["type"] == "String"
    level = attribute_definition(of.target, f"{urn}:level")
    assert (level["caseExact"], level["required"], level["type"]) == (True, True, "String")
    assert attribute_definition(of.target, f"{urn}:assistant")["type"] == "Reference"
    assert attribute_definition(of.target, f"{urn}:tags")["multivalued"] is True


def test_rows_that_are_taken_out_are_gone_and_those_that_say_nothing_here_stay() -> None:
    out, _ = changed(load("gallery-app"), lambda users: replace(users, mappings=users.mappings[:2]))
    assert [row["targetAttributeName"] for row in rows(out)] == ["userName", "externalId", "timezone"]


def test_an_attribute_that_is_no_reference_any_more_is_a_text() -> None:
    def change(users: ObjectDocument) -> ObjectDocument:
        at = next(at for at, row in enumerate(users.mappings) if row.reference)
        return replace(users, mappings=(*users.mappings[:at], replace(users.mappings[at], reference=False)))

    out, _ = changed(load("default-app"), change)
    [of] = object_mappings(out, Kind.USER)
    assert attribute_definition(of.target, f"{ENTERPRISE}:manager")["type"] == "String"


def test_filters_keep_what_is_not_understood_in_those_that_stay() -> None:
    new = FilterDocument("South", (ClauseDocument("country", "EQUALS", "IT"),))
    out, _ = changed(load("grown-app"), lambda users: replace(users, filters=(new, users.filters[2])))
    scope = object_mappings(out, Kind.USER)[0].mapping.content["scope"]
    assert [group.get("comment") for group in scope["groups"]] == [None, "kept by hand"]
    assert scope["groups"][0]["clauses"][0]["targetOperand"] == {"values": ["IT"]}
    assert (
        scope["inputFilterGroups"]
        == load("grown-app")["synchronizationRules"][0]["objectMappings"][0]["scope"]["inputFilterGroups"]
    )


def test_filters_come_into_a_mapping_that_had_none_and_go_again() -> None:
    clause = ClauseDocument("extension_crm_level", "IS NOT NULL")
    out, _ = changed(load("default-app"), lambda users: replace(users, filters=(FilterDocument("x", (clause,)),)))
    [of] = object_mappings(out, Kind.USER)
    assert attribute_definition(of.source, "extension_crm_level")
    again, _ = changed(out, lambda users: replace(users, filters=()))
    assert object_mappings(again, Kind.USER)[0].mapping.content["scope"]["groups"] == []


def test_actions_enabled_and_members_are_written() -> None:
    schema = load("default-app")
    rules = read(schema).rules
    groups = replace(rules.groups, members=False, actions=("delete",), enabled=False)
    out = write(replace(rules, groups=groups, users=replace(rules.users, actions=())), "app", schema)
    assert out.notes == ()
    group = object_mappings(out.schema, Kind.GROUP)[0].mapping.content
    assert (group["enabled"], group["flowTypes"]) == (False, "Delete")
    assert [row["targetAttributeName"] for row in group["attributeMappings"]] == ["displayName", "externalId"]
    assert object_mappings(out.schema, Kind.USER)[0].mapping.content["flowTypes"] == "None"
    back = write(rules, "app", out.schema)
    assert read(back.schema).rules == rules
    assert row_of(back.schema, "members", Kind.GROUP)["source"]["name"] == "members"


def test_groups_come_into_a_schema_that_had_none() -> None:
    schema = load("default-app")
    del schema["synchronizationRules"][0]["objectMappings"][1]
    rules = read(schema).rules
    assert rules.groups == ObjectDocument(enabled=False)
    assert write(rules, "app", schema).schema == schema
    groups = ObjectDocument(mappings=(MappingRow("displayName", "[displayName]", matching=1, required=True),))
    out = write(replace(rules, groups=groups), "app", schema)
    assert read(out.schema).rules.groups == groups


def test_what_a_schema_can_not_say_is_told() -> None:
    rules = rules_document(gallery.template("mixpanel").rules)
    row = replace(rules.users.mappings[1], default="x", default_on="always", clear_when_empty=True)
    users = replace(rules.users, mappings=(rules.users.mappings[0], row))
    notes = write(replace(rules, users=users, scope="all"), "mixpanel").notes
    assert "users.mappings: displayName: default_on always → create; clear_when_empty true → false" in notes
    assert "scope: all → assigned" in notes
    assert "nesting.scope: descendants → direct" in notes
    assert any(note.startswith("roles: ") for note in notes)


# ------------------------------------------------------------------------------------------------ what is wrong


def user_mapping(schema: Schema) -> Schema:
    return object_mappings(schema, Kind.USER)[0].mapping.content


def test_everything_that_is_wrong_is_told_at_once_with_its_place() -> None:
    schema = load("gallery-app")
    row_of(schema, "nickName")["source"] = {"type": "Function", "expression": "Lef([mailNickname], 3)"}
    row_of(schema, "displayName")["flowType"] = "Sometimes"
    row_of(schema, "externalId")["targetAttributeName"] = None
    user_mapping(schema)["flowTypes"] = "Add, Replace"
    user_mapping(schema)["scope"]["groups"][0]["clauses"][0]["targetOperand"]["values"] = ["a", "b"]
    place = "synchronizationRules[1].objectMappings[0]"
    assert [fault.partition(": ")[0] for fault in faults(schema)] == [
        f"{place}.attributeMappings[1] (no targetAttributeName)",
        f"{place}.attributeMappings[2] (displayName).flowType",
        f"{place}.attributeMappings[3] (nickName).source",
        f"{place}.scope.groups[0].clauses[0].targetOperand.values",
        f"{place}.flowTypes",
    ]


def test_what_the_rules_can_not_be_is_told_with_the_place_in_the_schema() -> None:
    schema = load("gallery-app")
    row_of(schema, "nickName")["targetAttributeName"] = "nick name"
    row_of(schema, "userName")["matchingPriority"] = 0
    row_of(schema, "externalId")["matchingPriority"] = 0
    user_mapping(schema)["scope"]["groups"][1]["clauses"][0]["operatorName"] = "LIKE"
    told = [fault.partition(": ")[0] for fault in faults(schema)]
    place = "synchronizationRules[1].objectMappings[0]"
    assert told == [
        f"{place}.attributeMappings[3] (nick name).target",
        f"{place}.attributeMappings",
        f"{place}.scope.groups[1].clauses[0]",
    ]


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "schema",
        {},
        {"synchronizationRules": {}},
        {"synchronizationRules": [None, {}, {"objectMappings": 7}]},
        {"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Worker"}]}]},
    ],
)
def test_what_is_no_schema_is_refused(given: Any) -> None:
    assert faults(given) == ["synchronizationRules: no object mapping has the sourceObjectName User"]


@pytest.mark.parametrize("part", ["directories", "scope", "metadata", "attributeMappings", "flowTypes", "source"])
@pytest.mark.parametrize("instead", [None, 7, "x", [], {}, [None], [7], {"a": [1]}])
def test_a_sloppy_schema_is_read_or_refused_and_never_breaks(part: str, instead: Any) -> None:
    schema = load("gallery-app")
    mapping = user_mapping(schema)
    if part == "directories":
        schema[part] = instead
    elif part == "source":
        row_of(schema, "nickName")[part] = instead
    else:
        mapping[part] = instead
    try:
        rules = read(schema).rules
    except FaultySchema as wrong:
        assert wrong.faults  # noqa: PT017
        return
    assert write(rules, "app", schema).schema == schema


def test_attributes_without_a_definition_are_plain_texts() -> None:
    schema = load("gallery-app")
    mapping = user_mapping(schema)
    assert mapping["targetObjectName"] == CORE_USER
    mapping["targetObjectName"] = "urn:unknown"
    assert all(not row.case_exact for row in read(schema).rules.users.mappings)


def test_exports_share_no_code_with_the_program() -> None:
    text = Path(entra_exports.__file__).read_text(encoding="utf-8")
    assert "import instep" not in text
    assert "from instep" not in text
