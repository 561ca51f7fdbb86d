"""A request's way: sizes, odd requests, many at once, and writes that are there when they're answered."""

import asyncio
import io
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import event
from tests.serviceprovider.world import Client, organisation

from instep.serviceprovider.app import App
from instep.serviceprovider.endpoint import BASE
from instep.serviceprovider.limiter import Limiter, TooManyRequests
from instep.serviceprovider.protocol import LARGEST_BODY
from instep.serviceprovider.server import running


async def test_a_body_that_is_too_large_is_413(acme: Client):
    fits = b'{"userName":"a@acme.example","note":"' + b"x" * (LARGEST_BODY - 39) + b'"}'
    assert len(fits) == LARGEST_BODY
    assert (await acme("POST", "/Users", fits)).status == 201
    for body in fits + b" ", b"x" * (5 * LARGEST_BODY):
        for method, path in ("POST", "/Users"), ("PATCH", "/Groups/1"), ("POST", "/.search"):
            refused = await acme(method, path, body)
            assert (refused.status, refused.body["status"]) == (413, "413")


async def test_too_large_over_the_wire(tmp_path: Path):
    app = App(tmp_path)
    _, token = organisation(app)

    async def endless():
        for _ in range(4):
            yield b"x" * LARGEST_BODY

    headers = {"Authorization": f"Bearer {token}"}
    async with running(app) as base_url, aiohttp.ClientSession(headers=headers) as http:
        for data in io.BytesIO(b"x" * (2 * LARGEST_BODY)), endless():
            async with http.post(f"{base_url}/Users", data=data) as answer:
                assert answer.status == 413
                assert (await answer.json(content_type=None))["status"] == "413"
    app.close()


@pytest.mark.parametrize("path", ["/", "/api/app/scim", "/api/app/scim/v2x/Users", "/scim/v2/Users", BASE.upper()])
async def test_outside_of_the_endpoint_is_404_in_scim(acme: Client, path: str):
    answer = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "GET", "scheme": "http", "path": path, "query_string": b"", "headers": []}
    await acme.app.endpoint(scope, receive, send)
    assert answer[0]["status"] == 404
    assert b"urn:ietf:params:scim:api:messages:2.0:Error" in answer[1]["body"]


@pytest.mark.parametrize(
    "path", ["/Users/\r\nX-Evil: 1", "/Users/%", "/Users/\x00", "/Users/ä€", "/Users//", "/Users/..", "//"]
)
async def test_odd_paths_are_answered(acme: Client, path: str):
    answer = await acme.get(path)
    assert answer.status in (200, 404)
    assert not any("\r" in value or "\n" in value for value in answer.headers.values())


async def test_odd_queries_are_answered(tmp_path: Path):
    app = App(tmp_path)
    _, token = organisation(app)
    async with running(app) as base_url, aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for query in (
            "filter=%ff",
            "count=x",
            "startIndex=1e9",
            "&&&",
            "filter",
            "attributes=,,",
            "count=99999999999999999999",
        ):
            async with http.get(f"{base_url}/Users?{query}") as answer:
                assert answer.status in (200, 400)
    app.close()


async def test_a_client_that_goes_away_while_it_speaks_changes_nothing(acme: Client):
    said = [b'{"userName":"ada@acme.example"}', None]
    answer = []

    async def receive():
        part = said.pop(0)
        return (
            {"type": "http.disconnect"} if part is None else {"type": "http.request", "body": part, "more_body": True}
        )

    async def send(message: dict[str, object]) -> None:
        answer.append(message)

    headers = [(b"authorization", f"Bearer {acme.token}".encode())]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": f"{BASE}/Users", "query_string": b""}
    await acme.app.endpoint({**scope, "headers": headers}, receive, send)
    assert answer == []
    assert (await acme.get("/Users")).resources == []


async def test_an_error_says_nothing_of_the_inside(acme: Client, caplog: pytest.LogCaptureFixture):
    engine = acme.app.database._engine

    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM inside")

    event.listen(engine, "before_cursor_execute", broken)
    try:
        with caplog.at_level(logging.ERROR, "scim2_server"):
            answer = await acme.get("/Users")
    finally:
        event.remove(engine, "before_cursor_execute", broken)
    assert (answer.status, answer.body["detail"]) == (500, "Internal server error")
    assert "SELECT secret" in caplog.text
    assert (await acme.get("/Users")).status == 200


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\uffff", "x" * 100_000])
async def test_odd_texts_are_kept_or_refused(acme: Client, text: str):
    body = {"userName": "ada@acme.example", "displayName": text, "externalId": text, text: text}
    made = await acme.post("/Users", body)
    assert made.status in (201, 400)
    if made.status == 201:
        assert (await acme.get("/Users")).resources[0]["displayName"] == text
    assert (await acme.post("/Groups", {"displayName": text})).status in (201, 400)
    assert (await acme.patch("/Users/x", {"op": "replace", "path": text[:50], "value": text})).status in (400, 404)


async def test_of_64_that_create_the_same_user_at_once_one_succeeds(acme: Client):
    names = ["ada@acme.example", "ADA@acme.example", "Ada@ACME.example", "aDa@Acme.Example"] * 16
    answers = await asyncio.gather(*(acme.post("/Users", {"userName": name}) for name in names))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 63
    assert {answer.body.get("scimType") for answer in answers if answer.status == 409} == {"uniqueness"}
    assert (await acme.get("/Users")).body["totalResults"] == 1


