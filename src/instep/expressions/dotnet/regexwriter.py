"""Writes the tree of a .NET pattern in the syntax of the `regex` package.

.NET numbers the groups without a name first and those with one after them. So every group is written with a name of
ours, and `Translation.groups` says which of them a .NET name or number means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from ..errors import PatternError, quoted
from .regexclasses import literal
from .regexnodes import Anchor, Atom, Capture, Choice, Group, Part, Reference, Repeat, Sequence


@dataclass(frozen=True, slots=True)
class Translation:
    """A pattern in the target's syntax, and its groups: .NET's names and numbers to the names used there."""

    pattern: str
    groups: Mapping[str, str]


def written(tree: Choice) -> Translation:
    """The translation of a whole pattern, or a `PatternError` about a reference to a group that isn't there."""
    captures = list(_captures(tree))
    names = dict.fromkeys(capture.name for capture in captures if capture.name is not None)
    unnamed = sum(capture.name is None for capture in captures)
    groups = {str(number): f"g{number}" for number in range(1, unnamed + len(names) + 1)}
    groups |= {name: f"g{number}" for number, name in enumerate(names, start=unnamed + 1)}
    return Translation(_Writer(groups).choice(tree), groups)


def _captures(part: Choice | Sequence | Part) -> Iterator[Capture]:
    match part:
        case Choice():
            for branch in part.branches:
                yield from _captures(branch)
        case Sequence():
            for inner in part.parts:
                yield from _captures(inner)
        case Capture():
            yield part
            yield from _captures(part.body)
        case Group():
            yield from _captures(part.body)
        case Repeat():
            yield from _captures(part.part)
        case _:
            return


class _Writer:
    def __init__(self, groups: Mapping[str, str]) -> None:
        self._groups = groups
        self._unnamed = 0

    def choice(self, choice: Choice) -> str:
        return "|".join(map(self._sequence, choice.branches))

    def _sequence(self, sequence: Sequence) -> str:
        written: list[str] = []
        for ignores_case, parts in groupby(sequence.parts, _ignores_case):
            text = "".join(part.text if isinstance(part, Atom) else self._part(part) for part in parts)
            written.append(_ignoring_case(text) if ignores_case else text)
        return "".join(written)

    def _part(self, part: Part) -> str:
        match part:
            case Atom():
                return _ignoring_case(part.text) if part.ignore_case else part.text
            case Anchor():
                return part.text
            case Reference():
                return self._reference(part)
            case Group():
                return f"{part.opening}{self.choice(part.body)})"
            case Capture(name=None):
                self._unnamed += 1
                return f"(?P<g{self._unnamed}>{self.choice(part.body)})"
            case Capture():
                return f"(?P<{self._groups[str(part.name)]}>{self.choice(part.body)})"
            case Repeat():
                return f"{self._part(part.part)}{_quantifier(part)}"

    def _reference(self, reference: Reference) -> str:
        name, group = reference.name, self._groups.get(reference.name)
        if group is not None:
            text = f"(?P={group})"
        elif len(name) > 1 and all(digit in "01234567" for digit in name):
            text = literal(chr(int(name, 8) & 0xFF))
        else:
            raise PatternError(f"there is no group {quoted(name)} to refer to", reference.position)
        return _ignoring_case(text) if reference.ignore_case else text


def _ignores_case(part: Part) -> bool:
    return isinstance(part, Atom) and part.ignore_case


def _ignoring_case(text: str) -> str:
    return f"(?i-f:{text})"  # without f one character stays one character: "ß" doesn't match "ss"


def _quantifier(repeat: Repeat) -> str:
    lazy = "?" if repeat.lazy else ""
    match repeat.least, repeat.most:
        case 0, None:
            return f"*{lazy}"
        case 1, None:
            return f"+{lazy}"
        case 0, 1:
            return f"?{lazy}"
        case least, None:
            return f"{{{least},}}{lazy}"
        case least, most:
            return f"{{{least},{most}}}{lazy}"
