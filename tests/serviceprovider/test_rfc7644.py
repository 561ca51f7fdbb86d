"""The samples of RFC 7644, section by section: what requests do."""

import json

import pytest
from tests.serviceprovider.world import CORE, ENTERPRISE, GROUP, URL, Client

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic dXNlcjpwYXNz", "bearer instep_scim_no"]
)
async def test_2_without_a_good_token_the_answer_is_401(acme: Client, authorization: str | None):
    acme.token = None
    headers = {} if authorization is None else {"Authorization": authorization}
    refused = await acme("GET", "/Users", headers=headers)
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.body["schemas"] == [ERROR]


async def test_3_3_creating_answers_201_with_the_resource_and_its_location(acme: Client):
    sent = {"schemas": [CORE], "userName": "bjensen@acme.example", "externalId": "bjensen", "name": {"givenName": "B"}}
    made = await acme.post("/Users", sent)
    assert made.status == 201
    assert made.headers["content-type"] == "application/scim+json"
    assert made.headers["location"] == f"{URL}/Users/{made.id}"
    assert made.body.items() >= sent.items()


@pytest.mark.parametrize("name", ["bjensen@acme.example", "BJENSEN@acme.example", "bjensen@ACME.example"])
async def test_3_3_a_taken_user_name_is_409_uniqueness(acme: Client, name: str):
    await acme.user("bjensen")
    refused = await acme.post("/Users", {"schemas": [CORE], "userName": name})
    assert (refused.status, refused.body["scimType"]) == (409, "uniqueness")


@pytest.mark.parametrize("name", ["Tour Guides", "tour GUIDES"])
async def test_3_3_a_second_group_of_the_same_name_is_409_uniqueness(acme: Client, name: str):
    await acme.group("Tour Guides")
    refused = await acme.post("/Groups", {"schemas": [GROUP], "displayName": name})
    assert (refused.status, refused.body["scimType"]) == (409, "uniqueness")


async def test_3_3_a_required_attribute_must_be_there(acme: Client):
    for path, body in ("/Users", {"schemas": [CORE]}), ("/Groups", {"schemas": [GROUP]}):
        refused = await acme.post(path, body)
        assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")


async def test_3_4_1_reading_by_id(acme: Client):
    ada = await acme.user("ada")
    assert (await acme.get(f"/Users/{ada}")).id == ada
    missing = await acme.get("/Users/no-such-id")
    assert (missing.status, missing.body["status"], missing.body["schemas"]) == (404, "404", [ERROR])
    assert (await acme.get(f"/Groups/{ada}")).status == 404


