"""Log entries and records: what is kept of a decision and of what came of it.

All that the log gets passes here: values that a mapping redacts are masked in changes, steps, reasons and paths,
and the bodies that carried them are left out. Bodies of requests that succeeded aren't kept: the entry has the
changes themselves. The token is taken out of whatever the app says by `instep.targets.http`.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from itertools import islice

import msgspec

from instep.core.change import Adopt, AttributeChange, Create, Decision
from instep.core.decide import FOREIGN_MEMBER
from instep.core.link import Hold, Link
from instep.core.outcome import Done, Outcome
from instep.core.plan import action
from instep.core.record import MOST_MEMBERS, Member
from instep.core.redaction import MASK as MASK
from instep.core.redaction import Redaction
from instep.core.subject import Kind
from instep.engine.world import Job
from instep.ports import Answer, Exchange, LogEntry, Membership, Record


def log_entry(
    job: Job,
    cycle: str,
    change_id: str,
    at: datetime,
    decision: Decision,
    *,
    status: str,
    word: str = "",
    code: str = "",
    reason: str = "",
    exchanges: tuple[Exchange, ...] = (),
    effects: Mapping[str, int] | None = None,
    app_id: str | None = None,
    initiator: str = "",
) -> LogEntry:
    """One entry of the provisioning log. at: UTC. effects: those that happened. initiator: see `LogEntry`."""
    change, redaction = decision.change, Redaction(decision)
    added: tuple[str, ...] = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
    removed: tuple[str, ...] = getattr(change, "members_removed", ())
    foreign: tuple[str, ...] = getattr(change, "foreign_removed", ())
    left = (*(Member(i) for i in islice(removed, MOST_MEMBERS)), *(Member(app_id=i) for i in foreign[:MOST_MEMBERS]))
    return LogEntry(
        job=job.name,
        cycle=cycle,
        change_id=change_id,
        at=at,
        kind=decision.kind,
        subject_id=decision.subject_id,
        name=decision.name,
        app_id=app_id or decision.app_id,
        action=word or action(change),
        status=status,
        code=code,
        reason=redaction.text(reason),
        changes=shown_changes(decision),
        members_added=len(added),
        members_removed=len(removed) + len(foreign),
        steps=redaction.steps(decision.trace),
        exchanges=tuple(_kept(e, status == "success", redaction if decision.redacted else None) for e in exchanges),
        effects=effects or {},
        added=tuple(Member(i) for i in islice(added, MOST_MEMBERS)),
        removed=left[:MOST_MEMBERS],
        initiator=initiator,
        ended_by=decision.ended_by,
        milliseconds=sum(e.milliseconds for e in exchanges),
    )


def shown_changes(decision: Decision) -> tuple[AttributeChange, ...]:
    """The decision's attribute changes, a creation's attributes too, as people may see them."""
    change, redaction = decision.change, Redaction(decision)
    changes: tuple[AttributeChange, ...] = getattr(change, "changes", ())
    if isinstance(change, Create):
        changes = tuple(AttributeChange(path, None, value) for path, value in change.attributes.items())
    return tuple(redaction.change(c) for c in changes)


def masked_answer(decision: Decision, answer: Answer) -> Answer:
    """The answer, with the app's words less the values that the decision redacts: they're kept on the link too."""
    if not decision.redacted:
        return answer
    redaction = Redaction(decision)
    members = answer.members_outcome and redaction.outcome(answer.members_outcome)
    return msgspec.structs.replace(answer, outcome=redaction.outcome(answer.outcome), members_outcome=members)


def _kept(exchange: Exchange, succeeded: bool, redaction: Redaction | None) -> Exchange:
    path = redaction.text(exchange.path) if redaction else exchange.path
    if succeeded:
        return msgspec.structs.replace(exchange, path=path, body=None, answer=None)
    return msgspec.structs.replace(exchange, path=path, body=MASK, answer=MASK) if redaction else exchange


def new_link(decision: Decision, seed: str) -> Link:
    """A link for a subject that hadn't one."""
    return Link(decision.kind, decision.subject_id, decision.name, seed=seed)


