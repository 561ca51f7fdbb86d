"""What scope tells of its answer: the reason, the steps, and the clause or mapping whose pattern took too long."""

from typing import Any

import pytest
from tests.core.examples import (
    ASSIGNED,
    EDITOR,
    FORGOTTEN,
    GUEST,
    NOW,
    RULES,
    group,
    job,
    person,
    wish,
)

from instep.core.desire import NotReady, OutOfScope, desire, in_scope, inputs
from instep.core.rules import Rules
from instep.core.scope import role_name
from instep.core.subject import AppRole, Grant, Presence, Subject

GUESTS = (Grant("as-1", GUEST),)
ENDLESS = "^(a|aa)+$"
HARD = "a" * 60 + "!"
"""What a pattern like that doesn't come to an end with."""


def filtered(operator: str, value: str) -> Rules:
    clauses = [{"attribute": "jobTitle", "operator": operator, "value": value}]
    return job(users={"filters": [{"name": "F", "clauses": clauses}]})


CLERKS = filtered("EQUALS", "Clerk")
BY_NUMBER = filtered("GREATER THAN", "5")


@pytest.mark.parametrize(
    ("subject", "rules", "reason", "details"),
    [
        (
            person(presence=Presence.PURGED),
            RULES,
            "ada@firm.example was deleted for good in the directory",
            {"IsActive": False, "Assigned": True},
        ),
        (
            person(presence=Presence.SOFT_DELETED),
            RULES,
            "ada@firm.example was deleted in the directory and can be restored for 30 days",
            {"IsActive": False, "Assigned": True},
        ),
        (
            person(grants=()),
            RULES,
            "ada@firm.example isn't assigned to the app",
            {"IsActive": True, "Assigned": False},
        ),
        (
            person(grants=GUESTS),
            RULES,
            "ada@firm.example has only Guest, which doesn't entitle to an account",
            {"IsActive": True, "Assigned": True, "IsEffectivelyEntitledForProvisioning": False},
        ),
        (
            person(enabled=False),
            RULES,
            "ada@firm.example's account is disabled in the directory",
            {"IsActive": False, "Assigned": True, "IsEffectivelyEntitledForProvisioning": True},
        ),
        (
            person(enabled=False, grants=()),
            job(scope="all"),
            "ada@firm.example's account is disabled in the directory",
            {"IsActive": False, "Assigned": True},
        ),
        (
            person(),
            CLERKS,
            "ada@firm.example passes no scoping filter: F.jobTitle EQUALS 'Clerk'",
            {
                "IsActive": True,
                "Assigned": True,
                "IsEffectivelyEntitledForProvisioning": True,
                "IsInProvisioningScope": False,
                "ScopeEvaluationResult": {"F.jobTitle EQUALS 'Clerk'": False},
            },
        ),
    ],
)
def test_who_is_out_of_scope_is_told_why(subject: Subject, rules: Rules, reason: str, details: dict[str, Any]) -> None:
    found = wish(subject, rules)
    assert isinstance(found, OutOfScope)
    assert found.reason == reason
    imported, scoping = found.trace
    assert (imported.type, imported.status, imported.details) == ("import", "success", {"id": "ada"})
    assert imported.description == "User ada@firm.example as of change 7"
    assert (scoping.type, scoping.status, scoping.description) == ("scoping", "skipped", reason)
    assert scoping.details == details


def test_who_is_disabled_has_passed_the_filters_all_the_same() -> None:
    found = wish(person(enabled=False, attributes={"jobTitle": "Clerk"}), CLERKS)
    assert isinstance(found, OutOfScope)
    assert (found.clause, found.trace[-1].details["IsInProvisioningScope"]) == ("disabled", True)


def test_several_filters_that_fail_are_all_told() -> None:
    rows = [
        {"name": name, "clauses": [{"attribute": "jobTitle", "operator": "EQUALS", "value": name}]} for name in "AB"
    ]
    found = wish(person(), job(users={"filters": rows}))
    assert isinstance(found, OutOfScope)
    assert found.reason.endswith(": A.jobTitle EQUALS 'A'; B.jobTitle EQUALS 'B'")


def test_of_a_filter_that_fails_only_the_clauses_that_fail_are_told() -> None:
    values = {"jobTitle": "Analyst", "displayName": "Grace"}
    clauses = [{"attribute": name, "operator": "EQUALS", "value": value} for name, value in values.items()]
    found = wish(person(), job(users={"filters": [{"name": "A", "clauses": clauses}]}))
    assert isinstance(found, OutOfScope)
    assert found.reason.endswith(": A.displayName EQUALS 'Grace'")


