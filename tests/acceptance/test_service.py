"""`instep serve` as a process among others: stopped, overtaken, shut out, and never twice.

INSTEP_HANDOVERS says how often one service takes a job over from another: 4 by default, so that the suite stays quick.
"""

import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.acceptance.servers import Instep

from instep.core.directory import Entry
from instep.core.subject import Kind
from instep.stores.database import DatabaseUnavailable
from instep.stores.directory import DirectoryStore
from instep.stores.state import StateStore

HANDOVERS = int(os.environ.get("INSTEP_HANDOVERS", "4"))
CONCURRENCY = 8
SETTINGS = {
    "INSTEP_READ_LAG_SECONDS": "1",
    "INSTEP_LISTEN": "off",
    "INSTEP_CONCURRENCY": str(CONCURRENCY),
    "INSTEP_LOG_LEVEL": "warning",
}


@dataclass(frozen=True)
class OtherApp:
    """An app of somebody else, with a journal of all that it was asked."""

    url: str
    journal: Path

    def _beside(self, name: str) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/{name}"

    def truth(self) -> list[str]:
        """The userNames of everybody who really is there."""
        with urllib.request.urlopen(self._beside("truth")) as answer:
            users = json.load(answer)["users"]
        return [user["userName"] for user in (users.values() if isinstance(users, dict) else users)]

    def new_token(self) -> str:
        """The old one has ended; this is the next."""
        asked = urllib.request.Request(self._beside("token"), method="POST")
        with urllib.request.urlopen(asked) as answer:
            return str(json.load(answer)["token"])

    def asked(self) -> list[dict[str, Any]]:
        """All requests so far; the last line may still be being written."""
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def creations(self) -> Counter[str]:
        """How often each person's creation was sent."""
        made: Counter[str] = Counter()
        for each in self.asked():
            if each["method"] != "POST":
                continue
            single = {"method": "POST", "path": each["path"], "data": each["body"]}
            for operation in each["body"].get("Operations", [single]):
                if operation["method"] == "POST" and operation["path"].endswith("/Users"):
                    made[operation["data"]["userName"]] += 1
        return made


