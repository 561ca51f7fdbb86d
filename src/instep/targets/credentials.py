"""How Instep shows an app who it is: a bearer token, or access tokens by the OAuth 2.0 client credentials grant.

A bearer token is what was entered (RFC 6750). With client credentials (RFC 6749, 4.4) what was entered is the client's
secret: an access token is asked for when it's first needed, anew before it ends, and once when the app says that it has
ended. Only one request for a token is under way, however many wait for it. No secret stands in a message, nor in what
`repr` shows. How tokens travel is in `http`; which credentials an app has is in `core/app.py`.
"""

import asyncio
import base64
import re
from collections import deque
from math import inf
from typing import Any
from urllib.parse import quote_plus, urlencode

import aiohttp
import msgspec
import yarl
from msgspec import Struct

from instep.core.app import Credentials
from instep.core.masking import Masking
from instep.ports import Clock
from instep.targets.address import token_url
from instep.targets.http import Authorization, NotAuthorized, content, fault_of, open_session, words
from instep.targets.verdict import Fault

LARGEST_ANSWER = 64 * 1024
"""Bytes of a token endpoint's answer."""
MARGIN = 60.0
"""Seconds before its end at which an access token is replaced; of one that lives shortly, a tenth of its life."""
PAUSE = 10.0
"""Seconds in which a failure isn't tried again, so that a wrong secret isn't sent for each person."""
RENEWAL = 30.0
"""Seconds between two renewals for the sake of a 401: if a new token is refused too, tokens aren't what is wrong."""

_SHORTEST_MASKED = 8
_LONGEST_TOKEN = 16 * 1024
_LATER = (408, 425, 429)
_ERROR = re.compile(r'error\s*=\s*"?(\w+)', re.IGNORECASE)


def authorized_by(
    credentials: Credentials, secret: str, clock: Clock, seconds: float = 30.0, private: bool = False
) -> Authorization:
    """What requests are authorised by. Raises TenantUrlError when the token URL can't be used.

    secret: the bearer token, or the client's secret. seconds: until a request for a token counts as unanswered.
    private: whether the token endpoint may be in a private network.
    """
    if credentials.kind == "bearer":
        return Bearer(secret)
    return ClientCredentials(credentials, secret, clock, seconds, private)


class Bearer:
    """A bearer token that was made in the app."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"
        self._masking = _masking(token)

    def __repr__(self) -> str:
        return "Bearer()"

    async def authorization(self) -> str:
        """The value of the header."""
        return self._header

    async def renewed(self, authorization: str, challenge: str) -> bool:
        """Never: only an administrator can make another one."""
        return False

    def masked(self, text: bytes) -> bytes:
        """The text without the token."""
        return self._masking.data(text)


class _Token(Struct, frozen=True):
    """An access token, and the moments (monotonic) from which it's replaced, and from which it has ended."""

    header: str
    replaced: float = inf
    ended: float = inf

    def __repr__(self) -> str:
        return "_Token()"


