"""Careful: what waits counts, a change of rules is guarded more tightly, protected accounts are left alone, and a
preview shows the very plan that the cycle carries out."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.engine.small_world import RULES, SmallWorld, small_world
from tests.engine.test_explain import found, hire

from instep.core.change import Create
from instep.core.directory import Entry
from instep.core.subject import Kind
from instep.engine.explain import explain
from instep.scim.abilities import Abilities
from instep.targets.memory import Call, MemoryTarget


def names(count: int, start: int = 0) -> list[str]:
    return [f"u{n:02}" for n in range(start, start + count)]


def leave(world: SmallWorld, ids: Sequence[str]) -> None:
    with world.directory.edit() as edit:
        for id in ids:
            edit.unassign("app", id, None)


def purge(world: SmallWorld, ids: Sequence[str]) -> None:
    with world.directory.edit() as edit:
        edit.purge(Kind.USER, ids)


def active(world: SmallWorld) -> set[str]:
    """Who has access in the app, by login name."""
    held = world.target.content(Kind.USER).values()
    return {user["userName"].partition("@")[0] for user in held if user.get("active") is not False}


def ruled(**more: Any) -> dict[str, Any]:
    return {**RULES, **more}


def writes(world: SmallWorld) -> list[Call]:
    return [call for call in world.target.calls if call.method in ("create", "update", "delete")]


# ------------------------------------------------------------------------------------------- what waits


async def test_who_leaves_while_others_wait_is_counted_with_them(tmp_path: Path) -> None:
    """Six are too many for a cycle; four by themselves would pass, and don't while the six wait."""
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        await world.sync()
        leave(world, names(6))
        assert (await world.sync()).counts["hold"] == 6
        leave(world, names(4, 6))
        plan, _ = await world.plan()
        assert plan.verdict.held == {
            "disable": "10 people would lose access, 6 of them waiting already; the limit for one cycle is 5 of 40"
        }
        assert (await world.sync()).counts["hold"] == 4
        assert len(active(world)) == 40
        world.approve()
        await world.sync()
        assert len(active(world)) == 30


