"""What is decided about somebody in scope who has an account by us: to keep it, change it, or give access again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import GROUPS, LAW, MANAGER, RULES, USERS, decided, group, job, linked, person

from instep.core.change import (
    AttributeChange,
    Change,
    Effect,
    EffectKind,
    Enable,
    Keep,
    Skip,
    Update,
)
from instep.core.decide import Around
from instep.core.link import Link, Status
from instep.core.rules import Rules
from instep.core.subject import Subject

NO_UPDATE = job(users={"actions": ["create", "delete"]}, groups={"actions": ["create", "delete"]})
EXACT = job(users={"mappings": [{**row, "case_exact": row["target"] != MANAGER} for row in USERS]})
GRACE = Around(accounts={"grace": "app-grace"})


def link(status: Status = Status.ACTIVE, unknown: set[str] | None = None, **sent: Any) -> Link:
    """Ada's link; what was sent is in step but for what is given, and None takes an attribute out of it."""
    usual = linked(person(), status=status, unknown=frozenset(unknown or ()))
    return replace(usual, sent={k: v for k, v in {**usual.sent, **sent}.items() if v is not None})


def managed(held: Any, unknown: set[str] | None = None) -> Link:
    """Ada's link with this as her manager."""
    usual = link(unknown=unknown)
    return replace(usual, sent={**usual.sent, MANAGER: held})


def change(subject: Subject, known: Link, rules: Rules = RULES, around: Around | None = None) -> Change:
    return decided(subject, known, None, rules, around).change


# -------------------------------------------------------------------------------------------- attributes


def test_who_is_in_step_is_kept() -> None:
    decision = decided(person(), link())
    assert decision.change == Keep()
    assert decision.app_id == "app-ada"
    assert (decision.effects, decision.pending) == ((), ())


def test_steps_are_told_of_who_changes_and_not_of_who_is_in_step() -> None:
    """Most people are in step, and what isn't told needn't be made."""
    assert decided(person(), link()).trace == ()
    told = decided(person(attributes={"jobTitle": "Countess"}), link()).trace
    assert [(step.type, step.status) for step in told] == [("import", "success"), ("scoping", "success")]
    assert told[1].details == {
        "IsActive": True,
        "Assigned": True,
        "IsEffectivelyEntitledForProvisioning": True,
        "Through": ["assigned directly (Default Access)"],
    }


def test_each_attribute_that_differs_is_changed_and_no_other() -> None:
    assert change(person(attributes={"jobTitle": "Countess"}), link()) == Update(
        (AttributeChange("title", "Analyst", "Countess"),)
    )


def test_an_attribute_that_was_never_sent_is_set() -> None:
    assert change(person(), link(title=None)) == Update((AttributeChange("title", None, "Analyst"),))


def test_an_attribute_without_a_value_is_not_cleared() -> None:
    assert change(person(attributes={"jobTitle": None}), link()) == Keep()


def test_an_attribute_is_cleared_where_the_mapping_says_so() -> None:
    rules = job({"target": "nickName", "source": "[nickname]", "clear_when_empty": True})
    cleared = Update((AttributeChange("nickName", "Countess", None),))
    assert change(person(), link(nickName="Countess"), rules) == cleared
    assert change(person(), link(), rules) == Keep()
    assert change(person(), link(unknown={"nickName"}), rules) == Update((AttributeChange("nickName", None, None),))


def test_a_login_that_is_cleared_is_a_change_of_login() -> None:
    row = {"target": "externalId", "source": "[employeeId]", "matching": 2, "clear_when_empty": True}
    assert decided(person(), link(externalId="1"), None, job(row)).effects == (Effect(EffectKind.RENAME),)


def test_values_for_creation_only_are_not_written_again() -> None:
    rules = job(
        {"target": "nickName", "source": "[nickname]", "default": "nobody"},
        {"target": "userType", "source": "[companyName]", "flow": "create"},
    )
    assert change(person(attributes={"companyName": "Firm"}), link(userType="Other"), rules) == Keep()


@pytest.mark.parametrize(("rules", "kept"), [(RULES, True), (EXACT, False)])
@pytest.mark.parametrize("sent", [{"displayName": "ADA"}, {"userName": "ADA@firm.example"}])
def test_a_change_of_case_alone_is_a_change_only_where_case_counts(
    sent: dict[str, Any], rules: Rules, kept: bool
) -> None:
    assert (change(person(), link(**sent), rules) == Keep()) is kept