def memberships(
    decision: Decision, before: Mapping[str, str], outcome: Outcome | None, done: frozenset[str] | None
) -> tuple[tuple[Membership, ...], tuple[tuple[str, str], ...]]:
    """How a group's memberships stand after a decision: rows to set, rows to take away.

    before: member id to state. outcome: none when nothing was sent. done: member subjects whose addition or
    removal was acknowledged; none for all.
    """
    if decision.kind is not Kind.GROUP:
        return (), ()
    change, group = decision.change, decision.subject_id
    added = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
    removed = getattr(change, "members_removed", ())
    states: dict[str, str] = dict.fromkeys(decision.pending, "pending")
    if isinstance(change, Adopt):
        states |= dict.fromkeys(change.members_found, "sent")
    gone: set[str] = set()
    finished = isinstance(outcome, Done)
    for member in added:
        acknowledged = (finished and done is None) or member in (done or ())
        if acknowledged:
            states[member] = "sent"
        else:
            states[member] = "pending" if outcome is None or _nothing_happened(outcome) else "unknown"
    for member in removed:
        if (finished and done is None) or member in (done or ()):
            gone.add(member)
        elif outcome is not None and not _nothing_happened(outcome):
            states[member] = "unknown"
    foreign: tuple[str, ...] = getattr(change, "foreign_removed", ()) if finished and done is None else ()
    gone.update(foreign)
    # A membership that waited and isn't wanted any more is forgotten.
    wanted = set(added) | set(decision.pending)
    gone |= {m for m, state in before.items() if state == "pending" and m not in wanted}
    rows = tuple(Membership(group, m, s) for m, s in states.items() if before.get(m) != s and m not in gone)
    return rows, tuple((group, m) for m in sorted(gone) if m in before or m in removed or m in foreign)


def _nothing_happened(outcome: Outcome) -> bool:
    return type(outcome).__name__ in ("RetryLater", "Refused")


def kept(decision: Decision, before: Mapping[str, str], link: Link | None, due: bool) -> Record | None:
    """The record of a subject that is in step; none when there is nothing to write down.

    link: changed, or none when it stays as it is. due: whether it was looked at for something that waited, so that
    what it waited for is written down anew.
    """
    rows, gone = memberships(decision, before, None, frozenset())
    pending = decision.pending if decision.kind is Kind.USER and (due or decision.pending) else None
    if not (link or rows or gone or pending is not None):
        return None
    at = (decision.kind, decision.subject_id)
    return Record(link=link, subject=at, members=rows, members_gone=gone, pending=pending)


def held(
    job: Job,
    cycle: str,
    change_id: str,
    now: datetime,
    decision: Decision,
    link: Link,
    kinds: Mapping[str, str],
    initiator: str = "",
) -> Record:
    """The record of a decision that the guard holds: it waits on the link, and the log says so once.

    Members whom nobody here stands behind are seen when a group is adopted: who is to be taken out is written down, or
    it would be forgotten as soon as the group is linked."""
    reason = "; ".join(dict.fromkeys(kinds.values()))
    digest = decision.digest
    counts: Counter[str] = Counter()
    for effect in decision.effects:
        counts[effect.kind] += effect.count
    hold = Hold(digest, ",".join(sorted(kinds)), reason, now, effects=dict(counts))
    # Nothing is tried again before somebody has decided: a try that was due would let cycles follow each other.
    calm = msgspec.structs.replace(link, failures=0, first_failure=None, next_try=None)
    if link.hold and link.hold.digest == digest:
        hold = msgspec.structs.replace(hold, since=link.hold.since)
        return Record(link=msgspec.structs.replace(calm, hold=hold))
    foreign: tuple[str, ...] = getattr(decision.change, "foreign_removed", ())
    entry = log_entry(
        job,
        cycle,
        change_id,
        now,
        decision,
        status="skipped",
        word="hold",
        code="StagedDelete",
        reason=reason,
        initiator=initiator,
    )
    rows = tuple(Membership(decision.subject_id, member, FOREIGN_MEMBER) for member in foreign)
    return Record(link=msgspec.structs.replace(calm, hold=hold), log=entry, members=rows)
