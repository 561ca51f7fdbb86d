"""Writes to an app that misbehaves: what may have been done is Unknown, and no form is refused twice."""

from typing import Any

import pytest
from tests.hostile.app import ERROR, LIST, LOGIN_PAGE, HostileApp
from tests.targets.clock import TestClock
from tests.targets.conftest import Connect

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.targets.scim import ScimTarget

ADA: dict[str, Any] = {"userName": "ada"}
TITLE = AttributeChange("title", None, "Countess")
CITY = AttributeChange('addresses[type eq "work"].locality', None, "London")
INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"

# -------------------------------------------------------------------------------------- creations


@pytest.mark.parametrize(
    "trick",
    [
        {"drops": True, "executes": True},
        {"drops": True},
        {"truncates": True, "executes": True},
        {"seconds": 2.0, "executes": True},
        {"status": 201, "body": "", "executes": True},
        {"status": 204, "executes": True},
        {"status": 202, "body": {"id": "1"}},
        {"status": 200, "body": LOGIN_PAGE, "content_type": "text/html"},
        {"status": 201, "body": {"userName": "ada"}},
        {"status": 201, "body": {"schemas": [LIST], "totalResults": 1, "Resources": [{"id": "1"}]}},
        {"status": 200, "body": {"schemas": [ERROR], "status": "500"}},
        {"status": 500, "executes": True},
    ],
)
async def test_a_creation_without_a_believable_answer_is_unknown_and_sent_once(
    app: HostileApp, connect: Connect, trick: dict[str, Any]
) -> None:
    app.trick(**trick)
    async with connect(request_seconds=0.5) as target:
        answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, Unknown)
    assert answer.app_id is None
    assert len(app.requests) == 1


async def test_a_200_for_a_creation_is_tolerated(app: HostileApp, target: ScimTarget) -> None:
    app.trick(status=200, body={"id": 17, "userName": "ada"})
    answer = await target.create(Kind.USER, ADA)
    assert (answer.outcome, answer.app_id) == (Done(), "17")


async def test_an_error_that_calls_itself_a_success_is_none(app: HostileApp, target: ScimTarget) -> None:
    app.trick(status=200, body={"schemas": [ERROR], "status": "409", "scimType": "uniqueness", "detail": "taken"})
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code == "Conflict"


async def test_what_was_never_sent_is_tried_later(clock: TestClock) -> None:
    target = ScimTarget("http://127.0.0.1:1/scim", "t", clock)
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, RetryLater)
    assert answer.exchanges[0].status is None
    await target.close()


# ---------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize(
    "trick",
    [
        {"drops": True, "executes": True},
        {"status": 504, "executes": True},
        {"status": 200, "body": LOGIN_PAGE, "content_type": "text/html"},
        {"status": 200, "body": "fine, thanks"},
        {"status": 200, "body": {"id": "another"}},
    ],
)
async def test_a_change_without_a_believable_answer_is_unknown(
    app: HostileApp, target: ScimTarget, trick: dict[str, Any]
) -> None:
    ada = app.put("Users", **ADA)
    app.trick(**trick)
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert isinstance(answer.outcome, Unknown)
    assert len(app.requests) == 1


@pytest.mark.parametrize("trick", [{"status": 204}, {"status": 200, "body": ""}, {"body": {"status": "ok"}}])
async def test_a_change_needs_no_resource_in_its_answer(
    app: HostileApp, target: ScimTarget, trick: dict[str, Any]
) -> None:
    ada = app.put("Users", **ADA)
    app.trick(**trick)
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert (answer.outcome, answer.resource) == (Done(), None)


async def test_a_change_returns_the_apps_own_words(app: HostileApp, target: ScimTarget) -> None:
    ada = app.put("Users", **ADA)
    app.trick(body={"id": ada, "title": "COUNTESS"})
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert answer.resource is not None
    assert answer.resource.document["title"] == "COUNTESS"


@pytest.mark.parametrize("status", [405, 501])
async def test_an_app_without_patch_gets_put_from_then_on(app: HostileApp, target: ScimTarget, status: int) -> None:
    app.quirks.patch_status = status
    ada = app.put("Users", **ADA, nickName="kept")
    for title in ("Countess", "Lady"):
        answer = await target.update(Kind.USER, ada, [AttributeChange("title", None, title)])
        assert isinstance(answer.outcome, Done)
        assert app.users[ada] == {"id": ada, "userName": "ada", "nickName": "kept", "title": title}
    assert not target.abilities.patch
    assert [r.method for r in app.requests] == ["PATCH", "GET", "PUT", "GET", "PUT"]
    assert len(answer.exchanges) == 1


async def test_a_list_that_only_grows_keeps_what_others_gave_by_patch_and_by_put(
    app: HostileApp, target: ScimTarget
) -> None:
    """`AppRoleAssignmentsComplex`: PATCH uses Add, so that other roles stay (4.2 of the behaviour specification)."""
    ours, fresh, theirs = {"value": "role1"}, {"value": "role2"}, {"value": "by-hand"}
    change = AttributeChange("roles", [ours], [ours, fresh], added=(fresh,))
    ada = app.put("Users", **ADA, roles=[ours, theirs])
    assert isinstance((await target.update(Kind.USER, ada, [change])).outcome, Done)
    [operation] = app.sent("PATCH")[0].body["Operations"]
    assert operation == {"op": "add", "path": "roles", "value": [fresh]}
    app.quirks.patch_status = 501
    bob = app.put("Users", userName="bob", roles=[ours, theirs])
    assert isinstance((await target.update(Kind.USER, bob, [change])).outcome, Done)
    assert app.sent("PUT")[0].body["roles"] == [ours, theirs, fresh]


