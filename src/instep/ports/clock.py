"""Time and chance, which a simulator replaces."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time. `now` is UTC and only for people and schedules; durations come from `monotonic`."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class Chance(Protocol):
    """Randomness: `token` for seeds and ids, `uniform` for jitter."""

    def token(self) -> str: ...
    def uniform(self, low: float, high: float) -> float: ...
