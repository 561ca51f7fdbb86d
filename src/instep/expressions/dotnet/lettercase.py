"""Upper case, lower case and title case as .NET has them: one character always becomes one character.

Python's own mappings make "SS" of "ß" and a dotted i of "İ"; .NET's invariant culture leaves such characters alone.
Turkish and Azeri have dotted and dotless letters i that the other cultures don't keep apart.
"""

import re
from functools import lru_cache
from typing import Final

import regex

from ..errors import Fault

_CULTURE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_TURKIC: Final = ("tr", "az")
_LEFT_ALONE: Final = "İı"
"""Letters that the invariant culture has no other case for."""

_WORD: Final = regex.compile(r"\p{L}(?:[^\p{Z}\p{Cc}\p{Cf}\p{P}\p{S}]|')*+")
"""A word begins with a letter and ends before white space, a control, punctuation or a symbol."""


def check_culture(culture: str) -> None:
    """Refuses what can't be the name of a culture, such as `tr-TR`."""
    if culture and not _CULTURE.fullmatch(culture):
        raise Fault("{} isn't the name of a culture, such as tr-TR", culture)


def upper(text: str, culture: str = "") -> str:
    """The text in upper case."""
    if _is_turkic(culture):
        text = text.replace("i", "İ").replace("ı", "I")
    simple = text.upper()  # as long as the text exactly if one character has become one everywhere
    return simple if len(simple) == len(text) and "ı" not in text else "".join(map(_upper, text))


def lower(text: str, culture: str = "") -> str:
    """The text in lower case."""
    if _is_turkic(culture):
        text = text.replace("I", "ı").replace("İ", "i")
    simple = text.lower()
    return simple if len(simple) == len(text) and "Σ" not in text else "".join(map(_lower, text))


def titled(text: str) -> str:
    """The text with the first letter of each word in upper case and the others in lower case.

    Words are .NET's `ToTitleCase` words: they begin with a letter and end before white space, punctuation or a symbol,
    except that an apostrophe doesn't end a word.
    """
    return _WORD.sub(lambda word: _title(word[0][0]) + word[0][1:], lower(text))


def titled_between(text: str, separators: str) -> str:
    """The same, where words end at these characters and at no others."""
    result: list[str] = []
    in_word = False
    for character in lower(text):
        result.append(character if in_word else _title(character))
        in_word = character not in separators
    return "".join(result)


def _is_turkic(culture: str) -> bool:
    check_culture(culture)
    return culture[:2].lower() in _TURKIC and culture[2:3] in ("", "-")


@lru_cache(maxsize=4096)
def _upper(character: str) -> str:
    return _one(character, character.upper())


@lru_cache(maxsize=4096)
def _lower(character: str) -> str:
    return _one(character, character.lower())


@lru_cache(maxsize=4096)
def _title(character: str) -> str:
    return _one(character, character.title())


def _one(character: str, other: str) -> str:
    return character if len(other) != 1 or character in _LEFT_ALONE else other
