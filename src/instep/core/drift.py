"""Drift: what the app holds differs from what the links say, since somebody changed it there.

Here is what counts as drift and what is done about it; values in, values out. Reading the app is in `engine/audit`. A
repair is never sent from here: a link that says what the app really holds lets `decide` see the difference, and the
next cycle sets it right like any other change.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, cast

from msgspec import Struct
from msgspec.structs import replace

from instep.core.app import Audit
from instep.core.decide import FOREIGN_MEMBER, SENT_MEMBER
from instep.core.desire import ACTIVE
from instep.core.link import Link, Status
from instep.core.match import observe
from instep.core.record import Membership
from instep.core.rules import Mapping as AttributeMapping
from instep.core.rules import ObjectRules
from instep.core.subject import Kind
from instep.scim import documents

Policy = Literal["ignore", "report", "repair"]

REPAIRS = 3
"""So often a value that comes back is set right; then the app is taken to rewrite it, and is left alone."""
KEPT = timedelta(days=30)
"""How long it stays in the list that something was repaired."""
RETRY = timedelta(hours=1)
"""After how long an audit that found the app out of reach is run again."""
ACCOUNT = "id"
"""The path of drift that is a whole account or group, deleted in the app."""
MEMBER = "members "
"""What the path of a membership's drift begins with; the member follows."""


class State(StrEnum):
    """What has become of a difference."""

    FOUND = "found"
    REPAIRING = "repairing"
    """The next cycle sets it right, or has tried to: the guard may hold it, or the app refuse it."""
    REPAIRED = "repaired"
    REWRITTEN = "rewritten"
    """It came back after each repair: the app itself makes it so, and nothing more is sent."""


class Difference(Struct, frozen=True):
    """One thing that isn't as the link says."""

    path: str
    """An attribute path, ACCOUNT, or MEMBER with a subject's id, or with the app id of a member unknown here."""
    expected: Any
    """None: nothing. Of a member, the subject's id."""
    found: Any
    """The same; of a member unknown here `{"value": app id}`."""

    @property
    def regains_access(self) -> bool:
        """Whether somebody whose access had been ended has it again."""
        return self.path == ACTIVE and self.expected is False

    @property
    def attribute(self) -> bool:
        """Whether it's about an attribute, and not about a member or the whole account."""
        return self.path != ACCOUNT and not self.path.startswith(MEMBER)


class Drift(Struct, frozen=True):
    """A difference as it is kept."""

    kind: Kind
    subject_id: str
    path: str
    name: str
    expected: Any
    found: Any
    first_seen: datetime
    last_seen: datetime
    times: int = 1
    """In how many audits it was found with this value; while it's being repaired, the number of the repair."""
    state: State = State.FOUND

    @property
    def regains_access(self) -> bool:
        """Whether somebody whose access had been ended has it again."""
        return self.path == ACTIVE and self.expected is False


class Correction(Struct, frozen=True):
    """What a link, and a group's memberships, are to say from now on; nothing, if they aren't as compared any more."""

    link: Link
    """As it was compared."""
    corrected: Link
    compared: Mapping[str, str | None] = {}
    """Member to the state that its membership had, of those concerned; none where there was no record of it."""
    members: tuple[Membership, ...] = ()
    members_gone: tuple[str, ...] = ()
    account_gone: bool = False
    due: bool = True
    """Whether the subject is to be looked at by the next cycle."""


class AuditSummary(Struct, frozen=True):
    """An audit, running or ended."""

    job: str
    began: datetime
    ended: datetime | None = None
    result: str = "running"
    """`running`, `succeeded`, `incomplete`, `interrupted` or `unavailable`."""
    read: int = 0
    """Accounts and groups that were read so far."""
    requests: int = 0
    counts: Mapping[str, int] = {}
    """`drift`, `repairing`, `gone`, `access` (regained), `rewritten`, `unmanaged`, `left out` (changed meanwhile)."""
    message: str = ""


