"""The gallery: every file is right, and a wrong one says where."""

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

import instep
from instep.core.compile import compile_rules
from instep.core.rules_document import rules_document
from instep.core.subject import AppRole
from instep.scim.abilities import Abilities
from instep.scim.paths import ENTERPRISE_USER, parse
from instep.targets import gallery
from instep.targets.address import tenant_url
from instep.targets.gallery import GalleryError, Limit, reference
from instep.targets.gallery.file import _File

GOOD = """\
name: acme
display_name: Acme
protocol: scim-2.0
auth: [bearer]
tenant_url: https://acme.example.com/scim/v2/{tenant}
placeholders: {tenant: the customer's id}
to_choose: [nickName]
limits:
  - {requests: 5, seconds: 1, methods: [POST], of: users}
rules:
  users:
    mappings:
      - {target: userName, source: "[userPrincipalName]", matching: 1}
abilities: {removal: value-list, page_size: 25}
"""
UNSPOKEN = "provisionable: false\nbecause: it speaks an API of its own\n"

APPS = """
    1password airtable asana atlassian-cloud aws-iam-identity-center bitwarden box cisco-webex databricks datadog dbt
    docusign dropbox-business figma github-enterprise-managed-user github-organization gitlab linkedin lucid miro
    mixpanel new-relic notion salesforce scim servicenow slack smartsheet snowflake tableau-cloud zendesk zoom
"""


def test_the_gallery_has_these_apps() -> None:
    assert gallery.names() == APPS.split()


@pytest.mark.parametrize("name", gallery.names())
def test_every_template_is_right(name: str) -> None:
    template = gallery.template(name)
    if not template.rules:
        assert not template.provisionable
        return
    rules = compile_rules(rules_document(template.rules))
    assert rules.users.matching
    assert [m.target for m in rules.users.mappings] == [str(parse(m.target)) for m in rules.users.mappings]
    assert [str(uuid.UUID(role.id)) for role in template.roles] == [role.id for role in template.roles]
    assert template.roles == rules.roles
    assert template.default_access == rules.default_access
    if template.tenant_url:
        assert tenant_url(template.tenant_url.replace("{", "").replace("}", ""))


def test_mixpanel_is_as_its_tutorial_says() -> None:
    mixpanel = gallery.template("mixpanel")
    rules = compile_rules(rules_document(mixpanel.rules))
    assert mixpanel.tenant_url == "https://mixpanel.com/api/app/scim/v2"
    assert [(m.target, m.matching) for m in rules.users.mappings] == [("userName", 1), ("displayName", 0)]
    assert [(m.target, m.matching) for m in rules.groups.mappings] == [("displayName", 1)]
    assert rules.groups.members
    assert (rules.ending.by, rules.ending.delete_when_purged) == ("disable", True)
    assert [role.value for role in mixpanel.roles] == ["User", "msiam_access"]
    assert not mixpanel.default_access


def test_the_generic_template_has_the_complete_default_mapping() -> None:
    rules = compile_rules(rules_document(gallery.template("scim").rules))
    assert len(rules.users.mappings) == 22
    assert [m.target for m in rules.users.mappings if m.reference] == [f"{ENTERPRISE_USER}:manager"]
    assert [m.target for m in rules.users.matching] == ["userName"]
    assert [m.target for m in rules.groups.mappings] == ["displayName", "externalId"]


def test_a_template_is_read() -> None:
    template = gallery.read(GOOD, "acme.yaml")
    assert template.abilities == Abilities(removal="value-list", page_size=25)
    assert template.roles == ()
    assert template.auth == ("bearer",)
    assert template.placeholders == {"tenant": "the customer's id"}
    assert template.limits == (Limit(requests=5, seconds=1, methods=("POST",), of="users"),)
    assert (template.provisionable, template.has_groups, template.ends_by) == (True, False, "active=false")
    assert template.rules["ending"] == {"by": "disable", "delete_when_purged": True}


def test_an_app_that_cannot_be_provisioned_yet_may_have_no_rules() -> None:
    text = "name: acme\ndisplay_name: Acme\nprotocol: native\nauth: [basic]\n" + UNSPOKEN
    template = gallery.read(text, "acme.yaml")
    assert (template.provisionable, template.because) == (False, "it speaks an API of its own")
    assert (template.rules, template.roles, template.has_groups, template.ends_by) == ({}, (), False, "")


def test_roles_are_read() -> None:
    roles = (
        "  roles: [{id: 6c6f2f04-8d0a-4c3b-9a51-0f3e5b1d7a42, value: User, display_name: Person, provisions: false}]\n"
    )
    template = gallery.read(GOOD.replace("abilities:", roles + "abilities:"), "acme.yaml")
    assert template.roles == (AppRole("6c6f2f04-8d0a-4c3b-9a51-0f3e5b1d7a42", "User", "Person", False),)


