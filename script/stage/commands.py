"""Running `instep` commands, each in a process of its own.

The processes are forked from one that has loaded Instep already (multiprocessing's fork server): starting Python anew
thirty times would take longer than all that the commands do. Otherwise they are what a shell would start.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it wrote: to standard output, and to standard error if that was kept apart."""

    code: int
    output: str
    said: str = ""


class Commands:
    """Runs commands in a folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """environment: what they find besides the caller's."""
        self._folder = folder
        self._environment = dict(environment)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["stage.rehearsal"])
        # Some of the environment is read when Instep is loaded; and the server's search path isn't ours by itself.
        before = dict(os.environ)
        os.environ.update({**environment, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)})
        forkserver.ensure_running()
        os.environ.clear()
        os.environ.update({**before, **environment})
        self.seconds: dict[str, float] = {}
        """How long the commands took, by their first words."""

    def run(self, arguments: Sequence[str], *, live: bool = False, apart: bool = False) -> Done:
        """Run one to its end.

        live: it writes to our own terminal, and what it writes isn't kept. apart: its standard error isn't mixed into
        its output.
        """
        began = time.monotonic()
        output, said = self._folder / ".output", self._folder / ".said"
        places = () if live else (output, said) if apart else (output, output)
        setting = (list(arguments), self._folder, self._environment, places)
        process = self._context.Process(target=_command, args=setting)
        process.start()
        try:
            process.join()
        finally:
            _end(process)
        self._count(arguments, time.monotonic() - began)
        texts = [place.read_text(encoding="utf-8") for place in dict.fromkeys(places)]
        for place in (output, said):
            place.unlink(missing_ok=True)
        return Done(process.exitcode or 0, *(texts or [""]))

    def _count(self, arguments: Sequence[str], seconds: float) -> None:
        name = " ".join(arguments[: 2 if arguments[0] in ("app", "directory", "group", "org") else 1])
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


def _end(process: BaseProcess) -> None:
    """See to it that the process has ended. It's still there only if we were interrupted, as by Ctrl-C it was too."""
    for end in (lambda: None, process.terminate, process.kill):
        if process.is_alive():
            end()
            process.join(3)


def _command(arguments: list[str], folder: Path, environment: dict[str, str], places: tuple[Path, ...]) -> None:
    """What the process does: redirect its output, and be `instep`."""
    from instep.cli.main import main

    for number, place in enumerate(places, start=1):
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.update(environment)
    # Colours were decided when Instep was loaded. Without this there's no terminal either, and nothing is animated.
    os.environ.pop("FORCE_COLOR", None)
    os.chdir(folder)
    sys.argv = ["instep", *arguments]
    main()
