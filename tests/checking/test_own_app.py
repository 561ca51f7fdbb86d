"""Our app's side passes every check, nothing is left of the check, and nobody else is touched."""

from pathlib import Path
from typing import Any

from tests.checking.faulty_app import FaultyApp, faulty
from tests.checking.visits import checked, found

from instep.checking.finding import Result
from instep.checking.grade import grade


async def everything(app: FaultyApp) -> list[Any]:
    return [await app.client.find(path, "id pr") for path in ("/Users", "/Groups")]


async def test_our_own_app_has_no_finding_and_is_left_as_it_was(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app:
        user = await app.client.user("anna", domain="instep-check.example")
        await app.client.group("Sales", user)
        before = await everything(app)
        report = await checked(app.url, app.token)
        assert await everything(app) == before
    assert found(report) == {}
    assert report.leftovers == ()
    assert grade(report.findings) == "A"
    doubts = {f.check.id for f in report.findings if f.result is Result.NOT_APPLICABLE}
    assert doubts == {"transport.https", "bulk.create"}


async def test_a_read_only_check_only_reads(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app:
        await app.client.user("anna", domain="instep-check.example")
        report = await checked(app.url, app.token, read_only=True)
        assert {call.method for call in app.calls} == {"GET"}
    assert found(report) == {}
    assert len(report.findings) > 15


async def test_only_what_was_made_is_ever_written_to(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app:
        user = await app.client.user("anna", domain="instep-check.example")
        await checked(app.url, app.token)
        written = {call.id for call in app.calls if call.method in ("PATCH", "PUT", "DELETE")}
    assert user not in written
    assert len(written) > 50


async def test_each_check_works_by_itself(tmp_path: Path) -> None:
    from instep.checking.catalogue import chosen

    async with faulty(tmp_path) as app:
        for each in chosen(skip=["speed"]):
            report = await checked(app.url, app.token, only=[each.id])
            assert found(report) == {}, each.id


async def test_a_report_shows_nobody_but_those_who_were_made(tmp_path: Path) -> None:
    from instep.cli.check_report import as_json

    async with faulty(tmp_path) as app:
        await app.client.user("anna.secret", domain="instep-check.example", displayName="Anna Secret")
        await app.client.group("Secret Project")
        report = await checked(app.url, app.token)
    text = str(as_json(report, 1, 1, 1))
    assert "ecret" not in text
    assert "not made by the check" in text
    assert app.token not in text
