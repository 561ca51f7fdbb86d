"""Whole processes for acceptance tests: Instep's commands, and our app's side as a server of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serviceprovider.world import organisation

from instep.serviceprovider.app import App


@dataclass(frozen=True)
class Instep:
    """The `instep` command over one data folder."""

    data: Path
    settings: dict[str, str]

    def __call__(self, *words: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `expect` is the exit code it must have, none for any."""
        done = subprocess.run(
            self._command(words), env=self._environment(), capture_output=True, text=True, check=False
        )
        if expect is not None:
            assert done.returncode == expect, f"instep {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """What a command says with `--json`."""
        return json.loads(self(*words, "--json").stdout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            self._command(words), env=self._environment(), stdout=quiet, stderr=quiet, start_new_session=True
        )

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [str(Path(sys.executable).with_name("instep")), *words]

    def _environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("INSTEP_")}
        return {**own, "INSTEP_DATA": str(self.data), "APP_TOKEN": "any", **self.settings}


@dataclass(frozen=True)
class OurApp:
    """Our app's side, running: an Enterprise organisation whose domain is verified."""

    url: str
    token: str
    data: Path

    def requests(self) -> int:
        """How many SCIM requests the organisation got."""
        return Instep(self.data, {}).json("org", "requests", "Acme")["total"]


@contextmanager
def our_app(data: Path, domain: str = "example.com") -> Iterator[OurApp]:
    """Start it in a process of its own, stop it at the end."""
    data.mkdir(parents=True, exist_ok=True)
    app = App(data)
    _, token = organisation(app, domain=domain)
    app.close()
    ready = data / "app.url"
    instep = Instep(data, {})
    process = instep.start("org", "serve", "--port", "0", "--ready-file", str(ready))
    try:
        while not ready.exists() or not ready.read_text().strip():
            assert process.poll() is None, "the app ended before it listened"
            time.sleep(0.05)
        yield OurApp(ready.read_text().strip(), token, data)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
