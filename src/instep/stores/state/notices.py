"""The outbox: notices on their way to becoming mails, and what notices are about. Implements `instep.ports.outbox`.

That no event mails twice is the table's unique index; that there's never a storm is decided here, where a notice is
posted and where it's claimed.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, insert, or_, select, update

from instep.core.notices import Failing, HeldSubject, gap
from instep.core.quarantine import Remains
from instep.ports.outbox import Mail
from instep.stores.columns import UtcTime
from instep.stores.state import rows
from instep.stores.state.tables import HELD, IN_ESCROW, links, log, notices

BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""The times between two tries; the last one is repeated."""
END = timedelta(days=3)
"""After so long a notice that couldn't be sent is given up."""

_UNSENT = notices.c.sent.is_(None)
_UNTRIED = and_(_UNSENT, notices.c.tries == 0)
_SUBJECT = (links.c.kind, links.c.name)
_OF_JOB = select(func.count()).where(links.c.job == bindparam("job_"))
_REMAINS = select(
    _OF_JOB.where(IN_ESCROW).scalar_subquery().label("escrow"),
    _OF_JOB.where(HELD, links.c.hold_verdict == "waiting").scalar_subquery().label("held"),
    _OF_JOB.where(IN_ESCROW, links.c.failures > 0, links.c.first_failure >= bindparam("since", type_=UtcTime()))
    .scalar_subquery()
    .label("new"),
)


class NoticesReading:
    """Reads of the outbox, all from one snapshot."""

    _connection: Connection

    def notices(self, job: str | None = None, limit: int = 50) -> list[Mail]:
        """The newest first; of all jobs unless one is given."""
        wanted = select(notices).order_by(notices.c.id.desc()).limit(limit)
        if job is not None:
            wanted = wanted.where(notices.c.job == job)
        return [_mail(row) for row in self._connection.execute(wanted)]

    def told(self, job: str, kind: str) -> datetime | None:
        return self._newest(notices.c.at, job, kind)

    def notice(self, id: int) -> Mail | None:
        row = self._connection.execute(select(notices).where(notices.c.id == id)).first()
        return _mail(row) if row else None

    def mail_due(self, now: datetime) -> bool:
        return bool(self._count(notices, _UNSENT, notices.c.next_try <= now))

    def mails_waiting(self) -> int:
        return self._count(notices, notices.c.sent.is_(None), notices.c.next_try.is_not(None))

    def waiting_holds(self, job: str) -> list[HeldSubject]:
        """By what is held. Small rows, since there may be many."""
        columns = (*_SUBJECT, links.c.hold_kind, links.c.hold_reason, links.c.hold_since, links.c.hold_digest)
        wanted = select(*columns).where(links.c.job == job, HELD, links.c.hold_verdict == "waiting")
        return [HeldSubject(rows.kind(row[0]), *row[1:]) for row in self._connection.execute(wanted)]

    def failing(self, job: str, since: datetime | None, limit: int) -> tuple[int, list[Failing]]:
        """How many of the escrow failed first after `since`, and the first of them by name."""
        at = [links.c.job == job, IN_ESCROW, links.c.first_failure.is_not(None)]
        if since is not None:
            at.append(links.c.first_failure > since)
        columns = (*_SUBJECT, links.c.last_error, links.c.failures, links.c.first_failure, links.c.next_try)
        found = self._connection.execute(select(*columns).where(*at).order_by(links.c.name).limit(limit))
        listed = [Failing(rows.kind(row[0]), *row[1:]) for row in found]
        many = len(listed) == limit
        return self._count(links, *at) if many else len(listed), listed

    def remains(self, job: str, since: datetime) -> Remains:
        row = self._connection.execute(_REMAINS, {"job_": job, "since": since}).one()
        return Remains(escrow=row.escrow, held=row.held, new=row.new)

    def incomplete(self, job: str, cycle: str) -> int:
        return self._count(log, log.c.job == job, log.c.cycle == cycle, log.c.status == "warning")

    def _count(self, table: Any, *at: Any) -> int:
        return self._connection.execute(select(func.count()).select_from(table).where(*at)).scalar_one()

    def _newest(self, column: Any, job: str, kind: str) -> datetime | None:
        wanted = select(column).where(notices.c.job == job, notices.c.kind == kind, notices.c.sent.is_not(None))
        return self._connection.execute(wanted.order_by(column.desc()).limit(1)).scalar()


