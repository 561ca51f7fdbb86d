"""Accounts that nobody manages: those in the app that no living link stands for, with whom in the directory they match.

An audit hands over the pages it reads. The directory is gone through once for many of them, and everybody in it is
asked by what they would be matched; whoever is disabled, deleted or not assigned any more is what auditors ask for.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from instep.core import drift, unmanaged
from instep.core.desire import ACTIVE, inputs
from instep.core.match import observe
from instep.core.subject import Kind, Subject
from instep.core.unmanaged import Claim, Unmanaged
from instep.engine.findings import Moment
from instep.engine.lease import LeaseKeeper
from instep.engine.world import Job, World
from instep.ports import DirectoryReader, Resource

AT_ONCE = 20_000
"""Accounts that the directory is gone through for at once."""


class _Account(Struct, frozen=True):
    app_id: str
    name: str
    active: bool
    claims: tuple[Claim, ...]
    subject_id: str | None
    """Whose it was, where there is a dead link to it or one that was let go."""


class UnmanagedAccounts:
    """Those of one audit that began at `began`."""

    def __init__(self, world: World, job: Job, keeper: LeaseKeeper, began: datetime) -> None:
        self._world = world
        self._job = job
        self._keeper = keeper
        self._began = began
        self._waiting: list[_Account] = []
        self.count = 0

    async def add(self, resources: Sequence[Resource], moment: Moment) -> None:
        """A page of the app's users. Raises LeaseLost."""
        name, rules = self._job.name, self._job.rules.users
        ids = [resource.id for resource in resources]
        owners = await self._world.state.read(lambda state: state.owners(name, Kind.USER, ids))
        ended = [link.subject_id for link in owners.values() if not drift.managed(link)]
        fresh: set[str] = set()
        if ended:
            fresh = await self._world.state.read(lambda state: state.touched(name, ended, moment.shows))
        for resource in resources:
            link, document = owners.get(resource.id), resource.document
            active = observe(document, rules, (ACTIVE,)).get(ACTIVE) is not False
            if link and (drift.managed(link) or not active or link.subject_id in fresh):
                continue
            claims = unmanaged.held_claims(document, rules)
            called = next((value for _, value in claims), resource.id)
            self._waiting.append(_Account(resource.id, called, active, claims, link.subject_id if link else None))
        if len(self._waiting) >= AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Find out who they are, and keep them. Raises LeaseLost."""
        accounts, self._waiting = self._waiting, []
        if not accounts:
            return
        matching = await self._matching(accounts)
        # Whoever was created while the app's list was read is linked by now, or about to be.
        name = self._job.name
        ids = [account.app_id for account in accounts]
        owners = await self._world.state.read(lambda state: state.owners(name, Kind.USER, ids))
        coming = {i.subject_id for i in await self._world.state.read(lambda state: state.intents(name))}
        subjects = [s.id for s in matching.values()]
        linked = await self._world.state.read(lambda state: state.accounts(name, subjects))
        now, rows = self._world.clock.now(), list[Unmanaged]()
        for account in accounts:
            link, subject = owners.get(account.app_id), matching.get(account.app_id)
            if (link and drift.managed(link)) or (subject and subject.id in coming):
                continue
            other = subject is not None and linked.get(subject.id, account.app_id) != account.app_id
            given = inputs(subject, self._job.rules.roles, now, "", self._job.default_domain) if subject else None
            reason = unmanaged.why_unmanaged(subject, self._job.rules, given, other)
            who = subject.id if subject else account.subject_id
            rows.append(Unmanaged(Kind.USER, account.app_id, account.name, account.active, who, reason, now, now))
        self.count += len(rows)
        lease = self._keeper.lease
        await self._world.state.write(lambda state: state.keep_unmanaged(lease, name, rows))

    async def complete(self) -> None:
        """The whole list was read: who wasn't in it isn't there any more. Raises LeaseLost."""
        await self.flush()
        name, lease = self._job.name, self._keeper.lease
        await self._world.state.write(lambda state: state.forget_unmanaged(lease, name, self._began))

    async def _matching(self, accounts: Sequence[_Account]) -> dict[str, Subject]:
        """App id to whoever in the directory matches it; of several, whoever is there and enabled."""
        world, view = self._world, self._job.view
        wanted: dict[Claim, list[str]] = {}
        for account in accounts:
            for claim in account.claims:
                wanted.setdefault(claim, []).append(account.app_id)
        found: dict[str, Subject] = {}
        look = world.directory.reader()
        reader: DirectoryReader = await world.offload(look.__enter__)
        try:
            known = {a.app_id: a.subject_id for a in accounts if a.subject_id}
            people = {
                s.id: s for s in await world.offload(lambda: reader.subjects(view, Kind.USER, list(known.values())))
            }
            found |= {app_id: people[subject_id] for app_id, subject_id in known.items()}
            pages = reader.everyone(Kind.USER)
            while (page := await world.offload(lambda: next(pages, None))) is not None:
                for subject in await world.offload(lambda ids=page: reader.subjects(view, Kind.USER, ids)):
                    self._claim(subject, wanted, found, known)
        finally:
            await world.offload(lambda: look.__exit__(None, None, None))
        return found

    def _claim(
        self, subject: Subject, wanted: dict[Claim, list[str]], found: dict[str, Subject], known: dict[str, str]
    ) -> None:
        job = self._job
        given = inputs(subject, job.rules.roles, self._began, "", job.default_domain)
        for claim in unmanaged.wanted_claims(job.rules.users, given):
            for app_id in wanted.get(claim, ()):
                before = found.get(app_id)
                if app_id not in known and (before is None or unmanaged.standing(subject) < unmanaged.standing(before)):
                    found[app_id] = subject