def audit_due(audit: Audit, last: AuditSummary | None, now: datetime) -> bool:
    """Whether it's time for an audit. last: the job's last one, which may have been cut off."""
    if audit.policy == "off":
        return False
    if last is None or last.ended is None or last.result == "interrupted":
        return True
    every = timedelta(hours=audit.every_hours)
    if last.result == "unavailable":
        return now >= last.ended + min(RETRY, every)
    return now >= last.began + every


def lease_name(job: str) -> str:
    """Under which name the lease of a job's audit is kept: no app can be called that."""
    return f"{job} audit"


def managed(link: Link) -> bool:
    """Whether there is an account that we look after; one that was let go is as its holder likes it."""
    return link.alive and link.status is not Status.RELEASED


# ------------------------------------------------------------------------------------- what differs


def shown(document: Mapping[str, Any], rules: ObjectRules) -> frozenset[str]:
    """The managed paths that the app shows in this resource."""
    return frozenset(observe(document, rules))


def attributes(
    link: Link, document: Mapping[str, Any], rules: ObjectRules, shows: Collection[str]
) -> tuple[Difference, ...]:
    """Attributes that the app holds otherwise than it was sent and answered.

    shows: paths that the app shows of anybody: one that it shows of nobody may be one that it never shows. What only
    flows at the creation, and what is unknown, isn't compared.
    """
    differing: list[Difference] = []
    for path, sent in link.sent.items():
        mapping, expected = rules.by_target.get(path), _plain(sent)
        if path in link.unknown or (path != ACTIVE and (mapping is None or mapping.flow == "create")):
            continue
        held = _held(document, path)
        if held is None and (path == ACTIVE or path not in shows):
            continue
        if not _as_expected(link, path, expected, held, mapping):
            differing.append(Difference(path, expected, held))
    for mapping in rules.mappings:
        path = mapping.target
        if not _kept_empty(mapping) or path in link.sent or path in link.unknown:
            continue
        held = _held(document, path)
        if held is not None and not documents.same(held, link.returned.get(path), mapping.case_exact):
            differing.append(Difference(path, None, held))
    return tuple(differing)


def members(
    states: Mapping[str, str], present: Collection[str], accounts: Collection[str], foreign: Iterable[str] = ()
) -> tuple[Difference, ...]:
    """Memberships that others ended or made in a group that we manage.

    states: what the job knows, by member. present: subjects with an account of ours who are in it. accounts: those of
    the known members who have an account. foreign: app ids of the others in it, where ours alone may be in it.
    """
    out = (m for m, state in states.items() if state == SENT_MEMBER and m not in present and m in accounts)
    return (
        *(Difference(MEMBER + m, m, None) for m in sorted(out)),
        *(Difference(MEMBER + m, None, m) for m in sorted(present) if m not in states),
        *(Difference(MEMBER + m, None, {"value": m}) for m in sorted(foreign) if m not in states),
    )


def _as_expected(link: Link, path: str, expected: Any, held: Any, mapping: AttributeMapping | None) -> bool:
    exact = mapping is not None and mapping.case_exact
    if documents.same(held, expected, exact):
        return True
    if path in link.returned and documents.same(held, link.returned[path], exact):
        return True
    if mapping is None or held is None or mapping.flow == "always":
        return False
    if mapping.flow == "attribute-add":
        return True  # only whether there is a value is ours to say
    listed = cast("list[Any]", held) if isinstance(held, list) else [held]
    wanted = cast("list[Any]", expected) if isinstance(expected, list) else [expected]
    return all(any(documents.same([w], [h], exact) for h in listed) for w in wanted)


def _kept_empty(mapping: AttributeMapping) -> bool:
    """Whether a source without a value means that the app has none either."""
    return mapping.clear_when_empty and mapping.flow == "always" and mapping.default is None and not mapping.required


def _held(document: Mapping[str, Any], path: str) -> Any:
    value = documents.read(document, path)
    return None if value is documents.ABSENT else value


def _plain(value: Any) -> Any:
    """Of a reference, the app id."""
    return cast("Any", value)["value"] if isinstance(value, dict) and "subject" in value else cast("Any", value)


# ------------------------------------------------------------------------------- what is done about it