class ClientCredentials:
    """Access tokens by the OAuth 2.0 client credentials grant.

    The client authenticates by HTTP Basic, its id and secret form-encoded (RFC 6749, 2.3.1). Servers that take them in
    the body only say `invalid_client` or `invalid_request` to that, with 400 or 401; so that is answered with one more
    request, which has them in the body. What worked is kept to.
    """

    def __init__(self, credentials: Credentials, secret: str, clock: Clock, seconds: float, private: bool) -> None:
        self._endpoint = token_url(credentials.token_url)
        self._shown = self._endpoint.url.partition("?")[0]
        self._credentials = credentials
        self._secret = secret
        self._clock = clock
        self._seconds = seconds
        self._private = private
        pair = f"{quote_plus(credentials.client_id)}:{quote_plus(secret)}".encode()
        self._basic = base64.b64encode(pair).decode()
        self._masking = _masking(secret, self._basic)
        self._issued: deque[str] = deque(maxlen=4)
        self._in_body = False
        self._token: _Token | None = None
        self._failure: NotAuthorized | None = None
        self._failed_until = -inf
        self._renewed = -inf
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"ClientCredentials({self._shown!r})"

    async def authorization(self) -> str:
        """The value of the header, with an access token that hasn't ended. Raises NotAuthorized."""
        token = self._token
        if token is None or self._clock.monotonic() >= token.replaced:
            async with self._lock:
                token = await self._current()
        return token.header

    async def renewed(self, authorization: str, challenge: str) -> bool:
        """Whether there's another access token than the one that the app answered with 401. Raises NotAuthorized.

        Apps rarely say `invalid_token` (RFC 6750, 3.1), so a 401 that gives no other reason counts as that."""
        reason = _ERROR.search(challenge)
        if reason and reason[1].lower() != "invalid_token":
            return False
        async with self._lock:
            if self._token is None or self._token.header == authorization:
                now = self._clock.monotonic()
                if now < self._renewed + RENEWAL:
                    return False
                self._renewed, self._token = now, None
            return (await self._current()).header != authorization

    def masked(self, text: bytes) -> bytes:
        """The text without the client's secret and the access tokens."""
        return self._masking.data(text)

    # --------------------------------------------------------------------------------------- within

    async def _current(self) -> _Token:
        """The access token, fetched if need be; only while the lock is held."""
        token, now = self._token, self._clock.monotonic()
        if token and now < token.replaced:
            return token
        if self._failure is None or now >= self._failed_until:
            try:
                self._token = token = await self._fetched()
            except NotAuthorized as error:
                self._failure, self._failed_until = error, self._clock.monotonic() + PAUSE
            else:
                self._failure = None
                return token
        if token and self._clock.monotonic() < token.ended:
            return token
        raise NotAuthorized(self._failure.fault, str(self._failure))

    async def _fetched(self) -> _Token:
        asked = self._clock.monotonic()
        status, answer = await self._ask(self._in_body)
        error = self._word(answer.get("error"))
        if status in (400, 401) and not self._in_body and error in ("invalid_client", "invalid_request"):
            again, other = await self._ask(True)
            if again == 200 or error == "invalid_request":
                status, answer, self._in_body = again, other, again == 200
        self._check(status, answer)
        token = answer.get("access_token")
        if not isinstance(token, str) or not _may_travel(token):
            raise self._refusal(f"{status}, without an access token that can be used")
        self._issued.append(token)
        self._masking = _masking(self._secret, self._basic, *self._issued)
        header, life = f"Bearer {token}", _seconds(answer.get("expires_in"))
        if life is None:
            return _Token(header)
        return _Token(header, asked + life - min(MARGIN, life / 10), asked + life)

    async def _ask(self, in_body: bool) -> tuple[int, dict[str, Any]]:
        """Ask for a token: the status and the answer's content. Raises NotAuthorized for what is no answer."""
        form = {"grant_type": "client_credentials"}
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if self._credentials.scope:
            form["scope"] = self._credentials.scope
        if in_body:
            form |= {"client_id": self._credentials.client_id, "client_secret": self._secret}
        else:
            headers["Authorization"] = f"Basic {self._basic}"
        try:
            # Rarely needed, so no connection is kept open for it.
            async with (
                open_session(self._endpoint.loopback, self._private, self._seconds, 1) as session,
                session.post(
                    self._endpoint.url, data=urlencode(form).encode(), headers=headers, allow_redirects=False
                ) as answer,
            ):
                body = await content(answer, LARGEST_ANSWER)
                location = answer.headers.get("Location", "").partition("?")[0]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = fault_of(error)
            told = words(fault, error, yarl.URL(self._endpoint.url).host or "", self._seconds)
            kind = Fault.UNAUTHORIZED if fault is Fault.ADDRESS else Fault.NO_TOKEN
            raise NotAuthorized(kind, self._clean(f"{self._shown}: {told}")) from None
        if body is None:
            raise self._refusal(f"{answer.status} with more than {LARGEST_ANSWER:,} bytes")
        if 300 <= answer.status < 400:
            raise self._refusal(f"{answer.status} to {location}; redirects aren't followed")
        return answer.status, self._read(answer.status, body)

    def _read(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            found: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        if status == 200:
            page = body.lstrip()[:1] == b"<"
            raise self._refusal(f"{status} with {'a web page' if page else 'something'} that is no JSON object")
        return {}

    def _check(self, status: int, answer: dict[str, Any]) -> None:
        """Raises NotAuthorized unless the answer gives a bearer token."""
        error, described = self._word(answer.get("error")), self._word(answer.get("error_description"))
        told = ": ".join(word for word in (f"{status} {error}".rstrip(), described) if word)
        if status in _LATER or status >= 500:
            raise NotAuthorized(Fault.NO_TOKEN, self._clean(f"{self._shown} answers {told}"))
        if status != 200 or error:
            raise self._refusal(told)
        kind = answer.get("token_type", "bearer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise self._refusal(f"{status} with a token of the type {self._word(kind)!r}; only Bearer is understood")

    def _refusal(self, told: str) -> NotAuthorized:
        return NotAuthorized(Fault.UNAUTHORIZED, self._clean(f"{self._shown} answers {told}"))

    def _clean(self, text: str) -> str:
        return self._masking.text(text)

    def _word(self, value: Any) -> str:
        """Something that the server says, fit for a line. It's masked before it's cut, or the start of a secret at the
        end would be left."""
        text = self._clean(value if isinstance(value, str) else "" if value is None else str(value))
        return "".join(c if c.isprintable() else " " for c in text)[:300].strip()


def _seconds(value: Any) -> float | None:
    """How long a token lives; none where it isn't said. Some servers send a text; 0 says nothing."""
    try:
        life = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return life if 0 < life < inf else None


def _may_travel(token: str) -> bool:
    return 0 < len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _masking(*secrets: str) -> Masking:
    """What takes them out of a text. A word that is very short can't be told from other text."""
    return Masking((secret for secret in secrets if len(secret) >= _SHORTEST_MASKED), "(token)")
