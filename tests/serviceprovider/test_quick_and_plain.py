"""The quick way and the plain way give the same answers, whatever is done in whatever order."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serviceprovider.world import ENTERPRISE, Answer, Client

from instep.serviceprovider.app import App

_PEOPLE = st.integers(0, 3)
_TEAMS = st.integers(0, 1)
_SOME = st.lists(_PEOPLE, max_size=4)
_TEXT = st.sampled_from(["", "a", "B", "b", "Zoë", "work"])
_USER = st.fixed_dictionaries(
    {},
    optional={
        "displayName": _TEXT,
        "externalId": _TEXT,
        "title": st.none() | _TEXT,
        "active": st.booleans(),
        "shoeSize": st.integers(),
        "name": st.fixed_dictionaries({}, optional={"givenName": _TEXT, "familyName": _TEXT}),
        "emails": st.lists(st.fixed_dictionaries({"value": _TEXT, "type": _TEXT}), max_size=2),
        ENTERPRISE: st.fixed_dictionaries({}, optional={"department": _TEXT, "manager": st.none() | _TEXT}),
    },
)
_OP = st.sampled_from(["add", "replace", "Remove"])
_USER_CHANGE = st.tuples(
    st.just("change user"), _PEOPLE, st.lists(st.tuples(_OP, st.sampled_from(
        ["displayName", "title", "active", "shoeSize", "manager", 'emails[type eq "work"].value', "name.givenName", ""]
    ), _TEXT | st.booleans() | st.none() | _USER), min_size=1, max_size=3)
)  # fmt: skip
_TEAM_CHANGE = st.tuples(
    st.just("change team"),
    _TEAMS,
    st.lists(st.tuples(_OP, st.sampled_from(["members", "one", "displayName", "externalId", ""]), _SOME, _TEXT),
             min_size=1, max_size=3),
)  # fmt: skip
_QUERY = (
    st.fixed_dictionaries(
        {},
        optional={
            "count": st.integers(-1, 5),
            "startIndex": st.integers(-1, 6),
            "filter": st.sampled_from(
                ["active eq true", "title pr", 'displayName co "b"', "groups pr", "members pr", "x"]
            ),
            "sortBy": st.sampled_from(["userName", "title", "displayName", "emails"]),
        },
    )
    | st.fixed_dictionaries(
        {
            "attributes": st.sampled_from(
                ["userName", "displayName,members", "id", ENTERPRISE, "emails.value", "shoeSize"]
            ),
        }
    )
    | st.fixed_dictionaries({"excludedAttributes": st.sampled_from(["members", "groups,title", "emails.type", "meta"])})
)
_STEP = (
    st.tuples(st.just("join"), _PEOPLE, _USER)
    | st.tuples(st.just("replace user"), _PEOPLE, _USER)
    | st.tuples(st.just("leave"), _PEOPLE)
    | st.tuples(st.just("found"), _TEAMS, _SOME)
    | st.tuples(st.just("replace team"), _TEAMS, _SOME)
    | st.tuples(st.just("end"), _TEAMS)
    | _USER_CHANGE
    | _TEAM_CHANGE
    | st.tuples(st.just("list"), st.sampled_from(["/Users", "/Groups", "/"]), _QUERY)
    | st.tuples(st.just("read"), st.sampled_from(["/Users", "/Groups"]), _PEOPLE, _QUERY)
)  # fmt: skip


class Twin:
    """An app that is driven by steps. Its answers name people and teams by number, so that two can be compared."""

    def __init__(self, app: App, token: str) -> None:
        self.client = Client(app, token)
        self.ids: dict[str, str] = {}

    async def take(self, step: tuple[Any, ...]) -> Any:
        answer = await self._send(step)
        if answer.status == 201:
            self.ids[f"{'team' if step[0] == 'found' else 'person'} {step[1]}"] = answer.id
        return self._plain((answer.status, answer.body, sorted(answer.headers)))

    async def _send(self, step: tuple[Any, ...]) -> Answer:
        client = self.client
        match step:
            case ("join", who, user):
                return await client.post("/Users", {"userName": f"p{who}@acme.example"} | user)
            case ("replace user", who, user):
                return await client.put(self._path("person", who), {"userName": f"p{who}@acme.example"} | user)
            case ("leave", who):
                return await client.delete(self._path("person", who))
            case ("found", team, who):
                return await client.post("/Groups", {"displayName": f"T{team}", "members": self._members(who)})
            case ("replace team", team, who):
                body = {"displayName": f"t{team}", "members": self._members(who)}
                return await client.put(self._path("team", team), body)
            case ("end", team):
                return await client.delete(self._path("team", team))
            case ("change user", who, changes):
                return await client.patch(
                    self._path("person", who),
                    *({"op": op, "path": path, "value": value} for op, path, value in changes),
                )
            case ("change team", team, changes):
                return await client.patch(self._path("team", team), *(self._team_change(*each) for each in changes))
            case ("list", path, query):
                return await client.get(path, **query)
            case ("read", path, number, query):
                kind = "person" if path == "/Users" else "team"
                return await client.get(self._path(kind, number), **{k: v for k, v in query.items() if "ttrib" in k})
            case _:
                raise AssertionError(step)

    def _path(self, kind: str, number: int) -> str:
        return ("/Users/" if kind == "person" else "/Groups/") + self.ids.get(f"{kind} {number}", "nobody")

    def _members(self, who: list[int]) -> list[dict[str, str]]:
        return [{"value": self.ids.get(f"person {each}", "nobody")} for each in who]

    def _team_change(self, op: str, path: str, who: list[int], text: str) -> dict[str, Any]:
        match path:
            case "members":
                return {"op": op, "path": path, "value": self._members(who)}
            case "one":
                first = self._members(who[:1] or [0])[0]["value"]
                return {"op": "remove", "path": f'members[value eq "{first}"]'}
            case "":
                return {"op": op, "value": {"displayName": text, "members": self._members(who)}}
            case _:
                return {"op": op, "path": path, "value": text}

    def _plain(self, value: Any) -> Any:
        numbers = {each: name for name, each in self.ids.items()}
        if isinstance(value, dict):
            times = ("created", "lastModified", "version")
            return {name: self._plain(each) for name, each in value.items() if name not in times}
        if isinstance(value, list | tuple):
            return [self._plain(each) for each in value]
        if isinstance(value, str):
            for each, name in numbers.items():
                value = value.replace(each, name)
        return value


@pytest.mark.slow
@given(steps=st.lists(_STEP, min_size=3, max_size=12))
@settings(max_examples=60, deadline=None)
async def test_both_ways_give_the_same_answers(template: tuple[Path, str], steps: list[tuple[Any, ...]]):
    with tempfile.TemporaryDirectory() as folder:
        apps = []
        for quick in True, False:
            shutil.copytree(template[0], Path(folder) / str(quick))
            apps.append(App(Path(folder) / str(quick), quick=quick))
        quick, plain = (Twin(app, template[1]) for app in apps)
        try:
            for step in [*steps, ("list", "/Users", {}), ("list", "/Groups", {})]:
                assert await quick.take(step) == await plain.take(step), step
        finally:
            for app in apps:
                app.close()
