"""Raw requests: what is kept of them, and how long they wait."""

from pathlib import Path

from tests.checking.faulty_app import Answer, Call, Forward, faulty, refusal
from tests.checking.visits import visiting


async def test_the_token_is_taken_out_of_what_is_kept(tmp_path: Path) -> None:
    async def echoes(call: Call, forward: Forward) -> Answer:
        return refusal(400, f"what is {call.headers['Authorization']}?")

    async with faulty(tmp_path, echoes) as app, visiting(app.url, app.token) as visit:
        answer = await visit.wire.send("GET", "/Users")
        assert "what is" in answer.words
        assert app.token not in str(answer.exchange(visit.described)) + answer.words


async def test_the_token_is_taken_out_of_headers_too(tmp_path: Path) -> None:
    async def echoes(call: Call, forward: Forward) -> Answer:
        return Answer(200, {}, {"ETag": call.headers["Authorization"]})

    async with faulty(tmp_path, echoes) as app, visiting(app.url, app.token) as visit:
        assert (await visit.wire.send("GET", "/Users")).headers["etag"] == "Bearer (token)"


async def test_a_request_waits_where_the_app_asks_for_patience(tmp_path: Path) -> None:
    refused: list[Call] = []

    async def throttles(call: Call, forward: Forward) -> Answer:
        if len(refused) < 2:
            refused.append(call)
            return Answer(429, {}, {"Retry-After": "2"})
        return await forward(call)

    async with faulty(tmp_path, throttles) as app, visiting(app.url, app.token) as visit:
        answer = await visit.wire.send("GET", "/Users")
        assert answer.status == 200
        assert (visit.wire.throttled, visit.wire.throttled_silently, visit.wire.waited) == (2, 0, 4.0)


async def test_a_request_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def throttles(call: Call, forward: Forward) -> Answer:
        return Answer(429, {}, {"Retry-After": "25"})

    async with faulty(tmp_path, throttles) as app, visiting(app.url, app.token) as visit:
        assert (await visit.wire.send("GET", "/Users")).status == 429
        assert len(app.calls) == 3


async def test_text_travels_as_it_is(tmp_path: Path) -> None:
    async with faulty(tmp_path) as app, visiting(app.url, app.token) as visit:
        await visit.user(displayName="Zoë 👩‍👧")
        assert "Zoë 👩‍👧".encode() in app.calls[0].body


async def test_addresses_are_guarded_as_those_of_tenant_urls() -> None:
    async with visiting("https://169.254.169.254/scim", "token") as visit:
        answer = await visit.wire.send("GET", "/Users")
    assert answer.status is None
    assert "allowed" in answer.problem
