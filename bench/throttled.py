"""Apps that limit requests, and time that passes by itself: what the limiter is measured against.

A limit is a machine that is asked with each request: None lets it through, a number is the seconds of its
Retry-After. `App` answers requests by such limits, in virtual time, and keeps account of what it was sent.
"""

import asyncio
import math
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from instep.targets.http import Reply

T = TypeVar("T")


# --------------------------------------------------------------------------------------------- virtual time


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: the time that would be waited passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0) if timeout != 0 else []  # 0: there's more to do in the loop itself
        if not found and timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        if not found and timeout:
            self.seconds += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to whatever happens next."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # The loop adds this to its time to see what is due: a year from the beginning, less would be lost in a float.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.seconds


class LoopClock:
    """The port `Clock`, by the running loop's time; at noon of a day in 2026 to begin with."""

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def virtually(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run this in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


# --------------------------------------------------------------------------------------------------- limits


class Limit(Protocol):
    """How an app limits requests."""

    def ask(self, now: float) -> float | None:
        """None to let a request through; else the seconds until one would be."""
        ...

    def left(self, now: float) -> tuple[int, int, float]:
        """The limit, how many requests would be let through now, and the seconds until all are."""
        ...


class TokenBucket:
    """So many a second, and so many at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = float(burst), 0.0

    def _fill(self, now: float) -> None:
        self._tokens = min(float(self.burst), self._tokens + self.rate * (now - self._at))
        self._at = now

    def ask(self, now: float) -> float | None:
        self._fill(now)
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return None

    def left(self, now: float) -> tuple[int, int, float]:
        self._fill(now)
        return self.burst, int(self._tokens), (self.burst - self._tokens) / self.rate


class FixedWindow:
    """So many in each window."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self._window, self._used = -1, 0

    def _turn(self, now: float) -> float:
        window = int(now // self.seconds)
        if window != self._window:
            self._window, self._used = window, 0
        return (window + 1) * self.seconds - now

    def ask(self, now: float) -> float | None:
        rest = self._turn(now)
        if self._used >= self.requests:
            return rest
        self._used += 1
        return None

    def left(self, now: float) -> tuple[int, int, float]:
        rest = self._turn(now)
        return self.requests, self.requests - self._used, rest


class SlidingWindow:
    """So many in any span of that length."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self._taken: deque[float] = deque()

    def _drop(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()

    def ask(self, now: float) -> float | None:
        self._drop(now)
        if len(self._taken) >= self.requests:
            return self._taken[0] + self.seconds - now
        self._taken.append(now)
        return None

    def left(self, now: float) -> tuple[int, int, float]:
        self._drop(now)
        rest = self._taken[-1] + self.seconds - now if self._taken else 0.0
        return self.requests, self.requests - len(self._taken), rest


# ------------------------------------------------------------------------------------------------------ app


class App:
    """An app behind limits, as the connection of a client in virtual time.

    limits: by method; the one at "" is for all others. latency: seconds of an answer, least and most.
    announces: whether answers tell what's left. retry_after: as whole seconds, or as the header's text by a function.
    """

    def __init__(
        self,
        limits: dict[str, Limit],
        latency: tuple[float, float] = (0.05, 0.2),
        announces: bool = False,
        retry_after: Callable[[float], str | None] = lambda seconds: str(math.ceil(seconds)),
        seed: int = 1,
    ) -> None:
        self.limits = limits
        self.announces = announces
        self.requests = 0
        self.answers: list[tuple[float, str, int]] = []
        """When a request came, its method, and the status of its answer."""
        self.too_early = 0
        """Requests that came before the Retry-After of an earlier answer of their method."""
        self._latency = latency
        self._retry_after = retry_after
        self._chance = random.Random(seed)
        self._quiet: dict[str, float] = {}

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply:
        """A request and its answer; half the time is the way there."""
        loop = asyncio.get_running_loop()
        self.requests += 1
        self.too_early += loop.time() < self._quiet.get(method, 0.0)
        seconds = self._chance.uniform(*self._latency)
        await asyncio.sleep(seconds / 2)
        now = loop.time()
        limit = self.limits.get(method) or self.limits[""]
        wait = limit.ask(now)
        status, asked = (200, None) if wait is None else (429, self._retry_after(wait))
        headers = announcement(limit, now) if self.announces else {}
        self.answers.append((now, method, status))
        await asyncio.sleep(seconds / 2)
        if asked is not None:
            # The client knows from here on.
            self._quiet[method] = max(self._quiet.get(method, 0.0), loop.time() + float(asked))
        return Reply(status, retry_after=asked, headers=headers)

    async def close(self) -> None:
        """Nothing is open."""

    def share_refused(self, begin: float = 60.0, end: float = math.inf) -> float:
        """The share of answers with 429."""
        statuses = [status for at, _, status in self.answers if begin <= at < end]
        return statuses.count(429) / len(statuses)

    def accepted(self, begin: float = 60.0, end: float = math.inf) -> int:
        """How many were let through."""
        return sum(begin <= at < end and status == 200 for at, _, status in self.answers)


def announcement(limit: Limit, now: float) -> dict[str, str]:
    """The headers of an answer."""
    most, left, reset = limit.left(now)
    return {
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(math.ceil(reset)),
    }
