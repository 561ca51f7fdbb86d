"""Patience: an app that asks to be left alone is, by every request, for exactly as long as it says."""

import asyncio

import pytest
from tests.hostile.app import HostileApp
from tests.targets.clock import TestClock

from instep.core.change import AttributeChange
from instep.core.outcome import Done, RetryLater, Unknown
from instep.core.subject import Kind
from instep.ports import AppUnavailable
from instep.targets.scim import ScimTarget

ADA = {"userName": "ada"}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("Mon, 02 Mar 2026 12:01:30 GMT", 90)], ids=["seconds", "date"]
)
async def test_a_write_waits_as_long_as_the_app_says(
    app: HostileApp, target: ScimTarget, clock: TestClock, status: int, header: str, seconds: float
) -> None:
    app.trick(status=status, headers={"Retry-After": header})
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, Done)
    assert clock.slept == [seconds]
    assert len(app.sent("POST")) == 2


async def test_a_read_waits_too(app: HostileApp, target: ScimTarget, clock: TestClock) -> None:
    app.trick(status=429, headers={"Retry-After": "3"}, times=4)
    assert await target.count(Kind.USER) == 0
    assert clock.slept == [3, 3, 3, 3]


class HeldClock(TestClock):
    """A clock whose sleepers wake up when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()
        self.wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self.wake.wait()
        await super().sleep(seconds)


async def test_a_503_holds_for_every_request(app: HostileApp) -> None:
    clock = HeldClock()
    target = ScimTarget(app.url, app.token, clock)
    app.trick(status=503, headers={"Retry-After": "60"})
    first = asyncio.create_task(target.create(Kind.USER, ADA))
    await clock.asleep.wait()
    second = asyncio.create_task(target.count(Kind.GROUP))
    await asyncio.sleep(0.1)
    assert len(app.requests) == 1
    clock.wake.set()
    assert isinstance((await first).outcome, Done)
    assert await second == 0
    assert len(app.requests) == 3
    await target.close()


async def test_a_429_holds_for_requests_of_its_kind_and_not_for_others(app: HostileApp) -> None:
    clock = HeldClock()
    target = ScimTarget(app.url, app.token, clock)
    ada = app.put("Users", userName="ada", active=True)
    app.trick(status=429, headers={"Retry-After": "60"})
    first = asyncio.create_task(target.create(Kind.USER, {"userName": "bob"}))
    await clock.asleep.wait()
    second = asyncio.create_task(target.create(Kind.USER, {"userName": "eve"}))
    answer = await target.update(Kind.USER, ada, [AttributeChange("active", True, False)])
    assert isinstance(answer.outcome, Done)
    assert app.users[ada]["active"] is False
    assert len(app.sent("POST")) == 1
    clock.wake.set()
    assert isinstance((await first).outcome, Done)
    assert isinstance((await second).outcome, Done)
    await target.close()


async def test_without_a_time_the_waits_grow(app: HostileApp, target: ScimTarget, clock: TestClock) -> None:
    app.trick(status=429, times=4)
    assert await target.count(Kind.USER) == 0
    assert clock.slept == [1, 2, 4, 8]


async def test_patience_ends_and_the_app_is_left_alone(app: HostileApp, target: ScimTarget, clock: TestClock) -> None:
    app.trick(status=429, headers={"Retry-After": "50"}, times=99)
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, RetryLater)
    assert answer.outcome.flow_control
    assert answer.outcome.after == 50
    assert sum(clock.slept) <= 120


async def test_a_long_pause_is_not_waited_for_and_not_broken_by_others(
    app: HostileApp, target: ScimTarget, clock: TestClock
) -> None:
    app.trick(status=503, headers={"Retry-After": "1000"})
    first = await target.create(Kind.USER, ADA)
    second = await target.update(Kind.USER, "1", [AttributeChange("title", None, "x")])
    assert len(app.requests) == 1
    assert clock.slept == []
    for answer in (first, second):
        assert isinstance(answer.outcome, RetryLater)
        assert answer.outcome.after == 1000
        assert answer.outcome.flow_control
    with pytest.raises(AppUnavailable, match="asks for patience") as refusal:
        await target.count(Kind.USER)
    assert refusal.value.code == "TooManyRequests"
    clock.seconds += 1000
    assert await target.count(Kind.USER) == 0


async def test_an_absurd_wait_is_cut_to_an_hour(app: HostileApp, target: ScimTarget) -> None:
    app.trick(status=503, headers={"Retry-After": "99999999"})
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, RetryLater)
    assert answer.outcome.after == 3600


async def test_an_app_that_is_down_is_given_up_soon(app: HostileApp, target: ScimTarget, clock: TestClock) -> None:
    app.trick(status=503, times=99)
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, RetryLater)
    assert not answer.outcome.flow_control
    assert len(app.requests) == 4
    assert clock.slept == [1, 2, 4]


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_write_that_may_have_been_done_isnt_sent_again(
    app: HostileApp, target: ScimTarget, status: int
) -> None:
    app.trick(status=status)
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, Unknown)
    assert len(app.requests) == 1
