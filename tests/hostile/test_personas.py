"""The engine meets each hostile app: a first cycle and a day of changes, over real HTTP.

Whatever the app does: nobody is twice in what it really holds, no stranger is touched, nobody loses access who
shouldn't. Where the app lets it, everything is right in the end and nothing is asked any more; where not, the log says
what failed.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.hostile.company import Meeting, meeting

from instep.core.link import Status
from instep.hostile.personas import PERSONAS
from instep.scim.abilities import Abilities

ALONE = {"disabling-deletes", "says-200-does-nothing", "expires-tokens", "no-patch"}
"""With tests of their own, since they don't let everything become right."""
GIVEN: dict[str, dict[str, Any]] = {
    "slow-loris": {"seconds": 0.15, "share": 0.1},
    "huge-answers": {"megabytes": 11},
    "413": {"members": 3},
    "throttles-like-slack": {"burst": 5},
    "throttles-silently": {"burst": 5},
    "pages-like-aws": {"page": 9},
}
READING = (
    "ignores-filters",
    "pages-like-aws",
    "stale-reads",
    "claims-abilities",
    "case-games",
    "answers-500-sometimes",
    "error-in-200",
    "html-answers",
    "redirects",
    "huge-answers",
)


async def lived(met: Meeting) -> None:
    """A first cycle, a day of changes, and what must be true after each."""
    met.company.begin(met.world)
    await met.until_quiet()
    assert met.wrong() == []
    met.company.day(met.world)
    await met.until_quiet()
    assert met.wrong() == []
    assert not [entry for entry in met.world.log() if entry.code == "ChangeIgnored"]


def failures(met: Meeting) -> list[tuple[str, str, str]]:
    """Who failed in the log, with code and reason."""
    return [(entry.name, entry.code, entry.reason) for entry in met.world.log() if entry.status == "failure"]


@pytest.mark.parametrize("persona", [name for name in PERSONAS if name not in ALONE])
async def test_everything_is_right_in_the_end(persona: str, tmp_path: Path) -> None:
    async with meeting(tmp_path, persona, **GIVEN.get(persona, {})) as met:
        await lived(met)


@pytest.mark.parametrize("persona", READING)
async def test_everything_is_right_also_where_people_are_looked_up_one_by_one(persona: str, tmp_path: Path) -> None:
    async with meeting(tmp_path, persona, abilities=Abilities(trusts_list=False), **GIVEN.get(persona, {})) as met:
        await lived(met)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "personas",
    [
        ("executes-and-hangs-up", "no-uniqueness"),
        ("executes-and-hangs-up", "no-uniqueness", "ignores-filters", "pages-like-aws"),
        ("answers-500-sometimes", "no-uniqueness"),
        ("executes-and-hangs-up", "case-games", "rewrites-values"),
        ("throttles-silently", "executes-and-hangs-up", "413", "hides-members"),
    ],
    ids="+".join,
)
async def test_several_at_once_are_lived_with(personas: tuple[str, ...], seed: int, tmp_path: Path) -> None:
    numbers = {"burst": 5.0} if "throttles-silently" in personas else {}
    async with meeting(tmp_path, *personas, seed=seed, share=0.3, **numbers) as met:
        await lived(met)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_stale_reads_after_lost_answers_make_no_twins(seed: int, tmp_path: Path) -> None:
    personas = ("stale-reads", "executes-and-hangs-up", "no-uniqueness")
    async with meeting(tmp_path, *personas, seed=seed, share=0.3, lag=0.3, really=True) as met:
        met.world.world = replace(met.world.world, read_lag_seconds=0.4)
        met.clock.seconds += 60  # the app shows what was there before
        await lived(met)


@pytest.mark.parametrize("persona", ["claims-abilities", "html-answers", "executes-and-hangs-up"])
async def test_bulk_that_isnt_there_is_done_without(persona: str, tmp_path: Path) -> None:
    """The gallery may say that an app has it, and the app answers 501, or worse."""
    async with meeting(tmp_path, persona, abilities=Abilities(bulk=10)) as met:
        await lived(met)


@pytest.mark.parametrize("persona", ["throttles-like-slack", "throttles-silently"])
async def test_being_asked_for_patience_is_no_failure(persona: str, tmp_path: Path) -> None:
    async with meeting(tmp_path, persona, burst=5) as met:
        await lived(met)
        assert failures(met) == []
        assert met.clock.seconds - 3600 * len(met.summaries) > 5, "nothing was throttled"


async def test_a_rewritten_value_isnt_sent_again(tmp_path: Path) -> None:
    async with meeting(tmp_path, "rewrites-values") as met:
        await lived(met)
        users = met.hostile.app.content.truth()["users"]
        ours = [user for user in users if not user["userName"].startswith("stranger")]
        assert {user["displayName"][:5] for user in ours} == {"Dr. p", "Dr. n"}
        assert {user["phoneNumbers"][0]["value"][:5] for user in ours} == {"+1555"}


