"""The runner runs jobs by itself: on a change, when asked, when somebody is due; and never one into another's way."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engine.small_world import RULES, SmallWorld, small_world, takes_twins
from tests.engine.test_crashes import people, person

from instep.core.compile import compile_rules
from instep.core.job import JobStatus, Reset, Wish
from instep.core.outcome import Refused
from instep.core.rules_document import rules_document
from instep.core.subject import Kind
from instep.engine import job_runner
from instep.engine.runner import Runner
from instep.engine.world import Job
from instep.ports import App, AppUnavailable, CycleSummary, Target
from instep.stores import database
from instep.targets.memory import Call, Fault, MemoryTarget


class Service:
    """A runner over a small world, for as long as a block lasts."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.ended: list[CycleSummary] = []
        self.connected = 0
        self.stop = asyncio.Event()
        self.runner = Runner(world.world, self._connect, self._ended, {}, stop_seconds=2)

    @asynccontextmanager
    async def _connect(self, app: App) -> AsyncIterator[tuple[Job, Target]]:
        self.connected += 1
        yield self.world.job, self.world.target

    async def _ended(self, app: App, summary: CycleSummary) -> None:
        self.ended.append(summary)

    def accounts(self) -> dict[str, Any]:
        return {u["userName"].split("@")[0]: u for u in self.world.target.content(Kind.USER).values()}

    def status(self, **values: Any) -> None:
        with self.world.state.writing() as state:
            state.change_status("app", lambda status: msgspec.structs.replace(status, **values))

    def wish(self, *subjects: tuple[Kind, str]) -> int:
        with self.world.state.writing() as state:
            return state.wish(Wish("app", datetime.now(UTC), subjects))


@asynccontextmanager
async def service(world: SmallWorld, schedule: str = "active") -> AsyncIterator[Service]:
    running = Service(world)
    running.status(schedule=schedule)
    task = asyncio.create_task(running.runner.run(running.stop))
    try:
        yield running
    finally:
        running.stop.set()
        await task


async def until(holds: Callable[[], Any], seconds: float = 10) -> None:
    end = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < end, "it didn't come about in time"
        await asyncio.sleep(0.02)


async def quiet(running: Service, seconds: float = 1.2) -> int:
    """How many cycles ended in a while."""
    before = len(running.ended)
    await asyncio.sleep(seconds)
    return len(running.ended) - before


async def test_a_change_in_the_directory_reaches_the_app_by_itself(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 3)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) == 3)
            with world.directory.edit() as edit:
                person(edit, "u1", title="Changed")
            await until(lambda: running.accounts()["u1"].get("title") == "Changed")
            assert running.connected == 1


async def test_an_import_of_many_is_one_cycle(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 1)
        async with service(world) as running:
            await until(lambda: running.ended)
            before = len(running.ended)
            people(world, 40)
            await until(lambda: len(running.accounts()) == 40)
            await quiet(running, 0.5)
            assert len(running.ended) - before == 1


async def test_nothing_happens_in_an_app_that_was_never_started_or_is_paused(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 3)
        async with service(world, "disabled") as running:
            assert await quiet(running) == 0
            running.status(schedule="paused")
            assert await quiet(running) == 0
            running.status(schedule="active")
            await until(lambda: len(running.accounts()) == 3)


async def test_a_pause_holds_a_running_cycle_between_two_requests_and_start_goes_on(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 200)
        slow(world, 0.02)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) >= 5)
            running.status(schedule="paused")
            await until(lambda: running.ended)
            assert (running.ended[0].result, running.ended[0].message) == ("interrupted", "paused")
            done = len(running.accounts())
            assert done < 200
            assert await quiet(running, 0.6) == 0
            assert len(running.accounts()) == done
            running.status(schedule="active")
            await until(lambda: len(running.accounts()) == 200)
            assert len(world.target.content(Kind.USER)) == 200


async def test_a_wish_is_taken_up_by_the_cycle_that_runs(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 150)
        slow(world, 0.02)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) >= 3)
            id = running.wish()
            await until(lambda: running.ended)
            with world.state.reading() as state:
                assert state.granted(id) == running.ended[0].id
                assert not state.asked("app").wishes


