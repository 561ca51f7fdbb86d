"""Notices: written into the outbox after each cycle, and sent from there.

`announce` looks at how a job stands and writes down what nobody has been told yet. It may be called at any time and any
number of times: what it says follows from the state, so that a process that died in between loses no notice and repeats
none. `deliver` sends what is due.
"""

from datetime import datetime, timedelta

import structlog

from instep.core import notices
from instep.core.notices import NAMED, Drifted, Notice, NoticeKind
from instep.core.plan import fingerprint
from instep.ports import App, Clock, State, StateWriter
from instep.ports.outbox import Layout, Mail, MailDelayed, Mailer, MailRefused

KEPT = timedelta(days=90)
"""How long notices are kept that were sent or given up."""

log = structlog.stdlib.get_logger()


async def announce(state: State, lay_out: Layout, app: App, now: datetime) -> int:
    """Write down what is to be told about the app's job, in one transaction; returns how many notices that were."""
    return await state.write(lambda writer: _announce(writer, lay_out, app, now))


async def announce_drift(state: State, lay_out: Layout, app: App, found: Drifted, now: datetime) -> bool:
    """Write down what an audit of the app found; whether there's something new to be told."""
    notice = notices.drifted(app, found)
    return notice is not None and await state.write(lambda writer: _post(writer, lay_out, app, notice, now))


async def deliver(state: State, mailer: Mailer, clock: Clock) -> tuple[int, list[str]]:
    """Send what is due, one mail after the other; how many were sent, and why others weren't.

    What can't be sent stays in the outbox, with why, and is tried again."""
    if not await state.read(lambda reader: reader.mail_due(clock.now())):
        return 0, []
    claimed = await state.write(lambda writer: writer.claim(clock.now()))
    troubles = [await _send(state, mailer, mail, clock) for mail in claimed]
    await state.write(lambda writer: writer.forget_notices(clock.now() - KEPT))
    failed = [trouble for trouble in troubles if trouble]
    return len(troubles) - len(failed), failed


async def _send(state: State, mailer: Mailer, mail: Mail, clock: Clock) -> str:
    """Send one; why it wasn't sent, empty when it was."""
    try:
        refused = await mailer.send(mail)
    except (MailDelayed, MailRefused) as wrong:
        final, why = isinstance(wrong, MailRefused), str(wrong)
        log.warning("mail.failed", job=mail.job, kind=mail.kind, tries=mail.tries, final=final, reason=why)
        await state.write(lambda writer: writer.mail_failed(mail, why, final))
        return why or "it wasn't sent"
    trouble = "; ".join(f"{address}: {said}" for address, said in refused.items())
    await state.write(lambda writer: writer.mail_sent(mail, clock.now(), trouble))
    log.info("mail.sent", job=mail.job, kind=mail.kind, refused=len(refused))
    return ""


def _announce(writer: StateWriter, lay_out: Layout, app: App, now: datetime) -> int:
    status = writer.status(app.name)
    expiry = notices.expiring(app, now)
    told = {
        NoticeKind.QUARANTINE: notices.quarantined(app, status),
        NoticeKind.GIVEN_UP: notices.given_up(app, status),
        NoticeKind.HELD: _held(writer, app),
        NoticeKind.FAILURES: _failures(writer, app),
    }
    for kind, notice in told.items():
        if notice is None:
            writer.withdraw(app.name, kind, now)
    due = [notice for notice in (*told.values(), expiry) if notice is not None]
    return sum(_post(writer, lay_out, app, notice, now) for notice in due)


def _held(writer: StateWriter, app: App) -> Notice | None:
    waiting = writer.waiting_holds(app.name)
    if not waiting:
        return None
    return notices.held(app, waiting, fingerprint(s.digest for s in waiting), writer.told(app.name, NoticeKind.HELD))


def _failures(writer: StateWriter, app: App) -> Notice | None:
    if not app.notifications.on_failure:
        return None
    count, failing = writer.failing(app.name, writer.told(app.name, NoticeKind.FAILURES), NAMED)
    return notices.failures(app, failing, count, writer.status(app.name))


def _post(writer: StateWriter, lay_out: Layout, app: App, notice: Notice, now: datetime) -> bool:
    text, html = lay_out(notice.letter)
    addresses = app.notifications.addresses
    trouble = "" if addresses else f"nobody is told: `instep app set {app.name} --notify ADDRESS` says who is"
    mail = Mail(
        notice.job, notice.kind, notice.occasion, now, addresses, notice.letter.subject, text, html, last_error=trouble
    )
    return writer.post(mail)
