"""`instep notices`: what was told by mail and what waits to be, and a test of the mail server."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instep.cli import showing
from instep.cli.job import UNAVAILABLE, find_app, open_stores, out, print_json, settings, stop

if TYPE_CHECKING:
    from instep.mailing.smtp import SmtpMailer
    from instep.ports.outbox import Mail
    from instep.settings import Settings

app = typer.Typer(
    name="notices",
    no_args_is_help=True,
    add_completion=False,
    help="The mails about apps: list, show, send, test.",
)

App = Annotated[str | None, typer.Option("--app", metavar="APP", help="Only those about this app.")]
NOT_SET_UP = "mail isn't set up: INSTEP_SMTP_HOST names no mail server"


@app.command("list", epilog="Example: instep notices list --app mixpanel")
def list_(
    of: App = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at the most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the text of each.")] = False,
) -> None:
    """List the notices, newest first: sent, waiting, and those that couldn't be sent."""
    with open_stores() as (given, _, state):
        if of is not None:
            find_app(state, of)
        with state.reading() as reader:
            found = reader.notices(of, limit)
    if as_json:
        print_json([notice_json(mail) for mail in found])
        return
    for mail in found:
        out.print(f"{mail.id:>5}  {showing.moment(mail.at)}  {showing.plain(mail.subject)}")
        out.print(f"       {mail.kind}, {in_words(mail, bool(given.smtp_host))}", style="dim")
    if not found:
        out.print("There are no notices.")
    elif not given.smtp_host:
        out.print(f"\nNothing is sent: {NOT_SET_UP}. `instep notices show ID` shows what would be.")


@app.command(epilog="Example: instep notices show 12")
def show(number: Annotated[int, typer.Argument(metavar="ID", help="As `instep notices list` shows it.")]) -> None:
    """Show the text of a notice."""
    with open_stores() as (given, _, state), state.reading() as reader:
        mail = reader.notice(number)
    if mail is None:
        stop(f"there's no notice {number}; `instep notices list` shows those that there are")
    out.print(f"To: {showing.listed(mail.addresses) or 'nobody'}\nSubject: {showing.plain(mail.subject)}")
    out.print(f"({in_words(mail, bool(given.smtp_host))})\n")
    for line in mail.text.splitlines():
        out.print(showing.plain(line))


@app.command(epilog="Example: instep notices send")
def send() -> None:
    """Send what is due now, where no `instep serve` does. Exit code 3 when something couldn't be sent."""
    from instep.engine.notices import deliver
    from instep.wiring import SystemClock

    with open_stores() as (given, _, state):
        sent, failed = asyncio.run(deliver(state, _mailer(given), SystemClock()))
    out.print(f"{showing.number(sent, 'mail')} sent.")
    if failed:
        count = showing.number(len(failed), "mail")
        stop(f"{count} couldn't be sent: {showing.plain(failed[0])}", UNAVAILABLE)


@app.command(epilog="Example: instep notices test it@contoso.example")
def test(address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send the test mail.")]) -> None:
    """Send a test mail. Exit code 3 when the mail server doesn't take it."""
    from instep.core.cause import Command
    from instep.core.notices import Letter
    from instep.mailing.layout import lay_out
    from instep.mailing.smtp import is_address, trial
    from instep.ports.outbox import MailDelayed, MailRefused
    from instep.wiring import SystemClock

    given = settings()
    if not is_address(address):
        stop(f"{address!r} isn't a mail address")
    letter = Letter(
        "Instep can send mails",
        "Instep can send mails",
        "This is a test. When something needs you, a mail like this one says what happened and what to do.",
        facts=(("Mail server", f"{given.smtp_host}:{given.smtp_port}, {given.smtp_tls}"),),
        commands=(Command("instep notices list", "shows what was sent and what waits"),),
    )
    try:
        asyncio.run(_mailer(given).send(trial(address, *lay_out(letter), SystemClock().now())))
    except (MailDelayed, MailRefused) as wrong:
        stop(showing.plain(str(wrong)), UNAVAILABLE)
    out.print(f"{given.smtp_host} took a test mail to {address}.")


def in_words(mail: "Mail", set_up: bool) -> str:
    """What became of a notice."""
    to = showing.listed(mail.addresses, 3)
    error = showing.plain(mail.last_error)
    if mail.sent:
        return f"sent to {to} {showing.moment(mail.sent)}" + (f", but not to all: {error}" if error else "")
    if mail.next_try is None:
        return error or "not sent"
    if not set_up:
        return f"waits for a mail server, to {to}"
    when = f"next try {showing.moment(mail.next_try)}" if mail.tries else f"due {showing.moment(mail.next_try)}"
    return f"to {to}, {when}" + (f": {error}" if error else "")


def notice_json(mail: "Mail") -> dict[str, Any]:
    """A notice for scripts."""
    return {
        "id": mail.id,
        "app": mail.job,
        "kind": mail.kind,
        "at": mail.at.isoformat(),
        "addresses": list(mail.addresses),
        "subject": mail.subject,
        "text": mail.text,
        "tries": mail.tries,
        "nextTry": mail.next_try and mail.next_try.isoformat(),
        "sent": mail.sent and mail.sent.isoformat(),
        "error": mail.last_error or None,
    }


def _mailer(given: "Settings") -> "SmtpMailer":
    """The mailer that the settings name; ends the command when there is none."""
    from instep.wiring import serving

    try:
        found = serving.mailer(given)
    except ValueError as wrong:
        stop(str(wrong))
    return found or stop(f"{NOT_SET_UP}; docs/how-to/get-mails.md says how to")
