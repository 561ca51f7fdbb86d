"""Prepares `.venv` from `uv.lock`: the half of `script/setup` that runs once a Python is found.

uv does the installing: the one on PATH, else one that is fetched into `.tools/` (`uv_wheel.py`). A stamp in
`.venv` says what it was made from, so that a second run has nothing to do; a lock file lets concurrent runs
wait for each other. Only the standard library is used, since there is nothing else yet.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import uv_wheel

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMP = VENV / "made-from"
OLDEST_UV = (0, 8)  # the oldest that was seen to read this lock


class SetupError(Exception):
    """What went wrong and what to do about it, for the person at the terminal."""


def main(arguments: list[str]) -> int:
    """Make `.venv` match `uv.lock`. Returns the exit code: 0 when it does, 1 with a message on stderr when not."""
    parser = argparse.ArgumentParser(prog="script/setup", description="Prepare .venv exactly as uv.lock says.")
    parser.add_argument("--quiet", action="store_true", help="say nothing when there is nothing to do")
    parser.add_argument("--only-ask", action="store_true", help="change nothing; exit 1 if there is something to do")
    options = parser.parse_args(arguments)
    if is_current():
        if not options.quiet:
            say("Nothing to do: .venv is what uv.lock says.")
        return 0
    if options.only_ask:
        return 1
    try:
        with alone():
            if not is_current():  # else the run that we waited for has done it
                prepare()
    except (SetupError, OSError) as problem:
        print(f"script/setup: {problem}", file=sys.stderr)
        return 1
    return 0


def say(line: str) -> None:
    """One calm line on standard output, at once."""
    print(line, flush=True)


def made_from() -> str:
    """What an environment depends on, as one line: where it is (its scripts hold absolute paths) and a hash."""
    digest = hashlib.sha256()
    for name in ("uv.lock", "pyproject.toml", "script/setup.py"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {ROOT}\n"


def is_current() -> bool:
    """Whether `.venv` was finished from the files as they are now, in this place, and its Python runs."""
    try:
        return STAMP.read_text() == made_from() and runs()
    except FileNotFoundError:
        return False


def runs() -> bool:
    """Whether `.venv` has a Python of 3.11 or newer that starts; a system's upgrade may have taken it away."""
    own = VENV / "bin" / "python"
    if Path(sys.executable) == own:
        return True
    recent = [own, "-I", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return own.exists() and subprocess.run(recent, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold this checkout's set-up lock; a second run waits here for the first."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this checkout: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare() -> None:
    """Bring `.venv` up to date and stamp it. Raises `SetupError`."""
    uv = find_uv()
    python = usable_python()
    STAMP.unlink(missing_ok=True)  # from here on until it is finished, .venv is nothing to rely on
    say("Installing what uv.lock names into .venv (the first time it may take a minute).")
    for command in install_commands(python):
        if subprocess.run([uv, *command], cwd=ROOT, env=environment(), check=False).returncode != 0:
            raise SetupError(
                "uv could not install what uv.lock names; its reason stands above.\n"
                "Behind a proxy set HTTPS_PROXY, for an index of your own UV_DEFAULT_INDEX or PIP_INDEX_URL, for its "
                "certificate SSL_CERT_FILE.\nThen run ./script/setup again: it goes on where it stopped."
            )
    unfinished = STAMP.with_suffix(".new")
    unfinished.write_text(made_from())
    unfinished.replace(STAMP)
    say("Done. Everything is in .venv; nothing else on this machine was changed.")


def find_uv() -> str:
    """The path of a uv to use: the one on PATH, else our own, fetched if need be. Raises `SetupError`."""
    on_path = shutil.which("uv")
    if on_path:
        # What is found may be a version manager's shim with nothing behind it, so it has to answer.
        answer = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"uv (\d+)\.(\d+)", answer.stdout)
        if answer.returncode == 0 and version and (int(version[1]), int(version[2])) >= OLDEST_UV:
            say(f"Using {answer.stdout.split(' (')[0].strip()} from PATH.")
            return on_path
    try:
        return str(uv_wheel.fetch(TOOLS, say))
    except uv_wheel.FetchError as problem:
        raise SetupError(str(problem)) from problem


def usable_python() -> Path:
    """The Python that `.venv` shall have: the one it has, if that still runs where it stands, else ours."""
    moved = STAMP.exists() and not STAMP.read_text().endswith(f" {ROOT}\n")
    if runs() and not moved:
        return VENV / "bin" / "python"
    if VENV.exists():
        say("The .venv that is here doesn't work where it stands: making it anew.")
        shutil.rmtree(VENV)
    return Path(sys.executable)


def install_commands(python: Path) -> list[list[str]]:
    """uv's arguments, a list per call, that fill `.venv` from the lock.

    A lock carries the address of each file, so `uv sync` goes to the public index even if another one is
    configured. With an index of one's own the lock is therefore written out as names and hashes first.
    """
    everything = ["--frozen", "--quiet", "--all-extras", "--group", "dev", "--python", str(python)]
    if not uv_wheel.own_index():
        return [["sync", *everything]]
    into = ["--quiet", "--python", str(VENV / "bin" / "python")]
    names = str(TOOLS / "requirements.txt")
    new = [] if python.is_relative_to(VENV) else [["venv", "--quiet", "--python", str(python), str(VENV)]]
    return [
        *new,
        ["export", *everything, "--no-emit-project", "--output-file", names],
        ["pip", "sync", *into, "--require-hashes", names],
        ["pip", "install", *into, "--no-deps", "--editable", str(ROOT)],
    ]


def environment() -> dict[str, str]:
    """The user's environment, with what pip's variables and Python's certificates say told to uv as well."""
    env = dict(os.environ)
    env.pop("VIRTUAL_ENV", None)
    env |= {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    if index := uv_wheel.own_index():
        env["UV_DEFAULT_INDEX"] = index
    if "PIP_CERT" in env:
        env.setdefault("SSL_CERT_FILE", env["PIP_CERT"])
    # uv brings certificates of its own; a company's are the system's, which Python and git already trust.
    system = ssl.get_default_verify_paths()
    has_some = system.cafile or (system.capath and any(Path(system.capath).iterdir()))
    if has_some and not {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"} & env.keys():
        env |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the second is an older uv's word for it
    return env


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nscript/setup: stopped; run it again to go on.")
