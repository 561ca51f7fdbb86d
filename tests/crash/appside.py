"""The app's side, with a journal of its own: every request in order, and who sent which write for whom.

It also does harm from here, at the n-th of two moments of each request that a worker can't see: it has arrived and
isn't carried out, it has been carried out and nobody has heard so. It ends a worker by SIGKILL, or takes the write lock
of its database.
"""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.crash import processes

from instep.serviceprovider.app import App
from instep.serviceprovider.server import running


class Journal:
    """An ASGI application in front of the app's endpoint. `/journal`, `/kill`, `/lock` and `/unlock` are its own."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self._at, self._where = 0, ""
        self._harm: Callable[[], object] = lambda: None
        self._lock: sqlite3.Connection | None = None
        self._steps = 0
        self._requests = 0
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._names: dict[str, str] = {}
        self._writes: list[tuple[str, str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/kill":
            asked = _asked(scope)
            self._arm(int(asked["at"]), lambda: os.kill(int(asked["pid"]), signal.SIGKILL))
            await _say(send, {})
        elif scope["path"] == "/lock":
            asked = _asked(scope)
            self._arm(int(asked["at"]), lambda: self._take_lock(asked["path"]))
            await _say(send, {})
        elif scope["path"] == "/unlock":
            if self._lock:
                self._lock.close()
            await _say(send, {})
        elif scope["path"] == "/journal":
            await self._idle.wait()  # what was sent before this question is carried out and written down
            told = {"requests": self._requests, "writes": self._writes, "steps": self._steps, "harmed": self._where}
            await _say(send, told | {"modules": processes.modules()})
        else:
            self._under_way += 1
            self._idle.clear()
            await self._scim(scope, receive, send)
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _scim(self, scope: Any, receive: Any, send: Any) -> None:
        method, path = scope["method"], scope["path"]
        body = bytearray()
        self._requests += 1
        self._step(f"{method} {path} arrived")

        async def received() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def answered(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._step(f"{method} {path} carried out")
            elif method == "POST":
                self._remember(bytes(body), json.loads(message["body"]))
            await send(message)

        await self._endpoint(scope, received, answered)
        if method not in ("GET", "POST"):
            self._writes.append((method, self._names.get(path.rpartition("/")[2]) or path, body.decode()))

    def _remember(self, body: bytes, answer: Any) -> None:
        sent = json.loads(body)
        name: str = sent.get("userName") or sent["displayName"]
        self._writes.append(("POST", name, body.decode()))
        if "id" in answer:
            self._names[answer["id"]] = name

    def _arm(self, at: int, harm: Callable[[], object]) -> None:
        """Do this at the n-th step from here; never with 0."""
        self._at, self._harm = at, harm
        self._steps = 0 if at else self._steps

    def _take_lock(self, path: str) -> None:
        self._lock = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._lock.execute("BEGIN IMMEDIATE")

    def _step(self, where: str) -> None:
        self._steps += 1
        if self._steps == self._at:
            self._where = where
            self._harm()


def _asked(scope: Any) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode()))


async def _say(send: Any, what: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(what).encode()})


def serve(folder: Path, port: int, ready: int) -> None:
    """Serve the app in `folder` for ever; what is written to `ready` says where."""
    app = App(folder)
    app.endpoint = Journal(app.endpoint)  # type: ignore[assignment]

    async def run() -> None:
        async with running(app, port=port) as url:
            os.write(ready, url.encode())
            os.close(ready)
            await asyncio.Event().wait()

    asyncio.run(run())
