"""Apps that misbehave as real ones do: what each persona adds to the findings, and that nothing is left in any."""

import pytest
from tests.checking.visits import checked, found

from instep.hostile.server import HostileApp, running

PERSONAS = {
    "ignores-filters": {"lookup.narrows", "groups.narrows"},
    "no-uniqueness": {"create.duplicate"},
    "rewrites-values": {"create.spelling"},
    "disabling-deletes": {"disable.kept"},
    "hides-members": {"groups.shows-members"},
    "no-discovery": {"discovery.config", "discovery.resource-types", "discovery.schemas"},
}
"""By name, what is found beyond what is found in the app without one."""


@pytest.mark.parametrize("name", PERSONAS)
async def test_a_persona_is_found_by_the_checks_that_name_it(name: str) -> None:
    async with running(plain := HostileApp()) as url:
        usual = found(await checked(url, plain.app.token))
    async with running(hostile := HostileApp([name])) as url:
        report = await checked(url, hostile.app.token)
        assert hostile.app.content.truth() == plain.app.content.truth()
    assert set(found(report)) - set(usual) == PERSONAS[name]
    assert report.leftovers == ()


async def test_late_reads_are_named_as_what_other_findings_come_from() -> None:
    async with running(hostile := HostileApp(["stale-reads"])) as url:
        report = await checked(url, hostile.app.token, only=["read.fresh"])
    assert found(report) == {"read.fresh": "failed"}


@pytest.mark.parametrize("name", ["executes-and-hangs-up", "answers-500-sometimes", "error-in-200"])
async def test_nothing_is_left_in_an_app_that_fails_now_and_then(name: str) -> None:
    async with running(hostile := HostileApp([name], seed=7)) as url:
        report = await checked(url, hostile.app.token)
        truth = hostile.app.content.truth()
    left = {each.app_id or each.name for each in report.leftovers}
    assert sum(len(each) for each in truth.values()) <= len(left), "what is left is named"
