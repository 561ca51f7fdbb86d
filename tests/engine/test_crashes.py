"""Whatever dies when: a crash at any durable write or any request leaves nobody twice and nobody out."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import SmallWorld

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind


class Crash(BaseException):
    """The process has died: nothing of it is carried out from here on."""


class Dying:
    """A worker that dies at its n-th step: a write to the state (before or after its commit) or a request (before
    or after the app did it). What it would do afterwards doesn't happen."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps >= self.at:
            raise Crash


class DyingState:
    def __init__(self, real: Any, dying: Dying) -> None:
        self._real, self._dying = real, dying

    async def write(self, work: Any) -> Any:
        self._dying.step()
        result = await self._real.write(work)
        self._dying.step()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class DyingTarget:
    def __init__(self, real: Any, dying: Dying) -> None:
        self._real, self._dying = real, dying

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in ("create", "update", "delete", "find", "read", "count", "check"):
            return found

        async def call(*args: Any, **given: Any) -> Any:
            self._dying.step()
            answer = await found(*args, **given)
            self._dying.step()
            return answer

        return call


def people(world: SmallWorld, number: int = 6) -> None:
    """A first company: a chief, people who report to her, two groups."""
    with world.directory.edit() as edit:
        for i in range(number):
            person(edit, f"u{i}", manager="u0" if i else None)
        for group, members in {"g1": range(number), "g2": range(3)}.items():
            edit.put(Entry(Kind.GROUP, group, f"Team {group}", {"displayName": f"Team {group}"}))
            for i in members:
                edit.join(group, Kind.USER, f"u{i}")
            edit.assign(Assignment(f"a-{group}", "app", Kind.GROUP, group))


def person(edit: Any, subject_id: str, address: str = "", title: str = "Engineer", **given: Any) -> None:
    address = address or f"{subject_id}@firm.example"
    attributes = {"userPrincipalName": address, "displayName": f"Person {subject_id}", "jobTitle": title}
    edit.put(Entry(Kind.USER, subject_id, address, attributes, **given))


def a_day(world: SmallWorld) -> None:
    """A hire who reports to a hire, a marriage, a leaver, a purge, a move, a new group and a deleted one."""
    with world.directory.edit() as edit:
        person(edit, "n1", manager="u0")
        person(edit, "n2", manager="n1")
        edit.join("g1", Kind.USER, "n1")
        edit.join("g1", Kind.USER, "n2")
        person(edit, "u1", "u1.married@firm.example", manager="u0")
        person(edit, "u2", manager="u0", enabled=False)
        edit.purge(Kind.USER, ["u3"])
        edit.leave("g2", "u0")
        edit.join("g2", Kind.USER, "u4")
        edit.put(Entry(Kind.GROUP, "g3", "Team g3", {"displayName": "Team g3"}))
        edit.join("g3", Kind.USER, "u5")
        edit.assign(Assignment("a-g3", "app", Kind.GROUP, "g3"))


def app_content(world: SmallWorld) -> Any:
    """Users by userName and groups by name with their members' userNames: ids left out. Twins would show."""
    users = world.target.content(Kind.USER)
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
    names = {i: u["userName"] for i, u in users.items()}
    rows = sorted(
        (u["userName"], u.get("displayName"), u.get("active"), names.get(u.get(manager, ""), ""))
        for u in users.values()
    )
    groups = sorted(
        (g["displayName"], sorted(names[m] for m in world.target.members_of(i)))
        for i, g in world.target.content(Kind.GROUP).items()
    )
    return rows, groups


async def run_until_death(world: SmallWorld, at: int) -> bool:
    """One cycle of a worker that dies at its n-th step; whether it got that far."""

    dying = Dying(at)
    whole, target = world.world, world.target
    world.world = replace(whole, state=DyingState(whole.state, dying), owner="dead-worker")  # type: ignore[arg-type]
    world.target = DyingTarget(target, dying)
    try:
        await asyncio.wait_for(world.sync(), 20)
        return False
    except Crash:
        return True
    except BaseExceptionGroup as died:
        if not died.subgroup(Crash):
            raise
        return True
    finally:
        world.world, world.target = whole, target
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
            task.cancel()
        await asyncio.sleep(0)


async def expected_after(folder: Path, story: Any) -> Any:
    world = SmallWorld(folder)
    people(world)
    await world.sync()
    if story:
        story(world)
        await world.sync()
    content = app_content(world)
    world.close()
    return content


@pytest.mark.slow
@pytest.mark.parametrize("story", [None, a_day], ids=["initial", "a-day"])
async def test_a_crash_at_any_step_neither_duplicates_nor_loses_anybody(tmp_path: Path, story: Any) -> None:
    expected = await expected_after(tmp_path / "expected", story)
    at = 0
    while True:
        at += 1
        folder = tmp_path / f"crash-{at}"
        world = SmallWorld(folder)
        people(world)
        if story:
            await world.sync()
            story(world)
        died = await run_until_death(world, at)
        result = await world.sync()
        assert result.result == "succeeded", (at, result, [e for e in world.log() if e.status == "failure"])
        assert app_content(world) == expected, at
        requests = len(world.target.calls)
        again = await world.sync()
        assert again.result == "succeeded"
        assert len(world.target.calls) == requests, f"step {at}: the run after the recovery sent requests"
        world.close()
        shutil.rmtree(folder)
        if not died:
            break
    assert at > 20


async def test_a_patch_that_was_executed_and_never_acknowledged_is_not_believed(tmp_path: Path) -> None:
    """The app took the new title, nobody kept that, and the source went back: the app ends with the old title."""
    world = SmallWorld(tmp_path)
    people(world, 3)
    await world.sync()
    with world.directory.edit() as edit:
        edit.put(
            Entry(Kind.USER, "u1", "u1@firm.example", {"userPrincipalName": "u1@firm.example", "jobTitle": "Boss"})
        )
    for at in range(1, 60):
        if not await run_until_death(world, at):
            break
        titles = [u.get("title") for u in world.target.content(Kind.USER).values()]
        if "Boss" in titles:
            break
    assert "Boss" in [u.get("title") for u in world.target.content(Kind.USER).values()]
    with world.directory.edit() as edit:
        person(edit, "u1", manager="u0")
    await world.sync()
    assert [u.get("title") for u in world.target.content(Kind.USER).values()] == ["Engineer"] * 3
    world.close()
