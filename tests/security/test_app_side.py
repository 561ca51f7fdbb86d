"""The app's side, attacked by whoever can reach it: tokens, filters, PATCH paths and bodies.

INSTEP_FUZZ says how many random filters and paths are sent: 1,500 of each by default, so that the suite stays quick;
100000 by hand. INSTEP_FUZZ_SEED draws others.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from tests.security.canaries import files
from tests.serviceprovider.world import ENTERPRISE, Client, organisation

from instep.serviceprovider import organisations, tokens
from instep.serviceprovider.app import App
from instep.serviceprovider.filters import DEEPEST, LONGEST
from instep.serviceprovider.protocol import LARGEST_BODY

FUZZ = int(os.environ.get("INSTEP_FUZZ", "1500"))
SEED = int(os.environ.get("INSTEP_FUZZ_SEED", "20261126"))
PEOPLE = ("ada", "bob", "cem")
TELLTALE = ("Traceback", "sqlite", "SELECT ", "sqlalchemy", 'File "', "site-packages", "OperationalError")
"""What no answer may have in it."""


@pytest.fixture(params=[True, False], ids=["quick", "plain"])
async def acme(request: pytest.FixtureRequest, tmp_path: Path):
    app = App(tmp_path, quick=request.param)
    client = Client(app, organisation(app)[1])
    ids = [await client.user(who, title="Boss", displayName=f"{who} 100%_") for who in PEOPLE]
    await client.group("Analysts", *ids[:2])
    yield client
    app.close()


async def everything(client: Client) -> dict[str, Any]:
    return {path: (await client.get(path)).body for path in ("/Users", "/Groups")}


def telling(answer: Any, sent: str = "") -> list[str]:
    """What of the inside an answer tells; what was sent may come back."""
    text = json.dumps([answer.body, dict(answer.headers)]).lower()
    return [each for each in TELLTALE if each.lower() in text and each.lower() not in sent.lower()]


# ------------------------------------------------------------------------------------------ tokens


async def test_no_token_but_the_right_one_opens_anything(acme: Client) -> None:
    """Wrong, cut, longer, in another case, another organisation's, replaced, revoked, and of other scripts."""
    app, right = acme.app, acme.token or ""
    other, old = organisation(app, "Globex", "globex.example")
    with app.database.writing() as connection:
        new = tokens.mint(connection, other, app.now())
        tokens.revoke(connection, other)
    wrong = [
        *("", " ", "x", "Bearer", "null", "undefined", "0", "*", "%", "' OR '1'='1", "\x00", "..", "a" * 100_000),
        *(right[:length] for length in range(len(right))),
        *(f"{right}{more}" for more in ("x", "=", ".", ",", ";", "\x00", "%00", "'", '"')),
        *(right[:at] + chr(ord(right[at]) ^ 1) + right[at + 1 :] for at in range(len(right))),
        right.upper(),
        right.lower(),
        right.swapcase(),
        right[::-1],
        right.replace("instep_scim_", ""),
        right.replace("i", "ı", 1).encode().decode("latin-1"),
        "".join(chr(ord(c) + 0xFEE0) for c in right).encode().decode("latin-1"),
        new,  # revoked
        old,  # replaced before that
    ]
    before = await everything(acme)
    for token in wrong:
        for method, path in (("GET", "/Users"), ("POST", "/Users"), ("DELETE", "/Groups/1")):
            scheme = {"Authorization": f"Bearer {token}"}
            answer = await Client(app, None)(method, path, {"userName": "x@acme.example"}, headers=scheme)
            assert answer.status == 401, (token, answer)
            assert "acme" not in json.dumps(answer.body).lower()
            assert right not in json.dumps(answer.body)
            assert telling(answer) == []
    for header in (
        right,
        f"Basic {right}",
        f"bearer{right}",
        f"Token {right}",
        f"Bearer Bearer {right}",
        f"Bearer {right} x",
    ):
        assert (await Client(app, None)("GET", "/Users", headers={"Authorization": header})).status == 401, header
    assert await everything(acme) == before
    assert (await Client(app, None)("GET", "/Users", headers={"Authorization": f"bearer  {right} "})).status == 200


