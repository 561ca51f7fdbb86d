"""Breaks the rules in thousands of small ways, and says how many of them the tests notice.

A line that a test runs through may still be wrong without that test's noticing. So each fault of `mutation/faults.py`
is made, one at a time and in memory, and the tests that reach it are run: one of them should fail. What survives is
shown with its place. The faults that change nothing are listed in `mutation/equivalent.toml`, each with its reason.

Own code, since the libraries don't get at what matters here: mutmut leaves alone whatever has a decorator or stands at
the top of a module (all functions of the mapping language, the guard's limits) and runs tests repeatedly in one
process; cosmic-ray changes files of the checkout and starts pytest with all tests for each fault.
"""

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.faults import Mutant, mutants
from mutation.trials import ROOT, SOURCE, Failure, Tests, known, prepare, tried
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

EQUIVALENT = Path(__file__).parent / "mutation" / "equivalent.toml"
ENOUGH = 0.85
"""The share of faults that a group's tests have to notice."""

_CORE = {"planner": "decide desire scope plan match acknowledge", "guard": "guard", "limiter": "limiter"}
_LANGUAGE = "arguments comparing compiler nodes parsing reading tokens values"


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are judged together, by the tests of a folder. Both as the checkout calls them."""

    files: tuple[str, ...]
    tests: str


GROUPS = {
    name: Group(tuple(f"src/instep/core/{file}.py" for file in files.split()), "tests/core")
    for name, files in _CORE.items()
}
GROUPS["expressions"] = Group(
    (
        *(f"src/instep/expressions/{file}.py" for file in _LANGUAGE.split()),
        *(str(p.relative_to(ROOT)) for p in sorted((SOURCE / "instep/expressions/families").glob("[!_]*.py"))),
    ),
    "tests/expressions",
)


@dataclass(frozen=True, slots=True)
class Result:
    """A fault and what noticed it: a test, `time`, `memory`, or nothing. reason: why it can't be noticed."""

    mutant: Mutant
    noticed: str
    reason: str = ""


def main(arguments: list[str]) -> int:
    """Try the groups that the arguments name. The exit code: 0 enough is noticed, 1 too little, or the list of faults
    that change nothing is wrong; 2 bad usage or tests that fail anyway."""
    options = parsed(arguments)
    began = time.monotonic()
    try:
        listed = equivalent(EQUIVALENT)
        chosen = {name: group for name, group in GROUPS.items() if name in (options.group or GROUPS)}
        left = survivors(options.again) if options.again else None
        prepare()
        tests: dict[str, Tests] = {}
        results: dict[str, list[Result]] = {}
        for name, group in chosen.items():
            if group.tests not in tests:
                print(f"What {group.tests} reaches ...", file=sys.stderr)
                same = [file for each in chosen.values() if each.tests == group.tests for file in each.files]
                tests[group.tests] = known(group.tests, same)
            results[name] = run(name, group, tests[group.tests], listed, left, options)
    except Failure as wrong:
        print(wrong, file=sys.stderr)
        return 2
    files = {file for group in chosen.values() for file in group.files}
    complaints = [] if left or options.quick else misfits([r for of in results.values() for r in of], listed, files)
    if options.json:
        print(json.dumps(report(results, complaints), indent=1))
    else:
        show(results, complaints, time.monotonic() - began)
    return 1 if complaints or any(share(of) < ENOUGH for of in results.values()) else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The options. Ends the program with 2 when they can't be used."""
    parser = argparse.ArgumentParser(
        prog="script/mutate",
        description="Break the rules in thousands of small ways, and see how many of them the tests notice.",
        epilog="Example: `./script/mutate guard` takes a minute and ends with the faults that nobody noticed. "
        "Exit code: 0 when 85 % or more of every group are noticed, 1 when not.",
    )
    parser.add_argument("group", nargs="*", metavar="GROUP", help=f"only these: {', '.join(GROUPS)}")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many at a time (2)")
    parser.add_argument("--json", action="store_true", help="all of it as JSON, for other programs and for --again")
    parser.add_argument("--quick", action="store_true", help="a first look: not what runs while modules are imported")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only what was not noticed in this report")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.group if name not in GROUPS]:
        parser.error(f"there is no group {unknown[0]}; there are {', '.join(GROUPS)}")
    if options.jobs < 1:
        parser.error("--jobs: at least 1")
    return options


# --------------------------------------------------------------------------------- faults that change nothing

Place = tuple[str, str, str]
"""File, line of code and fault: what names a fault, wherever the line is by now."""


