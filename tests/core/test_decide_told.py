"""What a decision tells of itself: its reasons and steps, the change of the directory that it comes from, and which of
its values nobody may see."""

from typing import Any

import pytest
from tests.core.examples import GUEST, MANAGER, RULES, decided, desired, group, job, linked, person

from instep.core.change import Adopt, AttributeChange, Create, Decision, Delete, Keep, Skip, Step, Update
from instep.core.decide import Around, decide
from instep.core.desire import NotReady, OutOfScope
from instep.core.link import Link, Status
from instep.core.match import Absent, Found, Twins
from instep.core.rules import Rules
from instep.core.subject import Grant, Presence, Subject

BY_DELETE = job(ending={"by": "delete"})
LETS_GO = job(skip_out_of_scope_deletions=True)
NO_DELETE = job(users={"actions": ["create", "update"]}, groups={"actions": ["create", "update"]})
NO_UPDATE = job(users={"actions": ["create", "delete"]})
GUESTS = (Grant("as-1", GUEST),)


def last(decision: Decision) -> tuple[str, str, str]:
    """The last step: its type, its status and its words."""
    step = decision.trace[-1]
    return step.type, step.status, step.description


def types(decision: Decision) -> list[str]:
    return [step.type for step in decision.trace]


# -------------------------------------------------------------------------------------- why access ends


def test_who_has_no_account_is_skipped_for_the_reason_that_put_them_out() -> None:
    decision = decided(person(grants=()))
    assert decision.change == Skip("NotEffectivelyEntitled", "ada@firm.example isn't assigned to the app")
    assert types(decision) == ["import", "scoping"]


def test_a_filter_or_a_deletion_says_nothing_of_what_somebody_is_entitled_to() -> None:
    for clause in ("filter", "soft-deleted", "purged"):
        decision = decide(person(), None, OutOfScope(clause, "so"), None, RULES, Around())
        assert decision.change == Skip("OutOfScope", "so")


def test_who_was_let_go_is_told_to_be_so() -> None:
    decision = decided(person(grants=()), linked(person(), status=Status.RELEASED))
    assert decision.change == Skip("Released", "ada@firm.example isn't assigned to the app; no longer managed")
    assert types(decision) == ["import", "scoping"]


@pytest.mark.parametrize(
    ("rules", "subject", "why"),
    [
        (LETS_GO, person(grants=()), "leaving scope sends nothing, as the job says"),
        (NO_DELETE, person(presence=Presence.PURGED), "deleting is switched off for this type"),
        (NO_DELETE, group(grants=()), "deleting is switched off for this type"),
        (NO_UPDATE, person(grants=()), "updating is switched off for this type, and a disable is an update"),
    ],
)
def test_letting_go_says_why(rules: Rules, subject: Subject, why: str) -> None:
    decision = decided(subject, linked(subject), rules=rules)
    assert types(decision) == ["import", "scoping", "processing"]
    assert last(decision) == ("processing", "skipped", why)


def test_a_disable_says_what_it_does_and_what_it_leaves() -> None:
    decision = decided(person(grants=()), linked(person()))
    assert types(decision) == ["import", "scoping", "processing"]
    assert last(decision) == ("processing", "success", "access ends by active=false; memberships stay as they are")


def test_a_delete_and_what_is_kept_say_how_they_left_scope() -> None:
    for status, change in ((Status.ACTIVE, Delete()), (Status.DISABLED, Delete())):
        decision = decided(person(presence=Presence.PURGED), linked(person(), status=status))
        assert (decision.change, types(decision)) == (change, ["import", "scoping"])
    kept = decided(person(grants=()), linked(person(), status=Status.DISABLED))
    assert (kept.change, types(kept)) == (Keep(), ["import", "scoping"])


def test_a_disable_tells_what_active_was() -> None:
    for sent, old in ((True, True), (None, True), ("yes", "yes")):
        known = linked(person(), sent={} if sent is None else {"active": sent})
        change: Any = decided(person(grants=()), known).change
        assert change.changes == (AttributeChange("active", old, False),)


def test_nobody_can_tell_is_told_with_its_steps() -> None:
    step = Step("processing", "failure", "the mapping failed")
    decision = decide(person(), linked(person()), NotReady("Code", "so", (step,)), None, RULES, Around())
    assert decision.trace == (step,)


# ------------------------------------------------------------------ the directory's change that access ends by