async def test_on_demand_looks_at_nobody_else(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 3)
        await world.sync()
        with world.directory.edit() as edit:
            person(edit, "u0", title="New")
            person(edit, "u1", title="New")
        wish(world, (Kind.USER, "u0"))
        summary = await world.on_demand()
        titles = {u["userName"].split("@")[0]: u.get("title") for u in world.target.content(Kind.USER).values()}
        assert (summary.kind, titles["u0"], titles["u1"]) == ("on-demand", "New", titles["u2"])
        await world.sync()
        titles = {u["userName"].split("@")[0]: u.get("title") for u in world.target.content(Kind.USER).values()}
        assert titles["u1"] == "New"


async def test_on_demand_goes_before_those_who_wait_in_a_running_cycle(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 200)
        slow(world, 0.02)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) >= 3)
            running.wish((Kind.USER, "u199"))
            await until(lambda: "u199" in running.accounts())
            assert len(running.accounts()) < 120
            await until(lambda: running.ended)
            assert len(world.target.content(Kind.USER)) == 200


async def test_a_restart_stops_the_cycle_and_begins_anew_with_everyone(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 100)
        slow(world, 0.02)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) >= 5)
            with world.state.writing() as state:
                state.ask_reset("app", frozenset({Reset.WATERMARK, Reset.ESCROWS}))
            await until(lambda: len(running.ended) == 2)
            assert [(c.result, c.message) for c in running.ended] == [("interrupted", "restarted"), ("succeeded", "")]
            assert running.ended[1].kind == "initial"
            assert len(world.target.content(Kind.USER)) == 100
            with world.state.reading() as state:
                assert not state.asked("app").reset


async def test_forgotten_links_are_matched_again_and_a_leaver_still_loses_access(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        await world.sync()
        world.clock.shift += timedelta(minutes=5)
        with world.directory.edit() as edit:
            person(edit, "u3", enabled=False)
        with world.state.writing() as state:
            state.ask_reset("app", frozenset({Reset.LINKS, Reset.WATERMARK}))
        summary = await world.sync()
        assert summary.counts.get("adopt") == 5  # three people, two groups
        assert summary.counts.get("create") is None
        assert world.link("u3").status != "active"
        assert len(world.target.content(Kind.USER)) == 4


async def test_a_job_whose_last_cycles_were_cut_off_pauses_between_two(tmp_path: Path) -> None:
    """Also where the clock went back since, so that they're the newest for a day."""
    with small_world(tmp_path) as world:
        people(world, 3)
        await world.sync()
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        with world.state.writing() as state:
            judging = state.judging("app")
            for number in range(3):
                lease = state.take_lease("app", "test", datetime.now(UTC), 60)
                state.begin_cycle(lease, CycleSummary(f"cut-{number}", "app", "incremental", tomorrow), judging)
                state.give_lease_back(lease)
        async with service(world) as running:
            await until(lambda: running.ended)
            assert await quiet(running) == 0


async def test_links_that_are_forgotten_keep_their_account_where_only_its_name_has_changed(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 4)
        await world.sync()
        before = set(world.target.content(Kind.USER))
        with world.state.writing() as state:
            state.ask_reset("app", frozenset({Reset.LINKS, Reset.WATERMARK}))
        with world.directory.edit() as edit:
            person(edit, "u2", "u2.married@firm.example", manager="u0")
        world.clock.shift += timedelta(minutes=5)
        await world.sync()
        assert set(world.target.content(Kind.USER)) == before
        assert world.target.content(Kind.USER)[world.link("u2").app_id]["userName"] == "u2.married@firm.example"


async def test_links_that_are_forgotten_keep_their_account_beside_one_of_the_same_name(tmp_path: Path) -> None:
    target = takes_twins(MemoryTarget())
    with small_world(tmp_path, target=target) as world:
        people(world, 4)
        await world.sync()
        before = world.link("u2").app_id
        target.put(Kind.USER, {"userName": "u2@firm.example", "title": "By hand"})
        with world.state.writing() as state:
            state.ask_reset("app", frozenset({Reset.LINKS, Reset.WATERMARK}))
        world.clock.shift += timedelta(minutes=5)
        await world.sync()
        assert (world.link("u2").app_id, world.link("u2").status) == (before, "active")


async def test_who_leaves_before_being_matched_again_still_loses_access(tmp_path: Path) -> None:
    """The restart is cut off after the links were forgotten."""
    with small_world(tmp_path) as world:
        people(world, 6)
        await world.sync()
        world.clock.shift += timedelta(minutes=5)
        with world.state.writing() as state:
            state.ask_reset("app", frozenset({Reset.LINKS, Reset.WATERMARK}))
        world.target.hook = lambda call: Fault(Refused("down", "InternalServerError"))
        assert (await world.sync()).result == "unavailable"
        assert world.link("u3").status == "forgotten"
        world.target.hook = None
        with world.directory.edit() as edit:
            person(edit, "u3", manager="u0", enabled=False)
        await world.sync()
        active = {u["userName"]: u.get("active", True) for u in world.target.content(Kind.USER).values()}
        assert active["u3@firm.example"] is False
        assert len(active) == 6


async def test_escrow_is_tried_again_when_its_time_has_come(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 2)
        refused = {"on": True}

        def hook(call: Call) -> Fault | None:
            if refused["on"] and call.method == "create" and call.detail["userName"].startswith("u1@"):
                return Fault(Refused("no", "UnprocessableEntity"))
            return None

        world.target.hook = hook
        async with service(world) as running:
            await until(lambda: running.ended)
            assert set(running.accounts()) == {"u0"}
            assert await quiet(running) == 0
            refused["on"] = False
            world.clock.shift = timedelta(minutes=6)
            running.wish()
            await until(lambda: "u1" in running.accounts())


async def test_the_interval_lets_a_cycle_begin_though_nothing_happened(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 1)
        async with service(world) as running:
            await until(lambda: running.ended)
            world.clock.shift = timedelta(minutes=41)
            running.runner.jobs["app"].directory_moved(0)
            await until(lambda: len(running.ended) == 2)


async def test_a_clock_that_was_put_back_while_a_cycle_ran_doesnt_let_one_follow_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "PAUSE", timedelta(seconds=0.05))
    with small_world(tmp_path) as world:
        people(world, 1)
        world.clock.shift = timedelta(days=1)
        world.target.hook = lambda call: setattr(world.clock, "shift", timedelta())
        await world.sync()
        world.target.hook = None
        world.clock.shift = timedelta(hours=23)
        async with service(world) as running:
            await until(lambda: running.ended)
            assert await quiet(running) <= 1


