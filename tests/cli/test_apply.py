"""`instep apply`: what changes, what that does to people, and nothing without consent."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp
from tests.documents.entra_exports import EXPORTS

from instep.cli import apply as command

Change = Callable[[dict[str, Any]], None]


def edited(line: CommandLine, folder: Path, change: Change, app: str = "scim") -> str:
    """The app's document with something changed in it, as a file."""
    document = yaml.safe_load(line.run("export", app).stdout)
    change(document)
    file = folder / f"{app}.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return str(file)


def only(department: str) -> Change:
    """Users of one department only."""
    clause = {"attribute": "department", "operator": "EQUALS", "value": department}

    def change(document: dict[str, Any]) -> None:
        document["rules"]["users"]["filters"] = [{"name": "Only", "clauses": [clause]}]

    return change


def accounts(server: IndependentApp, prefix: str) -> list[dict[str, Any]]:
    """The app's users whose name begins so, by name."""
    with urllib.request.urlopen(f"{server.url}/Users?count=1000") as answer:
        users = json.load(answer)["Resources"]
    return sorted((user for user in users if user["userName"].startswith(prefix)), key=lambda user: user["userName"])


def active(server: IndependentApp, prefix: str) -> list[bool]:
    return [user["active"] for user in accounts(server, prefix)]


# ------------------------------------------------------------------- the change that would cost people their access


def test_a_filter_that_half_of_the_people_fail_is_shown_held_and_disables_nobody(
    scim: CommandLine, server: IndependentApp, tmp_path: Path
) -> None:
    scim.hire("half-a", 3, department="Engineering")
    scim.hire("half-b", 3, department="Enginering")
    assert scim.run("sync", "scim").exit_code == 0
    asked = server.requests()

    file = edited(scim, tmp_path, only("Engineering"))
    before = scim.run("export", "scim").stdout
    result = scim.run("apply", "-f", file)
    assert result.exit_code == 2
    assert "rules.users.filters: Only is new (clauses department EQUALS 'Engineering')" in result.stdout
    assert "The guard would hold:" in result.stdout
    assert "3 of 6 people would lose access" in result.stdout
    assert "hold    half-b00@contoso.example" in result.stdout
    assert "half-a00" not in result.stdout
    assert "there's no terminal to ask in; --yes" in result.stderr
    assert scim.run("export", "scim").stdout == before
    assert server.requests() == asked

    result = scim.run("apply", "-f", file, "--yes")
    assert result.exit_code == 0
    assert "hold    half-b00@contoso.example" in result.stdout
    assert "The next cycle looks at everyone again" in result.stdout
    assert server.requests() == asked
    assert scim.run("sync", "scim").exit_code == 4
    assert active(server, "half-") == [True] * 6
    assert scim.run("sync", "scim").exit_code == 4
    assert active(server, "half-") == [True] * 6

    assert scim.run("approve", "scim", "--yes").exit_code == 0
    scim.run("sync", "scim")
    assert active(server, "half-") == [True] * 3 + [False] * 3


def test_links_are_kept_when_rules_change(scim: CommandLine, server: IndependentApp, tmp_path: Path) -> None:
    scim.hire("kept", 3, jobTitle="Clerk", department="Sales")
    scim.run("sync", "scim")

    def change(document: dict[str, Any]) -> None:
        [row] = [row for row in document["rules"]["users"]["mappings"] if row["target"] == "title"]
        row["source"] = "[department]"

    file = edited(scim, tmp_path, change)
    result = scim.run("apply", "-f", file, "--yes")
    assert result.exit_code == 0
    assert "rules.users.mappings: title: source [jobTitle] → [department]" in result.stdout
    assert result.stdout.count("title  Clerk → Sales") == 3
    assert scim.run("sync", "scim").exit_code == 0
    assert [user["title"] for user in accounts(server, "kept")] == ["Sales"] * 3
    again = scim.run("apply", "-f", file)
    assert (again.exit_code, again.stdout) == (0, "scim is like that already.\n")


# ------------------------------------------------------------------------------------------------ what is kept


