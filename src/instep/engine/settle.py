"""Settling: an intent without an outcome is a write that may or may not have been carried out.

Before anything else is sent for its subject, its link is brought to what is known. Of a change that's nothing: what it
would have changed is unknown, and is written anew, since a read may show what was there before. Of a creation the app
is asked, and an account that's there is believed. One that isn't there may only not be shown yet: it's looked for again
for as long as the app's reads may lag, so that it's neither made twice nor left behind when its owner has gone
meanwhile. See RFC 7644 section 3.3 for why a POST can't simply be sent again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from instep.core.acknowledge import in_doubt
from instep.core.change import Adopt, Create
from instep.core.desire import ACTIVE
from instep.core.escrow import next_try
from instep.core.link import Link, Status
from instep.core.match import matching_ids, observe
from instep.core.outcome import Unknown
from instep.core.subject import Kind
from instep.engine.entries import log_entry, memberships, new_link
from instep.engine.lease import LeaseKeeper
from instep.engine.lookup import Lookup
from instep.engine.world import Job, World
from instep.ports import AlreadyLinked, Intent, LogEntry, Membership, Record, Resource, Target
from instep.scim import documents

_INTERRUPTED = Unknown("interrupted before the answer was kept: it's written anew", "InternalError")

At = tuple[Kind, str]


class Parked(Struct):
    """An open intent that can't be settled yet. Times are the clock's monotonic seconds."""

    look: float
    """When it's looked at the next time; at first, when its request can't be carried out any more."""
    until: float
    """From then on, an account that isn't shown isn't there."""
    gap: float
    """Seconds between that look and the one after it."""
    looked: bool = False


class Settlement:
    """Settles the open intents of a job, before and during a cycle."""

    def __init__(self, world: World, job: Job, target: Target, lookup: Lookup, keeper: LeaseKeeper, cycle: str) -> None:
        self._world = world
        self._job = job
        self._target = target
        self._lookup = lookup
        self._keeper = keeper
        self._cycle = cycle
        self.parked: dict[At, Parked] = {}
        """Subjects with an open intent: nothing else is sent for them meanwhile."""

    async def run(self, without: Collection[At] = ()) -> set[At]:
        """Settle all that can be settled by now; returns those subjects that have to be evaluated now.

        A request that nobody waits for any more may still be carried out: an intent is settled no sooner than a
        request may take, from when it was first seen here, since then no more are sent for it. Others don't wait.
        without: subjects to leave as they are. Raises AppUnavailable, LeaseLost."""
        world = self._world
        intents = await world.state.read(lambda state: state.intents(self._job.name))
        settled: set[At] = set()
        for at in self.parked.keys() - {(i.kind, i.subject_id) for i in intents}:
            del self.parked[at]
        for intent in intents:
            at, now = (intent.kind, intent.subject_id), world.clock.monotonic()
            if at in without:
                continue
            if at not in self.parked:
                first, lag = now + world.request_seconds, world.read_lag_seconds
                self.parked[at] = Parked(first, first + lag, min(1.0, lag / 8))
            if now < self.parked[at].look:
                continue
            record = await self._settle(intent)
            if record is None:
                if not self.parked[at].looked:
                    await self._keep(Record(log=self._told(intent)))
                self._look_again(self.parked[at])
                continue
            del self.parked[at]
            try:
                await self._keep(record)
            except AlreadyLinked:
                # The account that answers to the name is somebody else's: matching will say so.
                await self._keep(Record(settled=at))
            if not _put_off(record.link, world.clock.now()):
                settled.add(at)
        return settled

    async def all(self) -> None:
        """Settle everything, however long it takes. Raises AppUnavailable, LeaseLost."""
        await self.run()
        while self.parked:
            await self._world.clock.sleep(self.next_look())
            await self.run()

    def next_look(self) -> float:
        """Seconds until somebody who is parked is looked for again; there has to be one."""
        return max(0.0, min(p.look for p in self.parked.values()) - self._world.clock.monotonic())

    async def _keep(self, record: Record) -> None:
        lease = self._keeper.lease
        await self._world.state.write(lambda state: state.record(lease, [record]))

    async def _settle(self, intent: Intent) -> Record | None:
        """What is known now; none when that has to wait."""
        at = (intent.kind, intent.subject_id)
        links = await self._world.state.read(
            lambda state: state.links(self._job.name, intent.kind, [intent.subject_id])
        )
        link = links.get(intent.subject_id) or new_link(intent.decision, intent.decision.seed)
        change = intent.decision.change
        if isinstance(change, Create):
            return await self._created(intent, link)
        if link.app_id is None and not isinstance(change, Adopt):
            return Record(settled=at)
        doubtful = in_doubt(intent.decision, link)
        told = bool(link.failures) and doubtful == link
        log = None if told else self._log(intent, "failure", _INTERRUPTED.code, _INTERRUPTED.reason)
        doubtful = self._due(doubtful, intent)
        rows, forgotten = memberships(intent.decision, {}, _INTERRUPTED, frozenset())
        return Record(link=doubtful, log=log, settled=at, members=rows, members_gone=forgotten)

    async def _created(self, intent: Intent, link: Link) -> Record | None:
        """Did the creation happen? Its account is found by what it would be matched by."""
        at = (intent.kind, intent.subject_id)
        for path, value in intent.decision.match:
            resources = await self._lookup.find(intent.kind, path, value)
            self._lookup.asked = True
            # The account that they had before, and that was found gone, may be shown for a while yet.
            resources = [r for r in resources if link.status is not Status.GONE or r.id != link.app_id]
            ids = matching_ids(((r.id, r.document) for r in resources), path, value)
            ids = await self._without_others(intent, ids)
            ours = [r for r in resources if r.id in ids and self._is_ours(intent, r)]
            if len(ours) == 1:
                return await self._found(intent, link, ours[0])
            if ids and self._target.abilities.enforces_uniqueness:
                # They have been there before: whether one is to be adopted is for matching to say.
                self._lookup.doubtful.add(at)
                return Record(settled=at)
        if not self._has_waited(at):
            return None
        self._lookup.doubtful.add(at)
        return Record(link=self._due(link, intent), settled=at)

    async def _without_others(self, intent: Intent, ids: Sequence[str]) -> list[str]:
        """Those accounts that no other subject is known to have."""
        owners = await self._world.state.read(lambda state: state.owners(self._job.name, intent.kind, ids))
        return [i for i in ids if i not in owners or owners[i].subject_id == intent.subject_id]

    def _is_ours(self, intent: Intent, resource: Resource) -> bool:
        """Whether an account is as the creation would have made it: another may have been made by somebody else."""
        attributes: Mapping[str, Any] = getattr(intent.decision.change, "attributes", {})
        sent = {p: v for p, v in attributes.items() if v is not None and not isinstance(v, dict)}
        held = observe(resource.document, self._job.rules.of(intent.kind), (ACTIVE,))
        if "externalId" in sent and "externalId" in held:
            return documents.same(held["externalId"], sent["externalId"], True)
        return all(p in held and documents.same(held[p], v) for p, v in sent.items())

    def _has_waited(self, at: At) -> bool:
        """Whether the app has had the time to show it."""
        return self._world.clock.monotonic() >= self.parked[at].until

    def _look_again(self, parked: Parked) -> None:
        parked.look = min(self._world.clock.monotonic() + parked.gap, parked.until)
        parked.gap, parked.looked = 2 * parked.gap, True

    def _due(self, link: Link, intent: Intent) -> Link:
        """The link with its next try: at once, whatever ends this cycle before that; after the second time without an
        answer, as long after it as any failure is waited out."""
        again = intent.began
        if link.failures > 1 and link.first_failure:
            again = next_try(link.failures, link.first_failure, self._world.clock.now())
        return msgspec.structs.replace(link, next_try=again)

    def _told(self, intent: Intent) -> LogEntry:
        lag = f"{self._world.read_lag_seconds:.0f} s"
        reason = f"nobody knows whether it was created: the app is asked for up to {lag} before it's tried again"
        return self._log(intent, "skipped", "Timeout", reason)

    def _log(self, intent: Intent, status: str, code: str, reason: str, app_id: str | None = None) -> LogEntry:
        world = self._world
        change, now = world.chance.token(), world.clock.now()
        return log_entry(
            self._job,
            self._cycle,
            change,
            now,
            intent.decision,
            status=status,
            code=code,
            reason=reason,
            app_id=app_id or intent.app_id,
        )

    async def _found(self, intent: Intent, link: Link, resource: Resource) -> Record:
        observed = observe(resource.document, self._job.rules.of(intent.kind), (ACTIVE,))
        inactive = intent.kind is Kind.USER and observed.get(ACTIVE) is False
        status = Status.DISABLED if inactive else Status.ACTIVE
        found = msgspec.structs.replace(
            link, app_id=resource.id, sent=observed, status=status, failures=0, next_try=None
        )
        entry = self._log(
            intent, "success", "", "created before an interruption; found by its matching value", resource.id
        )
        if intent.kind is Kind.GROUP:
            read = await self._target.read(Kind.GROUP, resource.id, members=True)
            resource = read or resource
        rows, forgotten = await self._memberships(intent, resource)
        return Record(
            link=found, log=entry, settled=(intent.kind, intent.subject_id), members=rows, members_gone=forgotten
        )

    async def _memberships(
        self, intent: Intent, resource: Resource
    ) -> tuple[tuple[Membership, ...], tuple[tuple[str, str], ...]]:
        """How the memberships of a group that was created stand, as read; unknown where the app doesn't show them."""
        named: tuple[str, ...] = getattr(intent.decision.change, "members", ())
        if not named:
            return (), ()
        group, ids = intent.subject_id, documents.members(resource.document)
        if not ids:
            # No members is what apps answer too that show nobody's: it says nothing.
            return tuple(Membership(group, m, "unknown") for m in named), ()
        present = set((await self._lookup.subjects_behind(ids)).values())
        rows = tuple(Membership(group, m, "sent") for m in named if m in present)
        return rows, tuple((group, m) for m in named if m not in present)


def _put_off(link: Link | None, now: datetime) -> bool:
    """Whether it failed so often that it's tried later, or was given up."""
    return link is not None and link.failures > 1 and (link.next_try is None or link.next_try > now)
