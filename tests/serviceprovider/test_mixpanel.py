"""The app plays Mixpanel: plans, claimed domains, logins, roles, the last Owner, teams."""

import asyncio

import pytest
from tests.serviceprovider.world import ENTERPRISE, Client, organisation, verify

from instep.serviceprovider import domains, members, organisations, teams
from instep.serviceprovider.app import App
from instep.serviceprovider.members import Role
from instep.serviceprovider.organisations import Organisation, Plan


def found(app: App, name: str = "Acme") -> Organisation:
    with app.database.reading() as connection:
        return organisations.find(connection, name)


def by_hand(app: App, email: str, role: Role = Role.MEMBER) -> str:
    """Invites somebody and gives the id."""
    with app.database.writing() as connection:
        return members.invite(connection, organisations.find(connection, "Acme"), email, role, None, app.now()).id


def role_of(app: App, email: str) -> Role:
    with app.database.reading() as connection:
        return members.get(connection, organisations.find(connection, "Acme"), email).role


class TestPlan:
    @pytest.mark.parametrize("plan", [Plan.FREE, Plan.GROWTH])
    async def test_below_enterprise_everything_is_403(self, acme: Client, plan: Plan):
        ada = await acme.user("ada")
        with acme.app.database.writing() as connection:
            organisations.set_plan(connection, found(acme.app), plan)
        for answer in (
            await acme.get("/Users"),
            await acme.get("/Schemas"),
            await acme.post("/Users", {"userName": "bob@acme.example"}),
            await acme.delete(f"/Users/{ada}"),
        ):
            assert answer.status == 403
            assert "Enterprise" in answer.body["detail"]

    async def test_back_on_enterprise_everybody_is_still_there(self, acme: Client):
        ada = await acme.user("ada")
        for plan in Plan.FREE, Plan.ENTERPRISE:
            with acme.app.database.writing() as connection:
                organisations.set_plan(connection, found(acme.app), plan)
        assert (await acme.get(f"/Users/{ada}")).status == 200


class TestDomains:
    @pytest.mark.parametrize("name", ["ada@elsewhere.example", "ada@sub.acme.example", "ada@acme.example.evil.example"])
    async def test_another_domain_is_refused_by_name(self, acme: Client, name: str):
        refused = await acme.post("/Users", {"userName": name})
        assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")
        assert name.partition("@")[2] in refused.body["detail"]

    @pytest.mark.parametrize("name", ["ada", "@acme.example", "ada@", "a da@acme.example", "ada@acme", "@", ""])
    async def test_what_is_no_address_is_refused(self, acme: Client, name: str):
        refused = await acme.post("/Users", {"userName": name})
        assert (refused.status, refused.body["scimType"]) == (400, "invalidValue")

    async def test_a_pending_claim_is_not_enough(self, acme: Client):
        with acme.app.database.writing() as connection:
            domains.claim(connection, found(acme.app), "pending.example")
        assert (await acme.post("/Users", {"userName": "ada@pending.example"})).status == 400

    async def test_a_second_domain_counts_and_so_do_internationalised_names(self, acme: Client):
        with acme.app.database.writing() as connection:
            verify(acme.app, connection, found(acme.app), "bücher.example")
        for domain in "bücher.example", "xn--bcher-kva.example", "BÜCHER.example":
            made = await acme.post("/Users", {"userName": f"u{hash(domain)}@{domain}"})
            assert made.status == 201

    async def test_members_outside_are_listed_and_cannot_be_written(self, acme: Client):
        guest = by_hand(acme.app, "guest@elsewhere.example")
        assert [each["id"] for each in (await acme.get("/Users")).resources] == [guest]
        before = await acme.get(f"/Users/{guest}")
        for answer in (
            await acme.patch(f"/Users/{guest}", {"op": "replace", "path": "active", "value": False}),
            await acme.put(f"/Users/{guest}", before.body | {"title": "Dr"}),
            await acme.delete(f"/Users/{guest}"),
        ):
            assert answer.status == 403
            assert "guest@elsewhere.example" in answer.body["detail"]
        assert await acme.get(f"/Users/{guest}") == before

    async def test_when_a_claim_is_given_up_its_people_cannot_be_written(self, acme: Client):
        ada = await acme.user("ada")
        with acme.app.database.writing() as connection:
            domains.release(connection, found(acme.app), "acme.example")
        assert (await acme.delete(f"/Users/{ada}")).status == 403


