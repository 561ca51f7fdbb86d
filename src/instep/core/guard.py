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
    kinds: "Mapping[str, Limits]" = {}
    """Other limits for some kinds of effects."""
    note: str = ""
    """What is said of them beside their numbers."""

    def of(self, kind: str) -> "Limits":
        """The limits for that kind of effects."""
        return self.kinds.get(kind, self)

    def per_cycle(self, population: int) -> int:
        """The most in one cycle: the larger of the count and the share."""
        return max(self.cycle_count, int(population * self.cycle_share))

    def per_day(self, population: int) -> int:
        """The most in 24 hours."""
        return max(self.day_count, int(population * self.day_share))


def tightened(limits: Limits) -> Limits:
    """The limits for the first cycle after a change of the rules or of Instep itself, which is what accidents come
    from: half of the usual ones (from 5 and 5 % to 2 and 2.5 %), and one where one is allowed."""
    return Limits(
        _half(limits.cycle_count),
        limits.cycle_share / 2,
        _half(limits.day_count),
        limits.day_share / 2,
        {kind: tightened(own) for kind, own in limits.kinds.items()},
        ", half of the usual since the rules or Instep itself have changed",
    )


def _half(count: int) -> int:
    return max(1, count // 2) if count else 0


class Population(Struct, frozen=True):
    """What the job has in the app before the cycle."""

    users: int = 0
    """Active linked users."""
    groups: int = 0
    memberships: int = 0
    linked: int = 0
    """Linked users with an account, disabled ones too."""

    def of(self, kind: str) -> int:
        """What effects of that kind are measured against."""
        match kind:
            case EffectKind.DELETE_GROUP:
                return self.groups
            case EffectKind.REMOVE_MEMBERS:
                return self.memberships
            case EffectKind.DELETE_DISABLED:
                return self.linked
            case _:
                return self.users


class Scale(Struct, frozen=True):
    """What a cycle's effects are measured against."""

    population: Population = Population()
    last_day: Mapping[str, int] = {}
    """Effects that happened in the last 24 hours, per kind."""
    waiting: Mapping[str, int] = {}
    """Effects that earlier cycles held and that nobody has approved or rejected yet."""
    source_empty: bool = False
    """Whether the directory has nobody left to provision to this app."""


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
    waiting = tuple(c for c in change.changes if c.effect in kinds)
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
    """Count one decision's effects in `counts`, or take them out again with `sign=-1`. What waits since an earlier
    cycle isn't counted anew: the scale has it."""
    for effect in decision.effects:
        if not effect.waiting:
            counts[effect.kind] = counts.get(effect.kind, 0) + sign * effect.count


def judge(counts: Mapping[str, int], scale: Scale, limits: Limits) -> Verdict:
    """The guard's verdict on a cycle.

    counts: effects that the cycle would have, per kind, less approved ones and those that wait already. What waits
    counts beside them: else a mass could pass as a trickle, some more with each cycle.
    """
    held: dict[str, str] = {}
    for kind in EffectKind.ALL:
        if not counts.get(kind):
            continue
        # Ending access by disabling or by deleting is one harm to the people concerned: both are counted together.
        together = _ENDING if kind in _ENDING else (kind,)
        new, waiting, today = (sum(of.get(k, 0) for k in together) for of in (counts, scale.waiting, scale.last_day))
        reason = _reason(_WHAT[kind], new, waiting, today, scale.population.of(kind), limits.of(kind), scale)
        if reason:
            held[kind] = reason
    return Verdict(held)


_ENDING = (EffectKind.DISABLE, EffectKind.DELETE)
_WHAT = {
    EffectKind.DISABLE: "people would lose access",
    EffectKind.DELETE: "people would lose access",
    EffectKind.RENAME: "people's login identifier would change",
    EffectKind.REMOVE_MEMBERS: "memberships would be removed",
    EffectKind.DELETE_GROUP: "groups would be deleted",
    EffectKind.DELETE_DISABLED: "disabled accounts would be deleted",
}


def _reason(what: str, new: int, waiting: int, today: int, population: int, limits: Limits, scale: Scale) -> str:
    count = new + waiting
    already = f", {waiting} of them waiting already" if waiting else ""
    if scale.source_empty:
        return f"{count} {what}{already}, and the directory has nobody left for this app: is the source complete?"
    if population >= 2 and count * 2 >= population:
        return f"{count} of {population} {what}{already}: half or more at once is always held"
    if count > (most := limits.per_cycle(population)):
        return f"{count} {what}{already}; the limit for one cycle is {most} of {population}{limits.note}"
    if count + today > (most := limits.per_day(population)):
        return (
            f"{count} {what}{already}, after {today} in the last 24 hours; "
            f"the limit for a day is {most} of {population}{limits.note}"
        )
    return ""
