"""The samples of RFC 7643, section by section: what a resource looks like."""

import pytest
from tests.serviceprovider.world import CORE, ENTERPRISE, GROUP, URL, Client

MINIMAL = {"schemas": [CORE], "userName": "bjensen@acme.example"}  # section 8.1

FULL = {  # section 8.2 and 8.3, less what this app doesn't take
    "schemas": [CORE, ENTERPRISE],
    "id": "2819c223-7f76-453a-919d-413861904646",
    "externalId": "701984",
    "userName": "bjensen@acme.example",
    "name": {
        "formatted": "Ms. Barbara J Jensen, III",
        "familyName": "Jensen",
        "givenName": "Barbara",
        "middleName": "Jane",
        "honorificPrefix": "Ms.",
        "honorificSuffix": "III",
    },
    "displayName": "Babs Jensen",
    "nickName": "Babs",
    "profileUrl": "https://login.example.com/bjensen",
    "emails": [
        {"value": "bjensen@example.com", "type": "work", "primary": True},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    "addresses": [
        {
            "type": "work",
            "streetAddress": "100 Universal City Plaza",
            "locality": "Hollywood",
            "region": "CA",
            "postalCode": "91608",
            "country": "US",
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
            "primary": True,
        },
    ],
    "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
    "ims": [{"value": "someaimhandle", "type": "aim"}],
    "photos": [{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}],
    "userType": "Employee",
    "title": "Tour Guide",
    "preferredLanguage": "en-US",
    "locale": "en-US",
    "timezone": "America/Los_Angeles",
    "active": True,
    ENTERPRISE: {
        "employeeNumber": "701984",
        "costCenter": "4130",
        "organization": "Universal Studios",
        "division": "Theme Park",
        "department": "Tour Operations",
        "manager": {"value": "26118915", "$ref": "../Users/26118915", "displayName": "John Smith"},
    },
}


async def test_2_1_attribute_names_are_not_case_sensitive(acme: Client):
    made = await acme.post("/Users", {"SCHEMAS": [CORE], "USERNAME": "ada@acme.example", "dIsPlAyNaMe": "Ada"})
    assert (made.body["userName"], made.body["displayName"]) == ("ada@acme.example", "Ada")


async def test_2_5_null_and_an_empty_list_are_no_value(acme: Client):
    made = await acme.post("/Users", MINIMAL | {"nickName": None, "emails": [], "title": None})
    assert not made.body.keys() & {"nickName", "emails", "title"}


async def test_3_1_id_is_made_here_and_a_string(acme: Client):
    made = await acme.post("/Users", MINIMAL | {"id": "mine", "meta": {"created": "1999-01-01T00:00:00Z"}})
    assert isinstance(made.id, str)
    assert made.id != "mine"
    assert not made.body["meta"]["created"].startswith("1999")


async def test_3_1_meta_says_what_when_where_and_which_version(acme: Client):
    made = await acme.post("/Users", MINIMAL)
    meta = made.body["meta"]
    assert meta["resourceType"] == "User"
    assert meta["location"] == f"{URL}/Users/{made.id}" == made.headers["location"] == made.headers["content-location"]
    assert meta["version"] == made.headers["etag"]
    assert meta["created"] == meta["lastModified"]


@pytest.mark.parametrize("external_id", ["1", "../", "0", "", "a/b?c=d", "Ω"])
async def test_3_1_an_external_id_is_opaque(acme: Client, external_id: str):
    made = await acme.post("/Users", MINIMAL | {"externalId": external_id})
    assert made.status == 201
    assert made.body.get("externalId", "") == external_id
    assert (await acme.get(f"/Users/{made.id}")).status == 200


async def test_4_1_a_full_user_is_kept_as_sent(acme: Client):
    made = await acme.post("/Users", FULL)
    expected = FULL | {"id": made.id, "meta": made.body["meta"]}
    manager = {"value": "26118915", "$ref": f"{URL}/Users/26118915"}
    expected |= {ENTERPRISE: FULL[ENTERPRISE] | {"manager": manager}}
    assert made.body == expected
    assert (await acme.get(f"/Users/{made.id}")).body == expected


async def test_4_1_1_a_password_is_neither_kept_nor_returned(acme: Client):
    made = await acme.post("/Users", MINIMAL | {"password": "t1meMa$heen", "PassWord": "t1meMa$heen"})
    assert made.status == 201
    await acme.patch(f"/Users/{made.id}", {"op": "replace", "path": "password", "value": "t1meMa$heen"})
    for file in acme.app.database._engine.url.database, acme.app.database._engine.url.database + "-wal":  # type: ignore[operator]
        with open(file, "rb") as content:  # noqa: ASYNC230
            assert b"t1meMa$heen" not in content.read()
    assert "t1meMa$heen" not in str((await acme.get(f"/Users/{made.id}")).body)


async def test_4_1_2_a_users_groups_are_read_only_and_tell_its_teams(acme: Client):
    ada = await acme.user("ada", groups=[{"value": "no such"}])
    assert "groups" not in (await acme.get(f"/Users/{ada}")).body
    group = await acme.group("Analysts", ada)
    told = [{"value": group, "$ref": f"{URL}/Groups/{group}", "display": "Analysts", "type": "direct"}]
    assert (await acme.get(f"/Users/{ada}")).body["groups"] == told
    assert (await acme.patch(f"/Users/{ada}", {"op": "remove", "path": "groups"})).body["scimType"] == "mutability"


async def test_4_2_a_group_tells_its_members(acme: Client):
    ada = await acme.user("ada")
    group = await acme.post("/Groups", {"schemas": [GROUP], "displayName": "Tour Guides", "members": [{"value": ada}]})
    assert group.body["displayName"] == "Tour Guides"
    assert group.body["members"] == [{"value": ada, "$ref": f"{URL}/Users/{ada}", "type": "User"}]


async def test_4_2_teams_hold_people_only(acme: Client):
    inner = await acme.group("Inner")
    for member in {"value": inner, "type": "Group"}, {"value": inner}:
        refused = await acme.post("/Groups", {"displayName": "Outer", "members": [member]})
        assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")


@pytest.mark.parametrize("name", ["", "  "])
async def test_4_2_a_group_needs_a_name(acme: Client, name: str):
    refused = await acme.post("/Groups", {"schemas": [GROUP], "displayName": name})
    assert refused.status == 400


async def test_5_the_abilities_are_told_without_a_token(acme: Client):
    acme.token = None
    told = await acme.get("/ServiceProviderConfig")
    abilities = {name: told.body[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag")}
    assert abilities == {"patch": True, "bulk": False, "filter": True, "sort": True, "etag": True}
    assert told.body["authenticationSchemes"][0]["type"] == "oauthbearertoken"


async def test_6_and_7_resource_types_and_schemas_are_told(acme: Client):
    assert {each["endpoint"] for each in (await acme.get("/ResourceTypes")).resources} == {"/Users", "/Groups"}
    schemas = {each["id"]: each for each in (await acme.get("/Schemas")).resources}
    assert set(schemas) == {CORE, GROUP, ENTERPRISE}
    taken = {each["name"] for each in schemas[CORE]["attributes"]}
    assert not taken & {"password", "roles", "entitlements"}
    assert (await acme.get(f"/Schemas/{GROUP}")).body["name"] == "Group"


async def test_unknown_attributes_and_schemas_are_kept(acme: Client):
    custom = "urn:example:custom:2.0:User"
    sent = MINIMAL | {"schemas": [CORE, custom], custom: {"tag": 7}, "shoeSize": 43, "x": {"y": [1, {"z": None}]}}
    made = await acme.post("/Users", sent)
    read = (await acme.get(f"/Users/{made.id}")).body
    assert (read[custom], read["shoeSize"], read["x"]) == ({"tag": 7}, 43, {"y": [1, {"z": None}]})
    assert custom in read["schemas"]


async def test_values_in_many_scripts_are_kept_as_sent(acme: Client):
    for name in "Zoë Öztürk", "Ольга", "王小明", "محمد", "e\u0301", "👩🏽‍💻", "a\nb\tc":
        made = await acme.post("/Users", {"userName": f"u{hash(name)}@acme.example", "displayName": name})
        assert (await acme.get(f"/Users/{made.id}")).body["displayName"] == name
