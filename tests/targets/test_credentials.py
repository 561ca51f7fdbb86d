"""OAuth 2.0 client credentials: access tokens are fetched when they're needed and no oftener, and no secret is told."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote_plus

import pytest
from aiohttp import web
from tests.hostile.app import HostileApp
from tests.targets.clock import TestClock
from tests.targets.token_server import CLIENT, SECRET, TokenServer

from instep.core.app import Credentials
from instep.core.outcome import Done, Refused, RetryLater
from instep.core.subject import Kind
from instep.ports import Answer, AppUnavailable
from instep.targets.address import TenantUrlError
from instep.targets.credentials import authorized_by
from instep.targets.scim import ScimTarget

Connect = Callable[..., AbstractAsyncContextManager[ScimTarget]]


@pytest.fixture
async def server(app: HostileApp) -> AsyncIterator[TokenServer]:
    async with TokenServer(app) as started:
        yield started


@pytest.fixture
def connect(app: HostileApp, server: TokenServer, clock: TestClock) -> Connect:
    """`async with connect(scope=..., secret=...) as target`: a client of the app with an access token of the server."""

    @asynccontextmanager
    async def opened(scope: str = "", secret: str = SECRET, url: str = "", seconds: float = 5) -> AsyncIterator[Any]:
        credentials = Credentials("client_credentials", url or server.url, CLIENT, scope)
        authorization = authorized_by(credentials, secret, clock, seconds)
        target = ScimTarget(app.url, authorization, clock, request_seconds=5)
        yield target
        await target.close()

    return opened


async def created(target: ScimTarget, *names: str) -> list[Answer]:
    return await asyncio.gather(*(target.create(Kind.USER, {"userName": name}) for name in names))


def many(count: int) -> list[str]:
    return [f"user{number}" for number in range(count)]


async def refusal(target: ScimTarget) -> AppUnavailable:
    with pytest.raises(AppUnavailable) as caught:
        await target.count(Kind.USER)
    return caught.value


# ------------------------------------------------------------------------------------- asking for a token


async def test_a_token_is_asked_for_once_and_used_for_all(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    async with connect(scope="scim.write scim.read") as target:
        assert server.asked == []
        for name in many(3):
            await created(target, name)
    [asked] = server.asked
    assert asked.basic == (CLIENT, SECRET)
    assert asked.form == {"grant_type": "client_credentials", "scope": "scim.write scim.read"}
    assert [request.headers["Authorization"] for request in app.requests] == ["Bearer access-token-1"] * 3
    assert len(app.users) == 3


async def test_many_requests_at_once_ask_for_one_token(app: HostileApp, server: TokenServer, connect: Connect) -> None:
    server.seconds = 0.1
    async with connect() as target:
        answers = await created(target, *many(20))
    assert {type(answer.outcome) for answer in answers} == {Done}
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 401])
async def test_a_server_that_wants_the_secret_in_the_body_gets_it_there(
    server: TokenServer, connect: Connect, clock: TestClock, status: int
) -> None:
    server.in_body_only = status
    async with connect() as target:
        await created(target, "ada")
        clock.seconds += 3600
        await created(target, "bob")
    assert [asked.basic is None for asked in server.asked] == [False, True, True]
    assert server.asked[2].form["client_secret"] == SECRET


# --------------------------------------------------------------------------------------- the end of a token


@pytest.mark.parametrize(("lifetime", "until"), [(3600, 3540), ("3600", 3540), (100, 90)])
async def test_a_token_is_replaced_before_it_ends(
    server: TokenServer, connect: Connect, clock: TestClock, lifetime: Any, until: float
) -> None:
    server.lifetime = lifetime
    async with connect() as target:
        await created(target, "ada")
        clock.seconds = until - 1
        await created(target, "bob")
        assert len(server.asked) == 1
        clock.seconds = until
        await created(target, *many(20))
        assert len(server.asked) == 2


@pytest.mark.parametrize("lifetime", [None, 0, -1, "soon", True])
async def test_a_token_of_unknown_life_is_used_until_the_app_refuses_it(
    app: HostileApp, server: TokenServer, connect: Connect, clock: TestClock, lifetime: Any
) -> None:
    server.lifetime = lifetime
    async with connect() as target:
        await created(target, "ada")
        clock.seconds = 1e6
        await created(target, "bob")
        assert len(server.asked) == 1
        app.token = "another"
        [answer] = await created(target, "carl")
    assert isinstance(answer.outcome, Done)
    assert len(server.asked) == 2


async def test_a_server_that_is_down_for_a_moment_costs_nothing_while_the_token_holds(
    server: TokenServer, connect: Connect, clock: TestClock
) -> None:
    async with connect() as target:
        await created(target, "ada")
        clock.seconds = 3550
        server.answer = web.Response(status=503)
        answers = await created(target, *many(5))
        assert {type(answer.outcome) for answer in answers} == {Done}
        assert len(server.asked) == 2
        clock.seconds = 3600
        [late] = await created(target, "late")
        assert isinstance(late.outcome, RetryLater)
        assert "/oauth2/token answers 503" in late.outcome.reason
        server.answer = None
        clock.seconds += 10
        [again] = await created(target, "again")
        assert isinstance(again.outcome, Done)


async def test_a_revoked_token_is_replaced_once_and_the_request_repeated_once(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    async with connect() as target:
        await created(target, "ada")
        app.token = "somebody revoked it"
        answers = await created(target, *many(15))
        assert {type(answer.outcome) for answer in answers} == {Done}
        assert len(server.asked) == 2
        assert target.requests == len(app.requests) <= 31
    assert len(app.users) == 16


async def test_an_app_that_refuses_every_token_isnt_a_reason_to_ask_for_more(
    app: HostileApp, server: TokenServer, connect: Connect, clock: TestClock
) -> None:
    app.trick(status=401, times=99)
    async with connect() as target:
        for name in many(5):
            [answer] = await created(target, name)
            assert isinstance(answer.outcome, Refused)
            assert answer.outcome.code == "Unauthorized"
        assert len(server.asked) == 2
        assert len(app.requests) == 6
        clock.seconds += 30
        await created(target, "later")
        assert len(server.asked) == 3


async def test_a_401_for_another_reason_is_no_reason_for_another_token(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    app.trick(status=401, headers={"WWW-Authenticate": 'Bearer realm="x", error="insufficient_scope"'})
    async with connect() as target:
        [answer] = await created(target, "ada")
    assert isinstance(answer.outcome, Refused)
    assert (len(server.asked), len(app.requests)) == (1, 1)


async def test_a_bearer_token_that_is_refused_isnt_tried_again(app: HostileApp, clock: TestClock) -> None:
    target = ScimTarget(app.url, "another-token", clock)
    [answer] = await created(target, "ada")
    await target.close()
    assert isinstance(answer.outcome, Refused)
    assert len(app.requests) == 1


async def test_a_lease_that_was_lost_during_the_wait_for_a_token_stops_the_request(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    def check() -> None:
        if server.asked:
            raise InterruptedError("lost")

    async with connect() as target:
        target.fenced_by(check)
        with pytest.raises(InterruptedError):
            await created(target, "ada")
    assert len(server.asked) == 1
    assert app.requests == []


# --------------------------------------------------------------------------------- what goes wrong


async def test_a_wrong_secret_is_told_and_not_sent_for_everybody(
    app: HostileApp, server: TokenServer, connect: Connect, clock: TestClock
) -> None:
    async with connect(secret="wrong-secret-9") as target:
        answers = await created(target, *many(20))
        [asked, again] = server.asked
        assert (asked.basic, again.form["client_secret"]) == ((CLIENT, "wrong-secret-9"), "wrong-secret-9")
        error = await refusal(target)
        clock.seconds += 10
        await created(target, "later")
    assert len(server.asked) == 4
    assert app.requests == []
    assert {answer.outcome.code for answer in answers if isinstance(answer.outcome, Refused)} == {"Unauthorized"}
    assert error.code == "Unauthorized"
    assert f"{server.url} answers 401 invalid_client: the secret (token) is wrong" in str(error)
    assert "enter a new secret" in str(error)


PAGE = web.Response(text="<html>Sign in</html>", content_type="text/html")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (PAGE, "Unauthorized", "200 with a web page"),
        (web.Response(text="[1]"), "Unauthorized", "no JSON object"),
        (web.Response(text="[" * 60000), "Unauthorized", "no JSON object"),
        (web.Response(text='{"token": "x"}'), "Unauthorized", "without an access token"),
        (web.Response(text='{"access_token": "two words"}'), "Unauthorized", "without an access token"),
        (web.Response(text='{"access_token": "a", "token_type": "mac"}'), "Unauthorized", "'mac'; only Bearer"),
        (web.Response(text='{"access_token": "a", "token_type": 7}'), "Unauthorized", "only Bearer"),
        (web.Response(text='{"error": "invalid_scope"}'), "Unauthorized", "200 invalid_scope"),
        (web.Response(status=400, text='{"error": "invalid_scope"}'), "Unauthorized", "400 invalid_scope"),
        (web.Response(status=404), "Unauthorized", "answers 404"),
        (web.Response(text="x" * 70000), "Unauthorized", "more than 65,536 bytes"),
        (web.Response(status=429), "WebExceptionProtocolError", "answers 429"),
        (web.Response(status=500, text="oh"), "WebExceptionProtocolError", "answers 500"),
    ],
)
async def test_an_answer_without_a_token_is_told_in_words(
    app: HostileApp, server: TokenServer, connect: Connect, answer: web.Response, code: str, said: str
) -> None:
    server.answer = answer
    async with connect() as target:
        error = await refusal(target)
    assert (error.code, said in str(error)) == (code, True), error
    assert app.requests == []


async def test_a_redirect_is_not_followed(app: HostileApp, server: TokenServer, connect: Connect) -> None:
    server.answer = web.Response(status=307, headers={"Location": f"{app.url}/token?key=s3cr3t"})
    async with connect() as target:
        error = await refusal(target)
    assert error.code == "Unauthorized"
    assert f"307 to {app.url}/token; redirects aren't followed" in str(error)
    assert app.requests == []


async def test_a_slow_server_is_given_up(server: TokenServer, connect: Connect) -> None:
    server.seconds = 5
    async with connect(seconds=0.2) as target:
        error = await refusal(target)
    assert error.code == "WebExceptionProtocolError"
    assert "0.2 s passed" in str(error)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://10.0.0.1/token", "10.0.0.1 is in a network"),
        ("https://169.254.169.254/token", "169.254.169.254 is in a network"),
        ("https://[::ffff:127.0.0.1]/token", "is in a network"),
    ],
)
async def test_a_token_url_may_not_point_into_a_private_network(connect: Connect, url: str, said: str) -> None:
    async with connect(url=url) as target:
        error = await refusal(target)
    assert error.code == "Unauthorized"
    assert said in str(error)


@pytest.mark.parametrize("url", ["http://login.example.com/token", "login.example.com", "https://a:b@c.example/", ""])
def test_a_token_url_that_isnt_safe_is_refused_at_once(url: str) -> None:
    with pytest.raises(TenantUrlError):
        authorized_by(Credentials("client_credentials", url, CLIENT), SECRET, TestClock())


# ----------------------------------------------------------------------------------------- secrets


async def test_no_secret_is_told_by_an_app_that_repeats_it(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    basic = base64.b64encode(f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}".encode()).decode()
    said = [SECRET, SECRET.replace('"', '\\"'), quote_plus(SECRET), basic, "access-token-1", "access-token-2"]
    async with connect() as target:
        await created(target, "first")
        app.token = "revoked"
        await created(target, "second")
        app.trick(status=400, body={"detail": " and ".join(said)})
        [answer] = await created(target, "ada")
        app.trick(status=400, body=" and ".join(said).replace("/", "\\/"), content_type="text/plain")
        [other] = await created(target, "bob")
        shown = f"{answer!r} {other!r} {target!r}"
    assert isinstance(answer.outcome, Refused)
    assert "(token) and (token)" in answer.outcome.reason
    assert [each for each in (*said, "p\\/ss") if each in shown] == []


async def test_no_secret_is_told_by_a_header_that_repeats_it(
    app: HostileApp, server: TokenServer, connect: Connect
) -> None:
    async with connect() as target:
        await created(target, "first")
        app.trick(status=302, headers={"Location": "https://app.example/login/access-token-1?and=access-token-1"})
        [answer] = await created(target, "ada")
        app.trick(status=201, body="x" * 20_000, content_type="text/access-token-1")
        [other] = await created(target, "bob")
    assert isinstance(answer.outcome, Refused)
    assert "302 Found: to https://app.example/login/(token): redirects aren't followed" in answer.outcome.reason
    assert "20000 bytes of text/(token)" in repr(other.exchanges)
    assert "access-token-1" not in repr((answer, other))


async def test_no_secret_is_told_by_a_token_endpoint_that_repeats_it(server: TokenServer, connect: Connect) -> None:
    """Also not its beginning, where the words are cut; nor where JSON is escaped as no other encoder does it."""
    escaped = "".join(c if c.isalnum() else f"\\u{ord(c):04X}" for c in SECRET)
    for words in (f"{'x' * 290} {SECRET}", f"no {SECRET}"):
        text = json.dumps({"error": "invalid_grant", "error_description": words}).replace(in_json(SECRET), escaped)
        server.answer = web.Response(status=400, text=text, content_type="application/json")
        async with connect() as target:
            told = str(await refusal(target))
        assert "invalid_grant" in told
        assert [piece for piece in (SECRET[:6], escaped[:9]) if piece in told] == []


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def test_nothing_shows_a_secret() -> None:
    credentials = Credentials("client_credentials", "https://login.example.com/token?key=1", CLIENT)
    shown = repr(authorized_by(credentials, SECRET, TestClock())) + repr(
        authorized_by(Credentials(), SECRET, TestClock())
    )
    assert shown == "ClientCredentials('https://login.example.com/token')Bearer()"
