"""Accidents that would take access away from many, with the service running and a real mail server.

Nothing is disabled before somebody approves it; one mail names the people; `reject` leaves all as it was.
"""

import csv
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from tests.acceptance.content import content
from tests.acceptance.servers import Instep, OurApp, our_app

PEOPLE = 12


def everybody() -> list[str]:
    return [f"person{i}@example.com" for i in range(PEOPLE)]


class Mailbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class Story:
    """An organisation that is in step, with the service running."""

    def __init__(self, folder: Path, app: OurApp, mailbox: Mailbox, port: int) -> None:
        self.app, self.mailbox = app, mailbox
        settings = {"INSTEP_SMTP_HOST": "127.0.0.1", "INSTEP_SMTP_PORT": str(port), "INSTEP_SMTP_TLS": "none"}
        self.instep = Instep(folder / "instep", {**settings, "INSTEP_LISTEN": "off"})
        self.users = folder / "users.csv"
        token = folder / "token"
        token.write_text(app.token)
        self.source(PEOPLE)
        self.instep("group", "add", "Everybody")
        self.instep("group", "add-member", "Everybody", *everybody())
        self.instep("app", "add", "scim", "--url", app.url, "--token-file", str(token), "--scope", "assigned")
        self.instep("app", "set", "scim", "--notify", "it@example.com")
        self.instep("assign", "scim", "--group", "Everybody")
        self.instep("start", "scim")

    def source(self, number: int) -> None:
        """The directory's source has so many people now."""
        with self.users.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "userPrincipalName", "displayName", "accountEnabled", "department"])
            rows.writerows([f"p{i}", f"person{i}@example.com", f"Person {i}", "True", "Sales"] for i in range(number))
        self.instep("directory", "import", str(self.users))

    def active(self) -> set[str]:
        users, _ = content(self.app.url, self.app.token)
        return {u["userName"] for u in users if u.get("active", True) is not False}

    def waiting(self) -> int:
        return sum(hold["verdict"] == "waiting" for hold in self.instep.json("status", "scim")["held"])

    def until(self, holds: Callable[[], Any], seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.instep("status", "scim").stdout
            time.sleep(0.3)


@contextmanager
def story(folder: Path) -> Iterator[Story]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with our_app(folder / "app") as app:
            told = Story(folder, app, mailbox, port)
            service = told.instep.start("serve")
            try:
                told.until(lambda: len(told.active()) == PEOPLE)
                yield told
            finally:
                service.terminate()
                assert service.wait(timeout=12) == 0
    finally:
        controller.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_emptied_group_waits_for_approval_and_a_rejection_leaves_all_as_it_was(tmp_path: Path) -> None:
    with story(tmp_path) as told:
        told.instep("group", "remove-member", "Everybody", *everybody())
        told.until(lambda: told.waiting() >= PEOPLE)
        told.until(lambda: told.mailbox.mails)
        assert len(told.active()) == PEOPLE
        [mail] = told.mailbox.mails
        assert mail["To"] == "it@example.com"
        body = mail.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert "instep approve scim" in text
        # Creates and updates go on.
        told.instep("directory", "add", "new@example.com", "displayName=New")
        told.instep("assign", "scim", "--user", "new@example.com")
        told.until(lambda: "new@example.com" in told.active())
        told.instep("reject", "scim", "--yes")
        time.sleep(2)
        assert len(told.active()) == PEOPLE + 1
        assert told.waiting() == 0
        # What arises later needs a word of its own.
        told.instep("unassign", "scim", "--user", "new@example.com")
        told.until(lambda: "new@example.com" not in told.active() or told.waiting() == 1)
        assert len(told.active()) >= PEOPLE


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_filter_with_a_typo_disables_nobody_until_it_is_approved(tmp_path: Path) -> None:
    with story(tmp_path) as told:
        document = tmp_path / "scim.yaml"
        told.instep("export", "scim", "-o", str(document))
        text = document.read_text()
        assert "users:" in text
        filters = '    filters: [{name: Staff, clauses: [{attribute: department, operator: EQUALS, value: "Slaes"}]}]\n'
        document.write_text(text.replace("  users:\n", "  users:\n" + filters))
        told.instep("apply", "-f", str(document), "--yes")
        told.until(lambda: told.waiting() >= PEOPLE)
        told.until(lambda: told.mailbox.mails)
        time.sleep(1)
        assert len(told.active()) == PEOPLE
        assert len(told.mailbox.mails) == 1
        text = str(told.mailbox.mails[0].get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert all(who in text for who in everybody())
        told.instep("approve", "scim", "--yes")
        told.until(lambda: not told.active())
