"""The tighter guard after a change of the rules or of Instep itself: until a cycle has gone through, whatever happens
before one has."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import SmallWorld, small_world
from tests.engine.test_careful import active, leave, names, ruled
from tests.engine.test_explain import hire, rules

from instep.core.job import FULL_RESET, USUAL_RESET, Reset, Wish
from instep.core.record import Watermark
from instep.core.subject import Kind
from instep.engine import affected
from instep.targets.memory import Call, Fault

OTHERS: dict[str, Any] = ruled(default_access=True, skip_out_of_scope_deletions=False, guard={"day_count": 11})
"""Other rules that desire the same of everybody."""
TRIED: dict[str, Any] = rules({"target": "nickName", "source": "[displayName]"})
"""Rules that desire something else of everybody than `BEFORE`."""
BEFORE: dict[str, Any] = rules({"target": "nickName", "source": "[jobTitle]"})


def restart(world: SmallWorld, reset: Iterable[Reset]) -> None:
    with world.state.writing() as state:
        state.ask_reset("app", frozenset(reset))


def ask(world: SmallWorld, *ids: str) -> None:
    with world.state.writing() as state:
        state.wish(Wish("app", world.clock.now(), tuple((Kind.USER, id) for id in ids)))


async def cut_off(world: SmallWorld, after: int = 1) -> None:
    """A cycle that is stopped after so many writes."""
    stop, seen = asyncio.Event(), [0]

    def hook(call: Call) -> Fault | None:
        seen[0] += call.method in ("create", "update")
        if seen[0] >= after:
            stop.set()
        return None

    world.target.hook = hook
    assert (await world.sync(stop)).result == "interrupted"
    world.target.hook = None


async def held(world: SmallWorld) -> str:
    """Three of eight leave, which half of the limits doesn't allow; why they're held, in the plan as in the cycle."""
    leave(world, names(3, 5))
    plan, _ = await world.plan()
    summary = await world.sync()
    assert summary.counts.get("hold", 0) == (3 if plan.verdict.held else 0)
    return plan.verdict.held.get("disable", "")


def nick_names(world: SmallWorld) -> set[str | None]:
    return {user.get("nickName") for user in world.target.content(Kind.USER).values()}


@pytest.mark.parametrize("reset", [USUAL_RESET, FULL_RESET])
async def test_a_restart_forgets_no_change_of_rules(tmp_path: Path, reset: frozenset[Reset]) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await world.sync()
        world.rules = OTHERS
        restart(world, reset)
        leave(world, names(3))
        assert (await world.sync()).counts["hold"] == 3
        assert "half of the usual" in world.link("u00").hold.reason or "half or more" in world.link("u00").hold.reason
        assert len(active(world)) == 8


async def test_a_restart_forgets_no_change_of_instep_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await world.sync()
        monkeypatch.setattr(affected, "__version__", "999")
        restart(world, USUAL_RESET)
        ask(world, "u04")
        await world.on_demand()  # which carries the restart out, and looks at one person only
        assert "half of the usual" in await held(world)


async def test_a_restart_alone_leaves_the_limits_as_they_are(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await world.sync()
        restart(world, USUAL_RESET)
        assert await held(world) == ""
        assert len(active(world)) == 5


async def test_rules_that_change_before_the_first_cycle_has_gone_through_are_guarded_tightly(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await cut_off(world, after=8)
        world.rules = OTHERS
        assert "half of the usual" in await held(world)


async def test_a_first_cycle_that_was_cut_off_goes_on_with_the_usual_limits(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await cut_off(world, after=8)
        assert await held(world) == ""


async def test_half_the_limits_last_until_a_cycle_has_gone_through(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await world.sync()
        world.rules = TRIED
        await cut_off(world)
        restart(world, USUAL_RESET)
        await cut_off(world)
        assert "half of the usual" in await held(world)


async def test_rules_that_were_tried_and_taken_back_leave_nothing_behind(tmp_path: Path) -> None:
    """What they have changed is changed back, though the directory hasn't moved; and guarded tightly again."""
    with small_world(tmp_path, rules=BEFORE) as world:
        hire(world, *names(8), jobTitle="Clerk")
        await world.sync()
        world.rules = TRIED
        await cut_off(world)
        assert nick_names(world) != {"Clerk"}
        world.rules = BEFORE
        assert "half of the usual" in await held(world)
        assert nick_names(world) == {"Clerk"}


async def test_rules_that_were_tried_on_demand_and_taken_back_leave_nothing_behind(tmp_path: Path) -> None:
    with small_world(tmp_path, rules=BEFORE) as world:
        hire(world, *names(4), jobTitle="Clerk")
        await world.sync()
        world.rules = TRIED
        ask(world, "u02")
        await world.on_demand()
        assert nick_names(world) == {"Clerk", "U02"}
        world.rules = BEFORE
        await world.sync()
        assert nick_names(world) == {"Clerk"}


async def test_directory_that_was_empty_in_between_forgets_no_change_of_rules(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        await world.sync()
        with world.state.writing() as state:
            # As after a cycle over a new directory that nothing was imported into yet.
            lease = state.take_lease("app", "test", world.clock.now(), 30)
            with world.directory.reader() as reader:
                epoch = reader.epoch
            state.end_cycle(lease, state.cycles("app")[0], Watermark(epoch, 0), world.target.abilities)
            state.give_lease_back(lease)
        world.rules = OTHERS
        assert "half of the usual" in await held(world)


async def test_a_full_restart_lets_nothing_pass_that_was_held(tmp_path: Path) -> None:
    """Three who would be disabled by a mapping: too many for the first cycle with it, and few enough for the second."""
    by_title = {"target": "active", "source": 'IIF([jobTitle] = "left", "False", "True")'}
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        hire(world, *names(3), jobTitle="left")
        await world.sync()
        world.rules = rules(by_title)
        assert (await world.sync()).counts["hold"] == 3
        restart(world, FULL_RESET)
        assert (await world.sync()).counts["hold"] == 3
        assert len(active(world)) == 8


async def test_what_was_rejected_stays_so_after_a_full_restart(tmp_path: Path) -> None:
    by_title = {"target": "active", "source": 'IIF([jobTitle] = "left", "False", "True")'}
    with small_world(tmp_path) as world:
        hire(world, *names(8))
        hire(world, *names(3), jobTitle="left")
        await world.sync()
        world.rules = rules(by_title)
        await world.sync()
        world.approve("rejected")
        restart(world, FULL_RESET)
        await world.sync()
        assert len(active(world)) == 8
