"""The characters that a .NET pattern's classes and escapes stand for, in the syntax of the `regex` package.

.NET's `\\w`, `\\d` and `\\s` are written out as the Unicode categories that its documentation names, because other
engines mean slightly different sets by the same letters. Classes are read here too: ranges, negation, escapes and
.NET's subtraction, `[a-z-[aeiou]]`.
"""

from typing import Final

import regex

from ..errors import PatternError, quoted, shortened
from .cursor import Cursor

_WORD: Final = r"\p{L}\p{Mn}\p{Nd}\p{Pc}"
_SPACE: Final = r"\f\n\r\t\v\x85\p{Z}"
SETS: Final = {"w": _WORD, "W": f"[^{_WORD}]", "s": _SPACE, "S": f"[^{_SPACE}]", "d": r"\p{Nd}", "D": r"\P{Nd}"}
"""What a class letter stands for within brackets."""

_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_SUBCATEGORIES: Final = {"L": "ultmo", "M": "nce", "N": "dlo", "P": "cdseifo", "S": "mcko", "Z": "slp", "C": "cfson"}
_CATEGORIES: Final = frozenset(_SUBCATEGORIES) | {
    f"{main}{sub}" for main, subs in _SUBCATEGORIES.items() for sub in subs
}


def literal(character: str) -> str:
    """A character that stands for itself."""
    if character.isalnum():
        return character
    return (
        f"\\{character}" if character.isascii() and character.isprintable() and character != " " else _coded(character)
    )


def _coded(character: str) -> str:
    return f"\\U{ord(character):08x}"


def property_of(cursor: Cursor, letter: str) -> str:
    """What follows `\\p` or `\\P`: a general category, or a block by its .NET name such as IsCyrillic."""
    start = cursor.position - 2
    name = cursor.until("}") if cursor.take("{") else None
    if name is None:
        raise PatternError(f"\\{letter} is followed by a name in braces, such as \\{letter}{{Lu}}", start + 1)
    if name in _CATEGORIES:
        return f"\\{letter}{{{name}}}"
    block = name.removeprefix("Is")
    if block != name and block.replace("-", "").isalnum():
        translated = f"\\{letter}{{Block={block}}}"
        try:
            regex.compile(translated)
        except regex.error:
            pass
        else:
            return translated
    raise PatternError(f"{quoted(name)} is no category or block of Unicode that is known here", start + 1)


def escaped(cursor: Cursor, letter: str) -> str:
    """The character that an escape stands for, the backslash and the letter already taken; it may be a digit too."""
    start = cursor.position - 1
    if letter in _CONTROLS:
        return _CONTROLS[letter]
    if letter == "x":
        return chr(_hexadecimal(cursor, 2))
    if letter == "u":
        return chr(_hexadecimal(cursor, 4))
    if letter == "c":
        control = cursor.next().upper()
        if not "@" <= control <= "_":
            raise PatternError(f"\\c is followed by a letter, not {quoted(control)}", start)
        return chr(ord(control) - 64)
    if letter in "01234567":
        digits = letter + cursor.while_in("01234567", 2)
        return chr(int(digits, 8) & 0xFF)
    if letter.isalnum() or letter == "_":
        raise PatternError(f"\\{letter} is no escape of .NET's regular expressions", start)
    return letter


def _hexadecimal(cursor: Cursor, count: int) -> int:
    start = cursor.position
    digits = cursor.while_in("0123456789abcdefABCDEF", count)
    if len(digits) != count:
        raise PatternError(f"{count} hexadecimal digits are needed here", start + 1)
    return int(digits, 16)


def read_class(cursor: Cursor, depth: int = 0) -> str:
    """A class in brackets, the opening one already taken, as a set of the `regex` package."""
    start = cursor.position
    if depth > 10:
        raise PatternError("classes are subtracted from each other more than 10 deep", start)
    negated = "^" if cursor.take("^") else ""
    items: list[str] = []
    first = True
    while first or not cursor.take("]"):
        if cursor.at_end:
            raise PatternError('this class has no closing bracket, "]"', start)
        if not first and cursor.take("-["):
            subtracted = read_class(cursor, depth + 1)
            if not cursor.take("]"):
                raise PatternError("a subtracted class is the last thing in its class", cursor.position + 1)
            return f"[[{negated}{''.join(items)}]--{subtracted}]"
        items.append(_item(cursor))
        first = False
    return f"[{negated}{''.join(items)}]"


def _item(cursor: Cursor) -> str:
    """One character, class letter or range of a class."""
    column = cursor.position + 1
    low = _single(cursor)
    if len(low) > 1 or not cursor.looks_at("-") or cursor.looks_at("-]") or cursor.looks_at("-["):
        return low if len(low) > 1 else literal(low)
    cursor.next()
    high = _single(cursor)
    if len(high) > 1:
        raise PatternError(f"a range can't end with {shortened(high)}", column)
    if high < low:
        raise PatternError(f"the range from {quoted(low)} to {quoted(high)} is upside down", column)
    return f"{literal(low)}-{literal(high)}"


def _single(cursor: Cursor) -> str:
    """A character as it is, or a translated class letter (which is longer than one character)."""
    character = cursor.next()
    if character != "\\":
        return character
    letter = cursor.next()
    if letter in SETS:
        return SETS[letter]
    if letter in "pP":
        return property_of(cursor, letter)
    return "\b" if letter == "b" else escaped(cursor, letter)
