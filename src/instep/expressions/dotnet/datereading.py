"""Reads a text that is in a .NET date format, as `DateTime.ParseExact` does with the invariant culture.

The text must fit the format exactly; only the styles let white space differ. An offset in the text makes the result
UTC, and without one the text is taken as UTC. A format without a year is refused, because what it means would change
with the calendar.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ..errors import Fault
from ..limits import DATE_LENGTH
from . import dates
from .dateformats import Part, Stamp, parts

_STYLES: Final = (
    "None",
    "AllowLeadingWhite",
    "AllowTrailingWhite",
    "AllowInnerWhite",
    "AllowWhiteSpaces",
    "NoCurrentDateDefault",
    "AdjustToUniversal",
    "AssumeLocal",
    "AssumeUniversal",
    "RoundtripKind",
)
_DEFAULT_STYLES: Final = frozenset({"AllowLeadingWhite", "AllowTrailingWhite", "RoundtripKind"})
_LAST_SHORT_YEAR: Final = 49
"""Two-digit years up to this one are of the 2000s, the others of the 1900s."""

_OFFSET: Final = re.compile(r"Z|[+-]\d{1,2}(?::?\d{2})?", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=64)
def styles(names: str) -> frozenset[str]:
    """The styles of a list such as `AssumeUniversal, AllowWhiteSpaces`; the documented default if it's empty."""
    chosen: set[str] = set()
    for name in names.replace("|", ",").split(","):
        plain = name.strip().removeprefix("DateTimeStyles.")
        known = next((style for style in _STYLES if style.lower() == plain.lower()), None)
        if known is None and plain:
            raise Fault(f"{{}} isn't a date style; the styles are {', '.join(_STYLES)}", plain)
        if known is not None:
            chosen.add(known)
    if "AllowWhiteSpaces" in chosen:
        chosen |= {"AllowLeadingWhite", "AllowInnerWhite", "AllowTrailingWhite"}
    return frozenset(chosen) or _DEFAULT_STYLES


def check_input(pattern: str) -> None:
    """Refuses a format that can't be read, or that leaves the year open."""
    if not any(part.letter == "y" for part in parts(pattern)):
        raise Fault("the date format {} has no year", pattern)


def read(text: str, pattern: str, chosen: frozenset[str] = _DEFAULT_STYLES) -> Stamp:
    """The moment that the text means in this format, or a `Fault`."""
    check_input(pattern)
    if len(text) > DATE_LENGTH:
        raise Fault("{} isn't a date", text)
    return _Reading(text, pattern, chosen).stamp()


class _Reading:
    """One text on its way through one format."""

    def __init__(self, text: str, pattern: str, chosen: frozenset[str]) -> None:
        self._whole = text
        self._pattern = pattern
        left = text.lstrip() if "AllowLeadingWhite" in chosen else text
        self._rest = left.rstrip() if "AllowTrailingWhite" in chosen else left
        self._inner_white = "AllowInnerWhite" in chosen
        self._found: dict[str, int] = {}
        self._fraction = ""
        self._offset: timedelta | None = None

    def stamp(self) -> Stamp:
        sequence = parts(self._pattern)
        for index, part in enumerate(sequence):
            if self._inner_white and part.letter:
                self._rest = self._rest.lstrip()
            optional = part.text == "." and index + 1 < len(sequence) and sequence[index + 1].letter == "F"
            _READERS[part.letter](self, part, optional)
        if self._rest:
            raise self._misfit()
        return Stamp(self._moment(), zoned=self._offset is not None)

    def _moment(self) -> datetime:
        found = self._found
        hour = found.get("H", found.get("h", 0))
        if "h" in found and "H" not in found:
            if not 1 <= hour <= 12:
                raise self._misfit()
            hour = hour % 12 + 12 * found.get("t", 0)
        date = (found["y"], found.get("M", 1), found.get("d", 1))
        time = (hour, found.get("m", 0), found.get("s", 0))
        return dates.moment(self._whole, date, time, self._fraction, self._offset or timedelta())

    def _misfit(self) -> Fault:
        return Fault(f'{{}} doesn\'t fit the date format "{self._pattern}"', self._whole)

    def _keep(self, letter: str, value: int) -> None:
        if self._found.setdefault(letter, value) != value:
            raise self._misfit()

    def _digits(self, least: int, most: int) -> str:
        found = re.match(rf"[0-9]{{{least},{most}}}", self._rest)
        if found is None:
            raise self._misfit()
        self._rest = self._rest[found.end() :]
        return found[0]

    def _name(self, names: Sequence[str]) -> int:
        for number, name in enumerate(names, start=1):
            if self._rest[: len(name)].lower() == name.lower():
                self._rest = self._rest[len(name) :]
                return number
        raise self._misfit()

    def literal(self, part: Part, optional: bool) -> None:
        if self._inner_white and part.text.isspace():
            self._rest = self._rest.lstrip()
        elif self._rest.startswith(part.text):
            self._rest = self._rest[len(part.text) :]
        elif not optional:
            raise self._misfit()

    def number(self, part: Part, optional: bool) -> None:
        self._keep(part.letter, int(self._digits(min(part.count, 2), 2)))

    def day(self, part: Part, optional: bool) -> None:
        if part.count < 3:
            self.number(part, optional)
        else:
            self._name([name[:3] for name in dates.DAYS] if part.count == 3 else dates.DAYS)

    def month(self, part: Part, optional: bool) -> None:
        if part.count < 3:
            self.number(part, optional)
        else:
            self._keep("M", self._name([name[:3] for name in dates.MONTHS] if part.count == 3 else dates.MONTHS))

    def year(self, part: Part, optional: bool) -> None:
        if part.count > 2:
            self._keep("y", int(self._digits(part.count, part.count)))
            return
        short = int(self._digits(part.count, 2))
        self._keep("y", short + (2000 if short <= _LAST_SHORT_YEAR else 1900))

    def fraction(self, part: Part, optional: bool) -> None:
        self._fraction = self._digits(part.count if part.letter == "f" else 0, part.count)

    def half(self, part: Part, optional: bool) -> None:
        self._keep("t", self._name(("AM", "PM") if part.count > 1 else ("A", "P")) - 1)

    def era(self, part: Part, optional: bool) -> None:
        self._name(("A.D.", "AD"))

    def zone(self, part: Part, optional: bool) -> None:
        found = _OFFSET.match(self._rest)
        if found is None:
            if part.letter == "z":
                raise self._misfit()
            return
        self._rest = self._rest[found.end() :]
        self._offset = dates.offset(self._whole, found[0])


_READERS: Final[Mapping[str, Callable[[_Reading, Part, bool], None]]] = {
    "": _Reading.literal,
    "d": _Reading.day,
    "f": _Reading.fraction,
    "F": _Reading.fraction,
    "g": _Reading.era,
    "h": _Reading.number,
    "H": _Reading.number,
    "K": _Reading.zone,
    "m": _Reading.number,
    "M": _Reading.month,
    "s": _Reading.number,
    "t": _Reading.half,
    "y": _Reading.year,
    "z": _Reading.zone,
}