async def test_a_400_may_be_about_one_attribute_so_patch_is_tried_again(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.patch_status = 400
    ada = app.put("Users", **ADA)
    for _ in range(2):
        assert isinstance((await target.update(Kind.USER, ada, [TITLE])).outcome, Done)
    assert target.abilities.patch
    assert [r.method for r in app.requests] == ["PATCH", "GET", "PUT"] * 2


async def test_a_refusal_of_both_forms_tells_the_first_reason(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.patch_status = 400
    ada = app.put("Users", **ADA)
    app.trick(method="PUT", status=400, body={"detail": "worse"})
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert isinstance(answer.outcome, Refused)
    assert "not that way" in answer.outcome.reason
    assert [exchange.method for exchange in answer.exchanges] == ["PUT", "PATCH"]


async def test_a_bad_value_isnt_sent_in_another_form(app: HostileApp, target: ScimTarget) -> None:
    ada = app.put("Users", **ADA)
    app.trick(status=400, body={"schemas": [ERROR], "scimType": "invalidValue", "detail": "too long"})
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code == "UnprocessableEntity"
    assert "too long" in answer.outcome.reason
    assert len(app.requests) == 1


@pytest.mark.parametrize("shown", [True, "True"])
async def test_access_isnt_ended_while_the_answer_shows_it(app: HostileApp, target: ScimTarget, shown: Any) -> None:
    ada = app.put("Users", **ADA)
    app.trick(method="PATCH", body={"id": ada, "userName": "ada", "active": shown})
    answer = await target.update(Kind.USER, ada, [AttributeChange("active", True, False)])
    assert isinstance(answer.outcome, Refused)
    assert "still shows the account as active" in answer.outcome.reason
    assert len(answer.exchanges) == 1
    again = await target.update(Kind.USER, ada, [AttributeChange("active", True, False)])
    assert isinstance(again.outcome, Done)


async def test_no_put_is_made_of_a_read_that_failed(app: HostileApp, target: ScimTarget) -> None:
    app.quirks.patch_status = 501
    ada = app.put("Users", **ADA)
    app.trick(method="GET", status=500, times=3)
    answer = await target.update(Kind.USER, ada, [TITLE])
    assert not isinstance(answer.outcome, Done)
    assert app.sent("PUT") == []


async def test_a_part_of_a_missing_element_is_sent_as_a_whole_one(app: HostileApp, target: ScimTarget) -> None:
    ada = app.put("Users", **ADA)
    app.trick(method="PATCH", status=400, body={"schemas": [ERROR], "scimType": "noTarget"})
    answer = await target.update(Kind.USER, ada, [CITY])
    assert isinstance(answer.outcome, Done)
    assert app.users[ada]["addresses"] == [{"type": "work", "locality": "London"}]
    assert [r.method for r in app.requests] == ["PATCH", "GET", "PATCH"]
    assert len(answer.exchanges) == 2


async def test_clearing_part_of_a_missing_element_sends_no_second_request(app: HostileApp, target: ScimTarget) -> None:
    ada = app.put("Users", **ADA)
    app.trick(method="PATCH", status=400, body={"schemas": [ERROR], "scimType": "noTarget"})
    answer = await target.update(Kind.USER, ada, [AttributeChange('emails[type eq "work"].value', "a", None)])
    assert isinstance(answer.outcome, Done)
    assert [r.method for r in app.requests] == ["PATCH", "GET"]


async def test_who_vanished_meanwhile_is_said_to_be_gone(app: HostileApp, target: ScimTarget) -> None:
    answer = await target.update(Kind.USER, "9", [TITLE])
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code == "InvalidAnchor"


# --------------------------------------------------------------------------------------- deletions


@pytest.mark.parametrize(
    ("trick", "outcome"),
    [
        ({"status": 404, "body": {"schemas": [ERROR]}}, Done),
        ({"status": 410}, Done),
        ({"status": 200, "body": ""}, Done),
        ({"status": 200, "body": {"schemas": [ERROR], "status": "404"}}, Done),
        ({"status": 200, "body": {"schemas": [ERROR], "status": "403"}}, Refused),
        ({"status": 404, "body": LOGIN_PAGE, "content_type": "text/html"}, Refused),
        ({"status": 200, "body": LOGIN_PAGE, "content_type": "text/html"}, Unknown),
        ({"status": 500}, Unknown),
        ({"status": 405}, Refused),
    ],
)
async def test_a_deletion_is_done_when_the_app_says_so(
    app: HostileApp, target: ScimTarget, trick: dict[str, Any], outcome: type
) -> None:
    app.trick(**trick)
    assert isinstance((await target.delete(Kind.USER, "1")).outcome, outcome)


# ----------------------------------------------------------------------------------------- secrets


async def test_the_token_is_in_the_header_alone(app: HostileApp, target: ScimTarget) -> None:
    """Whatever the app sends back, and whatever is raised or kept, the token isn't in it."""
    leak = {"schemas": [ERROR], "detail": f"Bearer {app.token} isn't allowed", "token": app.token}
    app.trick(status=403, body=leak, times=2)
    answer = await target.create(Kind.USER, ADA)
    with pytest.raises(Exception, match="403") as refusal:
        await target.count(Kind.USER)
    kept = [repr(answer), repr(refusal.value), repr(vars(refusal.value)), repr(target), repr(vars(target))]
    assert [text for text in kept if app.token in text] == []
    assert "(token)" in repr(answer)
    assert app.requests[0].headers["Authorization"] == f"Bearer {app.token}"


async def test_a_token_of_one_letter_breaks_no_answer() -> None:
    async with HostileApp() as app:
        app.token = "t"
        target = ScimTarget(app.url, "t", TestClock())
        assert await target.count(Kind.USER) == 0
        await target.close()
