"""Reads a value as what a function needs: a text, a number, a truth, a date, a list.

The rules are the same for every function: booleans and numbers read as text by their usual spelling, texts of digits
read as numbers, a list of one element reads as that element and an empty list as nothing. What doesn't fit is a
`Fault` that names the way out.
"""

import re
from datetime import datetime
from typing import Final

from .dotnet import dates
from .errors import Fault
from .limits import RESULT_ITEMS, RESULT_LENGTH
from .values import Role, Value

_WHOLE: Final = re.compile(r"\s*(?:([+-]?[0-9]{1,19})|&[Hh]([0-9A-Fa-f]{1,16}))\s*")
_LARGEST: Final = 2**63 - 1


def text(value: Value) -> str | None:
    """One text, or None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return _only(value)
    return str(value)


def _only(values: tuple[str, ...] | tuple[Role, ...]) -> str | None:
    if len(values) > 1:
        raise Fault(
            f"one value is needed, but there are {len(values)}; pick one with Item, or put them in one with Join"
        )
    if not values:
        return None
    if not isinstance(values[0], str):
        raise Fault("one value is needed, but this is a list of objects; use SingleAppRoleAssignment for app roles")
    return values[0]


def whole(value: Value) -> int | None:
    """A whole number of at most 64 bits, or None. Texts of digits and of `&H` and hexadecimal digits count."""
    written = text(value)
    if written is None:
        return None
    found = _WHOLE.fullmatch(written)
    if found is None:
        raise Fault("{} isn't a whole number", written)
    number = int(found[1]) if found[1] else int(found[2], 16)
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise Fault("{} is too large a number", written)
    return number


def truth(value: Value) -> bool:
    """True for True, the text "True" in any case and numbers other than zero; False for anything else."""
    written = text(value)
    if written is None:
        return False
    if written.lower() == "true":
        return True
    return _WHOLE.fullmatch(written) is not None and whole(written) != 0


def moment(value: Value) -> datetime | None:
    """A date with its time, in UTC, or None."""
    written = text(value)
    return None if written is None or not written.strip() else dates.parse(written)


def items(value: Value) -> tuple[str, ...] | None:
    """A list of texts, or None. A single value is a list of one."""
    if not isinstance(value, tuple):
        single = text(value)
        return None if single is None else (single,)
    plain: list[str] = []
    for element in value:
        if not isinstance(element, str):
            raise Fault("this is a list of objects; a list of texts is needed")
        plain.append(element)
    return tuple(plain)


def nothing(value: Value) -> bool:
    """Whether there is no value, an empty text or an empty list."""
    return value is None or value == "" or value == ()


def bounded(result: str) -> str:
    """The text, unless it is larger than any attribute may become."""
    if len(result) > RESULT_LENGTH:
        raise too_long()
    return result


def too_long() -> Fault:
    """The fault of a result that would be larger than any attribute may become."""
    return Fault(f"the result has more than {RESULT_LENGTH:,} characters")


def too_many() -> Fault:
    """The fault of a list that would be longer than any attribute may become."""
    return Fault(f"the result has more than {RESULT_ITEMS:,} elements")
