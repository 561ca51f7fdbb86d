"""`instep log`: what was decided, filtered, downloaded, verified and pruned."""

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine

from instep.cli.log_download import cell


@pytest.fixture
def logged(scim: CommandLine, request: pytest.FixtureRequest) -> CommandLine:
    """Two people made, one of them changed in a second cycle, and one who is disabled and skipped."""
    prefix = request.node.name.replace("test_", "").replace("_", "-")
    keys = scim.hire(prefix, 2, jobTitle="Clerk")
    scim.company(add={"users": {prefix + "out": {"enabled": False}}, "assigned": [prefix + "out"]})
    scim.run("sync", "scim")
    scim.company(set={keys[0]: {"jobTitle": "=1+1"}})
    scim.run("sync", "scim")
    return scim


def entries(line: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in line.run("log", "scim", "--json", *arguments).stdout.splitlines()]


def sequences(line: CommandLine, *arguments: str) -> list[int]:
    return [entry["instep"]["sequence"] for entry in entries(line, *arguments)]


def tamper(line: CommandLine, sql: str) -> None:
    """Change the database behind the program's back."""
    with sqlite3.connect(line.data / "state.sqlite") as connection:
        connection.execute(sql)
    connection.close()


def test_newest_comes_first_unless_the_oldest_is_asked_for(logged: CommandLine) -> None:
    newest = sequences(logged)
    assert newest == sorted(newest, reverse=True)
    assert sequences(logged, "--oldest-first") == newest[::-1]
    assert entries(logged)[0]["provisioningAction"] == "update"


def test_filters_narrow_what_is_shown(logged: CommandLine) -> None:
    skipped = entries(logged, "--status", "skipped")
    assert [e["provisioningStatusInfo"]["status"] for e in skipped] == ["skipped"]
    assert [e["provisioningAction"] for e in entries(logged, "--action", "create")] == ["create", "create"]
    name = entries(logged, "--action", "update")[0]["sourceIdentity"]["displayName"]
    assert {e["provisioningAction"] for e in entries(logged, "--person", name.upper())} == {"create", "update"}
    cycle = entries(logged)[0]["cycleId"]
    assert len(entries(logged, "--cycle", cycle)) == len(entries(logged, "--cycle", cycle.replace("-", ""))) == 1
    assert len(entries(logged, "--limit", "1")) == 1
    assert "Nothing in the log of scim fits." in logged.run("log", "scim", "--action", "delete").stdout


def test_time_narrows_what_is_shown(logged: CommandLine) -> None:
    moments = sorted(entry["activityDateTime"] for entry in entries(logged))
    assert len(entries(logged, "--since", "1h")) == 4
    assert entries(logged, "--until", "1h") == []
    assert [e["activityDateTime"] for e in entries(logged, "--since", moments[-1])] == moments[-1:]
    assert moments[-1] not in [e["activityDateTime"] for e in entries(logged, "--until", moments[-1])]
    refused = logged.run("log", "scim", "--since", "yesterday")
    assert refused.exit_code == 2
    assert "--since: 'yesterday' isn't a time; give a time (2026-03-01" in refused.stderr


def test_entry_shows_before_and_after_and_its_steps(logged: CommandLine) -> None:
    text = logged.run("log", "scim", "--action", "update", "--steps").stdout
    assert "title  Clerk → =1+1" in text
    assert "scoping" in text
    assert "in scope" in text
    assert "PATCH /Users/" in text


def test_json_is_graphs_with_the_requests_behind_it(logged: CommandLine) -> None:
    [update] = entries(logged, "--action", "update")
    assert update["modifiedProperties"] == [{"displayName": "title", "oldValue": "Clerk", "newValue": "=1+1"}]
    assert update["servicePrincipal"]["id"] == update["jobId"] == "scim"
    assert update["initiatedBy"]["initiatorType"] == "system"
    assert [(r["method"], r["status"]) for r in update["instep"]["requests"]] == [("PATCH", 204)]
    assert [s["name"] for s in update["provisioningSteps"]][-1] == "EntryExportUpdate"


def test_members_are_named_in_every_form(scim: CommandLine) -> None:
    keys = scim.hire("named", 3)
    scim.company(
        add={"groups": {"named-sales": {"name": "Named Sales", "members": keys[:2]}}, "assigned": ["named-sales"]}
    )
    scim.run("sync", "scim")
    text = scim.run("log", "scim", "--person", "Named Sales").stdout
    assert "+ named00@contoso.example, named01@contoso.example\n" in text
    [made] = entries(scim, "--person", "Named Sales")
    assert made["instep"]["membersAdded"]["number"] == 2
    assert [m["name"] for m in made["instep"]["membersAdded"]["named"]] == [
        "named00@contoso.example",
        "named01@contoso.example",
    ]
    assert {
        "displayName": "members",
        "oldValue": None,
        "newValue": "named00@contoso.example,named01@contoso.example",
    } in (made["modifiedProperties"])


