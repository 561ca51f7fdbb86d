"""How a job stands, all from one look at the stores: what `instep status` tells, also as JSON."""

from datetime import UTC, datetime
from typing import Any

from instep import __version__
from instep.cli import showing
from instep.cli.job import OpenJob
from instep.core.drift import AuditSummary
from instep.core.link import Hold, Link
from instep.core.plan import fingerprint
from instep.core.subject import Kind
from instep.documents.graph_status import synchronization_schedule, synchronization_status
from instep.engine.world import is_dead
from instep.ports import CycleSummary, Judging, StateReader, Watermark
from instep.ports.outbox import Mail
from instep.stores.secrets import SecretUnreadable

CYCLES = 5
LOOKED_BACK = 50
"""Cycles that are looked through for the last one that succeeded; and notices for those that weren't sent."""


class Standing:
    """A job, its cycles, and whoever waits for something."""

    def __init__(self, opened: OpenJob) -> None:
        self.name, self.app, self.settings = opened.name, opened.job.app, opened.settings
        with opened.state.reading() as reader:
            watermark = reader.watermark(opened.name)
            judging = reader.judging(opened.name).by(opened.job.rules.version, __version__)
            self.status = reader.status(opened.name)
            self.configured = _has_token(reader, opened.name)
            self._all_cycles = reader.cycles(opened.name, LOOKED_BACK)
            self.counts = reader.counts(opened.name)
            self.escrow = reader.escrow(opened.name)
            self.holds = reader.holds(opened.name)
            self.intents = reader.intents(opened.name)
            self.lease = reader.lease(opened.name)
            self.progress = reader.progress(opened.name)
            self.audit = reader.audit(opened.name)
            self._notices = reader.notices(opened.name, LOOKED_BACK)
        self.behind, self.place = _behind(opened, watermark, judging)
        if self.lease and (self.lease.until <= datetime.now(UTC) or is_dead(self.lease.owner)):
            self.lease = None  # its holder can't be at work any more

    @property
    def cycles(self) -> list[CycleSummary]:
        """The last ones, the newest first."""
        return self._all_cycles[:CYCLES]

    @property
    def waiting(self) -> list[tuple[Link, Hold]]:
        """What the guard holds and nobody has judged yet."""
        return [(link, hold) for link, hold in self.holds if hold.verdict == "waiting"]

    @property
    def fingerprint(self) -> str | None:
        """Names what waits; none when nothing does."""
        return fingerprint(hold.digest for _, hold in self.waiting) if self.waiting else None

    @property
    def unsent(self) -> list[Mail]:
        """Notices that couldn't be sent: tried and failed, given up, or with nobody to send them to."""
        return [mail for mail in self._notices if not mail.sent and (mail.tries or mail.next_try is None)]

    @property
    def unposted(self) -> list[Mail]:
        """Notices that wait for a mail server to be set."""
        if self.settings.smtp_host:
            return []
        return [mail for mail in self._notices if not mail.sent and not mail.tries and mail.next_try is not None]

    def json(self) -> dict[str, Any]:
        """All of it; `schedule` and `status` in Graph's shape."""
        lease, live = self.lease, ("active", "disabled", "released")
        accounts = {str(k): sum(n for (kind, s), n in self.counts.items() if kind == k and s in live) for k in Kind}
        running = self.progress if lease else None
        return {
            "app": self.name,
            "displayName": self.app.display_name,
            "tenantUrl": self.app.tenant_url,
            "schedule": synchronization_schedule(self.status, self.app.interval_minutes),
            "status": synchronization_status(self.status, self.configured, self._all_cycles, accounts, running),
            "place": self.place,
            "changesBehind": self.behind,
            "cycles": [_cycle(cycle) for cycle in self.cycles],
            "audit": self.audit and _audit(self.audit),
            "links": {f"{kind.value} {word}": number for (kind, word), number in sorted(self.counts.items())},
            "escrow": [_escrowed(link) for link in self.escrow],
            "held": [_held(link, hold) for link, hold in self.holds],
            "fingerprint": self.fingerprint,
            "unsentNotices": [
                {"id": mail.id, "subject": mail.subject, "tries": mail.tries, "error": mail.last_error}
                for mail in self.unsent
            ],
            "mailSetUp": bool(self.settings.smtp_host),
            "running": lease and {"owner": lease.owner, "until": lease.until.isoformat()},
            "openIntents": len(self.intents),
        }


def _has_token(reader: StateReader, app: str) -> bool:
    """Whether a token is kept, also one that can't be read since its key is lost: how the app stands is told anyway."""
    try:
        return reader.token(app) is not None
    except SecretUnreadable:
        return True


def _audit(audit: AuditSummary) -> dict[str, Any]:
    return {
        "began": audit.began.isoformat(),
        "ended": audit.ended and audit.ended.isoformat(),
        "result": audit.result,
        "read": audit.read,
        "requests": audit.requests,
        "counts": dict(audit.counts),
        "message": audit.message,
    }


def _cycle(cycle: CycleSummary) -> dict[str, Any]:
    return {
        "id": cycle.id,
        "kind": cycle.kind,
        "began": cycle.began.isoformat(),
        "ended": cycle.ended and cycle.ended.isoformat(),
        "result": cycle.result,
        "code": cycle.code,
        "message": cycle.message,
        "counts": dict(cycle.counts),
    }


def _escrowed(link: Link) -> dict[str, Any]:
    return {
        "kind": link.kind.value,
        "id": link.subject_id,
        "name": link.name,
        "error": link.last_error,
        "failures": link.failures,
        "nextTry": link.next_try and link.next_try.isoformat(),
    }


def _held(link: Link, hold: Hold) -> dict[str, Any]:
    return {
        "kind": link.kind.value,
        "id": link.subject_id,
        "name": link.name,
        "effects": hold.kind.split(","),
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "verdict": hold.verdict,
    }


def _behind(opened: OpenJob, watermark: Watermark | None, judging: Judging) -> tuple[int | None, str]:
    """How many changes of the directory haven't been looked at, and that in words; none when everyone has to be."""
    with opened.directory.reader() as reader:
        epoch, sequence = reader.epoch, reader.sequence
    if judging.changed:
        return None, "The rules, or Instep itself, have changed: the next cycle looks at everyone"
    if watermark is None or not watermark.sequence:
        return None, "No cycle has gone through yet: the next one looks at everyone"
    if watermark.epoch != epoch or watermark.sequence > sequence:
        return None, "The directory was restored or replaced: the next cycle looks at everyone"
    behind = sequence - watermark.sequence
    if not behind:
        return 0, "The directory hasn't changed since the last cycle"
    return behind, f"{showing.number(behind, 'change')} of the directory behind"
