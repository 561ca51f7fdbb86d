"""How many requests an organisation's client may send: a token bucket for each organisation.

Mixpanel publishes no rate for SCIM, so the app has none unless it's told one; tests of clients need it.
"""

import math
import time
from collections.abc import Callable
from threading import Lock

from scim2_models import SCIMException


class TooManyRequests(SCIMException):
    """429, with the seconds after which to come back."""

    status = 429
    _default_detail = "Too many requests"

    def __init__(self, seconds: int) -> None:
        super().__init__(detail=f"too many requests; try again in {seconds} s")
        self.seconds = seconds


class Limiter:
    """So many requests a second for each organisation, and as many at once."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = max(per_second, 1.0)
        self._clock = clock
        self._left: dict[int, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, organisation_id: int) -> None:
        """One request. TooManyRequests when there have been too many."""
        with self._lock:
            now = self._clock()
            left, then = self._left.get(organisation_id, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._rate)
            if left < 1:
                self._left[organisation_id] = (left, now)
                raise TooManyRequests(math.ceil((1 - left) / self._rate))
            self._left[organisation_id] = (left - 1, now)
