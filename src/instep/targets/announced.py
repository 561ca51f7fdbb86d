# pyright: strict
"""What an app's answers say of its limit, in each of the ways that are about: from headers to a value.

`RateLimit` with `RateLimit-Policy` (the IETF's draft), the separate `RateLimit-Limit`, `-Remaining` and `-Reset` of its
earlier versions, and `X-RateLimit-*` or `X-Rate-Limit-*`, whose reset is seconds from now in some apps and a moment in
others. `Retry-After` is read in `verdict`.
"""

import re
from collections.abc import Mapping

from instep.core.credit import Announced
from instep.ports import Clock
from instep.targets.verdict import LONGEST_WAIT

_FAMILIES = ("X-RateLimit-", "X-Rate-Limit-", "RateLimit-")
_NUMBER = re.compile(r"\s*(\d{1,15})(?:\.\d*)?\s*(?:[,;]|$)")
_MOMENT = 1e8
"""From here on a reset is a moment, in seconds since 1970; from _MILLISECONDS on, in milliseconds."""
_MILLISECONDS = 1e11


def announced(headers: Mapping[str, str], clock: Clock) -> Announced | None:
    """The limit that an answer tells of; none where it says nothing that can be read.

    headers: a mapping that doesn't mind letter case. clock: asked only where a reset is a moment.
    """
    for family in _FAMILIES:
        left = headers.get(f"{family}Remaining")
        if left is not None:
            return _separate(headers, family, left, clock)
    together = headers.get("RateLimit")
    return None if together is None else _together(together, headers.get("RateLimit-Policy", ""))


def _separate(headers: Mapping[str, str], family: str, left: str, clock: Clock) -> Announced | None:
    remaining = _number(left)
    if remaining is None:
        return None
    limit = headers.get(f"{family}Limit", "")
    # `100, 100;w=60`: the second part is the policy.
    window = re.search(r";\s*w=(\d{1,9})", limit)
    return Announced(
        remaining, _number(limit), _reset(headers.get(f"{family}Reset"), clock), float(window[1]) if window else None
    )


def _together(text: str, policies: str) -> Announced | None:
    """The one of the policies that leaves least: `"burst";r=5;t=3, "daily";r=900;t=40000`."""
    found: Announced | None = None
    for item in text.split(","):
        name, values = _parameters(item)
        # An earlier version writes `limit=100, remaining=5, reset=3`.
        if "r" not in values:
            continue
        policy = dict(map(_parameters, policies.split(","))).get(name, {})
        one = Announced(int(values["r"]), policy.get("q"), _seconds(values.get("t")), _seconds(policy.get("w")))
        if found is None or one.remaining < found.remaining:
            found = one
    if found is None:
        whole = {name.strip(): _number(value) for name, _, value in (part.partition("=") for part in text.split(","))}
        remaining = whole.get("remaining")
        found = None if remaining is None else Announced(remaining, whole.get("limit"), _seconds(whole.get("reset")))
    return found


def _parameters(item: str) -> tuple[str, dict[str, int]]:
    name, *rest = item.split(";")
    pairs = (part.partition("=") for part in rest)
    values = {key.strip(): _number(value) for key, _, value in pairs}
    return name.strip(), {key: value for key, value in values.items() if value is not None}


def _reset(text: str | None, clock: Clock) -> float | None:
    """Seconds from now."""
    value = _number(text or "")
    if value is None:
        return None
    if value >= _MILLISECONDS:
        return _seconds(value / 1000 - clock.now().timestamp())
    return _seconds(value - clock.now().timestamp() if value >= _MOMENT else value)


def _seconds(value: float | None) -> float | None:
    return None if value is None else min(max(float(value), 0.0), LONGEST_WAIT)


def _number(text: str) -> int | None:
    found = _NUMBER.match(text)
    return int(found[1]) if found else None
