"""The demo as a newcomer runs it: it tells its story, notices when it isn't true, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def environment(folder: Path) -> dict[str, str]:
    """That of somebody at a dumb terminal; what the demo starts can be told by where it has its temporary files."""
    return {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"}


def demo(folder: Path, *arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The demo run to its end."""
    command = [sys.executable, str(root / "script" / "demo.py"), *arguments]
    return subprocess.run(
        command, env=environment(folder), capture_output=True, encoding="utf-8", timeout=300, check=False
    )


def still_running(folder: Path) -> list[str]:
    """Command lines of processes that have that folder in their environment, other than this one."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has just ended, or isn't ours
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_demo_ends_as_expected_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "All as expected" in done.stdout
    assert "山本 さくら" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("$")) <= 100
    assert "\x1b" not in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert still_running(tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_demo_at_size_finds_everybody_and_changes_nobody_else(tmp_path: Path) -> None:
    done = demo(tmp_path, "--users", "120")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Read back from the app: 121 members, 10 teams, 480 places in teams." in done.stdout
    assert "exactly these 4" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_kept_can_be_gone_on_with(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = demo(tmp_path, "--users", "40", "--keep", str(kept))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "instep org serve" in (kept / "README.txt").read_text()
    on = subprocess.run(
        ["/bin/sh", "-c", ". ./shell && instep status mixpanel"], cwd=kept, capture_output=True, text=True, check=False
    )
    assert on.returncode == 0, on.stderr
    assert "The directory hasn't changed since the last cycle" in on.stdout
    assert demo(tmp_path, "--keep", str(kept)).returncode == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_demo_notices_that_somebody_else_failed(tmp_path: Path) -> None:
    """The company's guest has moved into the claimed domain, so the app takes her."""
    root = tmp_path / "checkout"
    for folder in ("script", "demo"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / ".venv").symlink_to(ROOT / ".venv")
    for users in (root / "demo").glob("*/users.csv"):
        text = users.read_text(encoding="utf-8-sig")
        users.write_text(text.replace("_atelier-rossi.example#EXT#@nordlys-tenant.example", "@nordlys.example"))
    done = demo(tmp_path, root=root)
    assert done.returncode == 1
    assert "Not as expected: Exactly " in done.stdout
    assert "These did: tomas.obriain@nordlys.example." in done.stdout
    assert still_running(tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_interrupted_demo_stops_its_servers(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "script" / "demo.py")]
    with subprocess.Popen(
        command,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        # Where the tests run in the background, they ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "instep directory import" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Nothing is left running" in rest
    deadline = time.monotonic() + 10  # the fork server ends when it notices that it's alone
    while still_running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert still_running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
