"""`instep rules`: expressions tried on people, and rules tested as code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "how-to" / "ask-why.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"^```yaml\n(document: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
RULES = """\
name: mixpanel
display_name: Mixpanel
tenant_url: https://mixpanel.com/api/app/scim/v2
rules:
  default_access: false
  roles:
    - {id: member, value: member, display_name: Member}
    - {id: viewer, value: viewer, display_name: Viewer, provisions: false}
  users:
    filters:
      - {name: Sales, clauses: [{attribute: department, operator: EQUALS, value: Sales}]}
    mappings:
      - {target: userName, source: '[userPrincipalName]', matching: 1}
      - {target: displayName, source: 'Join(" ", [givenName], [surname])'}
      - {target: title, source: '[jobTitle]'}
      - {target: nickName, source: '[city]', default: nobody}
      - {target: locale, source: 'Redact([country])'}
      - {target: timezone, source: 'CDate([timezone])'}
      - {target: 'MANAGER', source: '[manager]', reference: true}
""".replace("MANAGER", MANAGER)


@pytest.fixture
def folder(line: CommandLine, tmp_path: Path) -> Path:
    """A folder with an app document in it, as it would be kept in git."""
    (tmp_path / "mixpanel.yaml").write_text(RULES)
    return tmp_path


def tried(line: CommandLine, folder: Path, text: str, *arguments: str) -> Any:
    """The result of testing what this file says."""
    (folder / "tests.yaml").write_text(text)
    return line.run("rules", "test", str(folder / "tests.yaml"), *arguments)


def outcomes(line: CommandLine, folder: Path, tests: str) -> dict[str, Any]:
    """What came of each thing that a test of a sales person expects, by its name; True where it's as expected."""
    head = "document: mixpanel.yaml\ntests:\n  - person: {userPrincipalName: a@x.example, department: Sales}\n"
    told = json.loads(tried(line, folder, head + tests, "--json").stdout)
    return {check["what"]: check["passed"] or check["got"] for check in told["tests"][0]["checks"]}


# ------------------------------------------------------------------------------------------------- eval


def test_value_stands_alone_and_its_type_below(line: CommandLine) -> None:
    line.company(add={"users": {"eva": {"givenName": "Eva", "surname": "Alt", "otherMails": ["a@x", "b@x"]}}})
    result = line.run("rules", "eval", 'Join(" ", [givenName], [surname])', "--user", "eva@contoso.example")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == 'Eva Alt\ntext; givenName is "Eva"; surname is "Alt"\n'
    told = line.json("rules", "eval", "Join([givenName],[surname], [jobTitle])", "--user", "eva")
    assert told["expression"] == "Join([givenName], [surname], [jobTitle])"
    assert told["reads"] == {"givenName": "Eva", "jobTitle": None, "surname": "Alt"}


@pytest.mark.parametrize(
    ("expression", "value", "kind"),
    [
        ("[surname]", "Alt", "text"),
        ("[jobTitle]", None, "nothing"),
        ("Len([surname])", 3, "whole number"),
        ("[accountEnabled]", True, "true or false"),
        ("[otherMails]", ["a@x", "b@x"], "list of texts"),
        ("IgnoreFlowIfNullOrEmpty([jobTitle])", None, "left out"),
        ('SelectUniqueValue([surname], Append([surname], "2"))', ["Alt", "Alt2"], "candidates"),
        ("Redact([surname])", "[Redact]", "redacted"),
        ("[manager]", None, "nothing"),
    ],
)
def test_value_has_a_type(line: CommandLine, expression: str, value: Any, kind: str) -> None:
    line.company(add={"users": {"eva": {"surname": "Alt", "otherMails": ["a@x", "b@x"]}}})
    told = line.json("rules", "eval", expression, "--user", "eva")
    assert (told["value"], told["type"]) == (value, kind)


def test_redacted_value_and_what_it_is_made_from_are_not_shown(line: CommandLine) -> None:
    line.company(add={"users": {"eva": {"surname": "Undercover"}}})
    for form in ((), ("--json",)):
        text = line.run("rules", "eval", "Redact([surname])", "--user", "eva", *form).output
        assert "Undercover" not in text
        assert "[Redact]" in text


