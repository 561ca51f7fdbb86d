"""`instep log`: what was decided, filtered and exported."""

import csv
import io
import json
from typing import Any

import pytest
from tests.cli.command_line import CommandLine

from instep.cli.log import cell


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


def test_newest_comes_first_unless_the_oldest_is_asked_for(logged: CommandLine) -> None:
    newest = [entry["sequence"] for entry in entries(logged)]
    assert newest == sorted(newest, reverse=True)
    assert [entry["sequence"] for entry in entries(logged, "--oldest-first")] == newest[::-1]
    assert entries(logged)[0]["action"] == "update"


def test_filters_narrow_what_is_shown(logged: CommandLine) -> None:
    assert [e["status"] for e in entries(logged, "--status", "skipped")] == ["skipped"]
    assert [e["action"] for e in entries(logged, "--action", "create")] == ["create", "create"]
    name = entries(logged, "--action", "update")[0]["name"]
    assert {e["action"] for e in entries(logged, "--person", name.upper())} == {"create", "update"}
    cycle = entries(logged)[0]["cycle"]
    assert len(entries(logged, "--cycle", cycle)) == 1
    assert len(entries(logged, "--limit", "1")) == 1
    assert "Nothing in the log of scim fits." in logged.run("log", "scim", "--action", "delete").stdout


def test_entry_shows_before_and_after_and_its_steps(logged: CommandLine) -> None:
    text = logged.run("log", "scim", "--action", "update", "--steps").stdout
    assert "title  Clerk → =1+1" in text
    assert "scoping" in text
    assert "in scope" in text
    assert "PATCH /Users/" in text


def test_csv_has_a_row_for_each_entry_and_no_formula(logged: CommandLine) -> None:
    text = logged.run("log", "scim", "--csv", "--limit", "0").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 4
    assert rows[0]["changes"] == "title: Clerk -> =1+1"
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_cell_that_a_spreadsheet_would_run_becomes_text(formula: str) -> None:
    assert cell(formula) == "'" + formula


def test_json_and_csv_at_once_is_bad_usage(logged: CommandLine) -> None:
    assert logged.run("log", "scim", "--json", "--csv").exit_code == 2
