"""`instep export`: an app as a document."""

import json
from pathlib import Path

import yaml
from tests.cli.command_line import CommandLine
from tests.documents.entra_exports import EXPORTS

from instep.documents.app_document import load

ADD = ("app", "add", "mixpanel", "--name", "mp", "--url", "https://mp.example/scim", "--token-env", "APP_TOKEN")


def test_what_is_exported_is_an_app_document_without_the_token(line: CommandLine) -> None:
    line.run(*ADD)
    result = line.run("export", "mp")
    assert result.exit_code == 0
    document = load(result.stdout)
    assert (document.name, document.template, document.token) == ("mp", "mixpanel", None)
    assert document.tenant_url == "https://mp.example/scim"
    assert not document.rules.default_access
    assert "s3cr3t" not in result.stdout
    assert "# token: {env: MP_TOKEN}" in result.stdout
    assert line.run("export", "mp").stdout == result.stdout


def test_a_file_can_be_named(line: CommandLine, tmp_path: Path) -> None:
    line.run(*ADD)
    file = tmp_path / "mp.yaml"
    assert line.run("export", "mp", "-o", str(file)).stdout == ""
    assert file.read_text(encoding="utf-8") == line.run("export", "mp").stdout
    result = line.run("export", "mp", "-o", str(tmp_path / "missing" / "mp.yaml"))
    assert result.exit_code == 2
    assert "mp.yaml can't be written: No such file or directory" in result.stderr


def test_a_schema_says_what_it_can_not_say(line: CommandLine) -> None:
    line.run(*ADD)
    result = line.run("export", "mp", "--format", "graph")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    [rule] = schema["synchronizationRules"]
    assert [each["name"] for each in rule["objectMappings"]] == [
        "Provision Microsoft Entra ID Users",
        "Provision Microsoft Entra ID Groups",
    ]
    assert "nesting.scope: descendants → direct" in result.stderr
    assert "default_access: false → true" in result.stderr


def test_an_imported_schema_comes_out_as_it_was(line: CommandLine) -> None:
    line.run(*ADD)
    file = EXPORTS / "gallery-app.json"
    assert line.run("apply", "-f", str(file), "mp", "--yes", "--no-plan").exit_code == 0
    result = line.run("export", "mp", "--format", "graph")
    assert json.loads(result.stdout) == json.loads(file.read_text(encoding="utf-8"))
    again = line.run("apply", "-f", str(file), "mp")
    assert "mp is like that already" in again.stdout


def test_a_change_is_written_into_the_imported_schema(line: CommandLine, tmp_path: Path) -> None:
    line.run(*ADD)
    line.run("apply", "-f", str(EXPORTS / "gallery-app.json"), "mp", "--yes", "--no-plan")
    document = yaml.safe_load(line.run("export", "mp").stdout)
    document["rules"]["users"]["filters"] = []
    (tmp_path / "mp.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert line.run("apply", "-f", str(tmp_path / "mp.yaml"), "--yes", "--no-plan").exit_code == 0
    before = json.loads((EXPORTS / "gallery-app.json").read_text(encoding="utf-8"))
    after = json.loads(line.run("export", "mp", "--format", "graph").stdout)
    assert before["synchronizationRules"][1]["objectMappings"][0]["scope"].pop("groups")
    assert after["synchronizationRules"][1]["objectMappings"][0]["scope"].pop("groups") == []
    assert after == before


def test_an_unknown_app_is_named(line: CommandLine) -> None:
    line.run(*ADD)
    result = line.run("export", "crm")
    assert (result.exit_code, result.stderr) == (2, "error: there's no app 'crm'; there are: mp\n")
