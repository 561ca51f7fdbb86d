"""Filters: what can't be understood is refused, never widened; what is understood means what the RFC says."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter
from tests.serviceprovider.world import ENTERPRISE, Client

from instep.serviceprovider.filters import DEEPEST, LONGEST, MOST_TERMS
from instep.serviceprovider.schemas import description

USERS = [
    {"userName": "ada@acme.example", "title": "Boss", "displayName": "100%", "nickName": "a_b"},
    {
        "userName": "Bob@acme.example",
        "externalId": "X1",
        "active": False,
        "emails": [{"value": "bob@work.example", "type": "work", "primary": True}, {"value": "B@HOME.example"}],
    },
    {
        "userName": "zoë@acme.example",
        "externalId": "x1",
        "title": "",
        "displayName": 'say "hi"\\',
        "name": {"familyName": "Öztürk"},
        "emails": [{"value": "zoë@work.example", "type": "home"}],
        "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "fax", "primary": True}],
        ENTERPRISE: {"department": "Maths", "manager": {"value": "m-1"}},
    },
    {
        "userName": "nul@acme.example",
        "displayName": "boss",
        "title": "' OR 1=1 --",
        ENTERPRISE: {"employeeNumber": "2"},
    },
]

INVALID = [
    "",
    " ",
    "userName",
    "userName eq",
    'userName == "x"',
    "userName eq x",
    "userName eq 'x'",
    'userName eq "x',
    'userName eq "x" and',
    'userName eq "x" or or title pr',
    'and userName eq "x"',
    '(userName eq "x"',
    'userName eq "x")',
    "not userName pr",
    "userName pr eq",
    'nope eq "x"',
    "nope pr",
    'name.nope eq "x"',
    'emails.nope eq "x"',
    'emails[nope eq "x"]',
    'emails[type eq "x"',
    "emails[]",
    'userName[type eq "x"]',
    'urn:example:nope:2.0:User:tag eq "x"',
    'userName eq "x"; DROP TABLE members',
    'userName eq "x" -- comment',
    'userName regex ".*"',
    "1 eq 1",
    "true",
    "active gt true",
    'active co "t"',
    'active eq "perhaps"',
    "userName eq 5",
    "userName eq true",
    'meta.created gt "yesterday"',
    'meta.location eq "x"',
    'x509Certificates.value eq "AAAA"',
    'groups.$ref eq "x"',
    "emails eq null",
    'password eq "x"',
    'roles eq "owner"',
    'userName eq "\\x"',
    'displayName eq "x" and 1 = 1',
    'emails[type eq "work"].value',
    'emails[type eq "work" and emails[type eq "home"]]',
    'userName eq "x"\x00',
    "(" * 40 + 'userName eq "x"' + ")" * 40,
]


@pytest.fixture
async def people(acme: Client) -> dict[str, str]:
    """The ids of the users, by the first letter of their name."""
    made = [await acme.post("/Users", user) for user in USERS]
    return {each.body["userName"][0].lower(): each.id for each in made}


@pytest.mark.parametrize("filter", INVALID)
async def test_what_is_no_filter_is_refused(acme: Client, filter: str):
    await acme.user("ada")
    refused = await acme.get("/Users", filter=filter)
    assert (refused.status, refused.body.get("scimType")) == (400, "invalidFilter")


@given(st.text(alphabet='abuserNamdisply ()[]".eqorndt1\\', max_size=60) | st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_random_text_is_refused_or_finds_no_more_than_it_says(acme: Client, text: str):
    answer = await acme.get("/Users", filter=text)
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert answer.body["scimType"] == "invalidFilter"


@pytest.mark.parametrize(
    "filter",
    [
        'userName eq "' + "x" * LONGEST + '"',
        "(" * (DEEPEST + 1) + "userName pr" + ")" * (DEEPEST + 1),
        "(" * 100_000 + "userName pr" + ")" * 100_000,
        "not (" * (DEEPEST + 1) + "userName pr" + ")" * (DEEPEST + 1),
        " or ".join(["title pr"] * (MOST_TERMS + 1)),
    ],
    ids=["long", "deep", "very deep", "not not", "wide"],
)
async def test_what_is_too_much_is_refused_at_once(acme: Client, filter: str):
    await acme.get("/Users", filter="title pr")
    before = time.thread_time()
    refused = await acme.get("/Users", filter=filter)
    assert (refused.status, refused.body["scimType"]) == (400, "invalidFilter")
    assert time.thread_time() - before < 0.5


async def test_brackets_in_text_are_not_depth(acme: Client):
    assert await acme.find("/Users", f'displayName eq "{"(" * 50}"') == []


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ('userName eq "BOB@ACME.EXAMPLE"', "b"),
        ('userName eq "ZOË@acme.example"', "z"),
        ('externalId eq "x1"', "z"),
        ('externalId eq "X1"', "b"),
        ('displayName sw "%"', ""),
        ('displayName co "%"', "a"),
        ('displayName sw "1__"', ""),
        ('nickName co "_"', "a"),
        ('nickName sw "a_"', "a"),
        ('displayName eq "say \\"hi\\"\\\\"', "z"),
        ('title eq "\' OR 1=1 --"', "n"),
        ('emails co "WORK.example"', "bz"),
        ('emails[type eq "work" and value co "zoë"]', ""),
        ('emails.value eq "b@home.EXAMPLE"', "b"),
        ('not (emails.value eq "bob@work.example")', "azn"),
        ('emails ne "bob@work.example"', "azn"),
        ("emails[not (type pr)]", "b"),
        ('manager eq "m-1"', "z"),
        ('urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m-1"', "z"),
        ('department eq "maths"', "z"),
        ("manager pr", "z"),
        ("name pr", "z"),
        ('name.familyName eq "öztürk"', "z"),
        ("title pr", "an"),
        ("active eq false", "b"),
        ('active eq "false"', "b"),
        ('userName eq "ada@acme.example" or externalId eq "x1" and active eq true', "az"),
        ('(userName eq "ada@acme.example" or externalId eq "x1") and active eq false', ""),
        ('schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"', "zn"),
        ('meta.resourceType eq "User"', "abzn"),
        ('meta.created gt "2020-01-01T00:00:00"', "abzn"),
        ('meta.lastModified lt "2020-01-01T00:00:00Z"', ""),
        ("groups pr", ""),
        ('id eq "no such"', ""),
    ],
)
async def test_a_filter_finds_whom_it_names(acme: Client, people: dict[str, str], filter: str, found: str):
    assert [each["id"] for each in await acme.find("/Users", filter)] == [people[letter] for letter in found]
    assert (await acme.get("/Users", filter=filter, count=0)).body["totalResults"] == len(found)


async def test_teams_are_found_by_members_and_members_by_teams(acme: Client, people: dict[str, str]):
    analysts, empty = await acme.group("Analysts", people["a"], people["b"]), await acme.group("Émpty")
    for path, filter, found in (
        ("/Groups", f'members eq "{people["a"]}"', [analysts]),
        ("/Groups", f'members[value eq "{people["b"]}" and type eq "user"]', [analysts]),
        ("/Groups", "not (members pr)", [empty]),
        ("/Groups", 'displayName eq "éMPTY"', [empty]),
        ("/Groups", 'displayName sw "é" or externalId pr', [empty]),
        ("/Users", f'groups.value eq "{analysts}"', [people["a"], people["b"]]),
        ("/Users", 'groups[display eq "analysts"]', [people["a"], people["b"]]),
    ):
        assert [each["id"] for each in await acme.find(path, filter)] == found


_NAMES = [
    "userName",
    "title",
    "displayName",
    "externalId",
    "nickName",
    "name.familyName",
    "emails.value",
    "emails.type",
]
_VALUES = ["ada@acme.example", "boss", "Boss", "", "x1", "work", "%", "_", "a", "öztürk", "bob@work.example", "2"]
_OPS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
_LEAF = st.builds(
    "{} {} {}".format, st.sampled_from(_NAMES), st.sampled_from(_OPS), st.sampled_from(_VALUES).map(lambda v: f'"{v}"')
) | st.sampled_from(
    [f"{name} pr" for name in [*_NAMES, "emails", "name", "active", "phoneNumbers", f"{ENTERPRISE}:manager"]]
    + ["active eq true", "active ne true", "title eq null", "title ne null", "emails.primary eq true"]
    + ['emails[type eq "work" and value co "bob"]', 'phoneNumbers[type ne "work"]', "emails[not (primary eq true)]"]
)
_FILTERS = st.recursive(
    _LEAF,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=6,
)


@given(filter=_FILTERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_filter_finds_what_the_models_say_it_matches(acme: Client, filter: str):
    if not (everybody := (await acme.get("/Users")).resources):
        for user in USERS:
            assert (await acme.post("/Users", user)).status == 201
        everybody = (await acme.get("/Users")).resources
    provider = description()
    with provider:
        model = provider.model_for("User")
        matcher = ScimFilter[model](filter)  # type: ignore[valid-type]
        expected = [each["id"] for each in everybody if matcher.match(model.model_validate(each))]  # type: ignore[union-attr]
    assert [each["id"] for each in await acme.find("/Users", filter)] == expected