def test_an_app_that_is_not_there_is_made(
    line: CommandLine, server: IndependentApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crm.token").write_text("another-s3cr3t\n", encoding="utf-8")
    document = f"""
name: crm
display_name: The CRM
tenant_url: {server.url}
token: {{file: crm.token}}
schedule: {{interval_minutes: 15}}
rules:
  scope: all
  roles:
    - {{id: r1, value: admin, display_name: Admin}}
  users:
    mappings:
      - {{target: userName, source: "[userPrincipalName]", matching: 1, required: true}}
"""
    file = tmp_path / "crm.yaml"
    file.write_text(document, encoding="utf-8")
    line.hire("made", 2, "crm")
    monkeypatch.chdir(tmp_path.parent)
    result = line.run("apply", "-f", str(file), "--yes")
    assert result.exit_code == 0, result.stderr
    assert "crm would be made:\n  The CRM at" in result.stdout
    assert "create  made00@contoso.example" in result.stdout
    assert "crm is made." in result.stdout
    assert "s3cr3t" not in result.output
    with line_state(line) as reader:
        app = reader.app("crm")
        assert app is not None
        assert (app.interval_minutes, [role.value for role in app.roles]) == (15, ["admin"])
        assert reader.token("crm") == "another-s3cr3t"
    assert line.run("sync", "crm").exit_code == 0
    assert "crm is like that already" in line.run("apply", "-f", str(file)).stdout


def line_state(line: CommandLine) -> Any:
    from contextlib import contextmanager

    from instep import wiring

    @contextmanager
    def reading() -> Any:
        state = wiring.state(line.settings)
        try:
            with state.reading() as reader:
                yield reader
        finally:
            state.close()

    return reading()


def test_a_new_token_is_kept_and_never_shown(
    scim: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXT_TOKEN", "n3xt-s3cr3t")
    file = edited(scim, tmp_path, lambda document: document.update(token={"env": "NEXT_TOKEN"}))
    result = scim.run("apply", "-f", file, "--yes")
    assert result.exit_code == 0
    assert "token: another one than the one that is kept" in result.stdout
    assert "s3cr3t" not in result.output
    assert "like that already" in scim.run("apply", "-f", file).stdout
    with line_state(scim) as reader:
        assert reader.token("scim") == "n3xt-s3cr3t"
    monkeypatch.delenv("NEXT_TOKEN")
    result = scim.run("apply", "-f", file)
    assert result.exit_code == 2
    assert "there's no token in the environment variable NEXT_TOKEN" in result.stderr


def test_an_entra_schema_is_applied_to_an_app(scim: CommandLine, tmp_path: Path) -> None:
    scim.hire("schema", 1, department="Sales")
    result = scim.run("apply", "-f", str(EXPORTS / "default-app.json"), "scim", "--yes")
    assert result.exit_code == 0
    assert "rules.nesting.members: flattened → direct" in result.stdout
    assert "create  schema00@contoso.example" in result.stdout
    assert scim.run("sync", "scim").exit_code == 0


# -------------------------------------------------------------------------------------------- what is refused


def move(document: dict[str, Any]) -> None:
    document["tenant_url"] = "https://elsewhere.example/scim"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (move, "the token that is kept was made for 127.0.0.1; "),
        (lambda document: document.update(template="mixpanel"), "scim was made from the template scim and keeps it"),
        (lambda document: document.update(name="hr"), "hr isn't there yet, so "),
        (lambda document: document.update(tenant_url="http://app.example"), "tenant_url: 'http://app.example': the"),
        (lambda document: document.update(rules={}), "rules: missing the key `users`"),
    ],
)
def test_what_can_not_be_applied_changes_nothing(scim: CommandLine, tmp_path: Path, change: Change, said: str) -> None:
    before = scim.run("export", "scim").stdout
    result = scim.run("apply", "-f", edited(scim, tmp_path, change), "--yes", "--no-plan")
    assert result.exit_code == 2
    assert said in result.stderr
    assert scim.run("export", "scim").stdout == before


