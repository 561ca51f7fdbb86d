"""The commands in a real terminal: a bar that goes away, questions that are asked, tokens that aren't shown."""

import os
import pty
import subprocess
import sys
import time

import pytest
from tests.cli.command_line import CommandLine
from tests.conformance.independent_app import IndependentApp

pytestmark = pytest.mark.slow


def in_terminal(line: CommandLine, *arguments: str, typed: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command in a terminal; exit code and all that was shown. typed: what to answer to which words."""
    terminal, inside = pty.openpty()
    command = [sys.executable, "-c", "from instep.cli.main import main; main()", *arguments]
    environment = os.environ | {"INSTEP_DATA": str(line.data), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, env=environment, stdin=inside, stdout=inside, stderr=inside, close_fds=True)
    os.close(inside)
    shown, waiting = "", dict(typed or {})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side has been closed
            break
        if not part:
            break
        shown += part.decode(errors="replace")
        for words in [words for words in waiting if words in shown]:
            os.write(terminal, f"{waiting.pop(words)}\n".encode())
    os.close(terminal)
    return process.wait(timeout=10), shown


def test_bar_shows_how_far_a_cycle_is(scim: CommandLine) -> None:
    scim.hire("bar", 40)
    code, shown = in_terminal(scim, "sync", "scim")
    assert code == 0
    assert "applying" in shown
    assert "of 40" in shown
    assert "created 40" in shown
    # The cursor is given back.
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")


def test_approval_is_asked_for_and_no_is_no(scim: CommandLine) -> None:
    keys = scim.hire("asked", 4)
    scim.run("sync", "scim")
    scim.company(delete=keys[:2])
    scim.run("sync", "scim")
    code, _ = in_terminal(scim, "approve", "scim", typed={"Let all of this pass?": "n"})
    assert code == 2
    assert scim.json("sync", "scim")["waiting"] == 2
    code, shown = in_terminal(scim, "approve", "scim", typed={"Let all of this pass?": "y"})
    assert code == 0
    assert "2 decisions approved" in shown
    assert scim.json("sync", "scim")["counts"] == {"disable": 2}


def test_token_is_asked_for_and_not_shown(line: CommandLine, server: IndependentApp) -> None:
    code, shown = in_terminal(line, "app", "add", "scim", "--url", server.url, typed={"Secret token": "hush-hush"})
    assert code == 0
    assert "hush-hush" not in shown
    assert line.run("app", "test", "scim").exit_code == 0
