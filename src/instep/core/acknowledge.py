"""acknowledge: what a link says after an attempt.

Only what the app acknowledged goes into `sent`. A write whose fate is unknown leaves its paths `unknown`
until a read or an acknowledged write settles them. A failure is counted and gets its next try.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from instep.core.change import Adopt, Create, Decision, Delete, Disable, Enable, Release, Update
from instep.core.desire import ACTIVE
from instep.core.escrow import next_try
from instep.core.link import Link, Status
from instep.core.match import rewritten
from instep.core.outcome import Done, Outcome, Refused, RetryLater, Unknown
from instep.core.rules import Rules
from instep.core.subject import Kind
from instep.scim.documents import ABSENT, read
from instep.scim.paths import parse

GONE = "InvalidAnchor"
"""The code of a refusal that says: that id doesn't exist."""

PATIENCE = timedelta(minutes=1)
"""How long to wait for an app that asks for patience without saying how long."""


def acknowledge(
    decision: Decision,
    link: Link,
    outcome: Outcome,
    app_id: str | None,
    document: Mapping[str, Any] | None,
    rules: Rules,
    now: datetime,
) -> Link:
    """The link after the attempt.

    decision: with references resolved, as it was sent. app_id and document: what the app returned, if anything.
    """
    link = replace(link, name=decision.name, seq=decision.seq, rules_version=rules.version)
    match outcome:
        case Done():
            return _done(decision, _calm(link), app_id, document, rules)
        case Refused(code=code) if code == GONE and not isinstance(decision.change, Create):
            gone = replace(link, status=Status.GONE, sent={}, returned={}, unknown=frozenset[str]())
            # It was just found: the app shows what isn't there any more, and has to be given time.
            return failed(gone, outcome.reason, now) if isinstance(decision.change, Adopt) else _calm(gone)
        case RetryLater(flow_control=True, after=after):
            wait = timedelta(seconds=after) if after else PATIENCE
            return replace(_linked(decision, link), next_try=now + wait, last_error=outcome.reason)
        case Unknown():
            return replace(failed(in_doubt(decision, link), outcome.reason, now), next_try=now)
        case RetryLater(after=after):
            return _not_before(failed(_linked(decision, link), outcome.reason, now), now, after)
        case Refused():
            return failed(_linked(decision, link), outcome.reason, now)


def in_doubt(decision: Decision, link: Link) -> Link:
    """The link while nobody knows whether the decision was carried out: what it would change is unknown, and of a
    deletion everything, until an acknowledged write tells. Of a creation there is nothing to know yet."""
    link = _linked(decision, link)
    doubtful = link.sent.keys() if isinstance(decision.change, Delete) else _paths(decision)
    return replace(link, unknown=link.unknown | doubtful)


def failed(link: Link, reason: str, now: datetime) -> Link:
    """The link after one more failure."""
    first = link.first_failure or now
    failures = link.failures + 1
    again = next_try(failures, first, now)
    return replace(link, failures=failures, first_failure=first, next_try=again, last_error=reason)


def _not_before(link: Link, now: datetime, seconds: float | None) -> Link:
    """The link with its next try put off as long as the app asked for, where that's longer."""
    if link.next_try is None or not seconds:
        return link
    return replace(link, next_try=max(link.next_try, now + timedelta(seconds=seconds)))


def _calm(link: Link) -> Link:
    """The link when nothing is left to try: an approval is used up by then, and outlives failures until then."""
    hold = None if link.hold and link.hold.verdict == "approved" else link.hold
    return replace(link, hold=hold, failures=0, first_failure=None, next_try=None, last_error="")


def _linked(decision: Decision, link: Link) -> Link:
    """An adoption links even when the update that comes with it fails: the account was found, and is ours."""
    change = decision.change
    if not isinstance(change, Adopt):
        return link
    return _status(replace(link, app_id=change.app_id, sent=dict(change.observed), returned={}, adopted=True))


def _paths(decision: Decision) -> set[str]:
    return {change.path for change in _changes(decision)}


def _changes(decision: Decision) -> tuple[Any, ...]:
    return getattr(decision.change, "changes", ())


def _done(decision: Decision, link: Link, app_id: str | None, document: Mapping[str, Any] | None, rules: Rules) -> Link:
    change = decision.change
    match change:
        case Create():
            sent = {p: v for p, v in change.attributes.items() if v is not None}
            link = replace(link, app_id=app_id, sent=sent, unknown=frozenset[str](), adopted=False)
        case Adopt():
            link = _overlaid(decision, _linked(decision, link))
        case Update() | Enable() | Disable():
            link = _overlaid(decision, link)
        case Delete():
            return replace(link, status=Status.GONE, sent={}, returned={}, unknown=frozenset[str]())
        case Release():
            return replace(link, status=Status.RELEASED)
        case _:
            return link
    if document is not None:
        # Only of what was written does the answer say that the app rewrites it: anything else that differs is drift.
        written = link.sent.keys() if isinstance(change, Create) else _paths(decision)
        differing = rewritten(link.sent, document, rules.of(link.kind))
        kept = {p: v for p, v in link.returned.items() if p in differing or read(document, parse(p)) is ABSENT}
        link = replace(link, returned=kept | {p: v for p, v in differing.items() if p in written})
    return _status(link)


def _overlaid(decision: Decision, link: Link) -> Link:
    sent, returned = dict(link.sent), dict(link.returned)
    for change in _changes(decision):
        returned.pop(change.path, None)
        if change.new is None:
            sent.pop(change.path, None)
        else:
            sent[change.path] = change.new
    return replace(link, sent=sent, returned=returned, unknown=link.unknown - _paths(decision))


def _status(link: Link) -> Link:
    inactive = link.kind is Kind.USER and link.sent.get(ACTIVE) is False
    return replace(link, status=Status.DISABLED if inactive else Status.ACTIVE)
