"""The replacement texts of .NET's `Regex.Replace`: `$1`, `${name}`, `$$`, `$&` and the like.

A `$` that begins none of these, and a number or name of a group that isn't there, stand for themselves, as in .NET.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ..patterns import Match

Piece: TypeAlias = Callable[[str, Match], str]
"""A piece of a replacement, worked out from the text and the match."""

_SUBSTITUTION: Final = re.compile(r"\$(?:(?P<sign>[$&`'_+])|(?P<number>[0-9]+)|\{(?P<name>\w+)\})")


def pieces(replacement: str, groups: Mapping[str, str]) -> tuple[Piece, ...]:
    """A replacement's pieces in order; `groups` as in `Pattern.groups`."""
    result: list[Piece] = []
    position = 0
    for found in _SUBSTITUTION.finditer(replacement):
        piece = _piece(found, groups)
        if piece is not None:
            result += [_literal(replacement[position : found.start()]), piece]
            position = found.end()
    return (*result, _literal(replacement[position:]))


def _piece(found: re.Match[str], groups: Mapping[str, str]) -> Piece | None:
    if found["sign"] in _SIGNS:
        return _SIGNS[found["sign"]]
    last = str(sum(name.isdigit() for name in groups))
    name = last if found["sign"] == "+" else found["number"] or found["name"]
    if name == "0":
        return _matched
    return _group(groups[name]) if name in groups else None


def _literal(text: str) -> Piece:
    return lambda whole, match: text


def _group(name: str) -> Piece:
    return lambda whole, match: match.group(name) or ""


def _matched(whole: str, match: Match) -> str:
    return whole[match.start() : match.end()]


_SIGNS: Final[Mapping[str, Piece]] = {
    "$": _literal("$"),
    "&": _matched,
    "`": lambda whole, match: whole[: match.start()],
    "'": lambda whole, match: whole[match.end() :],
    "_": lambda whole, match: whole,
}
