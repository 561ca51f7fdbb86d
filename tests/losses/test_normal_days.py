"""A normal company's days pass the guard: hardly one in a hundred has anything held, and the engine holds the same."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from bench.normal_company import Batch, Company, Edit
from bench.normal_days import RULES, PureJob, Tally, live
from tests.engine.small_world import SmallWorld, small_world

from instep.core.directory import Entry
from instep.core.subject import Kind, Presence
from instep.stores.directory.editor import Editor


@pytest.mark.parametrize(("people", "companies", "days"), [(20, 4, 1000), (200, 1, 1000), (2000, 1, 40)])
def test_at_most_one_normal_day_of_a_hundred_has_anything_held(people: int, companies: int, days: int) -> None:
    """Many more days, and how many of each kind: bench/normal_days.py."""
    whole = Tally()
    for seed in range(companies):
        whole.add(live(people, seed, days))
    assert whole.days == companies * days
    assert whole.cycles > whole.days / 5, "something happens on them"
    assert whole.held_days <= 0.01 * whole.days, whole.reasons


@pytest.mark.slow
@pytest.mark.parametrize(
    ("people", "seed", "number", "some"), [(20, 14, 60, True), (20, 16, 60, True), (60, 3, 25, False)]
)
async def test_the_engine_holds_on_normal_days_what_the_guard_alone_holds(
    tmp_path: Path, people: int, seed: int, number: int, some: bool
) -> None:
    """some: whether anything is held on those days."""
    company, job = Company(people, seed), PureJob()
    held: list[set[str]] = []
    with small_world(tmp_path, rules=RULES) as world:
        days = itertools.islice(company.days(), number)
        for batch in itertools.chain([company.beginning()], *(batches for _, batches in days)):
            expected = set(job.cycle(batch))
            held.append(await lived(world, batch))
            assert held[-1] == expected
            with world.state.reading() as state:
                assert state.population("app") == job.scale(batch[0]).population
    assert any(held) == some
    assert held.count(set()) > 10


async def lived(world: SmallWorld, batch: Batch) -> set[str]:
    """The edits, and the cycle that follows at that time. Returns the kinds of what is held, which is approved then."""
    at, edits = batch
    with world.directory.edit() as editor:
        for edit in edits:
            apply(editor, edit, at)
    world.clock.shift = at.replace(tzinfo=UTC) - datetime.now(UTC)
    await world.sync()
    with world.state.reading() as state:
        kinds = {kind for _, hold in state.holds("app") for kind in hold.kind.split(",")}
    if kinds:
        world.approve()
        await world.sync()
        with world.state.reading() as state:
            assert state.holds("app") == []
    return kinds


def apply(editor: Editor, edit: Edit, at: datetime) -> None:
    """The edit, in the directory."""
    match edit.what:
        case "put":
            known = editor.entry(Kind.USER, edit.id) or Entry(Kind.USER, edit.id, edit.name)
            given = dict(edit.values)
            gone = given.pop("deleted", False)
            editor.put(
                msgspec.structs.replace(
                    known,
                    name=edit.name,
                    enabled=given.pop("enabled", known.enabled),
                    presence=Presence.SOFT_DELETED if gone else Presence.PRESENT,
                    deleted=at.replace(tzinfo=UTC) if gone else None,
                    attributes={**known.attributes, **given},
                )
            )
        case "purge":
            editor.purge(Kind.USER, [edit.id])
        case "found":
            editor.put(Entry(Kind.GROUP, edit.id, edit.name))
        case "drop":
            entry = editor.entry(Kind.GROUP, edit.id)
            assert entry is not None
            gone_at = at.replace(tzinfo=UTC)
            editor.put(msgspec.structs.replace(entry, presence=Presence.SOFT_DELETED, deleted=gone_at))
        case "join":
            editor.join(edit.id, Kind.USER, edit.member)
        case "leave":
            editor.leave(edit.id, edit.member)