ROW = '{target: userName, source: "[userPrincipalName]", matching: 1}'


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: acme", "name: [", "line 3"),
        ("name: acme", "name: acme\nname: other", "'name' stands twice"),
        ("name: acme", "nam: acme", "nam"),
        ("display_name: Acme\n", "", "display_name"),
        ("scim-2.0", "soap", "protocol: 'soap'"),
        ("scim-2.0", "scim-1.1", "protocol: 'scim-1.1' isn't spoken"),
        ("[bearer]", "[basic]", "auth: without 'bearer'"),
        ("[bearer]", "[bearer, magic]", "auth[1]: 'magic'"),
        ("[bearer]", "bearer", "auth"),
        ("auth:", "provisionable: false\nauth:", "because: say why"),
        ("auth:", "because: of that\nauth:", "because: belongs to"),
        ("{tenant}", "{tenant}/{region}", "placeholders: what {region}"),
        ("/{tenant}", "", "placeholders.tenant"),
        ("[nickName]", "[nick name]", "to_choose[0]: 'nick name', column 6"),
        ("requests: 5", "requests: 0", "limits[0].requests"),
        ("requests: 5, ", "", "limits[0]"),
        ("seconds: 1", "seconds: -1", "limits[0].seconds"),
        ("of: users", "of: people", "limits[0].of: 'people'"),
        ("https://", "http://", "tenant_url"),
        ("rules:", "rule:", "rule"),
        ("removal: value-list", "removal: by-hand", "abilities.removal"),
        ("page_size: 25", "page_size: 0", "abilities.page_size"),
        ("page_size: 25", "colour: red", "abilities.colour"),
        ("    mappings:", "    mapping:", "rules.users.mapping: there is no key `mapping`"),
        ("matching: 1", "matching: one", "rules.users.mappings[0].matching"),
        ("matching: 1", "matching: 0", "rules.users.mappings: at least one"),
        ("matching: 1", "matching: -1", "rules.users.mappings[0].matching"),
        ("matching: 1", "flow: sometimes", "rules.users.mappings[0].flow"),
        ("target: userName", "target: user name", "rules.users.mappings[0].target: 'user name', column 6"),
        ("target: userName", "target: id", "rules.users.mappings[0].target: id"),
        ("target: userName", "target: members", "rules.users.mappings[0].target: memberships"),
        ('"[userPrincipalName]"', '" "', "rules.users.mappings[0].source"),
        (f"- {ROW}", f"- {ROW}\n      - {ROW}", "rules.users.mappings[1].target: username is there twice"),
        ("rules:", "rules:\n  ending: {by: magic}", "rules.ending.by"),
        ("rules:", "rules:\n  guard: {cycle_share: 5}", "rules.guard.cycle_share"),
        ("rules:", "rules:\n  scope: everyone", "rules.scope"),
        ("  users:", "  users:\n    members: true", "rules.users.members"),
        (GOOD, "just text", "expected keys and values"),
        (GOOD, "", "expected keys and values"),
        (GOOD, "a: !!python/object:os.system {}", "line 1"),
    ],
)
def test_a_wrong_file_says_which_and_where(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(GalleryError) as refusal:
        gallery.read(GOOD.replace(old, new, 1), "acme.yaml")
    assert str(refusal.value).startswith("acme.yaml: ")
    assert problem in str(refusal.value)


def test_rules_are_needed_where_an_app_can_be_added() -> None:
    with pytest.raises(GalleryError, match=r"acme.yaml: rules: a new app has to begin with some"):
        gallery.read("name: acme\ndisplay_name: Acme\nprotocol: scim-2.0\n", "acme.yaml")


def test_an_app_that_isnt_there_is_named_with_those_that_are() -> None:
    with pytest.raises(GalleryError, match=r"'acme'; it has: 1password, .*miro, mixpanel, .*zoom"):
        gallery.template("acme")
    with pytest.raises(GalleryError, match=r"'Mixpannel'; did you mean mixpanel\?"):
        gallery.template("Mixpannel")


def test_places_to_be_filled_in_are_found_once_each() -> None:
    assert gallery.placeholders("https://{a}.{b}.example.com/{a}") == ["a", "b"]
    assert gallery.placeholders("https://app.example.com") == []


def test_a_file_in_the_folder_is_an_app(tmp_path: Path) -> None:
    """Nothing else has to be touched: a copy of the program with one more file knows one more app."""
    copy = shutil.copytree(Path(instep.__file__).parent, tmp_path / "instep", ignore=shutil.ignore_patterns("*.pyc"))
    (copy / "targets" / "gallery" / "acme.yaml").write_text(GOOD)

    def run(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert "acme" in run("-c", "from instep.targets import gallery; print(gallery.names())")
    assert "acme" in run("-c", "from instep.cli.main import main; main()", "gallery", "list")
    assert "### acme\n" in run("-m", "instep.targets.gallery.reference")


def test_reference_page_is_the_gallerys() -> None:
    kept = Path(__file__).parents[2] / "docs" / "reference" / "gallery.md"
    again = "python -m instep.targets.gallery.reference > docs/reference/gallery.md"
    assert kept.read_text(encoding="utf-8") == reference.page(), f"make it anew: {again}"


@pytest.mark.parametrize("key", [*_File.__struct_fields__, *Limit.__struct_fields__])
def test_format_page_names_every_key(key: str) -> None:
    kept = Path(__file__).parents[2] / "docs" / "reference" / "gallery-format.md"
    assert f"\n| `{key}` |" in kept.read_text(encoding="utf-8")


def test_a_templates_rules_are_plain_data_that_survives_being_stored() -> None:
    import msgspec

    rules: Any = gallery.template("mixpanel").rules
    assert msgspec.json.decode(msgspec.json.encode(rules)) == rules
    assert rules_document(msgspec.json.decode(msgspec.json.encode(rules))) == rules_document(rules)
