"""The gallery's apps: what a person and a group become in each of them, and where apps differ."""

from datetime import UTC, datetime
from typing import Any

import pytest
from scim2_models import EnterpriseUser, User

from instep.core.compile import compile_rules
from instep.core.desire import Desired, desire
from instep.core.rules import Rules
from instep.core.rules_document import rules_document
from instep.core.subject import DEFAULT_ACCESS, Grant, Kind, Subject
from instep.scim.documents import build
from instep.scim.paths import ENTERPRISE_USER
from instep.targets import gallery

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KNOWN = {name: gallery.template(name) for name in gallery.names()}
MAPPED = [name for name, template in KNOWN.items() if template.rules]
ADDABLE = [name for name, template in KNOWN.items() if template.provisionable]

PERSON = {
    "givenName": "Anna",
    "surname": "Muster",
    "displayName": "Anna Muster",
    "mail": "anna.muster@contoso.example",
    "mailNickname": "anna.muster",
    "jobTitle": "Counsel",
    "preferredLanguage": "de-CH",
    "officeLocation": "Basel 4",
    "streetAddress": "Gerbergasse 1",
    "city": "Basel",
    "state": "BS",
    "postalCode": "4001",
    "country": "CH",
    "businessPhones": ["+41 61 000 00 01"],
    "mobilePhone": "+41 79 000 00 02",
    "faxNumber": "+41 61 000 00 03",
    "employeeId": "1815",
    "department": "Legal",
}


def rules_of(name: str) -> Rules:
    return compile_rules(rules_document(KNOWN[name].rules))


def wanted(name: str, role: str = "", **changes: Any) -> Desired:
    """What the app should hold of Anna, who has the role of that value, or the app's first, or Default Access."""
    rules = rules_of(name)
    ids = [each.id for each in rules.roles if role in ("", each.value)] or [DEFAULT_ACCESS]
    anna = Subject(
        Kind.USER,
        "u-1",
        1,
        "anna@contoso.example",
        attributes=PERSON | changes,
        manager="u-2",
        grants=(Grant("as-1", ids[0]),),
    )
    wish = desire(anna, rules, NOW, "seed")
    assert isinstance(wish, Desired), wish
    return wish


def document(name: str, role: str = "") -> dict[str, Any]:
    """The document that creates Anna in the app, where her manager has the id m-2."""
    wish = wanted(name, role)
    assert not wish.missing
    return build("User", {**wish.attributes, **wish.initial, **dict.fromkeys(wish.references, "m-2")})


# ------------------------------------------------------------------------------------ all of them


@pytest.mark.parametrize("name", [n for n in MAPPED if KNOWN[n].protocol == "scim-2.0"])
def test_a_full_person_becomes_a_sound_user(name: str) -> None:
    made = document(name)
    User[EnterpriseUser].model_validate(made)  # another reader of RFC 7643 understands it
    assert made["userName"] == ("anna.muster" if name == "gitlab" else "anna@contoso.example")
    assert made["active"] is True
    work = [each for each in made.get("emails", []) if each["type"] == "work"]
    assert all(each["primary"] is True and each["value"].endswith("@contoso.example") for each in work)
    assert len(work) == len(made.get("emails", [])) <= 1
    extension = made.get(ENTERPRISE_USER)
    assert (ENTERPRISE_USER in made["schemas"]) is (extension is not None)
    mapped = {str(m["target"]) for m in KNOWN[name].rules["users"]["mappings"]}
    if any(target.startswith(f"{ENTERPRISE_USER}:manager") for target in mapped):
        assert extension is not None
        assert extension["manager"] == {"value": "m-2"}


@pytest.mark.parametrize("name", MAPPED)
def test_a_person_is_matched_by_what_everyone_has(name: str) -> None:
    assert wanted(name).matches
    assert [m.target for m in rules_of(name).users.matching if not m.required] == []


@pytest.mark.parametrize("name", [n for n in MAPPED if KNOWN[n].has_groups])
def test_a_group_is_found_again_and_has_members(name: str) -> None:
    rules = rules_of(name)
    group = Subject(Kind.GROUP, "g-1", 1, "Legal", members=("u-1",), grants=(Grant("as-2", DEFAULT_ACCESS),))
    if rules.roles:
        group = Subject(Kind.GROUP, "g-1", 1, "Legal", members=("u-1",), grants=(Grant("as-2", rules.roles[0].id),))
    wish = desire(group, rules, NOW, "seed")
    assert isinstance(wish, Desired)
    assert (wish.members, wish.missing) == (("u-1",), ())
    assert build("Group", {**wish.attributes, **wish.initial})["displayName"] == "Legal"


@pytest.mark.parametrize("name", KNOWN)
def test_who_ships_roles_leaves_default_access_out(name: str) -> None:
    template = KNOWN[name]
    assert template.default_access is not bool(template.roles)
    assert not template.roles or any(role.provisions for role in template.roles)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_to_be_chosen_is_not_mapped(name: str) -> None:
    template = KNOWN[name]
    mapped = {m["target"] for m in template.rules["users"]["mappings"]} if template.rules else set()
    assert mapped.isdisjoint(template.to_choose)
    assert len(set(template.to_choose)) == len(template.to_choose)


