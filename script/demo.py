"""The demo: a company's people arrive in an app, change, and leave, by the same commands that anybody would type.

This file sets the stage and clears it away again, whatever happens. The story is in `stage/story.py`, the same at any
size in `stage/large.py`. It checks itself: what the app holds is read back and compared with what it should hold.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console
from stage import kept, name_server, processes
from stage.commands import Commands
from stage.large import LargeStory
from stage.story import Story
from stage.terminal import WIDTH, NotAsExpected, Terminal

ROOT = Path(__file__).resolve().parent.parent
INSTEP = ROOT / ".venv" / "bin" / "instep"


def main(arguments: list[str]) -> int:
    """Show the demo. Returns the exit code: 0 all went as told, 1 something didn't, 2 bad usage, 130 interrupted."""
    options = parsed(arguments)
    signal.signal(signal.SIGTERM, interrupted)
    recording = options.record is not None
    console = Console(width=WIDTH, record=recording, force_terminal=recording or None, highlight=False)
    began = time.monotonic()
    try:
        with folder(options.keep) as place:
            play(console, place, options)
    except KeyboardInterrupt:
        console.print("\nStopped. Nothing is left running.")
        return 130
    except (NotAsExpected, OSError) as wrong:
        console.print(f"\nNot as expected: {wrong}", markup=False, style="bold red")
        return 1
    console.print(f"\nAll as expected, in {time.monotonic() - began:.0f} s.", style="bold green")
    return 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The options. Ends the program with 2 when they can't be used."""
    parser = argparse.ArgumentParser(prog="script/demo", description="Show Instep at work on this machine.")
    parser.add_argument("--users", type=int, metavar="N", help="do it with a made-up company of N people (10 or more)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything in DIR, to go on with")
    parser.add_argument("--record", type=Path, metavar="DIR", help="draw each chapter as an SVG picture")
    parser.add_argument("--timings", action="store_true", help="say in the end how long the commands took")
    options = parser.parse_args(arguments)
    if options.users is not None and not 10 <= options.users <= 1_000_000:
        parser.error("--users: from 10 to 1000000")
    if options.keep is not None and options.keep.exists() and (options.keep.is_file() or any(options.keep.iterdir())):
        parser.error(f"--keep: {options.keep} is there already and isn't an empty folder")
    if options.record is not None and not options.record.is_dir():
        parser.error(f"--record: there is no folder {options.record}")
    return options


@contextlib.contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Where everything is: the folder to keep, or one that is removed in the end."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="instep-demo-") as name:
        yield Path(name)


def play(console: Console, place: Path, options: argparse.Namespace) -> None:
    """Start the servers, tell the story, stop the servers. Raises NotAsExpected, OSError."""
    coloured = console.color_system is not None and not console.no_color
    environment = {"INSTEP_DATA": str(place), "COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    environment |= {"FORCE_COLOR": "1" if coloured else "", "NO_COLOR": "" if coloured else "1"}
    commands = Commands(place, environment)
    terminal = Terminal(console, commands, options.record)
    terminal.say(
        """Instep keeps an organisation's apps in step with its directory. Here is what that looks like. Lines that
        begin with $ are the commands that are run, with what they print under them. Nothing leaves this machine."""
    )
    records: dict[str, str] = {}
    with name_server.running(records) as dns_port, processes.app(INSTEP, place, os.environ) as url:
        if options.users is None:
            story: Story | LargeStory = Story(
                terminal, ROOT / "demo", place, lambda: processes.service(INSTEP, place, os.environ)
            )
        else:
            story = LargeStory(terminal, place, options.users)
        story.tell(url, records, dns_port)
        if options.keep is not None:
            kept.leave_behind(terminal, place, INSTEP, url, story.examples)
        else:
            kept.say_goodbye(terminal)
        terminal.draw()
    if options.timings:  # the first command waits until Instep is loaded
        for name, seconds in sorted(commands.seconds.items(), key=lambda item: -item[1]):
            console.print(f"{seconds:6.2f} s  instep {name}", style="dim")


def interrupted(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends the demo as Ctrl-C does, so that nothing is left running."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
