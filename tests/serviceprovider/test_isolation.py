"""Two organisations can't see or touch each other, whatever id or filter is used."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serviceprovider.world import ENTERPRISE, Answer, Client, organisation

from instep.serviceprovider import organisations, tokens
from instep.serviceprovider.app import App

CANARY = "globex"
"""Is in every name and address of the other organisation, and in nothing of Acme's."""


@dataclass
class World:
    acme: Client
    globex: Client
    theirs: list[str]
    """Ids of the other organisation."""
    snapshot: dict[str, Any]


async def everything(client: Client) -> dict[str, Any]:
    return {path: (await client.get(path)).body for path in ("/Users", "/Groups", "/")}


@pytest.fixture
async def world(app: App, acme: Client) -> World:
    globex = Client(app, organisation(app, "Globex", "globex.example")[1])
    ada = await acme.user("ada", externalId="e-1")
    await acme.group("Analysts", ada)
    extension = {ENTERPRISE: {"manager": {"value": "globex-boss"}}}
    hank = await globex.user("hank", "globex.example", externalId="e-1", title="globex boss", **extension)
    ian = await globex.user("ian", "globex.example")
    team = await globex.group("globex analysts", hank, ian)
    return World(acme, globex, [hank, ian, team], await everything(globex))


def leaks(world: World, answer: Answer, sent: str) -> list[str]:
    """What of the other organisation is in an answer, beyond what the request itself said."""
    text = json.dumps(answer.body)
    return [each for each in (CANARY, *world.theirs) if each in text and each not in sent]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_every_id_of_the_other_organisation_is_404(world: World, method: str):
    for kind in "Users", "Groups":
        for each in world.theirs:
            body: Any = {"userName": "x@acme.example", "displayName": "x"}
            if method == "PATCH":
                body = {"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
            answer = await world.acme(method, f"/{kind}/{each}", None if method in ("GET", "DELETE") else body)
            assert answer.status == 404
            assert not leaks(world, answer, each)
    assert await everything(world.globex) == world.snapshot


async def test_nobody_of_the_other_organisation_gets_into_a_team(world: World):
    mine = (await world.acme.get("/Groups")).resources[0]["id"]
    for each in world.theirs:
        for op in "add", "replace":
            operation = {"op": op, "path": "members", "value": [{"value": each}]}
            assert (await world.acme.patch(f"/Groups/{mine}", operation)).status == 400
        assert (await world.acme.put(f"/Groups/{mine}", {"displayName": "A", "members": [each]})).status == 400
        assert (await world.acme.post("/Groups", {"displayName": "B", "members": [each]})).status == 400
        await world.acme.patch(f"/Groups/{mine}", {"op": "remove", "path": f'members[value eq "{each}"]'})
        await world.acme.patch(f"/Groups/{mine}", {"op": "remove", "path": "members", "value": [{"value": each}]})
    assert await everything(world.globex) == world.snapshot
    assert not leaks(world, await world.acme.get(f"/Groups/{mine}"), "")


async def test_names_and_external_ids_are_free_in_each_organisation(world: World):
    assert (await world.globex.post("/Groups", {"displayName": "Analysts"})).status == 201
    found = [await each.find("/Users", 'externalId eq "e-1"') for each in (world.acme, world.globex)]
    assert [len(each) for each in found] == [1, 1]
    assert found[0] != found[1]


_ATTRIBUTES = st.sampled_from(
    [
        *("userName", "id", "externalId", "title", "displayName", "emails", "groups", "groups.value", "nope"),
        *("members", "members.value", "manager", "meta.created", "schemas", "name.familyName", "urn:x:y:z"),
    ]
)
_OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])
_AROUND = st.sampled_from(["{}", "not ({})", "({}) or userName pr", "id pr and {}", "{} or displayName pr"])


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_filter_reaches_the_other_organisation(world: World, data: st.DataObject):
    value = st.sampled_from([CANARY, "hank@globex.example", "e-1", "", "%", *world.theirs]) | st.text(max_size=5)
    leaf = f"{data.draw(_ATTRIBUTES)} {data.draw(_OPERATORS)} {json.dumps(data.draw(value))}"
    filter = data.draw(_AROUND).format(leaf)
    for path in "/Users", "/Groups", "/":
        query: dict[str, Any] = {"filter": filter, "count": data.draw(st.sampled_from([0, 1, 5, 10_000]))}
        answer = await world.acme.get(path, **query)
        assert answer.status in (200, 400)
        assert not leaks(world, answer, filter)
        if answer.status == 200:
            assert answer.body["totalResults"] <= 2
        searched = await world.acme.post(path.rstrip("/") + "/.search", query)
        assert not leaks(world, searched, filter)


async def test_a_revoked_token_opens_nothing_and_the_new_one_the_same(world: World):
    app = world.acme.app
    with app.database.writing() as connection:
        new = tokens.mint(connection, organisations.find(connection, "Acme"), app.now())
    assert (await world.acme.get("/Users")).status == 401
    assert (await Client(app, new).get("/Users")).body["totalResults"] == 1
    assert (await world.globex.get("/Users")).status == 200
