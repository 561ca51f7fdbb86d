"""Reads a .NET regular expression into a tree.

Options (`i`, `m`, `n`, `s`, `x`) are followed as .NET does, to the end of the group they stand in, and are gone from
the tree: each part is translated as the options stood where it was written. What has no counterpart is refused by
name: balancing groups, conditions, `\\G`, groups with a number for a name.
"""

from dataclasses import dataclass, replace
from typing import Final

from ..errors import PatternError, quoted
from ..limits import PATTERN_DEPTH, PATTERN_LENGTH
from . import regexclasses
from .cursor import Cursor
from .regexnodes import Anchor, Atom, Capture, Choice, Group, Part, Reference, Repeat, Sequence

_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!")
_PLAIN_ANCHORS: Final = {
    "A": Anchor(r"\A", "start"),
    "Z": Anchor(r"(?=\n?\Z)", "end"),
    "z": Anchor(r"\Z", "end"),
    "b": Anchor(r"\b"),  # the engine's own, which differs for a few symbols and spacing marks only
    "B": Anchor(r"\B"),
}


@dataclass(frozen=True, slots=True)
class _Options:
    ignore_case: bool = False
    multiline: bool = False
    only_named: bool = False
    dot_is_all: bool = False
    free_space: bool = False


_OPTION_NAMES: Final = {
    "i": "ignore_case",
    "m": "multiline",
    "n": "only_named",
    "s": "dot_is_all",
    "x": "free_space",
}


