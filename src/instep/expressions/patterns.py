"""Regular expressions as rules may contain them: written for .NET, translated here, and limited in every way.

`compile` parses the pattern, refuses what can't be translated and what would be too large, and only then lets the
engine see it. A search has a time limit, because a pattern that people wrote may take for ever on a text that people
wrote. Nothing here counts time-outs: a caller that gets `PatternTimeout` too often should stop using the pattern.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import regex

from .dotnet import regexparser
from .dotnet.regexnodes import anchored, repeats, size
from .dotnet.regexwriter import written
from .errors import PatternError, PatternTimeout, quoted
from .limits import PATTERN_LENGTH, PATTERN_REPEATS, PATTERN_SECONDS, PATTERN_SIZE

LEAST_SECONDS: Final = 0.000_001
"""A time limit of nothing would mean none at all to the engine."""


class Match(Protocol):
    """A place where a pattern matched; groups by the names of `Pattern.groups`."""

    def start(self) -> int: ...
    def end(self) -> int: ...
    def group(self, name: str, /) -> str | None: ...
    def spans(self, name: str, /) -> list[tuple[int, int]]: ...


class _Engine(Protocol):
    def search(self, text: str, *, timeout: float) -> Match | None: ...
    def finditer(self, text: str, *, timeout: float) -> Iterator[Match]: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `source` is what was written; `groups` gives the engine's name of a .NET name or number."""

    source: str
    translated: str
    groups: Mapping[str, str] = field(compare=False)
    warnings: tuple[str, ...] = ()
    engine: _Engine = field(default=cast(Any, None), compare=False, repr=False)

    def search(self, text: str, timeout: float = PATTERN_SECONDS) -> bool:
        """Whether the pattern matches anywhere in the text; `timeout` in seconds, then `PatternTimeout`."""
        return self.first(text, timeout) is not None

    def first(self, text: str, timeout: float = PATTERN_SECONDS) -> Match | None:
        """The first place where the pattern matches, or None."""
        try:
            return self.engine.search(text, timeout=max(timeout, LEAST_SECONDS))
        except TimeoutError:
            raise self._late(timeout) from None

    def all(self, text: str, timeout: float = PATTERN_SECONDS) -> Iterator[Match]:
        """Every place where the pattern matches, one after the other; the time is for all together."""
        try:
            yield from self.engine.finditer(text, timeout=max(timeout, LEAST_SECONDS))
        except TimeoutError:
            raise self._late(timeout) from None

    def _late(self, timeout: float) -> PatternTimeout:
        return PatternTimeout(
            f"the pattern didn't come to an end within {timeout:g} s", self.source, self.source, self.source
        )


def compile(pattern: str) -> Pattern:
    """The compiled pattern, or a `PatternError` with the place in it."""
    if len(pattern) > PATTERN_LENGTH:
        raise PatternError(f"a pattern has at most {PATTERN_LENGTH:,} characters, this one has {len(pattern):,}")
    tree = regexparser.parse(pattern)
    if repeats(tree) > PATTERN_REPEATS:
        raise PatternError(f"the bounds of the pattern's nested repeats multiply to more than {PATTERN_REPEATS:,}")
    if size(tree) > PATTERN_SIZE:
        raise PatternError(f"the pattern would have more than {PATTERN_SIZE:,} parts with its repeats written out")
    translation = written(tree)
    open_ends = [f'{end} ("{sign}")' for end, sign in (("start", "^"), ("end", "$")) if not anchored(tree, end)]
    warnings = (
        (
            f"the pattern {quoted(pattern)} isn't tied to the {' and the '.join(open_ends)} of the text, "
            "so it also matches longer texts that contain a match",
        )
        if open_ends
        else ()
    )
    try:
        engine = cast(_Engine, regex.compile(translation.pattern, regex.VERSION1))
    except regex.error as error:
        raise PatternError(f"the pattern can't be used: {error}") from None
    return Pattern(pattern, translation.pattern, translation.groups, warnings, engine)
