"""Protected accounts: whatever is said of them elsewhere, nothing is done."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.examples import decided, group, job, linked, person

from instep.core.change import Adopt, Create, Decision, Effect, EffectKind, Skip, Update
from instep.core.decide import FOREIGN_MEMBER, Around
from instep.core.link import Link, Status
from instep.core.match import Absent, Found, Observed
from instep.core.rules import Rules
from instep.core.rules_document import document_faults
from instep.core.subject import Presence

MAIL = {"target": "externalId", "source": "[mail]", "matching": 2}
PEOPLE = job(protected={"people": ["Ada@Firm.example", "the-id"]})
ACCOUNTS = job(MAIL, protected={"accounts": ["Ada@firm.example"]})
UNSAID = job(MAIL)

GONE = person(presence=Presence.PURGED)
LEFT = person(grants=())


def link(**given: Any) -> Link:
    return linked(person(), **given)


def told(decision: Decision) -> str:
    """Why nothing is done."""
    assert isinstance(decision.change, Skip), decision.change
    assert (decision.change.code, decision.change.failed) == ("Protected", False)
    assert decision.effects == ()
    *before, step = decision.trace
    assert [each.type for each in before] == ["import", "scoping"]
    assert (step.type, step.status, step.description) == ("processing", "skipped", decision.change.reason)
    return decision.change.reason


@pytest.mark.parametrize("rules", [PEOPLE, ACCOUNTS], ids=["people", "accounts"])
@pytest.mark.parametrize(
    ("subject", "known", "observed"),
    [
        pytest.param(person(), None, Absent(), id="create"),
        pytest.param(person(), None, Found("app-1", "userName", {"title": "Boss"}), id="adopt"),
        pytest.param(person(attributes={"jobTitle": "Countess"}), link(), None, id="update"),
        pytest.param(LEFT, link(), None, id="disable"),
        pytest.param(person(), link(status=Status.DISABLED), None, id="enable"),
        pytest.param(GONE, link(), None, id="delete"),
        pytest.param(person(), link(), None, id="keep"),
    ],
)
def test_nothing_is_done_to_who_is_protected(
    rules: Rules, subject: Any, known: Link | None, observed: Observed | None
) -> None:
    assert not isinstance(decided(subject, known, observed, UNSAID).change, Skip), "the case itself would do something"
    assert "protected, so this job never touches it" in told(decided(subject, known, observed, rules))


def test_protection_by_id_holds_for_groups_too() -> None:
    assert "by id" in told(decided(person("the-id"), None, Absent(), PEOPLE))
    assert "by id" in told(decided(group("the-id", grants=()), linked(group("the-id")), None, PEOPLE))


def test_a_group_that_is_named_like_somebody_protected_is_not_meant() -> None:
    assert isinstance(decided(group(name="ada@firm.example"), None, Absent(), PEOPLE).change, Create)


def test_nobody_else_adopts_an_account_that_is_protected_in_the_app() -> None:
    """Matched by another attribute than the login."""
    other = person("eve", attributes={"mail": "ops@firm.example"})
    assert Found("app-1", "externalId", {}).login == ""
    found = Found("app-1", "externalId", {"externalId": "ops@firm.example"}, login="ada@firm.example")
    assert isinstance(decided(other, None, found, UNSAID).change, Adopt)
    assert "the app's account ada@firm.example is protected" in told(decided(other, None, found, ACCOUNTS))


def test_nobody_else_is_given_a_login_that_is_protected_in_the_app() -> None:
    renamed = person("eve", name="ada@firm.example")
    assert isinstance(decided(renamed, linked(person("eve")), None, UNSAID).change, Update)
    told(decided(renamed, linked(person("eve")), None, ACCOUNTS))


def test_who_has_a_protected_login_in_the_app_is_left_alone_whatever_the_directory_calls_them() -> None:
    renamed = person(name="byron@firm.example")
    told(decided(renamed, link(), None, ACCOUNTS))
    rewritten = replace(linked(renamed), returned={"userName": "ada@firm.example"})
    told(decided(renamed, rewritten, None, ACCOUNTS))


def test_who_is_protected_neither_comes_into_a_group_nor_leaves_it() -> None:
    accounts = {"ada": "app-ada", "eve": "app-eve", "new": "app-new"}
    rules = job(authoritative_members=True)
    memberships = {"ada": "sent", "eve": "sent", "app-root": FOREIGN_MEMBER, "app-x": FOREIGN_MEMBER}
    around = Around(accounts, memberships=memberships, untouched=frozenset({"ada", "new", "app-root"}))
    decision = decided(group("team", "new"), linked(group()), None, rules, around)
    assert decision.change == Update(members_removed=("eve",), foreign_removed=("app-x",))
    assert decision.pending == ()
    assert decision.effects == (Effect(EffectKind.REMOVE_MEMBERS, 2),)
    made = decided(group("team", "new", "eve"), None, Absent(), rules, around).change
    assert isinstance(made, Create)
    assert made.members == ("eve",)


def test_who_is_protected_stays_in_a_group_that_is_adopted() -> None:
    seen = Found("app-team", "displayName", {"displayName": "Team"}, foreign=("app-root", "app-x"))
    around = Around({"ada": "app-ada", "eve": "app-eve"}, untouched=frozenset({"ada", "app-root"}))
    change = decided(group("team"), None, replace(seen, members=("ada", "eve")), around=around).change
    assert isinstance(change, Adopt)
    assert (change.members_removed, change.foreign_removed) == (("eve",), ("app-x",))


def test_nobody_is_created_with_a_login_that_is_protected_in_the_app() -> None:
    row = {"target": "userName", "source": "[userPrincipalName]", "flow": "create"}
    matched = {"target": "externalId", "source": "[id]", "matching": 1}
    for given in ({"protected": {"accounts": ["ada@firm.example"]}}, {}):
        decision = decided(
            person("eve", name="ada@firm.example"), rules=job(users={"mappings": [row, matched]}, **given)
        )
        assert isinstance(decision.change, Skip if given else Create)


@pytest.mark.parametrize(
    ("protected", "place"),
    [
        ({"people": [" "]}, "protected.people[0]"),
        ({"accounts": ["a@x.example", "A@X.example"]}, "protected.accounts[1]"),
        ({"people": "ada"}, "protected.people"),
        ({"person": []}, "protected.person"),
    ],
)
def test_faulty_protection_is_refused(protected: Any, place: str) -> None:
    rules = {"users": {"mappings": [{"target": "userName", "source": "[mail]", "matching": 1}]}}
    assert [fault.place for fault in document_faults({**rules, "protected": protected})] == [place]
