"""What JumpCloud sends: a test user and group when it's activated, members by lists of values, taking groups over."""

from tests.serviceprovider.world import CORE, GROUP, Client

from instep.serviceprovider import organisations, teams


async def test_activation_creates_and_deletes_a_user_and_a_group(acme: Client):
    user = {
        "schemas": [CORE],
        "userName": "test.user.1@acme.example",
        "displayName": "Test User",
        "active": True,
        "name": {"givenName": "Test", "familyName": "User", "formatted": "Test User"},
        "emails": [{"type": "work", "value": "test.user.1@acme.example", "primary": True}],
    }
    made = await acme.post("/Users", user)
    assert (await acme.put(f"/Users/{made.id}", user | {"id": made.id, "active": False})).body["active"] is False
    group = await acme.post("/Groups", {"schemas": [GROUP], "displayName": "JC test", "members": [{"value": made.id}]})
    assert (await acme.delete(f"/Groups/{group.id}")).status == 204
    assert (await acme.delete(f"/Users/{made.id}")).status == 204
    assert (await acme.get("/Users")).resources == []


async def test_members_are_removed_by_lists_of_values(acme: Client):
    ada, bob = await acme.user("ada"), await acme.user("bob")
    group = await acme.group("Analysts", ada, bob)
    await acme.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": [{"value": ada}]})
    assert await acme.members(group) == [bob]


async def test_a_hand_made_team_is_taken_over_and_nobody_loses_a_place(acme: Client):
    ada, bob = await acme.user("ada"), await acme.user("bob")
    with acme.app.database.writing() as connection:
        found = organisations.find(connection, "Acme")
        by_hand = teams.create(connection, found, "Analysts", ["ada@acme.example"], acme.app.now())
    pushed = await acme.post("/Groups", {"displayName": "ANALYSTS", "externalId": "g-1", "members": [{"value": bob}]})
    assert (pushed.status, pushed.id, pushed.body["externalId"]) == (201, by_hand, "g-1")
    assert await acme.members(by_hand) == [ada, bob]
    assert (await acme.post("/Groups", {"displayName": "Analysts"})).status == 409


async def test_a_hand_made_team_can_be_matched_and_changed(acme: Client):
    ada = await acme.user("ada")
    with acme.app.database.writing() as connection:
        found = organisations.find(connection, "Acme")
        by_hand = teams.create(connection, found, "Analysts", [], acme.app.now())
    assert [each["id"] for each in await acme.find("/Groups", 'displayName eq "analysts"')] == [by_hand]
    await acme.patch(f"/Groups/{by_hand}", {"op": "add", "path": "members", "value": [{"value": ada}]})
    assert await acme.members(by_hand) == [ada]
    # Whoever changes a team has matched it: from now on it's taken.
    assert (await acme.post("/Groups", {"displayName": "Analysts"})).status == 409
