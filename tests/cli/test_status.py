"""`instep status`: how an app stands, without asking it."""

from datetime import UTC, datetime

from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

from instep import wiring


def test_status_says_where_the_app_stands_between_cycles(scim: CommandLine, server: IndependentApp) -> None:
    keys = scim.hire("stand", 2)
    assert scim.json("status", "scim")["changesBehind"] is None
    scim.run("sync", "scim")
    assert scim.json("status", "scim")["changesBehind"] == 0
    scim.company(set={keys[0]: {"jobTitle": "Boss"}})
    asked = server.requests()
    status = scim.json("status", "scim")
    assert status["changesBehind"] == 1
    assert status["links"] == {"User active": 2}
    assert [cycle["result"] for cycle in status["cycles"]] == ["succeeded"]
    text = scim.run("status", "scim").stdout
    assert "1 change of the directory behind" in text
    assert "2 users active" in text
    assert server.requests() == asked


def test_changed_rules_mean_that_everyone_is_looked_at(scim: CommandLine) -> None:
    scim.hire("ruled", 1)
    scim.run("sync", "scim")
    scim.run("app", "set", "scim", "--scope", "all")
    assert "The rules have changed" in scim.run("status", "scim").stdout


def test_who_waits_in_escrow_is_named_with_error_and_next_try(scim: CommandLine) -> None:
    scim.hire("escrow", 1)
    scim.hire("twin-of-escrow", 1, userPrincipalName="ESCROW00@contoso.example")
    scim.run("sync", "scim")
    [waiting] = scim.json("status", "scim")["escrow"]
    assert waiting["name"] == "ESCROW00@contoso.example"
    assert waiting["failures"] == 1
    assert waiting["nextTry"]
    text = scim.run("status", "scim").stdout
    assert waiting["error"] in text
    assert "next try" in text


def test_who_is_held_is_named_with_the_kind_and_the_fingerprint(scim: CommandLine) -> None:
    keys = scim.hire("kept", 2)
    scim.run("sync", "scim")
    scim.company(delete=keys)
    scim.run("sync", "scim")
    status = scim.json("status", "scim")
    assert {(h["name"], *h["effects"]) for h in status["held"]} == {(f"{k}@contoso.example", "disable") for k in keys}
    text = scim.run("status", "scim").stdout
    assert status["fingerprint"] in text
    assert "is the source complete?" in text


def test_running_cycle_is_told_with_its_worker(scim: CommandLine) -> None:
    state = wiring.state(scim.settings)
    with state.writing() as writer:
        writer.take_lease("scim", "another-host/boot/1/1", datetime.now(UTC), 60)
    state.close()
    assert "another-host" in scim.run("status", "scim").stdout
