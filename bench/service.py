"""How long a change in the directory takes to reach the app while `instep serve` runs: idle, and during a large cycle.

    .venv/bin/python bench/service.py --changes 300 --users 20000

The time is from the commit in the directory to the request's arrival at the app (`bench/stub.py`), on one clock.
During the initial cycle, people are changed, and disabled, who are in the app already; of each disable it's also
counted how many creations came between.
"""

import argparse
import json
import math
import os
import random
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from initial_cycle import INSTEP, stub

from instep.core.subject import Kind
from instep.directory.editing import set_attributes
from instep.stores.directory import DirectoryStore

DISABLES = 8
"""More in one cycle would be held by the guard."""


def journal(address: str) -> list[dict[str, Any]]:
    """What was changed in the app since it was last asked."""
    with urllib.request.urlopen(f"{address}/journal") as answer:
        return json.load(answer)


def created(address: str) -> int:
    """How many creations the app got."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        return json.load(answer).get("POST", 0)


def change(store: DirectoryStore, who: str, number: int) -> tuple[str, float]:
    """Give somebody a title that nobody else has; the title, and when it was committed."""
    title = f"Title {number} of the benchmark"
    set_attributes(store, Kind.USER, who, {"jobTitle": title})
    return title, time.time()


def arrival(address: str, marker: str, seconds: float = 60) -> dict[str, Any]:
    """The journal's line whose body has the marker."""
    until = time.time() + seconds
    while time.time() < until:
        for line in journal(address):
            if marker in line["body"]:
                return line
        time.sleep(0.01)
    raise SystemExit(f"{marker!r} didn't reach the app within {seconds} s")


def wait_for(address: str, number: int, seconds: float = 60) -> None:
    """Until the app got so many creations."""
    until = time.time() + seconds
    while created(address) < number:
        if time.time() > until:
            raise SystemExit(f"the app got {created(address)} creations within {seconds} s, not {number}")
        time.sleep(0.05)


def told(seconds: list[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    ordered = sorted(seconds)
    at = {f"p{p}": ordered[min(len(ordered) - 1, math.ceil(len(ordered) * p / 100) - 1)] for p in (50, 95, 99)}
    return {name: round(value * 1000) for name, value in at.items()} | {"most": round(ordered[-1] * 1000)}


def measure(changes: int, users: int, delay: float) -> dict[str, Any]:
    """Both situations, one after the other, in one service."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, stub(delay) as address:
        environment = {**os.environ, "INSTEP_DATA": folder, "TOKEN": "any", "INSTEP_LOG_LEVEL": "warning"}

        def instep(*words: str) -> None:
            subprocess.run([INSTEP, *words], env=environment, check=True, stdout=subprocess.DEVNULL)

        instep("directory", "generate", "--users", "200", "--groups", "5", "--memberships", "500", "--seed", "1")
        instep("app", "add", "scim", "--url", f"{address}/scim", "--token-env", "TOKEN", "--scope", "all")
        instep("start", "scim")
        service = subprocess.Popen([INSTEP, "serve", "--listen", "off"], env=environment)
        store = DirectoryStore(Path(folder) / "directory.sqlite")
        try:
            with store.browse() as browser:
                early = [entry.name for entry in browser.entries(Kind.USER)]
            wait_for(address, 205)
            idle = []
            for number in range(changes):
                time.sleep(chance.uniform(0, 0.2))
                title, committed = change(store, chance.choice(early), number)
                idle.append(arrival(address, title)["at"] - committed)
            rows = Path(folder) / "more.csv"
            with rows.open("w") as file:
                file.write("id,userPrincipalName,displayName\n")
                file.writelines(f"new{i},new{i}@firm.example,New {i}\n" for i in range(users))
            importing = subprocess.Popen(
                [INSTEP, "directory", "import", str(rows)], env=environment, stdout=subprocess.DEVNULL
            )
            importing.wait()
            wait_for(address, 300)
            busy, overtaken = [], []
            leavers = list(early)
            chance.shuffle(leavers)
            number = changes
            while created(address) < 205 + users * 0.95:
                number += 1
                title, committed = change(store, leavers[0], number)
                busy.append(arrival(address, title)["at"] - committed)
                if len(overtaken) < DISABLES:
                    who = leavers.pop()
                    before = created(address)
                    set_attributes(store, Kind.USER, who, {"accountEnabled": False})
                    line = arrival(address, "active")
                    overtaken.append(line["created"] - before)
                time.sleep(chance.uniform(0, 0.3))
            total = created(address)
        finally:
            service.terminate()
            with suppress(subprocess.TimeoutExpired):
                service.wait(timeout=20)
            service.kill()
            store.close()
    return {
        "idle_ms": told(idle),
        "busy_ms": told(busy),
        "busy_changes": len(busy),
        "creations_before_a_disable": {"most": max(overtaken), "median": sorted(overtaken)[len(overtaken) // 2]},
        "created_by_then": total,
        "exit_code": service.returncode,
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--changes", type=int, default=300, help="in the idle service")
    options.add_argument("--users", type=int, default=20_000, help="who come at once, for the large cycle")
    options.add_argument("--delay", type=float, default=0.0, help="seconds that each answer takes")
    given = options.parse_args()
    print(json.dumps(measure(given.changes, given.users, given.delay), indent=2))
