""".NET's custom date formats: takes them apart, and writes a moment in one.

Names and separators are those of the invariant culture. A single letter is a standard format and stands for a custom
one. Reading a text that is in such a format is the business of `datereading.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from ..errors import Fault
from ..limits import DATE_LENGTH
from . import dates

_STANDARD: Final = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "M": "MMMM dd",
    "m": "MMMM dd",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "Y": "yyyy MMMM",
    "y": "yyyy MMMM",
}
_LETTERS: Final = "dfFghHKmMstyz"
_LONGEST: Final = {"f": 7, "F": 7}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a format: a run of `count` equal letters, or, with no letter, text that stands for itself."""

    letter: str
    count: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment in UTC, and whether an offset was given with it (`K` writes nothing where none was)."""

    moment: datetime
    zoned: bool


@lru_cache(maxsize=512)
def parts(pattern: str) -> tuple[Part, ...]:
    """The pieces of a format, or a `Fault` that says what is wrong with it."""
    if len(pattern) == 1:
        if pattern not in _STANDARD:
            raise Fault("{} isn't a date format", pattern)
        pattern = _STANDARD[pattern]
    if not pattern:
        raise Fault("a date format can't be empty")
    if len(pattern) > DATE_LENGTH:
        raise Fault(f"a date format has at most {DATE_LENGTH} characters")
    return tuple(_parts(pattern))


def _parts(pattern: str) -> Iterator[Part]:
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character in "'\"":
            end = pattern.find(character, position + 1)
            if end < 0:
                raise Fault("the date format {} has a quote that isn't closed", pattern)
            yield Part("", 0, pattern[position + 1 : end])
            position = end + 1
        elif character == "\\":
            if position + 1 == len(pattern):
                raise Fault("the date format {} ends with a backslash", pattern)
            yield Part("", 0, pattern[position + 1])
            position += 2
        elif character == "%":
            position += 1
        elif character in _LETTERS:
            count = len(pattern) - position - len(pattern[position:].lstrip(character))
            if count > _LONGEST.get(character, count):
                raise Fault("the date format {} has more than 7 digits of a second", pattern)
            yield Part(character, count)
            position += count
        else:
            yield Part("", 0, character)
            position += 1


def check_output(pattern: str) -> None:
    """Refuses a format that can't be written."""
    parts(pattern)


def write(stamp: Stamp, pattern: str) -> str:
    """The moment in this format."""
    result = ""
    for part in parts(pattern):
        piece = _WRITERS[part.letter](stamp, part)
        if part.letter == "F" and not piece:
            result = result.removesuffix(".")
        result += piece
    return result


def _padded(of: Callable[[datetime], int], longest: int = 2) -> Callable[[Stamp, Part], str]:
    return lambda stamp, part: f"{of(stamp.moment):0{min(part.count, longest)}d}"


def _write_day(stamp: Stamp, part: Part) -> str:
    name = dates.DAYS[stamp.moment.weekday()]
    return f"{stamp.moment.day:0{part.count}d}" if part.count < 3 else name[:3] if part.count == 3 else name


def _write_month(stamp: Stamp, part: Part) -> str:
    name = dates.MONTHS[stamp.moment.month - 1]
    return f"{stamp.moment.month:0{part.count}d}" if part.count < 3 else name[:3] if part.count == 3 else name


def _write_year(stamp: Stamp, part: Part) -> str:
    year = stamp.moment.year if part.count > 2 else stamp.moment.year % 100
    return f"{year:0{part.count}d}"


def _write_fraction(stamp: Stamp, part: Part) -> str:
    digits = f"{stamp.moment.microsecond:06d}0"[: part.count]
    return digits if part.letter == "f" else digits.rstrip("0")


def _write_half(stamp: Stamp, part: Part) -> str:
    return ("AM" if stamp.moment.hour < 12 else "PM")[: part.count]


def _write_offset(stamp: Stamp, part: Part) -> str:
    return "+0" if part.count == 1 else "+00" if part.count == 2 else "+00:00"


_WRITERS: Final[Mapping[str, Callable[[Stamp, Part], str]]] = {
    "": lambda stamp, part: part.text,
    "d": _write_day,
    "f": _write_fraction,
    "F": _write_fraction,
    "g": lambda stamp, part: "A.D.",
    "h": _padded(lambda moment: moment.hour % 12 or 12),
    "H": _padded(lambda moment: moment.hour),
    "K": lambda stamp, part: "Z" if stamp.zoned else "",
    "m": _padded(lambda moment: moment.minute),
    "M": _write_month,
    "s": _padded(lambda moment: moment.second),
    "t": _write_half,
    "y": _write_year,
    "z": _write_offset,
}
