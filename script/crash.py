"""Ends Instep with SIGKILL at each durable step of what it does, and looks whether it goes on as if nothing had been.

Real processes, the real databases, the test app over HTTP; each point begins from a copy of prepared folders.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from tests.crash import cycles, disks
from tests.crash.stage import ACTS, SIDES, Point, Size, Stage
from tests.crash.upgrades import Death, upgrades

EXAMPLES = """examples:
  script/crash cycle                              every step of both cycles; some hours
  script/crash cycle --act day --every 5          each fifth step of the cycle after a day of changes
  script/crash cycle --act initial --at app:217   one point again
  script/crash upgrades                           every statement of every upgrade
  script/crash disks                              full disks, a lock that's kept, damaged pages
"""
CYCLE = """Ends `instep sync` at each durable step of a cycle, runs it again, and looks whether the app holds exactly
what it should: nobody twice, nobody missing, each membership; no more requests repeated than were in flight; and
nothing left to send for one more run. A durable step is: before and after each commit that writes (of the state and
of the directory), before each request, when it has arrived at the app, when it has been carried out and nobody has
heard so, and when its answer has come."""
UPGRADES = """Ends the upgrade of each older database, with data in it, at each of its statements, and opens the
database again: it must be what it was or what it should become, and then what it should become."""
DISKS = """Runs a cycle on a disk with more and more room, with a database that somebody else locks at each step of
the app, and with each page of each database damaged. It must end with a message that names the file and the way out,
and go on afterwards as if nothing had been."""
INTERRUPTED = 60
"""Where the cycle is ended that leaves the data for upgrades: about in the middle."""


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 all is well, 1 something isn't, 2 bad usage."""
    options = parsed(arguments)
    if options.part:
        for told in cycles.part(options):
            print(json.dumps(told), flush=True)
        return 0
    if options.what == "disks":
        disks.set_apart()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="instep-crash-", dir=options.folder) as folder:
        match options.what:
            case "cycle":
                report = ended_cycles(options, folder)
            case "upgrades":
                report = ended_upgrades(options, Path(folder))
            case _:
                report = troubled_disks(options, Path(folder))
    report["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(report) if options.json else "\n".join(f"{name:28} {value}" for name, value in report.items()))
    return 1 if report["wrong"] or not report["kills"] else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The options. Ends the program with 2 when they can't be used."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="script/crash", description=__doc__, epilog=EXAMPLES, formatter_class=raw)
    several = argparse.ArgumentParser(add_help=False)
    several.add_argument("--every", type=int, default=1, metavar="K", help="try each K-th step (1: all of them)")
    several.add_argument("--folder", type=Path, metavar="DIR", help="where the copies go; one in memory is quicker")
    several.add_argument("--json", action="store_true", help="print the summary as JSON")
    several.add_argument("--part", type=int, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="what", required=True)
    cycle = commands.add_parser("cycle", help="a cycle of provisioning", parents=[several], description=CYCLE)
    commands.add_parser("upgrades", help="upgrades of databases", parents=[several], description=UPGRADES)
    commands.add_parser("disks", help="disks that aren't in order", parents=[several], description=DISKS)
    cycle.add_argument("--users", type=int, default=500, metavar="N", help="people in the company, from 60 (500)")
    cycle.add_argument("--groups", type=int, default=10, metavar="N", help="groups in it, from 2 (10)")
    cycle.add_argument("--memberships", type=int, default=1000, metavar="N", help="members of them all (1000)")
    cycle.add_argument("--concurrency", type=int, default=16, metavar="N", help="requests in flight (16)")
    cycle.add_argument("--act", choices=ACTS, help="only the first cycle, or only the one after a day of changes")
    cycle.add_argument("--at", metavar="SIDE:N", help="try one step of the `worker` or of the `app`")
    cycle.add_argument("--parallel", type=int, default=2, metavar="N", help="points at the same time (2)")
    options = parser.parse_args(arguments)
    if options.what == "cycle" and (options.users < 60 or options.groups < 2):
        cycle.error("--users, --groups: a day of changes needs 60 people and 2 groups")
    if options.what == "cycle" and options.at:
        side, _, number = options.at.partition(":")
        if side not in SIDES or not number.isdigit() or options.act is None:
            cycle.error("--at: worker:N or app:N, with --act")
        options.parallel = 1
    return options


def ended_cycles(options: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Try the points of cycles; returns the figures."""
    began = time.monotonic()
    found: list[Point] = []
    steps: dict[str, int] = {}
    for told in cycles.together(options, folder):
        if "steps" in told:
            steps[told["act"]] = sum(told["steps"].values())
            continue
        point = Point(**told)
        found.append(point)
        for wrong in point.wrong:
            say(f"{point.act} {point.side}:{point.at}, {point.where or 'not reached'}: {wrong}")
        if len(found) % 50 == 0:
            say(f"{len(found)} points in {time.monotonic() - began:.0f} s")
    died = [p for p in found if p.where]
    moments = Counter(" ".join(word for word in p.where.split() if not word.startswith("/")) for p in died)
    return {
        "steps": steps,
        "kills": len(died),
        "killed": dict(moments.most_common()),
        "wrong": sum(1 for p in found if p.wrong),
        "repeated_requests": sum(p.repeated for p in died),
        "most_repeated_after_one_kill": max((p.repeated for p in died), default=0),
    }


def ended_upgrades(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Try the statements of upgrades; returns the figures."""
    stage = Stage(folder, "day", Size(60, 4, 120), concurrency=4)
    with stage.interrupted(INTERRUPTED) as data:
        deaths = list(_deaths(options, folder / "upgrades", data))
    upgraded = Counter(f"{d.database} from {d.revision}" for d in deaths if d.reached)
    return {
        "kills": sum(d.reached for d in deaths),
        "killed": dict(upgraded),
        "wrong": sum(bool(d.wrong) for d in deaths),
    }


def troubled_disks(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Try disks that aren't in order; returns the figures."""
    stage = Stage(folder / "stage", "day", Size(60, 4, 120), concurrency=4)
    met: Counter[str] = Counter()
    report: dict[str, Any] = {"wrong": 0}
    kinds = [disks.limited_files(stage, options.every), disks.locked(stage, options.every)]
    kinds += [disks.damaged(stage, name, options.every) for name in ("directory", "state")]
    with ExitStack() as mounted:
        if disks.is_apart():
            disk = mounted.enter_context(disks.small_disk(folder / "disk"))
            kinds.append(disks.full_disks(stage, disk, options.every))
        else:
            report["not_run"] = "full disk: no file system may be mounted here"
        for trouble in chain(*kinds):
            met[trouble.kind] += trouble.met
            report["wrong"] += bool(trouble.wrong)
            for wrong in trouble.wrong:
                say(f"{trouble.kind} {trouble.at}: {wrong}")
    return {"kills": met.total(), "met": dict(met), **report}


def _deaths(options: argparse.Namespace, folder: Path, data: Path) -> Iterator[Death]:
    for upgrade in upgrades(folder, data):
        say(f"{upgrade.name} from {upgrade.revision}")
        for death in upgrade.deaths(options.every):
            for wrong in death.wrong:
                say(f"{death.database} from {death.revision}, statement {death.at}: {wrong}")
            yield death


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
