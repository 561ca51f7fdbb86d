"""What the engine is given: the stores, the clock, chance, and how far to go.

Everything that a simulator would want to replace is a field here.
"""

import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from instep.core.rules import Rules
from instep.ports import App, Chance, Clock, Directory, State, View


class Offload(Protocol):
    """Runs blocking work of the directory somewhere where it doesn't hold the loop, always on one thread."""

    def __call__(self, work: Callable[[], Any], /) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the engine."""

    directory: Directory
    state: State
    clock: Clock
    chance: Chance
    offload: Offload
    owner: str
    """Names this worker; see `this_process`."""
    dead: Callable[[str], bool]
    """Whether that worker is known to be dead, so that its lease needn't run out."""
    lease_seconds: float = 60.0
    request_seconds: float = 30.0
    concurrency: int = 16
    read_lag_seconds: float = 90.0
    """How long an app may take until its reads show what it has taken."""
    looks_every_seconds: float = 0.25
    """How often a running cycle looks at what others ask or did."""


@dataclass(frozen=True, slots=True)
class Job:
    """An app's provisioning, ready to run: its rules compiled, its way of looking at the directory."""

    app: App
    rules: Rules
    default_domain: str | None = None

    @property
    def name(self) -> str:
        """A job is named as its app."""
        return self.app.name

    @property
    def view(self) -> View:
        """How this job looks at the directory."""
        rules = self.rules
        return View(self.app.name, rules.scope, rules.roles, rules.scope_nesting, rules.member_nesting)


def this_process() -> str:
    """Names this process for leases: machine, boot, process id, and its start, since ids are used again."""
    return f"{socket.gethostname()}/{_boot()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether the process that `this_process` named is known to be dead. Of another machine nothing is known."""
    parts = owner.split("/")
    if len(parts) != 4 or parts[0] != socket.gethostname() or not parts[2].isdigit():
        return False
    if parts[1] != _boot():
        return True
    return _started(int(parts[2])) != parts[3]


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """When the process started, in ticks since boot (proc(5)); empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    # Field 3 is the state: a zombie has ended, it only hasn't been waited for.
    return "" if fields[0] in ("Z", "X") else fields[19]
