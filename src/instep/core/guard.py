"""The guard: the limit on disables and deletes that stops an accident before the first request.

It counts effects, not names of changes, and judges a whole cycle at once. When a kind trips, all of that
kind wait, not only those beyond the limit; everything else goes on. What an administrator approved isn't
counted. The guard knows no requests and no store: tallies in, verdict out.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from instep.core.change import Adopt, Decision, EffectKind, Enable, Update

DAY = timedelta(hours=24)
"""The longer of the two spans over which effects are counted."""


class Limits(Struct, frozen=True):
    """How many guarded effects of one kind may happen. Shares are of what the job has in the app."""

    cycle_count: int = 5
    cycle_share: float = 0.05
    day_count: int = 10
    day_share: float = 0.10

    def per_cycle(self, population: int) -> int:
        """The most in one cycle: the larger of the count and the share."""
        return max(self.cycle_count, int(population * self.cycle_share))

    def per_day(self, population: int) -> int:
        """The most in 24 hours."""
        return max(self.day_count, int(population * self.day_share))


class Population(Struct, frozen=True):
    """What the job has in the app before the cycle: active linked users, linked groups, memberships."""

    users: int = 0
    groups: int = 0
    memberships: int = 0

    def of(self, kind: str) -> int:
        """What effects of that kind are measured against."""
        if kind == EffectKind.DELETE_GROUP:
            return self.groups
        if kind == EffectKind.REMOVE_MEMBERS:
            return self.memberships
        return self.users


class Verdict(Struct, frozen=True):
    """Which kinds are held, and why, in words with the numbers."""

    held: Mapping[str, str] = {}

    def held_kinds(self, decision: Decision) -> dict[str, str]:
        """The kinds of this decision's effects that are held, with the reason; empty when it may go ahead."""
        kinds: dict[str, str] = {}
        for effect in decision.effects:
            reason = effect.always_held or self.held.get(effect.kind, "")
            if reason:
                kinds[effect.kind] = reason
        return kinds


NOTHING_HELD = Verdict()


def split(decision: Decision, kinds: Container[str]) -> tuple[Decision | None, Decision | None]:
    """The decision in two: what may go ahead, and what has an effect of one of `kinds`.

    A disable or a delete is held whole. Of an update, an adoption or an enable only the guarded part waits: the
    changed login identifier, `active` turned false, the memberships removed. Its digest is what an approval binds to.
    """
    guarded_effects = tuple(e for e in decision.effects if e.kind in kinds)
    if not guarded_effects:
        return decision, None
    change = decision.change
    if not isinstance(change, Update | Adopt | Enable):
        return None, decision
    waiting = tuple(c for c in change.changes if c.effect and c.effect in kinds)
    rest: Update | Adopt | Enable = replace(change, changes=tuple(c for c in change.changes if c not in waiting))
    held = Update(waiting)
    if not isinstance(rest, Enable) and EffectKind.REMOVE_MEMBERS in kinds:
        held = Update(waiting, (), rest.members_removed, rest.foreign_removed)
        rest = replace(rest, members_removed=(), foreign_removed=())
    free_effects = tuple(e for e in decision.effects if e.kind not in kinds)
    free = replace(decision, change=rest, effects=free_effects)
    guarded = replace(decision, change=held, effects=guarded_effects)
    return (None if rest == Update() else free), guarded


def tally(decisions: Iterable[Decision]) -> dict[str, int]:
    """The number of guarded effects per kind."""
    counts: dict[str, int] = {}
    for decision in decisions:
        add(counts, decision)
    return counts


def add(counts: dict[str, int], decision: Decision, sign: int = 1) -> None:
    """Count one decision's effects in `counts`, or take them out again with `sign=-1`."""
    for effect in decision.effects:
        counts[effect.kind] = counts.get(effect.kind, 0) + sign * effect.count


def judge(
    counts: Mapping[str, int],
    population: Population,
    last_day: Mapping[str, int],
    limits: Limits,
    source_empty: bool = False,
) -> Verdict:
    """The guard's verdict on a cycle.

    counts: effects that the cycle would have, per kind, approved ones left out.
    population: what the job has in the app. last_day: effects that happened in the last 24 hours.
    source_empty: whether the directory has nobody left to provision to this app.
    """
    held: dict[str, str] = {}
    # Ending access by disabling or by deleting is one harm to the people concerned: both share the limits.
    ended = counts.get(EffectKind.DISABLE, 0) + counts.get(EffectKind.DELETE, 0)
    ended_today = last_day.get(EffectKind.DISABLE, 0) + last_day.get(EffectKind.DELETE, 0)
    for kind in EffectKind.ALL:
        if not counts.get(kind):
            continue
        count, today = counts[kind], last_day.get(kind, 0)
        if kind in (EffectKind.DISABLE, EffectKind.DELETE):
            count, today = ended, ended_today
        reason = _reason(_WHAT[kind], count, today, population.of(kind), limits, source_empty)
        if reason:
            held[kind] = reason
    return Verdict(held)


_WHAT = {
    EffectKind.DISABLE: "people would lose access",
    EffectKind.DELETE: "people would lose access",
    EffectKind.RENAME: "people's login identifier would change",
    EffectKind.REMOVE_MEMBERS: "memberships would be removed",
    EffectKind.DELETE_GROUP: "groups would be deleted",
}


def _reason(what: str, count: int, today: int, population: int, limits: Limits, source_empty: bool) -> str:
    if source_empty:
        return f"{count} {what}, and the directory has nobody left for this app: is the source complete?"
    if population >= 2 and count * 2 >= population:
        return f"{count} of {population} {what}: half or more at once is always held"
    if count > limits.per_cycle(population):
        return f"{count} {what}; the limit for one cycle is {limits.per_cycle(population)} of {population}"
    if count + today > limits.per_day(population):
        return (
            f"{count} {what}, after {today} in the last 24 hours; "
            f"the limit for a day is {limits.per_day(population)} of {population}"
        )
    return ""
