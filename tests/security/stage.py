"""The stage on which canaries are planted: a directory, apps of every kind, a mail server; and commands on it.

Commands run in this process; what never ends, or has to crash, runs in a process of its own. Whatever they write is
kept: what they print, the trace of what they raise, and the files.
"""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from instep.cli import main


def every_command() -> list[tuple[str, ...]]:
    """All commands, as the command line itself has them."""
    command: Any = typer.main.get_command(main.app)
    context = command.make_context("instep", [], resilient_parsing=True)

    def below(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if not hasattr(node, "commands"):
            yield path, node
            return
        for name in node.list_commands(context):
            yield from below(node.resolve_command(context, [name])[1], (*path, name))

    return [path for path, _ in below(command, ())]


def options_of(path: tuple[str, ...]) -> dict[str, Any]:
    """A command's options that take a value, by name."""
    node: Any = typer.main.get_command(main.app)
    context = node.make_context("instep", [], resilient_parsing=True)
    for name in path:
        node = node.resolve_command(context, [name])[1]
    return {name: each for each in node.params for name in each.opts if name.startswith("--") and not each.is_flag}


@dataclass
class Stage:
    """Where everything is, and what was written so far."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    """What each command printed, by its words."""
    ran: set[tuple[str, ...]] = field(default_factory=set)
    """The commands that have run."""
    commands: list[tuple[str, ...]] = field(default_factory=every_command)

    @property
    def data(self) -> Path:
        """Instep's own data."""
        return self.folder / "instep"

    @property
    def outside(self) -> Path:
        """What others keep: the app's side."""
        return self.folder / "app"

    @property
    def given(self) -> Path:
        """Files that the administrator has made: tokens, the password."""
        return self.folder / "given"

    @property
    def made(self) -> Path:
        """Files that commands write where they're told to."""
        return self.folder / "made"

    def environment(self) -> dict[str, str]:
        """For processes."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("INSTEP_")}
        return {**own, "INSTEP_DATA": str(self.data), "COLUMNS": "200", "NO_COLOR": "1", **self.settings}

    def run(self, *words: str, code: int | None = None, stdin: str = "") -> str:
        """Run a command here. code: how it must end; none for any way but a crash. What it printed."""
        result = CliRunner().invoke(main.app, list(words), input=stdin, env=self.environment())
        text = result.stdout + result.stderr
        crash = result.exception if not isinstance(result.exception, SystemExit) else None
        self.keep(words, text + ("".join(traceback.format_exception(crash)) if crash else ""))
        assert crash is None, f"{words} crashed: {self.written[self._label(words)].decode()}"
        assert code is None or result.exit_code == code, f"{words}: {result.exit_code}\n{text}"
        return result.stdout

    def keep(self, words: tuple[str, ...], text: str | bytes) -> None:
        """Note what a command printed."""
        self.ran |= {path for path in self.commands if words[: len(path)] == path}
        label = self._label(words)
        self.written[label] = self.written.get(label, b"") + (
            text.encode("utf-8", "replace") if isinstance(text, str) else text
        )

    @contextmanager
    def running(self, *words: str, code: int | None = 0, before: str = "") -> Iterator["subprocess.Popen[bytes]"]:
        """A command in a process of its own, ended by SIGTERM. before: Python that runs in it first."""
        program = f"{before}\nfrom instep.cli.main import main\nmain()"
        with (self.folder / f"{len(self.written)}.txt").open("w+b") as printed:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *words],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    self.seen(process, words)
                    process.terminate()
                ended = process.wait(timeout=30)
                printed.seek(0)
                text = printed.read()
                self.keep(words, text)
        assert code is None or ended == code, f"{words}: {ended}\n{text.decode()}"

    def seen(self, process: "subprocess.Popen[bytes]", words: tuple[str, ...]) -> None:
        """Note what everybody on the machine, and its owner, can see of a process."""
        for name in ("cmdline", "environ"):
            path = Path(f"/proc/{process.pid}/{name}")
            if path.exists():
                self.written[f"/proc {name}: {self._label(words)}"] = path.read_bytes()

    def _label(self, words: tuple[str, ...]) -> str:
        return " ".join(words).replace(str(self.folder), "…")


def until(holds: Callable[[], Any], seconds: float = 40) -> None:
    """Wait for something to come about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it didn't come about in time"
        time.sleep(0.05)