async def test_3_4_2_no_hit_is_200_with_an_empty_list(acme: Client):
    found = await acme.get("/Users", filter='userName eq "d2a0b7b2-2b55-4f1c-9d43-5c1c5a6d2e11"')
    assert found.status == 200
    assert found.body == {"schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []}


async def test_3_4_2_a_search_at_the_root_finds_users_and_groups(acme: Client):
    ada, group = await acme.user("ada"), await acme.group("Analysts")
    assert [each["id"] for each in (await acme.get("/")).resources] == [ada, group]
    assert [each["id"] for each in (await acme.get("/", startIndex=2)).resources] == [group]
    assert [each["id"] for each in await acme.find("/", 'userName pr or displayName eq "analysts"')] == [ada, group]
    assert [each["id"] for each in await acme.find("/", "userName pr")] == [ada]


async def test_3_4_2_3_sorting_puts_missing_values_last(acme: Client):
    for name, title in ("ada", "b"), ("bob", None), ("cyd", "A"):
        await acme.user(name, title=title)
    up = (await acme.get("/Users", sortBy="title")).resources
    assert [each["userName"][:3] for each in up] == ["cyd", "ada", "bob"]
    down = (await acme.get("/Users", sortBy="title", sortOrder="descending")).resources
    assert [each["userName"][:3] for each in down] == ["bob", "ada", "cyd"]
    assert (await acme.get("/Users", sortBy="nope")).body["scimType"] == "invalidPath"


async def test_3_4_2_4_paging(acme: Client):
    ids = [await acme.user(f"u{number}") for number in range(11)]
    first = await acme.get("/Users", startIndex=1, count=5)
    assert (first.body["totalResults"], first.body["startIndex"], first.body["itemsPerPage"]) == (11, 1, 5)
    pages = [await acme.get("/Users", startIndex=start, count=5) for start in (1, 6, 11, 16)]
    assert [each["id"] for page in pages for each in page.resources] == ids
    assert [page.body["totalResults"] for page in pages] == [11] * 4


@pytest.mark.parametrize(
    ("query", "length"), [({"startIndex": 0}, 3), ({"startIndex": -5}, 3), ({"count": 0}, 0), ({"count": -1}, 0)]
)
async def test_3_4_2_4_odd_pages_mean_what_the_rfc_says(acme: Client, query: dict[str, int], length: int):
    for number in range(3):
        await acme.user(f"u{number}")
    page = await acme.get("/Users", **query)
    assert (page.body["totalResults"], len(page.resources)) == (3, length)


async def test_3_4_2_5_and_3_9_attributes_pick_what_is_shown(acme: Client):
    ada = await acme.user("ada", title="Dr", shoeSize=38, **{ENTERPRISE: {"department": "Maths"}})
    for path in f"/Users/{ada}", "/Users":
        shown = [
            await acme.get(path, attributes=asked) for asked in ("userName", "title,id", f"{ENTERPRISE}:department")
        ]
        bodies = [each.body["Resources"][0] if path == "/Users" else each.body for each in shown]
        assert bodies == [
            {"schemas": [CORE], "id": ada, "userName": "ada@acme.example"},
            {"schemas": [CORE], "id": ada, "title": "Dr"},
            {"schemas": [CORE, ENTERPRISE], "id": ada, ENTERPRISE: {"department": "Maths"}},
        ]
        without = await acme.get(path, excludedAttributes="title,meta")
        body = without.body["Resources"][0] if path == "/Users" else without.body
        assert body.keys() == {"schemas", "id", "userName", "active", "shoeSize", ENTERPRISE}


async def test_3_4_3_search_with_post(acme: Client):
    ada = await acme.user("ada", title="Dr")
    await acme.user("bob")
    asked = {"schemas": [SEARCH], "filter": "title pr", "attributes": ["userName"], "startIndex": 1, "count": 10}
    for path in "/Users/.search", "/.search":
        found = await acme.post(path, asked)
        assert found.resources == [{"schemas": [CORE], "id": ada, "userName": "ada@acme.example"}]


async def test_3_5_1_put_replaces_what_the_client_owns(acme: Client):
    ada = await acme.user("ada", title="Dr", nickName="A")
    body = {"schemas": [CORE], "id": ada, "userName": "ada@acme.example", "title": "Prof", "active": True}
    replaced = await acme.put(f"/Users/{ada}", body)
    assert replaced.status == 200
    assert (replaced.body["title"], "nickName" in replaced.body) == ("Prof", False)


async def test_3_5_1_put_without_active_leaves_somebody_deactivated(acme: Client):
    ada = await acme.user("ada", active=False)
    replaced = await acme.put(f"/Users/{ada}", {"schemas": [CORE], "userName": "ada@acme.example"})
    assert replaced.body["active"] is False


async def test_3_5_1_put_of_a_group_replaces_its_members(acme: Client):
    ada, bob = await acme.user("ada"), await acme.user("bob")
    group = await acme.group("Analysts", ada)
    replaced = await acme.put(f"/Groups/{group}", {"displayName": "Analysts", "members": [{"value": bob}]})
    assert [each["value"] for each in replaced.body["members"]] == [bob]
    emptied = await acme.put(f"/Groups/{group}", {"schemas": [GROUP], "displayName": "Nobody"})
    assert (emptied.body["displayName"], "members" in emptied.body) == ("Nobody", False)


class TestPatch:
    """Section 3.5.2."""

    async def test_add_to_a_multi_valued_attribute(self, acme: Client):
        ada = await acme.user("ada", emails=[{"value": "a@x.example", "type": "work"}])
        value = [{"value": "b@x.example", "type": "home"}]
        patched = await acme.patch(f"/Users/{ada}", {"op": "add", "path": "emails", "value": value})
        assert patched.status == 200
        assert [each["value"] for each in patched.body["emails"]] == ["a@x.example", "b@x.example"]

    async def test_add_without_a_path(self, acme: Client):
        ada = await acme.user("ada")
        value = {
            "emails": [{"value": "babs@jensen.org", "type": "home"}],
            "nickName": "Babs",
            "name": {"givenName": "A"},
        }
        patched = await acme.patch(f"/Users/{ada}", {"op": "add", "value": value})
        assert patched.body.items() >= value.items()

    async def test_a_new_primary_value_ends_the_old_one(self, acme: Client):
        ada = await acme.user("ada", emails=[{"value": "a@x.example", "type": "work", "primary": True}])
        value = [{"value": "b@x.example", "type": "home", "primary": True}]
        patched = await acme.patch(f"/Users/{ada}", {"op": "add", "path": "emails", "value": value})
        assert [each["primary"] for each in patched.body["emails"]] == [False, True]

    async def test_remove_by_filter(self, acme: Client):
        emails = [{"value": "a@x.example", "type": "work"}, {"value": "b@x.example", "type": "home"}]
        ada = await acme.user("ada", emails=emails)
        patched = await acme.patch(f"/Users/{ada}", {"op": "remove", "path": 'emails[type eq "home"]'})
        assert [each["value"] for each in patched.body["emails"]] == ["a@x.example"]

    async def test_remove_and_replace_members(self, acme: Client):
        ada, bob, cyd = [await acme.user(name) for name in ("ada", "bob", "cyd")]
        group = await acme.group("Analysts", ada, bob)
        path = f"/Groups/{group}"
        await acme.patch(path, {"op": "remove", "path": f'members[value eq "{ada}"]'})
        assert await acme.members(group) == [bob]
        await acme.patch(path, {"op": "add", "path": "members", "value": [{"value": cyd}, {"value": bob}]})
        assert await acme.members(group) == [bob, cyd]
        await acme.patch(path, {"op": "replace", "path": "members", "value": [{"value": ada}]})
        assert await acme.members(group) == [ada]
        await acme.patch(path, {"op": "remove", "path": "members"})
        assert await acme.members(group) == []

    async def test_all_operations_are_done_or_none(self, acme: Client):
        ada = await acme.user("ada")
        group = await acme.group("Analysts")
        for path, good in (
            (f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada}]}),
            (f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "New"}),
            (f"/Users/{ada}", {"op": "replace", "path": "title", "value": "Dr"}),
        ):
            before = await acme.get(path)
            stranger = {"op": "add", "path": "members", "value": [{"value": "no-such-id"}]}
            elsewhere = {"op": "replace", "path": "userName", "value": "ada@elsewhere.example"}
            read_only = {"op": "replace", "path": "id", "value": "other"}
            for bad in read_only, stranger if "Groups" in path else elsewhere:
                assert (await acme.patch(path, good, bad)).status == 400
                assert await acme.get(path) == before

    @pytest.mark.parametrize(
        ("operation", "scim_type"),
        [
            ({"op": "remove"}, "noTarget"),
            ({"op": "remove", "path": "userName"}, "mutability"),
            ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
            ({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}, "mutability"),
            ({"op": "add", "path": "emails["}, "invalidPath"),
            ({"op": "replace", "path": 'emails[type eq "work"', "value": "x"}, "invalidPath"),
            ({"op": "replace", "path": 'emails[value sw "x"].type', "value": "x"}, "noTarget"),
            ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
            ({"op": "move", "path": "title", "value": "x"}, "invalidValue"),
            ({"op": "add", "path": "title"}, "invalidValue"),
            ({"op": "replace", "value": "x"}, "invalidValue"),
        ],
    )
    async def test_a_bad_operation_is_400_with_its_scim_type(self, acme: Client, operation: object, scim_type: str):
        ada = await acme.user("ada", emails=[{"value": "a@x.example", "type": "work"}])
        refused = await acme.patch(f"/Users/{ada}", operation)
        assert (refused.status, refused.body.get("scimType")) == (400, scim_type)

    @pytest.mark.parametrize(
        "body", [{}, [], "x", None, {"Operations": []}, {"Operations": "x"}, {"Operations": ["x"]}]
    )
    async def test_a_body_without_operations_is_400(self, acme: Client, body: object):
        ada = await acme.user("ada")
        assert (await acme("PATCH", f"/Users/{ada}", json.dumps(body).encode())).status == 400

    async def test_an_attribute_that_no_schema_declares_is_kept(self, acme: Client):
        ada = await acme.user("ada")
        tag = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
        patched = await acme.patch(
            f"/Users/{ada}",
            {"op": "Add", "path": f"{tag}:tag", "value": "blue"},
            {"op": "add", "value": {"shoeSize": 38}},
            {"op": "add", "path": "pet.name", "value": "Rex"},
        )
        read = (await acme.get(f"/Users/{ada}")).body
        assert (read[tag], read["shoeSize"], read["pet"]) == ({"tag": "blue"}, 38, {"name": "Rex"})
        assert tag in read["schemas"]
        assert patched.body == read
        again = await acme.patch(f"/Users/{ada}", {"op": "replace", "path": f"{CORE}:SHOESIZE", "value": 39})
        assert again.body["shoeSize"] == 39
        removed = await acme.patch(f"/Users/{ada}", {"op": "remove", "path": "shoesize"})
        assert not removed.body.keys() & {"shoeSize", "SHOESIZE"}
        refused = await acme.patch(f"/Users/{ada}", {"op": "add", "path": 'pets[name eq "Rex"].age', "value": 3})
        assert (refused.status, refused.body["scimType"]) == (400, "invalidPath")

    async def test_a_user_is_answered_whatever_is_left_out(self, acme: Client):
        ada = await acme.user("ada")
        operation = {"op": "replace", "path": f"{CORE}:displayName", "value": "Ada"}
        for left_out in "members", "title":
            patched = await acme.patch(f"/Users/{ada}", operation, query={"excludedAttributes": left_out})
            assert (patched.status, patched.body["displayName"]) == (200, "Ada")

    async def test_the_same_change_again_changes_nothing(self, acme: Client):
        ada = await acme.user("ada")
        group = await acme.group("Analysts", ada)
        for path, operation in (
            (f"/Users/{ada}", {"op": "replace", "path": "displayName", "value": "Ada"}),
            (f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada}]}),
            (f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Analysts"}),
        ):
            once = await acme.patch(path, operation)
            assert (await acme.patch(path, operation)).body == once.body


