"""Whoever fails waits, longer each time; the others go on; a change at the source makes it due at once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.engine.small_world import SmallWorld, small_world
from tests.engine.test_crashes import people, person

from instep.core.outcome import Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.targets.memory import Call, Fault


def refuses(name: str):  # type: ignore[no-untyped-def]
    def hook(call: Call) -> Fault | None:
        if call.method == "create" and call.detail.get("userName", "").startswith(name):
            return Fault(Refused(f"{name} isn't welcome", "UnprocessableEntity"))
        return None

    return hook


async def test_one_refused_person_stops_nobody_else_and_is_tried_again_in_time(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 6)
        world.target.hook = refuses("u3")
        assert (await world.sync()).counts == {"create": 7, "failure": 1, "requests": 10}
        quiet = len(world.target.calls)
        assert (await world.sync()).counts["requests"] == 0
        assert len(world.target.calls) == quiet
        tries = 0
        for _ in range(60):  # 15 days in steps of 6 hours
            world.clock.shift += timedelta(hours=6)
            before = len(world.target.calls)
            await world.sync()
            tries += len(world.target.calls) > before
        assert 10 <= tries <= 22  # minutes at first, which the first step swallows, then daily
        world.target.hook = None
        world.clock.shift += timedelta(hours=25)
        assert (await world.sync()).counts["create"] == 1
        # The membership that waited for the account came with it.
        groups = world.target.content(Kind.GROUP)
        team = next(i for i, g in groups.items() if g["displayName"] == "Team g1")
        assert len(world.target.members_of(team)) == 6


async def test_a_change_at_the_source_makes_a_failed_person_due_at_once(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        world.target.hook = refuses("u3@")
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u3", "u33@firm.example", manager="u0")
        assert (await world.sync()).counts["create"] == 1


async def test_after_28_days_it_is_given_up_until_something_changes(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        world.target.hook = refuses("u3@")
        await world.sync()
        for _ in range(40):
            world.clock.shift += timedelta(days=1)
            await world.sync()
        assert world.link("u3").next_try is None
        quiet = len(world.target.calls)
        world.clock.shift += timedelta(days=30)
        await world.sync()
        assert len(world.target.calls) == quiet
        with world.directory.edit() as edit:
            person(edit, "u3", "u33@firm.example", manager="u0")
        assert (await world.sync()).counts["create"] == 1


async def test_patience_that_the_app_asks_for_is_no_failure(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u2", "new@firm.example", manager="u0")
        world.target.hook = lambda call: Fault(RetryLater("slow down", "TooManyRequests", 90, flow_control=True))
        await world.sync()
        assert world.link("u2").failures == 0
        world.target.hook = None
        assert (await world.sync()).counts.get("update") is None
        world.clock.shift += timedelta(seconds=91)
        assert (await world.sync()).counts["update"] == 1


async def test_an_answer_that_never_came_is_settled_by_reading(tmp_path: Path) -> None:
    """Executed and lost: the account isn't made twice, and what it holds is known afterwards."""
    with small_world(tmp_path) as world:
        people(world, 4)
        lost: set[str] = set()

        def hook(call: Call) -> Fault | None:
            if call.method == "create" and call.detail.get("userName", "") not in lost:
                lost.add(call.detail.get("userName", ""))
                return Fault(Unknown("no answer", "Timeout"), carried_out=True)
            return None

        world.target.hook = hook
        await world.sync()
        await world.sync()
        names = sorted(u["userName"] for u in world.target.content(Kind.USER).values())
        assert names == [f"u{i}@firm.example" for i in range(4)]
        assert sorted(g["displayName"] for g in world.target.content(Kind.GROUP).values()) == ["Team g1", "Team g2"]
        quiet = len(world.target.calls)
        assert (await world.sync()).result == "succeeded"
        assert len(world.target.calls) == quiet


async def test_a_fault_of_our_own_in_one_subject_stops_nobody_else(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 5)

        def hook(call: Call) -> Fault | None:
            if call.method == "create" and call.detail.get("userName", "").startswith("u3"):
                raise ZeroDivisionError("a bug")
            return None

        world.target.hook = hook
        result = await world.sync()
        assert result.counts["create"] == 6
        assert result.result == "failures"
        assert "a bug" in world.log(status="failure")[0].reason
        world.target.hook = None
        world.clock.shift += timedelta(hours=1)
        assert (await world.sync()).counts["create"] == 1


def logins(world: SmallWorld) -> dict[str, str]:
    """What each person signs in with, by the id that the display name ends with."""
    return {u["displayName"].split()[1]: u["userName"].split("@")[0] for u in world.target.content(Kind.USER).values()}


async def test_an_address_that_a_colleague_gives_up_is_had_at_the_next_try_at_the_latest(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        world.world = replace(world.world, concurrency=1)
        people(world, 5)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u2", "new@firm.example", manager="u0")
            person(edit, "u1", "u2@firm.example", manager="u0")
        await world.sync()
        world.clock.shift += timedelta(minutes=6)
        assert (await world.sync()).result == "succeeded"
        assert (logins(world)["u1"], logins(world)["u2"]) == ("u2", "new")


async def test_two_who_exchange_addresses_keep_their_own_accounts_and_are_told(tmp_path: Path) -> None:
    """The app has each address for one account: somebody has to give one of them up for a moment."""
    with small_world(tmp_path) as world:
        people(world, 5)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u1", "between@firm.example", manager="u0")
            person(edit, "u2", "u1@firm.example", manager="u0")
            person(edit, "u1", "u2@firm.example", manager="u0")
        await world.sync()
        assert (logins(world)["u1"], logins(world)["u2"]) == ("u1", "u2")
        failed = {entry.subject_id: entry for entry in world.log(status="failure")}
        assert {entry.code for entry in failed.values()} == {"Conflict"}
        assert failed.keys() == {"u1", "u2"}
        with world.directory.edit() as edit:
            person(edit, "u1", "between@firm.example", manager="u0")
        await world.sync()
        world.clock.shift += timedelta(hours=1)
        await world.sync()
        assert (logins(world)["u1"], logins(world)["u2"]) == ("between", "u1")
