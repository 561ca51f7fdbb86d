"""`script/simulate`: many seeds, side by side; what fails is shrunk and shown."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import msgspec
from tests.simulator import shrink
from tests.simulator.planted import PLANTED, planted
from tests.simulator.run import Outcome, run
from tests.simulator.story import story

EXAMPLES = """\
examples:
  script/simulate                            200 seeds
  script/simulate --seeds 10000              the whole proof
  script/simulate --seed 18 --trace          one seed, with everything that happens
  script/simulate --planted no-intent        plant a bug, and see after how many seeds it's found
  script/simulate --story FILE --trace       tell a story that was kept

Exit codes: 0 all is well (with --planted: the bug was found), 1 something is wrong, 2 wrong options.
"""
CHUNK = 10
MANY = 8
"""Kinds of fault that a run should meet; each story has more, and not all of them meet a request."""


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    options = _options(arguments)
    if options.story or options.seed is not None:
        return _one(options)
    began = time.monotonic()
    count, broken, faults, requests, few = 0, [], Counter[str](), 0, 0
    for outcome in _run_all(options):
        count += 1
        faults.update(outcome.faults)
        requests += outcome.requests
        few += len(outcome.faults) < MANY
        if outcome.wrong:
            broken.append(outcome)
            if options.planted:
                break
            _say(f"seed {outcome.seed}: {outcome.wrong[0]}", options)
        if count % 100 == 0:
            seconds = time.monotonic() - began
            _say(f"{count:,} of {options.seeds:,} seeds, {len(broken)} broken, {seconds:.0f} s", options)
    seconds = time.monotonic() - began
    if options.json:
        told = {"seeds": count, "broken": [msgspec.to_builtins(o) for o in broken], "faults": dict(faults)}
        print(
            json.dumps(told | {f"met fewer than {MANY} kinds": few, "requests": requests, "seconds": round(seconds, 1)})
        )
    else:
        _summary(count, broken, faults, few, requests, seconds)
    if options.planted:
        print(f"{options.planted}: {f'found after {count} seeds: {broken[0].wrong[0]}' if broken else 'not found'}")
        return 0 if broken else 1
    for outcome in broken[: 0 if options.no_shrink else 3]:
        _shrunk(outcome.seed)
    return 1 if broken else 0


def _run_all(options: argparse.Namespace) -> Iterator[Outcome]:
    """The outcomes of all seeds, as they come."""
    seeds = range(options.first, options.first + options.seeds)
    chunks = [list(seeds[at : at + CHUNK]) for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = iter(chunks)
        under_way = [pool.submit(_run_some, chunk, options.planted) for chunk in islice(waiting, 2 * options.jobs)]
        try:
            while under_way:
                yield from under_way.pop(0).result()
                under_way += [pool.submit(_run_some, chunk, options.planted) for chunk in islice(waiting, 1)]
        finally:
            for future in under_way:
                future.cancel()


def _run_some(seeds: list[int], bug: str) -> list[Outcome]:
    with planted(bug):
        return [run(story(seed)) for seed in seeds]


def _one(options: argparse.Namespace) -> int:
    told = shrink.read(Path(options.story)) if options.story else story(options.seed)
    with planted(options.planted):
        outcome = run(told, keep=options.trace)
    print("\n".join(outcome.trace))
    print(f"seed {outcome.seed}, {len(told.events)} events, {outcome.requests} requests, {outcome.cycles} cycles, "
          f"{outcome.seconds / 3600:.1f} virtual hours; {', '.join(outcome.faults)}; {outcome.digest}")  # fmt: skip
    print("\n".join(outcome.wrong) or "All is well.")
    return 1 if outcome.wrong else 0


def _shrunk(seed: int) -> None:
    print(f"\nseed {seed}: looking for the shortest story that still fails", file=sys.stderr)
    short, outcome = shrink.shortest(story(seed), tell=lambda line: print(f"  {line}", file=sys.stderr))
    path = shrink.keep(short)
    print(f"seed {seed}, {len(short.events)} events, kept in {os.path.relpath(path)}:")
    for event in short.events:
        print(f"  {json.dumps(event, ensure_ascii=False)}")
    print("\n".join(outcome.wrong))


def _summary(count: int, broken: list[Outcome], faults: Counter[str], few: int, requests: int, seconds: float) -> None:
    print(f"{count:,} seeds, {requests:,} requests, {seconds:.0f} s: {len(broken)} broken")
    print(
        f"{few:,} met fewer than {MANY} kinds of fault; all of them: "
        + ", ".join(f"{name} {number:,}" for name, number in sorted(faults.items()))
    )


def _say(line: str, options: argparse.Namespace) -> None:
    print(line, file=sys.stderr if options.json else sys.stdout, flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/simulate",
        description="Run the real engine over a model company and a model app, in virtual time, with faults that a "
        "seed draws; then see whether everything is as it must be. See docs/explanation/the-proof.md.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds (200)")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first seed (1)")
    parser.add_argument("--seed", type=int, metavar="N", help="only this seed")
    parser.add_argument("--story", metavar="FILE", help="only this story")
    parser.add_argument("--trace", action="store_true", help="show all that happens, with --seed or --story")
    parser.add_argument("--planted", choices=sorted(PLANTED), default="", help="plant this bug first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="how many at once")
    parser.add_argument("--no-shrink", action="store_true", help="don't look for shorter stories")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
