"""Fixtures of the command line's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp, running


@pytest.fixture(scope="session")
def server() -> Iterator[IndependentApp]:
    """Somebody else's SCIM server. All tests share it, so each uses names of its own."""
    with running() as app:
        yield app


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line with no data yet."""
    monkeypatch.setenv("INSTEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("APP_TOKEN", "s3cr3t-t0ken")
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(tmp_path / "data")


@pytest.fixture
def scim(line: CommandLine, server: IndependentApp) -> CommandLine:
    """A command line with the app `scim`: the server."""
    result = line.run("app", "add", "scim", "--url", server.url, "--token-env", "APP_TOKEN")
    assert result.exit_code == 0, result.stderr
    return line
