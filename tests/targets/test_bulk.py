"""/Bulk: writes of users that come together go together, and nobody gets an answer that isn't its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.conformance.independent_app import running
from tests.hostile.app import HostileApp
from tests.targets.clock import TestClock

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.ports import Answer
from instep.scim.abilities import Abilities
from instep.targets.bulk import WORTH_ASKING
from instep.targets.scim import ScimTarget
from instep.wiring import SystemClock

Write = Callable[[], Awaitable[Answer]]


@asynccontextmanager
async def opened(writes: int = WORTH_ASKING, **quirks: Any) -> AsyncIterator[tuple[HostileApp, ScimTarget]]:
    """An app and its target, which has sent so many writes: creations of user0, user1, ..."""
    quirks = {"bulk_operations": 100} | quirks
    async with HostileApp(**quirks) as app:
        target = ScimTarget(app.url, app.token, TestClock(), request_seconds=5)
        for number in range(writes):
            await target.create(Kind.USER, {"userName": f"user{number}"})
        yield app, target
        await target.close()


def create(target: ScimTarget, *names: str) -> list[Write]:
    return [lambda name=name: target.create(Kind.USER, {"userName": name}) for name in names]


def entitle(target: ScimTarget, *app_ids: str) -> list[Write]:
    change = [AttributeChange("title", None, "Dr")]
    return [lambda app_id=app_id: target.update(Kind.USER, app_id, change) for app_id in app_ids]


async def together(writes: Sequence[Write], workers: int = 0) -> list[Answer]:
    """Carry the writes out, so many at once; all unless it's said. Their answers in order."""
    turns = asyncio.Semaphore(workers or len(writes))

    async def one(write: Write) -> Answer:
        async with turns:
            return await write()

    return await asyncio.gather(*(one(write) for write in writes))


def bulks(app: HostileApp) -> list[list[str]]:
    """The methods in each bulk request."""
    return [[o["method"] for o in request.body["Operations"]] for request in app.requests if request.path == "/Bulk"]


def names(count: int) -> list[str]:
    return [f"new{number}" for number in range(count)]


# ------------------------------------------------------------------------------------------------ when


async def test_small_cycle_never_asks() -> None:
    async with opened(0) as (app, target):
        answers = await together(create(target, *names(WORTH_ASKING)))
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert {request.path for request in app.requests} == {"/Users"}


async def test_writes_of_users_go_together_and_each_gets_its_own_answer() -> None:
    async with opened() as (app, target):
        delete = [lambda: target.delete(Kind.USER, "3"), lambda: target.delete(Kind.USER, "999")]
        writes = [*create(target, "ada", "user5", "bob"), *entitle(target, "1", "998"), *delete]
        await target.create(Kind.USER, {"userName": "the one that asks"})
        ada, taken, bob, entitled, gone, deleted, never = await together(writes)
    assert bulks(app) == [["POST", "POST", "POST", "PATCH", "PATCH", "DELETE", "DELETE"]]
    for name, answer in (("ada", ada), ("bob", bob)):
        assert isinstance(answer.outcome, Done)
        assert answer.app_id is not None
        assert app.users[answer.app_id]["userName"] == name
        assert answer.resource is not None
        assert answer.resource.document["userName"] == name
    assert isinstance(taken.outcome, Refused)
    assert taken.outcome.code == "Conflict"
    assert app.users["1"]["title"] == "Dr"
    assert isinstance(gone.outcome, Refused)
    assert gone.outcome.code == "InvalidAnchor"
    assert "3" not in app.users
    assert [type(answer.outcome) for answer in (entitled, deleted, never)] == [Done, Done, Done]
    [exchange] = taken.exchanges
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/Users", 409)
    assert exchange.body["userName"] == "user5"
    assert exchange.answer["detail"] == "userName is taken"


async def test_groups_and_single_writes_go_as_ever() -> None:
    async with opened() as (app, target):
        await together(create(target, "ada"))
        group = await target.create(Kind.GROUP, {"displayName": "Sales"})
        assert group.app_id is not None
        change = [AttributeChange("displayName", "Sales", "Sellers")]
        await together([lambda: target.update(Kind.GROUP, group.app_id or "", change, add=["1"]) for _ in range(3)])
    assert bulks(app) == []


async def test_limits_of_the_app_are_kept() -> None:
    async with opened(bulk_operations=7, bulk_size=2500) as (app, target):
        await together(create(target, "one"))
        answers = await together(create(target, *names(20)))
        long = await together(create(target, "x" * 3000, *names(2)))
    assert {type(answer.outcome) for answer in (*answers, long[0])} == {Done}
    assert max(len(bulk) for bulk in bulks(app)) <= 7
    assert len(bulks(app)) >= 3


async def test_two_writes_of_one_user_are_not_in_one_request() -> None:
    async with opened() as (app, target):
        await together(create(target, "one"))
        answers = await together(entitle(target, "1", "2", "1"))
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert bulks(app) == [["PATCH", "PATCH"]]


async def test_app_whose_limits_count_operations_is_never_asked() -> None:
    async with HostileApp(bulk_operations=100) as app:
        target = ScimTarget(app.url, app.token, TestClock(), Abilities(bulk=False))
        await together(create(target, *names(50)), workers=16)
        await target.close()
    assert {request.path for request in app.requests} == {"/Users"}


# ------------------------------------------------------------------------------------ what apps answer


