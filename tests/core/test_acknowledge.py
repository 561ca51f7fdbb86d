"""What a link says after an attempt."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.examples import MANAGER, NOW, RULES, decided, group, job, linked, person

from instep.core.acknowledge import acknowledge, failed
from instep.core.change import Adopt, AttributeChange, Create, Decision, Enable, Keep, Release, Update
from instep.core.decide import Around
from instep.core.link import Hold, Link, Status
from instep.core.match import Found
from instep.core.outcome import Done, Outcome, Refused, RetryLater, Unknown
from instep.core.rules import Rules
from instep.core.subject import Presence

IN_STEP = {"userName": "ada@firm.example", "displayName": "Ada", "title": "Analyst", "active": True}

ACTIVE = linked(person())
NEW = Link(person().kind, "ada", "ada@firm.example", seed="seed")

CREATE = decided(person())
ADOPT = decided(person(), None, Found("app-ada", "userName", {**IN_STEP, "title": "Clerk"}))
UPDATE = decided(person(attributes={"jobTitle": "Countess"}), ACTIVE)
DISABLE = decided(person(grants=()), ACTIVE)
DELETE = decided(person(presence=Presence.PURGED), ACTIVE)
DISABLED = linked(person(), status=Status.DISABLED)
ENABLE = decided(person(), DISABLED)
RELEASE = decided(person(grants=()), ACTIVE, rules=job(skip_out_of_scope_deletions=True))

BEFORE: dict[str, tuple[Decision, Link]] = {
    "create": (CREATE, NEW),
    "adopt": (ADOPT, NEW),
    "update": (UPDATE, ACTIVE),
    "disable": (DISABLE, ACTIVE),
    "enable": (ENABLE, DISABLED),
    "delete": (DELETE, ACTIVE),
}

REFUSED = Refused("422 Unprocessable Entity", "UnprocessableEntity")
VANISHED = Refused("404 Not Found", "InvalidAnchor")
BUSY = RetryLater("429 Too Many Requests", "TooManyRequests", 30, flow_control=True)
DOWN = RetryLater("503 Service Unavailable", "InternalServerError")
SILENT = Unknown("no answer in time", "Timeout")


def after(
    decision: Decision,
    link: Link,
    outcome: Outcome,
    app_id: str | None = None,
    document: dict[str, Any] | None = None,
    rules: Rules = RULES,
    now: datetime = NOW,
) -> Link:
    return acknowledge(decision, link, outcome, app_id, document, rules, now)


def attempt(name: str, outcome: Outcome) -> tuple[Link, Link]:
    """The link before and after."""
    decision, link = BEFORE[name]
    return link, after(decision, link, outcome, "app-ada")


# ------------------------------------------------------------------------------------------------- done


@pytest.mark.parametrize(
    ("name", "status", "sent"),
    [
        ("create", Status.ACTIVE, IN_STEP),
        ("adopt", Status.ACTIVE, IN_STEP),
        ("update", Status.ACTIVE, {**IN_STEP, "title": "Countess"}),
        ("disable", Status.DISABLED, {**IN_STEP, "active": False}),
        ("enable", Status.ACTIVE, IN_STEP),
        ("delete", Status.GONE, {}),
    ],
)
def test_what_was_done_is_remembered(name: str, status: Status, sent: dict[str, Any]) -> None:
    link = attempt(name, Done())[1]
    assert (link.status, link.sent, link.app_id) == (status, sent, "app-ada")
    assert link.adopted is (name == "adopt")


def test_what_was_let_go_is_remembered_as_it_was() -> None:
    link = after(RELEASE, ACTIVE, Done())
    assert (link.status, link.sent, link.app_id) == (Status.RELEASED, ACTIVE.sent, "app-ada")


def test_an_enable_without_changes_manages_again() -> None:
    released = linked(person(), status=Status.RELEASED)
    assert decided(person(), released).change == Enable(())
    assert after(decided(person(), released), released, Done()).status is Status.ACTIVE


def test_an_account_that_is_created_inactive_counts_as_disabled() -> None:
    decision = decided(person(), rules=job({"target": "active", "source": '"False"'}))
    assert after(decision, NEW, Done(), "app-1").status is Status.DISABLED


def test_an_inactive_account_that_is_adopted_as_such_counts_as_disabled() -> None:
    decision = replace(ADOPT, change=Adopt("app-1", {**IN_STEP, "active": False}))
    assert after(decision, NEW, Done()).status is Status.DISABLED


def test_a_group_is_never_disabled() -> None:
    decision = replace(decided(group()), change=Create({"displayName": "Team", "active": False}))
    assert after(decision, linked(group(), status=Status.UNLINKED), Done(), "app-1").status is Status.ACTIVE


def test_a_new_account_of_somebody_whose_account_is_gone_is_the_one_to_remember() -> None:
    gone = linked(person(), status=Status.GONE, adopted=True)
    link = after(CREATE, gone, Done(), "app-2")
    assert (link.app_id, link.status, link.adopted, link.sent) == ("app-2", Status.ACTIVE, False, IN_STEP)


def test_a_reference_is_remembered_with_its_subject() -> None:
    decision = decided(person(manager="grace"), around=Around({"grace": "app-grace"}))
    assert after(decision, NEW, Done(), "app-1").sent[MANAGER] == {"subject": "grace", "value": "app-grace"}


def test_a_value_that_was_cleared_is_forgotten() -> None:
    decision = replace(UPDATE, change=Update((AttributeChange("title", "Analyst", None),)))
    assert "title" not in after(decision, ACTIVE, Done()).sent


def test_what_was_done_ends_failures_and_doubts() -> None:
    troubled = replace(
        ACTIVE, failures=3, first_failure=NOW, next_try=NOW, last_error="no", unknown=frozenset({"title", "userName"})
    )
    link = after(UPDATE, troubled, Done())
    assert (link.failures, link.first_failure, link.next_try, link.last_error) == (0, None, None, "")
    assert link.unknown == {"userName"}
    assert after(DELETE, troubled, Done()).unknown == after(CREATE, troubled, Done(), "app-1").unknown == frozenset()


# --------------------------------------------------------------------------------------------- returned


def test_what_the_app_made_of_a_value_is_kept_apart() -> None:
    document = {"id": "app-ada", **IN_STEP, "displayName": "Ada (Analytical)", "title": None}
    link = after(CREATE, NEW, Done(), "app-ada", document)
    assert link.sent == IN_STEP
    assert link.returned == {"displayName": "Ada (Analytical)"}


def test_what_the_app_made_of_a_value_is_forgotten_with_the_value() -> None:
    rewritten = replace(ACTIVE, returned={"title": "ANALYST!", "displayName": "A."})
    assert after(UPDATE, rewritten, Done()).returned == {"displayName": "A."}
    document = {"userName": "ada@firm.example", "displayName": "Ada", "title": "Countess of Lovelace"}
    assert after(UPDATE, rewritten, Done(), None, document).returned == {"title": "Countess of Lovelace"}


@pytest.mark.parametrize(
    ("shown", "returned"),
    [
        ({"displayName": "A."}, {"displayName": "A."}),
        ({}, {"displayName": "A."}),
        ({"displayName": "Ada"}, {}),
        ({"displayName": "A.", "userName": "byron@firm.example"}, {"displayName": "A."}),
    ],
)
def test_an_answer_tells_of_what_was_written_and_of_what_was_known_before(
    shown: dict[str, str], returned: dict[str, str]
) -> None:
    """Whatever else differs in it is drift: somebody changed it in the app."""
    before = replace(ACTIVE, returned={"displayName": "A."})
    assert after(UPDATE, before, Done(), None, {"title": "Countess", **shown}).returned == returned


# --------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("outcome", [REFUSED, DOWN])
@pytest.mark.parametrize("name", BEFORE)
def test_a_failure_is_counted_and_changes_nothing_else(name: str, outcome: Refused | RetryLater) -> None:
    before, link = attempt(name, outcome)
    assert (link.failures, link.first_failure, link.last_error) == (1, NOW, outcome.reason)
    assert link.next_try is not None
    assert link.next_try > NOW
    assert link.unknown == before.unknown
    if name != "adopt":
        assert (link.status, link.sent, link.app_id) == (before.status, before.sent, before.app_id)


@pytest.mark.parametrize("outcome", [REFUSED, DOWN, BUSY, SILENT])
def test_an_adoption_links_even_if_its_update_fails(outcome: Outcome) -> None:
    link = after(ADOPT, NEW, outcome)
    assert (link.status, link.app_id, link.adopted) == (Status.ACTIVE, "app-ada", True)
    assert link.sent == {**IN_STEP, "title": "Clerk"}
    assert isinstance(decided(person(), link).change, Update)


def test_later_failures_leave_the_first_one_where_it_was() -> None:
    once = after(UPDATE, ACTIVE, REFUSED)
    later = NOW + timedelta(hours=2)
    twice = after(UPDATE, once, DOWN, now=later)
    assert (twice.failures, twice.first_failure, twice.last_error) == (2, NOW, DOWN.reason)
    assert twice.next_try is not None
    assert twice.next_try > later


def test_after_28_days_of_failures_nothing_is_tried_by_itself() -> None:
    link = failed(replace(ACTIVE, failures=30, first_failure=NOW - timedelta(days=28)), "no", NOW)
    assert link.next_try is None


@pytest.mark.parametrize("name", BEFORE)
def test_flow_control_is_no_failure(name: str) -> None:
    link = attempt(name, BUSY)[1]
    assert (link.failures, link.first_failure) == (0, None)
    assert link.next_try == NOW + timedelta(seconds=30)
    assert attempt(name, replace(BUSY, after=None))[1].next_try == NOW + timedelta(minutes=1)


def test_an_app_that_says_when_to_come_back_is_not_asked_sooner() -> None:
    soon = failed(ACTIVE, "", NOW).next_try
    assert after(UPDATE, ACTIVE, replace(DOWN, after=1)).next_try == soon
    assert after(UPDATE, ACTIVE, replace(DOWN, after=3600)).next_try == NOW + timedelta(hours=1)


# -------------------------------------------------------------------------------------------------- gone


def test_an_account_that_was_just_found_and_is_not_there_is_tried_later() -> None:
    """A list that lags shows accounts that are deleted."""
    link = attempt("adopt", VANISHED)[1]
    assert (link.status, link.sent, link.failures) == (Status.GONE, {}, 1)
    assert link.next_try is not None
    assert link.next_try > NOW


@pytest.mark.parametrize("name", ["update", "disable", "enable", "delete"])
def test_an_account_that_is_not_there_is_gone(name: str) -> None:
    link = attempt(name, VANISHED)[1]
    assert (link.status, link.sent, link.returned, link.unknown) == (Status.GONE, {}, {}, frozenset())
    assert not link.alive
    assert (link.failures, link.next_try) == (0, None)


def test_a_creation_can_not_be_answered_with_gone() -> None:
    link = attempt("create", VANISHED)[1]
    assert (link.status, link.failures) == (Status.UNLINKED, 1)


# ----------------------------------------------------------------------------------------------- unknown


@pytest.mark.parametrize(
    ("name", "doubtful"),
    [
        ("create", set[str]()),
        ("adopt", {"title"}),
        ("update", {"title"}),
        ("disable", {"active"}),
        ("enable", {"active"}),
        ("delete", {"active", "displayName", "title", "userName"}),
    ],
)
def test_after_a_write_without_an_answer_its_values_are_unknown(name: str, doubtful: set[str]) -> None:
    before, link = attempt(name, SILENT)
    assert link.unknown == doubtful
    assert (link.failures, link.next_try) == (1, NOW)
    if name != "adopt":
        assert (link.status, link.sent, link.app_id) == (before.status, before.sent, before.app_id)


def test_doubts_add_up() -> None:
    link = after(UPDATE, replace(ACTIVE, unknown=frozenset({"userName"})), SILENT)
    assert link.unknown == {"userName", "title"}


def test_who_goes_back_to_the_last_acknowledged_value_is_still_written() -> None:
    """The change may have been carried out: then the app holds what nobody wants any more."""
    link = after(UPDATE, ACTIVE, SILENT)
    assert decided(person(), link).change == Update((AttributeChange("title", "Analyst", "Analyst"),))
    assert decided(person(), after(decided(person(), link), link, Done())).change == Keep()


def test_a_disable_without_an_answer_is_sent_again() -> None:
    link = after(DISABLE, ACTIVE, SILENT)
    assert decided(person(grants=()), link).change == DISABLE.change
    assert isinstance(decided(person(), link).change, Update)


# ------------------------------------------------------------------------------------------------ always


@pytest.mark.parametrize("outcome", [Done(), REFUSED, VANISHED, BUSY, DOWN, SILENT])
@pytest.mark.parametrize("name", BEFORE)
def test_whatever_comes_of_it_the_link_knows_what_was_acted_upon(name: str, outcome: Outcome) -> None:
    decision, before = BEFORE[name]
    hold = Hold("digest", "disable", "too many", NOW)
    link = after(replace(decision, name="renamed", seq=42), replace(before, hold=hold), outcome, "app-ada")
    assert (link.name, link.seq, link.rules_version) == ("renamed", 42, RULES.version)
    assert (link.seed, link.hold) == (before.seed, hold)


@pytest.mark.parametrize("change", [Keep(), Release()])
def test_what_needs_no_request_keeps_the_document(change: Any) -> None:
    assert after(replace(UPDATE, change=change), ACTIVE, Done()).sent == ACTIVE.sent


# ------------------------------------------------------------------------------------------------ approval


def test_an_approval_is_used_up_by_what_was_done_and_outlives_failures() -> None:
    held = {v: replace(ACTIVE, hold=Hold("digest", "disable", "many", NOW, v)) for v in ("approved", "rejected")}
    for outcome, kept in ((Done(), False), (VANISHED, False), (REFUSED, True), (BUSY, True), (SILENT, True)):
        assert bool(after(UPDATE, held["approved"], outcome).hold) is kept
        assert after(UPDATE, held["rejected"], outcome).hold == held["rejected"].hold


def test_flow_control_leaves_what_failed_before_as_it_was() -> None:
    troubled = replace(ACTIVE, failures=3, first_failure=NOW - timedelta(days=1), last_error="no")
    link = after(UPDATE, troubled, BUSY)
    assert (link.failures, link.first_failure, link.last_error) == (3, troubled.first_failure, BUSY.reason)


def test_whoever_is_not_tried_by_itself_any_more_is_not_because_an_app_says_when() -> None:
    tired = replace(ACTIVE, failures=30, first_failure=NOW - timedelta(days=28))
    assert after(UPDATE, tired, replace(DOWN, after=60)).next_try is None


def test_values_that_were_not_written_on_creation_are_not_remembered() -> None:
    decision = replace(CREATE, change=Create({**IN_STEP, "nickName": None}))
    assert after(decision, NEW, Done(), "app-1").sent == IN_STEP


def test_who_was_let_go_and_is_brought_in_step_is_managed_again() -> None:
    released = linked(person(), status=Status.RELEASED)
    decision = decided(person(attributes={"jobTitle": "Countess"}), released)
    assert isinstance(decision.change, Update)
    assert after(decision, released, Done()).status is Status.ACTIVE


def test_what_needs_no_request_leaves_the_status_as_it_is() -> None:
    for status in (Status.RELEASED, Status.DISABLED, Status.GONE):
        link = linked(person(), status=status, returned={"title": "Clerk"})
        kept = after(replace(UPDATE, change=Keep()), link, Done(), None, {"title": "Boss"})
        assert (kept.status, kept.returned) == (status, {"title": "Clerk"})


def test_an_adoption_forgets_what_an_earlier_account_had() -> None:
    before = linked(person(), status=Status.GONE, returned={"title": "Clerk"}, unknown=frozenset({"userName"}))
    link = after(ADOPT, before, REFUSED)
    assert (link.returned, link.sent) == ({}, {**IN_STEP, "title": "Clerk"})


def test_what_is_gone_leaves_nothing_to_be_known() -> None:
    before = replace(ACTIVE, returned={"title": "Clerk"}, unknown=frozenset({"title"}), last_error="no", failures=2)
    for decision, outcome in ((DELETE, Done()), (UPDATE, VANISHED)):
        link = after(decision, before, outcome)
        assert (link.status, link.sent, link.returned, link.unknown) == (Status.GONE, {}, {}, frozenset())
        assert (link.failures, link.last_error, link.app_id) == (0, "", "app-ada")