def test_an_app_out_of_reach_keeps_its_rules_unless_no_plan_is_wanted(line: CommandLine, tmp_path: Path) -> None:
    line.run("app", "add", "scim", "--url", "http://127.0.0.1:9/scim", "--token-env", "APP_TOKEN")
    line.hire("unreached", 1)
    file = edited(line, tmp_path, only("Sales"))
    line.company(set={"unreached00": {"department": "Sales"}})
    before = line.run("export", "scim").stdout
    result = line.run("apply", "-f", file, "--yes")
    assert result.exit_code == 3
    assert line.run("export", "scim").stdout == before
    assert line.run("apply", "-f", file, "--yes", "--no-plan").exit_code == 0
    assert "department" in line.run("export", "scim").stdout


def test_an_app_that_somebody_else_changed_meanwhile_is_left(
    scim: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = edited(scim, tmp_path, only("Sales"))

    def meanwhile(*_: Any, **__: Any) -> None:
        assert scim.run("app", "set", "scim", "--scope", "all").exit_code == 0

    monkeypatch.setattr(command, "_show_plan", meanwhile)
    result = scim.run("apply", "-f", file, "--yes")
    assert result.exit_code == 2
    assert "somebody else has changed scim meanwhile" in result.stderr
    after = scim.run("export", "scim").stdout
    assert "scope: all" in after
    assert "Sales" not in after


def test_rules_that_can_not_be_used_any_more_are_replaced(scim: CommandLine, tmp_path: Path) -> None:
    file = edited(scim, tmp_path, lambda _: None)
    scim.rules("scim", lambda rules: rules | {"scope": "whatever"})
    result = scim.run("apply", "-f", file, "--yes", "--no-plan")
    assert result.exit_code == 0
    assert "rules: all of them, since those that are kept can't be used" in result.stdout
    assert scim.run("diff", "-f", file).exit_code == 0


# ----------------------------------------------------------------------------------------- credentials and settings


def test_settings_are_exported_and_applied_again_without_their_secret(scim: CommandLine, tmp_path: Path) -> None:
    given = ["--oauth-token-url", "https://login.example/token", "--client-id", "instep", "--token-env", "APP_TOKEN"]
    mails = ["--notify", "it@contoso.example", "--audit", "repair", "--token-expires", "2031-01-31"]
    assert scim.run("app", "set", "scim", *given, *mails).exit_code == 0
    exported = scim.run("export", "scim").stdout
    assert "s3cr3t" not in exported
    file = edited(scim, tmp_path, lambda _: None)
    assert "is like that already" in scim.run("apply", "-f", file, "--yes").stdout
    silent = edited(scim, tmp_path, lambda document: document["credentials"].pop("expires"))
    assert "is like that already" in scim.run("apply", "-f", silent, "--yes").stdout
    file = edited(scim, tmp_path, lambda document: document.update(audit={"policy": "report"}, notifications={}))
    result = scim.run("apply", "-f", file, "--yes", "--no-plan")
    assert "audit.policy: repair → report" in result.stdout
    assert "notifications.addresses: it@contoso.example → none" in result.stdout
    assert "expires: '2031-01-31'" in scim.run("export", "scim").stdout


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({"kind": "client_credentials", "token_url": "https://l.example/t", "client_id": "i"}, "is a bearer token; "),
        ({"kind": "client_credentials", "token_url": "http://l.example/t", "client_id": "i"}, "unencrypted"),
        ({"kind": "client_credentials", "client_secret": "s3cr3t-1"}, "the secret is read from where `token` says"),
    ],
)
def test_credentials_that_can_not_be_applied_change_nothing(
    scim: CommandLine, tmp_path: Path, credentials: dict[str, str], said: str
) -> None:
    before = scim.run("export", "scim").stdout
    file = edited(scim, tmp_path, lambda document: document.update(credentials=credentials))
    result = scim.run("apply", "-f", file, "--yes", "--no-plan")
    assert (result.exit_code, said in result.stderr, "s3cr3t-1" in result.output) == (2, True, False)
    assert scim.run("export", "scim").stdout == before