@pytest.mark.parametrize("quirk", [{"bulk_ids_back": False}, {"bulk_codes": True}])
async def test_answers_in_other_forms_find_their_operation(quirk: dict[str, Any]) -> None:
    async with opened(**quirk) as (app, target):
        await together(create(target, "one"))
        answers = await together([*entitle(target, "1", "998", "2"), lambda: target.delete(Kind.USER, "3")])
    assert [type(answer.outcome) for answer in answers] == [Done, Refused, Done, Done]
    assert len(bulks(app)) == 1


async def test_operation_that_the_answer_leaves_out_is_unknown() -> None:
    async with opened(bulk_forgets=2) as (_, target):
        await together(create(target, "one"))
        answers = await together(create(target, *names(4)))
    assert [type(answer.outcome) for answer in answers] == [Done, Unknown, Done, Unknown]


async def test_creations_that_are_not_shown_are_known_by_their_location() -> None:
    async with opened(bulk_shows=False) as (app, target):
        await together(create(target, "one"))
        answers = await together(create(target, *names(3), "new0"))
    assert [app.users[answer.app_id or ""]["userName"] for answer in answers[:3]] == names(3)
    assert [answer.resource for answer in answers] == [None] * 4
    assert isinstance(answers[3].outcome, Refused)
    assert len(bulks(app)) == 1


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_app_that_does_not_keep_its_promise_gets_single_requests(status: int) -> None:
    async with opened(bulk_status=status) as (app, target):
        await together(create(target, "one"))
        answers = await together(create(target, *names(5)))
        assert not target.abilities.bulk
        await together(create(target, "after", "wards"))
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert len([request for request in app.requests if request.path == "/Bulk"]) == 1


async def test_app_without_service_provider_config_is_asked_once() -> None:
    async with opened(bulk_operations=0) as (app, target):
        await together(create(target, *names(40)), workers=16)
        assert not target.abilities.bulk
    assert [request.path for request in app.requests if request.path != "/Users"] == ["/ServiceProviderConfig"]


async def test_request_that_is_too_large_is_sent_singly_and_smaller_from_then_on() -> None:
    async with opened() as (app, target):
        await together(create(target, "one"))
        app.trick(status=413, path="/Bulk")
        answers = await together(create(target, *names(8)))
        await together(create(target, *(f"later{number}" for number in range(8))))
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert [len(bulk) for bulk in bulks(app)] == [8, 4, 4]


@pytest.mark.parametrize("trick", [{"status": 500}, {"drops": True}, {"truncates": True}, {"body": "<html>"}])
async def test_whole_answer_that_is_lost_leaves_every_operation_unknown(trick: dict[str, Any]) -> None:
    async with opened() as (app, target):
        await together(create(target, "one"))
        app.trick(path="/Bulk", executes=True, **trick)
        answers = await together([*create(target, "ada"), *entitle(target, "1")])
    assert [type(answer.outcome) for answer in answers] == [Unknown, Unknown]
    assert len(bulks(app)) == 1


async def test_app_that_asks_for_patience_gets_it_and_nothing_is_sent_twice() -> None:
    async with opened() as (app, target):
        await together(create(target, "one"))
        app.trick(status=429, headers={"Retry-After": "3"}, path="/Bulk")
        answers = await together(create(target, *names(3)))
        assert {type(answer.outcome) for answer in answers} == {Done}
        app.trick(status=429, headers={"Retry-After": "1000"}, path="/Bulk", times=9)
        answers = await together(create(target, "later", "still later"))
    for answer in answers:
        assert isinstance(answer.outcome, RetryLater)
        assert answer.outcome.flow_control
    assert len(app.users) == WORTH_ASKING + 4


async def test_lost_lease_is_told_to_all() -> None:
    def lost() -> None:
        raise InterruptedError("lost")

    async with opened() as (app, target):
        await together(create(target, "one"))
        target.fenced_by(lost)
        told = await asyncio.gather(*(write() for write in create(target, *names(3))), return_exceptions=True)
    assert [type(each) for each in told] == [InterruptedError] * 3
    assert bulks(app) == []


async def test_writer_that_is_cut_off_does_not_stop_the_others() -> None:
    async with opened() as (_, target):
        await together(create(target, "one"))
        first, *others = [asyncio.ensure_future(write()) for write in create(target, *names(4))]
        await asyncio.sleep(0)
        first.cancel()
        answers = await asyncio.gather(*others)
    assert {type(answer.outcome) for answer in answers} == {Done}


# --------------------------------------------------------------------------------------- whether it pays


async def test_thousand_creations_by_sixteen_workers_take_a_fifteenth_of_the_requests() -> None:
    async with HostileApp(bulk_operations=100) as app:
        target = ScimTarget(app.url, app.token, SystemClock())
        answers = await together(create(target, *names(1000)), workers=16)
        await target.close()
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert len(app.users) == 1000
    # 20 singly, one question, and the rest by sixteens.
    assert len(bulks(app)) <= 70
    assert len(app.requests) <= 20 + 1 + 70


@pytest.mark.slow
async def test_somebody_elses_server_takes_them_together() -> None:
    with running() as server:
        target = ScimTarget(server.url, "any", SystemClock())
        made = await together(create(target, *names(200)), workers=16)
        changed = await together(entitle(target, *(answer.app_id or "" for answer in made)), workers=16)
        ended = await together([lambda a=a: target.delete(Kind.USER, a.app_id or "") for a in made], workers=16)
        assert await target.count(Kind.USER) == 0
        requests = target.requests
        await target.close()
    assert {type(answer.outcome) for answer in (*made, *changed, *ended)} == {Done}
    assert requests <= 20 + 2 + 3 * 15
