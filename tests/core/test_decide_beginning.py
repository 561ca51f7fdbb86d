"""What is decided about somebody in scope who has no account by us: to make one, to adopt one, or neither."""

from typing import Any

import pytest
from tests.core.examples import GROUPS, MANAGER, RULES, USERS, decided, group, job, linked, person

from instep.core.change import Adopt, AttributeChange, Create, Effect, EffectKind, Skip
from instep.core.decide import Around
from instep.core.link import Status
from instep.core.match import Absent, Found, Observed, Twins
from instep.core.rules import Rules

IN_STEP = {"userName": "ada@firm.example", "displayName": "Ada", "title": "Analyst", "active": True}
NO_CREATE = job(users={"actions": ["update", "delete"]}, groups={"actions": ["update", "delete"]})
NO_UPDATE = job(users={"actions": ["create"]}, groups={"actions": ["create"]})


def found(**differing: Any) -> Found:
    """Ada's account as a look-up finds it, in step but for what differs; None takes an attribute out."""
    observed = {k: v for k, v in {**IN_STEP, **differing}.items() if v is not None}
    return Found("app-1", "userName", observed)


def skipped(observed: Observed | None, rules: Rules = RULES, **given: Any) -> Skip:
    change = decided(person(**given), None, observed, rules).change
    assert isinstance(change, Skip)
    return change


def adopted(observed: Found, rules: Rules = RULES, **given: Any) -> Adopt:
    change = decided(person(**given), None, observed, rules).change
    assert isinstance(change, Adopt)
    return change


# ------------------------------------------------------------------------------------------------ create


@pytest.mark.parametrize("status", [None, Status.UNLINKED, Status.GONE])
def test_who_is_not_there_is_created(status: Status | None) -> None:
    link = linked(person(), status=status) if status else None
    decision = decided(person(), link, Absent(asked=("userName eq 'ada@firm.example'",)))
    assert decision.change == Create(IN_STEP)
    assert decision.match == (("userName", "ada@firm.example"),)
    assert not decision.create_first
    assert decision.effects == ()
    assert decision.app_id is None


def test_a_creation_without_a_look_up_says_so() -> None:
    assert decided(person(), None, Absent(looked_up=False)).create_first


def test_defaults_and_values_for_creation_only_are_written_on_creation() -> None:
    rules = job(
        {"target": "nickName", "source": "[nickname]", "default": "nobody"},
        {"target": "userType", "source": '"employee"', "flow": "create"},
    )
    change = decided(person(), rules=rules).change
    assert change == Create({**IN_STEP, "nickName": "nobody", "userType": "employee"})


def test_nothing_is_created_where_that_is_switched_off() -> None:
    assert skipped(Absent(), NO_CREATE) == Skip("CreateDisabled", "creating is switched off for this type")


def test_nobody_is_created_without_a_required_value() -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "required": True})
    change = skipped(Absent(), rules)
    assert (change.code, change.failed) == ("MandatoryFieldsMissing", True)
    assert "nickName" in change.reason


def test_who_has_nothing_to_be_matched_by_is_neither_created_nor_adopted() -> None:
    rules = job(users={"mappings": [{"target": "externalId", "source": "[employeeId]", "matching": 1}]})
    for observed in (None, Absent(), found()):
        change = skipped(observed, rules)
        assert (change.code, change.failed) == ("ImportSkipped", True)
        assert "externalId" in change.reason


# ------------------------------------------------------------------------------------------------- adopt


def test_an_account_that_is_in_step_is_adopted_without_changes() -> None:
    decision = decided(person(), None, found())
    assert decision.change == Adopt("app-1", IN_STEP)
    assert decision.app_id == "app-1"
    assert decision.effects == ()


@pytest.mark.parametrize("rules", [RULES, NO_CREATE])
def test_an_account_is_adopted_with_its_differences(rules: Rules) -> None:
    change = adopted(found(displayName="A. Byron", title=None), rules)
    assert change.changes == (
        AttributeChange("displayName", "A. Byron", "Ada"),
        AttributeChange("title", None, "Analyst"),
    )


