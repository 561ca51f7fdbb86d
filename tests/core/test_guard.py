"""The guard's verdict: when how many of what kind are too many."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import LAW, decided, group, linked, person

from instep.core.change import Effect, EffectKind, Keep
from instep.core.decide import Around
from instep.core.guard import DAY, Limits, Population, Scale, Verdict, add, judge, tally, tightened
from instep.core.link import Status
from instep.core.subject import Presence

DISABLE, DELETE, RENAME = EffectKind.DISABLE, EffectKind.DELETE, EffectKind.RENAME
MEMBERS, GROUPS = EffectKind.REMOVE_MEMBERS, EffectKind.DELETE_GROUP
PURGES = EffectKind.DELETE_DISABLED

MANY = Population(users=1000, groups=1000, memberships=1000, linked=1000)
LIMITS = Limits()


def held(counts: dict[str, int], population: Population = MANY, today: dict[str, int] | None = None) -> set[str]:
    """The kinds that are held."""
    return set(judge(counts, Scale(population, today or {}), LIMITS).held)


# ------------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("population", "cycle", "day"),
    [(0, 5, 10), (1, 5, 10), (100, 5, 10), (119, 5, 11), (120, 6, 12), (1000, 50, 100), (1_000_000, 50_000, 100_000)],
)
def test_the_limit_is_the_larger_of_a_count_and_a_share(population: int, cycle: int, day: int) -> None:
    assert (LIMITS.per_cycle(population), LIMITS.per_day(population)) == (cycle, day)


@pytest.mark.parametrize("kind", EffectKind.ALL)
def test_the_limit_itself_is_allowed_and_one_more_is_held(kind: str) -> None:
    assert held({kind: 50}) == set()
    assert held({kind: 51}) == {kind}


@pytest.mark.parametrize("kind", EffectKind.ALL)
def test_what_happened_in_the_last_day_counts(kind: str) -> None:
    assert held({kind: 40}, today={kind: 60}) == set()
    assert held({kind: 40}, today={kind: 61}) == {kind}


def test_nothing_is_held_because_of_the_last_day_alone() -> None:
    assert held({}, today={DISABLE: 900}) == set()
    assert held({DISABLE: 0}, today={DISABLE: 900}) == set()


def test_disables_and_deletes_share_their_limits() -> None:
    assert held({DISABLE: 25, DELETE: 25}) == set()
    assert held({DISABLE: 25, DELETE: 26}) == {DISABLE, DELETE}
    assert held({DISABLE: 1}, today={DELETE: 100}) == {DISABLE}


def test_other_kinds_have_limits_of_their_own() -> None:
    assert held({DISABLE: 50, RENAME: 50, MEMBERS: 50, GROUPS: 50}) == set()
    assert held({DISABLE: 51, RENAME: 50, MEMBERS: 51, GROUPS: 50}) == {DISABLE, MEMBERS}


def test_each_kind_is_measured_against_what_it_harms() -> None:
    population = Population(users=200, groups=400, memberships=2000)
    assert held({DISABLE: 10, RENAME: 10, GROUPS: 20, MEMBERS: 100}, population) == set()
    assert held({DISABLE: 11}, population) == {DISABLE}
    assert held({RENAME: 11}, population) == {RENAME}
    assert held({GROUPS: 21}, population) == {GROUPS}
    assert held({MEMBERS: 101}, population) == {MEMBERS}


def test_a_job_that_has_nobody_yet_has_a_population_of_none() -> None:
    assert [Population().of(kind) for kind in EffectKind.ALL] == [0] * 6


def test_a_day_has_twenty_four_hours() -> None:
    assert timedelta(days=1) == DAY


def test_own_limits_count() -> None:
    strict = Limits(cycle_count=0, cycle_share=0, day_count=0, day_share=0)
    assert set(judge({DISABLE: 1}, Scale(MANY), strict).held) == {DISABLE}
    loose = Limits(cycle_count=400, day_count=400)
    assert judge({DISABLE: 400}, Scale(MANY), loose) == Verdict()


def test_a_kind_may_have_limits_of_its_own() -> None:
    limits = Limits(kinds={MEMBERS: Limits(cycle_count=200, day_count=300)})
    assert judge({MEMBERS: 200, RENAME: 50}, Scale(MANY), limits) == Verdict()
    assert set(judge({MEMBERS: 201, RENAME: 51}, Scale(MANY), limits).held) == {MEMBERS, RENAME}


# ------------------------------------------------------------------------------------------ what waits


def test_what_waits_counts_with_what_is_new() -> None:
    def kinds(new: int, waiting: int) -> set[str]:
        return set(judge({DISABLE: new}, Scale(MANY, waiting={DISABLE: waiting}), LIMITS).held)

    assert (kinds(4, 46), kinds(4, 47)) == (set(), {DISABLE})
    assert (kinds(1, 498), kinds(1, 499)) == ({DISABLE}, {DISABLE})


def test_a_mass_in_portions_is_no_trickle() -> None:
    """Forty a cycle are few. While those of before wait, the next ones wait with them."""
    scale = Scale(MANY, waiting={DISABLE: 51})
    reason = judge({DISABLE: 1}, scale, LIMITS).held[DISABLE]
    assert reason == "52 people would lose access, 51 of them waiting already; the limit for one cycle is 50 of 1000"


def test_what_waits_alone_is_not_judged_again() -> None:
    assert judge({}, Scale(MANY, waiting={DISABLE: 900}), LIMITS) == Verdict()


def test_what_waits_to_be_deleted_counts_with_who_would_be_disabled() -> None:
    assert set(judge({DISABLE: 1}, Scale(MANY, waiting={DELETE: 50}), LIMITS).held) == {DISABLE}


def test_an_effect_that_waits_already_is_not_counted_anew() -> None:
    waiting = replace(LEAVER, effects=(Effect(DISABLE, always_held="too many", waiting=True),))
    assert tally([waiting, LEAVER]) == {DISABLE: 1}
    assert set(Verdict().held_kinds(waiting)) == {DISABLE}


# --------------------------------------------------------------------- deletions of who is disabled


def test_who_is_disabled_loses_no_access_by_being_deleted() -> None:
    purged = person(presence=Presence.PURGED)
    assert tally([decided(purged, linked(person(), status=Status.DISABLED))]) == {PURGES: 1}
    assert tally([decided(purged, linked(person()))]) == {DELETE: 1}
    doubtful = linked(person(), status=Status.DISABLED, unknown=frozenset({"active"}))
    assert tally([decided(purged, doubtful)]) == {DELETE: 1}


def test_purging_leavers_is_measured_against_everyone_with_an_account() -> None:
    """Of 300 people 200 have left over the years: 14 of them go for good."""
    firm = Population(users=100, linked=300)
    assert held({PURGES: 14, DISABLE: 5}, firm) == set()
    assert held({PURGES: 14, DISABLE: 6}, firm) == {DISABLE}
    assert held({DELETE: 14}, firm) == {DELETE}


def test_a_mass_of_purges_is_held_all_the_same() -> None:
    firm = Population(users=100, linked=300)
    assert held({PURGES: 16}, firm) == {PURGES}
    assert held({PURGES: 15}, firm, today={PURGES: 16}) == {PURGES}
    assert "disabled accounts would be deleted" in judge({PURGES: 150}, Scale(firm), LIMITS).held[PURGES]


# --------------------------------------------------------------------- after a change of rules or version


@pytest.mark.parametrize(("population", "cycle", "day"), [(0, 2, 5), (100, 2, 5), (120, 3, 6), (1000, 25, 50)])
def test_after_a_change_the_limits_are_half(population: int, cycle: int, day: int) -> None:
    limits = tightened(LIMITS)
    assert (limits.per_cycle(population), limits.per_day(population)) == (cycle, day)
    assert set(judge({DISABLE: 26}, Scale(MANY), limits).held) == {DISABLE}
    assert judge({DISABLE: 25}, Scale(MANY), limits) == Verdict()


def test_tight_limits_say_why_they_are_tight() -> None:
    assert judge({DISABLE: 26}, Scale(MANY), tightened(LIMITS)).held[DISABLE] == (
        "26 people would lose access; the limit for one cycle is 25 of 1000, "
        "half of the usual since the rules or Instep itself have changed"
    )


def test_one_stays_one_and_none_stays_none_and_own_limits_are_halved_too() -> None:
    limits = tightened(Limits(1, 0, 0, 0, kinds={RENAME: Limits(cycle_count=40)}))
    assert (limits.per_cycle(9), limits.per_day(9), limits.of(RENAME).per_cycle(9)) == (1, 0, 20)
    assert (limits.cycle_count, limits.day_count) == (1, 0)


# ------------------------------------------------------------------------------------------- always held


@pytest.mark.parametrize(
    ("population", "count", "waits"),
    [
        (1, 1, False),
        (2, 1, True),
        (3, 1, False),
        (3, 2, True),
        (4, 1, False),
        (4, 2, True),
        (9, 4, False),
        (9, 5, True),
    ],
)
def test_half_or_more_of_at_least_two_are_always_held(population: int, count: int, waits: bool) -> None:
    everything = Population(population, population, population, population)
    for kind in EffectKind.ALL:
        assert bool(held({kind: count}, everything)) is waits


def test_half_are_held_however_high_the_limits_are() -> None:
    generous = Limits(cycle_count=10_000, day_count=10_000, cycle_share=1, day_share=1)
    assert judge({DISABLE: 499}, Scale(MANY), generous) == Verdict()
    assert set(judge({DISABLE: 500}, Scale(MANY), generous).held) == {DISABLE}


def test_half_of_the_people_are_counted_over_disables_and_deletes_together() -> None:
    assert held({DISABLE: 2, DELETE: 1}, Population(users=6)) == {DISABLE, DELETE}


@pytest.mark.parametrize("kind", EffectKind.ALL)
def test_everything_is_held_when_the_source_is_empty(kind: str) -> None:
    verdict = judge({kind: 1}, Scale(MANY, source_empty=True), LIMITS)
    assert set(verdict.held) == {kind}
    assert "nobody left" in verdict.held[kind]


def test_an_empty_source_holds_nothing_where_nothing_would_happen() -> None:
    assert judge({}, Scale(MANY, source_empty=True), LIMITS) == Verdict()


def test_reasons_have_the_numbers() -> None:
    assert judge({DISABLE: 51}, Scale(MANY), LIMITS).held[DISABLE] == (
        "51 people would lose access; the limit for one cycle is 50 of 1000"
    )
    assert judge({DELETE: 41}, Scale(MANY, {DISABLE: 60}), LIMITS).held[DELETE] == (
        "41 people would lose access, after 60 in the last 24 hours; the limit for a day is 100 of 1000"
    )
    assert judge({MEMBERS: 500}, Scale(MANY), LIMITS).held[MEMBERS] == (
        "500 of 1000 memberships would be removed: half or more at once is always held"
    )


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (DISABLE, "people would lose access"),
        (DELETE, "people would lose access"),
        (RENAME, "people's login identifier would change"),
        (MEMBERS, "memberships would be removed"),
        (GROUPS, "groups would be deleted"),
        (PURGES, "disabled accounts would be deleted"),
    ],
)
def test_every_reason_says_how_many_of_what_and_how_many_of_them_wait_already(kind: str, what: str) -> None:
    def reason(new: int, today: int = 0, empty: bool = False) -> str:
        scale = Scale(MANY, {kind: today}, {kind: 9}, source_empty=empty)
        return judge({kind: new}, scale, tightened(LIMITS)).held[kind]

    assert reason(1, empty=True) == (
        f"10 {what}, 9 of them waiting already, and the directory has nobody left for this app: is the source complete?"
    )
    assert reason(491) == f"500 of 1000 {what}, 9 of them waiting already: half or more at once is always held"
    assert reason(11, today=31) == (
        f"20 {what}, 9 of them waiting already, after 31 in the last 24 hours; the limit for a day is 50 of 1000, "
        "half of the usual since the rules or Instep itself have changed"
    )


# ------------------------------------------------------------------------------------------------- tally

LEAVER = decided(person(grants=()), linked(person()))
PURGED = decided(person(presence=Presence.PURGED), linked(person()))
RENAMED = decided(person(name="byron@firm.example"), linked(person()))
OWN_GROUP = decided(group(grants=()), linked(group()))
ADOPTED_GROUP = decided(group(grants=()), linked(group(), adopted=True))
REGROUPED = decided(group(), linked(group()), around=Around(memberships=dict.fromkeys("abc", "sent")))
IN_STEP = decided(person(), linked(person()))


def test_effects_are_tallied_per_kind() -> None:
    assert tally([LEAVER, PURGED, RENAMED, OWN_GROUP, ADOPTED_GROUP, IN_STEP, LEAVER]) == {
        DISABLE: 2,
        DELETE: 1,
        RENAME: 1,
        GROUPS: 2,
    }


def test_each_membership_that_is_removed_counts() -> None:
    assert tally([REGROUPED, LEAVER, REGROUPED]) == {MEMBERS: 6, DISABLE: 1}


def test_a_decision_that_no_longer_holds_is_taken_out_again() -> None:
    counts = tally([LEAVER, PURGED, REGROUPED])
    add(counts, LEAVER, sign=-1)
    add(counts, REGROUPED, sign=-1)
    assert counts == {DISABLE: 0, DELETE: 1, MEMBERS: 0}
    assert judge(counts, Scale(MANY), LIMITS) == Verdict()


def test_a_verdict_says_which_of_a_decisions_effects_wait() -> None:
    verdict = judge({DISABLE: 51}, Scale(MANY), LIMITS)
    assert set(verdict.held_kinds(LEAVER)) == {DISABLE}
    assert verdict.held_kinds(RENAMED) == {}
    assert IN_STEP.change == Keep()
    assert verdict.held_kinds(IN_STEP) == {}


def test_the_deletion_of_an_adopted_group_waits_though_no_limit_is_passed() -> None:
    assert set(Verdict().held_kinds(ADOPTED_GROUP)) == {GROUPS}
    assert Verdict().held_kinds(OWN_GROUP) == {}


# ------------------------------------------------------------------------------------------------- laws

COUNTS = st.dictionaries(st.sampled_from(EffectKind.ALL), st.integers(0, 3000))
POPULATIONS = st.builds(Population, *(st.integers(0, 5000) for _ in range(4)))
SHARES = st.floats(0, 1)
ANY_LIMITS = st.builds(Limits, st.integers(0, 100), SHARES, st.integers(0, 200), SHARES)


@LAW
@given(COUNTS, POPULATIONS, COUNTS, ANY_LIMITS, st.booleans())
def test_law_what_goes_ahead_is_within_every_limit(
    counts: dict[str, int], population: Population, today: dict[str, int], limits: Limits, empty: bool
) -> None:
    verdict = judge(counts, Scale(population, today, source_empty=empty), limits)
    going = {k: n for k, n in counts.items() if n and k not in verdict.held}
    assert not (empty and going)
    for kind, count in going.items():
        of = population.of(kind)
        assert count <= limits.per_cycle(of)
        assert count + today.get(kind, 0) <= limits.per_day(of)
        assert of < 2 or count * 2 < of
    ended = going.get(DISABLE, 0) + going.get(DELETE, 0)
    assert ended <= limits.per_cycle(population.users)


@LAW
@given(COUNTS, POPULATIONS, COUNTS, st.sampled_from(EffectKind.ALL), st.integers(1, 50))
def test_law_more_of_a_kind_never_frees_it(
    counts: dict[str, int], population: Population, today: dict[str, int], kind: str, more: int
) -> None:
    before = held(counts, population, today)
    after = held({**counts, kind: counts.get(kind, 0) + more}, population, today)
    assert before <= after
