"""Members of groups, in apps that take them in every way but the usual one."""

from typing import Any

import pytest
from tests.hostile.app import ERROR, HostileApp
from tests.targets.conftest import Connect

from instep.core.outcome import Done, Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.targets.scim import ScimTarget

MATHS: dict[str, Any] = {"displayName": "Maths"}


def people(app: HostileApp, count: int) -> list[str]:
    return [app.put("Users", userName=f"person{n}") for n in range(count)]


# -------------------------------------------------------------------------------------- creations


async def test_members_ride_in_the_creation(app: HostileApp, connect: Connect) -> None:
    ids = people(app, 250)
    async with connect() as target:
        answer = await target.create(Kind.GROUP, MATHS, ids)
    assert [r.method for r in app.requests] == ["POST", "PATCH", "PATCH"]
    assert app.members["251"] == ids
    assert answer.members_taken
    assert answer.members_done == tuple(ids)
    assert len(answer.exchanges) == 3


@pytest.mark.parametrize("taken", [True, False])
async def test_members_that_a_creation_doesnt_show_are_patched(
    app: HostileApp, target: ScimTarget, taken: bool
) -> None:
    app.quirks.echoes_members, app.quirks.takes_members_in_create = False, taken
    ids = people(app, 3)
    answer = await target.create(Kind.GROUP, MATHS, ids)
    assert not answer.members_taken
    assert sorted(answer.members_done) == sorted(ids)
    assert sorted(app.members["4"]) == sorted(ids)
    assert not target.abilities.members_in_create
    app.requests.clear()
    await target.create(Kind.GROUP, {"displayName": "Poetry"}, ids)
    assert "members" not in app.requests[0].body
    assert [r.method for r in app.requests] == ["POST", "PATCH"]