def test_lists_are_compared_as_sets() -> None:
    rules = job({"target": "nickName", "source": "[otherMails]"})
    subject = person(attributes={"otherMails": ["a@x.example", "b@x.example"]})
    assert change(subject, link(nickName=["b@x.example", "a@x.example"]), rules) == Keep()
    shorter = change(subject, link(nickName=["a@x.example", "b@x.example", "c@x.example"]), rules)
    assert isinstance(shorter, Update)


def test_a_value_that_the_app_rewrote_is_not_sent_again() -> None:
    rewritten = replace(link(), returned={"displayName": "Ada (Analytical)"})
    assert change(person(), rewritten) == Keep()


def test_differences_are_skipped_where_updates_are_switched_off() -> None:
    made = change(person(attributes={"jobTitle": "Countess"}), link(), NO_UPDATE)
    assert made == Skip("UpdateDisabled", "updating is switched off for this type")
    assert change(person(), link(), NO_UPDATE) == Keep()


def test_an_account_that_was_adopted_without_active_is_in_use() -> None:
    assert change(person(), link(active=None)) == Keep()


def test_active_is_sent_where_nobody_knows_whether_it_is() -> None:
    assert change(person(), link(active=None, unknown={"active"})) == Update((AttributeChange("active", None, True),))


# ----------------------------------------------------------------------------------------------- unknown


@pytest.mark.parametrize("path", ["userName", "displayName", "title", "active"])
def test_an_unknown_value_is_sent_though_it_was_the_last_one_acknowledged(path: str) -> None:
    made = change(person(), link(unknown={path}))
    assert isinstance(made, Update)
    assert [(c.path, c.new) for c in made.changes] == [(path, link().sent[path])]


def test_an_unknown_manager_is_sent_again_or_taken_out_again() -> None:
    reference = {"subject": "grace", "value": "app-grace"}
    known = managed(reference, {MANAGER})
    assert change(person(manager="grace"), known, around=GRACE) == Update(
        (AttributeChange(MANAGER, reference, reference),)
    )
    assert change(person(), link(unknown={MANAGER})) == Update((AttributeChange(MANAGER, None, None),))


@LAW
@given(st.sets(st.sampled_from(["userName", "displayName", "title", "active"]), min_size=1))
def test_law_whoever_has_an_unknown_value_that_is_wanted_is_never_kept(unknown: set[str]) -> None:
    made = change(person(), link(unknown=unknown))
    assert isinstance(made, Update)
    assert {c.path for c in made.changes} == unknown


# -------------------------------------------------------------------------------------- guarded effects


@pytest.mark.parametrize("source", ["[accountEnabled]", '"False"', "Not([displayName])"])
def test_active_turned_false_by_any_mapping_is_a_disable(source: str) -> None:
    rules = job({"target": "active", "source": source})
    decision = decided(person(attributes={"displayName": "true"}), link(displayName="true"), None, rules)
    ends = source != "[accountEnabled]"
    assert decision.effects == ((Effect(EffectKind.DISABLE),) if ends else ())
    if ends:
        assert decision.change == Update((AttributeChange("active", True, False, EffectKind.DISABLE),))


def test_another_attribute_turned_false_ends_nobodys_access() -> None:
    primary = 'emails[type eq "work"].primary'
    rules = job({"target": primary, "source": '"False"'})
    decision = decided(person(), link(**{primary: True}), None, rules)
    assert decision.change == Update((AttributeChange(primary, True, False),))
    assert decision.effects == ()


def test_who_is_inactive_already_is_not_disabled_again() -> None:
    rules = job({"target": "active", "source": '"False"'})
    decision = decided(person(), link(Status.DISABLED), None, rules)
    assert decision.change == Keep()


def test_a_changed_user_name_is_a_change_of_login() -> None:
    decision = decided(person(name="byron@firm.example"), link())
    assert decision.change == Update(
        (AttributeChange("userName", "ada@firm.example", "byron@firm.example", EffectKind.RENAME),)
    )
    assert decision.effects == (Effect(EffectKind.RENAME),)


def test_so_is_a_change_of_any_matching_attribute() -> None:
    rules = job({"target": "externalId", "source": "[employeeId]", "matching": 2})
    subject = person(attributes={"employeeId": "2"})
    assert decided(subject, link(externalId="1"), None, rules).effects == (Effect(EffectKind.RENAME),)
    assert decided(subject, link(), None, rules).effects == ()


