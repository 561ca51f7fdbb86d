"""Pacing in virtual time: whole clients, an app that limits them, and half an hour that passes in seconds."""

import asyncio
import math
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from bench.throttled import App, FixedWindow, Limit, LoopClock, SlidingWindow, TokenBucket, virtually
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instep.core.credit import Announced
from instep.core.outcome import RetryLater
from instep.scim.abilities import Abilities
from instep.targets.announced import announced
from instep.targets.client import Client
from instep.targets.gallery import Limit as Published
from instep.targets.http import Reply
from instep.targets.lanes import Grant, KnownLimit, Lane, Origin, RequestKind
from instep.targets.pacing import Pacing, Pacings


def client(app: Any, pacing: Pacing | None = None, patience: float = 1e9) -> Client:
    return Client(app, LoopClock(), Abilities(), pacing or Pacing(LoopClock()), patience)


async def keep_sending(sender: Client, method: str = "POST", purpose: Any = "create", path: str = "/Users") -> None:
    while True:
        await sender.send(purpose, method, path, body={})


async def work_until(seconds: float, *workers: Any) -> None:
    tasks = [asyncio.create_task(worker) for worker in workers]
    await asyncio.sleep(seconds - asyncio.get_running_loop().time())
    for task in tasks:
        assert not task.done(), task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def ran(app: App, seconds: float, workers: int = 16, limits: tuple[Published, ...] = ()) -> App:
    async def run() -> None:
        sender = client(app, Pacing(LoopClock(), limits))
        await work_until(seconds, *(keep_sending(sender) for _ in range(workers)))

    virtually(run)
    return app


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "burst"), [(3.0, 20), (25.0, 25)])
def test_a_limit_that_nobody_told_is_used_and_hardly_ever_met(rate: float, burst: int) -> None:
    app = ran(App({"": TokenBucket(rate, burst)}), 1800)
    assert app.accepted(60, 1800) >= 0.97 * rate * 1740
    assert app.share_refused(60) <= 0.005
    assert app.too_early == 0
    if rate < 5:  # one refusal would be too large a share of a minute's answers
        assert app.share_refused(60, 120) == 0


@pytest.mark.parametrize("limit", [TokenBucket(3, 20), TokenBucket(25, 25), FixedWindow(100, 60), FixedWindow(20, 5)])
def test_a_limit_that_is_announced_is_never_met(limit: Limit) -> None:
    app = ran(App({"": limit}, announces=True), 120)
    assert app.share_refused(0) == 0
    assert len(app.answers) > 190


@pytest.mark.parametrize(
    ("limit", "published"),
    [
        (TokenBucket(3, 20), Published(requests=180, seconds=60, burst=20)),
        (FixedWindow(200, 30), Published(requests=200, seconds=30)),
        (SlidingWindow(200, 30), Published(requests=200, seconds=30)),
    ],
)
def test_a_limit_that_is_published_is_never_met(limit: Limit, published: Published) -> None:
    app = ran(App({"": limit}), 300, limits=(published,))
    assert app.share_refused(0) == 0
    assert app.accepted(30) >= 0.9 * 270 * published.requests / (published.seconds or 1)


def test_a_disable_doesnt_stand_behind_creations() -> None:
    async def run() -> float:
        app = App({"POST": TokenBucket(1, 1), "": TokenBucket(50, 50)}, latency=(0.1, 0.1))
        sender = client(app)
        creations = [asyncio.create_task(keep_sending(sender)) for _ in range(100)]
        loop = asyncio.get_running_loop()
        await asyncio.sleep(30)
        began = loop.time()
        await sender.send("change", "PATCH", "/Users/1", body={})
        for creation in creations:
            creation.cancel()
        await asyncio.gather(*creations, return_exceptions=True)
        return loop.time() - began

    assert virtually(run) < 0.2


def test_a_disable_doesnt_stand_behind_creations_when_all_connections_are_used() -> None:
    async def run() -> float:
        app = App({"": TokenBucket(1000, 1000)}, latency=(1.0, 1.0))
        sender = client(app, Pacing(LoopClock(), connections=4))
        creations = [asyncio.create_task(keep_sending(sender)) for _ in range(100)]
        await asyncio.sleep(3.5)
        began = asyncio.get_running_loop().time()
        await sender.send("change", "PATCH", "/Users/1", body={})
        seconds = asyncio.get_running_loop().time() - began
        for creation in creations:
            creation.cancel()
        await asyncio.gather(*creations, return_exceptions=True)
        return seconds

    assert virtually(run) < 2.1


def test_jobs_of_one_app_take_turns() -> None:
    async def run() -> tuple[int, int]:
        app = App({"": TokenBucket(10, 10)})
        pacings = Pacings(LoopClock())
        many, few = (client(app, pacings.of("https://app.example.com")) for _ in range(2))
        done: Counter[Client] = Counter()

        async def work(sender: Client) -> None:
            while True:
                await sender.send("create", "POST", "/Users", body={})
                done[sender] += 1

        await work_until(120, *(work(many) for _ in range(40)), *(work(few) for _ in range(8)))
        return done[many], done[few]

    many, few = virtually(run)
    assert few == pytest.approx(many, rel=0.1)