async def test_a_token_ends_with_its_plan_and_is_kept_as_a_digest_only(acme: Client, tmp_path: Path) -> None:
    app = acme.app
    with app.database.writing() as connection:
        organisations.set_plan(connection, organisations.find(connection, "Acme"), organisations.Plan.GROWTH)
    answer = await acme.get("/Users")
    assert answer.status in (401, 403)
    assert "ada" not in json.dumps(answer.body)
    kept = b"".join(content for _, content in files([tmp_path]))
    assert (acme.token or "").removeprefix(tokens.PREFIX).encode() not in kept


# ------------------------------------------------------------------------------------------ filters

_NAMES = [
    "userName",
    "displayName",
    "title",
    "id",
    "externalId",
    "active",
    "emails",
    "groups",
    "members",
    "name.familyName",
    "meta.created",
    "nope",
    "x.y",
]
_OPS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "EQ", "=", "==", "like", "regex", "in"]
_VALUES = ['"ada@acme.example"', '"%"', '"_"', '""', "true", "null", "5", "-1e999", '"\\u0000"', "'x'", "ada", '"\\"']
INJECTIONS = [
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "'; DROP TABLE members; --",
    "' UNION SELECT digest FROM tokens --",
    "\\'; DELETE FROM members WHERE 1=1 --",
    "%' OR '%'='",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "') OR instr(user_name, 'a') > 0 --",
    "ada@acme.example' AND randomblob(100000000) --",
    "\x00' OR 1=1",
    "' || (SELECT hex(digest) FROM tokens) || '",
    "$.x') OR 1=1 --",
    '"] OR 1=1 --',
    "json_extract(document, '$')",
    ":organisation",
    "?1",
    "{organisation}",
]


def invalid_filters(chance: random.Random) -> list[str]:
    """At least 500 texts that are no filter, whatever way they're read."""
    made: list[str] = []
    for name in _NAMES:
        made += [name, f"{name} eq", f"{name} eq eq", f'{name} "x"', f"eq {name}", f'{name} === "x"', f"{name} eq 'x'"]
        made += [f'{name} eq "x', f'{name} eq x"', f'({name} eq "x"', f'{name} eq "x")', f'{name} eq "x" and']
        made += [
            f'and {name} eq "x"',
            f'{name} eq "x" or or {name} pr',
            f"not {name} pr",
            f'{name}[ eq "x"',
            f"{name}[]",
        ]
        made += [
            f'{name} eq "x"; {name} pr',
            f'{name} eq "x" -- {name}',
            f'{name} regex ".*"',
            f"{name} pr pr",
            f"..{name} pr",
        ]
        made += [f"({name} pr))", f"{name} pr and ()", f'{name} eq "x" and 1 = 1', f"{name} eq {{}}", f"{name} eq []"]
        made += [f"{name} {op}" for op in _OPS if op.lower() != "pr"]
    while len(made) < 520:
        made.append("(" * chance.randrange(1, 60) + chance.choice(_NAMES) + chance.choice((" eq", " pr", "")))
    return list(dict.fromkeys(made))


async def test_what_is_no_filter_is_refused_and_never_widened(acme: Client) -> None:
    filters = invalid_filters(random.Random(SEED))
    assert len(filters) >= 500
    wrong: list[str] = []
    for text in filters:
        answer = await acme.get("/Users", filter=text)
        if (answer.status, (answer.body or {}).get("scimType")) != (400, "invalidFilter") or telling(answer):
            wrong.append(f"{text}: {answer.status} {answer.body}")
    assert wrong == []


