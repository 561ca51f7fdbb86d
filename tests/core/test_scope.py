"""Who is in scope, and what is said of those who aren't."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.examples import ASSIGNED, EDITOR, FORGOTTEN, GUEST, LAW, RULES, group, job, person, wish

from instep.core.desire import Desired, NotReady, OutOfScope
from instep.core.rules import Rules
from instep.core.subject import Grant, Presence, Subject

ALL = job(scope="all")
NO_DEFAULT_ACCESS = job(default_access=False)

BY_EDITOR, BY_GUEST, BY_FORGOTTEN = (Grant(f"as-{role}", role) for role in (EDITOR, GUEST, FORGOTTEN))
BY_DEFAULT = ASSIGNED[0]


def verdict(subject: Subject, rules: Rules = RULES) -> str:
    """`in`, `not ready`, or the clause that put the subject out of scope."""
    found = wish(subject, rules)
    if isinstance(found, OutOfScope):
        return found.clause
    return "in" if isinstance(found, Desired) else "not ready"


@pytest.mark.parametrize(
    ("grants", "rules", "expected"),
    [
        ((), RULES, "unassigned"),
        ((), NO_DEFAULT_ACCESS, "unassigned"),
        ((), ALL, "in"),
        ((BY_DEFAULT,), RULES, "in"),
        ((BY_DEFAULT,), NO_DEFAULT_ACCESS, "role"),
        ((BY_DEFAULT,), job(scope="all", default_access=False), "in"),
        ((BY_EDITOR,), RULES, "in"),
        ((BY_EDITOR,), NO_DEFAULT_ACCESS, "in"),
        ((BY_GUEST,), RULES, "role"),
        ((BY_GUEST,), ALL, "in"),
        ((BY_GUEST, BY_EDITOR), RULES, "in"),
        ((BY_GUEST, BY_DEFAULT), RULES, "in"),
        ((BY_GUEST, BY_DEFAULT), NO_DEFAULT_ACCESS, "role"),
        ((BY_FORGOTTEN,), RULES, "not ready"),
        ((BY_FORGOTTEN,), ALL, "in"),
        ((BY_FORGOTTEN, BY_GUEST), RULES, "not ready"),
        ((BY_GUEST, BY_FORGOTTEN), RULES, "not ready"),
        ((BY_FORGOTTEN, BY_EDITOR), RULES, "in"),
        ((BY_FORGOTTEN, BY_DEFAULT), RULES, "in"),
        ((BY_FORGOTTEN, BY_DEFAULT), NO_DEFAULT_ACCESS, "not ready"),
    ],
)
def test_assignment_and_role_decide_about_who_is_present_and_enabled(
    grants: tuple[Grant, ...], rules: Rules, expected: str
) -> None:
    assert verdict(person(grants=grants), rules) == expected
    assert verdict(group(grants=grants), rules) == expected


@pytest.mark.parametrize("rules", [RULES, ALL, NO_DEFAULT_ACCESS])
@pytest.mark.parametrize("grants", [(), (BY_DEFAULT,), (BY_EDITOR,), (BY_GUEST,), (BY_FORGOTTEN,)])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("presence", [Presence.SOFT_DELETED, Presence.PURGED])
def test_who_is_deleted_is_out_whatever_else_is_true(
    presence: Presence, enabled: bool, grants: tuple[Grant, ...], rules: Rules
) -> None:
    assert verdict(person(presence=presence, enabled=enabled, grants=grants), rules) == presence.value


@pytest.mark.parametrize(
    ("grants", "rules", "expected"),
    [
        ((), RULES, "unassigned"),
        ((), ALL, "disabled"),
        ((BY_DEFAULT,), RULES, "disabled"),
        ((BY_EDITOR,), NO_DEFAULT_ACCESS, "disabled"),
        ((BY_GUEST,), RULES, "role"),
        ((BY_FORGOTTEN,), ALL, "disabled"),
    ],
)
def test_who_is_disabled_is_out(grants: tuple[Grant, ...], rules: Rules, expected: str) -> None:
    assert verdict(person(enabled=False, grants=grants), rules) == expected


def test_an_unknown_role_ends_nobodys_access() -> None:
    found = wish(person(grants=(BY_FORGOTTEN,)))
    assert isinstance(found, NotReady)
    assert found.code == "NotEffectivelyEntitled"
    assert FORGOTTEN in found.reason


def test_an_unknown_role_keeps_no_disabled_person_in() -> None:
    assert verdict(person(enabled=False, grants=(BY_FORGOTTEN,))) == "disabled"


def test_roles_that_do_not_entitle_are_named() -> None:
    found = wish(person(grants=(BY_GUEST, BY_DEFAULT)), NO_DEFAULT_ACCESS)
    assert isinstance(found, OutOfScope)
    assert "Default Access, Guest" in found.reason


def test_the_trace_says_what_was_read_and_what_was_found() -> None:
    imported, scoping = wish(person(grants=(Grant("as-1", EDITOR, ("Firm", "Research")), BY_DEFAULT))).trace
    assert (imported.type, imported.details["id"]) == ("import", "ada")
    assert "change 7" in imported.description
    assert (scoping.type, scoping.status) == ("scoping", "success")
    assert scoping.details == {
        "IsActive": True,
        "Assigned": True,
        "IsEffectivelyEntitledForProvisioning": True,
        "Through": ["Firm > Research (Editor)", "assigned directly (Default Access)"],
    }


def test_the_trace_of_somebody_out_of_scope_says_which_condition_failed() -> None:
    step = wish(person(enabled=False)).trace[-1]
    assert (step.type, step.status) == ("scoping", "skipped")
    assert step.details["IsActive"] is False
    assert step.details["Assigned"] is True


# ------------------------------------------------------------------------------------------------ filters


def filtered(*filters: tuple[str, str, str | None], **given: Any) -> Rules:
    """A job that concerns whoever passes one of these filters of one clause each."""
    rows = [{"name": f"F{n}", "clauses": [clause(*each)]} for n, each in enumerate(filters)]
    return job(users={"filters": rows}, **given)


def clause(attribute: str, operator: str, value: str | None) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, **({} if value is None else {"value": value})}


ANALYSTS = filtered(("jobTitle", "EQUALS", "Analyst"))
CLERKS = filtered(("jobTitle", "EQUALS", "Clerk"))
BY_NUMBER = filtered(("jobTitle", "GREATER THAN", "5"))
"""A title is no number: this filter can't be evaluated for anybody."""


