"""A client for an app that misbehaves on request."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.hostile.app import HostileApp
from tests.targets.clock import TestClock

from instep.scim.abilities import Abilities
from instep.targets.scim import ScimTarget

Connect = Callable[..., AbstractAsyncContextManager[ScimTarget]]


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def app() -> AsyncIterator[HostileApp]:
    async with HostileApp() as started:
        yield started


@pytest.fixture
def connect(app: HostileApp, clock: TestClock) -> Connect:
    """`async with connect(token=..., **abilities) as target`: a client of the app."""

    @asynccontextmanager
    async def opened(
        token: str = app.token, request_seconds: float = 5.0, query: str = "", **abilities: Any
    ) -> AsyncIterator[ScimTarget]:
        target = ScimTarget(
            app.url + query,
            token,
            clock,
            Abilities(**abilities) if abilities else None,
            request_seconds=request_seconds,
        )
        yield target
        await target.close()

    return opened


@pytest.fixture
async def target(connect: Connect) -> AsyncIterator[ScimTarget]:
    async with connect() as opened:
        yield opened