def test_roles_are_those_in_the_app_that_is_named(scim: CommandLine) -> None:
    role = {"id": "member", "value": "member", "display_name": "Member"}
    scim.rules("scim", lambda rules: {**rules, "roles": [role]})
    scim.company(add={"users": {"rolf": {}}, "assigned": [{"rolf": "member"}]})
    asked = ("rules", "eval", "SingleAppRoleAssignment([appRoleAssignments])", "--user", "rolf")
    assert scim.json(*asked, "--app", "scim")["value"] == "member"
    refused = scim.run(*asked)
    assert refused.exit_code == 2
    assert "name it by --app" in refused.stderr
    assert scim.run(*asked, "--app", "none").exit_code == 2


def test_warnings_are_told_beside_the_value(line: CommandLine) -> None:
    line.company(add={"users": {"eva": {}}})
    result = line.run("rules", "eval", "Guid()", "--user", "eva")
    assert "warning: " in result.stderr
    assert len(result.stdout.splitlines()[0]) == 36
    [warning] = line.json("rules", "eval", "Guid()", "--user", "eva")["warnings"]
    assert "new" in warning


@pytest.mark.parametrize(
    ("expression", "shown", "caret"),
    [
        ("Lef([surname], 1)", "Lef([surname], 1)", 0),
        ('"Ærø" & Lef([surname], 1)', '"Ærø" & Lef([surname], 1)', 8),
        ('"日本" & Lef([surname], 1)', '"日本" & Lef([surname], 1)', 9),
        ("Left([surname],\n  Foo)", "  Foo)", 2),
        ('"\x1b" & Foo', '"\\u001b" & Foo', 11),
        ("", "", 0),
    ],
)
def test_faulty_expression_is_shown_with_a_caret_under_the_fault(
    line: CommandLine, expression: str, shown: str, caret: int
) -> None:
    result = line.run("rules", "eval", expression, "--user", "eva")
    assert result.exit_code == 2
    said, *below = result.stderr.split("\n")
    assert said.startswith("error: ")
    assert below == [f"  {shown}", f"  {' ' * caret}^", ""]


def test_long_expression_is_shown_around_the_fault(line: CommandLine) -> None:
    expression = f'Append("{"x" * 500}", Lef([surname], 1), "{"y" * 500}")'
    _, shown, caret, _ = line.run("rules", "eval", expression, "--user", "eva").stderr.split("\n")
    assert len(shown) < 210
    assert shown[caret.index("^") :].startswith("Lef(")


def test_expression_without_a_value_for_this_person_ends_with_exit_code_1(line: CommandLine) -> None:
    line.company(add={"users": {"eva": {"jobTitle": "Clerk"}}})
    result = line.run("rules", "eval", "CDate([jobTitle])", "--user", "eva")
    assert result.exit_code == 1
    assert "Clerk" in result.stderr
    assert result.stderr.count("\n") == 1


def test_nobody_of_that_name_ends_with_exit_code_2(line: CommandLine) -> None:
    missing = line.run("rules", "eval", "[mail]", "--user", "eva")
    assert missing.exit_code == 2
    assert "no directory" in missing.stderr
    line.company(add={"users": {"eva": {}}})
    unknown = line.run("rules", "eval", "[mail]", "--user", "evi")
    assert unknown.exit_code == 2
    assert "There is no user 'evi'" in unknown.stderr


# ------------------------------------------------------------------------------------------------- test


def test_example_of_the_page_passes_without_a_directory(line: CommandLine, folder: Path) -> None:
    result = tried(line, folder, EXAMPLE)
    assert result.exit_code == 0, result.output
    shown = re.search(r"\$ instep rules test .*?\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    assert result.stdout == shown[1]
    assert not line.data.exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("displayName: Anna Alt", "displayName: Anna Neu", 'displayName: expected "Anna Neu", got "Anna Alt"'),
        ("title: null", "title: Boss", 'title: expected "Boss", got nothing'),
        ("manager: bob\n\n", "manager: carl\n\n", 'expected "carl", got "bob"'),
        ("clause: role", "clause: filter", 'scope: expected "out: filter", got "out: '),
        ("clause: department EQUALS 'Sales'", "clause: department IS NULL", 'expected "out: department IS NULL"'),
        ("roles: [Member]\n    scope: in", "roles: [Viewer]\n    scope: in", 'scope: expected "in", got "out: '),
        ("accountEnabled: false", "accountEnabled: true", 'expected "out: disabled", got "in"'),
        ("[a, b]", "[a, c]", 'expected ["a", "c"], got ["a", "b"]'),
        ("{fails: no cost centre}", "cheap", 'expected "cheap", got {"fails": "no cost centre'),
        ("{fails: no cost centre}", "{fails: no room}", 'expected {"fails": "no room"}, got {"fails": "no cost'),
        ("Left([givenName], 1): A", "Len([givenName]): '4'", 'expected "4", got 4'),
        ("Left([givenName], 1): A", 'Now(): "2026-03-02"', 'expected "2026-03-02", got "3/2/2026 9:00:00 AM"'),
    ],
)
def test_failure_says_what_was_expected_and_what_came(
    line: CommandLine, folder: Path, old: str, new: str, said: str
) -> None:
    assert EXAMPLE.count(old) == 1, "the page's example is another"
    result = tried(line, folder, EXAMPLE.replace(old, new))
    assert result.exit_code == 1
    assert said in result.stdout
    assert "4 passed, 1 failed" in result.stdout
    failed = re.search(r"^fail  (.*) \(line (\d+)\)$", result.stdout, re.MULTILINE)
    assert failed
    assert EXAMPLE.splitlines()[int(failed[2]) - 1] == f"  - name: {failed[1]}"