def test_what_the_rules_are_silent_about_stays_as_it_is() -> None:
    change = adopted(found(nickName="Countess"), attributes={"jobTitle": None})
    assert change.changes == ()
    assert change.observed["title"] == "Analyst"


def test_defaults_are_not_written_to_an_account_that_exists() -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "default": "nobody"})
    assert adopted(found(), rules).changes == ()


def test_an_inactive_account_is_adopted_and_the_plan_says_that_it_is_enabled() -> None:
    assert adopted(found(active=False)).changes == (AttributeChange("active", False, True),)


def test_an_account_that_says_nothing_of_active_is_in_use() -> None:
    assert adopted(found(active=None)).changes == ()


def test_only_of_active_is_silence_a_yes() -> None:
    primary = 'emails[type eq "work"].primary'
    rules = job({"target": primary, "source": '"True"'})
    assert adopted(found(active=None), rules).changes == (AttributeChange(primary, None, True),)


def test_an_adoption_that_takes_access_away_is_a_disable() -> None:
    rules = job({"target": "active", "source": '"False"'})
    for observed in (found(), found(active=None)):
        decision = decided(person(), None, observed, rules)
        assert decision.effects == (Effect(EffectKind.DISABLE),)


def test_an_adoption_that_changes_the_login_says_so() -> None:
    rules = job({"target": "externalId", "source": "[id]", "matching": 2})
    seen = Found("app-1", "externalId", {**IN_STEP, "userName": "byron@firm.example", "externalId": "ada"})
    decision = decided(person(), None, seen, rules)
    assert decision.effects == (Effect(EffectKind.RENAME),)


@pytest.mark.parametrize(("exact", "changes"), [(False, 0), (True, 1)])
def test_a_difference_in_case_counts_only_where_case_counts(exact: bool, changes: int) -> None:
    rows = [{**row, "case_exact": exact} if row["target"] == "displayName" else row for row in USERS]
    rules = job(users={"mappings": rows})
    assert len(adopted(found(displayName="ADA", userName="Ada@Firm.Example"), rules).changes) == changes


def test_an_adoption_where_updates_are_switched_off_only_links() -> None:
    decision = decided(person(), None, found(displayName="A. Byron", userName="ADA2"), NO_UPDATE)
    assert decision.change == Adopt("app-1", found(displayName="A. Byron", userName="ADA2").observed)
    assert decision.effects == ()


# ------------------------------------------------------------------------------------------- who may not


def test_twins_are_an_error_that_names_them() -> None:
    change = skipped(Twins("userName", "ada@firm.example", ("app-1", "app-2")))
    assert (change.code, change.failed) == ("DuplicateTargetEntries", True)
    for word in ("app-1", "app-2", "userName", "ada@firm.example"):
        assert word in change.reason


def test_an_account_that_belongs_to_somebody_else_is_an_error_that_names_both() -> None:
    seen = Found("app-1", "userName", IN_STEP, owner="ada.old@firm.example (u-0, gone here)")
    change = skipped(seen)
    assert (change.code, change.failed) == ("DuplicateSourceEntries", True)
    for word in ("app-1", "ada.old@firm.example (u-0, gone here)", "ada@firm.example"):
        assert word in change.reason


# -------------------------------------------------------------------------------------------- references


def test_a_manager_with_an_account_rides_in_the_creation() -> None:
    decision = decided(person(manager="grace"), around=Around(accounts={"grace": "app-grace"}))
    assert isinstance(decision.change, Create)
    assert decision.change.attributes[MANAGER] == {"subject": "grace", "value": "app-grace"}
    assert decision.after == ()


def test_a_manager_without_an_account_goes_first() -> None:
    decision = decided(person(manager="grace"))
    assert isinstance(decision.change, Create)
    assert decision.change.attributes[MANAGER] == {"subject": "grace", "value": None}
    assert decision.after == ("grace",)