@contextmanager
def other_app(folder: Path, *options: str) -> Iterator[OtherApp]:
    """Start it, stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, journal = folder / "app.url", folder / "journal.jsonl"
    command = ("hostile-app", "--port", "0", "--ready-file", str(ready), "--journal", str(journal), *options)
    process = Instep(folder, {}).start(*command)
    try:
        until(lambda: ready.exists() and ready.read_text().strip(), 20)
        yield OtherApp(ready.read_text().strip().rstrip("/"), journal)
    finally:
        process.terminate()
        process.wait(timeout=10)


def until(holds: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it didn't come about in time"
        time.sleep(0.05)


def prepared(folder: Path, app: OtherApp, **settings: str) -> Instep:
    """An app that is added and started, for everybody in the directory."""
    instep = Instep(folder / "instep", {**SETTINGS, **settings})
    token = folder / "token"
    token.write_text("hostile")
    instep("app", "add", "scim", "--url", app.url, "--token-file", str(token), "--scope", "all")
    instep("start", "scim")
    return instep


def hire(directory: DirectoryStore, names: list[str]) -> None:
    with directory.edit() as edit:
        for name in names:
            address = f"{name}@firm.example"
            edit.put(Entry(Kind.USER, name, address, {"userPrincipalName": address, "displayName": name}))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sigterm_in_the_middle_of_a_cycle_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    people = int(os.environ.get("INSTEP_PEOPLE", "1200"))
    with other_app(tmp_path / "app", "--persona", "no-uniqueness") as app:
        instep = prepared(tmp_path, app)
        instep("directory", "generate", "--users", str(people), "--groups", "1", "--memberships", "1", "--seed", "3")
        first = instep.start("serve")
        until(lambda: len(app.truth()) >= people // 4)
        began = time.monotonic()
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=15) == 0
        assert time.monotonic() - began < 10
        assert len(app.truth()) < people, "the service was through before it was stopped"
        assert instep.json("status", "scim")["openIntents"] == 0
        second = instep.start("serve")
        until(lambda: len(app.truth()) >= people, 240)
        until(lambda: instep.json("status", "scim")["running"] is None)
        second.terminate()
        assert second.wait(timeout=15) == 0
        assert set(Counter(app.truth()).values()) == {1}
        assert set(app.creations().values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_revoked_credentials_stop_the_job_at_once_and_new_ones_let_it_go_on(tmp_path: Path) -> None:
    with other_app(tmp_path / "app", "--persona", "expires-tokens", "--set", "requests=60") as app:
        instep = prepared(tmp_path, app)
        instep("directory", "generate", "--users", "300", "--groups", "1", "--memberships", "1", "--seed", "3")
        service = instep.start("serve")
        try:
            until(lambda: any(each["status"] == 401 for each in app.asked()))
            until(lambda: instep.json("status", "scim")["status"]["code"] == "Quarantine")
            time.sleep(3)
            refused = sum(each["status"] == 401 for each in app.asked())
            # Those in flight, the urgent lane's workers among them, and one test of the connection.
            assert 1 <= refused <= CONCURRENCY + 4 + 1
            assert len(app.truth()) < 300
            token = tmp_path / "new-token"
            token.write_text(app.new_token())
            began = time.monotonic()
            instep("app", "set", "scim", "--token-file", str(token))
            until(lambda: len(app.truth()) > 60, 60)
            assert time.monotonic() - began < 60
            assert instep.json("status", "scim")["status"]["code"] != "NotConfigured"
        finally:
            service.terminate()
            service.wait(timeout=15)
        assert set(Counter(app.truth()).values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_service_that_sleeps_past_its_lease_doubles_nobody_when_it_wakes(tmp_path: Path) -> None:
    """SIGSTOP, until the other service has taken the job over; SIGCONT; and again, while people go on coming."""
    short = {"INSTEP_LEASE_SECONDS": "0.5", "INSTEP_REQUEST_SECONDS": "0.5"}
    with other_app(tmp_path / "app", "--persona", "no-uniqueness") as app:
        instep = prepared(tmp_path, app, **short)
        directory = DirectoryStore(instep.data / "directory.sqlite")
        state = StateStore(instep.data / "state.sqlite", instep.data / "secrets.key")
        services = {process.pid: process for process in (instep.start("serve"), instep.start("serve"))}
        hired = 0

        def more() -> None:
            nonlocal hired
            hire(directory, [f"p{hired + i}" for i in range(12)])
            hired += 12

        def holder(other_than: int = 0) -> int:
            try:
                with state.reading() as reader:
                    lease = reader.lease("scim")
            except DatabaseUnavailable:  # who was stopped keeps even readers out: nobody can take over either
                return 0
            pid = int(lease.owner.split("/")[2]) if lease else 0
            return pid if pid in services and pid != other_than else 0

        def after_more(find: Callable[[], int], seconds: float) -> int:
            end = time.monotonic() + seconds
            while not (found := find()) and time.monotonic() < end:
                if hired < len(app.truth()) + 500:
                    more()
                time.sleep(0.03)
            return found

        taken_over = 0
        try:
            while taken_over < HANDOVERS:
                asleep = after_more(holder, 30)
                assert asleep, "nobody runs the job"
                os.kill(asleep, signal.SIGSTOP)
                try:
                    # Who falls asleep in the middle of a commit holds SQLite's lock: then nobody can take over, and
                    # nobody can do harm either.
                    taken_over += bool(after_more(lambda late=asleep: holder(other_than=late), 6))
                finally:
                    os.kill(asleep, signal.SIGCONT)
            until(lambda: len(app.truth()) >= hired, 120)
            until(lambda: instep.json("status", "scim")["openIntents"] == 0)
        finally:
            for process in services.values():
                process.terminate()
            for process in services.values():
                process.wait(timeout=15)
            state.close()
            directory.close()
        assert Counter(app.truth()) == Counter(f"p{i}@firm.example" for i in range(hired))
        repeated = sum(count - 1 for count in app.creations().values())
        assert repeated <= HANDOVERS * CONCURRENCY
