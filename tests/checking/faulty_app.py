"""Our app's side on loopback, with one fault planted between it and whoever asks.

The app itself passes all checks, so whatever a check finds here is the planted fault. A fault is an async function of
the call and of `forward`, which lets the call through. What came is in `calls`.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.serviceprovider.world import Answer, Client, organisation

from instep.serviceprovider.app import App
from instep.serviceprovider.endpoint import BASE

DOMAIN = "instep-check.example"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(frozen=True)
class Call:
    """What somebody asks."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def operations(self) -> list[dict[str, Any]]:
        """Of a PATCH; none for anything else."""
        return self.document["Operations"] if self.method == "PATCH" else []

    @property
    def kind(self) -> str:
        return self.path.strip("/").partition("/")[0]

    @property
    def id(self) -> str:
        return self.path.strip("/").partition("/")[2]

    def but(self, **changes: Any) -> "Call":
        """The call with changes; a document becomes its body."""
        if "document" in changes:
            changes["body"] = json.dumps(changes.pop("document")).encode()
        return replace(self, **changes)


Forward = Callable[[Call], Awaitable[Answer]]
Fault = Callable[[Call, Forward], Awaitable[Answer]]


@dataclass
class FaultyApp:
    """The running app."""

    url: str
    token: str
    client: Client
    """Past the fault."""
    calls: list[Call] = field(default_factory=list)


def refusal(status: int, detail: str = "no") -> Answer:
    """A SCIM error."""
    return Answer(status, {"schemas": [ERROR], "status": str(status), "detail": detail})


@asynccontextmanager
async def faulty(folder: Path, fault: Fault | None = None) -> AsyncIterator[FaultyApp]:
    """Serve the app with that fault; with none, it's as it should be."""
    app = App(folder)
    _, token = organisation(app, domain=DOMAIN)
    inner = Client(app, None)

    async def forward(call: Call) -> Answer:
        kept = {name: v for name, v in call.headers.items() if name in ("Authorization", "Content-Type", "If-Match")}
        return await inner(call.method, call.path, call.body, call.query, kept)

    async def answer(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(BASE)
        call = Call(request.method, path, dict(request.query), dict(request.headers), await request.read())
        served.calls.append(call)
        came = await (fault(call, forward) if fault else forward(call))
        headers = {n: v for n, v in came.headers.items() if n.lower() not in ("content-length", "content-type")}
        if came.body is None:
            return web.Response(status=came.status, headers=headers)
        text = came.body if isinstance(came.body, str) else json.dumps(came.body)
        kind = came.headers.get("content-type", "application/scim+json").partition(";")[0]
        return web.Response(status=came.status, body=text.encode(), headers=headers, content_type=kind)

    application = web.Application()
    application.router.add_route("*", BASE + "{tail:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    served = FaultyApp(f"http://127.0.0.1:{port}{BASE}", token, Client(app, token))
    try:
        yield served
    finally:
        await runner.cleanup()
        app.close()
