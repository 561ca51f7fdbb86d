"""Masking: a value that mustn't be seen is found in a text in every form that encoders give it, and taken out.

Apps repeat in their errors what they were sent, and they write it as their language likes: `/` as `\\/`, `+` as
`\\u002B`, `%2b` or `&#43;`, once more escaped where JSON stands in JSON. Letters, digits and `-._~` are written as they
are by all of them (RFC 3986 section 2.3), so the longest run of those is looked for first; only where that is found,
the whole value is.

There's no possessive quantifier here: before Python 3.11.5 they miss what they should find, and Debian 12 has 3.11.2
(github.com/python/cpython/issues/106052).
"""

import re
from collections.abc import Iterable

_PLAIN = re.compile(rb"[A-Za-z0-9._~-]+")
_PERCENT = rb"%(?:25){0,4}"
_BACKSLASH = rb"(?:\\(?:u005c)?|" + _PERCENT + rb"5c|&#(?:92|x5c);)"
_MOST_BACKSLASHES = 8
"""Before one character: JSON within JSON within JSON."""
_LETTERS = {"\b": b"b", "\f": b"f", "\n": b"n", "\r": b"r", "\t": b"t"}
_NAMED = {"&": b"amp", "<": b"lt", ">": b"gt", '"': b"quot", "'": b"apos"}


class Masking:
    """Takes values out of texts; nothing is masked where there are none."""

    def __init__(self, values: Iterable[str], mask: str) -> None:
        # The longest first, so that none is masked in part.
        self._values = [_Value(value) for value in sorted(set(values), key=len, reverse=True) if value]
        self._mask = mask.encode()

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return "Masking()"

    def data(self, text: bytes) -> bytes:
        """A text in UTF-8 without the values."""
        if not self._values:
            return text
        lowered = text.lower()
        for value in self._values:
            if value.anchor in lowered:
                text, found = value.pattern.subn(lambda _: self._mask, text)
                lowered = text.lower() if found else lowered
        return text

    def text(self, text: str) -> str:
        """Words without the values."""
        if not self._values:
            return text
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


class _Value:
    """A value: what it's looked for by, and how it may be written."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.anchor = max(_PLAIN.findall(value.encode("utf-8", "replace")), key=len, default=b"").lower()
        self._pattern: re.Pattern[bytes] | None = None

    def __repr__(self) -> str:
        return "_Value()"

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """Made when it's first needed: most texts don't have the value in them."""
        if self._pattern is None:
            runs = re.findall(r"\\+|%+|.", self._value, re.DOTALL)
            self._pattern = re.compile(b"".join(map(_written, runs)), re.IGNORECASE)
        return self._pattern


def _written(text: str) -> bytes:
    """How a character may be written. Runs of backslashes or percents come together: counted one by one, there'd be too
    many ways to read them."""
    if text[0] == "\\":
        return _BACKSLASH + b"{%d,%d}" % (len(text), len(text) * (_MOST_BACKSLASHES + 1))
    if text[0] == "%":
        return b"(?:%s{1,%d}u0025|&(?:amp;){0,4}#(?:37|x25);|%s){%d}" % (
            _BACKSLASH,
            _MOST_BACKSLASHES,
            _PERCENT,
            len(text),
        )
    raw = text.encode("utf-8", "replace")
    if _PLAIN.fullmatch(raw):
        return re.escape(raw)
    units = text.encode("utf-16-be", "replace")
    backslashes = b"%s{1,%d}" % (_BACKSLASH, _MOST_BACKSLASHES)
    escaped = b"".join(backslashes + b"u" + units[at : at + 2].hex().encode() for at in range(0, len(units), 2))
    if text in _LETTERS:
        escaped += b"|" + backslashes + _LETTERS[text]
    number = ord(text)
    ways = [
        re.escape(raw),
        b"".join(_PERCENT + b"%02x" % byte for byte in raw),
        b"&(?:amp;){0,4}#(?:0*%d|x0*%x);" % (number, number),
    ]
    if text in _NAMED:
        ways.append(b"&(?:amp;){0,4}%s;" % _NAMED[text])
    if text == " ":
        ways.append(rb"\+")
    return b"(?:%s|%s{0,%d}(?:%s))" % (escaped, _BACKSLASH, _MOST_BACKSLASHES, b"|".join(ways))
