"""Limits whose numbers are known beforehand: what an app's vendor publishes.

Each is a small machine without a clock: `wait` says how long until the next request may go, `take` lets one go,
`ended` tells that it was answered. Limits that an app doesn't publish are in `limiter`.
"""

from collections import deque
from math import inf
from typing import Protocol


class Limit(Protocol):
    """What a request has to pass. Times are seconds of one monotonic clock."""

    def wait(self, now: float) -> float:
        """Seconds until a request may go: 0 for at once, `inf` when only an answer can tell."""
        ...

    def take(self, now: float) -> None:
        """A request goes now."""
        ...

    def ended(self) -> None:
        """A request was answered, or came to nothing."""
        ...

    @property
    def rate(self) -> float | None:
        """Requests a second; none when the limit isn't one of time."""
        ...

    @property
    def burst(self) -> float:
        """Requests at once."""
        ...


class Bucket:
    """So many requests in a span, and `burst` of them at once: a token bucket, filled a little more slowly than the
    app's own and a little smaller, since requests don't travel at an even speed."""

    def __init__(self, requests: int, seconds: float, burst: int) -> None:
        self._rate = 0.99 * requests / seconds
        self._size = max(1.0, 0.9 * burst)
        self._tokens = self._size
        self._at = 0.0

    @property
    def rate(self) -> float | None:
        """Requests a second."""
        return self._rate

    @property
    def burst(self) -> float:
        """Requests at once."""
        return self._size

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        tokens = self._level(now)
        # What is missing by rounding alone isn't worth another wait.
        return 0.0 if tokens >= 1 - 1e-6 else (1 - tokens) / self._rate

    def take(self, now: float) -> None:
        """Use a token."""
        self._tokens, self._at = self._level(now) - 1, now

    def ended(self) -> None:
        """Nothing changes: tokens come by time."""

    def _level(self, now: float) -> float:
        return min(self._size, self._tokens + self._rate * max(0.0, now - self._at))


class Span:
    """So many requests in any span of that length: safe whether the app's windows are fixed or slide.

    The span is counted a little longer than it is, since requests don't travel at an even speed."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds + min(0.5, 0.05 * seconds)
        self._taken: deque[float] = deque(maxlen=requests)

    @property
    def rate(self) -> float | None:
        """Requests a second."""
        return self._requests / self._seconds

    @property
    def burst(self) -> float:
        """Requests at once: all of a span's."""
        return self._requests

    def wait(self, now: float) -> float:
        """Seconds until the oldest of the span's requests is out of it."""
        if len(self._taken) < self._requests:
            return 0.0
        return max(0.0, self._taken[0] + self._seconds - now)

    def take(self, now: float) -> None:
        """Note a request."""
        self._taken.append(now)

    def ended(self) -> None:
        """Nothing changes: the span counts requests from when they're sent."""


class AtOnce:
    """So many requests at the same time."""

    def __init__(self, requests: int) -> None:
        self._most = self._free = requests

    @property
    def rate(self) -> float | None:
        """None: it isn't a limit of time."""
        return None

    @property
    def burst(self) -> float:
        """Requests at once."""
        return self._most

    def wait(self, now: float) -> float:
        """Nothing, or until another one is answered."""
        return 0.0 if self._free > 0 else inf

    def take(self, now: float) -> None:
        """One more is under way."""
        self._free -= 1

    def ended(self) -> None:
        """One fewer is under way."""
        self._free += 1
