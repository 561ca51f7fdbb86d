"""The sessions that the documentation shows, typed into a shell from the first to the last command."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.docs.sessions import ROOT, Command, commands, missing

MARK = "<end of a command>"
# Pages that go on where another ends share its shell.
SESSIONS = (("docs/tutorial.md", "docs/how-to/read-the-log.md", "docs/how-to/make-a-report.md"),)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def played(session: list[Command], folder: Path) -> list[tuple[Command, list[str], int]]:
    """Each command with the lines that it printed and its exit code, all typed into one shell."""
    script = "".join(f"{each.text}\ncode=$?; printf '\\n{MARK} %d\\n' $code; (exit $code)\n" for each in session)
    # Compiled modules are kept for the session: it starts Python forty times.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment = {**os.environ, **compiled, "COLUMNS": "100", "NO_COLOR": "1", "HOME": str(folder)}
    with subprocess.Popen(
        ["/bin/bash", "-c", f"exec 2>&1\n{script}"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as shell:
        try:
            printed, _ = shell.communicate(timeout=280)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)  # servers that the session has left running
    parts = printed.split(f"\n{MARK} ")
    outputs = [parts[0].splitlines(), *(part.splitlines()[1:] for part in parts[1:])]
    codes = [int(part.splitlines()[0]) for part in parts[1:]]
    return list(zip(session, outputs, codes, strict=False))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pages", SESSIONS)
def test_session_prints_what_the_pages_show(pages: tuple[str, ...], tmp_path: Path) -> None:
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in pages)
    text = text.replace("/tmp/acme", str(tmp_path / "acme"))
    for port in ("8480", "5353"):
        text = text.replace(port, str(free_port()))
    session = commands(text)
    results = played(session, tmp_path)
    assert len(results) == len(session)
    for number, (command, printed, code) in enumerate(results):
        lines = "\n".join(printed)
        absent = missing(command.shown, printed)
        assert absent is None, f"`{command.text}` was to print {absent!r}, and printed:\n{lines}"
        asked = number + 1 < len(session) and session[number + 1].text == "echo $?"
        assert code == 0 or asked, f"`{command.text}` ended with {code}:\n{lines}"
