"""The app's side, with a journal of its own: every request in order, and who sent which write for whom.

It also ends a worker from here, by SIGKILL at the n-th of two moments of each request that a worker can't see: it has
arrived and isn't carried out, it has been carried out and nobody has heard so.
"""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.crash import processes

from instep.serviceprovider.app import App
from instep.serviceprovider.server import running


class Journal:
    """An ASGI application in front of the app's endpoint. Answers on `/journal` and `/kill` itself."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self._pid, self._at, self._killed = 0, 0, ""
        self._steps = 0
        self._requests = 0
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._names: dict[str, str] = {}
        self._writes: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/kill":
            asked = parse_qs(scope["query_string"].decode())
            self._pid, self._at = int(asked["pid"][0]), int(asked["at"][0])
            self._steps = 0 if self._at else self._steps
            await _say(send, {})
        elif scope["path"] == "/journal":
            await self._idle.wait()  # what was sent before this question is carried out and written down
            told = {"requests": self._requests, "writes": self._writes, "steps": self._steps, "killed": self._killed}
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
                self._remember(json.loads(body), json.loads(message["body"]))
            await send(message)

        await self._endpoint(scope, received, answered)
        if method not in ("GET", "POST"):
            self._writes.append((method, self._names.get(path.rpartition("/")[2]) or path))

    def _remember(self, sent: Any, answer: Any) -> None:
        name: str = sent.get("userName") or sent["displayName"]
        self._writes.append(("POST", name))
        if "id" in answer:
            self._names[answer["id"]] = name

    def _step(self, where: str) -> None:
        self._steps += 1
        if self._steps == self._at:
            self._killed = where
            os.kill(self._pid, signal.SIGKILL)


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
