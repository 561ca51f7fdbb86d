"""The plan: its order, what needs a request, and its fingerprint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import GUEST, LAW, decided, group, job, linked, person

from instep.core.change import (
    Adopt,
    AttributeChange,
    Change,
    Create,
    Decision,
    Delete,
    Disable,
    Enable,
    Keep,
    Release,
    Skip,
    Update,
)
from instep.core.decide import Around
from instep.core.link import Status
from instep.core.match import Found
from instep.core.plan import ON_DEMAND, URGENT, Plan, action, fingerprint, makes_account, priority, sends
from instep.core.subject import Grant

TITLE = (AttributeChange("title", "Analyst", "Countess"),)

JOINER = decided(person())
MOVER = decided(person(attributes={"jobTitle": "Countess"}), linked(person()))
LEAVER = decided(person(grants=()), linked(person()))
RETURNER = decided(person(), linked(person(), status=Status.DISABLED))
BLOCKED = decided(person(), linked(person()), rules=job({"target": "active", "source": '"False"'}))
SKIPPED = decided(person(grants=(Grant("as-1", GUEST),)))
LET_GO = decided(person(grants=()), linked(person()), rules=job(skip_out_of_scope_deletions=True))
TEAM = decided(group())
TEAM_GONE = decided(group(grants=()), linked(group()))
SHRINKING = decided(group(), linked(group()), around=Around(memberships={"ada": "sent"}))
CLEARED = replace(SHRINKING, change=Update(foreign_removed=("app-x",)), effects=())
GROWING = decided(group("team", "ada"), linked(group("team")), around=Around({"ada": "app-ada"}))


def test_leavers_go_first_then_people_then_groups() -> None:
    stages = [
        [SKIPPED, LET_GO],
        [LEAVER, BLOCKED],
        [TEAM_GONE, SHRINKING, CLEARED],
        [JOINER, MOVER, RETURNER],
        [TEAM, GROWING],
    ]
    assert priority(replace(LEAVER, effects=())) == priority(LEAVER)
    ranks = [{priority(d) for d in stage} for stage in stages]
    assert all(len(rank) == 1 for rank in ranks)
    assert ranks == sorted(ranks, key=min)
    assert len({min(rank) for rank in ranks}) == len(ranks)


def test_who_waits_in_front_of_a_screen_goes_with_the_leavers_and_all_who_lose_something_are_urgent() -> None:
    assert priority(LEAVER) == ON_DEMAND
    assert URGENT == priority(TEAM_GONE) < priority(JOINER)


def test_an_adoption_that_takes_access_away_goes_first_too() -> None:
    seen = Found("app-1", "userName", {"userName": "ada@firm.example", "active": True})
    rules = job({"target": "active", "source": '"False"'})
    assert priority(decided(person(), None, seen, rules)) == priority(LEAVER)


@pytest.mark.parametrize(
    ("change", "needs_request"),
    [
        (Create({}), True),
        (Delete(), True),
        (Disable(TITLE), True),
        (Enable(TITLE), True),
        (Enable(()), False),
        (Release(), False),
        (Keep(), False),
        (Skip("code", "reason"), False),
        (Update(), False),
        (Update(TITLE), True),
        (Update((), ("a",)), True),
        (Update((), (), ("a",)), True),
        (Update((), (), (), ("app-x",)), True),
        (Adopt("app-1", {"title": "Analyst"}), False),
        (Adopt("app-1", {}, members_found=("a",)), False),
        (Adopt("app-1", {}, TITLE), True),
        (Adopt("app-1", {}, members_added=("a",)), True),
        (Adopt("app-1", {}, members_removed=("a",)), True),
        (Adopt("app-1", {}, foreign_removed=("app-x",)), True),
    ],
)
def test_what_needs_a_request(change: Change, needs_request: bool) -> None:
    assert sends(change) is needs_request


def test_creations_and_adoptions_make_an_account() -> None:
    made = [c for c in (Create({}), Adopt("a", {}), Update(TITLE), Enable(()), Delete(), Keep()) if makes_account(c)]
    assert made == [Create({}), Adopt("a", {})]


def test_actions_are_called_by_their_words() -> None:
    changes = (Create({}), Adopt("a", {}), Update(), Disable(()), Enable(()), Delete(), Release(), Skip("c", "r"))
    assert [action(c) for c in changes] == [
        "create",
        "adopt",
        "update",
        "disable",
        "enable",
        "delete",
        "release",
        "skip",
    ]


# ------------------------------------------------------------------------------------------- fingerprint

ALL = (JOINER, MOVER, LEAVER, RETURNER, BLOCKED, TEAM, TEAM_GONE, SHRINKING, GROWING)


def plan(*decisions: Decision) -> Plan:
    return Plan("mixpanel", "incremental", decisions, {}, {})


@LAW
@given(st.permutations(ALL))
def test_law_the_fingerprint_does_not_depend_on_the_order(decisions: list[Decision]) -> None:
    assert plan(*decisions).fingerprint == plan(*ALL).fingerprint


@LAW
@given(st.integers(0, len(ALL) - 1), st.sampled_from(["subject", "account", "change", "left out", "twice"]))
def test_law_any_difference_in_content_gives_another_fingerprint(at: int, difference: str) -> None:
    other = {
        "subject": (replace(ALL[at], subject_id="somebody else"),),
        "account": (replace(ALL[at], app_id="another account"),),
        "change": (replace(ALL[at], change=Update((AttributeChange("title", "x", "y"),))),),
        "left out": (),
        "twice": (ALL[at], ALL[at]),
    }[difference]
    assert plan(*ALL[:at], *other, *ALL[at + 1 :]).fingerprint != plan(*ALL).fingerprint


def test_a_fingerprint_has_16_hexadecimal_digits_even_of_nothing() -> None:
    assert len(fingerprint([])) == len(plan(*ALL).fingerprint) == 16
