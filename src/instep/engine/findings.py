"""Findings: what an audit read is compared with the links, and what differs is kept, reported or made due.

A cycle may run meanwhile, so what was read may be older than what was just written. Whoever was written about since
shortly before the reading, or has a request under way, is left out until the next audit; and a link is corrected only
while no cycle runs and only if it's still as it was compared. The flow of an audit is in `audit`.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from instep.core import drift
from instep.core.drift import Correction, Difference, Drift, Policy, State
from instep.core.link import Link
from instep.core.subject import Kind
from instep.engine.entries import MASK
from instep.engine.lease import LeaseKeeper
from instep.engine.world import Job, World
from instep.ports import LeaseTaken, Resource, StateReader, StateWriter
from instep.scim import documents

TRIES_EVERY = 1.0
"""Seconds after which a correction is tried again while a cycle runs."""

At = tuple[Kind, str]


class Moment(Struct, frozen=True):
    """Right before a request."""

    at: datetime
    shows: datetime
    """What is read can't be older than this, since the app's reads may lag: whoever was written about since then isn't
    compared."""
    under_way: frozenset[At]


class Known(Struct, frozen=True):
    """What the state says of some resources, all from one look after they were read."""

    links: dict[str, Link]
    """By app id; those whose account is looked after."""
    busy: frozenset[str]
    """Subjects with a request under way, now or when the reading began."""
    rows: dict[str, list[Drift]]
    """By subject, what was found before."""
    asked: frozenset[At]
    """Who is asked for and wasn't looked at yet."""


class Compared(Struct, frozen=True):
    """What was found of one subject."""

    link: Link
    differences: tuple[Difference, ...]
    members: bool = False
    """Whether its members were compared, too."""
    states: dict[str, str] = {}
    """What was known of its members."""


