"""Sending: one decision becomes requests, and the answer becomes a record.

References and members, which a decision names as subjects, are resolved to app ids right before; whoever has
no account by then is kept as pending. Here is also where an answer is judged that says more about the app
than about the subject.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from instep.core.acknowledge import GONE, acknowledge, failed
from instep.core.change import Adopt, Create, Decision, Delete, Disable, Update
from instep.core.link import Link
from instep.core.outcome import Done, Outcome, Refused, Unknown
from instep.core.plan import action
from instep.core.subject import Kind
from instep.engine import ignored, superseded
from instep.engine.entries import log_entry, masked_answer, memberships
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.superseded import Superseded
from instep.engine.world import Job, World
from instep.ports import Answer, AppUnavailable, LeaseLost, Record, Target
from instep.scim.documents import DocumentError
from instep.scim.paths import PathError

SUSPICIOUS = frozenset(
    {
        "Unauthorized",
        "InsufficientRights",
        "NotPermitted",
        "Timeout",
        "WebExceptionProtocolError",
        "InternalServerError",
        "SystemForCrossDomainIdentityManagementServiceIncompatible",
    }
)
"""Codes that may be about the app and not about the subject."""

QUIET = 5.0
"""Seconds for which a test of the connection is believed."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision whose intent is durable."""

    decision: Decision
    link: Link
    waits_for: Mapping[str, "asyncio.Future[str | None]"]
    """Subjects under way whom the decision refers to; each gives its app id."""
    accounts: Mapping[str, str]
    """App ids of the others whom it names, as far as they have one."""
    initiator: str = ""
    """As the log has it."""


