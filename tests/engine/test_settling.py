"""What an answer that never came leads to: nothing is believed that a lagging read could get wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import SmallWorld, small_world, takes_twins
from tests.engine.test_crashes import people, person

from instep.core.change import AttributeChange, Decision, Update
from instep.core.outcome import Unknown
from instep.core.subject import Kind
from instep.engine.cycle import ROUNDS_PER_SUBJECT, _Cycle
from instep.engine.lease import LeaseKeeper
from instep.engine.progress import Progress
from instep.ports import Intent, Resource
from instep.targets.memory import Call, Fault, MemoryTarget


class Lagging(MemoryTarget):
    """Reads show everything as it was when `freeze` was called, until `thaw`."""

    old: "dict[str, Resource] | None" = None

    def freeze(self) -> None:
        self.old = {i: self._resource(Kind.USER, i) for i in self._attributes[Kind.USER]}

    def thaw(self) -> None:
        self.old = None

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        found = await super().find(kind, path, value)
        return found if self.old is None else [self.old[r.id] for r in found if r.id in self.old]

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        found = await super().read(kind, app_id, members)
        return found if self.old is None else self.old.get(app_id)


def losing(method: str, times: int = 1, then: Callable[[], None] = lambda: None) -> Any:
    """A hook that carries out the first calls of that method, and loses their answers. then: what happens with it."""
    lost: list[Call] = []

    def hook(call: Call) -> Fault | None:
        if call.method != method or len(lost) >= times:
            return None
        lost.append(call)
        then()
        return Fault(Unknown("no answer", "Timeout"), carried_out=True)

    return hook


def titles(world: SmallWorld) -> list[Any]:
    return [u.get("title") for u in world.target.content(Kind.USER).values()]


async def test_a_change_without_an_answer_is_written_anew_whatever_a_read_would_say(tmp_path: Path) -> None:
    """Carried out and lost, then the directory goes back, and the app's reads still show the old value."""
    target = Lagging()
    with small_world(tmp_path, target=target) as world:
        people(world, 3)
        await world.sync()
        target.freeze()
        target.hook = losing("update", times=9)
        with world.directory.edit() as edit:
            person(edit, "u1", title="Boss", manager="u0")
        await world.sync()
        assert "Boss" in titles(world)
        with world.directory.edit() as edit:
            person(edit, "u1", manager="u0")
        target.hook = None
        await world.sync()
        assert titles(world) == ["Engineer"] * 3


@pytest.mark.parametrize("kind", ["users", "groups"])
async def test_an_account_that_isnt_shown_yet_isnt_made_again(tmp_path: Path, kind: str) -> None:
    """Where the app takes twins: it's waited as long as its reads may lag, and told."""
    target = takes_twins(Lagging())
    with small_world(tmp_path, target=target) as world:
        world.world = replace(world.world, read_lag_seconds=1.0)
        people(world, 3)
        target.hook = losing("create", times=1 if kind == "users" else 99)
        target.freeze()
        looks = 0

        async def until_shown(*_: Any) -> None:
            nonlocal looks
            looks += 1
            if looks > 1:
                target.thaw()

        find = target.find

        async def found(*asked: Any) -> list[Resource]:
            await until_shown()
            return await find(*asked)

        target.find = found  # type: ignore[method-assign]
        await world.sync()
        target.hook = None
        await world.sync()
        names = [u["userName"] for u in target.content(Kind.USER).values()]
        assert sorted(names) == sorted(set(names))
        teams = [g["displayName"] for g in target.content(Kind.GROUP).values()]
        assert sorted(teams) == sorted(set(teams))
        assert any("nobody knows whether it was created" in e.reason for e in world.log(status="skipped"))


