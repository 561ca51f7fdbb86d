"""Sending through a real SMTP server: what is taken, what is refused, and what hangs."""

import asyncio
import base64
import email
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from msgspec.structs import replace

from instep.mailing.smtp import SmtpMailer, SmtpServer, is_address, message, trial
from instep.ports.outbox import Mail, MailDelayed, MailRefused

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL = Mail(
    "app", "held", "f1", AT, ("it@firm.example", "ops@firm.example"), "Söhne: 3 held", "Text ä", "<p>HTML ä</p>"
)


class Inbox:
    """An SMTP server's handler that keeps what comes and refuses what it's told to."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.data_answers: list[str] = []
        self.refused: dict[str, str] = {}
        self.seconds = 0.0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        await asyncio.sleep(self.seconds)
        if self.data_answers:
            return self.data_answers.pop(0)
        self.mails.append(envelope)
        return "250 taken"

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(m.content, policy=default) for m in self.mails if isinstance(m.content, bytes)]


@contextmanager
def served(inbox: Inbox, **options: Any) -> Iterator[int]:
    """The server on a port of this machine."""

    class OnAnyPort(Controller):
        def factory(self) -> SMTP:
            return SMTP(self.handler, **options)

        def _trigger_server(self) -> None:
            assert self.server is not None
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    controller = OnAnyPort(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    with served(inbox) as port:
        yield port


def mailer(port: int, tls: str = "none", seconds: float = 5.0, **given: Any) -> SmtpMailer:
    trusted = given.pop("trusted", None)
    server = SmtpServer("127.0.0.1", port, tls, sender="instep@firm.example", **given)
    return SmtpMailer(server, seconds, trusted)


async def test_mail_arrives_with_text_html_and_the_headers_of_a_machine(inbox: Inbox, port: int) -> None:
    assert await mailer(port).send(MAIL) == {}
    [sent], [envelope] = inbox.messages, inbox.mails
    assert envelope.rcpt_tos == ["it@firm.example", "ops@firm.example"]
    assert (sent["Subject"], sent["From"], sent["Auto-Submitted"]) == (
        "Söhne: 3 held",
        "Instep <instep@firm.example>",
        "auto-generated",
    )
    assert sent["Date"].datetime == AT
    assert sent["Message-ID"].endswith("@firm.example>")
    plain, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content().strip(), html.get_content().strip()) == ("Text ä", "<p>HTML ä</p>")


async def test_another_try_of_a_mail_has_the_same_id_and_another_mail_has_another(inbox: Inbox, port: int) -> None:
    for mail in (MAIL, replace(MAIL, tries=3), replace(MAIL, occasion="f2")):
        await mailer(port).send(mail)
    first, again, other = (sent["Message-ID"] for sent in inbox.messages)
    assert first == again != other


async def test_temporary_refusal_is_a_delay_and_the_next_try_goes_through(inbox: Inbox, port: int) -> None:
    inbox.data_answers = ["451 4.3.0 come back later"]
    with pytest.raises(MailDelayed, match=r"451 .*come back later"):
        await mailer(port).send(MAIL)
    assert await mailer(port).send(MAIL) == {}
    assert len(inbox.mails) == 1


async def test_permanent_refusal_is_final(inbox: Inbox, port: int) -> None:
    inbox.data_answers = ["554 5.7.1 spam"]
    with pytest.raises(MailRefused, match="spam"):
        await mailer(port).send(MAIL)


async def test_addresses_that_are_all_refused_are_final_and_some_are_told(inbox: Inbox, port: int) -> None:
    inbox.refused = {"it@firm.example": "550 5.1.1 nobody"}
    assert await mailer(port).send(MAIL) == {"it@firm.example": "550 5.1.1 nobody"}
    assert [mail.rcpt_tos for mail in inbox.mails] == [["ops@firm.example"]]
    inbox.refused["ops@firm.example"] = "550 5.1.1 nobody"
    with pytest.raises(MailRefused, match=r"ops@firm\.example: 550"):
        await mailer(port).send(MAIL)
    inbox.refused["ops@firm.example"] = "450 4.2.1 greylisted"
    with pytest.raises(MailDelayed, match="greylisted"):
        await mailer(port).send(MAIL)


async def test_server_that_hangs_is_a_delay(inbox: Inbox, port: int) -> None:
    inbox.seconds = 0.5
    with pytest.raises(MailDelayed, match=r"didn't answer within 0\.2 seconds"):
        await mailer(port, seconds=0.2).send(MAIL)
    await asyncio.sleep(0.5)  # the server wakes up, and closes its end


async def test_server_that_says_nothing_at_all_is_a_delay() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    closed = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MailDelayed, match="didn't answer"):
            await mailer(port, seconds=0.2).send(MAIL)
        await asyncio.wait_for(closed.wait(), 5)
        await asyncio.sleep(0)


async def test_nobody_there_is_a_delay_that_names_the_server() -> None:
    with pytest.raises(MailDelayed, match=r"the mail server 127\.0\.0\.1:1: "):
        await mailer(1).send(MAIL)


async def test_nothing_is_sent_where_the_server_refuses_starttls(inbox: Inbox, port: int) -> None:
    with pytest.raises(MailDelayed, match="STARTTLS"):
        await mailer(port, "starttls").send(MAIL)
    assert inbox.mails == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return key, cert


async def test_starttls_with_a_certificate_that_is_trusted(inbox: Inbox, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with served(inbox, tls_context=context, require_starttls=True) as port:
        with pytest.raises(MailDelayed, match=r"(?i)certificate"):
            await mailer(port, "starttls").send(MAIL)
        assert inbox.mails == []
        trusted = ssl.create_default_context(cafile=str(cert))
        assert await mailer(port, "starttls", trusted=trusted).send(MAIL) == {}
    assert len(inbox.mails) == 1


async def test_password_comes_from_its_file_and_a_wrong_one_is_named(inbox: Inbox, tmp_path: Path) -> None:
    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    password = tmp_path / "password"
    password.write_text("wrong\n")
    given: dict[str, Any] = {"user": "instep", "password_file": password}
    with served(inbox, authenticator=knows, auth_require_tls=False) as port:
        with pytest.raises(MailDelayed, match="INSTEP_SMTP_USER") as wrong:
            await mailer(port, **given).send(MAIL)
        assert "wrong" not in str(wrong.value)
        password.write_text("right\n")
        assert await mailer(port, **given).send(MAIL) == {}
        password.unlink()
        with pytest.raises(MailDelayed, match="password"):
            await mailer(port, **given).send(MAIL)


async def test_password_is_not_told_by_a_server_that_repeats_it(inbox: Inbox, tmp_path: Path) -> None:
    """As it is, as it travels, and where the words are cut."""
    secret = 'pa55/w+rd"of=ours'
    sent = [base64.b64encode(text).decode() for text in (secret.encode(), f"\0instep\0{secret}".encode())]

    def tells(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=False, handled=False, message=f"535 {secret} {' '.join(sent)} {'x' * 400} {secret}")

    password = tmp_path / "password"
    password.write_text(f"{secret}\n")
    with (
        served(inbox, authenticator=tells, auth_require_tls=False) as port,
        pytest.raises(MailDelayed, match=r"\(password\) \(password\) \(password\)") as wrong,
    ):
        await mailer(port, user="instep", password_file=password).send(MAIL)
    assert [each for each in ("pa55", sent[0][:6], sent[1][:12]) if each in str(wrong.value)] == []


async def test_nothing_of_a_mail_becomes_a_header_of_its_own(inbox: Inbox, port: int) -> None:
    hostile = replace(
        MAIL,
        subject="held\r\nBcc: x@evil.example\n\nbody\u202e",
        addresses=("it@firm.example", "a@b.example\r\nBcc: x@evil.example", "a@b.example, x@evil.example", "<x@y>", ""),
    )
    refused = await mailer(port).send(hostile)
    assert set(refused) == set(hostile.addresses[1:])
    [sent] = inbox.messages
    assert sent["Bcc"] is None
    assert sent["Subject"] == "held  Bcc: x@evil.example  body\\u202e"
    assert inbox.mails[0].rcpt_tos == ["it@firm.example"]


async def test_mail_without_a_usable_address_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(MailRefused, match="isn't a mail address"):
        await mailer(1).send(replace(MAIL, addresses=("nobody",)))


def test_plain_connections_go_nowhere_but_to_this_machine() -> None:
    with pytest.raises(ValueError, match="INSTEP_SMTP_TLS=none"):
        SmtpMailer(SmtpServer("mail.firm.example", 25, "none"))
    SmtpMailer(SmtpServer("localhost", 25, "none", sender="a@b.example"))
    with pytest.raises(ValueError, match="INSTEP_SMTP_FROM"):
        SmtpMailer(SmtpServer("localhost", 25, "none", sender="a b"))


@pytest.mark.parametrize("text", ["a@b.example", "o'neil+it@b.example", "a.b@127-0-0-1.example"])
def test_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b", "a@b\n", "A <a@b>", "a@b,c@d", "a b@c", 'x"@b', "a@b\u202e", "jörg@b.example", "a..b@c"],
)
def test_no_addresses(text: str) -> None:
    assert not is_address(text)


def test_lines_of_a_long_body_stay_within_what_smtp_takes() -> None:
    wide = trial("a@b.example", "ä" * 5000, "x" * 5000, AT)
    assert max(map(len, message(wide, ["a@b.example"], "i@b.example").as_bytes().splitlines())) <= 998
