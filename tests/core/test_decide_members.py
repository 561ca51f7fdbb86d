"""What is decided about a group's members."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.examples import LAW, decided, group, job, linked

from instep.core.change import Decision, Effect, EffectKind, Keep, Skip, Update
from instep.core.decide import Around

NO_UPDATE = job(groups={"actions": ["create", "delete"]})
EVERYONE = {m: f"app-{m}" for m in ("ada", "bo", "cy")}


def members(wanted: str, states: dict[str, str], accounts: str = "ada bo cy", coming: str = "") -> Any:
    """The decision about a group with these members wanted, whose memberships stand so."""
    around = Around({m: f"app-{m}" for m in accounts.split()}, frozenset(coming.split()), states)
    return decided(group("team", *wanted.split()), linked(group("team")), around=around)


@pytest.mark.parametrize(
    ("wanted", "states", "added", "removed"),
    [
        ("ada", {}, ("ada",), ()),
        ("ada", {"ada": "sent"}, (), ()),
        ("ada", {"ada": "pending"}, ("ada",), ()),
        ("ada", {"ada": "unknown"}, ("ada",), ()),
        ("", {"ada": "sent"}, (), ("ada",)),
        ("", {"ada": "pending"}, (), ()),
        ("", {"ada": "unknown"}, (), ("ada",)),
        ("bo ada", {"cy": "sent"}, ("ada", "bo"), ("cy",)),
        ("ada", {"cy": "sent", "bo": "sent"}, ("ada",), ("bo", "cy")),
    ],
)
def test_members_are_added_and_removed_by_what_the_app_is_known_to_have(
    wanted: str, states: dict[str, str], added: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    decision = members(wanted, states)
    if not added and not removed:
        assert decision.change == Keep()
    else:
        assert decision.change == Update((), added, removed)
    assert decision.effects == ((Effect(EffectKind.REMOVE_MEMBERS, len(removed)),) if removed else ())


def test_members_come_and_go_in_the_order_of_their_ids() -> None:
    many = "ihgfedcba"
    assert members("", dict.fromkeys(many, "sent")).change == Update((), (), tuple(sorted(many)))
    assert members(" ".join(many), {}, accounts=" ".join(many)).change == Update((), tuple(sorted(many)))
    assert members(" ".join(many), {}, accounts="").pending == tuple(sorted(many))


def test_a_member_without_an_account_is_awaited() -> None:
    decision = members("ada dee", {"ada": "sent"})
    assert decision.change == Keep()
    assert decision.pending == ("dee",)


def test_a_member_who_gets_an_account_in_this_cycle_is_added() -> None:
    assert members("dee", {}, coming="dee").change == Update((), ("dee",))


def test_a_member_who_left_and_came_back_before_it_was_sent_costs_nothing() -> None:
    assert members("ada", {"ada": "sent"}).change == Keep()
    assert members("", {}).change == Keep()


def test_memberships_are_let_alone_where_they_are_no_longer_provisioned() -> None:
    rules = job(groups={"members": False})
    around = Around(EVERYONE, memberships={"ada": "sent", "bo": "unknown"})
    assert decided(group("team", "cy"), linked(group("team")), None, rules, around).change == Keep()


def test_memberships_stay_as_they_are_where_updates_are_switched_off() -> None:
    around = Around(EVERYONE, memberships={"ada": "sent"})
    decision = decided(group("team", "bo"), linked(group("team")), None, NO_UPDATE, around)
    assert isinstance(decision.change, Skip)
    assert decision.effects == ()


# ------------------------------------------------------------------- members whom nobody here stands behind

STRANGERS = [f"app-{n}" for n in "987654321"]


def strangers(members: bool, authoritative: bool, wanted: str = "") -> Decision:
    """The decision about a group whose members an audit found to be strangers."""
    rules = job(groups={"members": members}, authoritative_members=authoritative)
    around = Around(EVERYONE, memberships=dict.fromkeys(STRANGERS, "foreign"))
    return decided(group("team", *wanted.split()), linked(group("team")), None, rules, around)


def test_strangers_are_taken_out_where_the_directory_alone_decides() -> None:
    decision = strangers(members=True, authoritative=True)
    assert decision.change == Update(foreign_removed=tuple(sorted(STRANGERS)))
    assert decision.effects == (Effect(EffectKind.REMOVE_MEMBERS, 9),)


def test_strangers_are_let_alone_where_others_may_decide_or_members_are_not_provisioned() -> None:
    assert strangers(members=True, authoritative=False).change == Keep()
    assert strangers(members=True, authoritative=False, wanted="ada").change == Update((), ("ada",))
    assert strangers(members=False, authoritative=True).change == Keep()


STATES = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["sent", "pending", "unknown"]))
IDS = st.frozensets(st.sampled_from("abcdefgh"))


@LAW
@given(wanted=IDS, states=STATES, accounts=IDS, coming=IDS)
def test_law_of_members(wanted: frozenset[str], states: dict[str, str], accounts: set[str], coming: set[str]) -> None:
    """Every wanted member is there, added or awaited; everybody else who may be there is removed; each once."""
    decision = members(" ".join(wanted), states, " ".join(accounts), " ".join(coming))
    made = decision.change
    added = set(made.members_added) if isinstance(made, Update) else set[str]()
    removed = set(made.members_removed) if isinstance(made, Update) else set[str]()
    there = {m for m, s in states.items() if s == "sent"}
    doubtful = {m for m, s in states.items() if s == "unknown"}
    assert added | there | set(decision.pending) >= wanted
    assert added <= wanted - there
    assert added <= accounts | coming
    assert not set(decision.pending) & (accounts | coming)
    assert removed == (there | doubtful) - wanted
    assert sum(e.count for e in decision.effects) == len(removed)