class NoticesWriting(NoticesReading):
    """Writes of the outbox within one transaction."""

    def post(self, mail: Mail) -> bool:
        """See `instep.ports.outbox.OutboxWriter`. Without an address it's kept for `instep notices` alone."""
        of = (notices.c.job == mail.job, notices.c.kind == mail.kind)
        if self._count(notices, *of, notices.c.occasion == mail.occasion):
            return False
        self._connection.execute(delete(notices).where(*of, _UNTRIED))
        sent = self._newest(notices.c.sent, mail.job, mail.kind)
        first = max(mail.at, sent + gap(mail.kind)) if sent else mail.at
        values = {name: getattr(mail, name) for name in mail.__struct_fields__ if name != "id"}
        values |= {"tries": 0, "sent": None, "next_try": first if mail.addresses else None}
        self._connection.execute(insert(notices).values(values))
        return True

    def withdraw(self, job: str, kind: str, now: datetime) -> None:
        late = or_(notices.c.next_try > now, notices.c.next_try.is_(None))
        self._connection.execute(delete(notices).where(notices.c.job == job, notices.c.kind == kind, _UNTRIED, late))

    def claim(self, now: datetime) -> list[Mail]:
        """See `instep.ports.outbox.OutboxWriter`."""
        wanted = select(notices).where(_UNSENT, notices.c.next_try <= now).order_by(notices.c.id)
        return [claimed for row in self._connection.execute(wanted).all() if (claimed := self._claimed(row, now))]

    def mail_sent(self, mail: Mail, at: datetime, error: str = "") -> None:
        """It was sent; error: what is to be said of addresses that were refused."""
        self._set(mail.id, sent=at, next_try=None, last_error=error)

    def mail_failed(self, mail: Mail, error: str, final: bool = False) -> None:
        """See `instep.ports.outbox.OutboxWriter`."""
        if final:
            self._set(mail.id, last_error=error, next_try=None)
        else:
            self._set(mail.id, last_error=error)

    def forget_notices(self, before: datetime) -> None:
        """Take away those that were sent or given up before then."""
        self._connection.execute(delete(notices).where(notices.c.next_try.is_(None), notices.c.at < before))

    def _claimed(self, row: Row[Any], now: datetime) -> Mail | None:
        """The notice with one try more; none when it isn't to be sent now, or not at all."""
        of = (notices.c.job == row.job, notices.c.kind == row.kind)
        if self._count(notices, *of, notices.c.id > row.id):
            self._set(row.id, next_try=None, last_error="not sent: a newer notice says it too")
            return None
        if now - row.at >= END:
            self._set(row.id, next_try=None, last_error=row.last_error or "not sent: nobody sent it for three days")
            return None
        sent = self._newest(notices.c.sent, row.job, row.kind)
        if sent is not None and sent + gap(row.kind) > now:
            self._set(row.id, next_try=sent + gap(row.kind))
            return None
        again = now + BACKOFF[min(row.tries, len(BACKOFF) - 1)]
        self._set(row.id, tries=row.tries + 1, next_try=again)
        return Mail(**(row._asdict() | {"tries": row.tries + 1, "next_try": again}))

    def _set(self, at: int, **values: Any) -> None:
        self._connection.execute(update(notices).where(notices.c.id == at).values(values))


def _mail(row: Row[Any]) -> Mail:
    return Mail(**row._asdict())
