"""Planted faults: each is found by the checks that are about it, and by no others."""

from pathlib import Path

import pytest
from tests.checking.faults import FAULTS
from tests.checking.faulty_app import Answer, Call, Forward, faulty, refusal
from tests.checking.visits import checked, found


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
async def test_planted_fault_is_found_by_the_checks_that_name_it(name: str, tmp_path: Path) -> None:
    fault, expected = FAULTS[name]
    async with faulty(tmp_path, fault) as app:
        assert found(await checked(app.url, app.token)) == expected


async def test_filters_that_are_ignored_are_learnt(tmp_path: Path) -> None:
    async with faulty(tmp_path, FAULTS["ignores_filters"][0]) as app:
        report = await checked(app.url, app.token, only=["lookup.narrows"])
    assert not report.abilities.trusts_filter
    assert report.leftovers == ()


async def test_a_limit_that_does_not_say_when_to_come_back_is_found(tmp_path: Path) -> None:
    refused = []

    async def throttles_silently(call: Call, forward: Forward) -> Answer:
        if "filter" in call.query and len(refused) < 3:
            refused.append(call)
            return refusal(429, "slow down")
        return await forward(call)

    async with faulty(tmp_path, throttles_silently) as app:
        report = await checked(app.url, app.token, only=["speed.rate"], skip=[])
    assert found(report) == {"speed.rate": "failed"}
    assert report.throttled == 3


async def test_what_fails_in_a_shape_that_nobody_foresaw_is_a_finding(tmp_path: Path) -> None:
    async def odd(call: Call, forward: Forward) -> Answer:
        answer = await forward(call)
        if call.path == "/Schemas":
            answer.body["Resources"] = [{"id": "x", "attributes": [1]}]
        return answer

    async with faulty(tmp_path, odd) as app:
        assert found(await checked(app.url, app.token, only=["discovery.schemas"])) == {"discovery.schemas": "failed"}
