"""The deprovisioning matrix: what becomes of an account when its subject is out of scope."""

from itertools import product

import pytest
from tests.core.examples import GUEST, NOW, RULES, decided, group, job, linked, person

from instep.core.change import AttributeChange, Delete, Disable, Effect, EffectKind, Keep, Release, Skip
from instep.core.decide import Around, decide
from instep.core.desire import NotReady, OutOfScope, desire
from instep.core.link import Link, Status
from instep.core.match import Found, Twins
from instep.core.rules import Rules
from instep.core.subject import Grant, Kind, Presence, Subject

OUT: dict[str, Subject] = {
    "unassigned": person(grants=()),
    "role": person(grants=(Grant("as-1", GUEST),)),
    "disabled": person(enabled=False),
    "soft-deleted": person(presence=Presence.SOFT_DELETED),
    "purged": person(presence=Presence.PURGED, attributes={}),
}
GROUPS_OUT: dict[str, Subject] = {
    "unassigned": group(grants=()),
    "role": group(grants=(Grant("as-1", GUEST),)),
    "soft-deleted": group(presence=Presence.SOFT_DELETED),
    "purged": group(presence=Presence.PURGED),
}
LEAVING = ("unassigned", "role")
"""Clauses by which somebody leaves scope who is still there in the directory as before."""

BY_DELETE = job(ending={"by": "delete"})
KEEP_PURGED = job(ending={"delete_when_purged": False})
NO_UPDATE = job(users={"actions": ["create", "delete"]}, groups={"actions": ["create", "delete"]})
NO_DELETE = job(users={"actions": ["create", "update"]}, groups={"actions": ["create", "update"]})
NO_DELETE_BY_DELETE = job(users={"actions": ["create", "update"]}, ending={"by": "delete"})
LETS_GO = job(skip_out_of_scope_deletions=True)
LETS_GO_BY_DELETE = job(skip_out_of_scope_deletions=True, ending={"by": "delete"})


def ended(subject: Subject, status: Status, rules: Rules) -> type:
    """The kind of change that ends this subject's access."""
    return type(decided(subject, linked(subject, status=status), rules=rules).change)


def test_the_examples_are_out_of_scope_by_their_clause() -> None:
    for clause, subject in {**OUT, **{f"{c} ": s for c, s in GROUPS_OUT.items()}}.items():
        found = desire(subject, RULES, NOW, "")
        assert isinstance(found, OutOfScope)
        assert found.clause == clause.strip()


# ------------------------------------------------------------------------------- people who have no account


@pytest.mark.parametrize("rules", [RULES, BY_DELETE, NO_UPDATE, NO_DELETE, LETS_GO])
@pytest.mark.parametrize("clause", OUT)
@pytest.mark.parametrize("status", [None, Status.UNLINKED, Status.GONE])
def test_who_has_no_account_by_us_is_skipped(status: Status | None, clause: str, rules: Rules) -> None:
    link = linked(OUT[clause], status=status) if status else None
    decision = decided(OUT[clause], link, rules=rules)
    assert isinstance(decision.change, Skip)
    assert not decision.change.failed
    assert decision.effects == ()
    entitled = clause not in ("unassigned", "role", "disabled")
    assert decision.change.code == ("OutOfScope" if entitled else "NotEffectivelyEntitled")


@pytest.mark.parametrize("observed", [Found("app-1", "userName", {"active": True}), Twins("userName", "a", ("1", "2"))])
def test_an_account_that_is_not_ours_is_never_touched(observed: Found | Twins) -> None:
    for subject in OUT.values():
        assert isinstance(decided(subject, None, observed).change, Skip)


# ------------------------------------------------------------------------------------- people who have one