class Findings:
    """What one audit finds."""

    def __init__(self, world: World, job: Job, keeper: LeaseKeeper, policy: Policy, stop: asyncio.Event) -> None:
        self._world = world
        self._job = job
        self._keeper = keeper
        self._policy: Policy = policy
        self._stop = stop
        self._shown: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        self.members_shown = False
        """Whether the app has shown members of any group."""
        self.counts: Counter[str] = Counter()

    async def moment(self) -> Moment:
        """Now, right before a request."""
        intents = await self._world.state.read(lambda state: state.intents(self._job.name))
        now, lag = self._world.clock.now(), timedelta(seconds=self._world.read_lag_seconds)
        return Moment(now, now - lag, frozenset((i.kind, i.subject_id) for i in intents))

    async def compare(
        self, kind: Kind, resources: Sequence[Resource], moment: Moment, members: bool = False
    ) -> tuple[set[str], list[str]]:
        """Compare what was read: the app ids of accounts that are looked after, and those of groups whose members
        can't be told, since an app that shows none of them may be one that never does.

        members: whether the resources carry the groups' members. Raises LeaseLost.
        """
        name, rules = self._job.name, self._job.rules.of(kind)
        shown = self._shown[kind]
        for resource in resources:
            shown |= drift.shown(resource.document, rules)
        app_ids = [resource.id for resource in resources]
        known = await self._world.state.read(lambda state: _known(state, name, kind, app_ids, moment))
        found: list[Compared] = []
        unclear: list[str] = []
        for resource in resources:
            link = known.links.get(resource.id)
            if link is None or link.subject_id in known.busy:
                continue
            one = Compared(link, drift.attributes(link, resource.document, rules, shown))
            if members:
                one = await self._with_members(one, resource)
                unclear += [] if one.members else [resource.id]
            found.append(one)
        await self._settle(kind, known, found, moment)
        return set(known.links), unclear

    async def gone(self, kind: Kind, missing: Sequence[tuple[str, str]], moment: Moment) -> None:
        """Accounts or groups (subject, app id) that aren't in the app any more; moment: before that was asked.

        Raises LeaseLost."""
        name, app_ids = self._job.name, [app_id for _, app_id in missing]
        known = await self._world.state.read(lambda state: _known(state, name, kind, app_ids, moment))
        found = [
            Compared(link, (Difference(drift.ACCOUNT, app_id, None),))
            for app_id, link in known.links.items()
            if (link.subject_id, app_id) in missing and link.subject_id not in known.busy
        ]
        await self._settle(kind, known, found, moment)

    async def sweep(self) -> None:
        """Close what is kept of subjects that have no account any more to be compared. Raises LeaseLost."""
        name, now = self._job.name, self._world.clock.now()
        rows = await self._world.state.read(lambda state: _leftover(state, name))
        ended = [(row, drift.closed(row, link, waits, now)) for row, link, waits in rows]
        await self._write([new for old, new in ended if new and new != old], [old for old, new in ended if not new], [])

    async def _with_members(self, one: Compared, resource: Resource) -> Compared:
        """With how the group's members differ, where that can be told."""
        name, ids = self._job.name, documents.members(resource.document)

        def look(state: StateReader) -> tuple[dict[str, str], dict[str, Link], set[str]]:
            states = state.memberships(name, one.link.subject_id)
            behind = {i: link for k in Kind for i, link in state.owners(name, k, ids).items() if link.alive}
            here = {link.subject_id for link in behind.values()}
            absent = [m for m in states if m not in here]
            links = [link for k in Kind for link in state.links(name, k, absent).values()]
            return states, behind, {link.subject_id for link in links if self._ours(link)}

        states, behind, accounts = await self._world.state.read(look)
        self.members_shown = self.members_shown or bool(ids)
        if not ids and not _says_empty(resource) and not self.members_shown and "sent" in states.values():
            return one
        present = [link.subject_id for link in behind.values() if self._ours(link)]
        foreign = [i for i in ids if i not in behind] if self._job.rules.authoritative_members else []
        more = drift.members(states, present, accounts, foreign)
        return Compared(one.link, (*one.differences, *more), True, states)

    async def _settle(self, kind: Kind, known: Known, found: Sequence[Compared], moment: Moment) -> None:
        """Keep what was found of these subjects, and close what isn't there any more."""
        suspects = [one for one in found if one.differences or one.link.subject_id in known.rows]
        if not suspects:
            return
        name, ids = self._job.name, [one.link.subject_id for one in suspects]
        touched = await self._world.state.read(lambda state: state.touched(name, ids, moment.shows))
        kept: list[Drift] = []
        ended: list[Drift] = []
        corrections: list[Correction] = []
        for one in suspects:
            subject_id = one.link.subject_id
            if subject_id in touched:
                self.counts["left out"] += bool(one.differences)
                continue
            before = {row.path: row for row in known.rows.get(subject_id, ())}
            judged = {d.path: self._judged(one.link, d, before.get(d.path), moment) for d in one.differences}
            kept += [row for row in judged.values() if row]
            for path, row in before.items():
                if path in judged:
                    ended += [] if judged[path] else [row]
                elif one.members or not path.startswith(drift.MEMBER):
                    new = drift.closed(row, one.link, (kind, subject_id) in known.asked, moment.at)
                    kept += [new] if new and new != row else []
                    ended += [] if new else [row]
            states = {path: row.state if row else None for path, row in judged.items()}
            correction = drift.correction(one.link, one.differences, states, one.states)
            corrections += [correction] if correction else []
        await self._write(kept, ended, corrections)

    def _judged(self, link: Link, difference: Difference, before: Drift | None, moment: Moment) -> Drift | None:
        """What is kept of a difference; none where it's taken as it is. Access that came back never is."""
        if self._policy == "ignore" and not difference.regains_access:
            return None
        path, rules = difference.path, self._job.rules.of(link.kind)
        masked = any(m.target == path and m.source.redacted for m in rules.mappings)
        expected, found = (MASK, MASK) if masked else (difference.expected, difference.found)
        seen = Drift(link.kind, link.subject_id, path, link.name, expected, found, moment.at, moment.at)
        return drift.judged(before, seen, self._policy if self._ours(link) else "report")

    def _ours(self, link: Link) -> bool:
        """Whether the account is ours to set right: not one that was let go, or that the job never touches."""
        protection = self._job.rules.protection
        return drift.managed(link) and not (protection and protection.linked(link))

    async def _write(self, kept: Sequence[Drift], ended: Sequence[Drift], corrections: Sequence[Correction]) -> None:
        """Keep and correct in one transaction; waits for a running cycle to end where links are to be corrected.

        Of a subject whose link has changed meanwhile nothing is kept. Raises LeaseLost."""
        name, lease = self._job.name, self._keeper.lease
        wanted = {(c.link.kind, c.link.subject_id) for c in corrections}
        over: str | None = None

        def work(state: StateWriter) -> set[At]:
            done = state.correct(name, corrections, self._world.clock.now(), over) if corrections else set[At]()
            changed = wanted - done
            rows = [row for row in kept if (row.kind, row.subject_id) not in changed]
            state.keep_drift(lease, name, rows, [r for r in ended if (r.kind, r.subject_id) not in changed])
            return changed

        while True:
            try:
                changed = await self._world.state.write(work)
                break
            except LeaseTaken as taken:
                if self._stop.is_set():
                    return
                if self._world.dead(taken.owner):
                    over = taken.owner
                    continue
                await self._world.clock.sleep(TRIES_EVERY)
        self.counts["left out"] += len(changed)
        for row in kept:
            if (row.kind, row.subject_id) not in changed:
                self._count(row)

    def _count(self, row: Drift) -> None:
        self.counts["drift"] += row.state is not State.REPAIRED
        self.counts[row.state.value] += row.state is not State.FOUND
        if row.state is not State.REPAIRED:
            self.counts["access"] += row.regains_access
            self.counts["gone"] += row.path == drift.ACCOUNT


def _known(state: StateReader, job: str, kind: Kind, app_ids: Sequence[str], moment: Moment) -> Known:
    owners = state.owners(job, kind, app_ids)
    links = {app_id: link for app_id, link in owners.items() if drift.managed(link)}
    ids = [link.subject_id for link in links.values()]
    busy = state.under_way(job, kind, ids) | {i for k, i in moment.under_way if k is kind}
    rows: dict[str, list[Drift]] = {}
    for row in state.drift_of(job, kind, ids):
        rows.setdefault(row.subject_id, []).append(row)
    return Known(links, frozenset(busy), rows, _asked(state, job) if rows else frozenset())


def _asked(state: StateReader, job: str) -> frozenset[At]:
    return frozenset(at for wish in state.asked(job).wishes for at in wish.subjects)


def _leftover(state: StateReader, job: str) -> list[tuple[Drift, Link | None, bool]]:
    """What is kept of subjects without an account that is looked after, with whether they're asked for."""
    rows, asked = state.drift(job), _asked(state, job)
    found: list[tuple[Drift, Link | None, bool]] = []
    for kind in Kind:
        of = [row for row in rows if row.kind is kind]
        links = state.links(job, kind, list({row.subject_id for row in of}))
        for row in of:
            link = links.get(row.subject_id)
            if link is None or not drift.managed(link):
                found.append((row, link, (kind, row.subject_id) in asked))
    return found


def _says_empty(resource: Resource) -> bool:
    """Whether a group says that it has no members, rather than nothing."""
    return any(name.lower() == "members" for name in resource.document)
