"""What others change in the app is found and treated as set, within one audit; then there is nothing left to write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engine.small_world import RULES, SmallWorld
from tests.engine.test_crashes import app_content, people, person

from instep.core.app import App, Audit
from instep.core.directory import Assignment, Entry
from instep.core.drift import AuditSummary, Drift, lease_name
from instep.core.outcome import Refused
from instep.core.subject import Kind
from instep.core.unmanaged import Unmanaged
from instep.engine.audit import run_audit
from instep.engine.progress import Progress
from instep.engine.world import Job
from instep.ports import LeaseTaken
from instep.scim.abilities import Abilities
from instep.targets.memory import Call, Fault, MemoryTarget

LAG = timedelta(minutes=1)


class Audited(SmallWorld):
    """A small world with an audit, and somebody who changes things in its app by hand."""

    policy: Any = "repair"

    @property
    def job(self) -> Job:
        job = super().job
        audit = Audit(self.policy)
        return Job(msgspec.structs.replace(job.app, audit=audit), job.rules)

    async def audit(self, **given: Any) -> AuditSummary:
        self.clock.shift += LAG + timedelta(seconds=1)
        stop = given.pop("stop", asyncio.Event())
        lagging = replace(self.world, read_lag_seconds=LAG.total_seconds())
        return await run_audit(lagging, self.job, self.target, Progress(), stop, **given)

    def account(self, name: str, kind: Kind = Kind.USER) -> str:
        path = "userName" if kind is Kind.USER else "displayName"
        return next(i for i, held in self.target.content(kind).items() if held[path] == name)

    def by_hand(self, app_id: str, kind: Kind = Kind.USER, **attributes: Any) -> None:
        self.target._change(kind, app_id, attributes)

    def drift(self) -> list[Drift]:
        with self.state.reading() as state:
            return sorted(state.drift("app"), key=lambda d: (d.subject_id, d.path))

    def unmanaged(self) -> dict[str, Unmanaged]:
        with self.state.reading() as state:
            return {each.name: each for each in state.unmanaged("app")}

    def writes(self) -> list[Call]:
        return [c for c in self.target.calls if c.method in ("create", "update", "delete")]


@contextmanager
def audited(folder: Path, **given: Any) -> Iterator[Audited]:
    world = Audited(folder, **given)
    try:
        yield world
    finally:
        world.close()


def crowd(world: SmallWorld, number: int = 40) -> None:
    """So many that a handful of repairs is no accident to the guard."""
    people(world, number)


async def settled(world: Audited) -> None:
    """Nothing is found, nothing is written: all is as set."""
    before = len(world.writes())
    quiet = await world.audit()
    assert quiet.result == "succeeded"
    assert "drift" not in quiet.counts, world.drift()
    cycle = await world.sync()
    assert cycle.counts.get("requests") == 0
    assert len(world.writes()) == before


async def test_changes_by_hand_are_set_right_by_the_next_cycle_and_then_nothing_is_written(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world)
        await world.sync()
        as_set = app_content(world)
        titles = {i: u.get("title") for i, u in world.target.content(Kind.USER).items()}
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        world.by_hand(world.account("u2@firm.example"), title=None)
        world.by_hand(world.account("u3@firm.example"), userName="by.hand@firm.example")
        world.by_hand(world.account("u4@firm.example"), active=False)
        world.target.remove(Kind.USER, world.account("u5@firm.example"))
        world.by_hand(world.account("Team g1", Kind.GROUP), Kind.GROUP, displayName="Mine")
        team = world.account("Team g2", Kind.GROUP)
        world.target._members[team].pop(world.account("u0@firm.example"))
        world.target._members[team][world.account("u7@firm.example")] = None

        summary = await world.audit()
        assert summary.result == "succeeded"
        assert {(d.subject_id, d.path): d.state for d in world.drift()} == {
            ("g1", "displayName"): "repairing",
            ("g2", "members u0"): "repairing",
            ("g2", "members u7"): "repairing",
            ("u1", "title"): "repairing",
            ("u2", "title"): "repairing",
            ("u3", "userName"): "repairing",
            ("u4", "active"): "repairing",
            ("u5", "id"): "repairing",
        }
        assert summary.counts == {"drift": 8, "repairing": 8, "gone": 1}
        before = len(world.writes())
        assert (await world.sync()).result == "succeeded"
        assert app_content(world) == as_set
        assert sorted(map(str, titles.values())) == sorted(
            str(u.get("title")) for u in world.target.content(Kind.USER).values()
        )
        assert 0 < len(world.writes()) - before <= 9
        await settled(world)
        assert {d.state for d in world.drift()} == {"repaired"}


async def test_an_audit_writes_nothing_to_the_app_itself(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        before = len(world.writes())
        await world.audit()
        assert len(world.writes()) == before


async def test_report_lists_drift_and_leaves_it(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        world.policy = "report"
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        await world.audit()
        first = world.drift()
        assert [(d.path, d.expected, d.found, d.state) for d in first] == [("title", "Engineer", "Emperor", "found")]
        before = len(world.writes())
        await world.sync()
        await world.audit()
        assert len(world.writes()) == before
        (again,) = world.drift()
        assert (again.first_seen, again.times) == (first[0].first_seen, 2)
        world.by_hand(world.account("u1@firm.example"), title="Engineer")
        await world.audit()
        assert world.drift() == []


async def test_ignore_takes_the_apps_value_for_its_own_form(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        world.policy = "ignore"
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        assert "drift" not in (await world.audit()).counts
        assert world.link("u1").returned == {"title": "Emperor"}
        world.policy = "report"
        await world.audit()
        assert world.drift() == []
        with world.directory.edit() as edit:
            person(edit, "u1", title="Boss", manager="u0")
        await world.sync()
        assert world.target.content(Kind.USER)[world.account("u1@firm.example")]["title"] == "Boss"


@pytest.mark.parametrize("policy", ["ignore", "report", "repair"])
async def test_access_that_came_back_is_told_whatever_the_policy(tmp_path: Path, policy: str) -> None:
    with audited(tmp_path) as world:
        world.policy = policy
        crowd(world)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u3", manager="u0", enabled=False)
        await world.sync()
        account = world.account("u3@firm.example")
        world.by_hand(account, active=True)
        summary = await world.audit()
        assert summary.counts["access"] == 1
        (row,) = world.drift()
        assert row.regains_access
        await world.sync()
        assert world.target.content(Kind.USER)[account]["active"] is (policy != "repair")
        if policy == "repair":
            await settled(world)


async def test_app_that_rewrites_what_it_gets_is_left_alone_after_three_repairs(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        account = world.account("u1@firm.example")
        writes = []
        for _ in range(6):
            world.by_hand(account, title="ENGINEER (R&D)")
            await world.audit()
            before = len(world.writes())
            await world.sync()
            writes.append(len(world.writes()) - before)
        assert writes == [1, 1, 1, 0, 0, 0]
        (row,) = world.drift()
        assert row.state == "rewritten"
        assert world.link("u1").returned == {"title": "ENGINEER (R&D)"}


async def test_somebody_who_gives_access_back_every_day_is_never_taken_for_the_apps_way(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u3", manager="u0", enabled=False)
        await world.sync()
        account = world.account("u3@firm.example")
        for _ in range(6):
            world.by_hand(account, active=True)
            await world.audit()
            await world.sync()
            assert world.target.content(Kind.USER)[account]["active"] is False


async def test_what_the_guard_holds_is_still_being_repaired(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 20)
        await world.sync()
        for i in range(8):  # eight login names: more than a cycle may change
            world.by_hand(world.account(f"u{i}@firm.example"), userName=f"hand{i}@firm.example")
        await world.audit()
        assert (await world.sync()).result == "held"
        await world.audit()
        assert {d.state for d in world.drift()} == {"repairing"}
        world.approve()
        await world.sync()
        await settled(world)
        assert {d.state for d in world.drift()} == {"repaired"}


async def test_account_that_is_never_touched_is_told_of_and_not_set_right(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        world.rules = {**RULES, "protected": {"people": ["u1@firm.example"]}}
        await world.sync()
        account = world.account("u1@firm.example")
        world.by_hand(account, title="Emperor")
        world.target._members[world.account("Team g2", Kind.GROUP)].pop(account)
        await world.audit()
        assert [(d.path, d.state) for d in world.drift()] == [("title", "found")]
        before = len(world.writes())
        await world.sync()
        assert len(world.writes()) == before
        assert world.link("u1").sent["title"] == "Engineer"


async def test_deleted_account_of_somebody_out_of_scope_is_not_made_again(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u3", manager="u0", enabled=False)
        await world.sync()
        world.target.remove(Kind.USER, world.account("u3@firm.example"))
        await world.audit()
        await world.sync()
        assert world.link("u3").status == "gone"
        assert len(world.target.content(Kind.USER)) == 39
        await settled(world)


async def test_half_of_the_accounts_missing_is_not_believed(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 8)
        await world.sync()
        for i in range(5):
            world.target.remove(Kind.USER, world.account(f"u{i}@firm.example"))
        summary = await world.audit()
        assert summary.result == "incomplete"
        assert "5 of 8 users aren't in the app" in summary.message
        assert world.drift() == [] or all(d.path != "id" for d in world.drift())
        assert world.link("u1").status == "active"


async def test_app_that_fails_half_way_proves_nobody_gone(tmp_path: Path) -> None:
    target = MemoryTarget(Abilities(enforces_uniqueness=True, page_size=10))
    with audited(tmp_path, target=target) as world:
        crowd(world)
        await world.sync()
        world.target.remove(Kind.USER, world.account("u39@firm.example"))
        world.target.put(Kind.USER, {"userName": "stranger@firm.example"})
        await world.audit()
        assert set(world.unmanaged()) == {"stranger@firm.example"}
        world.target.put(Kind.USER, {"userName": "another@firm.example"})
        world.by_hand(world.account("u1@firm.example"), title="Emperor")

        def hook(call: Call) -> Fault | None:
            return (
                Fault(Refused("down", "InternalServerError")) if call.method == "page" and call.detail >= 20 else None
            )

        world.target.hook = hook
        summary = await world.audit()
        assert (summary.result, summary.message) == ("unavailable", "down")
        # What was read counts; who wasn't read neither went nor came.
        assert "title" in {d.path for d in world.drift()}
        assert set(world.unmanaged()) == {"stranger@firm.example"}
        world.target.hook = None
        await world.audit()
        assert set(world.unmanaged()) == {"stranger@firm.example", "another@firm.example"}


async def test_list_that_cannot_be_trusted_is_read_one_by_one(tmp_path: Path) -> None:
    target = MemoryTarget(Abilities(enforces_uniqueness=True, trusts_list=False))
    with audited(tmp_path, target=target) as world:
        crowd(world, 12)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        gone = world.account("u2@firm.example")
        world.target.remove(Kind.USER, gone)
        summary = await world.audit()
        assert summary.result == "succeeded"
        assert "can't be relied upon" in summary.message
        assert {(d.subject_id, d.path) for d in world.drift()} >= {("u1", "title"), ("u2", "id")}
        assert not any(c.method == "page" for c in world.target.calls)
        assert [c.method for c in world.target.calls if c.app_id == gone].count("read") == 2  # a second look


async def test_what_was_written_shortly_before_is_left_to_the_next_audit(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        world.clock.shift -= LAG  # `audit` puts it forward: to right after the cycle
        summary = await world.audit()
        assert world.drift() == []
        assert "1 were left out" in summary.message
        await world.audit()
        assert [d.path for d in world.drift()] == ["title"]


async def test_read_that_was_overtaken_by_a_cycle_corrects_nothing(tmp_path: Path) -> None:
    """The page is read, then a cycle changes the same person, then the page is compared."""
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        account = world.account("u1@firm.example")
        world.by_hand(account, title="Emperor")
        real = world.target.pages
        cycles: list[Any] = []

        async def overtaken(kind: Kind) -> Any:
            async for page in real(kind):
                if kind is Kind.USER and not cycles:
                    with world.directory.edit() as edit:
                        person(edit, "u1", title="Boss", manager="u0")
                    world.target.fenced_by(lambda: None)
                    cycles.append(await world.sync())
                yield page

        world.target.pages = overtaken
        await world.audit()
        assert cycles[0].counts["update"] == 1
        assert world.target.content(Kind.USER)[account]["title"] == "Boss"
        assert world.drift() == []
        assert world.link("u1").sent["title"] == "Boss"


async def test_cycle_that_runs_is_waited_for_and_not_held_up(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        with world.state.writing() as state:
            lease = state.take_lease("app", "a cycle", world.clock.now() + LAG, 600)
        audit = asyncio.create_task(world.audit())
        await asyncio.sleep(0.3)
        assert not audit.done()
        assert world.link("u1").sent["title"] == "Engineer"
        assert world.drift() == []
        with world.state.writing() as state:
            state.renew_lease(lease, world.clock.now(), 600)
            state.give_lease_back(lease)
        assert (await asyncio.wait_for(audit, 5)).result == "succeeded"
        assert world.link("u1").sent["title"] == "Emperor"


async def test_one_audit_of_a_job_at_a_time_and_cycles_go_on_beside_it(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        with world.state.writing() as state:
            state.take_lease(lease_name("app"), "another service", world.clock.now(), 600)
        with pytest.raises(LeaseTaken):
            await world.audit()
        assert (await world.sync()).result == "succeeded"


async def test_audit_asks_at_most_a_tenth_of_the_time(tmp_path: Path) -> None:
    target = MemoryTarget(Abilities(enforces_uniqueness=True, page_size=10))
    with audited(tmp_path, target=target) as world:
        crowd(world, 20)
        await world.sync()
        waited: list[float] = []
        real = world.clock.sleep

        async def sleep(seconds: float) -> None:
            if seconds == 4.5:
                waited.append(seconds)
            else:
                await real(seconds)

        world.clock.sleep = sleep  # type: ignore[method-assign]
        before = len(world.target.calls)
        summary = await world.audit(pace=lambda took: 4.5)
        sent = len(world.target.calls) - before
        assert summary.requests == sent
        assert len(waited) >= sent


async def test_stop_ends_an_audit_between_two_requests_and_while_it_waits(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        stop = asyncio.Event()
        audit = asyncio.create_task(world.audit(stop=stop, pace=lambda took: 3600))
        await asyncio.sleep(0.3)
        stop.set()
        assert (await asyncio.wait_for(audit, 2)).result == "interrupted"


async def test_requests_of_an_audit_are_not_those_of_a_cycle(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        summary = await world.audit()
        assert summary.requests > 0
        assert (await world.sync()).counts["requests"] == 0
        with world.state.reading() as state:
            assert state.audit("app") == summary


# ------------------------------------------------------------------------------------------- members


async def test_group_that_was_emptied_by_hand_is_filled_again(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        as_set = app_content(world)
        world.target._members[world.account("Team g1", Kind.GROUP)].clear()
        await world.audit()
        assert sum(d.path.startswith("members ") for d in world.drift()) == 6
        await world.sync()
        assert app_content(world) == as_set
        await settled(world)


async def test_app_that_shows_no_members_at_all_has_none_compared(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        await world.sync()
        for group in world.target.content(Kind.GROUP):
            world.target._members[group].clear()
        summary = await world.audit()
        assert "shows no members of any group" in summary.message
        assert world.drift() == []


async def test_strangers_in_a_group_stay_unless_its_members_are_authoritative(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world)
        await world.sync()
        team = world.account("Team g1", Kind.GROUP)
        stranger = world.target.put(Kind.USER, {"userName": "stranger@firm.example"})
        world.target._members[team][stranger] = None
        await world.audit()
        await world.sync()
        assert stranger in world.target.members_of(team)
        assert world.drift() == []
        world.rules = {**RULES, "authoritative_members": True}
        await world.sync()
        await world.audit()
        await world.sync()
        assert stranger not in world.target.members_of(team)
        assert len(world.target.members_of(team)) == 40
        with world.state.reading() as state:
            assert set(state.memberships("app", "g1").values()) == {"sent"}
        await settled(world)


async def test_app_that_does_not_show_members_is_said_so(tmp_path: Path) -> None:
    target = MemoryTarget(Abilities(enforces_uniqueness=True, reads_members=False))
    with audited(tmp_path, target=target) as world:
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("Team g1", Kind.GROUP), Kind.GROUP, displayName="Mine")
        summary = await world.audit()
        assert "doesn't show the members" in summary.message
        assert [(d.subject_id, d.path) for d in world.drift()] == [("g1", "displayName")]


# --------------------------------------------------------------------------- accounts that nobody manages


async def test_accounts_that_nobody_manages_are_matched_with_the_directory(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        crowd(world, 6)
        with world.directory.edit() as edit:
            person(edit, "d1", "Off@firm.example", enabled=False)
            person(edit, "d2", "nobody@firm.example")
            person(edit, "d3", "gone@firm.example")
            edit.assign(Assignment("a-d1", "app", Kind.USER, "d1"))
        with world.directory.edit() as edit:
            edit.purge(Kind.USER, ["d3"])
        await world.sync()
        for name in ("off@firm.example", "NOBODY@firm.example", "gone@firm.example", "who@elsewhere.example"):
            world.target.put(Kind.USER, {"userName": name})
        world.target.put(Kind.USER, {"userName": "u1@FIRM.example", "active": False})
        summary = await world.audit()
        assert summary.counts["unmanaged"] == 5
        assert {n: (a.reason, a.subject_id, a.active) for n, a in world.unmanaged().items()} == {
            "off@firm.example": ("disabled", "d1", True),
            "nobody@firm.example": ("unassigned", "d2", True),
            "gone@firm.example": ("deleted", "d3", True),
            "who@elsewhere.example": ("unknown", None, True),
            "u1@firm.example": ("has another account", "u1", False),
        }
        first = world.unmanaged()["off@firm.example"].first_seen
        world.target.remove(Kind.USER, world.account("NOBODY@firm.example"))
        with world.directory.edit() as edit:
            edit.put(Entry(Kind.USER, "who", "who@elsewhere.example", {"userPrincipalName": "who@elsewhere.example"}))
            edit.assign(Assignment("a-who", "app", Kind.USER, "who"))
        await world.audit()
        assert "nobody@firm.example" not in world.unmanaged()
        assert world.unmanaged()["who@elsewhere.example"].reason == "in scope but not linked"
        assert world.unmanaged()["off@firm.example"].first_seen == first
        await world.sync()
        await world.audit()
        assert "who@elsewhere.example" not in world.unmanaged()


async def test_leavers_account_that_lives_behind_a_dead_link_counts(tmp_path: Path) -> None:
    rules = {**RULES, "ending": {"by": "delete"}}
    with audited(tmp_path, rules=rules) as world:
        crowd(world)
        await world.sync()
        account = world.account("u3@firm.example")
        held = world.target.content(Kind.USER)[account]
        with world.directory.edit() as edit:
            person(edit, "u3", manager="u0", enabled=False)
        await world.sync()
        assert world.link("u3").status == "gone"
        world.target._attributes[Kind.USER][account] = held  # somebody restored it
        await world.audit()
        assert {n: (a.reason, a.subject_id) for n, a in world.unmanaged().items()} == {
            "u3@firm.example": ("disabled", "u3")
        }
        world.by_hand(account, active=False)
        await world.audit()
        assert world.unmanaged() == {}


async def test_removed_app_ends_its_audit_and_leaves_nothing(tmp_path: Path) -> None:
    with audited(tmp_path) as world:
        world.policy = "report"
        crowd(world, 6)
        await world.sync()
        world.by_hand(world.account("u1@firm.example"), title="Emperor")
        world.target.put(Kind.USER, {"userName": "stranger@firm.example"})
        await world.audit()
        with world.state.writing() as state:
            state.remove_app("app")
            state.save_app(App("app", "App", "scim", "https://app.example/scim", RULES), None)
        assert (world.drift(), world.unmanaged()) == ([], {})
        with world.state.reading() as state:
            assert state.audit("app") is None