def test_a_group_that_is_renamed_harms_nobody() -> None:
    decision = decided(group("team", name="Squad"), linked(group("team")))
    assert decision.change == Update((AttributeChange("displayName", "Team", "Squad"),))
    assert decision.effects == ()


# ------------------------------------------------------------------------------------------------ return


def test_who_comes_back_is_enabled_with_everything_that_changed_meanwhile() -> None:
    decision = decided(person(attributes={"jobTitle": "Countess"}), link(Status.DISABLED))
    assert isinstance(decision.change, Enable)
    assert {(c.path, c.old, c.new) for c in decision.change.changes} == {
        ("active", False, True),
        ("title", "Analyst", "Countess"),
    }
    assert decision.effects == ()


def test_who_comes_back_under_another_login_is_counted_as_a_change_of_login() -> None:
    decision = decided(person(name="byron@firm.example"), link(Status.DISABLED))
    assert isinstance(decision.change, Enable)
    assert decision.effects == (Effect(EffectKind.RENAME),)


def test_who_was_let_go_is_managed_again() -> None:
    assert change(person(), link(Status.RELEASED)) == Enable(())
    different = change(person(attributes={"jobTitle": "Countess"}), link(Status.RELEASED))
    assert different == Update((AttributeChange("title", "Analyst", "Countess"),))
    assert isinstance(change(person(), link(Status.RELEASED, active=False)), Enable)


def test_who_was_let_go_is_managed_again_even_where_updates_are_switched_off() -> None:
    assert change(person(attributes={"jobTitle": "Countess"}), link(Status.RELEASED), NO_UPDATE) == Enable(())


def test_who_comes_back_where_updates_are_switched_off_is_skipped() -> None:
    assert isinstance(change(person(), link(Status.DISABLED), NO_UPDATE), Skip)


def test_who_stays_inactive_by_a_mapping_is_changed_and_not_enabled() -> None:
    primary = 'emails[type eq "work"].primary'
    rules = job({"target": "active", "source": '"False"'}, {"target": primary, "source": '"True"'})
    subject = person(attributes={"jobTitle": "Countess"})
    for known in (link(Status.DISABLED), link(Status.DISABLED, unknown={"active"})):
        decision = decided(subject, known, None, rules)
        assert isinstance(decision.change, Update)
        assert {"title", primary} <= {c.path for c in decision.change.changes}
        assert decision.effects == ()


def test_a_group_that_was_let_go_gets_its_members_whatever_becomes_of_active() -> None:
    rows = [*GROUPS, {"target": "active", "source": '"True"'}]
    known = linked(group(), status=Status.RELEASED, sent={"displayName": "Team", "active": False})
    decision = decided(group("team", "grace"), known, None, job(groups={"mappings": rows}), GRACE)
    assert decision.change == Update((AttributeChange("active", False, True),), ("grace",))


def test_a_group_that_was_let_go_is_managed_again() -> None:
    assert decided(group(), linked(group(), status=Status.RELEASED)).change == Enable(())


# -------------------------------------------------------------------------------------------- references


def test_a_manager_is_written_when_the_account_is_there() -> None:
    made = change(person(manager="grace"), link(), around=GRACE)
    assert made == Update((AttributeChange(MANAGER, None, {"subject": "grace", "value": "app-grace"}),))


def test_a_manager_without_an_account_is_awaited() -> None:
    decision = decided(person(manager="grace"), link())
    assert decision.change == Keep()
    assert decision.pending == ("grace",)
    assert decision.trace[-1].details["subjects"] == ["grace"]


def test_a_manager_who_is_written_already_is_no_change() -> None:
    for held in ({"subject": "grace", "value": "app-grace"}, "app-grace"):
        assert change(person(manager="grace"), managed(held), around=GRACE) == Keep()


def test_a_manager_whose_account_is_another_one_now_is_written_anew() -> None:
    old = {"subject": "grace", "value": "app-before"}
    assert change(person(manager="grace"), managed(old), around=GRACE) == Update(
        (AttributeChange(MANAGER, old, {"subject": "grace", "value": "app-grace"}),)
    )


def test_a_manager_whom_the_directory_dropped_is_taken_out() -> None:
    old = {"subject": "grace", "value": "app-grace"}
    assert change(person(), managed(old)) == Update((AttributeChange(MANAGER, old, None),))
