"""How many requests an app still takes, where it says so in its answers: kept so that it never has to refuse one.

What an answer says holds for the moment it was made, and answers overtake each other. The last one made, of those that
came while a request was under way, says what was left after them all; which one that is nobody knows, but it says no
less than the least of them. Requests without an answer are taken off that. When little is left, the question is whether
requests come back one by one (a bucket) or all at once (a window): the last one is kept to ask, after a while, and the
answer tells. A window is waited out.
"""

from collections import deque
from itertools import islice
from math import inf

from msgspec import Struct

_CAUTION = 0.97
"""The share of what comes back that is counted upon until the next answer."""
_MARGIN, _WIDE_MARGIN = 0.05, 1.0
"""Seconds after the announced reset; wide for apps whose whole seconds turned out to be rounded down."""


class Announced(Struct, frozen=True):
    """What an app says of its limit in an answer."""

    remaining: int
    """How many requests it would still take."""
    limit: int | None = None
    """How many it takes in a window, or at once."""
    reset: float | None = None
    """Seconds until something, or all, comes back."""
    window: float | None = None
    """Seconds that the limit is for."""


class Credit:
    """What is left, by the app's own words, less what was sent since."""

    def __init__(self) -> None:
        self.refill: float | None = None
        """Requests a second that come back; none while it isn't known that they come one by one."""
        self._said: deque[int] = deque(maxlen=256)
        self._left = 0.0
        self._at = 0.0
        self._reset_at = 0.0
        self._ask_at = 0.0
        self._kept = 1.0
        """How many are kept back, to ask with."""
        self._margin = _MARGIN
        self._before: tuple[float, int, float] | None = None
        """The last answer after which nothing was in flight: when, left plus taken, its reset."""
        self._anchor: tuple[float, int] | None = None

    def wait(self, now: float, in_flight: int) -> float:
        """Seconds until a request may go; `inf` when an answer that is still to come has to tell."""
        left = self.left(now)
        # What is missing by rounding alone isn't worth another wait.
        if left >= 1 + self._kept - 1e-6:
            return 0.0
        if self.refill:
            return (1 + self._kept - left) / (_CAUTION * self.refill)
        if in_flight:
            return inf
        due = self._ask_at if left >= 1 else self._reset_at
        return max(0.0, due - now)

    def take(self) -> None:
        """A request goes."""
        self._left -= 1

    def overdrawn(self, now: float) -> None:
        """A request was refused all the same: somebody else takes from the limit too, or its reset was rounded."""
        self._left, self._at, self._margin = 0.0, now, _WIDE_MARGIN
        self._ask_at = self._reset_at

    def answered(self, now: float, announced: Announced, in_flight: int, concurrent: int, taken: int) -> None:
        """An answer came. concurrent: how many came while its request was under way, itself included. taken: all that
        were let through so far, those in flight included."""
        self._said.append(announced.remaining)
        said = list(islice(reversed(self._said), max(1, concurrent)))
        self._left = min(said) - in_flight
        self._at = now
        self._kept = 1.0 if announced.limit is None or announced.limit >= 4 else 0.0
        # Without a reset, all that is known is that asking again at once is of no use.
        reset = announced.window or 1.0 if announced.reset is None else announced.reset
        self._reset_at = now + reset + self._margin
        gone = max(1, (announced.limit or 0) - announced.remaining)
        self._ask_at = min(self._reset_at, now + 3 * reset / gone)
        if not in_flight:
            full = announced.limit is not None and min(said) >= announced.limit - 1
            self._compare(now, min(said) + taken, max(said) + taken, full, now + (announced.reset or 0.0))

    def _compare(self, now: float, least: int, most: int, full: bool, reset_at: float) -> None:
        """Left and taken together only grow by what comes back; least and most, since answers overtake each other."""
        before, self._before = self._before, (now, most, reset_at)
        if before is None or full or self._anchor is None:
            self._anchor = None if full else (now, most)
            return
        # The app's numbers are whole: one less may have come than it seems.
        if least > before[1] + 1 and now < before[2] - _MARGIN:
            self.refill = self.refill or (least - before[1] - 1) / (now - before[0])
        seconds, came = now - self._anchor[0], least - self._anchor[1]
        if self.refill and came >= 8:
            self.refill = (came - 1) / seconds
            if seconds > 60:
                self._anchor = (now, most)

    def left(self, now: float) -> float:
        """How many may still go, as far as is known."""
        return self._left + (_CAUTION * self.refill * (now - self._at) if self.refill else 0.0)