async def test_who_was_rejected_is_not_counted_with_those_who_come_later(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        await world.sync()
        leave(world, names(6))
        await world.sync()
        world.approve("rejected")
        leave(world, names(4, 6))
        await world.sync()
        assert len(active(world)) == 36


async def test_what_waits_and_is_looked_at_again_is_not_counted_twice(tmp_path: Path) -> None:
    """With six waiting, a full look at everyone holds those six and still only those."""
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        await world.sync()
        leave(world, names(6))
        await world.sync()
        with world.directory.edit() as edit:
            for id in names(6):
                entry = edit.entry(Kind.USER, id)
                assert entry is not None
                edit.put(replace(entry, attributes={**entry.attributes, "jobTitle": "Former"}))
        await world.sync()
        with world.state.reading() as state:
            assert state.waiting_effects("app") == {"disable": 6}
        assert len(active(world)) == 40


async def test_what_waits_and_changes_otherwise_weighs_on_others_only_once(tmp_path: Path) -> None:
    """Three wait; they change otherwise while two more leave: five in all, which is the limit."""
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        await world.sync()
        world.rules = ruled(guard={"day_count": 11})
        leave(world, names(3))
        assert (await world.sync()).counts["hold"] == 3, "by the half limits after a change of rules"
        for id in names(3):
            hire(world, id, role=None, jobTitle="Former")
        leave(world, names(2, 3))
        await world.sync()
        assert len(active(world)) == 38


async def test_purging_leavers_is_not_held_while_a_mass_of_them_is(tmp_path: Path) -> None:
    """Of twenty, eight left before. Five of them are deleted for good, which would be many of the twelve."""
    with small_world(tmp_path) as world:
        hire(world, *names(20))
        await world.sync()
        leave(world, names(8))
        await world.sync()
        world.approve()
        await world.sync()
        assert len(active(world)) == 12
        world.clock.shift += timedelta(days=30)
        purge(world, names(5))
        assert "hold" not in (await world.sync()).counts
        assert len(world.target.content(Kind.USER)) == 15
        purge(world, names(3, 5))
        leave(world, names(2, 10))
        await world.sync()
        assert (len(world.target.content(Kind.USER)), len(active(world))) == (12, 10)


async def test_a_mass_of_purges_waits(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(20))
        await world.sync()
        leave(world, names(8))
        await world.sync()
        world.approve()
        await world.sync()
        purge(world, names(6))
        assert (await world.sync()).counts["hold"] == 6
        assert "disabled accounts would be deleted" in world.link("u00").hold.reason


async def test_the_deletion_of_a_large_group_waits_whole_and_is_counted_once(tmp_path: Path) -> None:
    """One group of six is few; the forty people in it aren't."""
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        found(world, *(f"team{n}" for n in range(5)), members=names(12), assigned=True)
        found(world, "all", members=names(40), assigned=True)
        await world.sync()
        leave(world, ["all"])
        assert (await world.sync()).counts["hold"] == 1
        world.rules = ruled(guard={"day_count": 11})
        await world.sync()
        with world.state.reading() as state:
            assert state.waiting_effects("app") == {"group-deletion": 1, "membership-removal": 40}
        hold = world.link("all", Kind.GROUP).hold
        assert hold.reason.count("40 memberships would be removed") == 1
        assert len(world.target.content(Kind.GROUP)) == 6
        # Two groups of twelve more are many beside it; approved, it goes by itself.
        leave(world, ["team0", "team1"])
        world.approve()
        await world.sync()
        assert len(world.target.content(Kind.GROUP)) == 5
        assert world.link("team0", Kind.GROUP).hold.verdict == "waiting"


# ------------------------------------------------------------------------- after a change of the rules


async def test_the_first_cycle_after_a_change_of_rules_has_half_the_limits(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(40))
        await world.sync()
        world.rules = ruled(default_access=True, skip_out_of_scope_deletions=False, guard={"day_count": 11})
        leave(world, names(3))
        plan, _ = await world.plan()
        assert set(plan.verdict.held) == {"disable"}
        assert "half of the usual since the rules or Instep itself have changed" in plan.verdict.held["disable"]
        assert (await world.sync()).counts["hold"] == 3
        world.approve()
        await world.sync()
        leave(world, names(3, 3))
        assert (await world.sync()).counts.get("hold") is None, "the limits are as usual from then on"
        assert len(active(world)) == 34


# ------------------------------------------------------------------------------------ protected accounts


async def test_protected_people_are_left_alone_whatever_happens(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        hire(world, *names(12), jobTitle="Clerk")
        found(world, "team", members=names(12), assigned=True)
        await world.sync()
        world.rules = ruled(protected={"people": ["u00@firm.example"], "accounts": ["U01@firm.example"]})
        leave(world, ["u00", "u01", "u02"])
        with world.directory.edit() as edit:
            for id in ("u00", "u01", "u02"):
                edit.leave("team", id)
        before = len(world.target.calls)
        await world.sync()
        sent = [call for call in world.target.calls[before:] if call.method in ("create", "update", "delete")]
        gone = world.link("u02").app_id
        assert {(call.kind, call.app_id, call.members) for call in sent} == {
            (Kind.USER, gone, ()),
            (Kind.GROUP, world.link("team", Kind.GROUP).app_id, (gone,)),
        }
        reasons = {entry.name: entry.reason for entry in world.log(status="skipped")}
        assert reasons == {
            "u00@firm.example": "u00@firm.example is protected, so this job never touches it",
            "u01@firm.example": "the app's account u01@firm.example is protected, so this job never touches it",
        }
        explained = await explain(world.world, world.job, world.target, Kind.USER, "u00")
        assert explained.decision is not None
        assert explained.decision.change.code == "Protected"  # type: ignore[union-attr]
        before = len(writes(world))
        await world.sync()
        assert len(writes(world)) == before


async def test_who_has_a_protected_name_only_now_stays_in_the_group(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        world.rules = ruled(protected={"people": ["glass@firm.example"]})
        hire(world, *names(4))
        found(world, "team", members=names(4), assigned=True)
        await world.sync()
        with world.directory.edit() as edit:
            edit.put(Entry(Kind.USER, "u00", "glass@firm.example", {"displayName": "U00"}))
            edit.leave("team", "u00")
        before = len(writes(world))
        await world.sync()
        assert writes(world)[before:] == []


@pytest.mark.parametrize("unique", [True, False])
async def test_an_account_that_is_protected_in_the_app_is_adopted_by_nobody(tmp_path: Path, unique: bool) -> None:
    mail = {"target": "externalId", "source": "[mail]", "matching": 2}
    users = {"mappings": [*RULES["users"]["mappings"], mail]}
    abilities = Abilities(enforces_uniqueness=unique, trusts_list=unique)
    with small_world(tmp_path, target=MemoryTarget(abilities)) as world:
        world.rules = ruled(users=users, protected={"accounts": ["owner@app.example"]})
        owner = {"userName": "owner@app.example", "externalId": "ops@firm.example", "title": "Owner"}
        world.target.put(Kind.USER, owner)
        hire(world, "eve", mail="ops@firm.example", jobTitle="Clerk")
        await world.sync()
        assert writes(world) == []
        assert world.link("eve") is None or not world.link("eve").alive
        assert "owner@app.example is protected" in world.log(status="skipped")[0].reason


async def test_a_protected_member_whom_nobody_here_stands_behind_stays_in_the_group(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        world.rules = ruled(authoritative_members=True, protected={"accounts": ["root@app.example"]})
        root = world.target.put(Kind.USER, {"userName": "root@app.example"})
        other = world.target.put(Kind.USER, {"userName": "other@app.example"})
        team = world.target.put(Kind.GROUP, {"displayName": "Group team"}, [root, other])
        hire(world, *names(3))
        found(world, "team", members=names(3), assigned=True)
        await world.sync()
        assert root in world.target.members_of(team)
        assert other not in world.target.members_of(team)


# ------------------------------------------------------------------------------------ adopted and held


async def test_members_nobody_stands_behind_who_are_held_are_not_forgotten_by_the_adoption(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        world.rules = ruled(authoritative_members=True)
        strangers = [world.target.put(Kind.USER, {"userName": f"x{n}@app.example"}) for n in range(9)]
        team = world.target.put(Kind.GROUP, {"displayName": "Group team"}, strangers)
        hire(world, *names(3))
        found(world, "team", members=names(3), assigned=True)
        assert (await world.sync()).counts["hold"] == 1
        assert len(world.target.members_of(team)) == 12, "adopted, and nobody is taken out yet"
        assert (await world.sync()).counts["requests"] == 0
        assert world.approve() == 1
        await world.sync()
        accounts = {world.link(id).app_id for id in names(3)}
        assert set(world.target.members_of(team)) == accounts


async def test_who_has_come_to_belong_to_somebody_while_waiting_is_not_taken_out(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        world.rules = ruled(authoritative_members=True)
        strangers = [world.target.put(Kind.USER, {"userName": f"x{n}@firm.example"}) for n in range(9)]
        team = world.target.put(Kind.GROUP, {"displayName": "Group team"}, strangers)
        hire(world, *names(3))
        found(world, "team", members=names(3), assigned=True)
        await world.sync()
        hire(world, "x0")
        with world.directory.edit() as edit:
            edit.join("team", Kind.USER, "x0")
        await world.sync()
        assert world.link("x0").app_id == strangers[0]
        world.approve()
        await world.sync()
        world.approve()
        await world.sync()
        accounts = {world.link(id).app_id for id in [*names(3), "x0"]}
        assert set(world.target.members_of(team)) == accounts


# ----------------------------------------------------------------------------------------- random values


async def test_a_preview_shows_the_random_values_that_the_cycle_sends(tmp_path: Path) -> None:
    """Promise 1: the same inputs give the same plan."""
    random = [
        {"target": "externalId", "source": "Guid()", "flow": "create"},
        {"target": "nickName", "source": "RandomString(12, 2, 0, 2, 2)", "flow": "create"},
    ]
    with small_world(tmp_path) as world:
        world.rules = ruled(users={"mappings": [*RULES["users"]["mappings"], *random]})
        hire(world, *names(4))
        plan, _ = await world.plan()
        again, _ = await world.plan()
        assert plan.fingerprint == again.fingerprint
        await world.sync()
        sent = {u["userName"]: (u["externalId"], u["nickName"]) for u in world.target.content(Kind.USER).values()}
        shown = {
            d.change.attributes["userName"]: (d.change.attributes["externalId"], d.change.attributes["nickName"])
            for d in plan.decisions
            if isinstance(d.change, Create)
        }
        assert shown == sent
        assert len(set(sent.values())) == 4


async def test_seeds_differ_between_directories_and_subjects(tmp_path: Path) -> None:
    seeds: set[str] = set()
    for place in ("one", "two"):
        with small_world(tmp_path / place) as world:
            hire(world, *names(2))
            found(world, "u00g", members=names(2), assigned=True)
            await world.sync()
            seeds |= {world.link(id).seed for id in names(2)} | {world.link("u00g", Kind.GROUP).seed}
    assert len(seeds) == 6