def random_filter(chance: random.Random, deep: int = 0) -> str:
    """Something like a filter: right, wrong, or torn."""
    way = chance.random()
    if way < 0.15 and deep < 6:
        return f"({random_filter(chance, deep + 1)})"
    if way < 0.3 and deep < 6:
        joint = chance.choice((" and ", " or ", " AND ", " xor ", " "))
        return f"{random_filter(chance, deep + 1)}{joint}{random_filter(chance, deep + 1)}"
    if way < 0.4 and deep < 6:
        return f"not ({random_filter(chance, deep + 1)})"
    if way < 0.5 and deep < 6:
        return f"{chance.choice(_NAMES)}[{random_filter(chance, deep + 1)}]"
    value = chance.choice((*_VALUES, json.dumps(chance.choice(INJECTIONS))))
    text = f"{chance.choice(_NAMES)} {chance.choice(_OPS)} {value}"
    if way > 0.8:
        at = chance.randrange(len(text))
        junk = chance.choice(('"', "\\", "(", "]", "\x00", "é", "😀", "'", "\n", "%00", "$", ":", "."))
        text = chance.choice((text[:at], text[at:], text[:at] + junk + text[at:], junk * 20))
    return text


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_random_filters_crash_nothing_and_find_no_strangers(acme: Client) -> None:
    chance, statuses = random.Random(SEED), dict[int, int]()
    await acme.get("/Users")
    before = await everything(acme)
    for _ in range(FUZZ):
        text = random_filter(chance)
        answer = await acme.get(chance.choice(("/Users", "/Groups", "/")), filter=text)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status in (200, 400), (text, answer)
        assert telling(answer, text) == [], (text, answer)
        if answer.status == 400:
            assert answer.body["scimType"] == "invalidFilter", (text, answer)
    assert await everything(acme) == before
    assert min(statuses.values()) > FUZZ / 50, "the fuzz reaches both what is taken and what is refused"


@pytest.mark.parametrize("injection", INJECTIONS)
async def test_sql_in_a_value_is_a_value(acme: Client, injection: str) -> None:
    before = await everything(acme)
    quoted = json.dumps(injection)
    for text in (
        f"userName eq {quoted}",
        f"displayName co {quoted}",
        f"emails[value eq {quoted}]",
        f"members.value eq {quoted}",
    ):
        for path in ("/Users", "/Groups"):
            answer = await acme.get(path, filter=text)
            assert answer.status in (200, 400)
            assert (answer.body.get("totalResults") or 0) == 0, (text, answer)
    place = injection.replace("?", "").replace("/", "")  # those two end a path
    for path in (f"/Users/{place}", f"/Groups/{place}"):
        assert (await acme.get(path)).status == 404
    for query in ({"sortBy": injection}, {"attributes": injection}, {"startIndex": injection}, {"count": injection}):
        answer = await acme.get("/Users", **query)
        assert answer.status in (200, 400)
        assert telling(answer) == []
    assert await everything(acme) == before


async def test_wildcards_are_letters(acme: Client) -> None:
    for text, found in (
        ('displayName co "%"', 3),
        ('displayName sw "%"', 0),
        ('displayName ew "_"', 3),
        ('userName co "a_a"', 0),
    ):
        assert len(await acme.find("/Users", text)) == found, text
    for mark in "*?[]^~":
        assert await acme.find("/Users", f'userName co "{mark}"') == []