async def test_an_app_out_of_reach_isnt_asked_again_and_again(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 2)

        def hook(call: Call) -> Fault | None:
            raise AppUnavailable("no connection", "WebExceptionProtocolError")

        world.target.hook = hook
        async with service(world) as running:
            await until(lambda: running.ended)
            for i in range(5):
                with world.directory.edit() as edit:
                    person(edit, "u0", title=f"T{i}")
                await asyncio.sleep(0.3)
            assert [c.result for c in running.ended] == ["unavailable"]
            assert running.ended[0].code == "WebExceptionProtocolError"


async def test_a_stop_finishes_what_is_in_flight_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 200)
        slow(world, 0.02)
        async with service(world) as running:
            await until(lambda: len(running.accounts()) >= 10)
        with world.state.reading() as state:
            assert state.intents("app") == []
            assert state.lease("app") is None
        assert [c.result for c in running.ended] == ["interrupted"]
        assert len(running.accounts()) < 200
        async with service(world) as again:
            await until(lambda: again.ended)
        assert len(world.target.content(Kind.USER)) == len(running.accounts()) == 200


async def test_what_a_job_raises_keeps_no_other_job_from_running(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 2)
        with world.state.writing() as state:
            state.save_app(App("broken", "Broken", "scim", "https://broken.example", {}), "secret")
            state.change_status("broken", lambda _: JobStatus("active"))

        class Half(Service):
            @asynccontextmanager
            async def _connect(self, app: App) -> AsyncIterator[tuple[Job, Target]]:
                if app.name == "broken":
                    raise ValueError("its rules can't be used")
                yield self.world.job, self.world.target

        running = Half(world)
        running.status(schedule="active")
        task = asyncio.create_task(running.runner.run(running.stop))
        await until(lambda: len(running.accounts()) == 2)
        assert "its rules can't be used" in running.runner.jobs["broken"].fault
        running.stop.set()
        await task