def test_results_are_json_for_scripts(line: CommandLine, folder: Path) -> None:
    result = tried(line, folder, EXAMPLE.replace("Anna Alt", "Anna Neu"), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["passed"], told["failed"]) == (4, 1)
    first = told["tests"][0]
    assert (first["name"], first["passed"]) == ("sales people get an account", False)
    assert (folder / "tests.yaml").read_text().splitlines()[first["line"] - 1].strip().startswith("- name: sales")
    assert {"what": "displayName", "expected": "Anna Neu", "got": "Anna Alt", "passed": False} in first["checks"]


def test_target_is_what_a_new_account_gets_whatever_the_scope(line: CommandLine, folder: Path) -> None:
    assert outcomes(line, folder, "    targets: {nickName: nobody, ACTIVE: true, timezone: null}\n") == {
        "nickName": True,
        "ACTIVE": True,
        "timezone": True,
    }


def test_target_whose_mapping_fails_fails_alone(line: CommandLine, folder: Path) -> None:
    people = "people:\n  ada: {userPrincipalName: a@x.example, timezone: CET, city: Cork}\n"
    tests = "tests:\n  - person: ada\n    targets: {timezone: {fails: CET}, nickName: Cork}\n"
    assert tried(line, folder, f"document: mixpanel.yaml\n{people}{tests}").exit_code == 0


def test_redacted_value_is_compared_and_not_shown(line: CommandLine, folder: Path) -> None:
    head = "document: mixpanel.yaml\ntests:\n  - person: {userPrincipalName: a@x.example, country: H1DDEN}\n"
    assert tried(line, folder, head + "    targets: {locale: H1DDEN}\n").exit_code == 0
    for form in ((), ("--json",)):
        wrong = tried(line, folder, head + "    targets: {locale: other}\n", *form)
        assert wrong.exit_code == 1
        assert "[Redact]" in wrong.stdout
        assert "H1DDEN" not in wrong.stdout


def test_scope_that_cannot_be_told(line: CommandLine, folder: Path) -> None:
    rules = RULES.replace("operator: EQUALS, value: Sales", 'operator: GREATER_THAN, value: "3"')
    (folder / "mixpanel.yaml").write_text(rules)
    text = "document: mixpanel.yaml\ntests:\n  - {person: {department: Sales}, roles: [Member], scope: not-ready}\n"
    assert tried(line, folder, text).exit_code == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{person: {}, roles: [], scope: out, clause: unassigned}", 0),
        ("{person: {}, roles: [Viewer], scope: out, clause: role}", 0),
        ("{person: {department: Sales}, roles: [Viewer, member], scope: in}", 0),
        ("{person: {department: Sales}, roles: [Member], deleted: true, scope: out, clause: soft-deleted}", 0),
        ("{person: {department: sales}, roles: [Member], scope: out, clause: filter}", 0),
        ("{person: {department: Sales}, roles: [Member], scope: out}", 1),
    ],
)
def test_scope_of_made_up_people(line: CommandLine, folder: Path, given: str, expected: int) -> None:
    assert tried(line, folder, f"document: mixpanel.yaml\ntests:\n  - {given}\n").exit_code == expected


def test_people_of_the_directory_and_rules_that_are_in_force(scim: CommandLine, tmp_path: Path) -> None:
    scim.company(
        add={
            "users": {"tess": {"manager": "tom"}, "tom": {}},
            "groups": {"team": ["tess"]},
            "assigned": ["team"],
        }
    )
    text = f"""
app: scim
tests:
  - {{person: tess@contoso.example, scope: in, targets: {{userName: tess@contoso.example}}}}
  - {{person: tess, targets: {{"{MANAGER}": tom@contoso.example}}}}
  - {{person: tess, targets: {{"{MANAGER}": tom}}}}
  - {{person: Tom, scope: out, clause: unassigned, expressions: {{"[manager]": null}}}}
"""
    result = tried(scim, tmp_path, text)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "4 passed, 0 failed"), result.output