class TestLogins:
    async def test_somebody_elses_login_is_409_uniqueness(self, acme: Client):
        with acme.app.database.writing() as connection:
            members.sign_up(connection, "eve@acme.example", acme.app.now())
        refused = await acme.post("/Users", {"userName": "EVE@acme.example"})
        assert (refused.status, refused.body["scimType"]) == (409, "uniqueness")
        assert "invite" in refused.body["detail"]

    async def test_once_invited_the_person_can_be_matched_and_changed(self, acme: Client):
        with acme.app.database.writing() as connection:
            members.sign_up(connection, "eve@acme.example", acme.app.now())
        eve = by_hand(acme.app, "eve@acme.example")
        assert [each["id"] for each in await acme.find("/Users", 'userName eq "eve@acme.example"')] == [eve]
        assert (await acme.patch(f"/Users/{eve}", {"op": "add", "path": "title", "value": "Dr"})).status == 200

    async def test_a_member_of_another_organisation_is_an_outside_account(self, acme: Client):
        organisation(acme.app, "Globex", "globex.example")
        with acme.app.database.writing() as connection:
            globex = organisations.find(connection, "Globex")
            members.invite(connection, globex, "ada@acme.example", Role.MEMBER, None, acme.app.now())
        assert (await acme.post("/Users", {"userName": "ada@acme.example"})).status == 409

    async def test_who_was_deleted_comes_back_with_a_new_id_and_as_member(self, acme: Client):
        ada = await acme.user("ada")
        with acme.app.database.writing() as connection:
            members.set_role(connection, found(acme.app), "ada@acme.example", Role.ADMIN)
        group = await acme.group("Analysts", ada)
        assert (await acme.delete(f"/Users/{ada}")).status == 204
        again = await acme.user("ada")
        assert again != ada
        assert role_of(acme.app, "ada@acme.example") is Role.MEMBER
        assert await acme.members(group) == []

    async def test_deleting_keeps_the_login(self, acme: Client):
        await acme.delete(f"/Users/{await acme.user('ada')}")
        globex = Client(acme.app, organisation(acme.app, "Globex", "globex.example")[1])
        with acme.app.database.writing() as connection:
            domains.release(connection, found(acme.app), "acme.example")
            verify(acme.app, connection, found(acme.app, "Globex"), "acme.example")
        assert (await globex.post("/Users", {"userName": "ada@acme.example"})).status == 409

    async def test_a_new_address_frees_the_old_one(self, acme: Client):
        ada = await acme.user("ada")
        rename = {"op": "replace", "path": "userName", "value": "augusta@acme.example"}
        assert (await acme.patch(f"/Users/{ada}", rename)).body["userName"] == "augusta@acme.example"
        assert await acme.user("ada") != ada

    @pytest.mark.parametrize(
        ("address", "status"), [("bob@acme.example", 409), ("eve@acme.example", 409), ("ada@elsewhere.example", 400)]
    )
    async def test_a_new_address_must_be_free_and_in_a_claimed_domain(self, acme: Client, address: str, status: int):
        ada = await acme.user("ada")
        await acme.user("bob")
        with acme.app.database.writing() as connection:
            members.sign_up(connection, "eve@acme.example", acme.app.now())
        rename = {"op": "replace", "path": "userName", "value": address}
        assert (await acme.patch(f"/Users/{ada}", rename)).status == status
        assert (await acme.get(f"/Users/{ada}")).body["userName"] == "ada@acme.example"

    async def test_the_case_of_an_address_may_change(self, acme: Client):
        ada = await acme.user("ada")
        rename = {"op": "replace", "path": "userName", "value": "Ada@acme.example"}
        assert (await acme.patch(f"/Users/{ada}", rename)).body["userName"] == "Ada@acme.example"


