"""The registry of checks: a function becomes a check by `@check`, its docstring is what it proves.

They run and are shown in the order of TITLES, and within a group as they stand in their module. `catalogue` imports
all modules with checks.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from instep.checking.finding import Check, Severity

if TYPE_CHECKING:
    from instep.checking.visit import Visit

Function = Callable[["Visit"], Awaitable[str | None]]

TITLES = {
    "transport": "Transport",
    "auth": "Authorisation",
    "discovery": "What the endpoint says of itself",
    "lookup": "Look-ups",
    "create": "Creating people",
    "read": "Reading",
    "patch": "Changing by PATCH",
    "put": "Changing by PUT",
    "disable": "Disabling and coming back",
    "delete": "Deleting",
    "groups": "Groups",
    "paging": "Pages",
    "parallel": "Many at once",
    "speed": "Speed",
    "errors": "Errors",
    "versions": "Versions",
    "bulk": "Bulk",
}
"""What the groups of checks are called."""

_REGISTERED: dict[str, Check] = {}


class UnknownCheck(ValueError):
    """An id that no check and no group has; the message names those there are."""


def check(
    check_id: str, title: str, severity: Severity, source: str, way_out: str, *, writes: bool = True
) -> Callable[[Function], Function]:
    """Register a function as a check. writes: whether it sends more than reads."""

    def register(function: Function) -> Function:
        if check_id in _REGISTERED:
            raise ValueError(f"two checks are called {check_id}")
        proves = " ".join(inspect.getdoc(function).split()) if function.__doc__ else ""  # pyright: ignore[reportOptionalMemberAccess]
        _REGISTERED[check_id] = Check(check_id, title, severity, source, proves, way_out, writes, function)
        return function

    return register


def checks() -> list[Check]:
    """All that are registered, in their order."""
    order = list(TITLES)
    return sorted(_REGISTERED.values(), key=lambda each: order.index(each.group))


def chosen(only: Iterable[str] = (), skip: Iterable[str] = (), read_only: bool = False) -> list[Check]:
    """The checks to run, by ids or groups (`patch`, `patch.remove`). Raises UnknownCheck."""
    wanted, unwanted = set(only), set(skip)
    known = set(_REGISTERED) | set(TITLES)
    if unknown := sorted((wanted | unwanted) - known):
        groups = ", ".join(TITLES)
        raise UnknownCheck(f"there's no check {unknown[0]!r}; `instep check --list` names them; their groups: {groups}")
    return [
        each
        for each in checks()
        if (not wanted or {each.id, each.group} & wanted)
        and not {each.id, each.group} & unwanted
        and not (read_only and each.writes)
    ]
