"""A request's way through the app: ASGI in, one transaction, ASGI out.

The event loop only reads and sends bytes. Everything between, parsing too, runs in a thread inside one transaction:
writes one after the other in one thread, reads beside them. So a long answer holds up nobody on the loop, a check and
the write that it allows can't be torn apart, and an answer is sent only when its write is committed. The token picks
the organisation; what it may do there is said in `handler.py` and behind.
"""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from scim2_models import ForbiddenException, NotFoundException, PayloadTooLargeException, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication, Receive, Scope, Send
from scim2_server.applications.base import BaseApplication
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation as Route
from sqlalchemy import Connection

from instep.serviceprovider import tokens
from instep.serviceprovider.handler import Handler, QuickHandler
from instep.serviceprovider.limiter import TooManyRequests
from instep.serviceprovider.organisations import Plan
from instep.serviceprovider.protocol import LARGEST_BODY, Service
from instep.serviceprovider.schemas import description
from instep.serviceprovider.storage import Storage

if TYPE_CHECKING:
    from instep.serviceprovider.app import App

BASE = "/api/app/scim/v2"
"""The path of every organisation's SCIM endpoint."""

_WRITES = frozenset({Route.create, Route.replace, Route.patch, Route.delete})
_DRAINED = 16 * LARGEST_BODY
_NOBODY = 0


@dataclass(slots=True)
class _Call:
    """What becomes known of a request while it's answered."""

    organisation_id: int = _NOBODY


class Endpoint(BaseApplication):
    """The ASGI application."""

    service: Service

    def __init__(self, app: "App") -> None:
        super().__init__(description(), Service(description()))
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "lifespan":
            await ASGIApplication.serve_lifespan(receive, send)
            return
        request = _request(scope)
        body = await _body(receive)
        if body is None:
            return  # the client has gone before it had said everything
        request.body = body
        call = _Call()
        try:
            response, content = await self._answered(request, call)
        except Exception as wrong:  # noqa: BLE001  (every failure is an answer: a SCIM error, or 500 and a log entry)
            response = self.handle_exception(request, wrong)
            content = _encoded(response)
        self._count(request, call, response)
        headers = {**response.headers, "Cache-Control": "no-store", "Content-Length": str(len(content))}
        if int(response.status) in (204, 304):
            headers = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(response.status), "headers": encoded})
        await send({"type": "http.response.body", "body": content})

    async def _answered(self, request: ScimRequest, call: _Call) -> tuple[ScimResponse, bytes]:
        if len(request.body) > LARGEST_BODY:
            raise PayloadTooLargeException(detail=f"the body is larger than {LARGEST_BODY} bytes")
        if request.path is _OUTSIDE:
            raise NotFoundException(detail=f"SCIM is at {BASE}")
        writes = self.service.match(request).operation in _WRITES
        run = self._app.write if writes else self._app.read
        return await run(lambda connection: self._serve(connection, request, call))

    def _serve(self, connection: Connection, request: ScimRequest, call: _Call) -> tuple[ScimResponse, bytes]:
        """Answers a request inside a transaction that is undone when this raises."""
        if self.needs_auth(request):
            self._open(connection, request, call)
        storage = Storage(connection, call.organisation_id, self._app.now())
        handler = QuickHandler if self._app.quick else Handler
        response = handler(self.service, storage).handle(request)
        return response, _encoded(response)

    def _open(self, connection: Connection, request: ScimRequest, call: _Call) -> None:
        """Lets a request in to the organisation of its token."""
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        bearer = tokens.open_with(connection, token.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise UnauthorizedException(detail="the SCIM token is missing, wrong or has been replaced by a newer one")
        call.organisation_id = bearer.organisation_id
        if bearer.plan is not Plan.ENTERPRISE:
            raise ForbiddenException(
                detail=f"SCIM needs the Enterprise plan; {bearer.name} is on {bearer.plan.capitalize()}"
            )
        if self._app.limiter is not None:
            self._app.limiter.take(bearer.organisation_id)

    def handle_exception(self, request: ScimRequest, exception: Exception) -> ScimResponse:
        """The SCIM error for an exception."""
        response = super().handle_exception(request, exception)
        if isinstance(exception, TooManyRequests):
            response.headers["Retry-After"] = str(exception.seconds)
        return response

    def _count(self, request: ScimRequest, call: _Call, response: ScimResponse) -> None:
        if call.organisation_id == _NOBODY:
            return
        seen = (request.method, self._route(request), int(response.status), self._app.now())
        try:
            self._app.journal.count(call.organisation_id, *seen)
        except sqlite3.Error as wrong:
            # What is answered has happened, counted or not.
            self.log.warning("the request journal can't be written: %s", wrong)

    def _route(self, request: ScimRequest) -> str:
        """What was asked for, without the id."""
        known = {"Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Bulk", "Me", ".search"}
        first, *more = request.path.strip("/").split("/") if request.path.strip("/") else [""]
        if (first and first not in known) or len(more) > 1:
            return "other"
        return "/" + first + "".join("/.search" if each == ".search" else "/{id}" for each in more)


_OUTSIDE = "outside of the endpoint"


def _request(scope: Scope) -> ScimRequest:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    host = dict(headers).get("host") or "{}:{}".format(*(scope.get("server") or ("localhost", 80)))
    path = scope["path"]
    inside = path == BASE or path.startswith(f"{BASE}/")
    return ScimRequest(
        method=scope["method"],
        base_url=f"{scope['scheme']}://{host}{BASE}",
        path=path.removeprefix(BASE).removesuffix(".scim") or "/" if inside else _OUTSIDE,
        query=dict(parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)),
        headers=headers,
    )


async def _body(receive: Receive) -> bytes | None:
    """The body, or a bit more than the largest that is taken; None when the client has gone away.

    What is too much is read and thrown away for a while, since many clients hear an answer only when they have said
    all they had to say.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= LARGEST_BODY:
            parts.append(part)
        size += len(part)
        if not message.get("more_body", False) or size > _DRAINED:
            return b"".join(parts)


def _encoded(response: ScimResponse) -> bytes:
    # Models leave subclasses of str in what they dump.
    return b"" if response.body is None else msgspec.json.encode(response.body, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} isn't JSON")