def test_nobody_as_manager_is_not_written_on_creation() -> None:
    change = decided(person()).change
    assert isinstance(change, Create)
    assert MANAGER not in change.attributes


@pytest.mark.parametrize("held", ["app-grace", {"value": "app-grace", "displayName": "Grace"}])
def test_a_manager_who_is_there_already_is_no_difference(held: Any) -> None:
    decision = decided(person(manager="grace"), None, found(**{MANAGER: held}), around=Around({"grace": "app-grace"}))
    assert isinstance(decision.change, Adopt)
    assert decision.change.changes == ()


def test_a_wrong_manager_is_corrected_in_an_adoption() -> None:
    decision = decided(
        person(manager="grace"), None, found(**{MANAGER: "app-x"}), around=Around({"grace": "app-grace"})
    )
    assert isinstance(decision.change, Adopt)
    assert decision.change.changes == (AttributeChange(MANAGER, "app-x", {"subject": "grace", "value": "app-grace"}),)


def test_a_manager_without_an_account_waits_in_an_adoption() -> None:
    decision = decided(person(manager="grace"), None, found())
    assert isinstance(decision.change, Adopt)
    assert decision.change.changes == ()
    assert decision.pending == ("grace",)
    step = decision.trace[-1]
    assert (step.type, step.details["code"]) == ("referenceResolution", "UnableToResolveReferenceAttributeValue")


# ------------------------------------------------------------------------------------------------ groups

AROUND = Around(accounts={"ada": "app-ada", "bo": "app-bo"}, coming=frozenset({"cy"}))


def test_a_new_group_has_those_members_who_have_or_get_an_account() -> None:
    decision = decided(group("team", "dee", "cy", "bo", "ada"), around=AROUND)
    assert decision.change == Create({"displayName": "Team"}, ("ada", "bo", "cy"))
    assert decision.pending == ("dee",)


def test_an_adopted_group_keeps_gets_and_loses_members() -> None:
    seen = Found("app-team", "displayName", {"displayName": "team"}, members=("old", "ada"))
    decision = decided(group("team", "ada", "bo", "dee"), None, seen, around=AROUND)
    assert decision.change == Adopt(
        "app-team",
        {"displayName": "team"},
        members_added=("bo",),
        members_removed=("old",),
        members_found=("ada", "old"),
    )
    assert decision.pending == ("dee",)
    assert decision.effects == (Effect(EffectKind.REMOVE_MEMBERS, 1),)


def test_members_whom_nobody_here_stands_behind_are_removed_and_counted_where_a_look_up_says_so() -> None:
    seen = Found("app-team", "displayName", {"displayName": "Team"}, foreign=("app-y", "app-x"))
    decision = decided(group("team"), None, seen, around=AROUND)
    assert isinstance(decision.change, Adopt)
    assert decision.change.foreign_removed == ("app-x", "app-y")
    assert decision.effects == (Effect(EffectKind.REMOVE_MEMBERS, 2),)


def test_members_are_let_alone_where_they_are_not_provisioned() -> None:
    seen = Found("app-team", "displayName", {"displayName": "Team"}, members=("old",), foreign=("app-x",))
    rules = job(groups={"mappings": list(GROUPS), "members": False})
    decision = decided(group("team", "ada"), None, seen, rules, AROUND)
    assert isinstance(decision.change, Adopt)
    assert (decision.change.members_added, decision.change.members_removed) == ((), ())
    assert decision.change.foreign_removed == ()
    assert decision.pending == ()
    assert decision.effects == ()


def test_a_group_is_only_linked_where_updates_are_switched_off() -> None:
    seen = Found("app-team", "displayName", {"displayName": "Team"}, members=("old",), foreign=("app-x",))
    decision = decided(group("team", "ada"), None, seen, NO_UPDATE, AROUND)
    assert decision.change == Adopt("app-team", {"displayName": "Team"}, members_found=("old",))
    assert decision.effects == ()