async def test_3_6_deleting_answers_204_and_then_404(acme: Client):
    ada, group = await acme.user("ada"), await acme.group("Analysts")
    for path in f"/Users/{ada}", f"/Groups/{group}":
        assert (await acme.delete(path)).status == 204
        for again in await acme.delete(path), await acme.get(path), await acme.put(path, {"displayName": "x"}):
            assert again.status == 404
        assert (await acme.patch(path, {"op": "add", "path": "displayName", "value": "x"})).status == 404


async def test_3_6_who_is_deleted_leaves_the_groups(acme: Client):
    ada, bob = await acme.user("ada"), await acme.user("bob")
    group = await acme.group("Analysts", ada, bob)
    before = (await acme.get(f"/Groups/{group}")).headers["etag"]
    await acme.delete(f"/Users/{ada}")
    assert await acme.members(group) == [bob]
    assert (await acme.get(f"/Groups/{group}")).headers["etag"] != before


async def test_3_7_bulk_is_not_offered(acme: Client):
    assert (await acme.post("/Bulk", {"Operations": []})).status == 501


async def test_3_8_another_media_type_is_415(acme: Client):
    refused = await acme("POST", "/Users", b"<user/>", headers={"Content-Type": "application/xml"})
    assert refused.status == 415


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"1", b'"x"', b"null", b"[" * 100_000])
async def test_3_12_what_is_no_resource_is_400(acme: Client, body: bytes):
    refused = await acme("POST", "/Users", body)
    assert refused.status == 400
    assert refused.body["schemas"] == [ERROR]


