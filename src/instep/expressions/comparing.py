"""What `=`, `<>`, `<`, `<=`, `>` and `>=` mean.

Nothing empty is ever compared: with null or an empty text on either side every comparison is false, `<>` included
(the documented failure of a check on an attribute without a value). Texts are equal when they are the same, case
included; True and False in any case. A number equals a text that spells it. For order, two things that both spell
numbers compare as numbers, two dates of the language as dates, and anything else by its characters' code points.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .dotnet import dates
from .reading import text, whole
from .values import Value

_NUMBER: Final = re.compile(r"\s*-?[0-9]{1,18}\s*")
_TRUTHS: Final = ("true", "false")


def _equal(left: Value, right: Value) -> bool | None:
    """Whether both are equal; None where one of them is empty."""
    one, other = text(left), text(right)
    if not one or not other:
        return None
    if one == other:
        return True
    if one.lower() in _TRUTHS and one.lower() == other.lower():
        return True
    if isinstance(left, int) or isinstance(right, int):
        return _spell_numbers(one, other) and whole(one) == whole(other)
    return False


def _spell_numbers(one: str, other: str) -> bool:
    return bool(_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other))


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def ordered(left: Value, right: Value) -> bool:
        one, other = text(left), text(right)
        if not one or not other:
            return False
        if _spell_numbers(one, other):
            return compare(whole(one), whole(other))
        if dates.travels(one) and dates.travels(other):
            return compare(dates.parse(one), dates.parse(other))
        return compare(one, other)

    return ordered


COMPARISONS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "=": lambda left, right: _equal(left, right) is True,
    "<>": lambda left, right: _equal(left, right) is False,
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}