@pytest.mark.parametrize("rules", [RULES, BY_DELETE])
def test_an_end_of_access_knows_the_change_that_it_ends_by(rules: Rules) -> None:
    for subject in (person(grants=(), ended_by=5), person(enabled=False, ended_by=5)):
        assert decided(subject, linked(person()), rules=rules).ended_by == 5
    assert decided(person(), linked(person()), rules=rules).ended_by == 0
    assert decided(group(grants=(), ended_by=5), linked(group()), rules=rules).ended_by == 5


@pytest.mark.parametrize(
    ("acted_upon", "version", "ended_by"), [(6, RULES.version, 7), (7, RULES.version, 0), (6, "earlier rules", 0)]
)
def test_a_role_ends_access_by_the_subjects_own_change_if_it_has_changed_and_the_rules_have_not(
    acted_upon: int, version: str, ended_by: int
) -> None:
    known = linked(person(), seq=acted_upon, rules_version=version)
    for wish in (None, OutOfScope("filter", "so")):
        subject = person(grants=GUESTS, ended_by=5)
        decision = decide(subject, known, wish, None, RULES, Around()) if wish else decided(subject, known)
        assert decision.ended_by == ended_by


# ------------------------------------------------------------------------------------- why access begins


def test_a_creation_says_whether_somebody_looked_and_what_was_asked() -> None:
    asked = "userName eq 'ada@firm.example'"
    looked = decided(person(), None, Absent(asked=(asked,)))
    assert types(looked) == ["import", "scoping", "matching"]
    assert last(looked) == ("matching", "success", "no match found")
    assert looked.trace[-1].details == {"asked": [asked]}
    first = decided(person(), None, Absent(looked_up=False))
    assert last(first)[2] == "the app refuses duplicates: created first, looked up on conflict"
    assert decide(person(), None, desired(person()), None, RULES, Around()).create_first


def test_an_adoption_says_what_was_found_by_what() -> None:
    decision = decided(person(), None, Found("app-1", "userName", {"title": "Clerk"}))
    assert types(decision) == ["import", "scoping", "matching"]
    assert last(decision) == ("matching", "success", "found app-1 by userName")
    assert decision.trace[-1].details == {"id": "app-1"}


def test_who_may_not_begin_is_told_why_in_a_step_of_its_own() -> None:
    observed = Twins("userName", "ada@firm.example", ("app-1", "app-2"))
    decision = decided(person(), None, observed)
    said = "2 accounts in the app have userName ada@firm.example: app-1, app-2"
    assert types(decision) == ["import", "scoping", "matching"]
    assert (decision.change, last(decision)) == (
        Skip("DuplicateTargetEntries", said, failed=True),
        ("matching", "failure", said),
    )
    owned = decided(person(), None, Found("app-1", "userName", {}, owner="bo (u-2)"))
    said = "the account app-1, found by userName, belongs to bo (u-2); ada@firm.example can't take it over"
    assert owned.change == Skip("DuplicateSourceEntries", said, failed=True)


def test_values_that_are_missing_are_named() -> None:
    two = ({"target": f"{name}Name", "source": f"[{name}]", "required": True} for name in ("nick", "middle"))
    assert decided(person(), rules=job(*two)).change == Skip(
        "MandatoryFieldsMissing", "ada@firm.example has no value for nickName, middleName", failed=True
    )
    rows = [{"target": f"{name}Name", "source": "[none]", "matching": n} for n, name in enumerate(("nick", "user"), 1)]
    assert decided(person(), rules=job(users={"mappings": rows})).change == Skip(
        "ImportSkipped", "ada@firm.example has no value for nickName or userName, by which it would be matched", True
    )


def test_nothing_created_tells_how_it_came_into_scope() -> None:
    decision = decided(person(), rules=job(users={"actions": ["update"]}))
    assert types(decision) == ["import", "scoping"]


# --------------------------------------------------------------------------------- references and members


def test_who_is_awaited_is_counted_and_the_first_twenty_are_named() -> None:
    members = [f"m{n:02}" for n in range(21)]
    for link, observed in (
        (None, Absent()),
        (None, Found("app-1", "displayName", {"displayName": "Old"})),
        (linked(group()), None),
    ):
        decision = decided(group("team", *members), link, observed)
        assert decision.pending == tuple(members)
        assert last(decision) == (
            "referenceResolution",
            "skipped",
            "21 referred to have no account in the app yet: written as soon as they have one",
        )
        code = "UnableToResolveReferenceAttributeValue"
        assert decision.trace[-1].details == {"code": code, "subjects": members[:20]}