def test_csv_is_three_files_joined_by_the_change_and_has_no_formula(logged: CommandLine, tmp_path: Path) -> None:
    result = logged.run("log", "scim", "--csv", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert "4 entries in" in result.stderr
    files = {}
    for name in ("provisioning.csv", "steps.csv", "modified-properties.csv"):
        with (tmp_path / "out" / name).open(newline="", encoding="utf-8") as file:
            files[name] = list(csv.DictReader(file))
    main, steps, properties = files.values()
    assert sorted(row["provisioningAction"] for row in main) == ["create", "create", "other", "update"]
    assert {row["changeId"] for row in main} == {row["changeId"] for row in steps}
    [title] = [row for row in properties if row["changeId"] == main[0]["changeId"]]
    assert (title["displayName"], title["oldValue"], title["newValue"]) == ("title", "Clerk", "'=1+1")
    for row in (*main, *steps, *properties):
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_cell_that_a_spreadsheet_would_run_becomes_text(formula: str) -> None:
    assert cell(formula) == "'" + formula


def test_json_and_csv_at_once_is_bad_usage(logged: CommandLine) -> None:
    assert logged.run("log", "scim", "--json", "--csv", "x").exit_code == 2


def test_log_of_an_app_that_was_removed_can_be_read_and_verified(logged: CommandLine) -> None:
    assert logged.run("app", "remove", "scim", "--yes").exit_code == 0
    assert len(entries(logged)) == 4
    assert logged.run("log", "verify", "scim").exit_code == 0
    unknown = logged.run("log", "nonesuch")
    assert unknown.exit_code == 2
    assert "there's no app 'nonesuch'" in unknown.stderr


def test_intact_log_is_verified_and_gives_a_checkpoint(logged: CommandLine) -> None:
    result = logged.run("log", "verify")
    assert result.exit_code == 0, result.output
    assert "scim: 4 entries, intact" in result.stdout
    [report] = logged.json("log", "verify", "scim")
    assert (report["intact"], report["entries"], report["faults"]) == (True, 4, [])
    assert f"checkpoint {report['checkpoint']}" in result.stdout
    kept = logged.run("log", "verify", "scim", "--contains", report["checkpoint"])
    assert kept.exit_code == 0
    assert "The entry 4 of the checkpoint is in it." in kept.stdout
    other = report["checkpoint"].split(":")[0] + ":" + "0" * 64
    replaced = logged.run("log", "verify", "scim", "--contains", other)
    assert replaced.exit_code == 1
    assert "the log was replaced by another" in replaced.stderr
    assert logged.run("log", "verify", "scim", "--contains", "four").exit_code == 2
    assert logged.run("log", "verify", "--contains", report["checkpoint"]).exit_code == 2


def test_tampered_log_is_told_with_the_entry_and_what_was_done_to_it(logged: CommandLine) -> None:
    tamper(logged, "UPDATE log SET reason = 'forged' WHERE sequence = 2")
    tamper(logged, "DELETE FROM log WHERE sequence = 4")
    result = logged.run("log", "verify", "scim")
    assert result.exit_code == 1
    assert "scim: the log was tampered with" in result.stdout
    assert "changed    entry 2: it isn't what its hash says" in result.stdout
    assert "missing    after the entry 3: what followed it, up to the entry 4, is gone" in result.stdout
    told = json.loads(logged.run("log", "verify", "scim", "--json").stdout)
    assert [(f["how"], f["sequence"]) for f in told[0]["faults"]] == [("changed", 2), ("missing", 3)]


def test_log_without_entries_is_verified(line: CommandLine, scim: CommandLine) -> None:
    assert "There is no log yet." in scim.run("log", "verify").stdout
    assert scim.run("log", "verify", "scim").exit_code == 0
    assert scim.run("log", "verify", "nonesuch").exit_code == 2


def test_old_entries_are_pruned_and_the_rest_still_verified(
    logged: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "0 entries older than 30 days taken away" in logged.run("log", "prune").stdout
    monkeypatch.setenv("INSTEP_LOG_DAYS", "7")
    assert "older than 7 days" in logged.run("log", "prune").stdout
    monkeypatch.setenv("INSTEP_LOG_DAYS", "0")
    assert logged.run("log", "prune").exit_code == 2


def test_help_of_each_command_has_an_example(line: CommandLine) -> None:
    for words in (["log"], ["log", "show"], ["log", "verify"], ["log", "prune"], ["report"]):
        assert "Example: instep" in line.run(*words, "--help").stdout, words
