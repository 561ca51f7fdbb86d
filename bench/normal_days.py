"""How often the guard holds what is right: normal days of made-up companies, judged as a cycle judges them.

    .venv/bin/python -m bench.normal_days --days 1000 --companies 5

Companies of 20, 200 and 2,000 people live through so many working days (`normal_company` has what happens on them, and
how often). Each batch of edits becomes one cycle: `desire` and `decide` say what it does, `guard.judge` what is held,
with the limits that a job has from the start. What is held is approved at once, as all of it is meant; a day on which
anything was held is a day held by mistake.
"""

import argparse
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.normal_company import Batch, Company, Edit, Rates
from msgspec.structs import replace

from instep.core import guard
from instep.core.acknowledge import acknowledge
from instep.core.change import Create, Decision, EffectKind, Keep, Skip
from instep.core.compile import compile_rules
from instep.core.decide import Around, decide
from instep.core.desire import desire
from instep.core.guard import DAY, Limits, Population, Scale
from instep.core.link import Link, Status
from instep.core.match import Absent
from instep.core.outcome import Done
from instep.core.rules_document import rules_document
from instep.core.subject import Kind, Presence, Subject

RULES: dict[str, Any] = {
    "scope": "all",
    "users": {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]", "matching": 1},
            {"target": "displayName", "source": "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
        ]
    },
    "groups": {"mappings": [{"target": "displayName", "source": "[displayName]", "matching": 1}], "members": True},
}
"""A plain app: everybody has an account, every group is there with its members."""


@dataclass
class PureJob:
    """A directory, a job and its app in dicts. Requests always succeed."""

    users: dict[str, Subject] = field(default_factory=dict)
    groups: dict[str, Subject] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    groups_of: dict[str, set[str]] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    there: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each group in the app, its members' states."""

    def __post_init__(self) -> None:
        self._rules = compile_rules(rules_document(RULES))
        self._happened: deque[tuple[datetime, str, int]] = deque()
        self._numbers = itertools.count(1)
        self._accounts: dict[str, str] = {}
        self._population: Counter[tuple[Kind, Status]] = Counter()
        self._memberships = 0

    def cycle(self, batch: Batch) -> dict[str, str]:
        """Take the edits over and run the cycle that follows. Returns what was held, by kind, and why."""
        at, edits = batch
        touched = list(dict.fromkeys(itertools.chain.from_iterable(map(self._take, edits))))
        decisions = [self._decide(kind, id, at) for kind in Kind for of, id in touched if of is kind]
        decisions = [d for d in decisions if not isinstance(d.change, Keep | Skip)]
        verdict = guard.judge(guard.tally(decisions), self.scale(at), Limits())
        held: dict[str, str] = {}
        for decision in decisions:
            kinds = verdict.held_kinds(decision)
            held |= kinds
            free, _ = guard.split(decision, kinds)
            for effect in free.effects if free else ():
                self._happened.append((at, effect.kind, effect.count))
            self._done(decision, at)
        return held

    # ------------------------------------------------------------------------------------ the directory

    def _take(self, edit: Edit) -> Iterable[tuple[Kind, str]]:
        """Take an edit over; returns who is affected by it."""
        match edit.what:
            case "put":
                given = dict(edit.values)
                known = self.users.get(edit.id) or Subject(Kind.USER, edit.id, 0, edit.name)
                enabled = given.pop("enabled", known.enabled)
                gone = given.pop("deleted", False)
                presence = Presence.SOFT_DELETED if gone else Presence.PRESENT
                attributes = {**known.attributes, **given}
                self.users[edit.id] = replace(
                    known, name=edit.name, presence=presence, enabled=enabled, attributes=attributes
                )
            case "purge":
                self.users[edit.id] = replace(self.users[edit.id], presence=Presence.PURGED)
                left = self.groups_of.pop(edit.id, set[str]())
                for group in left:
                    self.members[group].discard(edit.id)
                return [(Kind.USER, edit.id), *((Kind.GROUP, group) for group in sorted(left))]
            case "found":
                self.groups[edit.id] = Subject(Kind.GROUP, edit.id, 0, edit.name)
                self.members[edit.id] = set()
            case "drop":
                self.groups[edit.id] = replace(self.groups[edit.id], presence=Presence.SOFT_DELETED)
            case "join":
                self.members[edit.id].add(edit.member)
                self.groups_of.setdefault(edit.member, set()).add(edit.id)
            case "leave":
                self.members[edit.id].discard(edit.member)
                self.groups_of[edit.member].discard(edit.id)
        return [(Kind.USER if edit.what in ("put", "purge") else Kind.GROUP, edit.id)]

    # ------------------------------------------------------------------------------------------- the job

    def _decide(self, kind: Kind, id: str, at: datetime) -> Decision:
        subject = self.users[id] if kind is Kind.USER else replace(self.groups[id], members=tuple(self.members[id]))
        around = Around(self._accounts, memberships=self.there.get(id, {})) if kind is Kind.GROUP else Around()
        link = self.links.get(id)
        wish = desire(subject, self._rules, at.replace(tzinfo=UTC), id)
        # Whoever comes in this very cycle has an account before the groups are decided.
        decision = decide(subject, link, wish, Absent(), self._rules, around)
        if kind is Kind.USER and isinstance(decision.change, Create):
            self._accounts[id] = id
        return decision

    def _done(self, decision: Decision, at: datetime) -> None:
        """The app does it."""
        id, change = decision.subject_id, decision.change
        old = self.links.get(id) or Link(decision.kind, id, decision.name)
        app_id = old.app_id or f"app-{next(self._numbers)}"
        new = acknowledge(decision, old, Done(), app_id, None, self._rules, at)
        self.links[id] = new
        self._population[old.kind, old.status] -= 1
        self._population[new.kind, new.status] += 1
        if decision.kind is Kind.GROUP:
            states = self.there.setdefault(id, {})
            before = len(states)
            coming = (*getattr(change, "members", ()), *getattr(change, "members_added", ()))
            states.update(dict.fromkeys(coming, "sent"))
            for member in states.copy() if new.status is Status.GONE else getattr(change, "members_removed", ()):
                states.pop(member, None)
            self._memberships += len(states) - before
        elif new.status is Status.GONE:
            # With the account its memberships are gone, as the store forgets them.
            for states in self.there.values():
                self._memberships -= states.pop(id, None) is not None

    def scale(self, at: datetime) -> Scale:
        """What the guard measures against at that time."""
        while self._happened and self._happened[0][0] < at - DAY:
            self._happened.popleft()
        last_day: Counter[str] = Counter()
        for _, kind, count in self._happened:
            last_day[kind] += count
        users = {status: self._population[Kind.USER, status] for status in Status}
        linked = users[Status.ACTIVE] + users[Status.DISABLED] + users[Status.RELEASED]
        groups = self._population[Kind.GROUP, Status.ACTIVE]
        return Scale(Population(users[Status.ACTIVE], groups, self._memberships, linked), last_day)


