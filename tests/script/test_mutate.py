"""The command that breaks the rules in small ways: which faults it makes, and what it says of those nobody notices."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from script.mutation.faults import mutants

ROOT = Path(__file__).parent.parent.parent


def faults(tmp_path: Path, source: str) -> set[str]:
    path = tmp_path / "module.py"
    path.write_text(source)
    return {mutant.fault for mutant in mutants(path, "module.py")}


def test_conditions_bounds_and_arguments_are_broken(tmp_path: Path) -> None:
    assert faults(tmp_path, "def f(a, b):\n    if a and b > 2:\n        g(a, b, deep=True)\n") == {
        "if a and b > 2 becomes if True",
        "if a and b > 2 becomes if False",
        "a and b > 2 becomes a or b > 2",
        "without a",
        "without b > 2",
        "b > 2 becomes b >= 2",
        "2 becomes 3",
        "2 becomes 1",
        "without g(a, b, deep=True)",
        "a and b change places",
        "without deep=True",
        "True becomes False",
    }


def test_sets_lose_what_is_taken_off_or_put_to_them(tmp_path: Path) -> None:
    assert faults(tmp_path, "def f(a, b, c):\n    return (a | b) - c\n") == {
        "return (a | b) - c becomes return None",
        "(a | b) - c becomes (a | b) + c",
        "(a | b) - c becomes a | b",
        "a | b becomes a",
        "a | b becomes b",
    }


def test_what_says_nothing_of_behaviour_is_left_alone(tmp_path: Path) -> None:
    source = '"""About."""\nA: "str"\nassert A != "x"\n@function(N, about="About.", examples=(Example("1", 1),))\n'
    assert faults(tmp_path, f"{source}def f(a: 'A') -> 'A':\n    '''About.'''\n    pass\n") == set()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one rule, and the command."""
    shutil.copytree(ROOT / "script", tmp_path / "script", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    core, tests = tmp_path / "src/instep/core", tmp_path / "tests/core"
    core.mkdir(parents=True)
    tests.mkdir(parents=True)
    (tmp_path / "src/instep/__init__.py").touch()
    (core / "__init__.py").touch()
    (core / "guard.py").write_text("LIMIT = 5\n\n\ndef too_many(count):\n    return count > LIMIT\n")
    listed(tmp_path)
    tested(tmp_path, "6")
    return tmp_path


def tested(checkout: Path, *facts: str) -> None:
    lines = [f"def test_{number}():\n    assert too_many({fact})\n" for number, fact in enumerate(facts)]
    (checkout / "tests/core/test_guard.py").write_text("\n".join(["from instep.core.guard import too_many\n", *lines]))


def listed(checkout: Path, *entries: tuple[str, str]) -> None:
    rows = [
        {"file": "src/instep/core/guard.py", "line": line, "fault": fault, "reason": "so"} for line, fault in entries
    ]
    text = "".join("[[fault]]\n" + "".join(f"{key} = {json.dumps(row[key])}\n" for key in row) for row in rows)
    (checkout / "script/mutation/equivalent.toml").write_text(text)


def run(checkout: Path) -> tuple[int, Any]:
    """The exit code and the report, or what was said instead."""
    done = subprocess.run(
        [sys.executable, "script/mutate.py", "guard", "--json", "--jobs", "1"],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.slow
def test_what_no_test_notices_is_told_and_too_much_of_it_is_a_failure(checkout: Path) -> None:
    code, report = run(checkout)
    (group,) = report["groups"].values()
    assert (code, group["faults"], group["noticed"]) == (1, 4, 2)
    assert {(s["line"], s["fault"]) for s in group["survivors"]} == {
        ("LIMIT = 5", "5 becomes 4"),
        ("return count > LIMIT", "count > LIMIT becomes count >= LIMIT"),
    }
    tested(checkout, "6", "5 - 1 + 2) and not too_many(5")
    code, report = run(checkout)
    assert (code, report["groups"]["guard"]["share"], report["complaints"]) == (0, 1.0, [])


@pytest.mark.slow
def test_a_fault_that_changes_nothing_is_listed_and_the_list_has_to_fit(checkout: Path) -> None:
    boundary = ("return count > LIMIT", "count > LIMIT becomes count >= LIMIT")
    listed(checkout, ("LIMIT = 5", "5 becomes 4"), boundary)
    code, report = run(checkout)
    assert (code, report["groups"]["guard"]["share"], report["complaints"]) == (0, 1.0, [])
    tested(checkout, "6) and not too_many(5")
    listed(checkout, boundary, ("LIMIT = 7", "7 becomes 8"))
    code, report = run(checkout)
    assert code == 1
    gone, noticed = report["complaints"]
    assert "LIMIT = 7" in gone
    assert "fits no fault" in gone
    assert "tests/core/test_guard.py::test_0 notices it" in noticed


@pytest.mark.slow
def test_tests_that_fail_anyway_are_named(checkout: Path) -> None:
    tested(checkout, "6", "5")
    code, said = run(checkout)
    assert code == 2
    assert "tests/core/test_guard.py::test_1 fails without any fault" in said
