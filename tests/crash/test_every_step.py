"""`kill -9` at steps of a cycle and of upgrades, and disks that aren't in order: a sample. All: `script/crash`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def crash(*words: str) -> dict[str, Any]:
    """The figures of `script/crash`, all of whose points were right."""
    done = subprocess.run(
        [sys.executable, "script/crash.py", *words, "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("act", "every", "kills"), [("initial", "101", 2), ("day", "61", 3)])
def test_killed_at_any_step_of_a_cycle_nobody_is_twice_and_nobody_is_missing(act: str, every: str, kills: int) -> None:
    company = ("--users", "60", "--groups", "5", "--memberships", "120")
    figures = crash("cycle", "--act", act, "--every", every, "--parallel", "1", *company)
    assert figures["kills"] >= kills


def test_killed_at_any_statement_of_an_upgrade_all_data_is_kept() -> None:
    figures = crash("upgrades", "--every", "23")
    assert {name.partition(" ")[0] for name in figures["killed"]} == {"directory", "state", "app"}
    assert figures["kills"] >= 8


def test_disk_that_isnt_in_order_is_told_by_name_and_the_next_cycle_goes_on() -> None:
    figures = crash("disks", "--every", "97")
    if "not_run" in figures:
        pytest.skip(figures["not_run"])
    assert set(figures["met"]) == {"full disk", "limited files", "locked", "damaged directory", "damaged state"}
    assert figures["met"]["full disk"] >= 2
