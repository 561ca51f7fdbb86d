"""What it costs the others that one in a hundred is always refused: initial cycles with and without them, in turn.

    .venv/bin/python bench/poison.py --users 3000 --rounds 3

The time is that of the whole cycle, measured ABAB in one run; the ratio of the medians counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from typing import Any

from initial_cycle import INSTEP, stub


def cycle(users: int, delay: float, refuse: int) -> tuple[float, int]:
    """Seconds of an initial cycle, and how many people failed in it."""
    with tempfile.TemporaryDirectory() as folder, stub(delay, refuse) as address:
        environment = {**os.environ, "INSTEP_DATA": folder, "TOKEN": "any"}

        def instep(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([INSTEP, *words], env=environment, capture_output=True, text=True, check=False)

        instep("directory", "generate", "--users", str(users), "--groups", "1", "--memberships", "1", "--seed", "1")
        instep("app", "add", "scim", "--url", f"{address}/scim", "--token-env", "TOKEN", "--scope", "all")
        began = time.monotonic()
        told = json.loads(instep("sync", "scim", "--json").stdout)
        return time.monotonic() - began, told["counts"].get("failure", 0)


def measure(users: int, rounds: int, delay: float) -> dict[str, Any]:
    """Both in turn."""
    times: dict[int, list[float]] = {0: [], 100: []}
    failed = 0
    for _ in range(rounds):
        for refuse, taken in times.items():
            seconds, failures = cycle(users, delay, refuse)
            taken.append(seconds)
            failed = max(failed, failures)
    without, beside = (statistics.median(taken) for taken in times.values())
    return {
        "users": users,
        "refused": failed,
        "seconds_without": round(without, 2),
        "seconds_beside_refused": round(beside, 2),
        "ratio": round(beside / without, 3),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--users", type=int, default=3000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--delay", type=float, default=0.05, help="seconds that each answer takes")
    given = options.parse_args()
    print(json.dumps(measure(given.users, given.rounds, given.delay), indent=2))
