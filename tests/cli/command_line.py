"""The command line as tests use it: a folder with data, a directory to be filled, commands to be run."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scenarios.company import Company
from typer.testing import CliRunner, Result

from instep import wiring
from instep.cli.main import app
from instep.settings import Settings


@dataclass(frozen=True)
class CommandLine:
    """`instep` with its data in a folder of its own. The environment must say so too: see `conftest`."""

    data: Path

    def run(self, *arguments: str, stdin: str = "") -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(app, list(arguments), input=stdin)

    def json(self, *arguments: str) -> Any:
        """Run a command with --json, whatever its exit code is; what it printed."""
        result = self.run(*arguments, "--json")
        assert not result.stderr, result.stderr
        return json.loads(result.stdout)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in a process of its own."""
        command = [sys.executable, "-c", "from instep.cli.main import main; main()", *arguments]
        environment = os.environ | {"INSTEP_DATA": str(self.data)}
        return subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def company(self, app: str = "scim", **changes: Any) -> None:
        """Change the directory: words of `Company` with their argument."""
        directory = wiring.directory(self.settings)
        try:
            for word, given in changes.items():
                getattr(Company(directory, app), word)(given)
        finally:
            directory.close()

    def hire(self, prefix: str, count: int, app: str = "scim", **attributes: Any) -> list[str]:
        """So many people who get the app, made up; their ids."""
        keys = [f"{prefix}{number:02}" for number in range(count)]
        self.company(app, add={"users": {key: dict(attributes) for key in keys}, "assigned": keys})
        return keys

    def rules(self, app: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        """Change an app's rules document, as no option does."""
        import msgspec

        state = wiring.state(self.settings)
        try:
            with state.writing() as writer:
                known = writer.app(app)
                assert known is not None
                writer.save_app(msgspec.structs.replace(known, rules=change(dict(known.rules))), None)
        finally:
            state.close()

    def notify(self, *addresses: str, app: str = "scim") -> None:
        """Have these told of the app."""
        import msgspec

        from instep.core.app import Notifications

        state = wiring.state(self.settings)
        try:
            with state.writing() as writer:
                known = writer.app(app)
                assert known is not None
                writer.save_app(msgspec.structs.replace(known, notifications=Notifications(addresses)), None)
        finally:
            state.close()

    @property
    def settings(self) -> Settings:
        """The settings that say where the data is."""
        return Settings(data=self.data)

    def hashes(self) -> dict[str, str]:
        """Every file of the data folder, by its content."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(self.data.iterdir())}


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it didn't come true in time"
        time.sleep(0.02)


def interrupt(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> None:
    """Send a signal to a process that a test started."""
    process.send_signal(number)
