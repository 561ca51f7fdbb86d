"""Sending mails through an SMTP server: implements `instep.ports.outbox.Mailer`.

The connection is made for each mail: they are few. Without TLS it goes only to a server on this machine, and the
certificate is always checked. Headers are made by the standard library's mail policy, and what stands in them is
checked before: nothing of a name or a subject can become a header of its own.
"""

import base64
import hashlib
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import aiosmtplib
from msgspec import Struct

from instep.core.masking import Masking
from instep.mailing.layout import plain
from instep.ports.outbox import Mail, MailDelayed, MailRefused

_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
"""A dot-atom and a host (RFC 5322, section 3.4.1)."""

SECONDS = 30.0
"""How long the server may take for each of its answers."""


class SmtpServer(Struct, frozen=True):
    """The mail server, as the settings name it."""

    host: str
    port: int
    tls: str
    """`starttls`, `tls` or `none`."""
    user: str = ""
    password_file: Path | None = None
    sender: str = ""


class SmtpMailer:
    """Sends mails through `server`.

    seconds: how long the server may take for each answer. trusted: the certificates to believe in; the system's
    unless given.
    """

    def __init__(self, server: SmtpServer, seconds: float = SECONDS, trusted: ssl.SSLContext | None = None) -> None:
        """Raises ValueError where the settings can't be used, naming the variable."""
        self._server = server
        self._seconds = seconds
        self._trusted = trusted
        self._masking = Masking((), "")
        self._sender = server.sender or f"instep@{socket.getfqdn()}"
        if server.tls == "none" and not _on_this_machine(server.host):
            raise ValueError(
                f"INSTEP_SMTP_TLS=none is only for a server on this machine, and INSTEP_SMTP_HOST is {server.host}: "
                "use starttls or tls"
            )
        if not is_address(self._sender):
            raise ValueError(f"INSTEP_SMTP_FROM={self._sender!r} isn't a mail address")

    async def send(self, mail: Mail) -> Mapping[str, str]:
        """Send one mail; the addresses that were refused, with what was said. Raises MailDelayed, MailRefused."""
        usable = [address for address in mail.addresses if is_address(address)]
        refused = {address: "isn't a mail address" for address in mail.addresses if address not in usable}
        if not usable:
            raise MailRefused(self._refusals(refused) or "there's no address to send it to")
        try:
            return refused | await self._sent(message(mail, usable, self._sender), usable)
        except aiosmtplib.SMTPRecipientsRefused as wrong:
            said = {each.recipient: f"{each.code} {each.message}" for each in wrong.recipients}
            final = all(each.code >= 500 for each in wrong.recipients)
            raise (MailRefused if final else MailDelayed)(self._refusals(refused | said)) from None
        except aiosmtplib.SMTPDataError as wrong:
            final = wrong.code >= 500
            raise (MailRefused if final else MailDelayed)(f"the mail was refused: {self._answer(wrong)}") from None
        except aiosmtplib.SMTPException as wrong:
            raise MailDelayed(self._trouble(wrong)) from None
        except (OSError, ValueError) as wrong:
            raise MailDelayed(f"{self._place}: {self._plain(wrong)}") from None

    async def _sent(self, made: EmailMessage, addresses: list[str]) -> dict[str, str]:
        server, tls = self._server, self._server.tls
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=self._password(),
            timeout=self._seconds,
            use_tls=tls == "tls",
            start_tls=tls == "starttls",
            tls_context=None if tls == "none" else self._trusted or ssl.create_default_context(),
        )
        async with client:
            answers, _ = await client.send_message(made, sender=self._sender, recipients=addresses)
        return {address: f"{answer.code} {self._plain(answer.message)}" for address, answer in answers.items()}

    def _password(self) -> str | None:
        """Read for each mail, so that a new one needs no restart. Raises OSError naming the file."""
        path, user = self._server.password_file, self._server.user
        if not path or not user:
            return None
        password = path.read_text(encoding="utf-8").strip()
        # As it travels (RFC 4616; AUTH LOGIN): a server that repeats what it got mustn't make us tell it.
        sent = (base64.b64encode(each.encode()).decode() for each in (password, f"\0{user}\0{password}"))
        self._masking = Masking((password, *sent), "(password)")
        return password

    def _plain(self, value: object) -> str:
        """What the server said, in one line and without the password; it's masked before it's cut."""
        return plain(self._masking.text(str(value)))

    def _answer(self, wrong: aiosmtplib.SMTPResponseException) -> str:
        return f"{wrong.code} {self._plain(wrong.message)}"

    def _refusals(self, refused: Mapping[str, str]) -> str:
        return "; ".join(f"{plain(address)}: {self._plain(said)}" for address, said in refused.items())

    @property
    def _place(self) -> str:
        return f"the mail server {self._server.host}:{self._server.port}"

    def _trouble(self, wrong: aiosmtplib.SMTPException) -> str:
        if isinstance(wrong, aiosmtplib.SMTPAuthenticationError):
            return f"{self._place} doesn't accept INSTEP_SMTP_USER and its password: {self._answer(wrong)}"
        if isinstance(wrong, aiosmtplib.SMTPSenderRefused):
            return f"{self._place} doesn't take mails from {self._sender}: {self._answer(wrong)}; see INSTEP_SMTP_FROM"
        if isinstance(wrong, aiosmtplib.SMTPTimeoutError):
            return f"{self._place} didn't answer within {self._seconds:g} seconds"
        return f"{self._place}: {self._plain(wrong)}"


def message(mail: Mail, addresses: list[str], sender: str) -> EmailMessage:
    """The mail as it goes over the wire: text and HTML, with the headers of a mail that nobody is to answer."""
    made = EmailMessage(policy=POLICY)
    made["From"] = Address("Instep", addr_spec=sender)
    made["To"] = [Address(addr_spec=address) for address in addresses]
    made["Subject"] = plain(mail.subject)
    made["Date"] = format_datetime(mail.at.astimezone(UTC))
    # The same at each try, so that a mail that was sent and never acknowledged is known again.
    digest = hashlib.blake2b(f"{mail.job}\0{mail.kind}\0{mail.occasion}".encode(), digest_size=12).hexdigest()
    made["Message-ID"] = f"<{digest}.{int(mail.at.timestamp())}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notices, please
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(mail.text)
    made.add_alternative(mail.html, subtype="html")
    return made


def trial(address: str, text: str, html: str, now: datetime) -> Mail:
    """A mail that only shows that mails arrive."""
    return Mail("", "test", now.isoformat(), now, (address,), "Instep can send mails", text, html)


def is_address(text: str) -> bool:
    """Whether it's one address that can stand in a header: `name@host` in ASCII, nothing before or after it."""
    return _ADDRESS.fullmatch(text) is not None


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
