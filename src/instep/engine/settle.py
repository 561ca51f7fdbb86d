"""Settling: an intent without an outcome is a write that may or may not have been carried out.

Before anything else is sent for its subject, the app is read and the link brought to what the app holds; then
the subject is evaluated like any other. So a crash at any point neither repeats a creation nor takes a lost
answer for a success. See RFC 7644 section 3.3 for why a POST can't simply be sent again.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from instep.core.change import Adopt, Create, Delete
from instep.core.desire import ACTIVE
from instep.core.link import Link, Status
from instep.core.match import matching_ids, observe
from instep.core.subject import Kind
from instep.engine.entries import log_entry, new_link
from instep.engine.lease import LeaseKeeper
from instep.engine.lookup import Lookup
from instep.engine.world import Job, World
from instep.ports import AlreadyLinked, Intent, Membership, Record, Resource, Target
from instep.scim import documents, paths


class Settlement:
    """Settles the open intents of a job, before and during a cycle."""

    def __init__(self, world: World, job: Job, target: Target, lookup: Lookup, keeper: LeaseKeeper, cycle: str) -> None:
        self._world = world
        self._job = job
        self._target = target
        self._lookup = lookup
        self._keeper = keeper
        self._cycle = cycle

    async def run(self) -> set[tuple[Kind, str]]:
        """Settle all; returns the subjects, which have to be evaluated. Raises AppUnavailable, LeaseLost."""
        intents = await self._world.state.read(lambda state: state.intents(self._job.name))
        await self._patience(intents)
        for intent in intents:
            record = await self._settle(intent)
            try:
                await self._keep(record)
            except AlreadyLinked:
                # The account that answers to the name is somebody else's: matching will say so.
                await self._keep(Record(settled=(intent.kind, intent.subject_id)))
        return {(i.kind, i.subject_id) for i in intents}

    async def _keep(self, record: Record) -> None:
        lease = self._keeper.lease
        await self._world.state.write(lambda state: state.record(lease, [record]))

    async def _patience(self, intents: Sequence[Intent]) -> None:
        """A request that was under way when its sender died may still be carried out: wait as long as one may take."""
        if not intents:
            return
        until = max(i.began for i in intents) + timedelta(seconds=self._world.request_seconds)
        wait = (until - self._world.clock.now()).total_seconds()
        if wait > 0:
            await self._world.clock.sleep(min(wait, self._world.request_seconds))

    async def _settle(self, intent: Intent) -> Record:
        at = (intent.kind, intent.subject_id)
        links = await self._world.state.read(
            lambda state: state.links(self._job.name, intent.kind, [intent.subject_id])
        )
        link = links.get(intent.subject_id) or new_link(intent.decision, intent.decision.seed)
        change = intent.decision.change
        if isinstance(change, Create):
            return await self._created(intent, link)
        if link.app_id is None or isinstance(change, Adopt):
            return Record(settled=at)
        resource = await self._target.read(intent.kind, link.app_id, members=_names_members(intent))
        self._lookup.asked = True
        if resource is None:
            gone = msgspec.structs.replace(link, status=Status.GONE, sent={}, returned={}, unknown=frozenset[str]())
            return Record(link=gone, settled=at, account_gone=True)
        if isinstance(change, Delete):
            return Record(settled=at)
        rows, forgotten = await self._memberships(intent, resource)
        return Record(link=_as_read(link, intent, resource), settled=at, members=rows, members_gone=forgotten)

    async def _created(self, intent: Intent, link: Link) -> Record:
        """Did the creation happen? Its account is found by what it would be matched by."""
        at = (intent.kind, intent.subject_id)
        # Without a look-up before the creation, an account that's there now may have been there before, and is
        # then somebody's to adopt: matching decides that.
        if intent.decision.create_first:
            self._lookup.doubtful.add(at)
            return Record(settled=at)
        for path, value in intent.decision.match:
            resources = await self._target.find(intent.kind, path, value)
            self._lookup.asked = True
            ids = matching_ids(((r.id, r.document) for r in resources), path, value)
            if len(ids) == 1:
                return await self._found(intent, link, next(r for r in resources if r.id == ids[0]))
            if ids:
                break
        return Record(settled=at)

    async def _found(self, intent: Intent, link: Link, resource: Resource) -> Record:
        observed = observe(resource.document, self._job.rules.of(intent.kind), (ACTIVE,))
        inactive = intent.kind is Kind.USER and observed.get(ACTIVE) is False
        status = Status.DISABLED if inactive else Status.ACTIVE
        found = msgspec.structs.replace(
            link, app_id=resource.id, sent=observed, status=status, failures=0, next_try=None
        )
        entry = log_entry(
            self._job,
            self._cycle,
            self._world.chance.token(),
            self._world.clock.now(),
            intent.decision,
            status="success",
            reason="created before an interruption; found by its matching value",
            app_id=resource.id,
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
        """How the memberships that the intent names stand, as read; unknown where the app doesn't show them."""
        change, group = intent.decision.change, intent.subject_id
        added = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
        named = (*added, *getattr(change, "members_removed", ()))
        if not named:
            return (), ()
        ids = documents.members(resource.document)
        if not ids:
            # No members is what apps answer too that show nobody's: it says nothing.
            return tuple(Membership(group, m, "unknown") for m in named), ()
        present = set((await self._lookup.subjects_behind(ids)).values())
        rows = tuple(Membership(group, m, "sent") for m in named if m in present)
        return rows, tuple((group, m) for m in named if m not in present)


def _as_read(link: Link, intent: Intent, resource: Resource) -> Link:
    """The link with the paths that the intent names as the app holds them."""
    sent, named = dict(link.sent), {c.path for c in getattr(intent.decision.change, "changes", ())}
    for path in named:
        held = documents.read(resource.document, paths.parse(path))
        if held is documents.ABSENT or held is None:
            sent.pop(path, None)
        else:
            sent[path] = held
    inactive = link.kind is Kind.USER and sent.get(ACTIVE) is False
    status = Status.DISABLED if inactive else Status.ACTIVE
    return msgspec.structs.replace(link, sent=sent, status=status, unknown=link.unknown - named)


def _names_members(intent: Intent) -> bool:
    change = intent.decision.change
    return any(getattr(change, f, ()) for f in ("members", "members_added", "members_removed"))