class Sending:
    """Sends the decisions of one cycle."""

    def __init__(
        self,
        world: World,
        job: Job,
        target: Target,
        lookup: Lookup,
        cycle: str,
        progress: Progress,
        may_send: Callable[[], Awaitable[bool]],
    ) -> None:
        """may_send: asked right before each request; it may take its time."""
        self._world = world
        self._job = job
        self._target = target
        self._lookup = lookup
        self._cycle = cycle
        self._progress = progress
        self._may_send = may_send
        self._testing = asyncio.Lock()
        self._tested = -QUIET
        self.unavailable: AppUnavailable | None = None
        """Set when the app turned out to be out of reach: nothing more is sent."""

    def without_request(self, prepared: Prepared) -> Record:
        """The record of a decision that needs no request: a release, an adoption of what is in step."""
        return self._record(prepared, prepared.decision, Answer(Done(), prepared.decision.app_id), None)

    async def send(self, prepared: Prepared) -> tuple[Record, str | None, bool]:
        """Send it: what is to be kept, the app id that others can refer to, and whether to evaluate it anew.

        Raises LeaseLost, and Superseded when its subject has changed before anything was sent.
        """
        decision, accounts = await self._resolve(prepared)
        superseded.begin((decision.kind, decision.subject_id))
        if not await self._may_send():
            return Record(settled=(decision.kind, decision.subject_id)), None, False
        answer = masked_answer(decision, await self._answer(decision, accounts))
        await self._judge_app(answer.outcome)
        if self.unavailable and not isinstance(answer.outcome, Done):
            # The app's fault, not the subject's: nothing is counted. What is unknown stays open as an intent.
            unknown = isinstance(answer.outcome, Unknown)
            settled = None if unknown else (decision.kind, decision.subject_id)
            return Record(settled=settled), None, False
        return self._conclude(prepared, decision, answer, accounts)

    async def _answer(self, decision: Decision, accounts: Mapping[str, str]) -> Answer:
        """The app's answer. What can't be put into a request is refused here, and stops nobody else.

        Raises LeaseLost and Superseded."""
        try:
            return await self._request(decision, accounts)
        except (LeaseLost, Superseded):
            raise
        except (PathError, DocumentError) as wrong:
            return Answer(Refused(str(wrong), "SchemaAttributeNotFound"), decision.app_id)
        except Exception as fault:  # noqa: BLE001 - whether something was sent isn't known: it's settled by reading
            return Answer(Unknown(f"a fault of Instep itself, {type(fault).__name__}: {fault}", "InternalError"))

    def _conclude(
        self, prepared: Prepared, decision: Decision, answer: Answer, accounts: Mapping[str, str]
    ) -> tuple[Record, str | None, bool]:
        at = (decision.kind, decision.subject_id)
        outcome, change = answer.outcome, decision.change
        if isinstance(outcome, Refused) and outcome.code == "Conflict" and isinstance(change, Create):
            # Somebody has that value: look it up and decide again, once.
            self._lookup.conflicted[at] = outcome.reason
            return Record(settled=at), None, True
        if isinstance(outcome, Refused) and outcome.code == GONE and not isinstance(change, Create):
            ended = isinstance(change, Disable | Delete)
            record = self._record(prepared, decision, answer, set())
            return msgspec.structs.replace(record, account_gone=True), None, not ended
        complete = isinstance(outcome, Done) and not isinstance(change, Create)
        done = None if complete else _acknowledged(answer, accounts)
        record = self._record(prepared, decision, answer, done)
        if isinstance(change, Delete) and isinstance(outcome, Done):
            record = msgspec.structs.replace(record, account_gone=True)
        return record, record.link.app_id if record.link and record.link.alive else None, False

    async def _resolve(self, prepared: Prepared) -> tuple[Decision, dict[str, str]]:
        """The decision with app ids in its references; and the app ids of everyone it names."""
        decision, change = prepared.decision, prepared.decision.change
        names = named(decision)
        if not names:
            return decision, {}
        accounts = {i: app_id for i in names if (app_id := prepared.accounts.get(i))}
        accounts |= {i: app_id for i, future in prepared.waits_for.items() if (app_id := await future)}
        missing = tuple(n for n in (*decision.after, *_members(change)) if n not in accounts)
        if isinstance(change, Create):
            attributes = {
                path: {**value, "value": accounts.get(value["subject"])} if _is_reference(value) else value
                for path, value in change.attributes.items()
            }
            attributes = {p: v for p, v in attributes.items() if not (_is_reference(v) and v["value"] is None)}
            change = Create(attributes, tuple(m for m in change.members if m in accounts))
        elif isinstance(change, Update | Adopt):
            change = msgspec.structs.replace(
                change, members_added=tuple(m for m in change.members_added if m in accounts)
            )
        pending = tuple(dict.fromkeys((*decision.pending, *missing)))
        return msgspec.structs.replace(decision, change=change, pending=pending), accounts

    async def _request(self, decision: Decision, accounts: Mapping[str, str]) -> Answer:
        change, kind, app_id = decision.change, decision.kind, decision.app_id or ""
        add = [accounts[m] for m in _members(change)]
        # A member whose account is gone left the group with it: there is nothing to take out.
        remove = [accounts[m] for m in getattr(change, "members_removed", ()) if m in accounts]
        remove += getattr(change, "foreign_removed", ())
        if isinstance(change, Create):
            plain = {path: _plain(value) for path, value in change.attributes.items()}
            return await self._target.create(kind, plain, add)
        if isinstance(change, Delete):
            return await self._target.delete(kind, app_id)
        changes = [
            msgspec.structs.replace(c, old=_plain(c.old), new=_plain(c.new)) for c in getattr(change, "changes", ())
        ]
        if not changes and not add and not remove:
            return Answer(Done(), app_id)
        return await self._target.update(kind, app_id, changes, add, remove)

    async def _judge_app(self, outcome: Outcome) -> None:
        """After an answer that could be the app's own trouble, test the connection once."""
        code = getattr(outcome, "code", "")
        if isinstance(outcome, Done):
            self._lookup.asked = True
            return
        if code not in SUSPICIOUS or self.unavailable:
            return
        async with self._testing:
            now = self._world.clock.monotonic()
            if self.unavailable or now - self._tested < QUIET:
                return
            try:
                await test_connection(self._job, self._target)
            except AppUnavailable as gone:
                self.unavailable = gone
            self._tested = self._world.clock.monotonic()

    def _record(self, prepared: Prepared, decision: Decision, answer: Answer, done: set[str] | None) -> Record:
        outcome, now = answer.outcome, self._world.clock.now()
        resource = answer.resource
        link = acknowledge(
            decision,
            prepared.link,
            outcome,
            answer.app_id,
            resource.document if resource else None,
            self._job.rules,
            now,
        )
        trouble = answer.members_outcome
        if trouble is not None and not isinstance(trouble, Done):
            link = failed(link, trouble.reason, now)
        gone = isinstance(outcome, Refused) and outcome.code == GONE
        ended = gone and isinstance(decision.change, Disable | Delete)
        success = isinstance(outcome, Done) or ended
        status = "success" if success else "failure"
        said = trouble if isinstance(outcome, Done) else outcome
        code, reason = getattr(said, "code", ""), getattr(said, "reason", "")
        if isinstance(outcome, Done) and not trouble and resource:
            reason = ignored.told(decision, prepared.link, resource.document, self._job.rules.of(decision.kind))
            code = ignored.CODE if reason else ""
        if success and (decision.pending or trouble or code == ignored.CODE):
            status = "warning"
        self._progress.applied += 1
        self._progress.count(action(decision.change) if success else "failure")
        entry = log_entry(
            self._job,
            self._cycle,
            self._world.chance.token(),
            now,
            decision,
            status=status,
            code=code,
            reason=reason,
            exchanges=answer.exchanges,
            effects={e.kind: e.count for e in decision.effects} if success else None,
            app_id=link.app_id,
            initiator=prepared.initiator,
        )
        rows, forgotten = memberships(decision, {}, trouble or outcome, frozenset(done) if done is not None else None)
        return Record(
            link=link,
            log=entry,
            settled=None if isinstance(outcome, Unknown) else (decision.kind, decision.subject_id),
            members=rows,
            members_gone=forgotten,
            pending=decision.pending if decision.kind is Kind.USER else None,
        )


async def test_connection(job: Job, target: Target) -> None:
    """Test the connection by the first matching attribute of each type. Raises AppUnavailable."""
    kinds = [kind for kind in Kind if job.rules.of(kind).enabled]
    await target.check(kinds, {kind: job.rules.of(kind).matching[0].target for kind in kinds})


def named(decision: Decision) -> tuple[str, ...]:
    """The subjects whose app ids are needed to send it."""
    change = decision.change
    return (*decision.after, *_members(change), *getattr(change, "members_removed", ()))


def _members(change: Any) -> tuple[str, ...]:
    """Subjects who are to become members."""
    return change.members if isinstance(change, Create) else getattr(change, "members_added", ())


def _acknowledged(answer: Answer, accounts: Mapping[str, str]) -> set[str]:
    """The member subjects whose addition or removal the app acknowledged."""
    taken = set(answer.members_done)
    return {subject for subject, app_id in accounts.items() if app_id in taken}


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "subject" in value


def _plain(value: Any) -> Any:
    """A value as the app gets it: of a reference, the app id."""
    return value["value"] if _is_reference(value) else value
