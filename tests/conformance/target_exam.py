"""The exam of the port `Target`: what every adapter, and the app behind it, must do alike.

A class for an adapter inherits `TargetExam` and gives it the fixture `target`, an empty app.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Refused
from instep.core.subject import Kind
from instep.ports import Answer, Target
from instep.scim import documents

WORK_EMAIL = 'emails[type eq "work"].value'
HOME_EMAIL = 'emails[type eq "home"].value'
WORK_CITY = 'addresses[type eq "work"].locality'
WORK_REGION = 'addresses[type eq "work"].region'
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

ADA: Mapping[str, Any] = {
    "userName": "ada@example.test",
    "active": True,
    "displayName": "Ada Byron",
    "name.givenName": "Ada",
    "name.familyName": "Byron",
    WORK_EMAIL: "ada@example.test",
    DEPARTMENT: "Maths",
}

ODD = (
    "👩‍👩‍👧 Zoë",
    "\u202eadA\u202c עדה",
    "re\u0301ne\u0301 ﬁ ẞ İ",
    "a\x00b",
    "\x1b[2J\r\n\t\u2028",
    "\ufffe\U0010ffff",
    "x" * 65_536,
)
"""Joined emoji, another direction, composition, NUL, control characters, what is no character, and very long."""


async def made(target: Target, kind: Kind, attributes: Mapping[str, Any], members: list[str] | None = None) -> str:
    """The app id of something created for a test."""
    answer = await target.create(kind, attributes, members or [])
    assert isinstance(answer.outcome, Done), answer
    assert answer.app_id
    return answer.app_id


async def people(target: Target, count: int) -> list[str]:
    return [await made(target, Kind.USER, {"userName": f"person{n}@example.test"}) for n in range(count)]


async def value(target: Target, kind: Kind, app_id: str, path: str) -> Any:
    resource = await target.read(kind, app_id)
    assert resource is not None
    return documents.read(resource.document, path)


async def members(target: Target, group: str) -> list[str]:
    resource = await target.read(Kind.GROUP, group, members=True)
    assert resource is not None
    return documents.members(resource.document)


async def everyone(target: Target, kind: Kind) -> list[str]:
    return [resource.id async for page in target.pages(kind) for resource in page]


def refused(answer: Answer) -> str:
    """The code of the refusal."""
    assert isinstance(answer.outcome, Refused), answer
    return answer.outcome.code


class TargetExam:
    """The facts."""

    @pytest.fixture
    def target(self) -> Target:
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------- reads

    async def test_the_connection_can_be_tested(self, target: Target) -> None:
        await target.check([Kind.USER, Kind.GROUP], {Kind.USER: "userName", Kind.GROUP: "displayName"})
        assert target.abilities.trusts_filter

    async def test_an_empty_app_counts_as_empty(self, target: Target) -> None:
        assert await target.count(Kind.USER) == 0
        assert await target.count(Kind.GROUP) == 0
        assert await everyone(target, Kind.USER) == []

    async def test_everyone_is_counted_and_listed_once(self, target: Target) -> None:
        ids = await people(target, 23)
        assert await target.count(Kind.USER) == 23
        assert sorted(await everyone(target, Kind.USER)) == sorted(ids)

    async def test_groups_are_listed_without_their_members(self, target: Target) -> None:
        ids = await people(target, 2)
        group = await made(target, Kind.GROUP, {"displayName": "Maths"}, ids)
        listed = [resource async for page in target.pages(Kind.GROUP) for resource in page]
        assert [(r.id, documents.members(r.document)) for r in listed] == [(group, [])]

    async def test_a_person_is_found_by_user_name_in_any_case(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        await made(target, Kind.USER, {"userName": "other@example.test"})
        assert [r.id for r in await target.find(Kind.USER, "userName", "ADA@example.test")] == [ada]

    async def test_nobody_is_found_where_nobody_matches(self, target: Target) -> None:
        await made(target, Kind.USER, ADA)
        assert await target.find(Kind.USER, "userName", "bob@example.test") == []

    async def test_a_person_is_found_by_an_email_of_one_type(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        assert [r.id for r in await target.find(Kind.USER, WORK_EMAIL, "ada@example.test")] == [ada]

    @pytest.mark.parametrize("name", ['o"neil', "back\\slash", "naïve – 名前 🦉", "a and b eq c", "50%+&?=#"])
    async def test_awkward_characters_are_looked_up_literally(self, target: Target, name: str) -> None:
        wanted = await made(target, Kind.GROUP, {"displayName": name})
        await made(target, Kind.GROUP, {"displayName": "other"})
        assert [r.id for r in await target.find(Kind.GROUP, "displayName", name)] == [wanted]
        assert await value(target, Kind.GROUP, wanted, "displayName") == name

    @pytest.mark.parametrize("text", ODD, ids=lambda text: f"{len(text)} from {ord(text[0]):04x}")
    async def test_odd_texts_arrive_as_they_are_or_are_refused(self, target: Target, text: str) -> None:
        ada = await made(target, Kind.USER, ADA)
        answer = await target.update(Kind.USER, ada, [AttributeChange("displayName", "Ada Byron", text)])
        assert isinstance(answer.outcome, Done | Refused)
        arrived = text if isinstance(answer.outcome, Done) else "Ada Byron"
        assert await value(target, Kind.USER, ada, "displayName") == arrived

    async def test_what_was_never_there_is_read_as_none(self, target: Target) -> None:
        assert await target.read(Kind.USER, "never-there") is None
        assert await target.read(Kind.GROUP, "never/there?") is None

    # -------------------------------------------------------------------------------------- creating

    async def test_a_created_person_has_an_id_and_what_was_sent(self, target: Target) -> None:
        answer = await target.create(Kind.USER, ADA)
        assert isinstance(answer.outcome, Done)
        assert answer.resource is not None
        assert answer.resource.id == answer.app_id
        for path, sent in ADA.items():
            assert documents.same(documents.read(answer.resource.document, path), sent), path

    async def test_a_second_person_of_the_same_name_is_a_conflict(self, target: Target) -> None:
        await made(target, Kind.USER, ADA)
        assert refused(await target.create(Kind.USER, {**ADA, "userName": "ADA@example.test"})) == "Conflict"
        assert await target.count(Kind.USER) == 1

    async def test_an_attribute_without_value_isnt_sent(self, target: Target) -> None:
        ada = await made(target, Kind.USER, {**ADA, "title": None})
        assert await value(target, Kind.USER, ada, "title") is documents.ABSENT

    # -------------------------------------------------------------------------------------- changing

    async def test_attributes_are_added_replaced_and_cleared(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        answer = await target.update(
            Kind.USER,
            ada,
            [
                AttributeChange("title", None, "Countess"),
                AttributeChange("name.familyName", "Byron", "Lovelace"),
                AttributeChange(DEPARTMENT, "Maths", None),
            ],
        )
        assert isinstance(answer.outcome, Done)
        assert await value(target, Kind.USER, ada, "title") == "Countess"
        assert await value(target, Kind.USER, ada, "name.familyName") == "Lovelace"
        assert await value(target, Kind.USER, ada, "name.givenName") == "Ada"
        assert await value(target, Kind.USER, ada, DEPARTMENT) is documents.ABSENT

    async def test_access_is_ended_and_given_again(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        for old, new in [(True, False), (False, True)]:
            answer = await target.update(Kind.USER, ada, [AttributeChange("active", old, new)])
            assert isinstance(answer.outcome, Done)
            assert await value(target, Kind.USER, ada, "active") is new

    async def test_an_email_comes_changes_and_goes_beside_another(self, target: Target) -> None:
        ada = await made(target, Kind.USER, {"userName": "ada@example.test", HOME_EMAIL: "ada@home.test"})
        for old, new in [(None, "a@work.test"), ("a@work.test", "b@work.test"), ("b@work.test", None)]:
            answer = await target.update(Kind.USER, ada, [AttributeChange(WORK_EMAIL, old, new)])
            assert isinstance(answer.outcome, Done), answer
            assert await value(target, Kind.USER, ada, WORK_EMAIL) == (documents.ABSENT if new is None else new)
            assert await value(target, Kind.USER, ada, HOME_EMAIL) == "ada@home.test"

    async def test_a_part_is_added_to_an_address_that_is_there_or_not(self, target: Target) -> None:
        ada = await made(target, Kind.USER, {"userName": "ada@example.test", WORK_CITY: "London"})
        bob = await made(target, Kind.USER, {"userName": "bob@example.test"})
        for person, city in [(ada, "London"), (bob, documents.ABSENT)]:
            answer = await target.update(Kind.USER, person, [AttributeChange(WORK_REGION, None, "Middlesex")])
            assert isinstance(answer.outcome, Done), answer
            assert await value(target, Kind.USER, person, WORK_REGION) == "Middlesex"
            assert await value(target, Kind.USER, person, WORK_CITY) == city
            resource = await target.read(Kind.USER, person)
            assert resource is not None
            assert len(documents.lookup(resource.document, "addresses")) == 1

    async def test_a_manager_is_set_changed_and_cleared(self, target: Target) -> None:
        ada, bob, eve = await people(target, 3)
        managed = await made(target, Kind.USER, {**ADA, MANAGER: ada})
        assert await value(target, Kind.USER, managed, MANAGER) == ada
        for old, new in [(ada, bob), (bob, None), (None, eve)]:
            answer = await target.update(Kind.USER, managed, [AttributeChange(MANAGER, old, new)])
            assert isinstance(answer.outcome, Done), answer
            assert await value(target, Kind.USER, managed, MANAGER) == (documents.ABSENT if new is None else new)

    async def test_a_name_that_is_taken_isnt_given_twice(self, target: Target) -> None:
        await made(target, Kind.USER, ADA)
        bob = await made(target, Kind.USER, {"userName": "bob@example.test"})
        change = AttributeChange("userName", "bob@example.test", "ada@example.test")
        assert refused(await target.update(Kind.USER, bob, [change])) == "Conflict"

    async def test_what_doesnt_exist_cant_be_changed(self, target: Target) -> None:
        change = AttributeChange("displayName", None, "Ghost")
        assert refused(await target.update(Kind.USER, "never-there", [change])) == "InvalidAnchor"
        assert refused(await target.update(Kind.GROUP, "never-there", [], ["a"], ["b"])) == "InvalidAnchor"

    # --------------------------------------------------------------------------------------- members

    async def test_a_group_is_created_with_its_members(self, target: Target) -> None:
        ids = await people(target, 3)
        answer = await target.create(Kind.GROUP, {"displayName": "Maths"}, ids)
        assert isinstance(answer.outcome, Done)
        assert answer.members_outcome is None
        assert answer.app_id is not None
        assert sorted(answer.members_done) == sorted(ids)
        assert sorted(await members(target, answer.app_id)) == sorted(ids)

    async def test_more_members_than_one_request_takes_all_arrive(self, target: Target) -> None:
        ids = await people(target, 2 * target.abilities.members_per_patch + 3)
        group = await made(target, Kind.GROUP, {"displayName": "Everyone"}, ids)
        assert sorted(await members(target, group)) == sorted(ids)
        answer = await target.update(Kind.GROUP, group, [], [], ids[1:])
        assert isinstance(answer.outcome, Done)
        assert sorted(answer.members_done) == sorted(ids[1:])
        assert await members(target, group) == ids[:1]

    async def test_members_come_and_go_in_one_update_with_a_new_name(self, target: Target) -> None:
        ada, bob, eve = await people(target, 3)
        group = await made(target, Kind.GROUP, {"displayName": "Maths"}, [ada, bob])
        rename = AttributeChange("displayName", "Maths", "Mathematics")
        answer = await target.update(Kind.GROUP, group, [rename], [eve], [ada])
        assert isinstance(answer.outcome, Done)
        assert sorted(answer.members_done) == sorted([eve, ada])
        assert sorted(await members(target, group)) == sorted([bob, eve])
        assert await value(target, Kind.GROUP, group, "displayName") == "Mathematics"

    async def test_taking_out_who_isnt_a_member_counts_as_done(self, target: Target) -> None:
        ada, bob, eve = await people(target, 3)
        group = await made(target, Kind.GROUP, {"displayName": "Maths"}, [ada, bob])
        answer = await target.update(Kind.GROUP, group, [], [], [eve, bob])
        assert isinstance(answer.outcome, Done)
        assert sorted(answer.members_done) == sorted([eve, bob])
        assert await members(target, group) == [ada]

    async def test_taking_out_the_last_member_twice_counts_as_done(self, target: Target) -> None:
        (ada,) = await people(target, 1)
        group = await made(target, Kind.GROUP, {"displayName": "Maths"}, [ada])
        for _ in range(2):
            answer = await target.update(Kind.GROUP, group, [], [], [ada])
            assert isinstance(answer.outcome, Done)
            assert answer.members_done == (ada,)
        assert await members(target, group) == []

    async def test_a_member_who_is_there_already_isnt_there_twice(self, target: Target) -> None:
        ada, bob = await people(target, 2)
        group = await made(target, Kind.GROUP, {"displayName": "Maths"}, [ada])
        answer = await target.update(Kind.GROUP, group, [], [ada, bob])
        assert isinstance(answer.outcome, Done)
        assert sorted(await members(target, group)) == sorted([ada, bob])

    # -------------------------------------------------------------------------------------- deleting

    async def test_deleting_twice_is_done_twice(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        for _ in range(2):
            assert isinstance((await target.delete(Kind.USER, ada)).outcome, Done)
        assert await target.read(Kind.USER, ada) is None
        assert await target.find(Kind.USER, "userName", "ada@example.test") == []

    async def test_a_name_is_free_again_after_its_owner_was_deleted(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        await target.delete(Kind.USER, ada)
        assert await made(target, Kind.USER, ADA) != ada

    async def test_a_write_shows_what_was_sent_and_what_came(self, target: Target) -> None:
        ada = await made(target, Kind.USER, ADA)
        answer = await target.update(Kind.USER, ada, [AttributeChange("displayName", "Ada Byron", "Ada")])
        assert len(answer.exchanges) == 1
        assert answer.exchanges[0].status in (200, 204)