def test_who_is_awaited_is_told_beside_what_changes() -> None:
    decision = decided(person(manager="grace", attributes={"jobTitle": "Countess"}), linked(person()))
    assert isinstance(decision.change, Update)
    assert types(decision) == ["import", "scoping", "referenceResolution"]
    assert decision.pending == ("grace",)


def test_who_is_awaited_is_told_in_the_order_of_the_mappings_and_members_by_their_ids() -> None:
    buddy = {"target": "buddy", "source": "[buddy]", "reference": True}
    subject = person(manager="zoe", attributes={"buddy": "bo"})
    decision = decided(subject, linked(person()), rules=job(buddy))
    assert decision.pending == ("zoe", "bo")
    assert decision.trace[-1].details["subjects"] == ["zoe", "bo"]


def test_a_creation_waits_for_those_it_refers_to_and_writes_no_empty_reference() -> None:
    buddy = {"target": "buddy", "source": "[buddy]", "reference": True}
    subject = person(manager=None, attributes={"buddy": "bo"})
    decision = decided(subject, rules=job(buddy))
    assert decision.after == ("bo",)
    assert isinstance(decision.change, Create)
    assert MANAGER not in decision.change.attributes
    assert decision.change.attributes["buddy"] == {"subject": "bo", "value": None}


# ----------------------------------------------------------------------------------- what nobody may see

SECRET = job(
    users={
        "mappings": [
            {"target": "externalId", "source": "Redact([mail])", "matching": 1},
            {"target": "displayName", "source": "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
        ]
    }
)
HIDDEN = person(attributes={"mail": "s3cret@firm.example"})
HELD = linked(HIDDEN, SECRET)


@pytest.mark.parametrize(
    ("subject", "known", "observed"),
    [
        pytest.param(HIDDEN, None, Absent(), id="create"),
        pytest.param(HIDDEN, None, Found("app-1", "externalId", {"externalId": "s3cret@firm.example"}), id="adopt"),
        pytest.param(HIDDEN, None, Twins("externalId", "s3cret@firm.example", ("1", "2")), id="twins"),
        pytest.param(HIDDEN, HELD, None, id="keep"),
        pytest.param(person(attributes={"mail": "another"}), HELD, None, id="update"),
        pytest.param(HIDDEN, linked(HIDDEN, SECRET, Status.DISABLED), None, id="enable"),
    ],
)
def test_every_decision_names_the_paths_whose_values_nobody_sees(
    subject: Subject, known: Link | None, observed: Any
) -> None:
    assert decided(subject, known, observed, SECRET).redacted == ("externalId",)


def test_no_reason_and_no_step_repeats_a_value_that_nobody_sees() -> None:
    asked = "externalId eq 's3cret@firm.example'"
    for observed in (Absent(asked=(asked,)), Twins("externalId", "s3cret@firm.example", ("app-1", "app-2"))):
        decision = decided(HIDDEN, None, observed, SECRET)
        assert "s3cret" not in str((decision.trace, getattr(decision.change, "reason", "")))
    seen = decided(HIDDEN, None, Twins("title", "Analyst", ("app-1", "app-2")), SECRET).change
    assert isinstance(seen, Skip)
    assert "title Analyst" in seen.reason


# ------------------------------------------------------------------------------------------------ whose it is


def test_a_decision_knows_whom_it_is_about() -> None:
    for subject, known in ((person(seq=41), linked(person())), (group(seq=41), linked(group()))):
        decision = decided(subject, known)
        assert (decision.kind, decision.subject_id, decision.seq) == (subject.kind, subject.id, 41)
        assert (decision.name, decision.app_id) == (subject.name, known.app_id)
        assert (decision.create_first, decision.after, decision.match) == (False, (), ())


def test_a_decision_calls_everybody_as_the_directory_does_now() -> None:
    assert decided(person(name="byron@firm.example"), linked(person())).name == "byron@firm.example"


def test_an_account_that_is_gone_is_nobodys() -> None:
    gone = linked(person(), status=Status.GONE)
    assert decided(person(), gone).app_id is None
    found = decided(person(), gone, Found("app-2", "userName", {}))
    assert isinstance(found.change, Adopt)
    assert found.app_id == "app-2"
