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
    assert "The rules, or Instep itself, have changed" in scim.run("status", "scim").stdout


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


NOBODY = "http://127.0.0.1:9/scim"
"""Where nobody listens."""


def test_quarantine_is_told_with_its_cause_the_next_attempt_and_the_way_out(scim: CommandLine) -> None:
    scim.hire("lost", 2)
    scim.run("app", "set", "scim", "--url", NOBODY)
    for expected in (1, 2):
        assert scim.run("sync", "scim").exit_code == 3
        status = scim.json("status", "scim")["status"]
        assert (status["countSuccessiveCompleteFailures"], status["quarantine"]) == (expected, None)
    assert "couldn't be reached 2 times in a row" in scim.run("status", "scim").stdout
    scim.run("sync", "scim")
    told = scim.json("status", "scim")
    assert told["schedule"] == {"expiration": None, "interval": "PT40M", "state": "Disabled"}
    assert told["status"]["code"] == "Quarantine"
    quarantine = told["status"]["quarantine"]
    assert (quarantine["reason"], quarantine["seriesCount"]) == ("EncounteredQuarantineException", 1)
    assert (quarantine["error"]["code"], quarantine["error"]["tenantActionable"]) == (
        "WebExceptionProtocolError",
        False,
    )
    assert told["status"]["lastExecution"]["state"] == "Failed"
    text = scim.run("status", "scim").stdout
    assert "In quarantine since" in text
    assert quarantine["error"]["message"].splitlines()[0] in text
    assert "Next attempt" in text
    assert "instep start scim" in text


def test_quarantine_is_over_when_the_app_is_back(scim: CommandLine, server: IndependentApp) -> None:
    scim.hire("back", 2)
    scim.run("app", "set", "scim", "--url", NOBODY)
    for _ in range(3):
        scim.run("sync", "scim")
    scim.run("app", "set", "scim", "--url", server.url)
    assert scim.run("sync", "scim").exit_code == 0
    status = scim.json("status", "scim")["status"]
    assert (status["code"], status["quarantine"], status["countSuccessiveCompleteFailures"]) == ("Active", None, 0)
    assert status["steadyStateLastAchievedTime"] > "2026"
    assert status["lastExecution"]["countExported"] == 2
    assert {"key": "User", "value": 2} in status["synchronizedEntryCountByType"]
    assert "Nothing was left to do at" in scim.run("status", "scim").stdout


def test_guards_reason_is_told_once(scim: CommandLine) -> None:
    keys = scim.hire("once", 6)
    scim.run("sync", "scim")
    scim.company(delete=keys)
    scim.run("sync", "scim")
    text = scim.run("status", "scim").stdout
    assert text.count("is the source complete?") == 1
    assert all(f"{key}@contoso.example" in text for key in keys)


def test_job_that_was_never_started_and_one_without_cycles_say_so(scim: CommandLine) -> None:
    assert scim.json("status", "scim")["status"]["code"] == "NotRun"
    assert "not started: `instep start scim`" in scim.run("status", "scim").stdout


def test_notices_that_wait_for_a_mail_server_are_told(scim: CommandLine) -> None:
    keys = scim.hire("unsent", 6)
    scim.notify("it@firm.example")
    scim.run("sync", "scim")
    scim.company(delete=keys)
    scim.run("sync", "scim")
    text = scim.run("status", "scim").stdout
    assert "Mail isn't set up, and 1 notice waits for it" in text
    assert scim.json("status", "scim")["mailSetUp"] is False
