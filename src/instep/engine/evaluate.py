"""Evaluating: from ids to decisions in the spool.

A page of subjects is read at once, their links at once, and the pure functions decide. Nothing is sent but
look-ups. What needs no request (in step, skipped, to be tried later) is kept right away; everything else is
spooled and counted for the guard, which judges when all have been evaluated.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from instep.core import guard
from instep.core.acknowledge import failed
from instep.core.change import Change, Decision, Keep, Skip
from instep.core.decide import FOREIGN_MEMBER, Around, decide
from instep.core.desire import Desired, NotReady, OutOfScope, desire
from instep.core.link import Link, Status, new_seed
from instep.core.match import Absent, Observed
from instep.core.plan import ON_DEMAND, priority
from instep.core.subject import Kind, Subject
from instep.engine.entries import kept, log_entry, new_link
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.spool import Spool
from instep.engine.world import Job, World
from instep.ports import DirectoryReader, Record, SpoolEntry

TIMEOUTS = 3
"""After so many time-outs in a cycle an expression's patterns aren't tried any more: each costs its time limit."""


class Evaluated(Struct, frozen=True):
    """What was found out about one subject, and what is to be done about it."""

    subject: Subject
    link: Link | None
    seed: str
    """The link's, or the one that its link would get."""
    wish: Desired | OutOfScope | NotReady
    observed: Observed | None
    """What the look-up found; none when the app wasn't asked."""
    around: Around
    decision: Decision
    """With what an administrator said about a held part of it."""
    verdict: str = ""
    """`approved`, `rejected` or `waiting` where the link has a hold that is about this decision."""


