"""The reference page of the hostile peers, made from the docstrings of personas and of the ways to spoil an export.

`python -m instep.hostile.reference > docs/reference/hostile-personas.md` writes it anew; a test holds the page that is
kept in the repository equal to what this makes.
"""

import sys
from collections.abc import Iterator
from typing import Final

from instep.hostile import spoiling
from instep.hostile.personas import PERSONAS, Persona

_INTRODUCTION: Final = """\
# Hostile personas

What `instep hostile-app --persona NAME` and `instep hostile-source --persona NAME` can play. This page is made from
the code; `--list` tells the same in short, and [Test your SCIM client](../how-to/test-your-client.md) shows how to use
them.
"""
_APPS: Final = """\
## Apps

Several may be given; the first stands outermost, and sees a request before the others do. Numbers are set with
`--set NAME=NUMBER`, and `share` with `--share` too; where two personas have a number of the same name, it's set for
both.
"""
_SOURCES: Final = """\
## Exports of a directory

Each is made of a good export: a made-up company, or the file that `--from` names.

| name | what is wrong with it | what a reader should do |
| --- | --- | --- |"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRODUCTION, _APPS, *_personas(), _SOURCES, *_exports(), ""])


def _personas() -> Iterator[str]:
    for persona in PERSONAS.values():
        yield from _persona(persona)


def _persona(persona: type[Persona]) -> Iterator[str]:
    does, seen, should = persona.told()
    yield f"### {persona.name}\n"
    yield f"{does}\n"
    yield f"- **Who does so:** {seen}"
    yield f"- **What a client should do:** {should}"
    for number in persona.numbers:
        yield f"- `{number.name}`, {number.default:g} unless set: {number.meaning}"
    yield ""


def _exports() -> Iterator[str]:
    for name, spoil in spoiling.SPOILT.items():
        does, should = spoiling.told(spoil)
        yield f"| `{name}` | {does} | {should} |"


if __name__ == "__main__":
    sys.stdout.write(page())
