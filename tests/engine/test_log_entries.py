"""What the log keeps of a decision: who came into a group, by which change access ends, and nothing redacted."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.core.examples import RULES as EXAMPLE
from tests.engine.small_world import RULES, SmallWorld, small_world
from tests.scenarios.company import Company

from instep.core.change import AttributeChange, Create, Decision, Step, Update
from instep.core.job import Wish
from instep.core.link import Link
from instep.core.outcome import Refused
from instep.core.record import MOST_MEMBERS, Exchange, Member
from instep.core.redaction import MASK, Redaction
from instep.core.subject import Kind
from instep.engine import ignored
from instep.engine.cycle import run_cycle
from instep.engine.entries import log_entry, masked_answer
from instep.engine.progress import Progress
from instep.ports import Answer

REDACTING: dict[str, Any] = {
    **RULES,
    "users": {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]"},
            {"target": "externalId", "source": "Redact([employeeId])", "matching": 1},
            {"target": "displayName", "source": "[displayName]"},
        ]
    },
}


def entry(world: SmallWorld, decision: Decision, **given: Any) -> Any:
    now = world.clock.now()
    return log_entry(world.job, "c1", "x1", now, decision, **({"status": "success"} | given))


def test_members_are_kept_by_name_and_the_many_only_by_number(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        many = tuple(f"u{i}" for i in range(MOST_MEMBERS + 5))
        change = Update((), many, ("gone",), ("foreign1", "foreign2"))
        kept = entry(world, Decision(Kind.GROUP, "g", "Sales", 1, change))
        assert (kept.members_added, len(kept.added)) == (MOST_MEMBERS + 5, MOST_MEMBERS)
        assert kept.members_removed == 3
        assert kept.removed == (Member("gone"), Member(app_id="foreign1"), Member(app_id="foreign2"))


async def test_members_of_a_cycle_have_their_names_in_the_log(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        company = Company(world.directory, "app")
        company.add(
            {"users": {"ann": {}, "bob": {}}, "groups": {"sales": {"name": "Sales", "members": ["ann", "bob"]}}}
        )
        company.add({"assigned": ["sales"]})
        await world.sync()
        [made] = [e for e in world.log() if e.kind is Kind.GROUP]
        assert sorted(m.name for m in made.added) == ["ann@contoso.example", "bob@contoso.example"]
        assert all(m.id for m in made.added)


async def test_end_of_access_names_the_change_of_the_directory(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        company = Company(world.directory, "app")
        company.add({"users": {name: {} for name in ("ann", "bob", "cid", "dee", "eve")}})
        company.add({"groups": {"sales": {"name": "Sales", "members": ["bob", "cid"]}}})
        company.add({"assigned": ["sales", "ann", "dee", "eve"]})
        await world.sync()
        ended: dict[str, int] = {}

        def change(name: str, **words: Any) -> None:
            for word, given in words.items():
                getattr(company, word)(given)
            ended[f"{name}@contoso.example"] = world.directory.sequence()

        change("ann", set={"ann": {"enabled": False}})
        change("bob", leave={"sales": ["bob"]})
        change("dee", unassign=["dee"])
        change("cid", unassign=["sales"])
        company.set({"eve": {"jobTitle": "Boss"}})  # comes later, and has nothing to do with it
        await world.sync()
        world.approve()
        await world.sync()
        found = {e.name: e.ended_by for e in world.log(action="disable")}
        assert found == ended
        with world.directory.browse() as browser:
            moments = [browser.moment(number) for number in ended.values()]
            assert browser.moment(9999) is None
        assert all(moment and abs(world.clock.now() - moment) < timedelta(minutes=5) for moment in moments)


async def test_redacted_values_by_which_people_are_matched_are_kept_nowhere(tmp_path: Path) -> None:
    with small_world(tmp_path, rules=REDACTING) as world:
        company = Company(world.directory, "app")
        company.add({"users": {"ann": {"employeeId": "S3CRET-1"}, "bob": {"employeeId": "S3CRET-2"}}})
        company.add({"assigned": ["ann", "bob"]})
        for name in ("one", "two"):
            await world.target.create(Kind.USER, {"userName": name, "externalId": "S3CRET-2"})
        await world.sync()
        kept = world.log()
        assert {e.code for e in kept if e.status == "failure"} == {"DuplicateTargetEntries"}
        assert any(MASK in str(e.steps) for e in kept)
        assert MASK in "".join(e.reason for e in kept)
        assert "S3CRET" not in str(kept)
        with world.state.reading() as state:
            waiting = state.escrow("app")
        assert waiting
        assert not any("S3CRET" in link.last_error for link in waiting)


def test_words_of_the_app_that_repeat_a_redacted_value_are_masked(tmp_path: Path) -> None:
    decision = Decision(
        Kind.USER,
        "u1",
        "ann",
        1,
        Create({"externalId": "S3CRET 1", "tags": ["S3CRET 1b"], "title": "Boss"}),
        trace=(Step("matching", "success", "asked for S3CRET 1", {"asked": ["externalId eq 'S3CRET 1'"]}),),
        redacted=("externalId", "tags"),
    )
    answer = masked_answer(decision, Answer(Refused("the value S3CRET 1 is taken, Boss", "Conflict")))
    assert answer.outcome == Refused(f"the value {MASK} is taken, Boss", "Conflict")
    exchange = Exchange("GET", "/Users?filter=externalId%20eq%20%22S3CRET%201%22", {"a": 1}, 409, "S3CRET 1", 1)
    with small_world(tmp_path) as world:
        kept = entry(world, decision, status="failure", reason="S3CRET 1b is taken", exchanges=(exchange,))
    assert "S3CRET" not in str(kept)
    assert kept.reason == f"{MASK} is taken"
    assert kept.exchanges[0].path == f"/Users?filter=externalId%20eq%20%22{MASK}%22"
    assert kept.steps[0].details == {"asked": [f"externalId eq '{MASK}'"]}
    assert Redaction(decision).text("Boss") == "Boss"
    assert Redaction(decision).text("s3cret+1, S3CRET\\u00201B") == f"{MASK}, {MASK}"  # as apps write it


@pytest.mark.parametrize("redacted", [(), ("title",)])
def test_nothing_is_masked_where_nothing_is_redacted_or_the_value_is_too_short(redacted: tuple[str, ...]) -> None:
    decision = Decision(Kind.USER, "u1", "ann", 1, Create({"title": "ab", "active": True}), redacted=redacted)
    assert Redaction(decision).text("able, True") == "able, True"


async def test_entry_says_that_somebody_asked_for_it(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        company = Company(world.directory, "app")
        company.add({"users": {"ann": {}, "bob": {}}, "assigned": ["ann", "bob"]})
        with world.state.writing() as state, world.directory.browse() as browser:
            [ann] = browser.named(Kind.USER, "ann@contoso.example")
            state.wish(Wish("app", world.clock.now(), ((Kind.USER, ann.id),)))

        await run_cycle(world.world, world.job, world.target, Progress(), asyncio.Event(), on_demand=True)
        await world.sync()
        company.set({name: {"enabled": False} for name in ("ann", "bob")})
        await world.sync()
        world.approve()
        await world.sync()
        said = {(e.name[:3], e.action): e.initiator for e in world.log()}
        assert said == {
            ("ann", "create"): "on-demand",
            ("bob", "create"): "",
            ("ann", "hold"): "",
            ("bob", "hold"): "",
            ("ann", "disable"): "approval",
            ("bob", "disable"): "approval",
        }


@pytest.mark.parametrize(("redacted", "words"), [((), "'42', and still shows '41'"), (("title",), f"'{MASK}', and")])
def test_what_an_app_ignored_is_told_and_redacted_where_it_must_be(redacted: tuple[str, ...], words: str) -> None:
    """However short the values are, which can't be found in other words."""
    decision = Decision(
        Kind.USER, "u1", "ann", 1, Update((AttributeChange("title", "41", "42"),)), app_id="a1", redacted=redacted
    )
    told = ignored.told(decision, Link(Kind.USER, "u1", "ann"), {"id": "a1", "title": "41"}, EXAMPLE.users)
    assert told.startswith("the app acknowledged title")
    assert words in told
    assert ("41" in told or "42" in told) is not bool(redacted)
