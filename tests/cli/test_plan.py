"""`instep plan`: what would be done and why; nothing is written anywhere."""

from typing import Any

from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

from instep.documents.graph_log import text


def test_plan_tells_every_change_and_writes_nothing(scim: CommandLine, server: IndependentApp) -> None:
    scim.company(
        add={
            "users": {
                "plan-anna": {"jobTitle": "Clerk", "manager": "plan-bob"},
                "plan-bob": {},
                "plan-tom": {"enabled": False},
            },
            "groups": {"plan-sales": {"name": "Plan Sales", "members": ["plan-anna", "plan-bob"]}},
            "assigned": ["plan-sales", "plan-tom"],
        }
    )
    scim.run("app", "list")
    before, asked = scim.hashes(), server.requests()
    result = scim.run("plan", "scim")
    assert result.exit_code == 0
    assert "create  plan-anna@contoso.example\n" in result.stdout
    assert "title        Clerk" in result.stdout
    assert "manager      plan-bob@contoso.example" in result.stdout
    assert "+ plan-anna@contoso.example, plan-bob@contoso.example" in result.stdout
    assert "in scope: Plan Sales (Default Access)" in result.stdout
    assert "plan-tom@contoso.example's account is disabled" in result.stdout
    assert "In all: create 3, skip 1" in result.stdout
    assert scim.hashes() == before
    assert {m for m, n in server.requests().items() if n != asked.get(m)} == {"GET"}


def test_plan_is_what_the_cycle_then_does(scim: CommandLine) -> None:
    scim.hire("same", 3, jobTitle="Clerk")
    planned = scim.json("plan", "scim")
    scim.json("sync", "scim")
    logged = {e["sourceIdentity"]["displayName"]: e for e in log(scim)}
    assert {d["name"]: d["action"] for d in planned["decisions"]} == {
        name: e["provisioningAction"] for name, e in logged.items()
    }
    changes = {d["name"]: {c["attribute"]: text(c["after"]) for c in d["changes"]} for d in planned["decisions"]}
    assert changes == {
        name: {p["displayName"]: p["newValue"] for p in e["modifiedProperties"]} for name, e in logged.items()
    }
    scim.company(set={"same01": {"jobTitle": "Boss"}})
    [update] = scim.json("plan", "scim")["decisions"]
    assert update["changes"] == [{"attribute": "title", "before": "Clerk", "after": "Boss"}]
    assert "title  Clerk → Boss" in scim.run("plan", "scim").stdout


def test_nothing_to_do_is_said_and_costs_no_request(scim: CommandLine, server: IndependentApp) -> None:
    scim.hire("idle", 1)
    scim.run("sync", "scim")
    asked = server.requests()
    result = scim.run("plan", "scim")
    assert result.exit_code == 0
    assert "Nothing to do" in result.stdout
    assert server.requests() == asked


def test_what_would_be_held_is_named_with_exit_code_4(scim: CommandLine) -> None:
    keys = scim.hire("gone", 4)
    scim.run("sync", "scim")
    scim.company(delete=keys[:2])
    result = scim.run("plan", "scim")
    assert result.exit_code == 4
    assert "2 of 4 people would lose access" in result.stdout
    assert "hold    gone00@contoso.example" in result.stdout
    assert "active  True → False" in result.stdout
    told = scim.json("plan", "scim")
    assert told["guard"]["fingerprint"] in result.stdout
    assert [d["name"] for d in told["held"]] == ["gone00@contoso.example", "gone01@contoso.example"]
    assert told["decisions"] == []
    scim.run("sync", "scim")
    later = scim.run("plan", "scim")
    assert later.exit_code == 4
    assert "2 wait for approval since an earlier cycle" in later.stdout


def test_app_out_of_reach_ends_the_plan_with_exit_code_3(line: CommandLine) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    line.hire("unreached", 1)
    result = line.run("plan", "scim")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_values_that_a_mapping_redacts_are_not_in_the_plan(scim: CommandLine) -> None:
    def redacting(rules: dict[str, Any]) -> dict[str, Any]:
        users = rules["users"]
        mappings = [m for m in users["mappings"] if m["target"] != "title"]
        mappings.append({"target": "title", "source": "Redact([jobTitle])"})
        return rules | {"users": users | {"mappings": mappings}}

    scim.rules("scim", redacting)
    scim.hire("secret", 1, jobTitle="Undercover")
    for arguments in (["plan", "scim"], ["plan", "scim", "--json"]):
        text = scim.run(*arguments).output
        assert "Undercover" not in text
        assert "[Redact]" in text
    scim.run("sync", "scim")
    assert "Undercover" not in scim.run("log", "scim", "--json").output + scim.run("log", "scim", "--steps").output


def test_long_plan_is_cut_unless_all_is_asked_for(scim: CommandLine) -> None:
    scim.hire("many", 35)
    short = scim.run("plan", "scim").stdout
    assert "many34@contoso.example" not in short
    assert "5 more (--all shows them)" in short
    assert "many34@contoso.example" in scim.run("plan", "scim", "--all").stdout
    assert len(scim.json("plan", "scim")["decisions"]) == 35


def test_names_cannot_command_the_terminal(scim: CommandLine) -> None:
    scim.hire("evil", 1, displayName="\x1b]0;owned\x07 [bold]Anna[/bold] \u202egnp")
    text = scim.run("plan", "scim").stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u001b]0;owned\\u0007 [bold]Anna[/bold]" in text


def log(line: CommandLine) -> list[dict[str, Any]]:
    import json

    return [json.loads(text) for text in line.run("log", "scim", "--json").stdout.splitlines()]
