"""Takes the accents off Latin letters: é to e, Å to A, ø to oe.

Letters of other scripts stay as they are, marks and all: in Cyrillic й isn't an и with an accent, and in Devanagari
the marks are vowels.
"""

import unicodedata
from typing import Final

import regex

_SPECIAL: Final = {
    "æ": "ae",
    "Æ": "AE",
    "ø": "oe",
    "Ø": "OE",
    "œ": "oe",
    "Œ": "OE",
    "ß": "ss",
    "ẞ": "SS",
    "ł": "l",
    "Ł": "L",
    "ı": "i",
}
_LATIN: Final = [*range(0xC0, 0x250), *range(0x1E00, 0x1F00), 0x212A, 0x212B]
"""Latin-1 and the two extensions, extended additional, and the signs of kelvin and ångström."""


def _base(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return _SPECIAL.get(base, base)


_PLAIN: Final = {
    letter: _base(letter) for letter in map(chr, _LATIN) if _base(letter) != letter and _base(letter).isascii()
}
_ACCENTED: Final = regex.compile(f"[{''.join(_PLAIN)}]")
_MARKS: Final = regex.compile(r"(?<=[A-Za-z])\p{Mn}+")


def without_accents(text: str) -> str:
    """The text with Latin letters in their base form."""
    if text.isascii():
        return text
    plain = _ACCENTED.sub(lambda found: _PLAIN[found[0]], text)
    return _MARKS.sub("", plain)