async def test_a_creation_that_is_refused_for_its_members_is_made_without(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.refuses_members_in_create = True
    ids = people(app, 2)
    answer = await target.create(Kind.GROUP, MATHS, ids)
    assert (answer.outcome, answer.members_done) == (Done(), tuple(ids))
    assert not target.abilities.members_in_create
    assert [r.method for r in app.requests] == ["POST", "POST", "PATCH"]


async def test_a_group_is_made_though_one_of_its_members_is_unknown(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.unknown_member = 400
    ids = people(app, 4)
    answer = await target.create(Kind.GROUP, MATHS, [*ids, "stranger"])
    assert isinstance(answer.outcome, Done)
    assert sorted(answer.members_done) == sorted(ids)
    assert isinstance(answer.members_outcome, Refused)
    assert "stranger" in answer.members_outcome.reason
    assert sorted(app.members["5"]) == sorted(ids)
    assert target.abilities.members_in_create


async def test_a_group_that_exists_already_isnt_tried_without_members(app: HostileApp, target: ScimTarget) -> None:
    app.put("Groups", **MATHS)
    answer = await target.create(Kind.GROUP, MATHS, people(app, 1))
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code == "Conflict"
    assert len(app.requests) == 1


async def test_a_group_whose_members_are_in_doubt_is_made_nonetheless(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.echoes_members = False
    app.trick(method="PATCH", drops=True, executes=True)
    answer = await target.create(Kind.GROUP, MATHS, people(app, 1))
    assert (answer.outcome, answer.app_id, answer.members_done) == (Done(), "2", ())
    assert isinstance(answer.members_outcome, Unknown)


# --------------------------------------------------------------------------------------------- sizes


async def test_a_request_too_large_is_halved_and_the_size_remembered(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.members_limit = 30
    ids = people(app, 100)
    group = app.put("Groups", ids[:10], **MATHS)
    answer = await target.update(Kind.GROUP, group, [], ids[10:], ids[:10])
    assert isinstance(answer.outcome, Done)
    assert sorted(app.members[group]) == sorted(ids[10:])
    assert sorted(answer.members_done) == sorted(ids)
    assert target.abilities.members_per_patch == 25
    assert len(app.requests) == 2 + 4


async def test_a_creation_too_large_is_made_in_smaller_parts(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.members_limit = 60
    ids = people(app, 100)
    answer = await target.create(Kind.GROUP, MATHS, ids)
    assert sorted(answer.members_done) == sorted(ids)
    assert target.abilities.members_per_patch == 50
    assert target.abilities.members_in_create
    assert [r.method for r in app.requests] == ["POST", "POST", "PATCH", "PATCH"]


# ------------------------------------------------------------------------------------ forms of removal


@pytest.mark.parametrize("status", [400, 501])
async def test_the_other_form_of_removal_is_used_and_remembered(
    app: HostileApp, target: ScimTarget, status: int
) -> None:
    app.quirks.refuses_value_path = status
    ids = people(app, 4)
    group = app.put("Groups", ids, **MATHS)
    for gone in ids[:2]:
        answer = await target.update(Kind.GROUP, group, [], [], [gone])
        assert (answer.outcome, answer.members_done) == (Done(), (gone,))
    assert app.members[group] == ids[2:]
    assert target.abilities.removal == "value-list"
    assert [r.method for r in app.requests] == ["PATCH", "GET", "PATCH", "GET", "PATCH"]


async def test_a_removal_that_empties_the_group_is_made_good_and_not_used_again(
    app: HostileApp, target: ScimTarget
) -> None:
    app.quirks.refuses_value_path, app.quirks.value_list_empties = 501, True
    ids = people(app, 4)
    group = app.put("Groups", ids, **MATHS)
    answer = await target.update(Kind.GROUP, group, [], [], ids[:1])
    assert isinstance(answer.outcome, Refused)
    assert "can't remove single members" in answer.outcome.reason
    assert sorted(app.members[group]) == sorted(ids[1:])
    assert target.abilities.removal == "value-path"


@pytest.mark.parametrize("status", [400, 404, 412])
async def test_who_isnt_a_member_counts_as_taken_out(app: HostileApp, target: ScimTarget, status: int) -> None:
    app.quirks.not_a_member = status
    ids = people(app, 6)
    group = app.put("Groups", ids[:4], **MATHS)
    answer = await target.update(Kind.GROUP, group, [], [ids[5]], [ids[0], ids[4]])
    assert isinstance(answer.outcome, Done)
    assert sorted(answer.members_done) == sorted([ids[0], ids[4], ids[5]])
    assert sorted(app.members[group]) == sorted([ids[1], ids[2], ids[3], ids[5]])


@pytest.mark.parametrize("status", [400, 404, 412])
async def test_who_isnt_a_member_is_found_where_members_arent_shown(
    app: HostileApp, target: ScimTarget, status: int
) -> None:
    app.quirks.not_a_member, app.quirks.shows_members = status, False
    ids = people(app, 6)
    group = app.put("Groups", ids[:4], **MATHS)
    answer = await target.update(Kind.GROUP, group, [], [], [ids[0], ids[4], ids[1]])
    assert isinstance(answer.outcome, Done)
    assert sorted(answer.members_done) == sorted([ids[0], ids[1], ids[4]])
    assert app.members[group] == ids[2:4]


async def test_a_group_that_always_looks_empty_isnt_believed_to_be(app: HostileApp, target: ScimTarget) -> None:
    """An app that answers `members: []` whatever is in it: a refused removal must not count as done."""
    ids = people(app, 2)
    group = app.put("Groups", ids, **MATHS)
    app.trick(method="GET", body={"id": group, "members": []})
    app.trick(method="PATCH", status=400, body={"schemas": [ERROR], "detail": "not now"}, times=3)
    answer = await target.update(Kind.GROUP, group, [], [], ids)
    assert isinstance(answer.outcome, Refused)
    assert answer.members_done == ()


# ---------------------------------------------------------------------------------------- culprits


@pytest.mark.parametrize("status", [400, 404])
async def test_one_unknown_member_doesnt_keep_the_others_out(app: HostileApp, target: ScimTarget, status: int) -> None:
    app.quirks.unknown_member = status
    ids = people(app, 50)
    group = app.put("Groups", **MATHS)
    answer = await target.update(Kind.GROUP, group, [], [*ids[:20], "stranger", *ids[20:]])
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code != "InvalidAnchor"
    assert "stranger" in answer.outcome.reason
    assert sorted(answer.members_done) == sorted(app.members[group]) == sorted(ids)
    assert len(app.sent("PATCH")) < 15


async def test_a_group_that_isnt_shown_yet_isnt_taken_for_gone(app: HostileApp, target: ScimTarget) -> None:
    """It was just made, and the app's reads lag; then one member is refused."""
    app.quirks.unknown_member = 400
    ids = people(app, 6)
    group = app.put("Groups", **MATHS)
    app.trick(method="GET", status=404, times=99)
    answer = await target.update(Kind.GROUP, group, [], [*ids, "stranger"])
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code != "InvalidAnchor"
    assert sorted(answer.members_done) == sorted(app.members[group]) == sorted(ids)


async def test_an_app_that_refuses_everybody_is_soon_left_alone(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.unknown_member = 400
    group = app.put("Groups", **MATHS)
    answer = await target.update(Kind.GROUP, group, [], [f"stranger{n}" for n in range(1000)])
    assert isinstance(answer.outcome, Refused)
    assert answer.members_done == ()
    assert len(app.requests) < 60


@pytest.mark.parametrize(
    ("trick", "outcome"),
    [
        ({"status": 500}, Unknown),
        ({"drops": True}, Unknown),
        ({"status": 429, "headers": {"Retry-After": "900"}}, RetryLater),
        ({"status": 403}, Refused),
    ],
)
async def test_a_failing_chunk_ends_it_and_what_was_done_is_told(
    app: HostileApp, connect: Connect, trick: dict[str, Any], outcome: type
) -> None:
    ids = people(app, 30)
    group = app.put("Groups", **MATHS)
    app.trick(method="PATCH", executes=True)
    app.trick(method="PATCH", executes=True)
    app.trick(method="PATCH", **trick)
    async with connect(members_per_patch=10) as target:
        answer = await target.update(Kind.GROUP, group, [], ids)
    assert isinstance(answer.outcome, outcome)
    assert answer.members_done == tuple(ids[:20])
    assert len(app.requests) == 3


async def test_a_group_that_vanished_is_said_to_be_gone(app: HostileApp, target: ScimTarget) -> None:
    answer = await target.update(Kind.GROUP, "99", [], people(app, 2), ["7"])
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code == "InvalidAnchor"
    assert answer.members_done == ()


async def test_removals_go_first(app: HostileApp, connect: Connect) -> None:
    ids = people(app, 4)
    group = app.put("Groups", ids[:2], **MATHS)
    async with connect(members_per_patch=2) as target:
        await target.update(Kind.GROUP, group, [], ids[2:], ids[:2])
    assert [[o["op"] for o in r.body["Operations"]] for r in app.requests] == [["remove", "remove"], ["add"]]


async def test_entras_dialect_is_sent_to_those_made_for_it(app: HostileApp, connect: Connect) -> None:
    ids = people(app, 2)
    group = app.put("Groups", ids[:1], **MATHS)
    async with connect(query="?AzureAdScimPatch2017") as target:
        answer = await target.update(Kind.GROUP, group, [], ids[1:], ids[:1])
    assert isinstance(answer.outcome, Done)
    assert app.requests[0].body["Operations"] == [
        {"op": "Remove", "path": "members", "value": [{"value": ids[0]}]},
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ids[1]}]},
    ]
