"""`instep notices`: what was told and what waits; mails through a real SMTP server."""

from collections.abc import Iterator

import pytest
from tests.cli.command_line import CommandLine
from tests.mailing.test_smtp import Inbox, served


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server that the settings name."""
    inbox = Inbox()
    with served(inbox) as port:
        monkeypatch.setenv("INSTEP_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("INSTEP_SMTP_PORT", str(port))
        monkeypatch.setenv("INSTEP_SMTP_TLS", "none")
        monkeypatch.setenv("INSTEP_SMTP_FROM", "instep@firm.example")
        yield inbox


@pytest.fixture
def held(scim: CommandLine, request: pytest.FixtureRequest) -> CommandLine:
    """Six people are held; named after the test."""
    keys = scim.hire(request.node.name.replace("test_", "")[:12], 6)
    scim.notify("it@firm.example")
    scim.run("sync", "scim")
    scim.company(delete=keys)
    assert scim.run("sync", "scim").exit_code == 4
    return scim


def test_test_mail_arrives(line: CommandLine, inbox: Inbox) -> None:
    result = line.run("notices", "test", "it@firm.example")
    assert result.exit_code == 0, result.stderr
    [mail] = inbox.messages
    assert (mail["To"], mail["Subject"]) == ("it@firm.example", "Instep can send mails")


def test_test_mail_that_is_refused_says_why(line: CommandLine, inbox: Inbox) -> None:
    inbox.refused = {"it@firm.example": "550 5.1.1 nobody of that name"}
    result = line.run("notices", "test", "it@firm.example")
    assert (result.exit_code, "nobody of that name" in result.stderr) == (3, True)
    assert line.run("notices", "test", "nobody").exit_code == 2


def test_settings_that_cannot_be_used_are_named(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "INSTEP_SMTP_HOST" in line.run("notices", "test", "it@firm.example").stderr
    monkeypatch.setenv("INSTEP_SMTP_HOST", "mail.firm.example")
    monkeypatch.setenv("INSTEP_SMTP_TLS", "none")
    assert "INSTEP_SMTP_TLS=none is only for" in line.run("notices", "test", "it@firm.example").stderr
    monkeypatch.setenv("INSTEP_SMTP_TLS", "maybe")
    assert "must be starttls, tls or none" in line.run("notices", "list").stderr


def test_held_people_are_told_by_one_mail(held: CommandLine, inbox: Inbox) -> None:
    assert "1 mail sent" in held.run("notices", "send").stdout
    assert "0 mails sent" in held.run("notices", "send").stdout
    [mail] = inbox.messages
    body = mail.get_body(("plain",))
    assert body is not None
    assert "held_people_00@contoso.example" in body.get_content()
    [told] = held.json("notices", "list", "--app", "scim")
    assert (told["kind"], told["sent"] is not None, told["error"]) == ("held", True, None)
    assert "sent to it@firm.example" in held.run("notices", "list").stdout


def test_without_a_mail_server_notices_are_kept_and_shown(held: CommandLine) -> None:
    [told] = held.json("notices", "list")
    assert (told["tries"], told["sent"]) == (0, None)
    assert "mail isn't set up" in held.run("notices", "list").stdout
    text = held.run("notices", "show", str(told["id"])).stdout
    assert "instep approve scim" in text
    assert held.run("notices", "show", "999").exit_code == 2
    assert held.run("notices", "send").exit_code == 2


def test_mail_that_cannot_be_sent_is_told_with_the_reason(held: CommandLine, inbox: Inbox) -> None:
    inbox.data_answers = ["451 full"]
    result = held.run("notices", "send")
    assert (result.exit_code, "451" in result.stderr) == (3, True)
    assert "1 notice couldn't be sent" in held.run("status", "scim").stdout
    [unsent] = held.json("status", "scim")["unsentNotices"]
    assert "451" in unsent["error"]


def test_there_are_none_at_first(line: CommandLine) -> None:
    assert "There are no notices." in line.run("notices", "list").stdout
