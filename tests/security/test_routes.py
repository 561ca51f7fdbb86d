"""Two organisations, every route: whoever asks with an id of the other one gets nothing, and changes nothing.

The routes come from the app itself. A route that has no entry here fails the test.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scim2_server.routing import ROUTES
from tests.serviceprovider.world import CORE, ENTERPRISE, GROUP, PATCH, Answer, Client, organisation

from instep.serviceprovider.app import App
from instep.serviceprovider.schemas import description

ENDPOINTS = tuple(str(each.endpoint).strip("/") for each in description().resource_types)
MARK = "globex"
"""Is in all that the other organisation has."""
NOTHING = (400, 403, 404, 405, 501)


@dataclass(frozen=True)
class Ask:
    """A request with an id of the other organisation in it, and how it may be answered."""

    path: str
    body: Any = None
    statuses: tuple[int, ...] = (404,)
    query: dict[str, Any] | None = None
    raw: bool = False


def user(other: str) -> dict[str, Any]:
    return {"schemas": [CORE], "userName": "new@acme.example", ENTERPRISE: {"manager": {"value": other}}}


def group(other: str) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": "New", "members": [{"value": other}]}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def searches(path: str) -> Callable[[str], Iterator[Ask]]:
    """Filters, by query or body, that name the other organisation's id; an answer has nobody in it."""

    def asks(other: str) -> Iterator[Ask]:
        filters = (f'id eq "{other}"', f'not (id ne "{other}")', f'id sw "{other[:9]}"', f'groups.value eq "{other}"')
        for text in (*filters, f'members.value eq "{other}"', f'manager eq "{other}"', f'members[value eq "{other}"]'):
            asked = {"filter": text, "count": 100}
            if path.endswith(".search"):
                yield Ask(
                    path, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], **asked}, (200, 400)
                )
            else:
                yield Ask(path, query=asked, statuses=(200, 400))

    return asks


def changes(other: str, kind: str) -> Iterator[Ask]:
    """PATCH of the other's resource."""
    for operation in (
        {"op": "replace", "path": "displayName", "value": "taken"},
        {"op": "add", "path": "members", "value": [{"value": other}]},
        {"op": "remove", "path": "members"},
        {"op": "replace", "value": {"active": False}},
    ):
        yield Ask(f"/{kind}/{other}", patch(operation))


PER_KIND: dict[tuple[str, str], Callable[[str, str], Iterator[Ask]]] = {
    ("GET", "/{endpoint}"): lambda other, kind: searches(f"/{kind}")(other),
    ("POST", "/{endpoint}/.search"): lambda other, kind: searches(f"/{kind}/.search")(other),
    ("POST", "/{endpoint}"): lambda other, kind: iter(
        [
            Ask(
                f"/{kind}",
                {**(group(other) if kind == "Groups" else user(other)), "id": other, "meta": {"x": other}},
                (201, 400, 403),
            )
        ]
    ),
    ("GET", "/{endpoint}/{resource_id}"): lambda other, kind: iter(
        [
            Ask(f"/{kind}/{other}"),
            Ask(f"/{kind}/{other}", query={"attributes": "userName,displayName"}),
            Ask(f"/{kind}/{other.upper()}"),
            Ask(f"/{kind}/{other} "),
            Ask(f"/{kind}/%2e%2e/{other}"),
            Ask(f"/{kind}/*"),
        ]
    ),
    ("PUT", "/{endpoint}/{resource_id}"): lambda other, kind: iter(
        [Ask(f"/{kind}/{other}", {**(group(other) if kind == "Groups" else user(other)), "id": other})]
    ),
    ("PATCH", "/{endpoint}/{resource_id}"): changes,
    ("DELETE", "/{endpoint}/{resource_id}"): lambda other, kind: iter([Ask(f"/{kind}/{other}")]),
}
AT_LARGE: dict[tuple[str, str], Callable[[str], Iterator[Ask]]] = {
    ("GET", "/"): searches("/"),
    ("POST", "/.search"): searches("/.search"),
    ("GET", "/ServiceProviderConfig"): lambda other: iter([Ask("/ServiceProviderConfig", statuses=(200,))]),
    ("GET", "/ResourceTypes"): lambda other: iter([Ask("/ResourceTypes", statuses=(200,))]),
    ("GET", "/ResourceTypes/{resource_id}"): lambda other: iter([Ask(f"/ResourceTypes/{other}")]),
    ("GET", "/Schemas"): lambda other: iter([Ask("/Schemas", statuses=(200,))]),
    ("GET", "/Schemas/{resource_id}"): lambda other: iter([Ask(f"/Schemas/{other}")]),
    ("POST", "/Bulk"): lambda other: iter(
        [
            Ask(
                "/Bulk",
                {
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                    "Operations": [
                        {"method": "DELETE", "path": f"/{kind}/{other}"},
                        {
                            "method": "PATCH",
                            "path": f"/{kind}/{other}",
                            "data": patch({"op": "remove", "path": "members"}),
                        },
                        {"method": "PUT", "path": f"/{kind}/{other}", "data": user(other)},
                        {"method": "POST", "path": "/Groups", "bulkId": "b", "data": group(other)},
                    ],
                },
                (200, *NOTHING),
            )
            for kind in ENDPOINTS
        ]
    ),
    **{
        (method, "/Me"): lambda other: iter([Ask("/Me", user(other), NOTHING)])
        for method in ("PUT", "PATCH", "POST", "DELETE")
    },
    ("GET", "/Me"): lambda other: iter([Ask("/Me", statuses=NOTHING)]),
}


