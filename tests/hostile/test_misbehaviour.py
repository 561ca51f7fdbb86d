"""Each persona does what it says, and the same seed does the same."""

import io
from typing import Any

import aiohttp
import pytest

from instep.hostile.app import Answer, Request
from instep.hostile.personas import PERSONAS, SettingsError
from instep.hostile.server import HostileApp, running

PATCH_PEOPLE = {"Operations": [{"op": "replace", "path": "title", "value": "Chief"}]}


class Clock:
    """A clock that is put forward by hand."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Visit:
    """Requests to an app with personas, without a network; with three people and a group of them in it."""

    def __init__(self, *personas: str, seed: int = 0, **numbers: float) -> None:
        self.clock = Clock()
        given = {name.replace("_", "-"): value for name, value in numbers.items()}
        self.hostile = HostileApp(personas, seed=seed, numbers=given, clock=self.clock)
        self.ids: list[str] = []

    async def begin(self, count: int = 3) -> "Visit":
        for number in range(count):
            answer = await self.hostile.app.answer(Request("POST", "/Users", body={"userName": f"u{number}"}))
            assert answer.document is not None
            self.ids.append(answer.document["id"])
        members = [{"value": each} for each in self.ids]
        answer = await self.hostile.app.answer(
            Request("POST", "/Groups", body={"displayName": "Lab", "members": members})
        )
        assert answer.document is not None
        self.group = answer.document["id"]
        self.clock.seconds += 1000
        return self

    async def __call__(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        return await self.hostile.answer(Request(method, path, query, {}, body))

    async def shares(self, times: int = 400) -> list[Answer]:
        """So many reads of one user."""
        return [await self("GET", f"/Users/{self.ids[0]}") for _ in range(times)]

    def user(self, number: int = 0) -> dict[str, Any] | None:
        """What is really there."""
        return self.hostile.app.content.all("Users").get(self.ids[number])


def found(answer: Answer) -> list[str]:
    assert answer.document is not None
    return [each["userName"] for each in answer.document["Resources"]]


@pytest.mark.parametrize("persona", ["ignores-filters", "claims-abilities"])
async def test_filters_are_ignored(persona: str) -> None:
    visit = await Visit(persona).begin()
    assert found(await visit("GET", "/Users", filter='userName eq "u1"')) == ["u0", "u1", "u2"]


async def test_pages_are_short_and_members_are_hidden() -> None:
    visit = await Visit("pages-like-aws").begin(60)
    page = await visit("GET", "/Users", count="200")
    assert len(found(page)) == 50
    assert len(found(await visit("GET", "/Users", startIndex="51"))) == 10
    assert page.document is not None
    assert page.document["totalResults"] == 60
    many = {"Operations": [{"op": "add", "path": "members", "value": [{"value": visit.ids[0]}] * 101}]}
    assert (await visit("PATCH", f"/Groups/{visit.group}", many)).status == 400
    assert (await visit("PUT", f"/Groups/{visit.group}", {"displayName": "L"})).status == 501


@pytest.mark.parametrize("persona", ["pages-like-aws", "hides-members"])
async def test_members_are_never_shown(persona: str) -> None:
    visit = await Visit(persona).begin()
    one, many = await visit("GET", f"/Groups/{visit.group}"), await visit("GET", "/Groups")
    assert one.document is not None
    assert many.document is not None
    assert "members" not in one.document
    assert "members" not in many.document["Resources"][0]
    assert len(visit.hostile.app.content.truth()["groups"][0]["members"]) == 3


async def test_reads_are_stale_and_writes_are_not() -> None:
    visit = await Visit("stale-reads", lag=60).begin()
    assert (await visit("POST", "/Users", {"userName": "new"})).status == 201
    assert "new" not in found(await visit("GET", "/Users"))
    assert (await visit("POST", "/Users", {"userName": "NEW"})).status == 409
    visit.clock.seconds += 30
    seen = {"new" in found(await visit("GET", "/Users")) for _ in range(50)}
    assert seen == {True, False}
    visit.clock.seconds += 31
    assert all(["new" in found(await visit("GET", "/Users")) for _ in range(50)])


async def test_twins_are_taken() -> None:
    visit = await Visit("no-uniqueness").begin()
    assert [(await visit("POST", "/Users", {"userName": "U1"})).status for _ in range(2)] == [201, 201]
    assert len(found(await visit("GET", "/Users", filter='userName eq "u1"'))) == 3


async def test_values_are_rewritten() -> None:
    visit = await Visit("rewrites-values").begin()
    answer = await visit(
        "POST",
        "/Users",
        {
            "userName": " Ada@Acme.Example ",
            "title": "Head  of\tLab ",
            "name": {"givenName": "Ada", "familyName": "L", "formatted": "Dr. L"},
            "emails": [{"value": "Ada@Acme.Example", "type": "work"}],
            "phoneNumbers": [{"value": "+1 (555) 1-00"}],
        },
    )
    shown = answer.document
    assert shown is not None
    assert (shown["userName"], shown["title"], shown["name"]["formatted"]) == (
        "ada@acme.example",
        "Head of Lab",
        "Ada L",
    )
    assert shown["emails"] == [{"value": "ada@acme.example", "type": "work"}]
    assert shown["phoneNumbers"] == [{"value": "+1555100"}]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_disabling_deletes_the_account(method: str) -> None:
    visit = await Visit("disabling-deletes").begin()
    off = {"userName": "u0", "active": False}
    body = off if method == "PUT" else {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert (await visit(method, f"/Users/{visit.ids[0]}", body)).status == 200
    assert (await visit("GET", f"/Users/{visit.ids[0]}")).status == 404
    assert len(visit.hostile.app.content.truth()["groups"][0]["members"]) == 2


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("PUT", 200), ("DELETE", 204)])
async def test_changes_are_acknowledged_and_not_made(method: str, status: int) -> None:
    visit = await Visit("says-200-does-nothing").begin()
    before = visit.user()
    body = PATCH_PEOPLE if method == "PATCH" else {"userName": "x"}
    answer = await visit(method, f"/Users/{visit.ids[0]}", body)
    assert (answer.status, visit.user()) == (status, before)
    assert (await visit("POST", "/Users", {"userName": "new"})).status == 201


async def test_what_is_cut_off_was_carried_out() -> None:
    hostile = HostileApp(["executes-and-hangs-up"], share=1)
    async with running(hostile) as url, aiohttp.ClientSession(headers={"Authorization": "Bearer hostile"}) as http:
        with pytest.raises(aiohttp.ClientError):
            await http.post(f"{url}/Users", json={"userName": "ada"})
        assert (await (await http.get(f"{url}/Users")).json())["totalResults"] == 1


async def test_some_errors_were_carried_out() -> None:
    visit = await Visit("answers-500-sometimes", share=1).begin(0)
    answers = [await visit("POST", "/Users", {"userName": f"new{number}"}) for number in range(60)]
    assert {answer.status for answer in answers} == {500, 502, 504}
    made = sum("not carried" not in answer.by[0] for answer in answers)
    assert len(visit.hostile.app.content.all("Users")) == made
    assert 15 < made < 45


@pytest.mark.parametrize(
    ("persona", "fits"),
    [
        ("answers-500-sometimes", lambda a: a.status >= 500),
        ("html-answers", lambda a: a.status == 200 and a.content_type == "text/html" and b"<form>" in a.body()),
        ("error-in-200", lambda a: a.status == 200 and a.document["schemas"][0].endswith(":Error")),
        ("redirects", lambda a: 300 < a.status < 309 and "login" in a.headers["Location"]),
        ("repeats-requests", lambda a: a.status >= 300 and a.repeats),
        ("huge-answers", lambda a: a.status == 200 and len(a.body()) > 10_000),
        ("slow-loris", lambda a: a.bytes_per_second == 1),
    ],
)
async def test_it_happens_to_a_share_of_the_requests(persona: str, fits: Any) -> None:
    numbers = {"share": 0.25} | ({"megabytes": 0.01} if persona == "huge-answers" else {})
    twice = [await (await Visit(persona, seed=5, **numbers).begin()).shares() for _ in range(2)]
    odd = [[bool(fits(answer)) for answer in answers] for answers in twice]
    assert odd[0] == odd[1]
    assert 70 < sum(odd[0]) < 130
    other = [bool(fits(answer)) for answer in await (await Visit(persona, seed=6, **numbers).begin()).shares()]
    assert other != odd[0]


@pytest.mark.parametrize("persona", ["html-answers", "error-in-200", "redirects", "repeats-requests"])
async def test_what_isnt_answered_rightly_wasnt_carried_out(persona: str) -> None:
    visit = await Visit(persona, share=1).begin()
    await visit("POST", "/Users", {"userName": "new"})
    await visit("DELETE", f"/Users/{visit.ids[0]}")
    assert len(visit.hostile.app.content.all("Users")) == 3


async def test_requests_are_repeated_in_every_way_but_not_in_the_journal() -> None:
    journal = io.StringIO()
    hostile = HostileApp(["repeats-requests"], token="s3cret/tok+n", share=1, journal=journal)
    seen: set[str] = set()
    async with running(hostile) as url, aiohttp.ClientSession(headers={"Authorization": "Bearer s3cret/tok+n"}) as http:
        for _ in range(40):
            answer = await http.post(f"{url}/Users", json={"userName": "ada"}, allow_redirects=False)
            text = f"{await answer.text()} {answer.headers}"
            seen |= {form for form in ("s3cret/tok+n", "s3cret\\u002Ftok\\u002Bn", "s3cret/tok%2Bn") if form in text}
            assert any(part in answer.headers["X-Request"] for part in ("s3cret", "ada"))
    assert len(seen) == 3
    assert "ada" in journal.getvalue()
    assert "s3cret" not in journal.getvalue()


async def test_bytes_come_one_by_one() -> None:
    hostile = HostileApp(["slow-loris"], numbers={"bytes": 50})
    async with running(hostile) as url, aiohttp.ClientSession(headers={"Authorization": "Bearer hostile"}) as http:
        slow = await http.post(f"{url}/Users", json={"userName": "ada"}, timeout=aiohttp.ClientTimeout(total=0.2))
        with pytest.raises(TimeoutError):
            await slow.read()
        assert len(hostile.app.content.all("Users")) == 1


@pytest.mark.parametrize(("persona", "tells"), [("throttles-like-slack", True), ("throttles-silently", False)])
async def test_requests_are_throttled(persona: str, tells: bool) -> None:
    visit = await Visit(persona).begin(0)

    async def burst() -> list[int]:
        answers = [await visit("POST", "/Users", {"userName": "u"}) for _ in range(25)]
        refused = [answer for answer in answers if answer.status == 429]
        assert [answer.headers for answer in refused] == [{"Retry-After": "1"} if tells else {}] * len(refused)
        return [answer.status for answer in answers]

    assert (await burst()).count(429) == 5
    visit.clock.seconds += 2
    assert (await burst()).count(429) == 19  # 180 a minute are 6 in 2 seconds
    assert (await visit("GET", "/Users")).status == 200
    assert (await visit("POST", "/Groups", {"displayName": "g"})).status == 201


@pytest.mark.parametrize("body", ["add", "replace", "create"])
async def test_too_many_members_are_too_large(body: str) -> None:
    visit = await Visit("413", members=2).begin(3)
    for count, status in ((3, 413), (2, 201 if body == "create" else 204)):
        members = [{"value": each} for each in visit.ids[:count]]
        if body == "create":
            answer = await visit("POST", "/Groups", {"displayName": "New", "members": members})
        else:
            operation = {"add": {"path": "members", "value": members}, "replace": {"value": {"members": members}}}[body]
            answer = await visit("PATCH", f"/Groups/{visit.group}", {"Operations": [{"op": body, **operation}]})
        assert answer.status == status


async def test_a_token_lasts_so_many_requests() -> None:
    visit = await Visit("expires-tokens", requests=3).begin()
    assert [answer.status for answer in await visit.shares(5)] == [200, 200, 200, 401, 401]
    visit.hostile.app.renew()
    assert [answer.status for answer in await visit.shares(1)] == [200]


async def test_promises_are_broken() -> None:
    visit = await Visit("claims-abilities").begin()
    promised = (await visit("GET", "/ServiceProviderConfig")).document
    assert promised is not None
    assert all(promised[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag"))
    assert (await visit("PATCH", f"/Users/{visit.ids[0]}", PATCH_PEOPLE)).status == 501
    assert (await visit("POST", "/Bulk", {})).status == 501
    assert (await visit("GET", f"/Users/{visit.ids[0]}")).headers == {}


async def test_there_is_no_patch() -> None:
    visit = await Visit("no-patch").begin()
    users, groups = f"/Users/{visit.ids[0]}", f"/Groups/{visit.group}"
    assert [(await visit("PATCH", path, PATCH_PEOPLE)).status for path in (users, groups)] == [405, 501]
    assert (await visit("PUT", users, {"userName": "u0"})).status == 200


async def test_nothing_is_told() -> None:
    visit = await Visit("no-discovery").begin()
    for path in ("/ServiceProviderConfig", "/Schemas", "/ResourceTypes"):
        assert (await visit("GET", path)).status == 404
        assert (await (await Visit().begin())("GET", path)).status == 200


async def test_names_are_in_odd_case_and_ids_are_numbers() -> None:
    visit = await Visit("case-games").begin()
    shown = [answer.document or {} for answer in await visit.shares(20)]
    assert len({name for document in shown for name in document if name.lower() == "username"}) > 2
    assert {document[name] for document in shown for name in document if name.lower() == "id"} == {int(visit.ids[0])}
    assert not any(name.lower() == "schemas" for document in shown for name in document)


async def test_every_persona_answers_the_usual_requests() -> None:
    """With all of them at once, too."""
    for personas in ([name] for name in PERSONAS):
        visit = await Visit(*personas).begin()
        assert (await visit("GET", "/Users")).status in range(200, 600)
    everything = await Visit(*PERSONAS, share=0.1, megabytes=0.1).begin()
    for _ in range(50):
        await everything("POST", "/Users", {"userName": "u"})
        await everything("PATCH", f"/Users/{everything.ids[0]}", PATCH_PEOPLE)


@pytest.mark.parametrize("persona", list(PERSONAS))
@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {"Operations": 1},
        {"Operations": [1]},
        {"Operations": [{"op": "add", "value": 3}]},
        {"members": 1},
    ],
)
async def test_nonsense_is_refused_by_all_and_breaks_none(persona: str, body: Any) -> None:
    numbers = {"share": 0.0} if any(number.name == "share" for number in PERSONAS[persona].numbers) else {}
    visit = await Visit(persona, **numbers).begin()
    for method, path in (("POST", "/Users"), ("PATCH", f"/Groups/{visit.group}"), ("PUT", f"/Groups/{visit.group}")):
        assert (await visit(method, path, body)).status in range(400, 502)
    assert (await visit("GET", "/Users", count="many")).status == 400


@pytest.mark.parametrize(
    ("personas", "numbers", "words"),
    [
        (["nobody"], {}, "there is no persona 'nobody'"),
        (["stale-reads"], {"share": 0.5}, "'share'"),
        (["slow-loris"], {"share": 1.5}, "share can't be 1.5"),
        (["slow-loris"], {"bytes": 0}, "bytes can't be 0"),
        (["stale-reads"], {"lag": float("nan")}, "lag can't be nan"),
    ],
)
def test_wrong_settings_are_named(personas: list[str], numbers: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        HostileApp(personas, numbers=numbers)
