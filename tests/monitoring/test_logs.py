"""The service's own log: what is in its lines, and what never is."""

import json
from typing import Any

import pytest
import structlog

from instep.monitoring import logs


@pytest.fixture(autouse=True)
def as_before() -> Any:
    yield
    structlog.reset_defaults()


def crashed(as_json: bool) -> None:
    logs.configure("debug", as_json)
    secret_of_somebody = "s3cr" + "et"
    try:
        raise RuntimeError(f"something is wrong with {len(secret_of_somebody)} letters")
    except RuntimeError:
        structlog.get_logger().exception("job.fault", job="scim")


@pytest.mark.parametrize("as_json", [True, False])
def test_crash_is_told_with_its_place_and_without_the_values_of_variables(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    crashed(as_json)
    told = capsys.readouterr().err
    assert "something is wrong with 6 letters" in told
    assert "test_logs.py" in told
    assert "s3cret" not in told


def test_line_for_machines_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", True)
    structlog.get_logger().debug("not shown")
    structlog.get_logger().info("service.started", port=1)
    told = json.loads(capsys.readouterr().err)
    assert {name: told[name] for name in ("event", "level", "port")} == {
        "event": "service.started",
        "level": "info",
        "port": 1,
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_words_of_an_app_neither_break_a_line_nor_reach_the_terminal(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", as_json)
    structlog.get_logger().info("cycle.ended", message="one\ntwo", code="\x1b[2J")
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b[2J" not in line
    try:
        raise RuntimeError("the app said \x1b[2J\r")
    except RuntimeError:
        structlog.get_logger().exception("job.fault")
    told = capsys.readouterr().err
    assert "the app said" in told
    assert "\x1b[2J" not in told
    assert "\r" not in told
