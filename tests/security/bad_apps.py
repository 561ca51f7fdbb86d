"""Apps that give every path an error could take: they repeat what they got, answer nonsense, or show a
certificate that nobody knows.

All in one process of the tests, in a thread of its own, so that commands which run a loop themselves can meet them.
"""

import asyncio
import base64
import html
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote_plus

from aiohttp import web


@dataclass
class BadApps:
    """The running apps. Below `base` each is a path: `/repeats`, `/broken`, `/oauth`, `/token`."""

    client_secret: str
    access_token: str
    base: str = ""
    tls: str = ""
    """Where a certificate answers that nobody knows."""
    heard: list[str] = field(default_factory=list)
    """Headers and bodies that came."""
    wrong_secret: bool = False
    """Whether the token endpoint takes no secret."""
    turn: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer by the path's first part."""
        body = await request.text()
        authorization = request.headers.get("Authorization", "")
        self.heard.append(f"{authorization} {body}")
        match request.path.split("/")[1]:
            case "token":
                return self._token(authorization, body)
            case "oauth" if authorization == f"Bearer {self.access_token}" and request.method == "GET":
                self.turn += 1
                if self.turn % 3:
                    listed = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0}
                    return web.json_response(listed)
                return self._repeated(request, authorization, body)
            case "broken":
                text = f'{{"schemas": ["x"], "id": "1", "detail": {json.dumps(authorization + body)}'
                return web.Response(text=text, content_type="application/scim+json")
            case _:
                return self._repeated(request, authorization, body)

    def _token(self, authorization: str, form: str) -> web.Response:
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
        secrets = [unquote_plus(given.partition(":")[2]), *parse_qs(form).get("client_secret", [])]
        if self.wrong_secret or self.client_secret not in secrets:
            said = f"{'x' * 270} {authorization} {form} {secrets}"
            return web.json_response({"error": "invalid_client", "error_description": said}, status=401)
        return web.json_response({"access_token": self.access_token, "token_type": "Bearer", "expires_in": 3600})

    def _repeated(self, request: web.Request, authorization: str, body: str) -> web.Response:
        self.turn += 1
        said = f"{request.method} {request.path_qs} {authorization} {body}"
        headers = {"X-Debug": quote(said)[:3000], "ETag": f'"{quote(authorization)}"'}
        status = (400, 409, 422, 500, 403, 502)[self.turn % 6]
        match self.turn % 5:
            case 0:
                error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "detail": said}
                return web.json_response(error, status=status, headers=headers)
            case 1:
                escaped = "".join(c if c.isalnum() or c in "-_.~ " else f"\\u{ord(c):04X}" for c in said)
                text = f'{{"message": "{escaped}"}}'
                return web.Response(text=text, status=status, headers=headers, content_type="application/json")
            case 2:
                page = f"<html><title>{html.escape(said)}</title></html>"
                return web.Response(text=page, status=status, headers=headers, content_type="text/html")
            case 3:
                place = f"https://login.example/{quote(authorization)}/{quote(body)[:1500]}"
                return web.Response(status=302, headers=headers | {"Location": place})
            case _:
                return web.Response(text=f"{'y' * 490} {said}", status=status, headers=headers)


@contextmanager
def served(folder: Path, client_secret: str, access_token: str) -> Iterator[BadApps]:
    """They answer while the block runs."""
    known = BadApps(client_secret, access_token)
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(known, folder, ready, stop)))
    thread.start()
    assert ready.wait(20)
    try:
        yield known
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(known: BadApps, folder: Path, ready: threading.Event, stop: asyncio.Event) -> None:
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", known.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_certificate(folder))
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    plain, secure = (address[1] for address in runner.addresses)
    known.base, known.tls = f"http://127.0.0.1:{plain}", f"https://localhost:{secure}"
    ready.set()
    await stop.wait()
    await runner.cleanup()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody knows, and its key."""
    certificate, key = folder / "certificate.pem", folder / "certificate.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key
