"""What of a decision waits when the guard holds a kind of harm, what goes ahead, and what an approval binds to."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import LAW, decided, group, job, linked, person

from instep.core.change import Adopt, Decision, Effect, EffectKind, Enable, Update
from instep.core.decide import Around
from instep.core.guard import Limits, Population, Scale, judge, split, tally
from instep.core.link import Status
from instep.core.match import Found
from instep.core.plan import sends
from instep.core.subject import Presence

DISABLE, DELETE, RENAME = EffectKind.DISABLE, EffectKind.DELETE, EffectKind.RENAME
MEMBERS, GROUPS = EffectKind.REMOVE_MEMBERS, EffectKind.DELETE_GROUP
ACCOUNTS = {m: f"app-{m}" for m in "abcdef"}


def moved(id: str = "ada", title: str = "Countess", login: str = "byron@firm.example") -> Decision:
    """Somebody's login and title change."""
    return decided(person(id, name=login, attributes={"jobTitle": title}), linked(person(id)))


def regrouped(wanted: str, there: str, name: str = "Team") -> Decision:
    """A group changes its members, and its name if told so."""
    around = Around(ACCOUNTS, memberships=dict.fromkeys(there, "sent"))
    return decided(group("team", *wanted, name=name), linked(group("team")), around=around)


def adopted_group(wanted: str, there: str, foreign: tuple[str, ...] = ()) -> Decision:
    """A group of the app is adopted and brought in step."""
    seen = Found("app-team", "displayName", {"displayName": "team"}, members=tuple(there), foreign=foreign)
    return decided(group("team", *wanted), None, seen, around=Around(ACCOUNTS))


def test_a_decision_without_that_kind_of_harm_goes_ahead() -> None:
    for decision in (moved(), regrouped("a", "b"), decided(person())):
        assert split(decision, {DELETE, GROUPS}) == (decision, None)
        assert split(decision, ()) == (decision, None)


def test_disables_and_deletes_are_held_whole() -> None:
    gone = decided(person(presence=Presence.PURGED), linked(person()))
    for decision, kind in (
        (decided(person(grants=()), linked(person())), DISABLE),
        (gone, DELETE),
        (decided(group(grants=()), linked(group())), GROUPS),
    ):
        assert split(decision, {kind}) == (None, decision)


def test_of_an_update_the_login_waits_and_the_rest_goes_ahead() -> None:
    decision = moved()
    free, held = split(decision, {RENAME})
    assert free is not None
    assert held is not None
    assert isinstance(free.change, Update)
    assert isinstance(held.change, Update)
    assert [c.path for c in free.change.changes] == ["title"]
    assert [c.path for c in held.change.changes] == ["userName"]
    assert free.effects == ()
    assert held.effects == decision.effects
    assert held.app_id == free.app_id == "app-ada"


def test_an_update_that_is_nothing_but_harm_is_held_whole() -> None:
    free, held = split(moved(title="Analyst"), {RENAME})
    assert free is None
    assert held == moved(title="Analyst")


def test_of_a_group_the_removals_wait_and_the_additions_and_the_name_go_ahead() -> None:
    free, held = split(regrouped("ab", "bcd", name="Squad"), {MEMBERS})
    assert free is not None
    assert held is not None
    assert isinstance(free.change, Update)
    assert (free.change.members_added, free.change.members_removed) == (("a",), ())
    assert len(free.change.changes) == 1
    assert held.change == Update((), (), ("c", "d"))


def test_of_an_adoption_only_the_harm_waits_and_the_account_is_linked() -> None:
    free, held = split(adopted_group("ab", "bc", ("app-x",)), {MEMBERS})
    assert free is not None
    assert held is not None
    assert isinstance(free.change, Adopt)
    assert free.change.members_added == ("a",)
    assert free.change.members_removed == free.change.foreign_removed == ()
    assert held.change == Update((), (), ("c",), ("app-x",))


def test_an_adoption_that_is_nothing_but_harm_still_links() -> None:
    free, held = split(adopted_group("", "c"), {MEMBERS})
    assert free is not None
    assert held is not None
    assert isinstance(free.change, Adopt)
    assert not sends(free.change)


def test_who_comes_back_under_another_login_gets_access_while_the_login_waits() -> None:
    link = linked(person(), status=Status.DISABLED)
    for kinds in ({RENAME}, {RENAME, MEMBERS}):
        free, held = split(decided(person(name="byron@firm.example"), link), kinds)
        assert free is not None
        assert held is not None
        assert isinstance(free.change, Enable)
        assert isinstance(held.change, Update)
        assert [c.path for c in free.change.changes] == ["active"]
        assert [c.path for c in held.change.changes] == ["userName"]


def test_an_access_that_ends_by_a_mapping_waits_and_the_rest_goes_ahead() -> None:
    rules = job({"target": "active", "source": '"False"'})
    free, held = split(decided(person(attributes={"jobTitle": "Countess"}), linked(person()), rules=rules), {DISABLE})
    assert free is not None
    assert held is not None
    assert isinstance(free.change, Update)
    assert isinstance(held.change, Update)
    assert [c.path for c in free.change.changes] == ["title"]
    assert [c.path for c in held.change.changes] == ["active"]