async def test_3_12_an_unknown_endpoint_is_404_and_a_wrong_method_405(acme: Client):
    assert (await acme.get("/Pets")).status == 404
    assert (await acme.get("/Users/1/groups")).status == 404
    refused = await acme("POST", "/Users/1", {})
    assert refused.status == 405
    assert "PATCH" in refused.headers["allow"]


async def test_3_11_me_is_not_offered(acme: Client):
    assert (await acme.get("/Me")).status == 501


class TestVersions:
    """Section 3.14."""

    async def test_a_change_makes_a_new_version(self, acme: Client):
        ada = await acme.user("ada")
        before = (await acme.get(f"/Users/{ada}")).headers["etag"]
        after = await acme.patch(f"/Users/{ada}", {"op": "add", "path": "title", "value": "Dr"})
        assert after.headers["etag"] != before

    async def test_what_has_not_changed_is_304(self, acme: Client):
        ada = await acme.user("ada")
        etag = (await acme.get(f"/Users/{ada}")).headers["etag"]
        same = await acme("GET", f"/Users/{ada}", headers={"If-None-Match": etag})
        assert (same.status, same.body, same.headers["etag"]) == (304, None, etag)

    async def test_an_outdated_version_is_412_and_changes_nothing(self, acme: Client):
        ada = await acme.user("ada")
        group = await acme.group("Analysts")
        for path, operation in (
            (f"/Users/{ada}", {"op": "add", "path": "title", "value": "Dr"}),
            (f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada}]}),
        ):
            before = await acme.get(path)
            outdated = {"If_Match": 'W/"99"'}
            assert (await acme.patch(path, operation, **outdated)).status == 412
            assert (await acme.put(path, before.body, **outdated)).status == 412
            assert (await acme.delete(path, **outdated)).status == 412
            assert await acme.get(path) == before
            assert (await acme.patch(path, operation, If_Match=before.headers["etag"])).status == 200
