"""Whoever changes while a request waits for a busy app is decided anew: the old decision isn't sent any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import SmallWorld, small_world, takes_twins
from tests.engine.test_crashes import people, person
from tests.engine.test_runner import until

from instep.core.subject import Kind
from instep.engine import superseded
from instep.engine.superseded import Superseded
from instep.targets.memory import Call, MemoryTarget

FORGETTING = {"ending": {"by": "disable", "delete_when_purged": True}}


class Busy:
    """The world's app lets every write wait until `free` is set."""

    def __init__(self, world: SmallWorld) -> None:
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        for name in ("create", "update", "delete"):
            setattr(world.target, name, self._waits(getattr(world.target, name)))

    def _waits(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def waiting(*given: Any, **named: Any) -> Any:
            self.asked.set()
            await self.free.wait()
            return await write(*given, **named)

        return waiting


async def changed_while_it_waits(
    world: SmallWorld,
    before: Callable[[Any], Any],
    meanwhile: Callable[[Any], Any],
    hook: Any = None,
    looks: float = 0.05,
) -> None:
    """A cycle after the change `before`, in which `meanwhile` comes while the first request waits."""
    world.world = replace(world.world, looks_every_seconds=looks)
    await world.sync()
    world.target.calls.clear()
    world.target.hook = hook
    with world.directory.edit() as edit:
        before(edit)
    busy = Busy(world)
    cycle = asyncio.create_task(world.sync())
    await busy.asked.wait()
    with world.directory.edit() as edit:
        meanwhile(edit)
    await asyncio.sleep(6 * looks + 0.2)
    busy.free.set()
    assert (await cycle).result == "succeeded"


def sent(world: SmallWorld) -> list[str]:
    return [call.method for call in world.target.calls if call.method in ("create", "update", "delete")]


async def test_who_is_back_before_the_app_has_taken_the_request_loses_nothing(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world)
        await changed_while_it_waits(
            world,
            lambda edit: person(edit, "u1", enabled=False, manager="u0"),
            lambda edit: person(edit, "u1", manager="u0"),
        )
        assert sent(world) == []
        assert world.log(action="disable") == []
        with world.state.reading() as state:
            assert state.intents("app") == []


async def test_who_changes_again_gets_only_what_is_right_by_now(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world)
        await changed_while_it_waits(
            world,
            lambda edit: person(edit, "u1", title="Head", manager="u0"),
            lambda edit: person(edit, "u1", title="Chief", manager="u0"),
        )
        assert sent(world) == ["update"]
        titles = {u["userName"]: u["title"] for u in world.target.content(Kind.USER).values()}
        assert titles["u1@firm.example"] == "Chief"


async def test_however_many_change_again_the_cycle_goes_on(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 60)

        def title(words: str) -> Callable[[Any], None]:
            def change(edit: Any) -> None:
                for i in range(1, 60):
                    person(edit, f"u{i}", title=words, manager="u0")

            return change

        async with asyncio.timeout(20):
            await changed_while_it_waits(world, title("Head"), title("Chief"))
        titles = [u["title"] for u in world.target.content(Kind.USER).values()]
        assert titles.count("Chief") == 59


async def test_a_leaver_who_changes_again_goes_before_the_creations_that_wait(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world)

        def before(edit: Any) -> None:
            person(edit, "u1", enabled=False, manager="u0")
            for i in range(80):
                person(edit, f"n{i}")
                edit.join("g1", Kind.USER, f"n{i}")

        def meanwhile(edit: Any) -> None:
            person(edit, "u1", enabled=False, title="Gone", manager="u0")

        await changed_while_it_waits(world, before, meanwhile, looks=0.25)
        assert len(world.target.content(Kind.USER)) == 86
        assert "update" in sent(world)[:40]
        assert [e.subject_id for e in world.log(action="disable")] == ["u1"]


async def test_who_changes_all_the_time_gets_something_all_the_same(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world)
        world.world = replace(world.world, looks_every_seconds=0.05)
        await world.sync()
        update, changes = world.target.update, 0

        async def waiting(*given: Any, **named: Any) -> Any:
            nonlocal changes
            changes += 1
            if changes < 10:
                with world.directory.edit() as edit:
                    person(edit, "u1", title=f"T{changes}", enabled=False, manager="u0")
                await asyncio.sleep(0.5)
            return await update(*given, **named)

        world.target.update = waiting
        with world.directory.edit() as edit:
            person(edit, "u1", enabled=False, manager="u0")
        cycle = asyncio.create_task(world.sync())
        await until(lambda: world.log(action="disable"), seconds=20)
        assert changes == 4
        await cycle


async def test_what_isnt_sent_counts_for_no_limit(tmp_path: Path) -> None:
    """Three come back in time, and then five leave: as many as may at once."""
    with small_world(tmp_path) as world:
        people(world, 40)

        def leave(*who: int) -> Callable[[Any], None]:
            def change(edit: Any) -> None:
                for i in range(1, 12):
                    person(edit, f"u{i}", enabled=i not in who, manager="u0")

            return change

        def before(edit: Any) -> None:
            leave(1, 2, 3)(edit)
            person(edit, "u20", title="Chief", manager="u0")

        def hook(call: Call) -> None:
            if call.method == "update" and world.log(action="disable") == []:
                with world.directory.edit() as edit:
                    leave(5, 6, 7, 8, 9)(edit)

        await changed_while_it_waits(world, before, leave(), hook)
        assert {e.subject_id for e in world.log(action="disable")} == {"u5", "u6", "u7", "u8", "u9"}


async def test_changes_that_come_while_a_look_up_waits_are_seen_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_world(tmp_path, target=takes_twins(MemoryTarget())) as world:
        people(world)
        await world.sync()
        now = world.clock.monotonic()
        passed = 0.0
        monkeypatch.setattr(world.clock, "monotonic", lambda: now + passed)

        def hook(call: Call) -> None:
            nonlocal passed
            asked = call.detail[1] if call.method == "find" else ""
            if asked == "n1@firm.example":
                with world.directory.edit() as edit:
                    person(edit, "u1", enabled=False, manager="u0")
                    person(edit, "n2")
                    edit.join("g1", Kind.USER, "n2")
            if asked == "n2@firm.example":
                with world.directory.edit() as edit:
                    person(edit, "u1", manager="u0")
                passed += 5.0  # the app was busy

        world.target.hook = hook
        with world.directory.edit() as edit:
            person(edit, "n1")
            edit.join("g1", Kind.USER, "n1")
        await world.sync()
        assert world.log(action="disable") == []
        assert len(world.target.content(Kind.USER)) == 8


async def test_what_has_begun_is_finished() -> None:
    changed = False
    superseded.begin((Kind.GROUP, "g1"))
    superseded.check(lambda subject: changed)
    changed = True
    superseded.check(lambda subject: changed)
    superseded.begin((Kind.GROUP, "g2"))
    with pytest.raises(Superseded):
        superseded.check(lambda subject: subject == (Kind.GROUP, "g2"))


async def test_what_another_task_sends_for_it_isnt_its_own() -> None:
    superseded.begin((Kind.USER, "u1"))

    async def another() -> None:
        superseded.check(lambda subject: True)

    await asyncio.create_task(another())
    with pytest.raises(Superseded):
        superseded.check(lambda subject: True)
