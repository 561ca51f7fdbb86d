"""Reads of an app that misbehaves: a clear word, and never an absence out of an error."""

import asyncio
from typing import Any

import pytest
from tests.hostile.app import ERROR, LIST, LOGIN_PAGE, HostileApp
from tests.targets.clock import TestClock
from tests.targets.conftest import Connect

from instep.core.subject import Kind
from instep.ports import AppUnavailable
from instep.scim import documents
from instep.targets.scim import ScimTarget

MATCHING = {Kind.USER: "userName", Kind.GROUP: "displayName"}
INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"


async def everyone(target: ScimTarget, kind: Kind = Kind.USER) -> list[str]:
    return [resource.id async for page in target.pages(kind) for resource in page]


# -------------------------------------------------------------------------------- testing the connection


async def test_the_connection_is_tested_with_a_value_that_nobody_has(app: HostileApp, target: ScimTarget) -> None:
    await target.check([Kind.USER, Kind.GROUP], MATCHING)
    users, groups = app.requests
    assert users.path == "/Users"
    assert users.query["filter"].startswith('userName eq "')
    assert "excludedAttributes" not in users.query
    assert groups.path == "/Groups"
    assert groups.query["filter"].startswith('displayName eq "')
    assert groups.query["excludedAttributes"] == "members"
    assert target.abilities.trusts_filter


async def test_an_app_that_ignores_filters_is_noted_and_not_refused(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.ignores_filters = True
    app.put("Users", userName="ada")
    await target.check([Kind.USER], MATCHING)
    assert not target.abilities.trusts_filter


@pytest.mark.parametrize(
    ("trick", "code", "words"),
    [
        ({"status": 401, "body": {"detail": "expired"}}, "Unauthorized", ["401", "expired", "make a new one"]),
        ({"status": 403}, "InsufficientRights", ["403", "rights"]),
        ({"status": 404, "body": {"schemas": [ERROR]}}, INCOMPATIBLE, ["404", "tenant URL", "empty list"]),
        ({"status": 500}, "InternalServerError", ["500", "fault of its own"]),
        ({"status": 501}, "NotImplemented", ["501"]),
        ({"body": LOGIN_PAGE, "content_type": "text/html"}, INCOMPATIBLE, ["web page", "SCIM 2.0 endpoint"]),
        ({"body": LOGIN_PAGE}, INCOMPATIBLE, ["web page"]),
        ({"body": ""}, INCOMPATIBLE, ["empty", "SCIM 2.0 endpoint"]),
        ({"body": {"ok": True}}, INCOMPATIBLE, ["no list came"]),
        ({"body": "{"}, INCOMPATIBLE, ["isn't JSON"]),
        ({"body": {"schemas": [ERROR], "status": "500", "detail": "oops"}}, INCOMPATIBLE, ["oops"]),
        ({"status": 204}, INCOMPATIBLE, ["204"]),
        (
            {"status": 302, "headers": {"Location": "https://login.example.com/x?state=hush"}},
            INCOMPATIBLE,
            ["302", "https://login.example.com/x", "really answers at"],
        ),
        ({"drops": True, "times": 9}, "WebExceptionProtocolError", ["connection broke"]),
        ({"truncates": True, "times": 9}, "WebExceptionProtocolError", ["connection broke"]),
        ({"seconds": 9}, "Timeout", ["in time", "INSTEP_REQUEST_SECONDS"]),
    ],
)
async def test_what_is_wrong_with_an_app_is_said_in_one_message(
    app: HostileApp, connect: Connect, trick: dict[str, Any], code: str, words: list[str]
) -> None:
    app.trick(**trick)
    async with connect(request_seconds=0.5) as target:
        with pytest.raises(AppUnavailable) as refusal:
            await target.check([Kind.USER], MATCHING)
    message = str(refusal.value)
    assert refusal.value.code == code
    assert message.startswith("GET /Users?filter=")
    assert [word for word in words if word not in message] == []
    assert "hush" not in message
    assert refusal.value.exchange is not None
    assert refusal.value.exchange.method == "GET"


async def test_a_wrong_token_is_said_to_be_one(connect: Connect) -> None:
    async with connect(token="wrong") as target:
        with pytest.raises(AppUnavailable, match="refuses the secret token"):
            await target.check([Kind.USER], MATCHING)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/scim", ["no connection", "host and port"]),
        ("https://nowhere.invalid/scim", ["host name can't be resolved", "name resolution"]),
    ],
)
async def test_an_app_that_isnt_there_is_said_not_to_be(clock: TestClock, url: str, words: list[str]) -> None:
    target = ScimTarget(url, "t", clock, request_seconds=5)
    with pytest.raises(AppUnavailable) as refusal:
        await target.check([Kind.USER], MATCHING)
    await target.close()
    assert refusal.value.code == "WebExceptionProtocolError"
    assert [word for word in words if word not in str(refusal.value)] == []


