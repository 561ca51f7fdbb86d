"""The tree of a .NET regular expression, as far as translating it needs one, and what it costs.

Single characters, classes and escapes are already in the target's syntax (`Atom.text`); groups, repeats and back
references keep their structure, because group numbers and limits are only known once all has been read.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Atom:
    """Something that matches one character, translated; `ignore_case` as the options stood there."""

    text: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """Something that matches a place, translated. `ends` is "start" or "end" if it's an end of the text."""

    text: str
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A back reference by the group's name, or by its number written as text.

    A number of two or three octal digits that no group has is a character's code instead.
    """

    name: str
    ignore_case: bool
    position: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Branches, of which one is to match."""

    branches: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that captures nothing; `opening` tells its kind: `(?:`, `(?=`, `(?!`, `(?<=`, `(?<!` or `(?>`."""

    opening: str
    body: Choice


@dataclass(frozen=True, slots=True)
class Capture:
    """A group that captures, with its name or without one."""

    name: str | None
    body: Choice


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part with its quantifier; `most` is None without an upper bound."""

    part: "Part"
    least: int
    most: int | None
    lazy: bool


Part: TypeAlias = Atom | Anchor | Reference | Group | Capture | Repeat


def repeats(part: Part | Choice | Sequence) -> int:
    """The largest product of bounds of repeats that are nested in each other."""
    match part:
        case Choice():
            return max(map(repeats, part.branches), default=1)
        case Sequence():
            return max(map(repeats, part.parts), default=1)
        case Group() | Capture():
            return repeats(part.body)
        case Repeat():
            return repeats(part.part) * max(part.most or part.least, 1)
        case _:
            return 1


def size(part: Part | Choice | Sequence) -> int:
    """How many parts there are once repeats are written out.

    The engine's compiler copies what must be there: `(x)+` becomes two of x, `(x){2}` and `(x){2,}` three, and those of
    nested repeats multiply. A single character is only copied as often as it must be there.
    """
    match part:
        case Choice():
            return sum(map(size, part.branches))
        case Sequence():
            return sum(map(size, part.parts))
        case Group() | Capture():
            return max(size(part.body), 1)
        case Repeat():
            copies = part.least if isinstance(part.part, Atom) else part.least and part.least + 1
            return size(part.part) * max(copies, 1)
        case _:
            return 1


def anchored(choice: Choice, end: str) -> bool:
    """Whether every branch is tied to this end of the text, "start" or "end"."""
    return all(
        _tied(branch.parts[0 if end == "start" else -1], end) for branch in choice.branches if branch.parts
    ) and all(branch.parts for branch in choice.branches)


def _tied(part: Part, end: str) -> bool:
    match part:
        case Anchor():
            return part.ends == end
        case Group(opening="(?:" | "(?>") | Capture():
            return anchored(part.body, end)
        case _:
            return False
