"""Takes the accents off Latin letters: é to e, Å to A, ø to oe.

Letters of other scripts stay as they are, marks and all: in Cyrillic й isn't an и with an accent, and in Devanagari
the marks are vowels.
"""

import unicodedata
from typing import Final

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


def without_accents(text: str) -> str:
    """The text with Latin letters in their base form."""
    if text.isascii():
        return text
    result: list[str] = []
    after_latin = False
    for character in text:
        base, *marks = unicodedata.normalize("NFD", character)
        if unicodedata.combining(character):
            if not after_latin:
                result.append(character)
            continue
        plain = _SPECIAL.get(base) or (base if base.isascii() and base.isalpha() else None)
        after_latin = plain is not None and all(map(unicodedata.combining, marks))
        result.append(plain if plain is not None and after_latin else character)
    return "".join(result)