class Evaluation:
    """Evaluates subjects of one cycle, page by page."""

    def __init__(
        self, world: World, job: Job, lookup: Lookup, spool: Spool, cycle: str, now: datetime, progress: Progress
    ) -> None:
        self._world = world
        self._job = job
        self._lookup = lookup
        self._spool = spool
        self._cycle = cycle
        self._now = now
        self._progress = progress
        self.effects: dict[str, int] = {}
        """Guarded effects that the cycle would have, less those that were approved."""
        self._counted: dict[tuple[Kind, str], Decision] = {}
        self.spooled = 0
        self.repeats = False
        """Whether subjects may come that have been evaluated in this cycle already, or that are parked."""
        self.deferred: set[tuple[Kind, str]] = set()
        """Subjects to be evaluated as soon as nothing is under way for them."""
        self._late: Counter[str] = Counter()
        self._off: frozenset[str] = frozenset()

    async def page(
        self,
        reader: DirectoryReader,
        kind: Kind,
        ids: Sequence[str],
        *,
        due: bool = False,
        full: bool = False,
        first: bool = False,
    ) -> None:
        """Evaluate these subjects.

        due: they are looked at for something that waited. first: what they need goes before what others need.
        full: everyone is looked at, so that those in escrow wait for their time. Raises AppUnavailable.
        """
        if self.repeats:
            ids = await self._not_under_way(kind, ids)
        evaluated = await self.look(reader, kind, ids, full=full)
        replaced = await self._replaced(kind, ids)
        entries: list[SpoolEntry] = []
        records: list[Record] = []
        for each in evaluated:
            entry, record = self._sort(each, due, first)
            if entry:
                entries.append(msgspec.structs.replace(entry, priority=ON_DEMAND, on_demand=True) if first else entry)
            if record:
                records.append(record)
        successors = {e.decision.subject_id for e in entries}
        await self._spool.add(entries, records, [(kind, i) for i in replaced if i not in successors])
        self._progress.evaluated += len(evaluated)
        self._progress.planned += len(entries)
        self.spooled += len(entries)
        self._progress.changed(self._progress)

    async def look(
        self, reader: DirectoryReader, kind: Kind, ids: Sequence[str], *, full: bool = False, ask: bool = True
    ) -> list[Evaluated]:
        """What is to be done about these subjects, and all that led to it; nothing is kept.

        full: as for `page`. ask: whether the app may be asked; else a decision doesn't know what is in it.
        Raises AppUnavailable.
        """
        job = self._job
        subjects: list[Subject] = await self._world.offload(lambda: reader.subjects(job.view, kind, ids))
        links = await self._world.state.read(lambda state: state.links(job.name, kind, ids))
        if full:
            subjects = [s for s in subjects if not self._waits(s, links.get(s.id))]
        seeds = {s.id: self._seed(s, links.get(s.id), reader.epoch) for s in subjects}
        wishes = {s.id: self._wish(s, seeds[s.id]) for s in subjects}
        asking = [
            (s, wish.matches)
            for s in subjects
            if ask and isinstance(wish := wishes[s.id], Desired) and unmatched(wish, links.get(s.id))
        ]
        had = {i: link.app_id for i, link in links.items() if link.status is Status.FORGOTTEN and link.app_id}
        observed = await self._lookup.observe(kind, asking, full, had)
        for subject, _ in asking:
            wish = wishes[subject.id]
            if isinstance(wish, Desired) and wish.candidates and isinstance(observed.get(subject.id), Absent):
                wishes[subject.id] = await self._lookup.unique(kind, wish)
        arounds = await self._arounds(kind, subjects, links, wishes)
        evaluated: list[Evaluated] = []
        for subject in subjects:
            link, around = links.get(subject.id), arounds[subject.id]
            seen: Observed | None = observed.get(subject.id)
            refusal = self._lookup.conflicted.get((kind, subject.id))
            if refusal and isinstance(seen, Absent):
                wish = NotReady("Conflict", f"{refusal}; yet the app shows no such account", wishes[subject.id].trace)
                wishes[subject.id] = wish
            wish = wishes[subject.id]
            decision = decide(subject, link, wish, seen, job.rules, around)
            if job.rules.protection and (untouched := await self._untouched(reader, decision)):
                around = msgspec.structs.replace(around, untouched=untouched)
                decision = decide(subject, link, wish, seen, job.rules, around)
            decision, verdict = _after_verdict(decision, link)
            if link is None:
                decision = msgspec.structs.replace(decision, seed=seeds[subject.id])
            evaluated.append(Evaluated(subject, link, seeds[subject.id], wish, seen, around, decision, verdict))
        return evaluated

    async def _untouched(self, reader: DirectoryReader, decision: Decision) -> frozenset[str]:
        """Whoever is protected of those whom a group's decision puts in or takes out: subjects, and app ids of members
        that no subject stands behind."""
        job, protection, change = self._job, self._job.rules.protection, decision.change
        ids = sorted({*moved(change), *decision.pending}) if decision.kind is Kind.GROUP else []
        found: set[str] = set()
        if protection and ids:
            links = await self._world.state.read(lambda state: state.links(job.name, Kind.USER, ids))
            named: list[Subject] = await self._world.offload(lambda: reader.subjects(job.view, Kind.USER, ids))
            found |= {i for i, link in links.items() if protection.linked(link)}
            found |= {s.id for s in named if protection.person(s)}
        if protection and getattr(change, "foreign_removed", ()):
            found |= await self._lookup.accounts_of(protection.accounts)
        return frozenset(found)

    def _wish(self, subject: Subject, seed: str) -> Desired | OutOfScope | NotReady:
        """What is desired of the subject, less what took too long too often in this cycle."""
        try:
            wish = desire(subject, self._job.rules, self._now, seed, self._job.default_domain, self._off)
        except Exception as fault:  # noqa: BLE001 - a fault of ours in one subject must not keep the others waiting
            return NotReady("InternalError", f"a fault of Instep itself, {type(fault).__name__}: {fault}")
        if isinstance(wish, NotReady) and wish.late:
            self._late[wish.late] += 1
            if self._late[wish.late] >= TIMEOUTS:
                self._off |= {wish.late}
        return wish

    async def _not_under_way(self, kind: Kind, ids: Sequence[str]) -> list[str]:
        """Those that no request is under way for. The others come again when their outcome is known: until then
        nobody can tell what the app holds of them."""
        under_way = await self._world.state.read(lambda state: state.under_way(self._job.name, kind, ids))
        self.deferred |= {(kind, i) for i in under_way}
        return [i for i in ids if i not in under_way]

    async def _replaced(self, kind: Kind, ids: Sequence[str]) -> Collection[str]:
        """Those of whom a decision waits that was made earlier in this cycle: it's counted no more."""
        if not self.repeats:
            return ()
        old = await self._spool.waiting(kind, ids)
        for subject_id in old:
            self.take_back(kind, subject_id)
        return old

    def take_back(self, kind: Kind, subject_id: str) -> None:
        """Count the subject's last decision no more: it's replaced, or was sent without an answer and comes again."""
        if counted := self._counted.pop((kind, subject_id), None):
            guard.add(self.effects, counted, sign=-1)

    def _waits(self, subject: Subject, link: Link | None) -> bool:
        """Whether it is in escrow, and neither it nor the rules have changed since."""
        return (
            link is not None
            and link.next_try is not None
            and link.next_try > self._now
            and link.seq == subject.seq
            and link.rules_version == self._job.rules.version
        )

    def _seed(self, subject: Subject, link: Link | None, epoch: str) -> str:
        return link.seed if link and link.seed else new_seed(epoch, self._job.name, subject.kind, subject.id)

    async def _arounds(
        self, kind: Kind, subjects: Sequence[Subject], links: dict[str, Link], wishes: Mapping[str, object]
    ) -> dict[str, Around]:
        """What is known of the subjects referred to: managers of a page at once, members group by group."""
        if kind is Kind.USER:
            managers = list(dict.fromkeys(s.manager for s in subjects if s.manager))
            around = Around(accounts=await self._accounts(managers))
            return {s.id: around for s in subjects}
        arounds: dict[str, Around] = {}
        for subject in subjects:
            wanted = subject.members if isinstance(wishes[subject.id], Desired) else ()
            coming = await self._spool.coming(Kind.USER, wanted) | await self._spool.coming(Kind.GROUP, wanted)
            held = await self._world.state.read(
                lambda state, group=subject.id: state.memberships(self._job.name, group)
            )
            foreign = [m for m, state in held.items() if state == FOREIGN_MEMBER]
            known = await self._lookup.subjects_behind(foreign) if foreign else {}
            # Whoever has been linked since isn't foreign any more.
            held = {m: state for m, state in held.items() if m not in known}
            arounds[subject.id] = Around(await self._accounts(wanted), coming, held)
        return arounds

    async def _accounts(self, ids: Sequence[str]) -> dict[str, str]:
        """App ids of those who have an account, users and groups alike."""
        if not ids:
            return {}
        return await self._world.state.read(lambda state: state.accounts(self._job.name, ids))

    def _sort(self, each: Evaluated, due: bool, first: bool) -> tuple[SpoolEntry | None, Record | None]:
        """Whether the decision is to be applied, or only to be written down."""
        decision, link, around = each.decision, each.link, each.around
        approved, rejected = each.verdict == "approved", each.verdict == "rejected"
        change = decision.change
        if isinstance(change, Keep):
            calm = _calm(link, rejected) if link else None
            return None, kept(decision, around.memberships, calm if calm != link else None, due)
        if isinstance(change, Skip):
            return None, self._skipped(decision, change, link, around, due, "on-demand" if first else "")
        # Of a subject that comes again, what was carried out meanwhile stays counted.
        self._counted.pop((decision.kind, decision.subject_id), None)
        if decision.effects and not approved:
            guard.add(self.effects, decision)
            self._counted[decision.kind, decision.subject_id] = decision
        return SpoolEntry(decision, priority(decision), approved=approved), None

    def _skipped(
        self, decision: Decision, change: Skip, link: Link | None, around: Around, due: bool, initiator: str
    ) -> Record:
        status = "failure" if change.failed else "skipped"
        self._progress.count("failure" if change.failed else "skip")
        entry = log_entry(
            self._job,
            self._cycle,
            self._world.chance.token(),
            self._now,
            decision,
            status=status,
            code=change.code,
            reason=change.reason,
            initiator=initiator,
        )
        changed = None
        if change.failed:
            base = link or new_link(decision, decision.seed)
            changed = failed(base, change.reason, self._now)
            changed = msgspec.structs.replace(
                changed, name=decision.name, seq=decision.seq, rules_version=self._job.rules.version
            )
        elif link:
            calm = _calm(link, rejected=False)
            changed = calm if calm != link else None
        record = kept(decision, around.memberships, changed, due) or Record()
        return msgspec.structs.replace(record, log=entry)


