"""`instep diff`: what a document says otherwise than what is set."""

import codecs
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.documents.entra_exports import EXPORTS
from tests.documents.test_app_document import TEN

ADD = ("app", "add", "scim", "--name", "crm", "--url", "https://crm.example/scim", "--token-env", "APP_TOKEN")


@pytest.fixture
def file(line: CommandLine, tmp_path: Path) -> Path:
    """An app's document, as it was exported."""
    assert line.run(*ADD).exit_code == 0
    file = tmp_path / "crm.yaml"
    assert line.run("export", "crm", "-o", str(file)).exit_code == 0
    return file


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_was_exported_differs_in_nothing(line: CommandLine, file: Path) -> None:
    result = line.run("diff", "-f", str(file))
    assert (result.exit_code, result.stdout) == (0, f"crm is as {file} says.\n")


def test_each_difference_is_a_line_and_nothing_is_changed(line: CommandLine, file: Path) -> None:
    change(file, "scope: assigned", "scope: all")
    change(file, "source: '[jobTitle]'", "source: '[department]', required: true")
    change(file, "interval_minutes: 40", "interval_minutes: 15")
    change(file, "name: SCIM 2.0 (any app)", "name: The CRM")
    for _ in range(2):
        result = line.run("diff", "-f", str(file), "crm")
        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            "display_name: SCIM 2.0 (any app) → The CRM",
            "rules.users.mappings: title: source [jobTitle] → [department]; required false → true",
            "rules.scope: assigned → all",
            "schedule.interval_minutes: 40 → 15",
        ]


def test_the_token_is_not_compared(line: CommandLine, file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "token: {env: NOBODY_HAS_SET_THIS}\n", encoding="utf-8")
    assert line.run("diff", "-f", str(file)).exit_code == 0


def test_an_app_that_is_not_there_differs(line: CommandLine, file: Path) -> None:
    change(file, "name: crm", "name: hr")
    result = line.run("diff", "-f", str(file))
    assert result.exit_code == 1
    assert "hr isn't there yet" in result.stdout


def test_a_schema_is_compared_with_what_it_would_become(line: CommandLine, file: Path) -> None:
    result = line.run("diff", "-f", str(EXPORTS / "grown-app.json"), "crm")
    assert result.exit_code == 1
    assert "rules.nesting.scope: descendants → direct" in result.stdout
    assert "note: synchronizationRules[0].objectMappings[0].scope.inputFilterGroups" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_windows_writes_them_are_read(line: CommandLine, file: Path, encoding: str) -> None:
    text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
    file.write_bytes(text.encode(encoding))
    assert file.read_bytes().startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    assert line.run("diff", "-f", str(file)).exit_code == 0


def test_standard_input_is_a_file_too(line: CommandLine, file: Path) -> None:
    assert line.run("diff", "-f", "-", stdin=file.read_text(encoding="utf-8")).exit_code == 0


def test_ten_faults_are_told_with_their_lines(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "ten.yaml"
    file.write_text(TEN, encoding="utf-8")
    result = line.run("diff", "-f", str(file))
    assert result.exit_code == 2
    *faults, last = result.stderr.splitlines()
    assert last == f"error: {file} can't be used: 10 faults"
    assert [int(fault.removeprefix(f"{file}:").partition(":")[0]) for fault in faults] == [
        1, 3, 4, 5, 7, 12, 13, 16, 17, 20,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (b"\xff\xfe\x00", (), "can't be read: byte 3 is no UTF-16"),
        (b"name: \xe4", (), "can't be read: byte 7 is no UTF-8"),
        (b'{"synchronizationRules": [', ("crm",), "isn't JSON: Input data was truncated"),
        (b'{"synchronizationRules": []}', (), "is an Entra schema, which doesn't say what the app is called"),
        (b'{"synchronizationRules": []}', ("hr",), "there's no app 'hr'; an Entra schema has no URL"),
        (b'{"synchronizationRules": []}', ("crm",), "no object mapping has the sourceObjectName User"),
        (b'{"synchronizationRules": ' + b"[" * 100_000, ("crm",), "isn't JSON: "),
        (b"a: 1", (), "a: there is no key `a`"),
    ],
)
def test_what_can_not_be_read_is_told(
    line: CommandLine, file: Path, content: bytes, arguments: tuple[str, ...], said: str
) -> None:
    file.write_bytes(content)
    result = line.run("diff", "-f", str(file), *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_and_one_of_another_app_are_told(line: CommandLine, file: Path) -> None:
    missing = line.run("diff", "-f", str(file.with_name("missing.yaml")))
    assert missing.exit_code == 2
    assert "missing.yaml can't be read: No such file or directory" in missing.stderr
    other = line.run("diff", "-f", str(file), "hr")
    assert (other.exit_code, other.stderr) == (2, f"error: {file} is about the app crm, not hr\n")


def test_apps_that_can_not_be_provisioned_are_refused(line: CommandLine, file: Path) -> None:
    change(file, "template: scim", "template: box")
    result = line.run("diff", "-f", str(file))
    assert result.exit_code == 2
    assert "template: Box isn't provisionable yet" in result.stderr