async def test_where_disabling_deletes_whoever_comes_back_gets_a_new_account(tmp_path: Path) -> None:
    async with meeting(tmp_path, "disabling-deletes") as met:
        met.company.begin(met.world)
        await met.until_quiet()
        met.company.day(met.world)
        await met.until_quiet()
        assert met.wrong(disabled=False) == []
        assert failures(met) == []
        met.company.change(met.world, "p9", active=True)
        await met.until_quiet()
        assert met.wrong(disabled=False) == []
        assert "person9@acme.example" in met.active()


async def test_access_that_an_app_only_says_to_have_ended_is_a_failure_that_is_told(tmp_path: Path) -> None:
    async with meeting(tmp_path, "says-200-does-nothing") as met:
        met.company.begin(met.world)
        await met.until_quiet()
        met.company.day(met.world)
        await met.cycle()
        told = failures(met)
        assert {name for name, *_ in told} == {"Person9@Acme.example", "Person10@Acme.example"}
        assert all("still shows the account as active" in reason for *_, reason in told)
        assert [met.world.link(key).status for key in ("p9", "p10")] == [Status.ACTIVE] * 2
        met.hostile.behave()
        await met.until_quiet()
        assert {"person9@acme.example", "person10@acme.example"} & met.active() == set()


async def test_changes_that_an_app_only_says_to_have_made_are_told_and_not_sent_for_ever(tmp_path: Path) -> None:
    async with meeting(tmp_path, "says-200-does-nothing") as met:
        met.company.begin(met.world)
        await met.until_quiet()
        for key in ("p5", "p6"):
            met.company.change(met.world, key, title="Head")
        await met.cycle()
        told = [entry for entry in met.world.log() if (entry.code, entry.action) == ("ChangeIgnored", "update")]
        assert {(entry.name, entry.status) for entry in told} == {
            ("Person5@Acme.example", "warning"),
            ("Person6@Acme.example", "warning"),
        }
        assert {entry.reason for entry in told} == {"the app acknowledged title 'Head', and still shows 'Analyst'"}
        assert (await met.cycle()).counts.get("requests", 0) == 0
        met.hostile.behave()
        met.company.change(met.world, "p5", title="Chief")
        await met.cycle()
        assert [entry.code for entry in met.world.log(newest_first=True, limit=1)] == [""]


async def test_without_patch_users_are_put_and_each_group_says_what_failed(tmp_path: Path) -> None:
    async with meeting(tmp_path, "no-patch") as met:
        met.company.begin(met.world)
        await met.until_quiet()
        assert met.wrong() == []
        met.company.day(met.world)
        await met.cycle()
        assert {(name, code) for name, code, _ in failures(met)} == {
            ("All", "NotImplemented"),
            ("Fewer", "NotImplemented"),
            ("None", "NotImplemented"),
        }
        assert [fault for fault in met.wrong(members=False) if not fault.startswith("Fewer: None")] == []


async def test_a_dead_token_stops_everything_and_nobody_is_blamed(tmp_path: Path) -> None:
    async with meeting(tmp_path, "expires-tokens", requests=12) as met:
        met.company.begin(met.world)
        for _ in range(2):
            stopped = await met.cycle()
            assert (stopped.result, stopped.code) == ("unavailable", "Unauthorized")
        assert "make a new one" in stopped.message
        assert failures(met) == []
        assert stopped.counts["requests"] == 1
        for _ in range(9):
            await met.new_token()
            if (await met.cycle()).result == "succeeded":
                break
        assert met.wrong() == []


async def test_twins_that_were_there_are_named_and_left_alone(tmp_path: Path) -> None:
    async with meeting(tmp_path, "no-uniqueness") as met:
        twins = [await met.account("PERSON7@acme.example") for _ in range(2)]
        met.company.begin(met.world)
        await met.world.sync()
        reasons = [reason for name, _, reason in failures(met) if name == "Person7@Acme.example"]
        assert len(reasons) == 1
        assert [twin for twin in twins if twin["id"] not in reasons[0]] == []
        held = met.hostile.app.content.all("Users")
        assert [held[twin["id"]] for twin in twins] == twins
        assert sum(user["userName"].lower() == "person7@acme.example" for user in held.values()) == 2


async def test_a_slow_app_costs_a_cycle_no_more_than_its_deadlines(tmp_path: Path) -> None:
    async with meeting(tmp_path, "slow-loris", seconds=0.2) as met:
        met.company.begin(met.world)
        stopped = await met.cycle()
        assert (stopped.result, stopped.code) == ("unavailable", "Timeout")
        assert stopped.counts["requests"] <= 3
        assert failures(met) == []