@pytest.mark.parametrize("name", KNOWN)
def test_an_app_says_where_its_facts_come_from(name: str) -> None:
    template = KNOWN[name]
    assert template.provenance
    assert template.tenant_url or template.url_hint or not template.provisionable
    assert template.token_hint or not template.provisionable


def test_role_ids_are_given_once() -> None:
    ids = [role.id for template in KNOWN.values() for role in template.roles]
    assert len(ids) == len(set(ids)) >= 25


# -------------------------------------------------------------------------------- single apps


def test_these_apps_cannot_be_provisioned_yet() -> None:
    kinds = {name: (t.protocol, t.auth) for name, t in KNOWN.items() if not t.provisionable}
    assert kinds == {
        "box": ("native", ("oauth-authorization-code",)),
        "docusign": ("native", ("basic",)),
        "dropbox-business": ("scim-2.0", ("oauth-authorization-code",)),
        "github-organization": ("scim-2.0", ("oauth-authorization-code",)),
        "salesforce": ("native", ("basic",)),
        "servicenow": ("native", ("basic",)),
        "slack": ("scim-1.1", ("oauth-authorization-code",)),
        "zendesk": ("native", ("basic",)),
        "zoom": ("scim-2.0", ("oauth-authorization-code",)),
    }


def test_access_ends_by_deleting_where_disabling_would_delete() -> None:
    assert [name for name in ADDABLE if rules_of(name).ending.by == "delete"] == ["smartsheet"]
    # Nothing but deleting may end access there: the mapping of `active` never gives False.
    assert wanted("smartsheet").attributes["active"] is True


def test_some_apps_never_delete() -> None:
    kept = {name for name in ADDABLE if not rules_of(name).ending.delete_when_purged}
    assert kept == {"linkedin", "gitlab", "github-enterprise-managed-user"}
    assert rules_of("linkedin").users.actions == rules_of("linkedin").groups.actions == {"create", "update"}


def test_teams_of_miro_are_neither_created_nor_deleted() -> None:
    miro = rules_of("miro")
    assert miro.groups.actions == {"update"}
    assert miro.users.actions == {"create", "update", "delete"}


def test_these_apps_have_no_groups() -> None:
    assert {name for name in ADDABLE if not KNOWN[name].has_groups} == {"datadog", "dbt", "gitlab", "smartsheet"}


@pytest.mark.parametrize(
    ("name", "role", "roles"),
    [
        ("miro", "ORGANIZATION_INTERNAL_ADMIN", [{"primary": True, "value": "ORGANIZATION_INTERNAL_ADMIN"}]),
        ("figma", "Dev", [{"type": "seatType", "value": "Dev"}]),
        (
            "tableau-cloud",
            "Viewer",
            [{"primary": False, "type": "WindowsAzureActiveDirectoryRole", "value": "Viewer", "display": "Viewer"}],
        ),
    ],
)
def test_app_roles_travel_as_the_app_wants_them(name: str, role: str, roles: list[dict[str, Any]]) -> None:
    assert document(name, role)["roles"] == roles


def test_github_and_gitlab_match_by_the_directorys_id() -> None:
    assert wanted("github-enterprise-managed-user").matches == (("externalId", "u-1"),)
    assert wanted("gitlab").matches == (("externalId", "u-1"),)
    assert [m.target for m in rules_of("github-enterprise-managed-user").groups.matching] == ["externalId"]
    assert not KNOWN["github-enterprise-managed-user"].abilities.patch


def test_aws_gets_one_phone_number_and_its_own_dialect() -> None:
    assert document("aws-iam-identity-center")["phoneNumbers"] == [{"type": "work", "value": "+41 61 000 00 01"}]
    abilities = KNOWN["aws-iam-identity-center"].abilities
    assert (abilities.trusts_list, abilities.reads_members, abilities.removal) == (False, False, "value-list")
    assert (abilities.page_size, abilities.members_per_patch) == (50, 100)


def test_aws_refuses_people_without_a_name_before_they_are_sent() -> None:
    assert wanted("aws-iam-identity-center", surname=None).missing == ("name.familyName",)


def test_the_work_address_of_dbt_is_marked_primary_by_its_own_mapping() -> None:
    assert document("dbt")["emails"] == [{"type": "work", "value": "anna@contoso.example", "primary": True}]


def test_a_group_in_atlassian_is_never_renamed() -> None:
    [name, _] = rules_of("atlassian-cloud").groups.mappings
    assert (name.target, name.flow) == ("displayName", "create")


def test_limits_are_data() -> None:
    assert {name for name in KNOWN if KNOWN[name].limits} == {
        "databricks",
        "github-enterprise-managed-user",
        "miro",
        "slack",
        "snowflake",
    }
    said = [str(limit) for limit in KNOWN["miro"].limits]
    assert "5 requests in 30 s: PATCH of groups, above 500 bytes" in said
    assert "5 requests in 30 s: GET of groups, lists only" in said
    assert str(KNOWN["slack"].limits[0]) == "600 requests in 60 s, 180 of them at once: POST, PUT, PATCH, DELETE"
    assert [str(limit) for limit in KNOWN["snowflake"].limits] == ["500 requests at the same time"]


def test_tokens_that_end_say_when() -> None:
    assert {n: t.token_days for n, t in KNOWN.items() if t.token_days} == {"cisco-webex": 365, "snowflake": 182}
