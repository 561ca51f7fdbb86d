"""What Okta sends: users by PUT or by PATCH without a path, groups by push."""

from tests.serviceprovider.world import CORE, GROUP, Client

ADA = {
    "schemas": [CORE],
    "userName": "ada@acme.example",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"primary": True, "value": "ada@acme.example", "type": "work"}],
    "displayName": "Ada Byron",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


async def test_the_connection_test_lists_two(acme: Client):
    for name in "one", "two", "three":
        await acme.user(name)
    page = await acme.get("/Users", startIndex=1, count=2)
    assert (page.body["totalResults"], page.body["itemsPerPage"]) == (3, 2)


async def test_a_user_is_looked_up_created_and_updated(acme: Client):
    assert await acme.find("/Users", 'userName eq "ada@acme.example"', startIndex=1, count=100) == []
    made = await acme.post("/Users", ADA)
    assert made.status == 201
    body = (await acme.get(f"/Users/{made.id}")).body
    body["name"]["givenName"] = "Augusta"
    updated = await acme.put(f"/Users/{made.id}", body)
    assert updated.status == 200
    assert updated.body["name"]["givenName"] == "Augusta"


async def test_deactivating_and_reactivating_keeps_the_account(acme: Client):
    made = await acme.post("/Users", ADA)
    for active in False, True:
        patched = await acme.patch(f"/Users/{made.id}", {"op": "replace", "value": {"active": active}})
        assert (patched.status, patched.id, patched.body["active"]) == (200, made.id, active)


async def test_a_group_is_pushed(acme: Client):
    ada, bob = await acme.user("ada"), await acme.user("bob")
    made = await acme.post("/Groups", {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []})
    path = f"/Groups/{made.id}"
    renamed = await acme.patch(path, {"op": "replace", "value": {"id": made.id, "displayName": "Test SCIMv2 B"}})
    assert (renamed.status, renamed.body["displayName"]) == (200, "Test SCIMv2 B")
    add = {"op": "add", "path": "members", "value": [{"value": ada, "display": "ada@acme.example"}, {"value": bob}]}
    assert [each["value"] for each in (await acme.patch(path, add)).body["members"]] == [ada, bob]
    remove = {"op": "remove", "path": f'members[value eq "{ada}"]'}
    assert [each["value"] for each in (await acme.patch(path, remove)).body["members"]] == [bob]
    replace = {"op": "replace", "path": "members", "value": [{"value": ada, "display": "ada@acme.example"}]}
    assert [each["value"] for each in (await acme.patch(path, replace)).body["members"]] == [ada]
    emptied = await acme.patch(path, {"op": "replace", "path": "members", "value": []})
    assert "members" not in emptied.body
    assert (await acme.delete(path)).status == 204


async def test_another_id_in_a_patch_is_refused(acme: Client):
    group = await acme.group("Analysts")
    refused = await acme.patch(f"/Groups/{group}", {"op": "replace", "value": {"id": "other", "displayName": "B"}})
    assert (refused.status, refused.body["scimType"]) == (400, "mutability")