async def test_a_server_without_tls_is_said_to_be_one(app: HostileApp, clock: TestClock) -> None:
    target = ScimTarget(f"https://127.0.0.1:{app.port}/scim/v2", "t", clock, request_seconds=5)
    with pytest.raises(AppUnavailable, match="TLS connection failed"):
        await target.check([Kind.USER], MATCHING)
    await target.close()


async def test_an_answer_that_never_ends_is_cut_off(clock: TestClock) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 1_000_000)
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    target = ScimTarget(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", "t", clock, request_seconds=20)
    with pytest.raises(AppUnavailable, match="larger than 10 MB"):
        await target.count(Kind.USER)
    await target.close()
    server.close()


# ---------------------------------------------------------------------------------------------- requests


async def test_a_request_says_who_asks_and_what_is_accepted(app: HostileApp, target: ScimTarget) -> None:
    await target.create(Kind.USER, {"userName": "ada"})
    headers = app.requests[0].headers
    assert headers["Authorization"] == f"Bearer {app.token}"
    assert headers["Content-Type"] == "application/scim+json; charset=utf-8"
    assert "application/scim+json" in headers["Accept"]
    assert "application/json" in headers["Accept"]
    assert headers["User-Agent"].startswith("instep/")


async def test_flags_of_the_tenant_url_ride_along(app: HostileApp, connect: Connect) -> None:
    async with connect(query="?aadOptscim062020") as target:
        await target.find(Kind.USER, "userName", "a+b c")
        await target.read(Kind.USER, "1")
    assert [set(request.query) for request in app.requests] == [{"aadOptscim062020", "filter"}, {"aadOptscim062020"}]
    assert app.requests[0].query["filter"] == 'userName eq "a+b c"'


async def test_no_cookie_is_kept(app: HostileApp, target: ScimTarget) -> None:
    app.trick(status=500, headers={"Set-Cookie": "session=1"}, times=3)
    with pytest.raises(AppUnavailable):
        await target.count(Kind.USER)
    await target.count(Kind.USER)
    assert "Cookie" not in app.requests[-1].headers


# --------------------------------------------------------------------------------------------- look-ups


async def test_twins_are_returned_as_they_came(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.twins = True
    app.put("Users", userName="ada")
    assert [r.id for r in await target.find(Kind.USER, "userName", "ada")] == ["1", "1-twin"]
    assert target.abilities.trusts_filter


async def test_the_match_is_found_behind_a_page_of_others(app: HostileApp, connect: Connect) -> None:
    """An app that ignores filters and shows five at a time: looking at its first page only would find nobody."""
    app.quirks.ignores_filters, app.quirks.page_limit = True, 5
    ids = [app.put("Users", userName=f"person{n}") for n in range(12)]
    async with connect(page_size=5) as target:
        assert [r.id for r in await target.find(Kind.USER, "userName", "PERSON11")] == [ids[11]]
        assert await target.find(Kind.USER, "userName", "nobody") == []
        assert not target.abilities.trusts_filter


@pytest.mark.parametrize(
    "trick",
    [
        {"status": 500},
        {"status": 504},
        {"status": 302},
        {"body": LOGIN_PAGE, "content_type": "text/html"},
        {"status": 404, "body": LOGIN_PAGE, "content_type": "text/html"},
        {"body": {"schemas": [ERROR], "status": "500"}},
        {"truncates": True},
        {"seconds": 9},
    ],
)
async def test_a_read_that_failed_is_made_again(app: HostileApp, connect: Connect, trick: dict[str, Any]) -> None:
    ada = app.put("Users", userName="ada")
    async with connect(request_seconds=0.3) as target:
        app.trick(**trick, times=2)
        assert [r.id for r in await target.find(Kind.USER, "userName", "ada")] == [ada]
        app.trick(**trick, times=2)
        assert await target.read(Kind.USER, ada) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
async def test_a_read_that_was_refused_isnt_made_again(app: HostileApp, target: ScimTarget, status: int) -> None:
    app.trick(status=status)
    with pytest.raises(AppUnavailable):
        await target.find(Kind.USER, "userName", "ada")
    assert len(app.requests) == 1


async def test_an_error_in_a_look_up_is_no_absence(app: HostileApp, target: ScimTarget) -> None:
    app.trick(status=404, body={"schemas": [ERROR]})
    with pytest.raises(AppUnavailable):
        await target.find(Kind.USER, "userName", "ada")


async def test_a_web_page_with_404_isnt_an_absence(app: HostileApp, target: ScimTarget) -> None:
    app.put("Users", userName="ada")
    app.trick(status=404, body=LOGIN_PAGE, content_type="text/html", times=3)
    with pytest.raises(AppUnavailable):
        await target.read(Kind.USER, "1")


async def test_another_resource_than_asked_for_isnt_taken(app: HostileApp, target: ScimTarget) -> None:
    app.trick(body={"id": "2", "userName": "bob"}, times=3)
    with pytest.raises(AppUnavailable, match="'2' came where '1'"):
        await target.read(Kind.USER, "1")


async def test_a_group_is_read_with_members_only_where_asked(app: HostileApp, target: ScimTarget) -> None:
    app.put("Groups", ["7", "8"], displayName="Maths")
    plain, full = await target.read(Kind.GROUP, "1"), await target.read(Kind.GROUP, "1", members=True)
    assert plain is not None
    assert full is not None
    assert (documents.members(plain.document), documents.members(full.document)) == ([], ["7", "8"])
    assert [r.query for r in app.requests] == [{"excludedAttributes": "members"}, {}]


async def test_members_that_come_unasked_in_a_list_are_dropped(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.sends_members_always = True
    app.put("Groups", ["7", "8"], displayName="Maths")
    pages = [page async for page in target.pages(Kind.GROUP)]
    assert "members" not in pages[0][0].document


async def test_an_app_that_doesnt_know_excluded_attributes_is_asked_without(
    app: HostileApp, target: ScimTarget
) -> None:
    app.quirks.refuses_exclusion = True
    app.put("Groups", ["7"], displayName="Maths")
    assert await everyone(target, Kind.GROUP) == ["1"]
    assert not target.abilities.excluded_attributes
    await target.find(Kind.GROUP, "displayName", "Maths")
    assert len(app.requests) == 3


# ------------------------------------------------------------------------------------------------- lists


async def test_pages_are_followed_by_what_came(app: HostileApp, connect: Connect) -> None:
    app.quirks.page_limit = 3
    ids = [app.put("Users", userName=f"person{n}") for n in range(8)]
    async with connect(page_size=100) as target:
        assert await everyone(target) == ids
    assert [r.query["startIndex"] for r in app.requests] == ["1", "4", "7"]


@pytest.mark.parametrize(
    ("quirks", "people"),
    [
        ({"repeats_first_page": True, "page_limit": 3}, 5),
        ({"repeats_first_page": True, "page_limit": 3}, 6),
        ({"total_off_by": 1}, 3),
        ({"total_off_by": -1}, 3),
        ({"total_off_by": -3}, 3),
    ],
)
async def test_an_incomplete_list_is_refused_and_remembered(
    app: HostileApp, target: ScimTarget, quirks: dict[str, Any], people: int
) -> None:
    for name, value in quirks.items():
        setattr(app.quirks, name, value)
    for n in range(people):
        app.put("Users", userName=f"person{n}")
    with pytest.raises(AppUnavailable, match="can't be relied upon"):
        await everyone(target)
    assert not target.abilities.trusts_list
    assert await target.count(Kind.USER) is None


async def test_a_list_with_the_same_person_twice_is_refused(app: HostileApp, target: ScimTarget) -> None:
    twice = [{"id": "1"}, {"id": "1"}]
    app.trick(body={"schemas": [LIST], "totalResults": 2, "Resources": twice})
    with pytest.raises(AppUnavailable, match="twice"):
        await everyone(target)


async def test_an_empty_list_with_a_total_is_refused(app: HostileApp, target: ScimTarget) -> None:
    app.trick(body={"schemas": [LIST], "totalResults": 9, "Resources": []})
    with pytest.raises(AppUnavailable, match="0 came and it says 9"):
        await everyone(target)


async def test_a_total_without_resources_is_no_count(app: HostileApp, target: ScimTarget) -> None:
    app.trick(body={"schemas": [LIST], "totalResults": 9, "Resources": []})
    assert await target.count(Kind.USER) is None
