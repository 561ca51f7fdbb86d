"""The demo's voice: plain sentences, tables, and real `instep` commands shown with what they say."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from stage.commands import Commands

WIDTH = 100

# A picture of the terminal has no reason to ask another machine for a font.
_FETCHED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class NotAsExpected(Exception):
    """Something went otherwise than the demo says; the text names it."""


class Terminal:
    """Speaks to the reader and runs commands."""

    def __init__(self, console: Console, commands: Commands, pictures: Path | None = None) -> None:
        """pictures: the folder for a picture of each chapter, if they are wanted; the console has to record then."""
        self._console = console
        self._commands = commands
        self._pictures = pictures
        self._chapter = ""
        self._live = console.is_terminal and pictures is None

    def title(self, text: str) -> None:
        """The beginning of a chapter."""
        self.draw()
        self._chapter = text
        self._console.print()
        self._console.rule(Text(f" {text} ", style="bold"), align="left", style="dim")

    def draw(self) -> None:
        """Draw the chapter that ends here."""
        if self._pictures is not None and self._chapter:
            name = "-".join(word for word in self._chapter.lower().replace(",", "").split() if not word.isdigit())
            svg = self._console.export_svg(title="./script/demo", theme=MONOKAI, clear=True)
            svg = _FETCHED_FONT.sub("", svg)
            (self._pictures / f"{name}.svg").write_text(svg, encoding="utf-8")

    def say(self, text: str) -> None:
        """A paragraph. Line breaks in `text` are the source's, not the reader's."""
        self._console.print()
        self._console.print(Text(" ".join(text.split())))

    def listing(self, text: str) -> None:
        """Lines for the reader to type."""
        self._console.print()
        for line in text.rstrip("\n").split("\n"):
            self._console.print(Text(f"  {line}", style="cyan"), soft_wrap=True)

    def show(self, table: Table) -> None:
        """A table of the demo's own."""
        self._console.print()
        self._console.print(table)

    def instep(
        self,
        *arguments: str,
        exits: Sequence[int] = (0,),
        typed: str | None = None,
        to: Path | None = None,
        hidden: bool = False,
        watched: bool = False,
        ends: tuple[int, int] | None = None,
    ) -> str:
        """Run `instep` with these arguments, show it, and give its standard output if it is hidden or goes to a file.

        exits: the exit codes that are as expected. typed: the command as a person would type it, where that's shorter.
        to: the file that its output goes to instead of the screen. hidden: nothing is shown. watched: it draws on the
        terminal itself if there is one. ends: how many of the first and of the last lines are shown. Raises
        NotAsExpected.
        """
        if not hidden:
            self._console.print()
            line = Text(f"$ {typed or f'instep {shlex.join(arguments)}'}", style="bold cyan")
            self._console.print(line, soft_wrap=True)
        apart = hidden or to is not None
        done = self._commands.run(arguments, live=watched and self._live and not apart, apart=apart)
        if to is not None and done.code == 0:
            to.touch(mode=0o600)
            to.write_text(done.output, encoding="utf-8")
        unexpected = done.code not in exits
        if unexpected or not hidden:
            self._echo("" if to else done.output, ends)
            self._echo(done.said, None)
        if unexpected:
            wanted = " or ".join(map(str, exits))
            raise NotAsExpected(f"`instep {shlex.join(arguments)}` ended with exit code {done.code}, not {wanted}.")
        return done.output

    def _echo(self, text: str, ends: tuple[int, int] | None) -> None:
        rows = text.rstrip("\n").split("\n") if text.strip() else []
        first, last = ends or (len(rows), 0)
        left_out = len(rows) - first - last
        if left_out > 0:
            rows[first : first + left_out] = [f"… {left_out} more lines …"]
        for row in rows:
            line = Text.from_ansi(row)
            indent = len(line.plain) - len(line.plain.lstrip(" "))
            # What is too long for the width goes on under where it began.
            for part in line[indent:].wrap(self._console, WIDTH - indent):
                part.rstrip()
                self._console.print(Text(" " * indent) + part)
