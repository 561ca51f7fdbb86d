"""`instep gallery`, and `instep app add` for what the gallery has."""

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

from instep.targets import gallery

KNOWN = {name: gallery.template(name) for name in gallery.names()}
ADDABLE = [name for name, template in KNOWN.items() if template.provisionable]
MISSING = [name for name, template in KNOWN.items() if not template.provisionable]


def test_list_has_the_apps_that_can_be_added(line: CommandLine) -> None:
    said = line.run("gallery", "list").stdout
    assert [row.split()[0] for row in said.splitlines()[1:-1]] == ADDABLE
    assert (
        said.splitlines()[-1]
        == f"{len(MISSING)} more apps can't be provisioned yet: `--all` lists them with the reason."
    )
    assert [row["name"] for row in line.json("gallery", "list")] == ADDABLE
    assert not line.data.exists()


def test_list_of_all_has_the_reason_for_the_rest(line: CommandLine) -> None:
    said = line.run("gallery", "list", "--all").stdout
    _, _, missing = said.partition("Not provisionable yet:")
    assert all(name in missing for name in MISSING)
    assert "SCIM 1.1" in missing
    rows = {row["name"]: row for row in line.json("gallery", "list", "--all")}
    assert sorted(rows) == gallery.names()
    assert rows["zoom"]["provisionable"] is False
    assert "OAuth" in rows["zoom"]["because"]
    assert rows["smartsheet"]["accessEndsBy"] == "DELETE"
    assert (rows["mixpanel"]["provisionable"], rows["mixpanel"]["because"]) == (True, None)


def test_show_tells_how_to_connect_what_is_mapped_and_how_access_ends(line: CommandLine) -> None:
    said = line.run("gallery", "show", "snowflake").stdout
    for fact in (
        "https://{account}.{region}.azure.snowflakecomputing.com/scim/v2",
        "{account}     the account's identifier",
        "Token lasts     182 days",
        "Default Access doesn't entitle",
        "Access ends by disabling the account (active=false).",
        "[userPrincipalName]  (matching 1, required)",
        "500 requests at the same time",
        "AAD_PROVISIONER",
        "instep app add snowflake --url URL",
    ):
        assert fact in said
    assert "Access ends by deleting the account." in line.run("gallery", "show", "smartsheet").stdout
    miro = line.run("gallery", "show", "miro").stdout
    assert "Groups (never: create, delete)" in miro
    assert "For an administrator to choose" in miro
    assert miro.splitlines()[-1] == "Add it: instep app add miro"


def test_show_says_why_an_app_cannot_be_added(line: CommandLine) -> None:
    said = line.run("gallery", "show", "servicenow").stdout
    assert "Not provisionable yet: ServiceNow is provisioned through SOAP" in said
    assert "Add it" not in said


@pytest.mark.parametrize("name", KNOWN)
def test_show_gives_json_of_every_app(line: CommandLine, name: str) -> None:
    shown = line.json("gallery", "show", name)
    assert (shown["name"], shown["rules"] or {}) == (name, KNOWN[name].rules)
    assert line.run("gallery", "show", name).exit_code == 0


def test_show_of_an_unknown_app_names_the_one_that_may_be_meant(line: CommandLine) -> None:
    refused = line.run("gallery", "show", "slak")
    assert refused.exit_code == 2
    assert "did you mean slack?" in refused.stderr


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_provisionable_yet_cannot_be_added(line: CommandLine, name: str) -> None:
    refused = line.run("app", "add", name, "--url", "https://app.example/scim", "--token-env", "APP_TOKEN")
    assert refused.exit_code == 2
    assert refused.stderr == f"error: {KNOWN[name].display_name} isn't provisionable yet: {KNOWN[name].because}\n"
    assert line.json("app", "list") == []


def test_places_in_the_url_have_to_be_filled_in(line: CommandLine) -> None:
    for given in ([], ["--url", "https://acme.{region}.azure.snowflakecomputing.com/scim/v2"]):
        refused = line.run("app", "add", "snowflake", *given, "--token-env", "APP_TOKEN")
        assert refused.exit_code == 2
        assert "{region}: the region in the account's URL, such as west-europe" in refused.stderr
        assert ("{account}: the account's identifier" in refused.stderr) is (not given)
        assert refused.stderr.count("\n") == 1
    url = "https://acme.west-europe.azure.snowflakecomputing.com/scim/v2"
    assert line.run("app", "add", "snowflake", "--url", url, "--token-env", "APP_TOKEN").exit_code == 0
    refused = line.run("app", "set", "snowflake", "--url", "https://{account}.example/scim", "--token-env", "APP_TOKEN")
    assert (refused.exit_code, "{account}" in refused.stderr) == (2, True)


def test_app_without_a_known_url_says_where_to_find_it(line: CommandLine) -> None:
    refused = line.run("app", "add", "tableau-cloud", "--token-env", "APP_TOKEN")
    assert refused.exit_code == 2
    assert "give yours by --url (Settings > Authentication" in refused.stderr


@pytest.mark.slow
def test_what_can_be_added_connects_and_provisions(line: CommandLine, server: IndependentApp) -> None:
    """Against another SCIM server: it takes the filters and the documents that each template makes."""
    for name in ADDABLE:
        add = ["app", "add", name, "--url", server.url, "--token-env", "APP_TOKEN", "--include-default-access"]
        assert line.run(*add).exit_code == 0, name
        connected = line.run("app", "test", name)
        assert connected.exit_code == 0, (name, connected.output)
        login = dict.fromkeys(("userPrincipalName", "mail", "mailNickname"), f"{name}-anna@contoso.example")
        person = {**login, "givenName": "Anna", "surname": "Muster"}
        line.company(name, add={"users": {f"{name}-anna": person}, "assigned": [f"{name}-anna"]})
        synced = line.run("sync", name)
        assert synced.exit_code == 0, (name, synced.output)
        assert line.json("plan", name)["decisions"] == [], name