def moved(change: Change) -> tuple[str, ...]:
    """The subjects who come into a group or leave it by this."""
    names = ("members", "members_added", "members_removed")
    return tuple(member for name in names for member in getattr(change, name, ()))


def unmatched(wish: Desired, link: Link | None) -> bool:
    """Whether only the app can tell if there is an account for the subject already."""
    return bool(wish.matches) and not (link is not None and link.alive)


def _calm(link: Link, rejected: bool) -> Link:
    """The link of a subject that is in step: nothing to try again, and no hold but one that was rejected. What is
    unknown stays so: of somebody whose access has ended it is written with the next access."""
    hold = link.hold if rejected else None
    return msgspec.structs.replace(link, failures=0, first_failure=None, next_try=None, last_error="", hold=hold)


def _after_verdict(decision: Decision, link: Link | None) -> tuple[Decision, str]:
    """What an administrator's word about a held decision means for the one that was just made.

    Approved: that very part may pass; what else the decision brings about is judged like any other. Rejected: its
    guarded part is left out as long as it's the same. Still waiting, or another decision by now: its effects of the
    held kinds go on waiting, however few they are now.
    """
    hold = link.hold if link else None
    if hold is None:
        return decision, ""
    kinds = hold.kind.split(",")
    free, guarded = guard.split(decision, kinds)
    if guarded is None:
        return decision, ""
    # A deletion waits whole, also with effects of kinds that weren't too many.
    kinds = {e.kind for e in guarded.effects}
    if guarded.digest == hold.digest and hold.verdict == "approved":
        others = tuple(e for e in decision.effects if e.kind not in kinds)
        return (msgspec.structs.replace(decision, effects=others), "") if others else (decision, "approved")
    if guarded.digest == hold.digest and hold.verdict == "rejected":
        return free or msgspec.structs.replace(decision, change=Keep(), effects=()), "rejected"
    waiting = tuple(
        msgspec.structs.replace(e, always_held=e.always_held or hold.reason, waiting=True) if e.kind in kinds else e
        for e in decision.effects
    )
    return msgspec.structs.replace(decision, effects=waiting), "waiting"