async def test_an_app_that_never_answers_holds_up_no_other_job(tmp_path: Path) -> None:
    answers = asyncio.Event()

    class Mute(MemoryTarget):
        async def count(self, kind: Kind) -> int | None:
            await answers.wait()
            return await super().count(kind)

    with small_world(tmp_path) as world:
        people(world, 2)
        with world.state.writing() as state:
            state.save_app(App("mute", "Mute", "scim", "https://mute.example", world.rules), "secret")
            state.change_status("mute", lambda _: JobStatus("active"))

        class Both(Service):
            @asynccontextmanager
            async def _connect(self, app: App) -> AsyncIterator[tuple[Job, Target]]:
                job = Job(app, compile_rules(rules_document({**self.world.rules, "scope": "all"})))
                yield job, Mute() if app.name == "mute" else self.world.target

        running = Both(world)
        running.status(schedule="active")
        task = asyncio.create_task(running.runner.run(running.stop))
        await until(lambda: len(running.accounts()) == 2 and running.runner.jobs["mute"].running)
        with world.directory.edit() as edit:
            person(edit, "u1", title="Changed")
        await until(lambda: running.accounts()["u1"]["title"] == "Changed")
        assert running.runner.jobs["mute"].running
        answers.set()
        running.stop.set()
        await task


async def test_rules_that_change_while_a_cycle_runs_end_it_and_are_those_of_the_next_one(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        people(world, 30)
        slow(world, 0.02)

        class Saved(Service):
            @asynccontextmanager
            async def _connect(self, app: App) -> AsyncIterator[tuple[Job, Target]]:
                yield Job(app, compile_rules(rules_document(app.rules))), self.world.target

        running = Saved(world)
        running.status(schedule="active")
        task = asyncio.create_task(running.runner.run(running.stop))
        await until(lambda: len(running.accounts()) >= 3)
        starred = {"target": "displayName", "source": 'Append([displayName], "*")'}
        users = {"mappings": [starred if m["target"] == "displayName" else m for m in world.rules["users"]["mappings"]]}
        with world.state.writing() as state:
            state.save_app(App("app", "App", "scim", "https://app.example", {**world.rules, "users": users}), None)
        await until(lambda: len(running.ended) == 2)
        running.stop.set()
        await task
        first, second = running.ended
        assert (first.result, first.message) == ("interrupted", "rules changed")
        old, all_in = first.counts["create"], 30 + len(world.target.content(Kind.GROUP))
        assert (second.counts["create"], second.counts["update"]) == (all_in - old, old)
        assert {user["displayName"][-1] for user in running.accounts().values()} == {"*"}


async def test_nobody_loses_access_by_rules_that_have_just_been_replaced(tmp_path: Path) -> None:
    """First a filter is taken away, then somebody gets what it would have kept out."""
    clause = {"attribute": "jobTitle", "operator": "NOT EQUALS", "value": "Secret"}
    filtered = {**RULES["users"], "filters": [{"name": "Nothing secret", "clauses": [clause]}]}
    with small_world(tmp_path, rules={**RULES, "users": filtered}) as world:
        people(world, 30)
        slow(world, 0.02)
        cycle = asyncio.create_task(world.sync())
        await until(lambda: len(world.target.content(Kind.USER)) >= 3)
        world.rules = RULES
        with world.directory.edit() as edit:
            person(edit, "u0", title="Secret")
        assert (await cycle).message == "rules changed"
        await world.sync()
        assert len(world.target.content(Kind.USER)) == 30
        assert world.log(action="disable") == []


def slow(world: SmallWorld, seconds: float) -> None:
    """Let each creation take a while."""
    create: Callable[..., Awaitable[Any]] = world.target.create

    async def slowly(*given: Any, **named: Any) -> Any:
        await asyncio.sleep(seconds)
        return await create(*given, **named)

    world.target.create = slowly


def wish(world: SmallWorld, *subjects: tuple[Kind, str]) -> None:
    with world.state.writing() as state:
        state.wish(Wish("app", datetime.now(UTC), subjects))


async def test_a_service_that_cant_write_for_too_long_says_why_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another process is stopped in the middle of a commit: SQLite has one writer at a time."""
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    with small_world(tmp_path) as world:
        people(world, 2)
        async with service(world) as running:
            await until(lambda: running.ended)
            asleep = sqlite3.connect(world.folder / "state.sqlite", isolation_level=None)
            asleep.execute("BEGIN IMMEDIATE")
            people(world, 3)
            await until(lambda: running.runner.jobs["app"].fault)
            assert "Somebody else has been using it" in running.runner.jobs["app"].fault
            assert len(running.accounts()) == 2, "nothing is sent that can't be written down first"
            asleep.execute("ROLLBACK")
            asleep.close()
            await until(lambda: len(running.accounts()) == 3)
            await until(lambda: not running.runner.jobs["app"].fault)
