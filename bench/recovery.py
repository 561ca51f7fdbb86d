"""How long `instep sync` takes to go on after a worker was killed, with a large state and requests under way.

    .venv/bin/python bench/recovery.py --links 100000

A process writes the links, the watermark, the lease and the intents of a cycle through the store, and dies by SIGKILL.
Somebody else has changed in the directory meanwhile. Times are from the start of the command: until that change has
arrived at the app (`bench/stub.py`), until all that was under way is settled and written anew, and until it has ended.
Settling waits by design as long as a request may be under way, which is `--request-seconds`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from initial_cycle import INSTEP, stub
from service import arrival, change, journal

from instep import __version__
from instep.core.change import AttributeChange, Decision, Update
from instep.core.link import Link, Status
from instep.core.record import CycleSummary, Intent, Record, Watermark
from instep.core.subject import Kind
from instep.engine.world import this_process
from instep.stores.directory import DirectoryStore
from instep.stores.state import StateStore
from instep.targets.gallery import template
from instep.wiring import job as compiled

CHUNK = 5_000
"""Links in one transaction."""
TITLE = "Written by a worker that died"


def people(store: DirectoryStore) -> Iterator[tuple[str, str]]:
    """Everybody's id and name."""
    with store.browse() as browser:
        yield from ((entry.id, entry.name) for entry in browser.entries(Kind.USER))


def leave_behind(data: Path, intents: int) -> None:
    """Write what a worker leaves that has linked everybody and is then killed with so many requests under way."""
    directory = DirectoryStore(data / "directory.sqlite")
    state = StateStore(data / "state.sqlite", data / "secrets.key")
    everybody = list(people(directory))
    now = datetime.now(UTC)
    with state.reading() as reader:
        app = reader.app("scim")
        assert app
        rules = compiled(app).rules
        judging = reader.judging("scim").by(rules.version, __version__)
    with directory.reader() as reader:
        watermark = Watermark(reader.epoch, reader.sequence)
    summary = CycleSummary("cycle-1", "scim", "initial", now)
    with state.writing() as writer:
        lease = writer.take_lease("scim", this_process(), now, 600)
        writer.begin_cycle(lease, summary, judging)
    for at in range(0, len(everybody), CHUNK):
        with state.writing() as writer:
            writer.record(lease, [Record(link=_link(i, name)) for i, name in everybody[at : at + CHUNK]])
    with state.writing() as writer:
        ended = msgspec.structs.replace(summary, ended=now, result="succeeded")
        writer.end_cycle(lease, ended, watermark, template("scim").abilities)
    with state.writing() as writer:
        writer.begin_cycle(lease, CycleSummary("cycle-2", "scim", "incremental", now), judging)
        writer.intend(lease, [_intent(i, name, now) for i, name in everybody[:intents]])
    os.kill(os.getpid(), signal.SIGKILL)


def _link(subject_id: str, name: str) -> Link:
    sent = {"userName": name, "active": True, "displayName": name, "title": "Engineer", "externalId": subject_id}
    return Link(Kind.USER, subject_id, name, Status.ACTIVE, f"account-{subject_id}", sent, seed=subject_id, seq=1)


def _intent(subject_id: str, name: str, now: datetime) -> Intent:
    change = Update((AttributeChange("title", "Engineer", TITLE),))
    decision = Decision(Kind.USER, subject_id, name, 1, change, f"account-{subject_id}")
    return Intent(Kind.USER, subject_id, name, decision, decision.app_id, now)


def measure(links: int, intents: int, request_seconds: float) -> dict[str, Any]:
    """The figures."""
    with tempfile.TemporaryDirectory() as folder, stub(0.0) as address:
        data = Path(folder)
        environment = {**os.environ, "INSTEP_DATA": folder, "TOKEN": "any"}
        environment |= {"INSTEP_REQUEST_SECONDS": str(request_seconds), "INSTEP_CONCURRENCY": str(intents)}
        quiet = {"env": environment, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        size = ("--users", str(links), "--groups", "0", "--memberships", "0", "--seed", "1")
        subprocess.run([INSTEP, "directory", "generate", *size], **quiet)
        url = ("--url", f"{address}/scim", "--token-env", "TOKEN", "--scope", "all")
        subprocess.run([INSTEP, "app", "add", "scim", *url], **quiet)
        made = subprocess.run(
            [sys.executable, __file__, "--leave-behind", folder, "--intents", str(intents)], check=False
        )
        assert made.returncode == -signal.SIGKILL, made.returncode
        directory = DirectoryStore(data / "directory.sqlite")
        last = list(people(directory))[-1][1]
        marker, _ = change(directory, last, 1)
        directory.close()
        began = time.time()
        process = subprocess.Popen([INSTEP, "sync", "scim"], env=environment, stdout=subprocess.DEVNULL)
        arrived = arrival(address, marker)["at"] - began
        settled = _settled(data, began)
        if process.wait():
            raise SystemExit(f"instep sync ended with {process.returncode}")
        ended = time.time() - began
        anew = len(journal(address))
    return {
        "links": links,
        "under_way": intents,
        "request_seconds": request_seconds,
        "first_change_arrived_seconds": round(arrived, 2),
        "settled_seconds": round(settled, 2),
        "ended_seconds": round(ended, 2),
        "written_anew": anew,
    }


def _settled(data: Path, began: float) -> float:
    """Waits until no intent is open."""
    state = StateStore(data / "state.sqlite", data / "secrets.key")
    try:
        while True:
            with state.reading() as reader:
                if not reader.intents("scim"):
                    return time.time() - began
            time.sleep(0.02)
    finally:
        state.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--links", type=int, default=100_000)
    options.add_argument("--intents", type=int, default=16, help="requests under way when the worker died")
    options.add_argument("--request-seconds", type=float, default=1.0)
    options.add_argument("--json", action="store_true")
    options.add_argument("--leave-behind", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.leave_behind:
        leave_behind(given.leave_behind, given.intents)
    found = measure(given.links, given.intents, given.request_seconds)
    print(json.dumps(found) if given.json else "\n".join(f"{name:30} {value}" for name, value in found.items()))
