"""The checks' runner: when it stops, what it shows, and how it names the tests that didn't run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from script import check


def test_tests_that_were_left_out_are_named_with_their_reason(tmp_path: Path) -> None:
    (tmp_path / "test_few.py").write_text(
        "import pytest\n"
        "def test_runs(): pass\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_server(n): pytest.skip('no PostgreSQL here')\n"
        "@pytest.mark.xfail(reason='known', strict=True)\n"
        "def test_known(): assert False\n"
    )
    report = tmp_path / "report.xml"
    pytest_alone = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir"]
    subprocess.run([*pytest_alone, tmp_path, f"--junitxml={report}", tmp_path], check=True, capture_output=True)
    assert check.not_run(report) == "Did not run:\n  2 tests: no PostgreSQL here"


def test_checks_stop_at_the_first_failure_or_go_on_to_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    steps = [
        check.Step("first", ["python", "-c", "print('fine')"]),
        check.Step("second", ["python", "-c", "print('the reason'); raise SystemExit(5)"]),
        check.Step("third", ["python", "-c", ""]),
    ]
    assert check.run(steps, go_on=False) == ["second"]
    stopped = capfd.readouterr().out
    assert "the reason" in stopped
    assert "fine" not in stopped  # what succeeds needs no words
    assert "third" not in stopped
    assert check.run(steps, go_on=True) == ["second"]
    assert "third      ok" in capfd.readouterr().out