@pytest.mark.parametrize(
    "filter",
    [
        "(" * 100_000 + "userName pr" + ")" * 100_000,
        "not (" * 20_000 + "userName pr" + ")" * 20_000,
        "emails[" * 20_000 + "value pr" + "]" * 20_000,
        "(" * (LONGEST - 20),
        "userName pr and " * 400 + "userName pr",
        'userName eq "' + "\\\\" * (LONGEST // 2),
        "(" * (DEEPEST + 1) + "userName pr" + ")" * (DEEPEST + 1),
    ],
    ids=["brackets", "nots", "value paths", "open", "terms", "backslashes", "one too deep"],
)
async def test_a_filter_that_is_too_much_costs_next_to_nothing(acme: Client, filter: str) -> None:
    await acme.get("/Users", filter="title pr")
    before = time.thread_time()
    answer = await acme.get("/Users", filter=filter)
    assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")
    assert "recursion" not in json.dumps(answer.body).lower()
    assert time.thread_time() - before < 0.5  # of the processor, not of the clock


# ------------------------------------------------------------------------------------------ PATCH

_PATHS = [
    *("userName", "displayName", "active", "title", "emails", "members", "groups", "id", "meta", "schemas", "password"),
    *('emails[type eq "work"].value', 'members[value eq "x"]', "name.familyName", f"{ENTERPRISE}:manager", "x", ""),
    *(f"{ENTERPRISE}:manager.value", 'emails[type eq "work"', "emails[].value", "a.b.c.d", "urn:x:y:z", "..", "[", "]"),
    *(
        "__proto__",
        "constructor.prototype",
        "__class__",
        "__dict__.x",
        "model_fields",
        "$ref",
        "members.$ref",
        "é",
        "\x00",
    ),
    *(
        'emails[value sw "%"].type',
        "members[" * 50,
        "(" * 5000,
        "x" * 9000,
        "active[value eq true]",
        "'; DROP TABLE members",
    ),
]
_OPERATIONS = ["add", "replace", "remove", "Add", "REMOVE", "move", "", None, 5]
_GIVEN: list[Any] = [
    *(
        "x",
        "",
        None,
        True,
        False,
        0,
        -1,
        1e308,
        [],
        {},
        [[]],
        [None],
        {"value": "x"},
        [{"value": "x"}],
        {"a": {"b": {"c": 1}}},
    ),
    *(
        {"userName": None},
        {"$ref": "../Users/1"},
        "\x00",
        "😀" * 50,
        [{"type": "work", "value": "w@acme.example"}],
        {"": ""},
    ),
]


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_random_patches_crash_nothing_and_stay_where_they_are(acme: Client) -> None:
    chance = random.Random(SEED)
    people = [each["id"] for each in (await acme.get("/Users")).resources]
    [team] = [each["id"] for each in (await acme.get("/Groups")).resources]
    target, bystanders = people[2], people[:2]
    before = [(await acme.get(f"/Users/{each}")).body for each in bystanders]
    statuses: dict[int, int] = {}
    for _ in range(FUZZ):
        operations: list[Any] = []
        for _ in range(chance.choice((1, 1, 2, 3))):
            operation: dict[str, Any] = {"op": chance.choice(_OPERATIONS)}
            if chance.random() < 0.9:
                operation["path"] = chance.choice(_PATHS)
            if chance.random() < 0.85:
                operation["value"] = chance.choice(_GIVEN)
            operations.append(operation if chance.random() < 0.98 else chance.choice((None, "x", [], 5)))
        path = chance.choice((f"/Users/{target}", f"/Groups/{team}"))
        answer = await acme.patch(path, *operations)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status in (200, 204, 400, 403, 409), (path, operations, answer)
        assert telling(answer) == [], (path, operations, answer)
    told = [(await acme.get(f"/Users/{each}")).body for each in bystanders]
    assert [without_groups(each) for each in told] == [without_groups(each) for each in before]
    assert len((await acme.get("/Users")).resources) == len(PEOPLE)
    assert sum(n for status, n in statuses.items() if status < 300) > FUZZ / 50
    assert statuses.get(400, 0) > FUZZ / 50


def without_groups(document: dict[str, Any]) -> dict[str, Any]:
    """A member's own data: their teams are changed by a PATCH of the team."""
    return {name: value for name, value in document.items() if name not in ("groups", "meta")}


# ------------------------------------------------------------------------------------------ bodies


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_body_that_is_too_large_is_refused(acme: Client, method: str) -> None:
    [first, *_] = [each["id"] for each in (await acme.get("/Users")).resources]
    path = "/Users" if method == "POST" else f"/Users/{first}"
    body = json.dumps({"userName": "x@acme.example", "title": "x" * LARGEST_BODY}).encode()
    answer = await acme(method, path, body)
    assert answer.status == 413
    assert telling(answer) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"userName": "x@acme.example", "name": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"schemas": [], "Operations": ' + b'[{"value": ' * 3_000 + b"1" + b"}]" * 3_000 + b"}",
        b"\xff\xfe\x00",
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"NaN",
        b'{"userName": "x@acme.example"',
        b'{"userName": "\\ud800@acme.example"}',
        b'{"userName": "a\\u0000b@acme.example"}',
    ],
    ids=[
        "open",
        "deep",
        "deep name",
        "deep operations",
        "no utf-8",
        "empty",
        "null",
        "list",
        "text",
        "nan",
        "cut",
        "half",
        "nul",
    ],
)
async def test_a_body_that_is_none_is_refused_in_words(acme: Client, body: bytes) -> None:
    [first, *_] = [each["id"] for each in (await acme.get("/Users")).resources]
    before = await everything(acme)
    for method, path in (
        ("POST", "/Users"),
        ("PUT", f"/Users/{first}"),
        ("PATCH", f"/Users/{first}"),
        ("POST", "/.search"),
    ):
        answer = await acme(method, path, body)
        assert answer.status == 400 or (path == "/.search" and answer.status == 200), (method, path, answer)
        assert telling(answer) == []
        assert "RecursionError" not in json.dumps(answer.body)
    assert await everything(acme) == before
