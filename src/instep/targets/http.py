"""One request to an app over HTTP, and what came of it: a reply or a fault, never an exception.

Deadlines, the size limit, TLS and the check of addresses are kept here. What the request is authorised by comes from
`credentials`, and is taken out of whatever the app sends back. Nothing is tried twice here, but for a request that
was answered with 401 because its access token had ended: such a one wasn't carried out.
"""

import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import aiohttp
import msgspec
import yarl
from msgspec import Struct

import instep
from instep.ports import Clock
from instep.targets.address import NOT_ALLOWED, TenantUrl, guarded_socket
from instep.targets.verdict import Fault

LARGEST_ANSWER = 10 * 1024 * 1024
"""Bytes."""

_CHUNK = 64 * 1024


class Reply(Struct, frozen=True):
    """What came back: a status with its body, or a fault with a word on it."""

    status: int | None = None
    content_type: str = ""
    body: bytes = b""
    retry_after: str | None = None
    location: str = ""
    fault: Fault | None = None
    problem: str = ""
    milliseconds: int = 0
    headers: Mapping[str, str] = {}
    """All of them, found in any letter case, and as they came: they aren't shown to anybody."""


class NotAuthorized(Exception):
    """There is nothing to authorise a request by: the message says why, without any secret."""

    def __init__(self, fault: Fault, problem: str) -> None:
        super().__init__(problem)
        self.fault = fault


class Authorization(Protocol):
    """What requests are authorised by."""

    async def authorization(self) -> str:
        """The value of the header `Authorization`. Raises NotAuthorized."""
        ...

    async def renewed(self, authorization: str, challenge: str) -> bool:
        """The app answered 401, with that `WWW-Authenticate`, to a request with that authorization: whether there is
        another one by now, so that the request is worth sending again. Raises NotAuthorized."""
        ...

    def masked(self, text: bytes) -> bytes:
        """The text without the secrets that may stand in it."""
        ...


class Transport(Protocol):
    """How requests get to an app: `Connection`, or what stands in its place in a simulation."""

    fence: Callable[[], None]
    """Called right before each request; what it raises ends the call."""
    requests: int
    """How many were sent."""

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply: ...
    async def close(self) -> None: ...


class Connection:
    """The HTTP connections to one app.

    seconds: until a request counts as unanswered. connections: open at once at the most.
    private: whether the app may be in a private network.
    """

    def __init__(
        self,
        tenant: TenantUrl,
        credentials: Authorization,
        clock: Clock,
        seconds: float,
        connections: int,
        private: bool,
    ) -> None:
        self._tenant = tenant
        self._credentials = credentials
        self._clock = clock
        self._connections = connections
        self._private = private
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self.fence: Callable[[], None] = lambda: None
        """Called right before each request, after the wait for its authorization; what it raises ends the call."""
        self.requests = 0
        """How many were sent."""

    def __repr__(self) -> str:
        return f"Connection({self._tenant.base!r})"

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply:
        """Send one request. path: `/Users`, percent-encoded. query: percent-encoded, without `?`."""
        session = self._open()
        queries = "&".join(q for q in (self._tenant.query, query) if q)
        url = yarl.URL(self._tenant.base + path + (f"?{queries}" if queries else ""), encoded=True)
        data = None if body is None else msgspec.json.encode(body)
        began = self._clock.monotonic()
        try:
            authorization = await self._credentials.authorization()
            reply = await self._once(session, method, url, data, authorization)
            challenge = reply.headers.get("WWW-Authenticate", "")
            if reply.status == 401 and await self._credentials.renewed(authorization, challenge):
                authorization = await self._credentials.authorization()
                reply = await self._once(session, method, url, data, authorization)
        except NotAuthorized as error:
            reply = Reply(fault=error.fault, problem=str(error))
        elapsed = self._clock.monotonic() - began
        return msgspec.structs.replace(reply, milliseconds=int(elapsed * 1000))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        # Made on first use, since aiohttp wants a running loop for it.
        if self._session is None:
            self._session = open_session(self._tenant.loopback, self._private, self._seconds, self._connections)
        return self._session

    async def _once(
        self, session: aiohttp.ClientSession, method: str, url: yarl.URL, data: bytes | None, authorization: str
    ) -> Reply:
        headers = {"Authorization": authorization, "Accept": "application/scim+json, application/json"}
        if data is not None:
            headers["Content-Type"] = "application/scim+json; charset=utf-8"
        self.fence()
        self.requests += 1
        try:
            async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
                return self._reply(answer, await content(answer, LARGEST_ANSWER))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = fault_of(error)
            return Reply(fault=fault, problem=self._words(fault, error))

    def _reply(self, answer: aiohttp.ClientResponse, body: bytes | None) -> Reply:
        if body is None:
            return Reply(fault=Fault.TOO_LARGE, problem=f"status {answer.status}")
        headers: Mapping[str, str] = answer.headers
        return Reply(
            status=answer.status,
            content_type=self._clean(headers.get("Content-Type", "")),
            body=self._credentials.masked(body),
            retry_after=headers.get("Retry-After"),
            # Its query may carry secrets of a login.
            location=self._clean(headers.get("Location", "").partition("?")[0]),
            headers=headers,
        )

    def _words(self, fault: Fault, error: Exception) -> str:
        return self._clean(words(fault, error, yarl.URL(self._tenant.base).host or "", self._seconds))

    def _clean(self, text: str) -> str:
        return self._credentials.masked(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def open_session(loopback: bool, private: bool, seconds: float, connections: int) -> aiohttp.ClientSession:
    """HTTP connections that are made to allowed addresses only; needs a running loop.

    loopback: whether the URL names this machine. private: whether private networks are allowed. seconds: until a
    request counts as unanswered. connections: open at once at the most.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, ssl=context, socket_factory=guarded_socket(loopback, private)
        ),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(10.0, seconds / 2)),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"instep/{instep.__version__}"},
    )


async def content(answer: aiohttp.ClientResponse, largest: int) -> bytes | None:
    """The body; none when it has more bytes than `largest`."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > largest:
            answer.close()
            return None
    return bytes(body)


def words(fault: Fault, error: Exception, host: str, seconds: float) -> str:
    """What went wrong, in words. seconds: after which a request counts as unanswered."""
    if fault is Fault.ADDRESS:
        return f"{host} is in a network that tenant URLs may not point into"
    if fault is Fault.SLOW:
        return f"{seconds:g} s passed"
    os_error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return getattr(os_error, "strerror", None) or str(os_error) or type(error).__name__


def fault_of(error: Exception) -> Fault:
    """Which fault an exception of aiohttp is."""
    match error:
        case aiohttp.InvalidURL():
            return Fault.ADDRESS
        case aiohttp.ClientConnectorDNSError():
            return Fault.NAME
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Fault.TLS
        case aiohttp.ClientConnectorError() if NOT_ALLOWED in str(error.os_error):
            return Fault.ADDRESS
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Fault.CONNECT
        case TimeoutError():
            return Fault.SLOW
        case _:
            return Fault.LOST
