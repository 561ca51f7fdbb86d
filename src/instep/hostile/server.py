"""The app and its personas on a socket of this machine, for as long as a test or a command wants it.

Beside the SCIM endpoint it tells what is really there (`GET /truth`) and hands out a new token (`POST /token`); no
persona touches those two. What came and how it was answered goes into a journal, a line of JSON each, without tokens.
"""

import asyncio
import hmac
import json
import math
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from aiohttp import web

from instep.hostile.app import BASE, Answer, App, Request, refusal
from instep.hostile.personas import PERSONAS, Go, Persona, Settings, SettingsError

_KEPT = 4096
"""Characters of an answer that the journal keeps."""
_MAY_BE_ZERO = ("share", "lag")
_LARGEST = 64 * 1024 * 1024


class HostileApp:
    """An app with personas. `app.content` is what it really holds, `requests` counts what came.

    personas: their names. share: how often, for those that say so. numbers: other settings of personas, by name.
    journal: where to write what came. Raises SettingsError.
    """

    def __init__(
        self,
        personas: Sequence[str] = (),
        *,
        seed: int = 0,
        token: str = "hostile",
        share: float | None = None,
        numbers: Mapping[str, float] | None = None,
        journal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given = {**(numbers or {}), **({} if share is None else {"share": share})}
        chosen = _chosen(personas, given)
        self.app = App(seed, clock, token)
        self.requests = 0
        self.writes = 0
        self._journal = journal
        self.personas = [each(self.app, Settings(seed, given)) for each in chosen]
        self._go: Go = self.app.answer
        for persona in reversed(self.personas):
            self._go = _around(persona, self._go)

    def behave(self) -> None:
        """Behave well from now on; what was done to the content and its rules stays."""
        self._go = self.app.answer

    async def answer(self, came: Request) -> Answer:
        """Answer a request whose token was checked, as the personas have it."""
        self.app.uses += 1
        return await self._go(came)

    def routes(self) -> web.Application:
        """What aiohttp serves."""
        served = web.Application(client_max_size=_LARGEST)
        served.router.add_get("/truth", self._truth)
        served.router.add_post("/token", self._token)
        served.router.add_route("*", BASE + "{tail:.*}", self._scim)
        return served

    async def _truth(self, request: web.Request) -> web.Response:
        return web.json_response(self.app.content.truth())

    async def _token(self, request: web.Request) -> web.Response:
        return web.json_response({"token": self.app.renew()})

    async def _scim(self, request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        text = await request.text()
        path = request.path.removeprefix(BASE)
        self.requests += 1
        try:
            body = json.loads(text) if text else None
            came = Request(request.method, path, dict(request.query), dict(request.headers), body)
            self.writes += came.writes
            answer = await self._answered(came)
        except ValueError:
            body, answer = text, refusal(400, "the body isn't JSON", "invalidSyntax")
        self._note(request, body, answer, began)
        return await _sent(request, answer)

    async def _answered(self, came: Request) -> Answer:
        authorization = came.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(authorization, f"Bearer {self.app.token}".encode()):
            return refusal(401, "that token isn't known")
        return await self.answer(came)

    def _note(self, request: web.Request, body: Any, answer: Answer, began: float) -> None:
        if self._journal is None:
            return
        said = answer.body().decode("utf-8", "replace")
        kept = answer.document if answer.raw is None and len(said) <= _KEPT else said[:_KEPT]
        if answer.repeats:
            kept = "(not kept: it repeats the request, and the token)"
        entry = {
            "at": time.time(),
            "method": request.method,
            "path": request.path_qs,
            "body": body,
            "status": answer.status,
            "headers": {} if answer.repeats else answer.headers,
            "answer": kept,
            "cut": answer.cut,
            "by": answer.by,
            "milliseconds": round((time.monotonic() - began) * 1000, 1),
        }
        self._journal.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._journal.flush()


def _chosen(names: Sequence[str], given: Mapping[str, float]) -> list[type[Persona]]:
    unknown = [name for name in names if name not in PERSONAS]
    if unknown:
        raise SettingsError(f"there is no persona {unknown[0]!r}; known: {', '.join(PERSONAS)}")
    chosen = [PERSONAS[name] for name in dict.fromkeys(names)]
    numbers = {number.name for each in chosen for number in each.numbers}
    for name, value in given.items():
        if name not in numbers:
            raise SettingsError(f"none of these personas has the setting {name!r}; known: {', '.join(sorted(numbers))}")
        zero = name in _MAY_BE_ZERO
        if not (value >= 0 if zero else value > 0) or value == math.inf or (name == "share" and value > 1):
            raise SettingsError(f"{name} can't be {value:g}")
    return chosen


def _around(persona: Persona, inner: Go) -> Go:
    async def go(request: Request) -> Answer:
        return await persona.handle(request, inner)

    return go


async def _sent(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Put the answer on the wire, the way it's meant to fail."""
    if answer.cut:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    body = answer.body()
    if answer.bytes_per_second is None:
        kind = answer.content_type if body else None
        return web.Response(status=answer.status, body=body, headers=answer.headers, content_type=kind)
    headers = {**answer.headers, "Content-Type": answer.content_type, "Content-Length": str(len(body))}
    response = web.StreamResponse(status=answer.status, headers=headers)
    with suppress(ConnectionError):  # the client has given up, as it should
        await response.prepare(request)
        for at in range(len(body)):
            await response.write(body[at : at + 1])
            await asyncio.sleep(1 / answer.bytes_per_second)
    return response


@asynccontextmanager
async def running(hostile: HostileApp, port: int = 0) -> AsyncIterator[str]:
    """Serve the app on loopback while the block runs, and give its base URL. Port 0 takes a free one.

    Raises OSError when the port can't be had."""
    runner = web.AppRunner(hostile.routes(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{BASE}"
    finally:
        await runner.cleanup()


async def serve(hostile: HostileApp, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is told the base URL."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # where a loop can't watch signals, Ctrl-C still ends the process
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(hostile, port) as url:
        on_ready(url)
        await stop.wait()


def announce(url: str, file: Path) -> None:
    """Write the base URL into a file, at once: whoever waits for it must never read half a URL."""
    partial = file.with_name(f"{file.name}.part")
    partial.write_text(url + "\n")
    partial.replace(file)
