"""The request journal counts every request of an organisation, exactly, also for another process."""

from pathlib import Path

import pytest
from tests.serviceprovider.world import Client, organisation

from instep.serviceprovider import organisations
from instep.serviceprovider.journal import Journal


async def test_requests_are_counted_by_kind_and_answer(acme: Client, tmp_path: Path):
    ada = await acme.user("ada")
    await acme.user("bob")
    await acme.post("/Users", {"userName": "ada@acme.example"})
    await acme.get(f"/Users/{ada}")
    await acme.get("/Users/no-such")
    await acme.get("/Users", filter="title pr")
    await acme.get("/Users", filter="nonsense")
    await acme.get("/Nonsense/with/parts")
    await acme.get("/ServiceProviderConfig")
    await acme.post("/Users/.search", {"filter": "title pr"})
    await acme("POST", "/Users", b"x" * 2_000_000)
    await Client(acme.app, "wrong").get("/Users")
    with acme.app.database.reading() as connection:
        number = organisations.find(connection, "Acme").id
    other = Journal(tmp_path / "data")  # as another process has it
    counted = {(each.method, each.route, each.status): each.times for each in other.counts(number)}
    assert counted == {
        ("POST", "/Users", 201): 2,
        ("POST", "/Users", 409): 1,
        ("GET", "/Users/{id}", 200): 1,
        ("GET", "/Users/{id}", 404): 1,
        ("GET", "/Users", 200): 1,
        ("GET", "/Users", 400): 1,
        ("POST", "/Users/.search", 200): 1,
    }
    other.reset(number)
    assert acme.app.journal.counts(number) == []
    other.close()


async def test_a_journal_that_cannot_be_written_holds_nobody_up(acme: Client, caplog: pytest.LogCaptureFixture):
    acme.app.journal.close()
    assert (await acme.post("/Users", {"userName": "ada@acme.example"})).status == 201
    assert "journal" in caplog.text


async def test_each_organisation_has_its_own_counts(acme: Client):
    globex, token = organisation(acme.app, "Globex", "globex.example")
    await Client(acme.app, token).get("/Users")
    await Client(acme.app, token).get("/Users")
    assert [each.times for each in acme.app.journal.counts(globex.id)] == [2]