async def test_an_account_that_is_gone_and_shown_for_a_while_yet_isnt_the_new_one(tmp_path: Path) -> None:
    """Somebody deleted it; the creation of another one is carried out and its answer lost; reads show the old one."""
    target = MemoryTarget()
    with small_world(tmp_path, target=target) as world:
        world.world = replace(world.world, read_lag_seconds=1.0)
        people(world, 3)
        await world.sync()
        gone, find, lags = world.link("u1").app_id, target.find, True
        shown = await find(Kind.USER, "userName", "u1@firm.example")

        async def lagging(*asked: Any) -> list[Resource]:
            return shown if lags else await find(*asked)

        target.find = lagging  # type: ignore[method-assign]
        target.remove(Kind.USER, gone)
        with world.directory.edit() as edit:
            person(edit, "u1", title="Head", manager="u0")
        target.hook = losing("create")
        cycle = asyncio.create_task(world.sync())
        await asyncio.sleep(0.6)
        lags = False
        await cycle
        found = [e.app_id for e in world.log(action="create", status="success") if e.reason]
        assert found == [world.link("u1").app_id] != [gone]
        assert sum(call.method == "create" and call.kind is Kind.USER for call in target.calls) == 4
        names = [u["userName"] for u in target.content(Kind.USER).values()]
        assert sorted(names) == [f"u{i}@firm.example" for i in range(3)]


async def test_a_lost_end_of_access_counts_once_for_the_guard(tmp_path: Path) -> None:
    """Five may go in a cycle: that each of them takes two attempts doesn't make them ten."""
    with small_world(tmp_path) as world:
        people(world, 12)
        await world.sync()
        with world.directory.edit() as edit:
            for n in range(1, 6):
                person(edit, f"u{n}", manager="u0", enabled=False)
        world.target.hook = losing("update", times=4)
        await world.sync()
        await world.sync()
        active = [u.get("active", True) for u in world.target.content(Kind.USER).values()]
        assert active.count(False) == 5
        with world.state.reading() as state:
            assert state.holds("app") == []


async def test_who_left_while_their_creation_was_in_doubt_is_left_no_account(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 6)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "n1", manager="u0")
            edit.join("g1", Kind.USER, "n1")
        stop = asyncio.Event()
        world.target.hook = losing("create", then=stop.set)
        await world.sync(stop)
        with world.directory.edit() as edit:
            person(edit, "n1", manager="u0", enabled=False)
        await world.sync()
        accounts = {u["userName"]: u.get("active", True) for u in world.target.content(Kind.USER).values()}
        assert accounts["n1@firm.example"] is False


async def test_an_account_that_may_just_have_been_made_for_somebody_else_is_nobodys_to_adopt(tmp_path: Path) -> None:
    """A creation without an answer; then its owner goes, and a new hire gets the address."""
    with small_world(tmp_path) as world:
        people(world, 6)
        await world.sync()
        world.world = replace(world.world, request_seconds=0.5)
        with world.directory.edit() as edit:
            person(edit, "n1", "n@firm.example")
            edit.join("g1", Kind.USER, "n1")
        stop = asyncio.Event()
        world.target.hook = losing("create", then=stop.set)
        await world.sync(stop)
        with world.directory.edit() as edit:
            edit.purge(Kind.USER, ["n1"])
            person(edit, "n2", "n@firm.example")
            edit.join("g1", Kind.USER, "n2")
        await world.sync()
        assert world.link("n1").status == "gone", "it's deleted with its owner"
        assert world.link("n2").app_id is None
        assert any("(n1), for whom it may just have been made" in e.reason for e in world.log(status="failure"))
        world.clock.shift += timedelta(hours=1)
        await world.sync()
        assert world.link("n2").app_id not in (None, world.link("n1").app_id)