def asks(method: str, pattern: str, other: str) -> list[Ask]:
    if (method, pattern) in PER_KIND:
        return [ask for kind in ENDPOINTS for ask in PER_KIND[method, pattern](other, kind)]
    return list(AT_LARGE[method, pattern](other))


@dataclass
class World:
    acme: Client
    globex: Client
    theirs: dict[str, str]
    """Ids of the other organisation by what they are."""
    before: dict[str, Any]

    async def untouched(self) -> bool:
        return await everything(self.globex) == self.before


async def everything(client: Client) -> dict[str, Any]:
    return {path: (await client.get(path)).body for path in ("/Users", "/Groups")}


@pytest.fixture(params=[True, False], ids=["quick", "plain"])
async def world(request: pytest.FixtureRequest, tmp_path: Path):
    app = App(tmp_path, quick=request.param)
    acme = Client(app, organisation(app)[1])
    globex = Client(app, organisation(app, "Globex", "globex.example")[1])
    ada = await acme.user("ada")
    await acme.group("Analysts", ada)
    boss = await globex.user("boss", "globex.example", displayName="Globex Boss", title="globex")
    extension = {ENTERPRISE: {"manager": {"value": boss}, "department": "globex"}}
    hank = await globex.user("hank", "globex.example", externalId="globex-7", **extension)
    team = await globex.group("Globex team", boss, hank)
    theirs = {"a person": hank, "a manager": boss, "a team": team}
    yield World(acme, globex, theirs, await everything(globex))
    app.close()


def leaked(world: World, answer: Answer, ask: Ask) -> list[str]:
    """What of the other organisation is in an answer that wasn't in the request."""
    said = json.dumps([answer.body, dict(answer.headers)]).lower()
    asked = json.dumps([ask.path, ask.body, ask.query]).lower()
    return [each for each in (MARK, *world.theirs.values()) if each in said and each not in asked]


def shown(answer: Answer) -> list[Any]:
    """The resources in an answer to a search."""
    return answer.body.get("Resources", []) if isinstance(answer.body, dict) else []


def test_every_route_has_an_entry() -> None:
    known = {(route.method, route.pattern) for route in ROUTES}
    assert known == {*PER_KIND, *AT_LARGE}, "a new route needs to say what becomes of another organisation's ids"
    assert set(ENDPOINTS) == {"Users", "Groups"}


@pytest.mark.parametrize(("method", "pattern"), [(route.method, route.pattern) for route in ROUTES])
async def test_an_id_of_the_other_organisation_opens_nothing(world: World, method: str, pattern: str) -> None:
    mine = await everything(world.acme)
    for other in world.theirs.values():
        for ask in asks(method, pattern, other):
            answer = await world.acme(method, ask.path, ask.body, ask.query or {})
            assert answer.status in ask.statuses, (ask, answer)
            assert leaked(world, answer, ask) == []
            assert not any(each.get("id") in world.theirs.values() for each in shown(answer))
            if answer.status == 200 and "filter" in str(ask):
                assert all("acme" in json.dumps(each).lower() for each in shown(answer))
            assert await world.untouched()
            if answer.status == 201:
                assert answer.body["id"] not in world.theirs.values(), "ids are the app's to make"
                assert (await world.acme.delete(f"{ask.path}/{answer.body['id']}")).status == 204
    assert await everything(world.acme) == mine


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "POST", "PUT", "X"])
async def test_no_other_method_opens_anything(world: World, method: str) -> None:
    for other in world.theirs.values():
        for path in (f"/Users/{other}", f"/Groups/{other}", f"/Users/{other}/manager", f"/Groups/{other}/members"):
            ask = Ask(path, user(other))
            answer = await world.acme(method, path, ask.body)
            assert answer.status in (404, 405), (ask, answer)
            assert leaked(world, answer, ask) == []
    assert await world.untouched()


@pytest.mark.parametrize("token", [None, "", "x"])
async def test_without_a_token_no_route_says_anything(world: World, token: str | None) -> None:
    stranger = Client(world.acme.app, token)
    told = {"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"}  # RFC 7644 section 4 leaves them open
    for route in ROUTES:
        for other in world.theirs.values():
            for ask in asks(route.method, route.pattern, other):
                answer = await stranger(route.method, ask.path, ask.body, ask.query or {})
                open_to_all = any(ask.path.startswith(each) for each in told)
                no_route = "%2e" in ask.path  # there's nothing at all, whoever asks
                assert answer.status == (404 if no_route else 401) or open_to_all, (ask, answer)
                assert leaked(world, answer, ask) == []
    assert await world.untouched()