def test_expressions_alone_need_no_app(line: CommandLine, tmp_path: Path) -> None:
    text = "tests:\n  - {person: {mail: a@x.example}, expressions: {'[mail]': a@x.example}}\n"
    assert tried(line, tmp_path, text).exit_code == 0


def test_everything_that_is_wrong_in_a_file_is_told_with_its_line(line: CommandLine, folder: Path) -> None:
    text = """\
document: mixpanel.yaml
now: tomorrow
tests:
  - {person: {mail: [1]}, scope: in}
  - {person: {}}
  - {person: {}, scope: maybe}
  - {person: {}, scope: in, clause: role}
  - {person: {}, targts: {}}
  - {person: {}, targets: []}
  - {person: {}, expressions: {"[a]": 2026-03-02}}
  - {person: {}, expressions: {"[a]": {fail: x}}}
  - {scope: in}
  - {person: eva, roles: [Member], scope: in}
"""
    result = tried(line, folder, text)
    assert result.exit_code == 2
    lines = [text.rpartition("tests.yaml:")[2] for text in result.stderr.splitlines()]
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        "2",
        "4",
        "5",
        "6",
        "7",
        "8",
        "8",
        "9",
        "10",
        "11",
        "12",
        "13",
    ]
    assert "12 faults" in lines[-1]
    assert "did you mean `targets`?" in result.stderr


def test_names_that_do_not_exist_are_told_with_their_lines(line: CommandLine, folder: Path) -> None:
    line.company(add={"users": {"eva": {}}})
    text = """\
document: mixpanel.yaml
tests:
  - {person: evi, scope: in}
  - {person: {}, roles: [Boss], scope: in}
  - {person: {}, targets: {titel: x}}
  - person: {}
    expressions:
      "[a]": null
      "Lef([a], 1)": x
"""
    result = tried(line, folder, text)
    assert result.exit_code == 2
    for number, said in (
        (3, "There is no user 'evi'"),
        (4, "no role 'Boss'; it has: Member, Viewer"),
        (5, "did you mean `title`?"),
        (9, '"Lef" is unknown'),
    ):
        assert re.search(rf":{number}: .*{re.escape(said)}", result.stderr), (said, result.stderr)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: []\n", "1: tests: there is no test"),
        ("", "1: "),
        ("tests: [\n", "no YAML|expected|2: "),
        ("tests:\n  - {person: {}, scope: in}\n", "2: tests[0].scope: is about an app's rules"),
        ("people: [a]\ntests:\n  - {person: a, expressions: {'[b]': null}}\n", "1: people: expected names"),
        ("app: a\ndocument: b\ntests:\n  - {person: {}, scope: in}\n", "2: document: give `app` or `document`"),
        ("tests:\n  - {person: x, expressions: {'[b]': null}}\n", "2: tests[0].person: there's no directory"),
        (
            "tests:\n  - {person: {}, expressions: {'SingleAppRoleAssignment([appRoleAssignments])': null}}\n",
            "2: tests[0].expressions",
        ),
    ],
)
def test_file_that_cannot_be_used_is_refused(line: CommandLine, tmp_path: Path, text: str, said: str) -> None:
    result = tried(line, tmp_path, text)
    assert result.exit_code == 2
    assert re.search("|".join(map(re.escape, said.split("|"))), result.stderr), result.stderr
    assert "Traceback" not in result.stderr


def test_rules_that_cannot_be_used_are_refused_with_their_own_lines(line: CommandLine, folder: Path) -> None:
    (folder / "mixpanel.yaml").write_text(RULES.replace("Join(", "Joyn("))
    result = tried(line, folder, EXAMPLE)
    assert result.exit_code == 2
    assert re.search(r"mixpanel.yaml:\d+: .*Joyn", result.stderr)
    assert tried(line, folder, EXAMPLE.replace("mixpanel.yaml", "none.yaml")).exit_code == 2
    assert line.run("rules", "test", str(folder / "missing.yaml")).exit_code == 2


def test_tests_come_from_standard_input_too(line: CommandLine) -> None:
    text = "tests:\n  - {person: {mail: a@x.example}, expressions: {'[mail]': a@x.example}}\n"
    assert line.run("rules", "test", "-", stdin=text).exit_code == 0
