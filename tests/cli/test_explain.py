"""`instep explain`: why somebody is in an app or isn't; nothing is written anywhere."""

from typing import Any

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

ROLES = [
    {"id": "member", "value": "member", "display_name": "Member"},
    {"id": "viewer", "value": "viewer", "display_name": "Viewer", "provisions": False},
]


def users(line: CommandLine, **given: Any) -> None:
    """Lay something over the rules of people."""
    line.rules("scim", lambda rules: rules | {"users": rules["users"] | given})


def only(*clauses: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """One scoping filter."""
    rows = [
        {"attribute": attribute, "operator": operator} | ({} if value is None else {"value": value})
        for attribute, operator, value in clauses
    ]
    return [{"name": "Engineers", "clauses": rows}]


def test_person_in_scope_through_a_nested_group(scim: CommandLine) -> None:
    scim.company(
        add={
            "users": {"nested-anna": {"jobTitle": "Clerk"}},
            "groups": {"nested-sales": {"name": "Nested Sales", "members": ["nested-anna"]}, "nested-all": []},
            "assigned": ["nested-all"],
        }
    )
    scim.company(join={"nested-all": ["nested-sales"]})
    result = scim.run("explain", "scim", "nested-anna@contoso.example")
    assert result.exit_code == 0, result.stderr
    text = result.stdout
    assert "in scope of scim" in text
    assert "assigned through nested-all > Nested Sales as Default Access" in text
    assert "Clerk  (sent now)" in text
    assert "from [jobTitle]; jobTitle is Clerk" in text
    assert "no value, so left alone: " in text
    assert "create  nested-anna@contoso.example" in text
    assert "What the app holds: no such account" in text
    assert "What Instep remembers: nothing" in text
    told = scim.json("explain", "scim", "nested-anna")
    assert told["assignments"][0]["path"] == ["nested-all", "Nested Sales"]
    assert told["decision"]["action"] == "create"


def test_person_out_of_scope_by_a_clause_on_an_attribute_without_a_value(scim: CommandLine) -> None:
    users(scim, filters=only(("department", "EQUALS", "Sales"), ("jobTitle", "IS NOT NULL", None)))
    scim.hire("null", 1, jobTitle="Clerk")
    text = scim.run("explain", "scim", "null00").stdout
    assert "out of scope of scim: null00@contoso.example passes no scoping filter" in text
    assert "no    Engineers: department EQUALS 'Sales'  (it has no value)" in text
    assert "yes   Engineers: jobTitle IS NOT NULL  (it is Clerk)" in text
    assert "What the rules give, were this in scope" in text
    told = scim.json("explain", "scim", "null00")
    assert told["scope"]["decidedBy"] == "filter"
    assert [(c["value"], c["holds"]) for c in told["clauses"]] == [(None, False), ("Clerk", True)]
    assert not any(each["sent"] for each in told["mappings"])


def test_person_assigned_but_disabled(scim: CommandLine) -> None:
    scim.hire("off", 1, enabled=False)
    text = scim.run("explain", "scim", "off00").stdout
    assert "out of scope of scim: off00@contoso.example's account is disabled in the directory" in text
    assert "assigned directly as Default Access" in text
    assert "skip    off00@contoso.example" in text


def test_person_with_a_role_that_does_not_entitle(scim: CommandLine) -> None:
    scim.rules("scim", lambda rules: {**rules, "roles": ROLES, "default_access": False})
    scim.company(add={"users": {"role-anna": {}}, "assigned": [{"role-anna": "viewer"}]})
    text = scim.run("explain", "scim", "role-anna").stdout
    assert "has only Viewer, which doesn't entitle to an account" in text
    assert "assigned directly as Viewer, which doesn't entitle to an account" in text
    told = scim.json("explain", "scim", "role-anna")
    assert (told["scope"]["decidedBy"], told["assignments"][0]["entitles"]) == ("role", False)


def test_person_whose_manager_is_missing(scim: CommandLine) -> None:
    scim.company(
        add={
            "users": {"miss-anna": {"manager": "miss-bob"}, "miss-bob": {}, "miss-carl": {}},
            "assigned": ["miss-anna", "miss-carl"],
        }
    )
    scim.run("sync", "scim")
    text = scim.run("explain", "scim", "miss-anna").stdout
    assert "miss-bob@contoso.example  (has no account in the app yet: written as soon as there is one)" in text
    assert "waits for the account of miss-bob@contoso.example" in text
    assert scim.json("explain", "scim", "miss-anna")["waitsFor"] == ["miss-bob@contoso.example"]
    assert "manager from [manager]" in scim.run("explain", "scim", "miss-carl").stdout


def test_group_with_its_members_in_the_app(scim: CommandLine) -> None:
    keys = scim.hire("grp", 2)
    scim.company(add={"groups": {"grp": {"name": "Grp Team", "members": keys}}, "assigned": ["grp"]})
    assert scim.json("explain", "scim", "Grp Team")["waitsFor"] == [f"{key}@contoso.example" for key in keys]
    scim.run("sync", "scim")
    text = scim.run("explain", "scim", "Grp Team").stdout
    assert "Grp Team (group grp)" in text
    assert "keep    Grp Team (group)" in text
    assert "members: grp00@contoso.example, grp01@contoso.example" in text
    assert scim.json("explain", "scim", "grp")["inApp"]["members"] == [f"{key}@contoso.example" for key in keys]


def test_change_is_shown_with_before_and_after_beside_what_the_app_holds(scim: CommandLine) -> None:
    scim.hire("move", 1, jobTitle="Clerk")
    scim.run("sync", "scim")
    scim.company(set={"move00": {"jobTitle": "Boss"}})
    text = scim.run("explain", "scim", "move00").stdout
    assert "title  Clerk → Boss" in text
    told = scim.json("explain", "scim", "move00")
    assert [m["attribute"] for m in told["mappings"] if m["sent"]] == ["title"]
    assert told["inApp"]["attributes"]["title"] == "Clerk"
    assert told["link"]["status"] == "active"
    assert [entry["action"] for entry in told["log"]] == ["create"]
    assert "Last in the log" in text


def test_what_is_held_and_what_failed_is_told(scim: CommandLine) -> None:
    keys = scim.hire("trouble", 2)
    scim.run("sync", "scim")
    scim.company(delete=keys)
    scim.run("sync", "scim")
    text = scim.run("explain", "scim", "trouble00").stdout
    assert "held by the guard since" in text
    assert "the guard counts it: disable" in text
    scim.hire("TROUBLE", 1, userPrincipalName="TROUBLE00@contoso.example")
    scim.run("sync", "scim")
    assert "1 failure, next try " in scim.run("explain", "scim", "TROUBLE00").stdout


def test_nothing_is_written_and_the_app_is_only_read(scim: CommandLine, server: IndependentApp) -> None:
    scim.hire("trace", 2)
    scim.run("sync", "scim")
    scim.company(set={"trace00": {"jobTitle": "Boss"}}, delete=["trace01"])
    scim.hire("tracenew", 1)
    scim.run("app", "list")
    before, asked = scim.hashes(), server.requests()
    for who in ("trace00", "trace01", "tracenew00"):
        assert scim.run("explain", "scim", who).exit_code == 0
    assert scim.hashes() == before
    assert {method for method, count in server.requests().items() if count != asked.get(method)} == {"GET"}
    asked = server.requests()
    for who in ("trace00", "tracenew00"):
        assert scim.run("explain", "scim", who, "--offline").exit_code == 0
    assert server.requests() == asked
    assert scim.hashes() == before


def test_offline_says_what_it_cannot_know(scim: CommandLine) -> None:
    scim.hire("offline", 1)
    text = scim.run("explain", "scim", "offline00", "--offline").stdout
    assert "depends on what the app holds, which wasn't asked" in text
    assert "What the app holds: not asked" in text
    assert scim.json("explain", "scim", "offline00", "--offline")["decision"] is None


def test_app_out_of_reach_ends_it_with_exit_code_3_and_the_way_out(line: CommandLine) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    line.hire("far", 1)
    result = line.run("explain", "scim", "far00")
    assert result.exit_code == 3
    assert "--offline" in result.stderr
    assert result.stderr.count("\n") == 1
    assert line.run("explain", "scim", "far00", "--offline").exit_code == 0


@pytest.mark.parametrize("who", ["nobody@contoso.example", "lost", "", "%", "\x1b[31m"])
def test_unknown_person_is_refused_in_one_line(scim: CommandLine, who: str) -> None:
    scim.hire("lost", 2)
    result = scim.run("explain", "scim", who)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: there's no user or group")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert ("similar: lost00@contoso.example" in result.stderr) == (who == "lost")


def test_name_of_several_asks_for_the_id(scim: CommandLine) -> None:
    scim.hire("twin", 2, displayName="Twin Peaks")
    result = scim.run("explain", "scim", "twin peaks")
    assert result.exit_code == 2
    assert "more than one" in result.stderr
    assert "(twin01)" in result.stderr


def test_who_was_deleted_for_good_is_known_by_the_log(scim: CommandLine) -> None:
    scim.hire("purged", 1)
    scim.run("sync", "scim")
    scim.company(purge=["purged00"])
    for who in ("purged00@contoso.example", "purged00"):
        text = scim.run("explain", "scim", who).stdout
        assert "was deleted for good in the directory" in text
        assert "delete  purged00" in text


def test_redacted_values_are_not_shown(scim: CommandLine) -> None:
    def redacting(rules: dict[str, Any]) -> dict[str, Any]:
        mappings = [m for m in rules["users"]["mappings"] if m["target"] != "title"]
        mappings.append({"target": "title", "source": "Redact([jobTitle])"})
        return rules | {"users": rules["users"] | {"mappings": mappings}}

    scim.rules("scim", redacting)
    scim.hire("masked", 1, jobTitle="Undercover")
    for _ in range(2):
        for form in ((), ("--json",)):
            text = scim.run("explain", "scim", "masked00", *form).output
            assert "Undercover" not in text
            assert "[Redact]" in text
        scim.run("sync", "scim")


def test_values_cannot_command_the_terminal(scim: CommandLine) -> None:
    users(scim, filters=only(("displayName", "IS NOT NULL", None)))
    scim.hire("evil", 1, displayName="\x1b]0;owned\x07 [bold]Anna[/bold] \u202egnp")
    text = scim.run("explain", "scim", "evil00").stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]Anna[/bold]" in text
