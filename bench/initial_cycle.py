"""What an initial cycle costs: requests counted at the app, and the time, CPU and peak memory of `instep sync`.

    .venv/bin/python bench/initial_cycle.py --users 10000 --groups 200 --memberships 40000

The company is made by `instep directory generate`; the app is `bench/stub.py`. At the end a second cycle shows
what it costs when nothing changed. `--json` prints the figures alone.
"""

import argparse
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INSTEP = str(Path(sys.executable).with_name("instep"))


@contextlib.contextmanager
def stub(delay: float, refuse: int = 0) -> Iterator[str]:
    """The app, running: its address. refuse: one in so many people."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("stub.py")), "--port", str(port), "--delay", str(delay)]
    command += ["--refuse", str(refuse)]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                requests(f"http://127.0.0.1:{port}")
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def requests(address: str) -> int:
    """How often the app was asked so far."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        return sum(json.load(answer).values())


def run(environment: dict[str, str], *words: str) -> tuple[float, float, int]:
    """A command's wall time and CPU in seconds, and its peak memory in MB."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen([INSTEP, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"instep {' '.join(words)} ended with {process.returncode}: {said.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu, after.ru_maxrss // 1024


def measure(users: int, groups: int, memberships: int, delay: float, concurrency: int) -> dict[str, Any]:
    """One initial cycle and one without changes."""
    with tempfile.TemporaryDirectory() as folder, stub(delay) as address:
        environment = {**os.environ, "INSTEP_DATA": folder, "TOKEN": "any", "INSTEP_CONCURRENCY": str(concurrency)}
        size = ("--users", str(users), "--groups", str(groups), "--memberships", str(memberships))
        # In a process of its own, so that its memory isn't taken for the cycle's.
        subprocess.run([INSTEP, "directory", "generate", *size, "--seed", "1"], env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        subprocess.run([INSTEP, "app", "add", "scim", "--url", f"{address}/scim", "--token-env", "TOKEN",
                        "--scope", "all"], env=environment, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        figures = subprocess.run(
            [sys.executable, __file__, "--cycle", address], env=environment, check=True, capture_output=True, text=True
        )
    return {"users": users, "groups": groups, "memberships": memberships, **json.loads(figures.stdout)}


def cycle(address: str) -> dict[str, Any]:
    """Runs both cycles; peak memory is that of the largest child, so nothing else runs from here."""
    environment = dict(os.environ)
    before = requests(address)
    wall, cpu, peak = run(environment, "sync", "scim")
    first = requests(address) - before
    quiet_wall, quiet_cpu, _ = run(environment, "sync", "scim")
    return {
        "requests": first,
        "seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mb": peak,
        "unchanged_requests": requests(address) - before - first,
        "unchanged_seconds": round(quiet_wall, 2),
        "unchanged_cpu_seconds": round(quiet_cpu, 2),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--users", type=int, default=10_000)
    options.add_argument("--groups", type=int, default=200)
    options.add_argument("--memberships", type=int, default=40_000)
    options.add_argument("--delay", type=float, default=0.0, help="seconds that each answer takes")
    options.add_argument("--concurrency", type=int, default=16)
    options.add_argument("--json", action="store_true")
    options.add_argument("--cycle", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.cycle:
        print(json.dumps(cycle(given.cycle)))
    else:
        found = measure(given.users, given.groups, given.memberships, given.delay, given.concurrency)
        print(json.dumps(found) if given.json else "\n".join(f"{name:22} {value}" for name, value in found.items()))