def parse(pattern: str) -> Choice:
    """The tree of a pattern, or a `PatternError` with the place in it."""
    parser = _Parser(Cursor(pattern))
    tree = parser.choice(_Options(), 0)
    if not parser.cursor.at_end:
        raise PatternError('there is no "(" for this ")"', parser.cursor.position + 1)
    return tree


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def choice(self, options: _Options, depth: int) -> Choice:
        """Branches up to a closing parenthesis, which isn't taken, or the end."""
        if depth > PATTERN_DEPTH:
            raise PatternError(f"groups are nested more than {PATTERN_DEPTH} deep", self.cursor.position)
        branches: list[Sequence] = []
        parts: list[Part] = []
        while not self.cursor.at_end and not self.cursor.looks_at(")"):
            if options.free_space and self._skipped_space():
                continue
            if self.cursor.take("|"):
                branches.append(Sequence(tuple(parts)))
                parts = []
                continue
            changed = self._option_change(options)
            if changed is not None:
                options = changed
                continue
            if self.cursor.take("(?#"):
                self.cursor.until(")")
                continue
            parts.append(self._quantified(self._part(options, depth), options))
        branches.append(Sequence(tuple(parts)))
        return Choice(tuple(branches))

    def _skipped_space(self) -> bool:
        if self.cursor.take("#"):
            end = self.cursor.text.find("\n", self.cursor.position)
            self.cursor.position = len(self.cursor.text) if end < 0 else end + 1
            return True
        if self.cursor.text[self.cursor.position].isspace():
            self.cursor.position += 1
            return True
        return False

    def _option_change(self, options: _Options) -> _Options | None:
        """The options after `(?i)` and the like; None if there is no such thing here."""
        start = self.cursor.position
        if self.cursor.take("(?"):
            letters = self.cursor.while_in("imnsx-", 20)
            if letters and self.cursor.take(")"):
                return self._changed(options, letters)
        self.cursor.position = start
        return None

    def _changed(self, options: _Options, letters: str) -> _Options:
        on, _, off = letters.partition("-")
        if "-" in off:
            raise PatternError("options are switched off after one minus", self.cursor.position)
        return replace(
            options,
            **{_OPTION_NAMES[letter]: True for letter in on},
            **{_OPTION_NAMES[letter]: False for letter in off if letter not in on},
        )

    def _part(self, options: _Options, depth: int) -> Part:
        cursor = self.cursor
        character = cursor.next()
        match character:
            case "(":
                return self._group(options, depth)
            case "[":
                return Atom(regexclasses.read_class(cursor), options.ignore_case)
            case ".":
                return Atom("(?s:.)" if options.dot_is_all else r"[^\n]")
            case "^":
                return Anchor("(?m:^)") if options.multiline else Anchor(r"\A", "start")
            case "$":
                return Anchor("(?m:$)") if options.multiline else _PLAIN_ANCHORS["Z"]
            case "\\":
                return self._escape(options)
            case "*" | "+" | "?":
                raise PatternError(f"there is nothing to repeat before {quoted(character)}", cursor.position)
            case _:
                return Atom(regexclasses.literal(character), options.ignore_case)

    def _group(self, options: _Options, depth: int) -> Part:
        cursor, start = self.cursor, self.cursor.position
        opening = next((look for look in _LOOKS if cursor.looks_at(look[1:])), "")
        name: str | None = None
        if opening:
            cursor.position += len(opening) - 1
        elif cursor.take("?>"):
            opening = "(?>"
        elif cursor.take("?<"):
            name = self._name(">")
        elif cursor.take("?'"):
            name = self._name("'")
        elif cursor.take("?P"):
            raise PatternError("(?P is another language's; .NET writes (?<name>…)", start)
        elif cursor.take("?("):
            raise PatternError("conditions, (?(…)…|…), can't be translated", start)
        elif cursor.take("?"):
            opening = "(?:"
            letters = cursor.while_in("imnsx-", 20)
            if not cursor.take(":"):
                raise PatternError("this kind of group isn't known", start)
            options = self._changed(options, letters)
        elif options.only_named:
            opening = "(?:"
        body = self.choice(options, depth + 1)
        if not cursor.take(")"):
            raise PatternError('this group has no closing ")"', start)
        return Group(opening, body) if opening else Capture(name, body)

    def _name(self, closing: str) -> str:
        start = self.cursor.position + 1
        name = self.cursor.until(closing)
        if "-" in name:
            raise PatternError("balancing groups, (?<a-b>…), can't be translated", start)
        if name.isdigit():
            raise PatternError("a group's name can't be a number here; give it a name in letters", start)
        if not name or not all(character.isalnum() or character == "_" for character in name):
            raise PatternError(f"{quoted(name)} can't be the name of a group", start)
        return name

    def _escape(self, options: _Options) -> Part:
        cursor = self.cursor
        start = cursor.position
        letter = cursor.next()
        if letter in _PLAIN_ANCHORS:
            return _PLAIN_ANCHORS[letter]
        if letter == "G":
            raise PatternError("\\G can't be translated", start)
        if letter == "k":
            closing = ">" if cursor.take("<") else "'" if cursor.take("'") else ""
            if not closing:
                raise PatternError("\\k is followed by a name in angle brackets, \\k<name>", start)
            return Reference(cursor.until(closing), options.ignore_case, start)
        if letter in "123456789":
            return Reference(letter + cursor.while_in("0123456789", 2), options.ignore_case, start)
        if letter in regexclasses.SETS:
            return Atom(f"[{regexclasses.SETS[letter]}]")
        if letter in "pP":
            return Atom(regexclasses.property_of(cursor, letter), options.ignore_case)
        return Atom(regexclasses.literal(regexclasses.escaped(cursor, letter)), options.ignore_case)

    def _quantified(self, part: Part, options: _Options) -> Part:
        cursor = self.cursor
        while options.free_space and not cursor.at_end and self._skipped_space():
            pass
        start = cursor.position
        bounds = self._bounds()
        if bounds is None:
            return part
        if isinstance(part, Anchor) or (isinstance(part, Group) and part.opening in _LOOKS):
            raise PatternError("this matches a place, which can't be repeated", start + 1)
        lazy = cursor.take("?")
        after = cursor.position
        if self._bounds() is not None:
            raise PatternError("a repeat can't be repeated without a group around it", after + 1)
        return Repeat(part, *bounds, lazy)

    def _bounds(self) -> tuple[int, int | None] | None:
        """The bounds of a quantifier; None, with nothing taken, if there is none. Other braces stand for themselves."""
        cursor, start = self.cursor, self.cursor.position
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if cursor.take(sign):
                return bounds
        if cursor.take("{"):
            least = cursor.while_in("0123456789", PATTERN_LENGTH)
            comma = cursor.take(",")
            most = cursor.while_in("0123456789", PATTERN_LENGTH) if comma else least
            if least and cursor.take("}"):
                if most and int(most) < int(least):
                    raise PatternError(f"the bounds of {{{least},{most}}} are upside down", start + 1)
                return int(least), int(most) if most else None
        cursor.position = start
        return None
