"""Rows of the state's tables and the values they stand for, there and back. No statement is run here."""

from typing import Any

from sqlalchemy import Row

from instep.core.change import Decision, EffectKind
from instep.core.link import Hold, Link, Status
from instep.core.plan import makes_account
from instep.core.record import CycleSummary, Intent, Lease, LogEntry, SpoolEntry
from instep.core.subject import Kind
from instep.stores.state.tables import LogDetail, cycles, intents, links, log, spool

Values = dict[str, Any]
"""A row to be written, by column name."""

_KINDS = {kind.value: kind for kind in Kind}
_STATUSES = {status.value: status for status in Status}

LINK = [c for c in links.columns if c.name != "job"]
"""The columns that make a link, in the order that `link` expects."""
INTENT = [c for c in intents.columns if c.name != "job"]
SPOOLED = [spool.c.decision, spool.c.priority, spool.c.ordinal, spool.c.approved, spool.c.on_demand]
_UNSHOWN = ("name_key", "ends", "previous", "hash")
ENTRY = [c for c in log.columns if c.name not in _UNSHOWN]
CYCLE = list(cycles.columns)


def kind(text: str) -> Kind:
    """The kind that is stored as `text`."""
    return _KINDS[text]


def link(row: Row[*tuple[Any, ...]]) -> Link:
    """The link of a row of `LINK`. By position: links are read by the hundred thousand."""
    (of, subject_id, name, status, app_id, sent, returned, unknown, adopted, seed, seq, version,
     failures, first_failure, next_try, last_error, digest, held, reason, since, verdict, counted) = row  # fmt: skip
    hold = None if digest is None else Hold(digest, held, reason, since, verdict, counted)
    return Link(
        _KINDS[of], subject_id, name, _STATUSES[status], app_id, sent, returned, unknown, adopted, seed, seq, version,
        failures, first_failure, next_try, last_error, hold,
    )  # fmt: skip


def link_values(job: str, link: Link) -> Values:
    """The row of a link."""
    hold = link.hold
    values: Values = {name: getattr(link, name) for name in link.__struct_fields__ if name != "hold"}
    return values | {
        "job": job,
        "hold_digest": hold and hold.digest,
        "hold_kind": hold and hold.kind,
        "hold_reason": hold and hold.reason,
        "hold_since": hold and hold.since,
        "hold_verdict": hold and hold.verdict,
        "hold_effects": hold.effects if hold else {},
    }


def intent(row: Row[*tuple[Any, ...]]) -> Intent:
    """The intent of a row of `INTENT`."""
    return Intent(_KINDS[row.kind], row.subject_id, row.name, row.decision, row.app_id, row.began)


def intent_values(job: str, intent: Intent) -> Values:
    """The row of an intent."""
    return {"job": job} | {name: getattr(intent, name) for name in intent.__struct_fields__}


def spooled(row: Row[*tuple[Any, ...]]) -> SpoolEntry:
    """The entry of a row that begins with `SPOOLED`."""
    return SpoolEntry(row.decision, row.priority, row.ordinal, row.approved, row.on_demand)


def spool_values(job: str, entry: SpoolEntry) -> Values:
    """The row of a spooled decision."""
    decision: Decision = entry.decision
    return {
        "job": job,
        "kind": decision.kind,
        "subject_id": decision.subject_id,
        "priority": entry.priority,
        "ordinal": entry.ordinal,
        "approved": entry.approved,
        "on_demand": entry.on_demand,
        "makes_account": makes_account(decision.change),
        "decision": decision,
    }


_PLAIN = [c.name for c in ENTRY if c.name not in ("sequence", "detail")]
_DETAIL = LogDetail.__struct_fields__
_ENDS = (EffectKind.DISABLE, EffectKind.DELETE)


def entry(row: Row[*tuple[Any, ...]]) -> LogEntry:
    """The log entry of a row of `ENTRY`."""
    values = row._asdict()
    detail: LogDetail = values.pop("detail")
    values["kind"] = _KINDS[values["kind"]]
    return LogEntry(**values, **{name: getattr(detail, name) for name in _DETAIL})


def entry_values(job: str, entry: LogEntry) -> Values:
    """The row of a log entry; `chain.append` gives it its sequence and its place in the chain."""
    values: Values = {name: getattr(entry, name) for name in _PLAIN}
    detail = LogDetail(**{name: getattr(entry, name) for name in _DETAIL})
    return values | {"job": job, "name_key": entry.name.casefold(), "detail": detail, "ends": _ends(entry)}


def _ends(entry: LogEntry) -> bool:
    """Whether somebody's access ended: by its effect, whatever the action is called."""
    done = entry.status in ("success", "warning")
    return done and (entry.action in ("disable", "delete") or any(kind in entry.effects for kind in _ENDS))


def cycle(row: Row[*tuple[Any, ...]]) -> CycleSummary:
    """The cycle of a row of `CYCLE`."""
    return CycleSummary(**row._asdict())


def cycle_values(cycle: CycleSummary) -> Values:
    """The row of a cycle."""
    return {name: getattr(cycle, name) for name in cycle.__struct_fields__}


def lease(row: Row[*tuple[Any, ...]]) -> Lease | None:
    """The lease in a row of `jobs`; none when nobody holds the job."""
    if row.lease_owner is None:
        return None
    return Lease(row.job, row.lease_owner, row.lease_token, row.lease_until)
