"""`instep directory`, `group`, `assign`: what they print, where, and with which exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from instep import wiring
from instep.cli.main import app
from instep.core.app import App
from instep.core.subject import AppRole
from instep.settings import from_environment

FILES = Path(__file__).parent.parent / "sources" / "files"
EDITOR = "5f1f2c8e-9a6b-4c65-8c0e-3a7d9b3f2b10"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `instep` with data of the test's own, and expects the exit code that is given, 0 unless told."""
    monkeypatch.setenv("INSTEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*words: object, code: int = 0, input: str | None = None) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], input=input)
        assert result.exit_code == code, result.output + result.stderr + repr(result.exception)
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def staffed(run: Run) -> Run:
    """The same with a few people and groups."""
    run("directory", "import", FILES / "directory.jsonl", FILES / "entra-users-with-managers.csv", code=1)
    run("directory", "import", FILES / "directory.jsonl", FILES / "google-users.csv")
    return run


def told(result: Result) -> Any:
    """What a command with --json printed: JSON and nothing else."""
    return json.loads(result.stdout)


def test_an_import_says_what_came_of_it_and_json_prints_nothing_else(run: Run) -> None:
    first = run("directory", "import", FILES / "entra-users.csv", FILES / "entra-groups.csv")
    assert "Entra, Download users" in first.stderr
    assert [line.split() for line in first.stdout.splitlines()] == [["CREATED"], ["users", "4"], ["groups", "2"]]
    again = told(run("directory", "import", FILES / "entra-users.csv", "--json"))
    assert again["users"] == {"created": 0, "updated": 0, "restored": 0, "removed": 0, "unchanged": 4}


def test_a_refused_import_lists_its_faults_and_ends_with_1(run: Run) -> None:
    result = run("directory", "import", FILES / "broken-cells.csv", code=1)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[1] == "error: nothing was imported"
    assert lines[2].endswith("broken-cells.csv, line 2, column accountEnabled: 'yes': True or False was expected")
    assert len(lines) == 7
    assert told(run("directory", "list", "--json")) == []


def test_files_that_nobody_knows_are_refused_together(run: Run) -> None:
    result = run("directory", "import", FILES / "broken-unknown-columns.csv", FILES / "no-such.csv", code=1)
    assert "broken-unknown-columns.csv, line 1" in result.stderr
    assert "no-such.csv: can't be opened: No such file or directory" in result.stderr


def test_an_import_that_removes_too_many_names_the_way_out(run: Run) -> None:
    run("directory", "import", FILES / "entra-users.csv")
    refused = run("directory", "import", FILES / "entra-users-empty.csv", "--replace", code=1)
    assert "4 of 4 users would go" in refused.stderr
    assert "--allow-removals 4" in refused.stderr
    run("directory", "import", FILES / "entra-users-empty.csv", "--replace", "--allow-removals", 4)
    assert len(told(run("directory", "list", "--deleted", "--json"))) == 4


def test_allow_removals_without_replace_is_bad_usage(run: Run) -> None:
    run("directory", "import", FILES / "entra-users.csv", "--allow-removals", 4, code=2)


def test_a_list_of_members_needs_a_group(run: Run) -> None:
    members = FILES / "exportGroupMembers_2024-1-31.csv"
    run("directory", "import", FILES / "entra-users.csv", FILES / "entra-groups.csv")
    assert "--group" in run("directory", "import", members, code=1).stderr
    run("directory", "import", members, "--group", "hr taskforce")
    assert [m["name"] for m in told(run("group", "show", "HR Taskforce", "--json"))["members"]] == [
        "anna.muller@contoso.example"
    ]


def test_people_are_listed_found_and_shown(staffed: Run) -> None:
    listed = staffed("directory", "list").stdout
    assert "eleni@contoso.example  Ελένη Παπαδοπούλου" in listed
    assert "disabled" in next(line for line in listed.splitlines() if line.startswith("bob"))
    staffed("directory", "delete", "eleni@contoso.example")
    assert "eleni@contoso.example" not in staffed("directory", "list").stdout
    assert "eleni@contoso.example" in staffed("directory", "list", "--deleted").stdout
    assert "1 user of 3; --limit 0 shows all" in staffed("directory", "list", "--limit", 1).stdout
    assert [u["id"] for u in told(staffed("directory", "list", "ADA", "--json"))] == ["1"]
    shown = told(staffed("directory", "show", "bob@contoso.example", "--json"))
    assert shown["manager"] == {"id": "1", "userPrincipalName": "ada@contoso.example"}
    assert shown["memberOf"] == [{"id": "g1", "displayName": "Crew"}]
    assert shown["appRoleAssignments"] == [{"app": "mixpanel", "role": EDITOR}]
    assert "ada@contoso.example" in staffed("directory", "show", "bob@contoso.example").stdout


def test_somebody_unknown_is_one_line_on_standard_error_and_exit_code_2(staffed: Run) -> None:
    for words in (
        ("directory", "show", "nobody"),
        ("directory", "disable", "nobody"),
        ("group", "show", "nobody"),
        ("directory", "set", "ada@contoso.example", "manager=nobody"),
        ("directory", "set", "ada@contoso.example", "no equals sign"),
        ("directory", "set", "ada@contoso.example", "x:={"),
        ("directory", "set", "ada@contoso.example", "accountEnabled=perhaps"),
        ("directory", "add", "no at sign"),
    ):
        result = staffed(*words, code=2)
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


def test_attributes_are_set_as_text_and_as_json(staffed: Run) -> None:
    staffed(
        "directory",
        "set",
        "1",
        "jobTitle=Head = of all",
        'businessPhones:=["+1"]',
        "displayName=",
        "manager=eleni@contoso.example",
    )
    shown = told(staffed("directory", "show", "1", "--json"))
    assert (shown["jobTitle"], shown["businessPhones"]) == ("Head = of all", ["+1"])
    assert "displayName" not in shown
    assert shown["manager"]["userPrincipalName"] == "eleni@contoso.example"


def test_a_day_of_a_person_by_hand(staffed: Run) -> None:
    staffed("directory", "add", "dot@contoso.example", "displayName=Dot", "manager=Ada")
    staffed("group", "add-member", "Crew", "Dot", "ada@contoso.example")
    staffed("directory", "disable", "Dot", "Ada")
    assert told(staffed("directory", "show", "Dot", "--json"))["accountEnabled"] is False
    staffed("directory", "enable", "Dot")
    assert "within 30 days" in staffed("directory", "delete", "Dot").stdout
    staffed("directory", "restore", "Dot")
    assert told(staffed("directory", "show", "Dot", "--json"))["memberOf"] == [{"id": "g1", "displayName": "Crew"}]
    staffed("directory", "purge", "Dot", "--yes", code=2)
    staffed("directory", "delete", "Dot")
    staffed("directory", "purge", "Dot", code=2)
    staffed("directory", "purge", "Dot", "--yes")
    staffed("directory", "show", "Dot", code=2)
    assert "0 people" in staffed("directory", "purge", "--expired").stdout
    staffed("directory", "purge", code=2)


def test_a_group_s_life(staffed: Run) -> None:
    staffed("group", "add", "Navy", "description=All at sea")
    staffed("group", "rename", "navy", "Royal Navy")
    staffed("group", "add-member", "Royal Navy", "Fleet", "--groups")
    assert "circle" in staffed("group", "add-member", "Crew", "Royal Navy", "--groups", code=2).stderr
    assert [g["displayName"] for g in told(staffed("group", "list", "--json"))] == ["Crew", "Fleet", "Royal Navy"]
    staffed("group", "remove-member", "Royal Navy", "Fleet", "--groups")
    staffed("group", "delete", "Royal Navy")
    assert "Royal Navy" in staffed("group", "list", "--deleted").stdout
    staffed("group", "restore", "Royal Navy")
    assert "All at sea" in staffed("group", "show", "Royal Navy").stdout


def test_control_characters_in_names_do_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "evil.jsonl"
    file.write_text('{"type": "user", "userPrincipalName": "a@x.example", "displayName": "\\u001b[2J\\u202eevil"}\n')
    run("directory", "import", file)
    for words in (("directory", "list"), ("directory", "show", "a@x.example")):
        assert "\x1b[2J" not in run(*words).stdout
        assert "\u202e" not in run(*words).stdout


def test_an_export_can_be_imported_again(staffed: Run, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert staffed("directory", "export", "--output", file).stdout == ""
    text = staffed("directory", "export").stdout
    assert text == file.read_text(encoding="utf-8")
    staffed("--data", tmp_path / "other", "directory", "import", file)
    assert staffed("--data", tmp_path / "other", "directory", "export").stdout == text
    table = staffed("--data", tmp_path / "data", "directory", "export", "--format", "csv").stdout
    assert table.splitlines()[0].startswith("id,userPrincipalName,")
    staffed("directory", "export", "--output", tmp_path / "missing" / "all.jsonl", code=2)
    staffed("directory", "export", "--groups", code=2)


def test_a_company_is_generated(run: Run) -> None:
    words = ("directory", "generate", "--users", 30, "--groups", 2, "--memberships", 40, "--seed", 4)
    assert told(run(*words, "--json"))["memberships"]["created"] == 40
    assert told(run(*words, "--json"))["users"]["unchanged"] == 30
    assert "at most 4" in run("directory", "generate", "--users", 2, "--groups", 2, "--memberships", 5, code=2).stderr


@pytest.fixture
def mixpanel(staffed: Run) -> Run:
    """The same with an app that has roles."""
    roles = (AppRole(EDITOR, "editor", "Editor"), AppRole("r2", "viewer", "Read Only", provisions=False))
    state = wiring.state(from_environment())
    with state.writing() as writer:
        writer.save_app(App("mixpanel", "Mixpanel", "scim", "https://x.example/scim", {}, roles), "token")
    state.close()
    return staffed


def test_an_app_is_assigned_with_a_role_by_any_of_its_names(mixpanel: Run) -> None:
    assert "Ada has Mixpanel" not in mixpanel("assign", "mixpanel", "--user", "Ada", "--role", "editor").stderr
    assert "has already" in mixpanel("assign", "mixpanel", "--user", "Ada", "--role", "EDITOR").stdout
    mixpanel("assign", "mixpanel", "--group", "Crew", "--role", "Read Only")
    given = {(a["principalDisplayName"], a["role"]) for a in told(mixpanel("assignments", "mixpanel", "--json"))}
    assert given == {
        ("ada@contoso.example", "Editor"),
        ("bob@contoso.example", "Editor"),
        ("Crew", "Read Only"),
        ("Fleet", "Default Access"),
    }
    assert "Read Only" in mixpanel("assignments", "mixpanel").stdout
    assert "1 assignment ended" in mixpanel("unassign", "mixpanel", "--group", "Crew").stdout
    mixpanel("unassign", "mixpanel", "--group", "Crew", code=2)


def test_an_unknown_app_or_role_is_refused_with_what_there_is(mixpanel: Run) -> None:
    assert "Editor, Read Only" in mixpanel("assign", "mixpanel", "--user", "Ada", "--role", "Boss", code=2).stderr
    assert "mixpanel" in mixpanel("assign", "mixpannel", "--user", "Ada", code=2).stderr
    assert "--user" in mixpanel("assign", "mixpanel", code=2).stderr
    mixpanel("assign", "mixpanel", "--user", "Ada", "--group", "Crew", code=2)


def test_without_any_app_the_way_out_is_named(run: Run) -> None:
    assert "instep app add" in run("assignments", "mixpanel", code=2).stderr


def test_help_has_an_example_for_every_command(run: Run) -> None:
    for noun in ("directory", "group"):
        page = run(noun, "--help").stdout
        commands = [
            line.split()[1] for line in page.splitlines() if line.startswith("│ ") and not line.startswith("│ --")
        ]
        assert len(commands) >= 8
        for command in commands:
            assert f"Example: instep {noun} {command}" in run(noun, command, "--help").stdout
    for command in ("assign", "unassign", "assignments"):
        assert f"Example: instep {command} mixpanel" in run(command, "--help").stdout


def test_the_first_help_page_imports_no_command() -> None:
    code = (
        "import sys\n"
        "from instep.cli.main import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('sqlalchemy', 'aiohttp', 'msgspec') or "
        "m.startswith('instep.cli.')])"
    )
    page = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "directory" in page
    assert page.splitlines()[-1] == "['instep.cli.main']"


def test_a_misspelt_command_is_told_the_right_one(run: Run) -> None:
    assert "Did you mean 'directory'" in run("direktory", code=2).stderr
