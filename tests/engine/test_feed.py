"""What changes while a cycle runs is part of it."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.engine.small_world import SmallWorld, small_world
from tests.engine.test_crashes import people, person

from instep.core.directory import Assignment
from instep.core.subject import Kind
from instep.ports import Answer
from instep.scim.abilities import Abilities
from instep.targets.memory import Call, Fault, MemoryTarget


class Forgiving(MemoryTarget):
    """An app that takes a second account of the same name without a word: duplicates show."""

    def __init__(self) -> None:
        super().__init__(Abilities(enforces_uniqueness=False))
        self._unique = {Kind.USER: None, Kind.GROUP: None}

    async def create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> Answer:
        answer = await super().create(kind, attributes, members)
        await asyncio.sleep(0.05)
        return answer


def names(world: SmallWorld) -> list[str]:
    return sorted(u["userName"] for u in world.target.content(Kind.USER).values())


async def test_a_change_to_somebody_whose_request_is_under_way_comes_after_it(tmp_path: Path) -> None:
    with small_world(tmp_path, target=Forgiving()) as world:
        people(world, 24)
        edited: list[str] = []

        def hook(call: Call) -> Fault | None:
            if call.method == "create" and call.kind is Kind.USER:
                who = call.detail["userName"].split("@")[0]
                edited.append(who)
                with world.directory.edit() as edit:
                    person(edit, who, title="Changed")
            return None

        world.target.hook = hook
        await world.sync()
        assert len(edited) == len(set(edited)) == 24
        assert names(world) == sorted(f"u{i}@firm.example" for i in range(24))
        assert {u["title"] for u in world.target.content(Kind.USER).values()} == {"Changed"}


async def test_a_leaver_who_arises_meanwhile_goes_before_the_creations_that_wait(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 3)
        await world.sync()
        with world.directory.edit() as edit:
            for i in range(60):
                person(edit, f"n{i:02}")
                edit.assign(Assignment(f"an{i}", "app", Kind.USER, f"n{i:02}"))
        calls: list[str] = []

        def hook(call: Call) -> Fault | None:
            calls.append(call.method)
            if calls.count("create") == 10:
                with world.directory.edit() as edit:
                    person(edit, "u2", manager="u0", enabled=False)
            return None

        world.target.hook = hook
        result = await world.sync()
        assert result.counts["disable"] == 1
        assert "update" in calls
        assert calls.index("update") < 40