async def test_members_that_are_added_at_once_are_all_there(acme: Client):
    ids = [await acme.user(f"u{number}") for number in range(20)]
    group = await acme.group("Analysts")
    add = [{"op": "add", "path": "members", "value": [{"value": each}]} for each in ids]
    answers = await asyncio.gather(*(acme.patch(f"/Groups/{group}", each) for each in add))
    assert {answer.status for answer in answers} == {200}
    assert await acme.members(group) == ids


async def test_a_write_is_in_the_file_when_it_is_answered(acme: Client, tmp_path: Path):
    ada = await acme.user("ada", emails=[{"value": "ada@acme.example"}])
    group = await acme.group("Analysts", ada)
    other = sqlite3.connect(tmp_path / "data" / "app.sqlite")
    assert other.execute("SELECT id FROM members").fetchall() == [(ada,)]
    await acme.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    assert other.execute("SELECT count(*) FROM team_members").fetchall() == [(0,)]
    await acme.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada}]})
    await acme.delete(f"/Users/{ada}")
    for table in "members", "team_members", "emails":
        assert other.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)]
    other.close()


SERVE = "import sys; from instep.cli.org import app; app(sys.argv[1:])"


def started(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--port", "0", "--data", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


@pytest.mark.slow
async def test_what_was_answered_survives_a_kill_and_what_was_not_is_whole_or_absent(tmp_path: Path):
    app = App(tmp_path)
    _, token = organisation(app)
    app.close()
    answered: dict[str, str] = {}
    headers = {"Authorization": f"Bearer {token}"}
    for run in range(2):
        process, base_url = await asyncio.to_thread(started, tmp_path)

        async def create(http: aiohttp.ClientSession, base_url: str, name: str) -> None:
            body = {"userName": name, "emails": [{"value": name}]}
            async with http.post(f"{base_url}/Users", json=body) as answer:
                if answer.status == 201:
                    answered[name] = (await answer.json(content_type=None))["id"]

        async with aiohttp.ClientSession(headers=headers) as http:
            names = [f"u{run}-{number}@acme.example" for number in range(200)]
            requests = asyncio.gather(*(create(http, base_url, name) for name in names), return_exceptions=True)
            while len(answered) < 20 * (run + 1):  # noqa: ASYNC110  (whatever the speed, some are under way)
                await asyncio.sleep(0.002)
            os.kill(process.pid, signal.SIGKILL)
            await requests
        process.wait()
        assert process.stdout
        process.stdout.close()
    app = App(tmp_path)
    client = Client(app, token)
    for name, member_id in answered.items():
        found = await client.find("/Users", f'userName eq "{name}"')
        assert [each["id"] for each in found] == [member_id]
    with app.database.reading() as connection:
        for query in (
            "SELECT count(*) FROM members m LEFT JOIN emails e ON e.member_seq = m.seq WHERE e.value_key IS NULL",
            "SELECT count(*) FROM members m LEFT JOIN logins l ON l.key = m.user_name_key WHERE l.key IS NULL",
            "SELECT count(*) FROM logins l LEFT JOIN members m ON l.key = m.user_name_key WHERE m.seq IS NULL",
        ):
            assert connection.exec_driver_sql(query).scalar_one() == 0
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    app.close()


class TestLimiter:
    async def test_too_many_requests_get_429_and_when_to_come_back(self, tmp_path: Path):
        app = App(tmp_path, requests_per_second=3)
        client = Client(app, organisation(app)[1])
        other = Client(app, organisation(app, "Globex", "globex.example")[1])
        answers = [await client.get("/Users", count=0) for _ in range(8)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert refused[-1].headers["retry-after"] == "1"
        assert refused[-1].body["status"] == "429"
        assert (await other.get("/Users")).status == 200
        app.close()

    def test_as_many_as_it_says(self):
        clock = [100.0]
        limiter = Limiter(5, lambda: clock[0])
        taken = 0
        for _ in range(1000):
            clock[0] += 0.01
            try:
                limiter.take(1)
                taken += 1
            except TooManyRequests as refused:
                assert refused.seconds == 1  # noqa: PT017  (most are let in, so there isn't one place that raises)
        assert taken == pytest.approx(5 + 5 * 10, abs=1)


async def test_the_server_starts_and_stops_quickly_and_answers_at_once(tmp_path: Path):
    app = App(tmp_path)
    _, token = organisation(app)
    async with running(app) as base_url, aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        assert base_url.startswith("http://127.0.0.1:")
        times = []
        for _ in range(10):
            before = time.perf_counter()
            async with http.get(f"{base_url}/Users") as answer:
                assert (await answer.json(content_type=None))["totalResults"] == 0
            times.append(time.perf_counter() - before)
        # 40 ms is what an answer takes that waits for a delayed acknowledgement.
        assert sorted(times)[3] < 0.035
    app.close()


async def test_a_port_in_use_is_an_os_error(tmp_path: Path):
    app = App(tmp_path)
    async with running(app) as base_url:
        port = int(base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            async with running(app, port=port):
                pass
    app.close()
