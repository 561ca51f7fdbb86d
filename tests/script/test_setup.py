"""`script/setup` on a machine that has little: a Python without pip and ensurepip, and no uv.

The checkout is a copy, so that the one being worked on stays as it is. The slow test needs the package index.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from script import uv_wheel

ROOT = Path(__file__).parent.parent.parent
SYSTEM_PATH = "/usr/bin:/bin"
# Where a machine reaches its index only through these, so does the test.
PASSED_ON = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
)
INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What setting up reads of this checkout, in a folder whose name has a space in it."""
    copy = tmp_path / "a check out"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "script", copy / "script", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


def setup(checkout: Path, path: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `script/setup` with next to nothing in its environment."""
    environment = {name: os.environ[name] for name in (*PASSED_ON, *INDEXES) if name in os.environ}
    cache = os.environ.get("UV_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "uv"
    environment |= {"PATH": path, "HOME": str(home), "UV_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [checkout / "script" / "setup", *arguments],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """The folder of a `python3` that has neither pip nor ensurepip nor venv, as on a plain Debian."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    site = next(bare.glob("lib/python3*/site-packages"))
    (site / "hidden.pth").write_text("import hidden\n")  # Debian has a sitecustomize of its own
    (site / "hidden.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('pip', 'ensurepip', 'venv'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    for module in ("pip", "ensurepip", "venv"):
        run = subprocess.run([bare / "bin" / "python3", "-m", module, "--help"], capture_output=True, check=False)
        assert run.returncode != 0
    return bare / "bin"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_set_ups_at_once_succeed_with_neither_pip_nor_uv(checkout: Path, bare_python: Path, tmp_path: Path) -> None:
    if shutil.which("uv", path=SYSTEM_PATH):
        pytest.skip("the system itself has a uv, so that a machine without one can't be played")
    index = (uv_wheel.own_index() or uv_wheel.PUBLIC_INDEX).rstrip("/") + "/uv/"
    try:
        uv_wheel.read(index, index)
    except uv_wheel.FetchError:
        pytest.skip("the package index can't be reached from here")

    path = f"{bare_python}:{SYSTEM_PATH}"
    both = [setup(checkout, path, tmp_path) for _ in range(2)]
    said = [each.communicate()[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert sum("from the package index into .tools" in text for text in said) == 1
    assert sum("Done." in text for text in said) == 1

    assert (checkout / ".venv" / "bin" / "instep").exists()
    tools = "import instep, scim2_server, pytest, ruff; print(instep.__file__)"
    where = subprocess.check_output([checkout / ".venv" / "bin" / "python", "-I", "-c", tools], text=True)
    assert where.strip() == str(checkout / "src" / "instep" / "__init__.py")

    again = setup(checkout, SYSTEM_PATH, tmp_path)
    assert again.communicate()[0] == "Nothing to do: .venv is what uv.lock says.\n"
    quiet = setup(checkout, SYSTEM_PATH, tmp_path, "--quiet")
    assert quiet.communicate()[0] == ""

    # The system's Python was upgraded, and the one that .venv was made from is gone.
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    assert "making it anew" in setup(checkout, path, tmp_path).communicate()[0]

    # An environment that was moved has the old place in its scripts: it is made anew.
    moved = checkout.rename(tmp_path / "moved")
    assert "making it anew" in setup(moved, path, tmp_path).communicate()[0]
    subprocess.run([moved / ".venv" / "bin" / "pytest", "--version"], check=True, capture_output=True)


def test_an_old_python_is_named_with_the_way_out(checkout: Path, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "dirname").symlink_to(shutil.which("dirname") or "")
    (commands / "python3").write_text('#!/bin/sh\ncase "$2" in *exit*) exit 1;; *) echo 3.9;; esac\n')
    (commands / "python3").chmod(0o755)
    run = setup(checkout, str(commands), tmp_path)
    text = run.communicate()[0]
    assert run.returncode == 1
    assert "no Python 3.11 or newer on PATH. python3 is 3.9." in text
    assert "apt install python3" in text


def test_an_index_that_is_down_is_named_with_the_way_out(
    checkout: Path, bare_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in INDEXES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    run = setup(checkout, str(bare_python) + ":" + SYSTEM_PATH, tmp_path)
    text = run.communicate()[0]
    assert run.returncode == 1
    assert "could not fetch uv from http://127.0.0.1:9/simple/uv/: [Errno" in text
    assert "HTTPS_PROXY" in text
    assert "secret" not in text
    assert "Traceback" not in text
    assert not (checkout / ".venv").exists()
