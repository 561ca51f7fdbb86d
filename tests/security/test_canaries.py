"""Secrets and redacted values are in no byte that Instep writes, but where they belong.

They're planted everywhere: tokens, a client's secret, the access token that is given for it, the mail server's
password, the key; and values of people that a rule redacts. Then every command there is runs against good apps and bad
ones, and everything that was written is searched: what was printed, logs, databases, mails, exports, crashes, the
process list.
INSTEP_CANARY_SEED plants other values; INSTEP_CANARY_EVERYTHING=1 asks everything of every app, which takes longer.
"""

import asyncio
import base64
import email
import functools
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from tests.mailing.test_smtp import Inbox
from tests.mailing.test_smtp import served as smtp_served
from tests.security.bad_apps import BadApps
from tests.security.bad_apps import served as bad_apps_served
from tests.security.canaries import Search, files, made
from tests.security.play import PEOPLE, SEED, Play
from tests.security.stage import Stage, options_of

from instep.wiring import SystemClock


@dataclass
class Played:
    """What is left when the curtain has fallen."""

    stage: Stage
    inbox: Inbox
    bad: BadApps
    secrets: dict[str, str | bytes]
    personal: dict[str, str]
    heard_passwords: list[str]

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Everything that was written by anybody, by place."""
        yield from self.stage.written.items()
        for path, content in files([self.stage.data, self.stage.outside, self.stage.made]):
            yield str(path.relative_to(self.stage.folder)), content
        for number, envelope in enumerate(self.inbox.mails):
            assert isinstance(envelope.content, bytes)
            message = email.message_from_bytes(envelope.content, policy=default)
            parts = b" ".join(part.get_payload(decode=True) or b"" for part in message.walk())  # type: ignore[misc]
            yield f"mail {number}", envelope.content + parts + str(message["Subject"]).encode()


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The whole play."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    for folder in (stage.data, stage.outside, stage.given, stage.made):
        folder.mkdir()
    secrets: dict[str, str | bytes] = {
        name: made(name, SEED) for name in ("bearer token", "client secret", "access token", "password", "wrong token")
    }
    personal = {
        f"{attribute} of {who}": made(f"{attribute} {who}", SEED) for who in PEOPLE for attribute in ("id", "nick")
    }
    personal["what others wrote"] = made("drift", SEED)
    inbox, passwords = Inbox(), []

    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = data.password.decode()
        passwords.append(given)
        right = given == secrets["password"]
        said = f"535 {given} {base64.b64encode(data.password).decode()} {'x' * 480} {given}"
        return AuthResult(success=right, handled=False, message=None if right else said)

    with ExitStack() as open_parts:
        patched = open_parts.enter_context(pytest.MonkeyPatch.context())
        # Neither pauses nor reading the machine's certificates for each command tells anything here.
        patched.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        patched.setattr(SystemClock, "sleep", lambda self, seconds: asyncio.sleep(min(seconds, 0.01)))
        bad = open_parts.enter_context(
            bad_apps_served(stage.given, str(secrets["client secret"]), str(secrets["access token"]))
        )
        mail = open_parts.enter_context(smtp_served(inbox, authenticator=knows, auth_require_tls=False))
        play = Play(stage, bad, mail, secrets, personal)
        play.app_side(open_parts)
        play.directory()
        play.apps()
        play.cycles()
        play.service()
        play.crashes()
        play.the_end()
    return Played(stage, inbox, bad, secrets, personal, passwords)


# ------------------------------------------------------------------------------------------ what belongs where

BELONGS = {
    "the key": {"instep/secrets.key": "it's the key's own file"},
    "the test app's token": {"org token Acme --data …/app": "shown once, to whoever makes it"},
    "bearer token": {"/proc cmdline: hostile-app": "made up for a test app, by whoever starts it; no app's secret"},
}
"""Where a secret may be, by the beginning of the place, and why. Nowhere else."""

PERSONAL = {
    "directory ": "the directory's own commands show the directory",
    "instep/directory.sqlite": "it's the directory",
    "made/people.jsonl": "an export of the directory",
    "app/app.sqlite": "the app has what it's to have",
    "app/journal.jsonl": "what the test app was sent",
}
"""Where a redacted value may be, besides the columns below."""

COLUMNS = {
    ("links", "sent"): "what was sent, to compare with; shown masked",
    ("links", "returned"): "what the app gave back, likewise",
    ("intents", "decision"): "what is about to be sent, for after a crash",
    ("spool", "decision"): "what is about to be sent",
}
"""Columns of state.sqlite that a redacted value may be in."""


def misplaced(played: Played, values: dict[str, Any], belongs: dict[str, dict[str, str]]) -> list[str]:
    search = Search(values)
    return [
        f"{name} is in {place}"
        for place, content in played.everything()
        for name in sorted(search.found(content))
        if not any(place.startswith(known) for known in belongs.get(name, {}))
    ]


def test_every_command_was_run_with_canaries_about(played: Played) -> None:
    assert set(played.stage.commands) - played.stage.ran == set(), "a new command needs its place in the play"


def test_canaries_were_where_they_had_to_be(played: Played) -> None:
    """The control: had they leaked, they would have been found."""
    heard = Search(played.secrets).found("\n".join([*played.bad.heard, *played.heard_passwords]).encode())
    assert heard == {"bearer token", "client secret", "access token", "password", "the old password", "wrong token"}
    [held] = [content for place, content in played.everything() if place == "app/app.sqlite"]
    assert {"nick of ann", "id of bob", "id of cem", "what others wrote"} <= Search(dict(played.personal)).found(held)
    printed = b"".join(played.stage.written.values())
    assert printed.count(b"(token)") > 20
    assert printed.count(b"[Redact]") > 20
    assert len(played.inbox.mails) >= 3


def test_no_secret_is_in_any_byte_that_was_written(played: Played) -> None:
    assert misplaced(played, played.secrets, BELONGS) == []


def test_every_exception_is_needed(played: Played) -> None:
    found = {(name, place) for place, content in played.everything() for name in Search(played.secrets).found(content)}
    for name, places in BELONGS.items():
        for known in places:
            assert any(place.startswith(known) for held, place in found if held == name), f"{name}, {known}"


def test_redacted_values_are_only_where_they_belong(played: Played) -> None:
    belongs = {name: {**PERSONAL, "instep/state.sqlite": "see the next test"} for name in played.personal}
    assert misplaced(played, dict(played.personal), belongs) == []


def test_redacted_values_are_in_no_column_but_those_that_need_them(played: Played) -> None:
    search, found = Search(dict(played.personal)), set()
    with sqlite3.connect(played.stage.data / "state.sqlite") as state:
        state.text_factory = bytes
        for (table,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = state.execute(f"SELECT * FROM {table.decode()}")
            names = [column[0] for column in rows.description]
            for row in rows:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, bytes) and search.found(value):
                        found.add((table.decode(), name))
    state.close()
    assert found - set(COLUMNS) == set()
    assert ("links", "sent") in found


def test_no_option_takes_a_secret_as_its_value(played: Played) -> None:
    """It would stand in the process list and the shell's history. `--token` takes `-` alone, which the play tried."""
    words = ("token", "secret", "password", "key", "credential")
    harmless = {"--token-file", "--token-env", "--token-expires", "--oauth-token-url"}
    taken = {
        (" ".join(path), name)
        for path in played.stage.commands
        for name in options_of(path)
        if any(word in name for word in words) and name not in harmless
    }
    only_dash = {("app add", "--token"), ("app set", "--token"), ("check", "--token")}
    assert taken == only_dash | {("hostile-app", "--token")}
