"""One request to an app over HTTP, and what came of it: a reply or a fault, never an exception.

Deadlines, the size limit, TLS and the check of addresses are kept here. The token is in this file alone, and
in the header of the request: it is taken out of whatever the app sends back. Nothing is tried twice here.
"""

import ssl
from collections.abc import Mapping
from typing import Any

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

_SHORTEST_MASKED = 8
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


class Connection:
    """The HTTP connections to one app.

    seconds: until a request counts as unanswered. connections: open at once at the most.
    private: whether the app may be in a private network.
    """

    def __init__(
        self, tenant: TenantUrl, token: str, clock: Clock, seconds: float, connections: int, private: bool
    ) -> None:
        self._tenant = tenant
        self._token = token
        # Answers that repeat the token are masked as they come in. A word this short can't be told from other text.
        self._told = token if len(token) >= _SHORTEST_MASKED else ""
        self._clock = clock
        self._connections = connections
        self._private = private
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(10.0, seconds / 2))
        self._session: aiohttp.ClientSession | None = None
        self.requests = 0
        """How many were sent."""

    def __repr__(self) -> str:
        return f"Connection({self._tenant.base!r})"

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply:
        """Send one request. path: `/Users`, percent-encoded. query: percent-encoded, without `?`."""
        session = self._open()
        queries = "&".join(q for q in (self._tenant.query, query) if q)
        url = yarl.URL(self._tenant.base + path + (f"?{queries}" if queries else ""), encoded=True)
        headers = {"Authorization": f"Bearer {self._token}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/scim+json; charset=utf-8"
            data = msgspec.json.encode(body)
        began = self._clock.monotonic()
        self.requests += 1
        try:
            async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
                content = await self._content(answer)
                reply = self._reply(answer, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = _fault(error)
            reply = Reply(fault=fault, problem=self._words(fault, error))
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
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            connector = aiohttp.TCPConnector(
                limit=self._connections,
                ssl=context,
                socket_factory=guarded_socket(self._tenant.loopback, self._private),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={
                    "Accept": "application/scim+json, application/json",
                    "User-Agent": f"instep/{instep.__version__}",
                },
            )
        return self._session

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes | None:
        """The body; none when it is larger than the limit."""
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                answer.close()
                return None
        return bytes(body)

    def _reply(self, answer: aiohttp.ClientResponse, content: bytes | None) -> Reply:
        if content is None:
            return Reply(fault=Fault.TOO_LARGE, problem=f"status {answer.status}")
        headers: Mapping[str, str] = answer.headers
        return Reply(
            status=answer.status,
            content_type=headers.get("Content-Type", ""),
            body=content.replace(self._told.encode(), b"(token)") if self._told else content,
            retry_after=headers.get("Retry-After"),
            # Its query may carry secrets of a login.
            location=headers.get("Location", "").partition("?")[0],
        )

    def _words(self, fault: Fault, error: Exception) -> str:
        if fault is Fault.ADDRESS:
            return f"{yarl.URL(self._tenant.base).host} is in a network that tenant URLs may not point into"
        if fault is Fault.SLOW:
            return f"{self._timeout.total:g} s passed"
        os_error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        text = getattr(os_error, "strerror", None) or str(os_error) or type(error).__name__
        return text.replace(self._told, "(token)") if self._told else text


def _fault(error: Exception) -> Fault:
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