def test_other_apps_have_limits_of_their_own() -> None:
    pacings = Pacings(LoopClock())
    assert pacings.of("https://a.example.com") is pacings.of("https://a.example.com")
    assert pacings.of("https://a.example.com") is not pacings.of("https://b.example.com")


class Moody:
    """An app that answers as it's told to, and notes who comes although it asked to be left alone."""

    def __init__(self, moods: list[tuple[int, float | None, float]]) -> None:
        self._moods, self._count = moods, 0
        self._quiet: dict[str, float] = {}
        self.broken: list[float] = []

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply:
        loop = asyncio.get_running_loop()
        if loop.time() < max(self._quiet.get(method, 0.0), self._quiet.get("", 0.0)):
            self.broken.append(loop.time())
        status, after, latency = self._moods[self._count % len(self._moods)]
        self._count += 1
        await asyncio.sleep(latency)
        if after is not None and status != 200:
            key = method if status == 429 else ""
            self._quiet[key] = max(self._quiet.get(key, 0.0), loop.time() + after)
        return Reply(status, retry_after=None if after is None else repr(after))

    async def close(self) -> None: ...


MOODS = st.lists(
    st.tuples(
        st.sampled_from([200, 200, 200, 429, 503]),
        st.one_of(st.none(), st.sampled_from([0.5, 1.0, 7.0, 33.0])),
        st.sampled_from([0.0, 0.05, 0.2, 1.5]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(MOODS, st.integers(1, 12))
@example([(429, 0.5, 0.2), (429, 0.5, 0.2), (429, None, 1.5), (429, 7, 0), (200, None, 0)], 11)
def test_nothing_is_sent_before_its_retry_after_whatever_the_app_does(
    moods: list[tuple[int, float | None, float]], workers: int
) -> None:
    async def run() -> list[float]:
        app = Moody(moods)
        sender = client(app)
        # An app that refuses nearly everything is asked ever more slowly: a week of that is enough.
        with suppress(TimeoutError):
            async with asyncio.timeout(600_000):
                for _ in range(3):
                    await asyncio.gather(
                        *(sender.send("create", "POST", "/Users", body={}) for _ in range(workers)),
                        *(sender.send("change", "PATCH", "/Users/1", body={}) for _ in range(workers)),
                    )
        return app.broken

    assert virtually(run) == []


def test_waiting_for_others_isnt_counted_as_patience() -> None:
    async def run() -> list[str]:
        app = App({"": TokenBucket(0.5, 1)}, retry_after=lambda seconds: str(math.ceil(seconds)))
        sender = client(app, patience=120)
        attempts = await asyncio.gather(*(sender.send("create", "POST", "/Users", body={}) for _ in range(150)))
        return [type(attempt.outcome).__name__ for attempt in attempts]

    assert set(virtually(run)) == {"Done"}


def test_who_is_cut_off_while_waiting_leaves_its_place() -> None:
    async def run() -> tuple[int, str]:
        app = App({"": TokenBucket(1, 1)})
        sender = client(app)
        waiting = [asyncio.create_task(sender.send("create", "POST", "/Users", body={})) for _ in range(20)]
        await asyncio.sleep(3)
        for task in waiting[::2]:
            task.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        last = await sender.send("create", "POST", "/Users", body={})
        return sum(not isinstance(result, BaseException) for result in results), type(last.outcome).__name__

    done, last = virtually(run)
    assert done >= 10
    assert last == "Done"


def test_what_the_fence_stops_leaves_its_place() -> None:
    async def run() -> int:
        app = App({"": TokenBucket(100, 100)})
        sender = client(app, Pacing(LoopClock(), connections=1))

        def fence() -> None:
            raise LookupError

        sender.fence = fence
        for _ in range(3):
            with pytest.raises(LookupError):
                await sender.send("create", "POST", "/Users", body={})
        sender.fence = lambda: None
        await sender.send("create", "POST", "/Users", body={})
        return app.requests

    assert virtually(run) == 1


def test_impatience_ends_with_flow_control_for_those_who_wait_too() -> None:
    async def run() -> list[Any]:
        app = Moody([(429, 500.0, 0.1)])
        sender = client(app, patience=120)
        attempts = await asyncio.gather(*(sender.send("create", "POST", "/Users", body={}) for _ in range(3)))
        attempts.append(await sender.send("create", "POST", "/Users", body={}))
        return [attempt.outcome for attempt in attempts]

    for outcome in virtually(run):
        assert isinstance(outcome, RetryLater)
        assert outcome.flow_control


def test_the_state_of_the_limits_can_be_asked_for() -> None:
    published = Published(requests=600, seconds=60, methods=("POST",), burst=100)

    async def run() -> tuple[list[KnownLimit], dict[tuple[str, str], float], int]:
        app, pacing = App({"POST": TokenBucket(5, 20), "": TokenBucket(500, 500)}), Pacing(LoopClock(), [published])
        sender = client(app, pacing)
        workers = [asyncio.create_task(keep_sending(sender)) for _ in range(10)]
        await sender.send("list", "GET", "/Groups")
        await asyncio.sleep(60)
        found, pauses, waiting = pacing.limits(), pacing.pauses(), pacing.waiting
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return found, pauses, waiting

    limits, pauses, waiting = virtually(run)
    assert {(limit.purpose, limit.resource) for limit in limits} == {("create", "Users")}, "nothing limits lists"
    given, learnt = limits
    assert (given.origin, given.rate, given.burst) == ("published", pytest.approx(10, rel=0.05), pytest.approx(90))
    assert (learnt.origin, learnt.rate) == ("learnt", pytest.approx(5, rel=0.05))
    assert learnt.burst == pytest.approx(20, abs=2)
    assert pauses == {("create", "Users"): 0.0, ("list", "Groups"): 0.0}
    assert waiting >= 8


def test_announced_limits_and_pauses_can_be_asked_for() -> None:
    async def run() -> tuple[list[KnownLimit], dict[tuple[str, str], float]]:
        pacing = Pacing(LoopClock())
        kind = RequestKind("create", "POST", "Users")
        said = Announced(remaining=1, limit=100, reset=30, window=60)
        for answer in (lambda grant: pacing.answered(grant, said), lambda grant: pacing.refused(grant, 30.0, said)):
            grant = await pacing.permission(pacing.turn(kind, "job", 60))
            assert isinstance(grant, Grant)
            answer(grant)
        await asyncio.sleep(10)
        return pacing.limits(), pacing.pauses()

    limits, pauses = virtually(run)
    assert limits == [KnownLimit("create", "Users", Origin.ANNOUNCED, 100 / 60, 100)]
    assert pauses == {("create", "Users"): pytest.approx(20)}


@pytest.mark.slow
def test_kinds_that_share_a_limit_still_use_it() -> None:
    app = App({"": TokenBucket(10, 20)})

    async def run() -> None:
        sender = client(app)
        await work_until(
            300,
            *(keep_sending(sender) for _ in range(8)),
            *(keep_sending(sender, "GET", "read", "/Users/1") for _ in range(8)),
        )

    virtually(run)
    assert app.accepted(60, 300) >= 0.9 * 10 * 240
    assert app.share_refused(60) <= 0.02


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "12"}, (3, 60, 12.0, None)),
        ({"X-Rate-Limit-Remaining": "3", "X-Rate-Limit-Reset": "1772452830"}, (3, None, 30.0, None)),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1772452801000"}, (0, None, 1.0, None)),
        ({"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "9", "RateLimit-Reset": "5"}, (9, 100, 5.0, 60.0)),
        ({"RateLimit": '"a";r=50;t=30, "b";r=4;t=9', "RateLimit-Policy": '"b";q=5;w=10'}, (4, 5, 9.0, 10.0)),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, (50, 100, 5.0, None)),
    ],
)  # fmt: skip
def test_limits_are_announced_in_many_ways(headers: dict[str, str], expected: tuple[Any, ...]) -> None:
    async def run() -> Any:
        return announced(headers, LoopClock())

    found = virtually(run)
    assert found is not None
    assert (found.remaining, found.limit, found.reset, found.window) == expected