PEOPLE: list[tuple[Rules, Status, tuple[str, ...], type]] = [
    (RULES, Status.ACTIVE, ("unassigned", "role", "disabled", "soft-deleted"), Disable),
    (RULES, Status.ACTIVE, ("purged",), Delete),
    (RULES, Status.DISABLED, ("unassigned", "role", "disabled", "soft-deleted"), Keep),
    (RULES, Status.DISABLED, ("purged",), Delete),
    (KEEP_PURGED, Status.ACTIVE, ("purged",), Disable),
    (KEEP_PURGED, Status.DISABLED, ("purged",), Keep),
    (BY_DELETE, Status.ACTIVE, tuple(OUT), Delete),
    (BY_DELETE, Status.DISABLED, tuple(OUT), Delete),
    (NO_UPDATE, Status.ACTIVE, ("unassigned", "role", "disabled", "soft-deleted"), Release),
    (NO_UPDATE, Status.ACTIVE, ("purged",), Delete),
    (NO_UPDATE, Status.DISABLED, ("unassigned", "role", "disabled", "soft-deleted"), Keep),
    (NO_DELETE, Status.ACTIVE, ("unassigned", "role", "disabled", "soft-deleted"), Disable),
    (NO_DELETE, Status.ACTIVE, ("purged",), Release),
    (NO_DELETE, Status.DISABLED, ("purged",), Release),
    (NO_DELETE_BY_DELETE, Status.ACTIVE, tuple(OUT), Release),
    (LETS_GO, Status.ACTIVE, LEAVING, Release),
    (LETS_GO, Status.DISABLED, LEAVING, Release),
    (LETS_GO, Status.ACTIVE, ("disabled", "soft-deleted"), Disable),
    (LETS_GO, Status.ACTIVE, ("purged",), Delete),
    (LETS_GO_BY_DELETE, Status.ACTIVE, LEAVING, Release),
    (LETS_GO_BY_DELETE, Status.ACTIVE, ("disabled", "soft-deleted", "purged"), Delete),
    *((rules, Status.RELEASED, tuple(OUT), Skip) for rules in (RULES, BY_DELETE, NO_UPDATE, NO_DELETE, LETS_GO)),
]


@pytest.mark.parametrize(("rules", "status", "clauses", "change"), PEOPLE)
def test_matrix_of_people(rules: Rules, status: Status, clauses: tuple[str, ...], change: type) -> None:
    for clause in clauses:
        assert ended(OUT[clause], status, rules) is change, clause


def test_a_filter_is_left_as_an_assignment_is() -> None:
    wish = OutOfScope("filter", "ada isn't in Research")
    for rules, change in ((RULES, Disable), (LETS_GO, Release), (BY_DELETE, Delete)):
        decision = decide(person(), linked(person()), wish, None, rules, Around())
        assert isinstance(decision.change, change)


def test_a_disable_sends_active_false_and_nothing_else() -> None:
    decision = decided(OUT["unassigned"], linked(person(), adopted=True))
    assert decision.change == Disable((AttributeChange("active", True, False),))
    assert decision.app_id == "app-ada"
    assert decision.effects == (Effect(EffectKind.DISABLE),)


def test_a_disable_that_was_never_acknowledged_is_sent_again() -> None:
    for status in (Status.ACTIVE, Status.DISABLED):
        link = linked(person(), status=status, unknown=frozenset({"active"}))
        assert isinstance(decided(OUT["unassigned"], link).change, Disable)


def test_a_deleted_person_counts_as_a_delete() -> None:
    decision = decided(OUT["purged"], linked(person()))
    assert decision.effects == (Effect(EffectKind.DELETE),)


@pytest.mark.parametrize("rules", [NO_UPDATE, NO_DELETE_BY_DELETE, LETS_GO])
def test_letting_go_sends_nothing_harms_nobody_and_says_why(rules: Rules) -> None:
    decision = decided(OUT["unassigned"], linked(person()), rules=rules)
    assert decision.change == Release()
    assert decision.effects == ()
    assert decision.trace[-1].status == "skipped"


# ------------------------------------------------------------------------------------------------ groups

TEAMS: list[tuple[Rules, tuple[str, ...], type]] = [
    (RULES, tuple(GROUPS_OUT), Delete),
    (KEEP_PURGED, tuple(GROUPS_OUT), Delete),
    (NO_UPDATE, tuple(GROUPS_OUT), Delete),
    (NO_DELETE, tuple(GROUPS_OUT), Release),
    (LETS_GO, LEAVING, Release),
    (LETS_GO, ("soft-deleted", "purged"), Delete),
]


