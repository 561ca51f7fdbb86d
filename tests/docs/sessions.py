"""Terminal sessions in Markdown pages: blocks marked `console`, commands after `$ `, continued after `> `.

What stands under a command is its output, or lines of it in the same order. What differs from run to run (times,
durations, ids, tokens) is made alike before it's compared.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d( UTC|Z)?"), "<time>"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "<duration>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "<id>"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a session, with the lines that the page shows under it."""

    text: str
    shown: tuple[str, ...]


def pages() -> list[Path]:
    """All pages that people read."""
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def commands(page: str) -> list[Command]:
    """The commands of all sessions of a page, in order."""
    found: list[Command] = []
    for block in _BLOCK.findall(page):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:], ()))
            elif line.startswith("> ") and not found[-1].shown:
                found[-1] = Command(f"{found[-1].text}\n{line[2:]}", ())
            elif found and line.strip():
                found[-1] = Command(found[-1].text, (*found[-1].shown, line))
    return found


def alike(line: str) -> str:
    """The line without what differs from run to run."""
    for pattern, name in _VARYING:
        line = pattern.sub(name, line)
    return line.strip()


def missing(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """The first line that is shown and wasn't printed after those before it; none when all were."""
    rest = iter([alike(line) for line in printed])
    for line in shown:
        if line.strip() != "…" and alike(line) not in rest:
            return line
    return None
