"""A clock for tests: sleeping takes no time and is written down."""

import asyncio
from datetime import UTC, datetime, timedelta


class TestClock:
    """The port `Clock`, at noon of a day in 2026 until somebody sleeps."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)
