"""What Entra's provisioning service sends, in both of its PATCH dialects, is understood."""

from typing import Any

import pytest
from tests.serviceprovider.world import CORE, ENTERPRISE, GROUP, URL, Client

ADSCIM_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

ADA = {
    "schemas": [CORE, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "ada@acme.example",
    "active": True,
    "displayName": "Ada Byron",
    "emails": [{"primary": True, "type": "work", "value": "ada@acme.example"}],
    "name": {"formatted": "Ada Byron", "familyName": "Byron", "givenName": "Ada"},
    "roles": [],
    ENTERPRISE: {"department": "Maths", "employeeNumber": "1815"},
    "meta": {"resourceType": "User"},
}


@pytest.fixture
async def ada(acme: Client) -> str:
    made = await acme.post("/Users", ADA)
    assert made.status == 201
    return made.id


async def read(acme: Client, user: str) -> dict[str, Any]:
    return (await acme.get(f"/Users/{user}")).body


async def test_creating_a_user(acme: Client, ada: str):
    body = await read(acme, ada)
    assert body.items() >= {k: v for k, v in ADA.items() if k not in ("roles", "meta")}.items()
    assert "roles" not in body


async def test_a_display_name_alone_or_given_and_family_name_alone_are_enough(acme: Client):
    one = await acme.post("/Users", {"userName": "one@acme.example", "displayName": "One"})
    two = await acme.post("/Users", {"userName": "two@acme.example", "name": {"givenName": "T", "familyName": "Wo"}})
    assert (one.status, two.status) == (201, 201)


@pytest.mark.parametrize(
    "filter",
    [
        'userName eq "ADA@acme.example"',
        'externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"',
        'emails[type eq "work"].value eq "ada@acme.example"',
        'emails[type eq "work" and primary eq true].value eq "Ada@acme.example"',
        'emails.value eq "ada@acme.example"',
        'userName eq "ada@acme.example" and active eq true',
    ],
)
async def test_finding_a_match(acme: Client, ada: str, filter: str):
    assert [each["id"] for each in await acme.find("/Users", filter)] == [ada]


@pytest.mark.parametrize("path", ["/Users", "/Groups"])
async def test_the_test_connection_of_both_kinds_gets_200(acme: Client, path: str):
    name = "userName" if path == "/Users" else "displayName"
    filter = f'{name} eq "f5b1d2b6-4f4c-4c7e-8d1c-6a1c7e2f9d10"'
    assert await acme.find(path, filter, excludedAttributes="members") == []


class TestDefaultDialect:
    async def test_disabling_with_a_text(self, acme: Client, ada: str):
        for value, active in ("False", False), ("True", True), ("false", False):
            await acme.patch(f"/Users/{ada}", {"op": "Replace", "path": "active", "value": value})
            assert (await read(acme, ada))["active"] is active

    async def test_several_attributes_at_once(self, acme: Client, ada: str):
        patched = await acme.patch(
            f"/Users/{ada}",
            {"op": "Replace", "path": "displayName", "value": "Pvlo"},
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "p@example.com"},
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Retail"},
            {"op": "Add", "path": "nickName", "value": "Babs"},
            {"op": "Replace", "path": "name.givenName", "value": "Augusta"},
            {"op": "Remove", "path": f"{ENTERPRISE}:employeeNumber"},
        )
        assert patched.status == 200
        body = await read(acme, ada)
        assert (body["displayName"], body["nickName"], body["name"]["givenName"]) == ("Pvlo", "Babs", "Augusta")
        assert body["emails"] == [{"primary": True, "type": "work", "value": "p@example.com"}]
        assert body[ENTERPRISE] == {"department": "Retail"}

    async def test_an_element_that_is_not_there_yet_is_made(self, acme: Client, ada: str):
        await acme.patch(
            f"/Users/{ada}",
            {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+49 (30) 1234"},
            {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Berlin"},
            {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "DE"},
            {"op": "Add", "path": 'emails[type eq "home"].value', "value": "a@home.example"},
        )
        body = await read(acme, ada)
        assert body["phoneNumbers"] == [{"type": "mobile", "value": "+49 (30) 1234"}]
        assert body["addresses"] == [{"type": "work", "locality": "Berlin", "country": "DE"}]
        assert [each["value"] for each in body["emails"]] == ["ada@acme.example", "a@home.example"]

    async def test_members_come_and_go_by_lists_of_values(self, acme: Client, ada: str):
        bob, cyd = await acme.user("bob"), await acme.user("cyd")
        group = await acme.group("Analysts")
        add = [{"$ref": None, "value": each} for each in (ada, bob, cyd)]
        await acme.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": add})
        assert await acme.members(group) == [ada, bob, cyd]
        remove = [{"$ref": None, "value": ada}, {"value": cyd}]
        await acme.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": remove})
        assert await acme.members(group) == [bob]
        await acme.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": [{"value": "not in it"}]})
        assert await acme.members(group) == [bob]

    async def test_roles_are_accepted_and_ignored(self, acme: Client, ada: str):
        role = '{"id":"18d1","value":"owner","displayName":"Owner"}'
        for operation in (
            {"op": "Add", "path": "roles", "value": [{"value": role}]},
            {"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "owner"},
            {"op": "Replace", "value": {"roles": [{"value": "owner"}], "entitlements": [{"value": "x"}]}},
        ):
            assert (await acme.patch(f"/Users/{ada}", operation)).status == 200
        assert not (await read(acme, ada)).keys() & {"roles", "entitlements"}


class TestCompliantDialect:
    async def test_disabling(self, acme: Client, ada: str):
        await acme.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        assert (await read(acme, ada))["active"] is False

    async def test_one_operation_without_a_path_and_with_dotted_keys(self, acme: Client, ada: str):
        await acme.patch(
            f"/Users/{ada}",
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "p@example.com"},
            {
                "op": "replace",
                "value": {
                    "displayName": "Bjfe",
                    "name.givenName": "Kkom",
                    f"{ENTERPRISE}:employeeNumber": "A1",
                    f"{ENTERPRISE}:manager": "m-1",
                    'phoneNumbers[type eq "work"].value': "1",
                    "active": False,
                },
            },
        )
        body = await read(acme, ada)
        assert (body["displayName"], body["name"]["givenName"], body["active"]) == ("Bjfe", "Kkom", False)
        assert body[ENTERPRISE] == {"department": "Maths", "employeeNumber": "A1", "manager": {"value": "m-1"}}
        assert body["emails"][0]["value"] == "p@example.com"
        assert body["phoneNumbers"] == [{"type": "work", "value": "1"}]

    async def test_members_are_removed_one_by_one(self, acme: Client, ada: str):
        bob = await acme.user("bob")
        group = await acme.group("Analysts", ada, bob)
        remove = [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in (ada, bob)]
        await acme.patch(f"/Groups/{group}", *remove)
        assert await acme.members(group) == []


class TestManager:
    @pytest.mark.parametrize("path", ["manager", f"{ENTERPRISE}:manager"])
    @pytest.mark.parametrize(
        "value", ["m-1", {"value": "m-1"}, [{"value": "m-1"}], {"value": "m-1", "$ref": None, "displayName": "M"}]
    )
    @pytest.mark.parametrize("op", ["Add", "replace"])
    async def test_every_way_to_name_one(self, acme: Client, ada: str, path: str, value: object, op: str):
        await acme.patch(f"/Users/{ada}", {"op": op, "path": path, "value": value})
        assert (await read(acme, ada))[ENTERPRISE]["manager"] == {"value": "m-1"}

    async def test_with_a_reference(self, acme: Client, ada: str):
        value = [{"$ref": f"{URL}/Users/m-1", "value": "m-1"}]
        await acme.patch(f"/Users/{ada}", {"op": "Add", "path": "manager", "value": value})
        assert (await read(acme, ada))[ENTERPRISE]["manager"] == value[0]
        await acme.patch(f"/Users/{ada}", {"op": "Add", "path": "manager", "value": "m-2"})
        assert (await read(acme, ada))[ENTERPRISE]["manager"] == {"value": "m-2"}

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "remove", "path": 'manager[value eq "m-1"]'},
            {"op": "remove", "path": f"{ENTERPRISE}:manager"},
            {"op": "replace", "path": "manager", "value": ""},
            {"op": "replace", "path": "manager", "value": None},
            {"op": "Remove", "path": "manager", "value": [{"value": "m-1"}]},
        ],
    )
    async def test_every_way_to_take_one_away(self, acme: Client, ada: str, operation: object):
        await acme.patch(f"/Users/{ada}", {"op": "add", "path": "manager", "value": "m-1"})
        await acme.patch(f"/Users/{ada}", operation)
        assert "manager" not in (await read(acme, ada))[ENTERPRISE]

    async def test_another_manager_is_not_taken_away(self, acme: Client, ada: str):
        await acme.patch(f"/Users/{ada}", {"op": "add", "path": "manager", "value": "m-2"})
        await acme.patch(f"/Users/{ada}", {"op": "remove", "path": 'manager[value eq "m-1"]'})
        assert (await read(acme, ada))[ENTERPRISE]["manager"] == {"value": "m-2"}

    @pytest.mark.parametrize("value", ["m-1", ["m-1"], [{"value": "m-1"}], {"value": "m-1"}])
    async def test_in_a_creation(self, acme: Client, value: object):
        made = await acme.post("/Users", {"userName": "bob@acme.example", ENTERPRISE: {"manager": value}})
        assert made.body[ENTERPRISE] == {"manager": {"value": "m-1"}}

    async def test_the_reference_check_finds_who_points_there(self, acme: Client, ada: str):
        await acme.patch(f"/Users/{ada}", {"op": "add", "path": "manager", "value": "m-1"})
        for manager, hits in ("m-1", [{"schemas": [CORE], "id": ada}]), ("m-2", []):
            assert await acme.find("/Users", f'id eq "{ada}" and manager eq "{manager}"', attributes="id") == hits


