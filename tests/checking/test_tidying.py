"""Whatever ends a check, what it made is removed; what can't be is named; nobody else is ever written to."""

import asyncio
from pathlib import Path

import pytest
from tests.checking.faulty_app import Answer, Call, FaultyApp, Forward, faulty, refusal
from tests.checking.visits import checked, visiting

from instep.checking.catalogue import chosen
from instep.checking.finding import Check, Ended, Finding, NotJudged, Unreachable
from instep.checking.registry import checks
from instep.checking.run import run
from instep.checking.tidying import tidy
from instep.checking.visit import NotOurs


async def people(app: FaultyApp) -> int:
    return len(await app.client.find("/Users", "id pr")) + len(await app.client.find("/Groups", "id pr"))


async def test_a_check_that_is_stopped_tidies_up(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app, visiting(app.url, app.token) as visit:
        stopped = asyncio.Event()

        def seen(check: Check, finding: Finding | None) -> None:
            if check.id == "patch.replace":
                stopped.set()

        report = await run(visit, chosen(), seen, stopped)
        assert report.ended == "it was stopped"
        assert 20 < len(report.findings) < len(checks())
        assert sum(call.method == "POST" for call in app.calls) > 10
        assert await people(app) == 0


async def test_a_mistake_of_ours_in_a_check_tidies_up(tmp_path: Path) -> None:
    async def breaks(visit: object) -> None:
        raise ZeroDivisionError

    some = chosen(only=["create.user", "groups.create"])
    broken = Check("bulk.broken", "", "nice", "", "", "", True, breaks)
    async with faulty(tmp_path) as app, visiting(app.url, app.token) as visit:
        with pytest.raises(ZeroDivisionError):
            await run(visit, [*some, broken], lambda check, finding: None, asyncio.Event())
        assert await people(app) == 0


async def test_what_was_made_while_its_answer_was_lost_is_found_and_removed(tmp_path: Path) -> None:
    async def loses_the_answer(call: Call, forward: Forward) -> Answer:
        answer = await forward(call)
        return refusal(502, "bad gateway") if call.method == "POST" else answer

    async with faulty(tmp_path, loses_the_answer) as app:
        report = await checked(app.url, app.token, only=["create.user", "groups.create"])
        assert await people(app) == 0
    assert report.leftovers == ()


async def test_what_an_app_does_not_delete_is_named(tmp_path: Path) -> None:
    async def keeps(call: Call, forward: Forward) -> Answer:
        return refusal(405, "never") if call.method == "DELETE" and call.kind == "Users" else await forward(call)

    async with faulty(tmp_path, keeps) as app:
        report = await checked(app.url, app.token, only=["create.user", "groups.create"])
        left = await app.client.find("/Users", "id pr")
    assert [(each.kind, each.app_id) for each in report.leftovers] == [("User", left[0]["id"])]
    assert report.leftovers[0].name.startswith(report.prefix)
    assert "405" in report.leftovers[0].reason


async def test_what_fails_to_be_deleted_for_a_moment_is_tried_again(tmp_path: Path) -> None:
    refused: set[str] = set()

    async def stumbles(call: Call, forward: Forward) -> Answer:
        if call.method == "DELETE" and call.id not in refused:
            refused.add(call.id)
            return refusal(503, "in a moment")
        return await forward(call)

    async with faulty(tmp_path, stumbles) as app:
        report = await checked(app.url, app.token, only=["create.user", "groups.create"])
        assert await people(app) == 0
    assert report.leftovers == ()
    assert len(refused) == 3


async def test_a_deletion_that_did_nothing_is_not_believed(tmp_path: Path) -> None:
    async def pretends(call: Call, forward: Forward) -> Answer:
        return Answer(204, None) if call.method == "DELETE" else await forward(call)

    async with faulty(tmp_path, pretends) as app:
        report = await checked(app.url, app.token, only=["create.user"])
    assert [each.reason for each in report.leftovers] == ["DELETE was answered as if it were gone"]


async def test_a_creation_answered_with_a_stranger_never_makes_the_stranger_ours(tmp_path: Path) -> None:
    strangers: list[str] = []

    async def answers_with_a_stranger(call: Call, forward: Forward) -> Answer:
        if call.method == "POST":
            return await forward(call.but(method="GET", path=f"/Users/{strangers[0]}", body=b""))
        return await forward(call)

    async with faulty(tmp_path, answers_with_a_stranger) as app:
        strangers.append(await app.client.user("anna", domain="instep-check.example"))
        report = await checked(app.url, app.token, only=["create", "delete", "patch"])
        assert {call.method for call in app.calls} <= {"GET", "POST", "PATCH"}
        assert strangers[0] not in {call.id for call in app.calls if call.method != "GET"}
    assert "names another one" in report.failed_musts[0].text


async def test_writes_to_what_was_not_made_are_refused_before_they_are_sent(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app, visiting(app.url, app.token) as visit:
        stranger = await app.client.user("anna", domain="instep-check.example")
        for method in ("PATCH", "PUT", "DELETE"):
            with pytest.raises(NotOurs):
                await visit.change(method, "User", stranger, {})
        with pytest.raises(NotOurs):
            await visit.post("User", {"userName": "bob@instep-check.example"})
        assert app.calls == []


async def test_a_read_only_visit_refuses_every_write(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app, visiting(app.url, app.token, read_only=True) as visit:
        with pytest.raises(NotOurs):
            await visit.post("User", visit.person("x"))
        with pytest.raises(NotOurs):
            await visit.change("PATCH", "User", visit.nobody, {})
        assert app.calls == []


async def test_keep_leaves_what_was_made_and_says_so(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app:
        report = await checked(app.url, app.token, only=["create.user"], keep=True)
        assert await people(app) == len(report.kept) == 1
    assert report.kept[0].startswith(report.prefix)


async def test_tidying_twice_does_no_harm(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app, visiting(app.url, app.token) as visit:
        await visit.user()
        assert await tidy(visit) == []
        assert await tidy(visit) == []


@pytest.mark.parametrize(("status", "said"), [(401, "refuses the token"), (404, "there's no SCIM endpoint")])
async def test_an_endpoint_that_lets_nobody_in_is_not_graded(tmp_path: Path, status: int, said: str) -> None:
    async def refuses(call: Call, forward: Forward) -> Answer:
        return refusal(status)

    async with faulty(tmp_path, refuses) as app:
        with pytest.raises(Unreachable, match=said):
            await checked(app.url, app.token)


async def test_nobody_at_home_is_said_so() -> None:
    with pytest.raises(Unreachable, match="can't be reached"):
        await checked("http://127.0.0.1:9/scim", "token")


def test_ways_to_end_have_their_results() -> None:
    assert Ended().result == "failed"
    assert NotJudged().result == "not applicable"
