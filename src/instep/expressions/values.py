"""What expressions read and what they give.

Values are what Microsoft's mapping language knows: text, whole numbers, true and false, lists of text, role objects,
and nothing (`None`). Dates travel as text, `M/d/yyyy h:mm:ss tt` in UTC. Three results are more than a value: `DROP`,
`Candidates` and `Redacted`. How a value is read as what a function needs is in `reading.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias

from msgspec import Struct

from .errors import REDACTED
from .limits import PATTERN_SECONDS

Role: TypeAlias = Mapping[str, str | bool | None]
Value: TypeAlias = str | bool | int | tuple[str, ...] | tuple[Role, ...] | None


class Drop(Enum):
    """The attribute is left out of what is sent: no value, no default, nothing cleared."""

    DROP = "drop"


DROP: Final = Drop.DROP


@dataclass(frozen=True, slots=True)
class Candidates:
    """Texts in order of preference; the first that isn't taken in the app is the one to use."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Redacted:
    """A result that goes to the app and nowhere else: not into a log, a plan, a page or an error."""

    value: Value | Drop | Candidates

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__


Result: TypeAlias = Value | Drop | Candidates | Redacted


class Inputs(Struct, frozen=True, gc=False):
    """All that an evaluation may depend on.

    `attributes` are the source's, by their Graph names, absent or None where there is no value. `now` is the cycle's
    time. `seed` belongs to the link and the mapping: the same seed gives the same `Guid` and `RandomString` again, and
    it must be as hard to guess as a password should be.
    `pattern_timeout` is in seconds, for each search of a pattern.
    """

    attributes: Mapping[str, Value]
    now: datetime
    seed: str = ""
    default_domain: str | None = None
    pattern_timeout: float = PATTERN_SECONDS


class Dropped(Exception):
    """Ends an evaluation whose result is `DROP`, from wherever in the expression that is found out."""


Evaluator: TypeAlias = Callable[[Inputs], Value]
"""What gives a part of an expression its value."""

Reader: TypeAlias = Callable[[Inputs], Any]
"""An argument, read as what a function needs: a text, a number, a date, a list."""