@pytest.mark.parametrize("headers", [{}, {"X-RateLimit-Remaining": "many"}, {"RateLimit": "?"}, {"RateLimit": ""}])
def test_what_cant_be_read_announces_nothing(headers: dict[str, str]) -> None:
    assert announced(headers, LoopClock()) is None


def test_a_lane_that_turns_to_another_limit_takes_what_it_has_under_way_with_it() -> None:
    """Else the limit that it leaves would wait for those answers for ever."""
    kinds = (RequestKind("create", "POST", resource) for resource in ("Users", "Groups", "Roles"))
    mine, other, third = (Lane(kind, ()) for kind in kinds)
    before = other.learnt
    mine.take(0.0)
    mine._join([other])
    assert before.in_flight == 1
    mine._join([third])
    assert (before.in_flight, third.learnt.in_flight) == (0, 1)


def test_a_refusal_that_shows_another_limit_leaves_nothing_under_way_with_the_one_before() -> None:
    """Else whoever still has that one would wait for an answer that has come."""

    async def run() -> list[int]:
        pacing = Pacing(LoopClock())

        async def granted(resource: str) -> Grant:
            grant = await pacing.permission(pacing.turn(RequestKind("create", "POST", resource), "job", 1e9))
            assert isinstance(grant, Grant)
            return grant

        grants = [await granted(resource) for resource in ("Users", "Groups", "Roles")]
        users, groups, roles = (grant.lane for grant in grants)
        for grant in grants:
            pacing.answered(grant)
        users._join([roles])
        users._signs = 1
        mine = await granted("Users")
        pacing.refused(await granted("Groups"), None)
        pacing.refused(mine, None)
        assert users.learnt is groups.learnt
        return [lane.learnt.in_flight for lane in (users, groups, roles)]

    assert virtually(run) == [0, 0, 0]