def test_a_role_that_nobody_knows_is_told_as_an_error() -> None:
    found = wish(person(grants=(Grant("as-1", FORGOTTEN),)))
    assert isinstance(found, NotReady)
    assert found.reason == "ada@firm.example is assigned with a role that the app doesn't know: role-forgotten"
    step = found.trace[-1]
    assert (step.type, step.status, step.description) == ("scoping", "failure", found.reason)
    assert step.details == {"IsActive": True, "Assigned": True}
    assert found.late == ""
    assert [each.type for each in found.trace] == ["import", "scoping"]


def test_a_filter_that_fails_is_told_as_an_error() -> None:
    found = wish(person(), BY_NUMBER)
    assert isinstance(found, NotReady)
    assert found.reason.startswith("a scoping filter can't be evaluated for ada@firm.example: ")
    step = found.trace[-1]
    assert (step.type, step.status, step.description, found.late) == ("scoping", "failure", found.reason, "")
    assert step.details["IsEffectivelyEntitledForProvisioning"] is True


def test_who_is_in_scope_passed_the_filters() -> None:
    step = wish(person(), filtered("EQUALS", "Analyst")).trace[-1]
    assert (step.type, step.status, step.description) == ("scoping", "success", "in scope")
    assert step.details["IsInProvisioningScope"] is True
    assert "IsEffectivelyEntitledForProvisioning" not in wish(group(), job(scope="all")).trace[-1].details


def test_roles_are_called_by_what_people_call_them() -> None:
    roles = (AppRole("1", "one", "One"), AppRole("2", "two", "Two"))
    assert [role_name(id, roles) for id in ("2", "3", ASSIGNED[0].role_id)] == ["Two", "3", "Default Access"]


# ------------------------------------------------------------------------------------ patterns that take too long


def test_a_clause_whose_pattern_takes_too_long_is_named() -> None:
    found = wish(person(attributes={"jobTitle": HARD}), filtered("REGEX MATCH", ENDLESS))
    assert isinstance(found, NotReady)
    assert (found.code, found.late) == ("EntrySynchronizationError", f"jobTitle REGEX MATCH '{ENDLESS}'")


def test_a_clause_that_is_not_tried_any_more_ends_nobodys_access() -> None:
    rules, off = filtered("EQUALS", "Clerk"), frozenset({"jobTitle EQUALS 'Clerk'"})
    found = desire(person(), rules, NOW, "seed", off=off)
    assert isinstance(found, NotReady)
    assert "isn't tried any more" in found.reason
    assert isinstance(desire(person(enabled=False), rules, NOW, "seed", off=off), OutOfScope)


def test_a_mapping_whose_pattern_takes_too_long_is_named_and_then_not_tried_any_more() -> None:
    source = f'Replace([jobTitle], , "{ENDLESS}", , "x", , )'
    rules = job({"target": "nickName", "source": source})
    text = rules.users.by_target["nickName"].source.text
    found = wish(person(attributes={"jobTitle": HARD}), rules)
    assert isinstance(found, NotReady)
    assert (found.code, found.late) == ("EntrySynchronizationError", text)
    again = desire(person(), rules, NOW, "seed", off=frozenset({text}))
    assert isinstance(again, NotReady)
    assert (
        again.reason
        == "the mapping of nickName failed: its pattern took too long too often, so it isn't tried any more"
    )
    assert [(step.type, step.status) for step in again.trace] == [
        ("import", "success"),
        ("scoping", "success"),
        ("processing", "failure"),
    ]
    assert again.trace[-1].description == again.reason
    assert again.late == ""
    others = desire(person(), rules, NOW, "seed", off=frozenset({"another"}))
    assert others == wish(person(), rules)


def test_whoever_is_mapped_without_being_asked_about_scope_has_no_steps_to_tell() -> None:
    given = inputs(person(), RULES.roles, NOW, "seed")
    assert in_scope(person(), RULES, given).trace == ()
    broken = job({"target": "nickName", "source": 'Error("no")'})
    failed = in_scope(person(), broken, given)
    assert isinstance(failed, NotReady)
    assert [step.type for step in failed.trace] == ["processing"]
    assert EDITOR in {role.id for role in RULES.roles}
