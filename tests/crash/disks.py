"""What becomes of a cycle whose disk is full, whose database somebody else keeps locked, or has a damaged page.

It must end with a message that names the file and the way out, and not with a traceback; and when the disk is in order
again the next one must go on as if nothing had been.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.crash.running_app import RunningApp
from tests.crash.stage import Stage

from instep.stores import database as databases

ROOM = 16 * 1024
"""Bytes by which the free room grows from one point to the next."""
DISK = 16 * 1024 * 1024
"""Bytes of the small disk."""
PATIENCE = 0.3
"""Seconds for which a locked database is waited for here, so that nobody waits half a minute for each point."""
PAGE = 4096


@dataclass
class Trouble:
    """A cycle whose disk wasn't in order, and what became of it."""

    kind: str
    at: int
    met: bool = True
    """False when the cycle didn't meet the trouble and ended well."""
    requests: int = 0
    """Sent before it ended."""
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)


APART = "INSTEP_CRASH_APART"
"""Set in a process that may mount file systems which nobody else sees."""


def set_apart() -> None:
    """Go on in a process of that kind, which needs no root; does nothing where that isn't permitted."""
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    if is_apart() or shutil.which("unshare") is None:
        return
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.execvpe("unshare", [*apart, sys.executable, *sys.argv], {**os.environ, APART: "1"})


def is_apart() -> bool:
    """Whether this process is one."""
    return APART in os.environ


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of its own, mounted there."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def full_disks(stage: Stage, disk: Path, every: int) -> Iterator[Trouble]:
    """A disk with more and more room, until there's enough of it."""
    for at in count(0, every):
        place = disk / "instep"
        with stage.copied(place) as (data, app):
            filler = disk / "filler"
            _fill(filler, at * ROOM)
            trouble = Trouble("full disk", at)
            _meet(stage, data, app, trouble, ("Make room on the disk", "the disk has room"))
            filler.unlink()
            if at == 0 and trouble.requests:
                trouble.wrong.append(
                    f"sent {trouble.requests} requests without any room to write down what became of them"
                )
            _go_on(stage, data, app, trouble)
        shutil.rmtree(place)
        yield trouble
        if not trouble.met:
            return


def limited_files(stage: Stage, every: int) -> Iterator[Trouble]:
    """The same where no disk can be made: the system refuses to let files grow beyond a limit (getrlimit(2))."""
    for at in count(1, every):  # the output is a file too
        with stage.copied() as (data, app):
            limit = at * ROOM
            trouble = Trouble("limited files", at)

            def first(limit: int = limit) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            _meet(stage, data, app, trouble, ("Make room on the disk", "the disk has room"), first)
            _go_on(stage, data, app, trouble)
        yield trouble
        if not trouble.met:
            return


def locked(stage: Stage, every: int) -> Iterator[Trouble]:
    """Somebody else takes the write lock of the state at a step of the app, and keeps it."""
    for at in count(1, every):
        with stage.copied() as (data, app):
            app.lock(data / "state.sqlite", at)
            trouble = Trouble("locked", at)
            _meet(stage, data, app, trouble, ("Somebody else has been using it",), _impatient)
            app.unlock()
            _go_on(stage, data, app, trouble)
        yield trouble
        if not trouble.met and at > stage.undisturbed.steps["app"]:
            return


def damaged(stage: Stage, name: str, every: int) -> Iterator[Trouble]:
    """One page of a database is overwritten; the way out is to put back what was there."""
    for page in count(2, every):
        with stage.copied() as (data, app):
            path = data / f"{name}.sqlite"
            if page * PAGE > path.stat().st_size:
                return
            whole = path.read_bytes()
            _overwrite(path, page, b"\xff" * PAGE)
            trouble = Trouble(f"damaged {name}", page)
            _meet(stage, data, app, trouble, ("The file is damaged; put back a backup",))
            if trouble.met:
                _overwrite(path, page, whole[(page - 1) * PAGE : page * PAGE])
                _go_on(stage, data, app, trouble)
        yield trouble


def _meet(
    stage: Stage,
    data: Path,
    app: RunningApp,
    trouble: Trouble,
    ways_out: tuple[str, ...],
    first: Callable[[], None] = lambda: None,
) -> None:
    """A cycle that meets the trouble: how it ends."""
    code = stage.sync(data, app, first=first)
    trouble.requests = app.journal()["requests"]
    trouble.met = code != 0
    said = stage.said()
    if "Traceback" in said or code < 0 or code == 70:
        trouble.wrong.append(f"ended with {code}: {said}")
    if trouble.met and not (".sqlite" in said and any(way in said for way in ways_out)):
        trouble.wrong.append(f"doesn't name the file and the way out: {said}")


def _go_on(stage: Stage, data: Path, app: RunningApp, trouble: Trouble) -> None:
    trouble.repeated, wrong = stage.go_on(data, app)
    trouble.wrong += wrong


def _fill(filler: Path, room: int) -> None:
    """Fill the disk up to that much room."""
    found = os.statvfs(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - room))


def _overwrite(path: Path, page: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content)


def _impatient() -> None:
    databases.PATIENCE = PATIENCE