@dataclass
class Tally:
    """What came of some days."""

    days: int = 0
    cycles: int = 0
    held_days: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """Days on which that kind was held."""
    reasons: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.days += other.days
        self.cycles += other.cycles
        self.held_days += other.held_days
        self.held.update(other.held)
        self.reasons += other.reasons


def live(people: int, seed: int, days: int, rates: Rates = Rates(), at_once: bool = False) -> Tally:  # noqa: B008
    """That many days of one company. at_once: each day's edits come all in one cycle."""
    company, job, tally = Company(people, seed, rates), PureJob(), Tally()
    job.cycle(company.beginning())
    for day, batches in itertools.islice(company.days(), days):
        if at_once and batches:
            batches = ((batches[0][0], tuple(itertools.chain.from_iterable(edits for _, edits in batches))),)
        held: dict[str, str] = {}
        for batch in batches:
            held |= job.cycle(batch)
        tally.days += 1
        tally.cycles += len(batches)
        tally.held_days += bool(held)
        tally.held.update(held.keys())
        tally.reasons += [f"{day} {reason}" for reason in held.values()]
    return tally


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=1000, help="working days of each company")
    parser.add_argument("--companies", type=int, default=5, help="companies of each size, each with a seed of its own")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--leaving", type=float, default=Rates().leaving, help="part of the employees a year")
    parser.add_argument("--at-once", action="store_true", help="all of a day's edits in one cycle")
    parser.add_argument("--reasons", action="store_true", help="print what was held, and why")
    options = parser.parse_args()
    kinds = list(EffectKind.ALL)
    print(f"{'people':>7} {'days':>7} {'cycles':>7} {'held':>5} {'share':>7}  days with each kind held")
    for size in options.sizes:
        whole, shares, began = Tally(), [], time.perf_counter()
        for seed in range(options.companies):
            one = live(size, seed, options.days, Rates(leaving=options.leaving), options.at_once)
            whole.add(one)
            shares.append(100 * one.held_days / one.days)
        told = ", ".join(f"{kind} {whole.held[kind]}" for kind in kinds if whole.held[kind]) or "none"
        share = 100 * whole.held_days / whole.days
        print(
            f"{size:>7,} {whole.days:>7,} {whole.cycles:>7,} {whole.held_days:>5} {share:>6.2f}%  {told}"
            f"; worst company {max(shares):.1f} %; {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        for reason in whole.reasons if options.reasons else ():
            print("       ", reason)


if __name__ == "__main__":
    main()
