"""An OAuth 2.0 token endpoint for tests: gives access tokens to one client, well-behaved until told otherwise."""

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from aiohttp import web
from tests.hostile.app import HostileApp

CLIENT, SECRET = "instep@contoso", 'p/ss+w%rd-2:with"quotes'


@dataclass
class Asked:
    """A request for a token that came."""

    basic: tuple[str, str] | None
    form: dict[str, str]


@dataclass
class TokenServer:
    """The running server, as an async context manager. The app takes the token that was given last."""

    app: HostileApp
    lifetime: Any = 3600
    in_body_only: int = 0
    """The status that clients are refused with whose secret isn't in the body."""
    seconds: float = 0.0
    """How long an answer takes."""
    answer: web.Response | None = None
    """What is answered instead."""
    also: dict[str, Any] = field(default_factory=dict)
    """What else stands in an answer."""
    asked: list[Asked] = field(default_factory=list)

    async def __aenter__(self) -> "TokenServer":
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/oauth2/token"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        name, _, secret = base64.b64decode(given).decode().partition(":") if given else ("", "", "")
        asked = Asked((unquote_plus(name), unquote_plus(secret)) if given else None, form)
        self.asked.append(asked)
        await asyncio.sleep(self.seconds)
        if self.answer is not None:
            made = self.answer
            return web.Response(status=made.status, body=made.body, headers=made.headers)
        known = (form.get("client_id", ""), form.get("client_secret", ""))
        if asked.basic is not None and not self.in_body_only:
            known = asked.basic
        if known != (CLIENT, SECRET):
            problem = {"error": "invalid_client", "error_description": f"the secret {secret} is wrong"}
            return web.json_response(problem, status=self.in_body_only or 401)
        self.app.token = f"access-token-{len(self.asked)}"
        made = {"access_token": self.app.token, "token_type": "bearer"}
        return web.json_response(made | ({} if self.lifetime is None else {"expires_in": self.lifetime}) | self.also)