async def takes_ones_own(world: SmallWorld, then: Callable[[], None] = lambda: None) -> None:
    """Somebody is hired; as the answer of their creation is lost, an account of the same name is made by hand, and
    `then` happens: they get the one that was made for them."""
    with world.directory.edit() as edit:
        person(edit, "n1", "n@firm.example")
        edit.join("g1", Kind.USER, "n1")
    by_hand: list[str] = []

    def made_by_hand() -> None:
        by_hand.append(world.target.put(Kind.USER, {"userName": "n@firm.example", "title": "Own", "active": True}))
        then()

    world.target.hook = losing("create", then=made_by_hand)
    await world.sync()
    assert world.link("n1").app_id not in (None, *by_hand)
    assert len(world.target.content(Kind.USER)) == 5


async def test_of_two_accounts_the_one_that_is_as_it_was_sent_is_theirs(tmp_path: Path) -> None:
    """Somebody makes an account of the same name by hand, while the answer of a creation is lost."""
    target = takes_twins(MemoryTarget())
    with small_world(tmp_path, target=target) as world:
        people(world, 3)
        await world.sync()
        await takes_ones_own(world)


async def test_an_account_of_the_same_name_isnt_taken_while_ones_own_may_still_be_shown(tmp_path: Path) -> None:
    """Somebody makes an account of that name by hand, and it's shown sooner than the one whose answer was lost."""
    target = takes_twins(Lagging())
    with small_world(tmp_path, target=target) as world:
        world.world = replace(world.world, read_lag_seconds=1.0)
        people(world, 3)
        await world.sync()

        def lags() -> None:
            target.freeze()
            asyncio.get_running_loop().call_later(0.6, target.thaw)

        await takes_ones_own(world, then=lags)


async def test_an_account_that_somebody_gets_anew_reaches_those_who_refer_to_it(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        await world.sync()
        old = world.link("u0").app_id
        world.target.remove(Kind.USER, old)
        with world.directory.edit() as edit:
            person(edit, "u0", title="Boss")
        await world.sync()
        await world.sync()
        manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
        accounts = world.target.content(Kind.USER)
        assert world.link("u0").app_id != old
        assert {accounts[world.link(f"u{n}").app_id][manager] for n in range(1, 4)} == {world.link("u0").app_id}


@pytest.mark.parametrize("method", ["create", "update"])
async def test_an_app_that_never_answers_for_somebody_is_asked_less_and_less_often(tmp_path: Path, method: str) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        if method == "update":
            await world.sync()
            with world.directory.edit() as edit:
                person(edit, "u2", title="Boss", manager="u0")
        asked: list[Call] = []

        def hook(call: Call) -> Fault | None:
            mine = world.link("u2") and call.app_id == world.link("u2").app_id
            if call.method == method and (mine if method == "update" else "u2@" in str(call.detail)):
                asked.append(call)
                return Fault(Unknown("no answer", "Timeout"))
            return None

        world.target.hook = hook
        for _ in range(60):
            await world.sync()
            world.clock.shift += timedelta(minutes=1)
        assert 3 <= len(asked) <= 9


async def test_who_was_looked_at_often_and_is_put_off_for_a_lost_answer_is_waited_for(tmp_path: Path) -> None:
    """Else the cycle would go round and round: put off for the open intent, and the intent left open."""
    with small_world(tmp_path) as world:
        people(world, 3)
        await world.sync()
        at, link = (Kind.USER, "u1"), world.link("u1")
        update = Update((AttributeChange("title", "Engineer", "Boss"),))
        decision = Decision(Kind.USER, "u1", link.name, link.seq, update, link.app_id)
        async with LeaseKeeper(world.world, "app") as keeper:
            intent = Intent(Kind.USER, "u1", link.name, decision, link.app_id, world.clock.now())
            await world.state.write(lambda state: state.intend(keeper.lease, [intent]))
            cycle = _Cycle(world.world, world.job, world.target, keeper, Progress(), asyncio.Event(), False)
            cycle._rounds[at] = ROUNDS_PER_SUBJECT
            cycle._evaluation.deferred.add(at)
            assert at not in await cycle._left_over()
            assert at in cycle._settlement.parked
