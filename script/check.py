"""Runs the project's checks one after the other: the body of `script/check` and `script/test`.

The quick loop stops at the first failure; `--everything` goes on to the end and closes with what failed and
which tests didn't run. A check's output is shown when it fails, the tests' always. Exit code: 0 all is well, 1 not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


QUICK = [
    f"tests/{name}"
    for name in ("core", "engine", "scim", "sources", "expressions/test_parsing.py", "expressions/test_examples.py")
]
"""What the quick loop runs unless it's told otherwise: the rules, the engine and what is close to them. Commands,
servers and documents are for `script/test`."""


@dataclass(frozen=True, slots=True)
class Step:
    """A check: its name on the screen, its command with the program in `.venv/bin`, and whether its output is shown."""

    name: str
    command: list[str]
    shown: bool = False


def main(arguments: list[str]) -> int:
    """Run the steps that the arguments ask for and return the exit code."""
    parser = argparse.ArgumentParser(prog="script/check", description="Check the project.")
    parser.add_argument("--fix", action="store_true", help="put right what ruff can put right by itself")
    parser.add_argument("--everything", action="store_true", help="slow tests too, and on after a failure")
    parser.add_argument("tests", nargs="*", metavar="PATH", help="only these tests")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="instep-check-") as scratch:
        report = Path(scratch) / "report.xml"
        chosen = options.tests or ([] if options.everything else QUICK)
        pytest = ["pytest", "-n", "3", "--dist", "worksteal", f"--junitxml={report}", *chosen]
        if not options.everything:
            pytest += ["-q", "-m", "not slow and not postgres"]
        failed = run([*tool_steps(options.fix), Step("tests", pytest, shown=True)], go_on=options.everything)
        if options.everything:
            print(not_run(report))
    return 1 if failed else 0


def tool_steps(fix: bool) -> list[Step]:
    """The checks that read the code without running it, quickest first."""
    return [
        Step("format", ["ruff", "format", *([] if fix else ["--check"])]),
        Step("lint", ["ruff", "check", *(["--fix"] if fix else [])]),
        Step("contracts", ["lint-imports", "--no-logo"]),
        Step("types", ["pyright"]),
    ]


def run(steps: list[Step], *, go_on: bool) -> list[str]:
    """Run the steps, one line each with its time, and return the names of those that failed."""
    failed: list[str] = []
    began = time.monotonic()
    for step in steps:
        start = time.monotonic()
        good = passes(step)
        print(f"{step.name:<10} {'ok' if good else 'FAILED':<7} {time.monotonic() - start:5.1f} s", flush=True)
        if not good:
            failed.append(step.name)
            if not go_on:
                break
    took = f"{time.monotonic() - began:.0f} s"
    if not failed:
        print(f"All is well, in {took}.")
    else:
        mend = " (./script/check --fix puts right what it can)" if {"format", "lint"} & set(failed) else ""
        print(f"Not well: {', '.join(failed)}{mend}, {'after' if not go_on else 'in'} {took}.")
    return failed


def passes(step: Step) -> bool:
    """Run one step; whether it exited with 0. pytest's 5, no test collected, is a failure too."""
    command = [str(BIN / step.command[0]), *step.command[1:]]
    # pyright's launcher would else ask a registry for a newer version than the one that is locked.
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    kept = None if step.shown else subprocess.PIPE
    sys.stdout.flush()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=kept, stderr=kept and subprocess.STDOUT, check=False
    )
    if done.returncode != 0 and done.stdout:
        sys.stdout.write(done.stdout.decode("utf-8", "replace"))
    return done.returncode == 0


def not_run(report: Path) -> str:
    """What pytest's JUnit report says of tests that were left out: lines to print, by reason."""
    if not report.exists():
        return "No test ran: pytest ended before it wrote its report."
    skips = ElementTree.parse(report).iter("skipped")
    reasons = Counter(skip.get("message", "no reason given") for skip in skips if skip.get("type") == "pytest.skip")
    if not reasons:
        return "Every test ran."
    lines = [f"  {count} test{'s' if count > 1 else ''}: {reason}" for reason, count in reasons.most_common()]
    return "\n".join(["Did not run:", *lines])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
