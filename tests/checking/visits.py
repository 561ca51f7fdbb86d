"""Visits for tests: one over a real connection, with a clock that doesn't sleep for long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from instep.checking.catalogue import chosen
from instep.checking.finding import Result
from instep.checking.run import Report, run
from instep.checking.visit import Visit
from instep.core.app import Credentials
from instep.settings import Settings
from instep.wiring import SystemClock, checking

DOMAIN = "instep-check.example"
UNTIMED = ("speed",)
"""What depends on how busy the machine is."""


class Hasty(SystemClock):
    """The machine's clock, whose pauses are short."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def visiting(url: str, token: str, read_only: bool = False) -> AsyncIterator[Visit]:
    """A visit, hasty."""
    async with checking.visit(Settings(), url, Credentials(), token, DOMAIN, read_only) as visit:
        visit.wire.clock = Hasty()
        yield visit


async def checked(
    url: str,
    token: str,
    only: Sequence[str] = (),
    skip: Sequence[str] = UNTIMED,
    read_only: bool = False,
    **options: Any,
) -> Report:
    """The report of a run."""
    async with visiting(url, token, read_only) as visit:
        checks = chosen(only, skip, read_only)
        return await run(visit, checks, lambda check, finding: None, asyncio.Event(), **options)


def found(report: Report) -> dict[str, str]:
    """What was failed or warned of: `failed` or `warning` by the check's id."""
    return {
        finding.check.id: str(finding.result)
        for finding in report.findings
        if finding.result in (Result.FAILED, Result.WARNING)
    }