def test_a_filter_lets_in_whom_it_describes() -> None:
    assert verdict(person(), ANALYSTS) == "in"
    assert verdict(person(), CLERKS) == "filter"
    assert verdict(group(), CLERKS) == "in"


def test_one_of_several_filters_is_enough() -> None:
    both = filtered(("jobTitle", "EQUALS", "Clerk"), ("jobTitle", "EQUALS", "Analyst"))
    assert verdict(person(), both) == "in"
    assert verdict(person(attributes={"jobTitle": "Countess"}), both) == "filter"


def test_all_clauses_of_a_filter_must_hold() -> None:
    clauses = [clause("jobTitle", "EQUALS", "Analyst"), clause("department", "EQUALS", "Research")]
    rules = job(users={"filters": [{"name": "Research", "clauses": clauses}]})
    assert verdict(person(), rules) == "filter"
    assert verdict(person(attributes={"department": "Research"}), rules) == "in"


def test_a_filter_that_can_not_be_evaluated_ends_nobodys_access() -> None:
    found = wish(person(), BY_NUMBER)
    assert isinstance(found, NotReady)
    assert found.code == "EntrySynchronizationError"
    assert "'Analyst' is no whole number" in found.reason


def test_who_is_certainly_out_is_out_whatever_a_filter_would_say() -> None:
    assert verdict(person(enabled=False), BY_NUMBER) == "disabled"
    assert verdict(person(grants=()), BY_NUMBER) == "unassigned"
    assert verdict(person(presence=Presence.SOFT_DELETED), BY_NUMBER) == "soft-deleted"


def test_the_trace_shows_each_clause_with_its_result() -> None:
    passed = wish(person(), ANALYSTS).trace[-1]
    assert passed.details["IsInProvisioningScope"] is True
    assert passed.details["ScopeEvaluationResult"] == {"F0.jobTitle EQUALS 'Analyst'": True}
    failed = wish(person(), CLERKS)
    assert isinstance(failed, OutOfScope)
    assert "F0.jobTitle EQUALS 'Clerk'" in failed.reason
    assert failed.trace[-1].details["ScopeEvaluationResult"] == {"F0.jobTitle EQUALS 'Clerk'": False}


# --------------------------------------------------------------------------------------------------- law


@LAW
@given(
    presence=st.sampled_from(Presence),
    enabled=st.booleans(),
    grants=st.lists(st.sampled_from([BY_DEFAULT, BY_EDITOR, BY_GUEST, BY_FORGOTTEN]), max_size=4),
    rules=st.sampled_from([RULES, ALL, NO_DEFAULT_ACCESS]),
)
def test_law_only_present_enabled_and_entitled_people_are_in_scope(
    presence: Presence, enabled: bool, grants: list[Grant], rules: Rules
) -> None:
    entitling = {BY_EDITOR} if rules is NO_DEFAULT_ACCESS else {BY_EDITOR, BY_DEFAULT}
    entitled = rules is ALL or bool(entitling & set(grants))
    fits = presence is Presence.PRESENT and enabled and entitled
    found = verdict(person(presence=presence, enabled=enabled, grants=tuple(grants)), rules)
    assert (found == "in") == fits
    # Only a role that nobody knows leaves the question open, and only where its answer matters.
    open_question = presence is Presence.PRESENT and enabled and not entitled and BY_FORGOTTEN in grants
    assert (found == "not ready") == open_question
