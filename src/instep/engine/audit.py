"""The drift audit: reads the app slowly, finds what others changed in it, and who has an account that nobody manages.

It reads without the job's lease, beside cycles, which never wait for it; it has a lease of its own, so that there is
one audit of a job at a time. It sends nothing: what is to be set right is made due, and the next cycle does it by plan,
guard, intent and log. How things are compared is in `core/drift`, what is kept of them in `findings`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from msgspec.structs import replace

from instep.core.drift import AuditSummary, Policy, lease_name
from instep.core.drift import audit_due as audit_due
from instep.core.link import Link
from instep.core.subject import Kind
from instep.engine.findings import Findings, Moment
from instep.engine.lease import LeaseKeeper
from instep.engine.progress import Progress
from instep.engine.unmanaged import UnmanagedAccounts
from instep.engine.world import Job, World
from instep.ports import AppUnavailable, Resource, Target

T = TypeVar("T")
Pace = Callable[[float], float]
"""From the seconds that a request took to the seconds to wait after it."""

LINKS = 500
"""Links that are taken from the store at once."""


def leisurely(took: float) -> float:
    """At most a tenth of the time is spent asking."""
    return 9 * took


async def run_audit(
    world: World, job: Job, target: Target, progress: Progress, stop: asyncio.Event, pace: Pace = leisurely
) -> AuditSummary:
    """Audit the app once, until its end or until `stop` is set; returns what came of it, which is kept as well.

    target: one of its own, not a running cycle's, since its fence and its count of requests are set here, and what it
    learns of the list's reliability isn't the cycle's business. A job whose policy is `off` is audited as by `report`.
    An app that can't be reached ends the audit with the result `unavailable`. Raises LeaseTaken when an audit of this
    job runs already, and LeaseLost when it was taken over or the app was removed.
    """
    async with LeaseKeeper(world, lease_name(job.name)) as keeper:
        target.fenced_by(keeper.check)
        return await _Audit(world, job, target, keeper, progress, stop, pace).run()


class _Audit:
    def __init__(
        self,
        world: World,
        job: Job,
        target: Target,
        keeper: LeaseKeeper,
        progress: Progress,
        stop: asyncio.Event,
        pace: Pace,
    ) -> None:
        policy: Policy = "report" if job.app.audit.policy == "off" else job.app.audit.policy
        self._world = world
        self._job = job
        self._target = target
        self._keeper = keeper
        self._progress = progress
        self._stop = stop
        self._pace = pace
        before = target.requests
        progress.sent = lambda: target.requests - before
        self._findings = Findings(world, job, keeper, policy, stop)
        self._summary = AuditSummary(job.name, world.clock.now())
        self._unmanaged = UnmanagedAccounts(world, job, keeper, self._summary.began)
        self._incomplete = False
        self._said: list[str] = []

    async def run(self) -> AuditSummary:
        self._progress.enter("auditing")
        await self._save(self._summary)
        try:
            for kind in Kind:
                if self._job.rules.of(kind).enabled and not self._stop.is_set():
                    await self._audit(kind)
            if not self._stop.is_set():
                await self._findings.sweep()
        except AppUnavailable as gone:
            return await self._end("unavailable", str(gone))
        except asyncio.CancelledError:
            await self._end("interrupted")
            raise
        if self._stop.is_set():
            return await self._end("interrupted")
        return await self._end("incomplete" if self._incomplete else "succeeded")

    async def _audit(self, kind: Kind) -> None:
        """One type: by pages, then one by one whoever wasn't in them. Groups one by one where members are compared."""
        members = kind is Kind.GROUP and self._job.rules.groups.members
        if members and not self._target.abilities.reads_members:
            self._said.append("The app doesn't show the members of groups: they weren't compared.")
            members = False
        seen: set[str] = set()
        listed = False
        if not members:
            listed = await self._list(kind, seen)
            if listed and await self._lacks_many(kind, len(seen)):
                return
        await self._one_by_one(kind, seen, listed, members)

    async def _list(self, kind: Kind, seen: set[str]) -> bool:
        """Compare the app's list page by page; whether it was complete. seen: gets the app ids that are linked."""
        if not self._target.abilities.trusts_list:
            return self._distrust(kind)
        pages = self._target.pages(kind)
        try:
            while not self._stop.is_set():
                moment = await self._findings.moment()
                page = await self._ask(_next(pages))
                if page is None:
                    if kind is Kind.USER:
                        await self._unmanaged.complete()
                    return True
                linked, _ = await self._findings.compare(kind, page, moment)
                seen |= linked
                if kind is Kind.USER:
                    await self._unmanaged.add(page, moment)
                await self._read(len(page))
        except AppUnavailable:
            if self._target.abilities.trusts_list:
                raise
            return self._distrust(kind)
        return False

    def _distrust(self, kind: Kind) -> bool:
        more = "; accounts that nobody manages can't all be told" if kind is Kind.USER else ""
        self._said.append(f"The app's list of {kind.value.lower()}s can't be relied upon: they were read singly{more}.")
        return False

    async def _lacks_many(self, kind: Kind, seen: int) -> bool:
        """Whether so many aren't in the app's list that it's rather the list that is wrong."""
        counts = await self._world.state.read(lambda state: state.counts(self._job.name))
        linked = counts.get((kind, "active"), 0) + counts.get((kind, "disabled"), 0)
        return self._too_many(kind, linked - seen, linked)

    def _too_many(self, kind: Kind, missing: int, linked: int) -> bool:
        if missing <= 2 or missing * 2 < linked:
            return False
        self._incomplete = True
        self._said.append(
            f"{missing:,} of {linked:,} {kind.value.lower()}s aren't in the app: half or more at once is not believed. "
            "Check the tenant URL, and whose token it is."
        )
        return True

    async def _one_by_one(self, kind: Kind, seen: set[str], listed: bool, members: bool) -> None:
        """Read those who weren't in the list, all of them where there was none: who isn't found twice is gone."""
        name, after, number = self._job.name, "", 0
        first: Moment | None = None
        missing: list[tuple[str, str]] = []
        unclear: list[Link] = []
        while links := await self._world.state.read(
            lambda state, last=after: state.managed_links(name, kind, last, LINKS)
        ):
            after = links[-1].subject_id
            for link in links:
                number += 1
                if self._stop.is_set():
                    return
                if link.app_id is None or link.app_id in seen:
                    continue
                moment = await self._findings.moment()
                first = first or moment
                resource = await self._look(kind, link.app_id, members, twice=not listed)
                if resource is None:
                    missing.append((link.subject_id, link.app_id))
                else:
                    _, doubtful = await self._findings.compare(kind, [resource], moment, members)
                    unclear += [link] if doubtful else []
                await self._read(1)
        if unclear:
            await self._once_more(unclear)
        if first and missing and not (not listed and self._too_many(kind, len(missing), number)):
            for start in range(0, len(missing), LINKS):
                await self._findings.gone(kind, missing[start : start + LINKS], first)

    async def _once_more(self, unclear: list[Link]) -> None:
        """Groups that showed no members before any other had shown some."""
        if not self._findings.members_shown:
            self._said.append("The app shows no members of any group: memberships weren't compared.")
            return
        for link in unclear:
            moment = await self._findings.moment()
            resource = await self._look(Kind.GROUP, link.app_id or "", True, twice=False)
            if resource:
                await self._findings.compare(Kind.GROUP, [resource], moment, members=True)

    async def _look(self, kind: Kind, app_id: str, members: bool, twice: bool) -> Resource | None:
        """One resource; none when it isn't there. An answer that it isn't may be the app's lag: hence a second look."""
        resource = await self._ask(self._target.read(kind, app_id, members))
        if resource is None and twice:
            resource = await self._ask(self._target.read(kind, app_id, members))
        return resource

    async def _ask(self, request: Awaitable[T]) -> T:
        """The answer to a request, and the wait after it. Raises what the request raises."""
        clock = self._world.clock
        began = clock.monotonic()
        answer = await request
        seconds = self._pace(clock.monotonic() - began)
        if seconds > 0 and not self._stop.is_set():
            waits = [asyncio.ensure_future(w) for w in (clock.sleep(seconds), self._stop.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                    with suppress(asyncio.CancelledError):
                        await wait
        return answer

    async def _read(self, number: int) -> None:
        self._progress.evaluated += number
        self._progress.changed(self._progress)
        self._summary = replace(
            self._summary, read=self._summary.read + number, requests=self._progress.requests, counts=self._counts
        )
        if number > 1 or self._summary.read % 100 == 0:
            await self._save(self._summary)

    @property
    def _counts(self) -> dict[str, int]:
        counts = {word: number for word, number in self._findings.counts.items() if number}
        return counts | ({"unmanaged": self._unmanaged.count} if self._unmanaged.count else {})

    async def _end(self, result: str, message: str = "") -> AuditSummary:
        left = self._findings.counts["left out"]
        if left:
            self._said.append(f"{left:,} were left out, since they had just changed: the next audit compares them.")
        self._summary = replace(
            self._summary,
            ended=self._world.clock.now(),
            result=result,
            requests=self._progress.requests,
            counts=self._counts,
            message=" ".join(filter(None, (message, *self._said))),
        )
        await self._save(self._summary)
        self._progress.enter("ended")
        return self._summary

    async def _save(self, summary: AuditSummary) -> None:
        lease = self._keeper.lease
        await self._world.state.write(lambda state: state.save_audit(lease, summary))


async def _next(pages: AsyncIterator[list[Any]]) -> list[Resource] | None:
    return await anext(pages, None)