@pytest.mark.parametrize(("rules", "clauses", "change"), TEAMS)
def test_matrix_of_groups(rules: Rules, clauses: tuple[str, ...], change: type) -> None:
    for clause in clauses:
        assert ended(GROUPS_OUT[clause], Status.ACTIVE, rules) is change, clause
        assert ended(GROUPS_OUT[clause], Status.RELEASED, rules) is Skip, clause
        for status in (Status.UNLINKED, Status.GONE):
            assert ended(GROUPS_OUT[clause], status, rules) is Skip, clause


def test_the_deletion_of_a_group_that_was_made_here_is_up_to_the_limits() -> None:
    decision = decided(GROUPS_OUT["unassigned"], linked(group()))
    assert decision.effects == (Effect(EffectKind.DELETE_GROUP),)


def test_with_a_group_its_memberships_go() -> None:
    """They count as they do when its members are taken out one by one; who waits to come in loses nothing."""
    around = Around(memberships={"a": "sent", "b": "sent", "c": "unknown", "d": "pending", "app-x": "foreign"})
    decision = decided(GROUPS_OUT["soft-deleted"], linked(group()), around=around)
    assert decision.effects == (Effect(EffectKind.DELETE_GROUP), Effect(EffectKind.REMOVE_MEMBERS, 3))


def test_the_deletion_of_an_adopted_group_is_always_held() -> None:
    for clause in GROUPS_OUT:
        decision = decided(GROUPS_OUT[clause], linked(group(), adopted=True))
        (effect,) = decision.effects
        assert effect.kind == EffectKind.DELETE_GROUP
        assert "Team existed in the app before" in effect.always_held


# ------------------------------------------------------------------------------------ when nobody can tell

BROKEN = job({"target": "nickName", "source": 'Error("no cost centre")'})


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("kind", Kind)
def test_when_nobody_can_tell_nothing_is_done_to_anybody(kind: Kind, status: Status | None) -> None:
    subject = person() if kind is Kind.USER else group()
    link = linked(subject, status=status) if status else None
    wish = NotReady("EntrySynchronizationError", "the mapping failed")
    decision = decide(subject, link, wish, None, RULES, Around(memberships={"ada": "sent"}))
    assert decision.change == Skip("EntrySynchronizationError", "the mapping failed", failed=True)
    assert decision.effects == ()


def test_a_mapping_that_fails_does_not_end_access() -> None:
    decision = decided(person(), linked(person()), rules=BROKEN)
    assert isinstance(decision.change, Skip)
    assert decision.change.failed


# -------------------------------------------------------------------------------------------- all of them


def test_every_cell_has_an_answer_that_fits_its_kind() -> None:
    """No combination raises, none makes an account, and what harms somebody says so."""
    rules = [
        job(
            users={"actions": actions},
            groups={"actions": actions},
            ending={"by": by, "delete_when_purged": purges},
            skip_out_of_scope_deletions=lets_go,
        )
        for actions in (["create", "update", "delete"], ["update"], ["delete"], [])
        for by, purges, lets_go in product(("disable", "delete"), (True, False), (True, False))
    ]
    subjects = (*OUT.values(), *GROUPS_OUT.values())
    for subject, status, of in product(subjects, Status, rules):
        link: Link = linked(subject, status=status)
        decision = decided(subject, link, rules=of)
        assert isinstance(decision.change, Disable | Delete | Release | Keep | Skip)
        assert bool(decision.effects) == isinstance(decision.change, Disable | Delete)
        if subject.kind is Kind.GROUP:
            assert not isinstance(decision.change, Disable)
        if not link.ours:
            assert isinstance(decision.change, Skip)


def test_who_is_forgotten_loses_access_by_the_account_that_is_remembered() -> None:
    for clause, change in (("unassigned", Disable), ("purged", Delete)):
        decision = decided(OUT[clause], linked(person(), status=Status.FORGOTTEN))
        assert (type(decision.change), decision.app_id) == (change, "app-ada")


def test_the_name_is_the_last_known_one_where_the_directory_has_none() -> None:
    nameless = person(presence=Presence.PURGED, name="")
    assert decided(nameless, linked(person())).name == "ada@firm.example"
    assert decided(nameless).name == "ada"