def equivalent(path: Path) -> dict[Place, str]:
    """The faults that change nothing, with their reasons. Raises Failure when an entry isn't complete."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("fault", [])
    for entry in entries:
        if set(entry) != {"file", "line", "fault", "reason"}:
            raise Failure(f"{path.name}: an entry has file, line, fault and reason, but not this one: {entry}")
    return {(entry["file"], entry["line"], entry["fault"]): entry["reason"] for entry in entries}


def place(mutant: Mutant) -> Place:
    """What names the fault."""
    return mutant.file, mutant.text, mutant.fault


def misfits(results: Sequence[Result], listed: dict[Place, str], files: set[str]) -> list[str]:
    """What is wrong with the list: entries about these files that fit no fault any more, or one that was noticed."""
    made = {place(result.mutant) for result in results}
    gone = [f"{entry} fits no fault any more" for entry in listed if entry[0] in files and entry not in made]
    told = {place(r.mutant): r.noticed for r in results if r.reason and r.noticed}
    return gone + [f"{entry} does change something: {test} notices it" for entry, test in told.items()]


def survivors(path: Path) -> set[Place]:
    """What was not noticed in a report. Raises Failure when that can't be read."""
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["groups"].values()
        return {(s["file"], s["line"], s["fault"]) for group in groups for s in group["survivors"]}
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise Failure(f"--again: {path} isn't a report of this command: {wrong}") from None


# ------------------------------------------------------------------------------------------------ trying


def run(
    name: str,
    group: Group,
    tests: Tests,
    listed: dict[Place, str],
    left: set[Place] | None,
    options: argparse.Namespace,
) -> list[Result]:
    """Try the faults of a group; only those that are left over from before, if given."""
    found = [mutant for file in group.files for mutant in mutants(ROOT / file, file)]
    found = [mutant for mutant in found if left is None or place(mutant) in left]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results: list[Result] = []
    with Progress(*columns, console=Console(stderr=True, emoji=False)) as progress:
        task = progress.add_task(name, total=len(found))
        for mutant, noticed in tried(found, tests, options.jobs, options.quick):
            results.append(Result(mutant, noticed, listed.get(place(mutant), "")))
            if unnoticed(results[-1:]):
                progress.console.print(told(mutant), markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    return results


# ----------------------------------------------------------------------------------------------- telling


def share(results: Sequence[Result]) -> float:
    """The share that was noticed, of all that change something."""
    counted = [result for result in results if not result.reason]
    return sum(bool(result.noticed) for result in counted) / len(counted) if counted else 1.0


def unnoticed(results: Sequence[Result]) -> list[Result]:
    """What survived, in the order of the files."""
    survived = [result for result in results if not result.noticed and not result.reason]
    return sorted(survived, key=lambda result: (result.mutant.file, result.mutant.line))


def report(results: dict[str, list[Result]], complaints: list[str]) -> dict[str, object]:
    """All of it, as a document."""
    return {"groups": {name: _group(of) for name, of in results.items()}, "complaints": complaints}


def _group(results: list[Result]) -> dict[str, object]:
    files = dict.fromkeys(result.mutant.file for result in results)
    return {
        **_numbers(results),
        "files": {file: _numbers([r for r in results if r.mutant.file == file]) for file in files},
        "survivors": [
            {"file": r.mutant.file, "at": r.mutant.line, "line": r.mutant.text, "fault": r.mutant.fault}
            for r in unnoticed(results)
        ],
    }


def _numbers(results: Sequence[Result]) -> dict[str, object]:
    return {
        "faults": len(results),
        "equivalent": sum(bool(result.reason) for result in results),
        "noticed": sum(bool(result.noticed) for result in results if not result.reason),
        "share": round(share(results), 4),
    }


def told(mutant: Mutant) -> str:
    """The fault and its place, in words."""
    return f"{mutant.file}:{mutant.line}: {mutant.text}\n    {mutant.fault}"


def show(results: dict[str, list[Result]], complaints: list[str], seconds: float) -> None:
    """A table, and what else is wrong."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    table = Table("", "faults", "change nothing", "noticed", "share")
    for name, of in results.items():
        document = _group(of)
        rows = {f"[bold]{name}": document, **{f"  {Path(f).name}": n for f, n in document["files"].items()}}  # type: ignore[attr-defined]
        for title, numbers in rows.items():
            counted = [str(numbers[key]) for key in ("faults", "equivalent", "noticed")]  # type: ignore[index]
            table.add_row(title, *counted, f"{numbers['share']:.1%}")  # type: ignore[index]
    console.print(table)
    for complaint in complaints:
        console.print(f"equivalent.toml: {complaint}", markup=False)
    low = [name for name, of in results.items() if share(of) < ENOUGH]
    verdict = f"Too little is noticed in {', '.join(low)}: " if low else "Enough is noticed: "
    console.print(f"{verdict}{ENOUGH:.0%} are asked for. It took {seconds / 60:.0f} min.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
