"""The durable steps of a worker, and its death at one of them.

Loaded into a process before the real `instep` command runs in it. Nothing of Instep is changed: the hooks are on
SQLite's connections and on the HTTP client's own tracing. A step is what divides what is done from what isn't: before
and after each commit that writes, before each request, and when its answer has come and nobody has kept that yet.
"""

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Engine, event

NEVER = 0
"""The step at which nobody dies."""


class Steps:
    """Counts the steps of this process; at step `at` it says into `told` where it is, and dies."""

    def __init__(self, at: int, told: Path) -> None:
        self._at = at
        self._told = os.open(told, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        self._lock = threading.Lock()
        self.count = 0

    def step(self, where: str) -> None:
        """One step further. The lock is kept in death: no other thread gets past a step any more."""
        with self._lock:
            self.count += 1
            if self.count == self._at:
                self.tell(where)
                os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, what: str) -> None:
        """Leave a word for whoever started this process."""
        os.pwrite(self._told, what.encode(), 0)


def watch(steps: Steps) -> None:
    """Hook the steps in; for the rest of this process's life."""
    _watch_commits(steps)
    _watch_requests(steps)


def _watch_commits(steps: Steps) -> None:
    class Watched(sqlite3.Connection):
        """A connection whose commits are steps, unless nothing was written."""

        name = ""
        seen = 0

        def commit(self) -> None:
            wrote, self.seen = self.total_changes != self.seen, self.total_changes
            if wrote:
                steps.step(f"before a commit of {self.name}")
            super().commit()
            if wrote:
                steps.step(f"after a commit of {self.name}")

        def close(self) -> None:
            if self.total_changes:
                steps.step(f"before {self.name} is closed")
            super().close()

    @event.listens_for(Engine, "do_connect")
    def watched(_dialect: Any, _record: Any, args: Any, given: dict[str, Any]) -> None:
        name = Path(args[0]).stem
        given["factory"] = type("Watched", (Watched,), {"name": name})


def _watch_requests(steps: Steps) -> None:
    trace = aiohttp.TraceConfig()

    async def begins(_session: Any, _context: Any, request: aiohttp.TraceRequestStartParams) -> None:
        steps.step(f"before {request.method} {_route(request.url.path)}")

    async def answered(_session: Any, _context: Any, request: aiohttp.TraceRequestEndParams) -> None:
        steps.step(f"after {request.method} {_route(request.url.path)} was answered")

    trace.on_request_start.append(begins)
    trace.on_request_end.append(answered)
    opened = aiohttp.ClientSession.__init__

    def open_traced(session: aiohttp.ClientSession, *args: Any, **given: Any) -> None:
        opened(session, *args, **given, trace_configs=[trace])

    aiohttp.ClientSession.__init__ = open_traced  # type: ignore[method-assign]


def _route(path: str) -> str:
    """The path without the endpoint's base and without ids."""
    parts = path.split("/")
    at = next((i for i, part in enumerate(parts) if part in ("Users", "Groups")), len(parts) - 1)
    return "/" + parts[at] + ("/{id}" if len(parts) > at + 1 else "")