class TestGroups:
    async def test_creating_with_the_older_schema(self, acme: Client):
        body = {"schemas": [GROUP, ADSCIM_GROUP], "displayName": "Analysts", "externalId": "8aa1", "members": []}
        made = await acme.post("/Groups", body)
        assert made.status == 201
        assert made.body["externalId"] == "8aa1"

    async def test_matching_without_members(self, acme: Client, ada: str):
        group = await acme.group("Analysts", ada)
        found = await acme.find("/Groups", 'displayName eq "analysts"', excludedAttributes="members")
        assert [each["id"] for each in found] == [group]
        assert "members" not in found[0]
        assert "members" not in (await acme.get(f"/Groups/{group}", excludedAttributes="members")).body

    async def test_the_member_check(self, acme: Client, ada: str):
        bob = await acme.user("bob")
        group = await acme.group("Analysts", ada)
        for member, hits in (ada, [group]), (bob, []):
            filter = f'id eq "{group}" and members eq "{member}"'
            found = await acme.find("/Groups", filter, excludedAttributes="members")
            assert [each["id"] for each in found] == hits

    async def test_renaming_with_excluded_members_answers_204(self, acme: Client, ada: str):
        group = await acme.group("Analysts", ada)
        operation = {"op": "Replace", "path": "displayName", "value": "Data"}
        patched = await acme.patch(f"/Groups/{group}", operation, query={"excludedAttributes": "members"})
        assert (patched.status, patched.body) == (204, None)
        assert (await acme.get(f"/Groups/{group}")).body["displayName"] == "Data"


async def test_empty_texts_and_then_nulls_are_taken(acme: Client, ada: str):
    for value in "", None:
        operations = [
            {"op": "replace", "path": path, "value": value}
            for path in ("title", "name.givenName", f"{ENTERPRISE}:department", 'emails[type eq "work"].value')
        ]
        assert (await acme.patch(f"/Users/{ada}", *operations)).status == 200
    body = await read(acme, ada)
    assert not body.keys() & {"title"}
    assert "department" not in body.get(ENTERPRISE, {})