class TestRoles:
    async def test_scim_can_neither_set_nor_see_them(self, acme: Client):
        ada = await acme.user("ada", roles=[{"value": "owner", "primary": True}], entitlements=[{"value": "admin"}])
        assert role_of(acme.app, "ada@acme.example") is Role.MEMBER
        with acme.app.database.writing() as connection:
            members.set_role(connection, found(acme.app), "ada@acme.example", Role.ADMIN)
        body = (await acme.get(f"/Users/{ada}")).body
        assert "admin" not in str(body)
        await acme.put(f"/Users/{ada}", body | {"roles": [{"value": "member"}]})
        assert role_of(acme.app, "ada@acme.example") is Role.ADMIN


class TestLastOwner:
    @pytest.fixture
    def owner(self, acme: Client) -> str:
        return by_hand(acme.app, "owner@acme.example", Role.OWNER)

    async def test_cannot_be_deactivated_or_deleted(self, acme: Client, owner: str):
        body = (await acme.get(f"/Users/{owner}")).body
        for answer in (
            await acme.patch(f"/Users/{owner}", {"op": "replace", "path": "active", "value": False}),
            await acme.put(f"/Users/{owner}", body | {"active": False}),
            await acme.delete(f"/Users/{owner}"),
        ):
            assert answer.status == 409
            assert "last active Owner" in answer.body["detail"]
        assert (await acme.get(f"/Users/{owner}")).body == body

    async def test_may_be_changed_otherwise(self, acme: Client, owner: str):
        assert (await acme.patch(f"/Users/{owner}", {"op": "add", "path": "title", "value": "Dr"})).status == 200

    async def test_with_another_owner_both_go_one_after_the_other(self, acme: Client, owner: str):
        second = by_hand(acme.app, "second@acme.example", Role.OWNER)
        off = {"op": "replace", "path": "active", "value": False}
        assert (await acme.patch(f"/Users/{owner}", off)).status == 200
        assert (await acme.patch(f"/Users/{second}", off)).status == 409
        # An Owner who is deactivated holds nothing up.
        assert (await acme.delete(f"/Users/{owner}")).status == 204

    async def test_of_two_that_go_at_once_one_stays(self, acme: Client, owner: str):
        second = by_hand(acme.app, "second@acme.example", Role.OWNER)
        answers = await asyncio.gather(*(acme.delete(f"/Users/{each}") for each in (owner, second)))
        assert sorted(each.status for each in answers) == [204, 409]


class TestDeactivation:
    async def test_who_is_deactivated_stays_listed_and_keeps_teams(self, acme: Client):
        ada = await acme.user("ada")
        group = await acme.group("Analysts", ada)
        await acme.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        assert [(each["id"], each["active"]) for each in (await acme.get("/Users")).resources] == [(ada, False)]
        assert await acme.members(group) == [ada]
        on = await acme.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": True})
        assert on.id == ada

    async def test_somebody_may_join_deactivated(self, acme: Client):
        ada = await acme.user("ada", active=False)
        assert (await acme.get(f"/Users/{ada}")).body["active"] is False

    async def test_the_enterprise_extension_is_kept(self, acme: Client):
        extension = {"department": "Maths", "costCenter": "4130", "manager": {"value": "m-1"}}
        ada = await acme.user("ada", **{ENTERPRISE: extension})
        await acme.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        assert (await acme.get(f"/Users/{ada}")).body[ENTERPRISE] == extension


async def test_a_deleted_team_takes_nobody_with_it(acme: Client):
    ada = await acme.user("ada")
    group = await acme.group("Analysts", ada)
    await acme.delete(f"/Groups/{group}")
    assert (await acme.get(f"/Users/{ada}")).body.keys() & {"groups", "userName"} == {"userName"}
    with acme.app.database.reading() as connection:
        assert teams.every(connection, found(acme.app)) == []