def judged(before: Drift | None, seen: Drift, policy: Policy) -> Drift:
    """What is found now, in the light of what was found before: the loop breaker.

    Access that was ended and is there again is never taken for the app's own way."""
    if before is None or before.state is State.REPAIRED or not documents.same(before.found, seen.found, True):
        return replace(seen, state=State.REPAIRING if policy == "repair" else State.FOUND)
    seen = replace(seen, first_seen=before.first_seen, times=before.times + 1, state=State.FOUND)
    if before.state is State.REWRITTEN:
        return replace(seen, state=State.REWRITTEN)
    if policy != "repair":
        return seen
    if before.state is not State.REPAIRING:
        return replace(seen, times=1, state=State.REPAIRING)
    if before.times >= REPAIRS and not seen.regains_access:
        return replace(seen, state=State.REWRITTEN)
    return replace(seen, state=State.REPAIRING)


def closed(row: Drift, link: Link | None, waits: bool, now: datetime) -> Drift | None:
    """What becomes of a row whose difference isn't there any more; none when it goes.

    waits: whether the subject is asked for and wasn't looked at yet."""
    match row.state:
        case State.REPAIRING:
            waits = waits or (link is not None and (link.hold is not None or bool(link.failures or link.next_try)))
            return row if waits else replace(row, state=State.REPAIRED, last_seen=now)
        case State.REWRITTEN:
            ours = link is not None and documents.same(link.returned.get(row.path), row.found)
            return row if ours and row.found is not None else None
        case State.REPAIRED:
            return row if now - row.last_seen < KEPT else None
        case State.FOUND:
            return None


def corrected(link: Link, found: Iterable[Difference]) -> Link:
    """The link with what the app really holds, so that `decide` sees what is to be set right."""
    sent, returned = dict(link.sent), dict(link.returned)
    for each in found:
        returned.pop(each.path, None)
        if each.found is None:
            sent.pop(each.path, None)
        else:
            sent[each.path] = each.found
    inactive = link.kind is Kind.USER and sent.get(ACTIVE) is False
    return replace(link, sent=sent, returned=returned, status=Status.DISABLED if inactive else Status.ACTIVE)


def accepted(link: Link, found: Iterable[Difference]) -> Link:
    """The link with what the app holds taken for its own form of what was sent."""
    return replace(link, returned={**link.returned, **{each.path: each.found for each in found}})


def correction(
    link: Link, differences: Collection[Difference], states: Mapping[str, State | None], held: Mapping[str, str]
) -> Correction | None:
    """What the link and the group's memberships are to say from now on; none when they stay as they are.

    states: what was judged of each path; none where the difference is taken as it is. held: what was known of the
    group's members.
    """
    repaired = [d for d in differences if states.get(d.path) is State.REPAIRING]
    if any(d.path == ACCOUNT for d in repaired):
        return Correction(link, vanished(link), account_gone=True)
    taken = [d for d in differences if d.attribute and states.get(d.path) in (None, State.REWRITTEN)]
    attributes = [d for d in repaired if d.attribute]
    changed = accepted(corrected(link, attributes) if attributes else link, taken)
    moved = {d.path.removeprefix(MEMBER): d.found for d in repaired if not d.attribute}
    if changed == link and not moved:
        return None
    there = {m: found for m, found in moved.items() if found is not None}
    return Correction(
        link,
        changed,
        compared={m: held.get(m) for m in moved},
        members=tuple(
            Membership(link.subject_id, m, SENT_MEMBER if isinstance(found, str) else FOREIGN_MEMBER)
            for m, found in there.items()
        ),
        members_gone=tuple(m for m in moved if m not in there),
        due=bool(repaired),
    )


def vanished(link: Link) -> Link:
    """The link of an account that isn't there any more."""
    return replace(link, status=Status.GONE, sent={}, returned={}, unknown=frozenset[str]())


def in_order(drifts: Iterable[Drift]) -> list[Drift]:
    """Access that came back first, then what is gone, then by name."""
    states = list(State)
    return sorted(
        drifts, key=lambda d: (states.index(d.state), not d.regains_access, d.path != ACCOUNT, d.kind, d.name, d.path)
    )