def test_of_two_kinds_of_harm_only_that_which_is_held_waits() -> None:
    rules = job({"target": "active", "source": '"False"'})
    both = decided(person(name="byron@firm.example"), linked(person()), rules=rules)
    for kind, other, waits, goes in ((RENAME, DISABLE, "userName", "active"), (DISABLE, RENAME, "active", "userName")):
        free, held = split(both, {kind})
        assert free is not None
        assert held is not None
        assert isinstance(free.change, Update)
        assert isinstance(held.change, Update)
        assert ([c.path for c in held.change.changes], held.effects) == ([waits], (Effect(kind),))
        assert ([c.path for c in free.change.changes], free.effects) == ([goes], (Effect(other),))


def test_memberships_that_are_not_held_go_ahead_whatever_else_waits() -> None:
    renamed, removal = moved(title="Analyst"), regrouped("", "b")
    assert isinstance(renamed.change, Update)
    assert isinstance(removal.change, Update)
    change = replace(removal.change, changes=renamed.change.changes)
    free, held = split(replace(removal, change=change, effects=(*renamed.effects, *removal.effects)), {RENAME})
    assert free is not None
    assert held is not None
    assert (free.change, free.effects) == (removal.change, removal.effects)
    assert (held.change, held.effects) == (renamed.change, renamed.effects)


# ------------------------------------------------------------------------------------- approval by digest


def held_digest(decision: Decision, kind: str) -> str:
    held = split(decision, {kind})[1]
    assert held is not None
    return held.digest


def test_an_approval_survives_what_goes_ahead_anyway() -> None:
    assert held_digest(moved(title="Countess"), RENAME) == held_digest(moved(title="Analyst"), RENAME)
    assert held_digest(regrouped("a", "bc"), MEMBERS) == held_digest(regrouped("", "bc", "Squad"), MEMBERS)
    assert held_digest(replace(moved(), seq=99, name="other", trace=()), RENAME) == held_digest(moved(), RENAME)


def test_an_approval_does_not_survive_a_change_of_what_was_approved() -> None:
    digests = {
        held_digest(moved(), RENAME),
        held_digest(moved(login="lovelace@firm.example"), RENAME),
        held_digest(moved("bo"), RENAME),
        held_digest(regrouped("", "bc"), MEMBERS),
        held_digest(regrouped("", "b"), MEMBERS),
        held_digest(regrouped("", "bcd"), MEMBERS),
    }
    assert len(digests) == 6


def test_an_approval_survives_the_adoption_that_went_ahead() -> None:
    adoption = held_digest(adopted_group("ab", "bcd"), MEMBERS)
    around = Around(ACCOUNTS, memberships=dict.fromkeys("abcd", "sent"))
    link = linked(group("team"), adopted=True)
    later = decided(group("team", "a", "b"), link, around=around)
    assert held_digest(later, MEMBERS) == adoption


# ------------------------------------------------------------------------------------------------- laws

IDS = st.text("abcdef", max_size=6)
DECISIONS = st.one_of(
    st.builds(moved, st.sampled_from(["ada", "bo"]), st.sampled_from(["Analyst", "Countess"])),
    st.builds(regrouped, IDS, IDS, st.sampled_from(["Team", "Squad"])),
    st.builds(adopted_group, IDS, IDS, st.sampled_from([(), ("app-x", "app-y")])),
    st.sampled_from(
        [
            decided(person(grants=()), linked(person())),
            decided(person(presence=Presence.PURGED), linked(person())),
            decided(group(grants=()), linked(group())),
            decided(group(grants=()), linked(group(), adopted=True)),
            decided(person(name="byron@firm.example"), linked(person(), status=Status.DISABLED)),
            decided(person()),
            decided(person(), linked(person())),
        ]
    ),
)


def parts(decisions: Iterable[Decision | None]) -> tuple[set[object], set[str], set[str]]:
    """Everything that decisions would do: attribute changes, members added, members removed."""
    changes, added, removed = set[object](), set[str](), set[str]()
    for decision in decisions:
        if decision is None:
            continue
        changes |= {(c.path, c.old, c.new, c.effect) for c in getattr(decision.change, "changes", ())}
        added |= set(getattr(decision.change, "members_added", ()))
        removed |= set(getattr(decision.change, "members_removed", ()))
        removed |= set(getattr(decision.change, "foreign_removed", ()))
    return changes, added, removed


@LAW
@given(st.lists(DECISIONS, max_size=8), st.integers(0, 12), st.booleans())
def test_law_a_guard_that_has_tripped_lets_nothing_of_that_kind_through(
    decisions: list[Decision], population: int, empty: bool
) -> None:
    limits = Limits(cycle_count=1, day_count=1)
    verdict = judge(tally(decisions), Scale(Population(*[population] * 4), source_empty=empty), limits)
    going = [free for d in decisions if (free := split(d, verdict.held_kinds(d))[0])]
    assert not set(tally(going)) & set(verdict.held)
    assert not any(effect.always_held for d in going for effect in d.effects)
    for decision in going:
        removes = bool(parts([decision])[2])
        assert removes == any(e.kind == MEMBERS for e in decision.effects)
        assert all(c.effect not in verdict.held for c in getattr(decision.change, "changes", ()))


@LAW
@given(DECISIONS, st.frozensets(st.sampled_from(EffectKind.ALL)))
def test_law_a_split_loses_nothing_and_does_nothing_twice(decision: Decision, kinds: frozenset[str]) -> None:
    free, held = split(decision, kinds)
    assert parts([free, held]) == parts([decision])
    assert tally(d for d in (free, held) if d) == tally([decision])
    if free and held:
        for one, other in zip(parts([free]), parts([held]), strict=True):
            assert not one & other
        assert split(free, kinds) == (free, None)
        assert split(held, kinds) == (None, held)
