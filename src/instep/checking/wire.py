"""The wire: raw requests to the endpoint, and their answers just as they came.

Unlike the client that provisions, it may send what's wrong on purpose, without a token or with other headers, and it
judges nothing. The session comes from `wiring`, which opens it with the same guard on addresses as for tenant URLs.
What is waited for here is a 429, or a 503 with Retry-After, so that a throttling app isn't found broken. The token is
taken out of all that is kept.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import yarl
from msgspec import Struct
from multidict import CIMultiDict

from instep.checking.finding import Unreachable
from instep.core.record import Exchange
from instep.ports import Clock
from instep.scim import reading
from instep.scim.documents import ABSENT, lookup
from instep.scim.reading import NotScim

LARGEST_ANSWER = 10 * 1024 * 1024
"""Bytes."""
PATIENCE = 60.0
"""Seconds that one request waits, in all, because the app asks for it."""

_KEPT = 8 * 1024
_WITHHELD = "not made by the check, so not shown"
_PAUSE = 2.0
"""Seconds after a 429 that doesn't say how long."""


class Answer(Struct, frozen=True):
    """A request and what came back; no status when nothing did, and then `problem` says why."""

    method: str
    path: str
    sent: Any
    status: int | None = None
    headers: Mapping[str, str] = {}
    body: bytes = b""
    milliseconds: int = 0
    problem: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the status is one of success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def error_within(self) -> int | None:
        """The status of a SCIM error that came with a status of success."""
        return reading.stated_error(self.body, self.content_type) if self.succeeded else None

    @property
    def content_type(self) -> str:
        """The header, empty where there's none."""
        return self.headers.get("Content-Type", "")

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; empty for anything else."""
        try:
            return reading.json_object(self.body, self.content_type)
        except NotScim:
            return {}

    @property
    def app_id(self) -> str:
        """The id of the resource in the body; empty without one."""
        found = lookup(self.document, "id")
        return "" if found is ABSENT else str(found)

    @property
    def words(self) -> str:
        """What came, in short: `404: no such user`."""
        if self.status is None:
            return f"no answer ({self.problem})"
        said = reading.complaint(self.body, self.content_type).detail if not self.succeeded else ""
        return f"{self.status}: {said}" if said else str(self.status)

    def exchange(self, ours: Callable[[Mapping[str, Any]], bool]) -> Exchange:
        """As reports keep it: no headers, a long body cut, and of resources that aren't ours only the id: a report is
        passed on, and they're people's data."""
        document = self.document
        listed = lookup(document, "Resources")
        if not ours(document):
            document = {"id": lookup(document, "id"), _WITHHELD: True}
        elif isinstance(listed, list):
            entries = [entry for entry in listed if isinstance(entry, dict)]
            shown = [entry if ours(entry) else {"id": lookup(entry, "id"), _WITHHELD: True} for entry in entries]
            document = {name: value for name, value in document.items() if value is not listed} | {"Resources": shown}
        text = msgspec.json.encode(document).decode() if document else self.body[:_KEPT].decode("utf-8", "replace")
        answer: Any = document or text or self.problem or None
        if len(text) > _KEPT:
            answer = f"{text[:_KEPT]}… ({len(self.body)} bytes)"
        return Exchange(self.method, self.path, self.sent, self.status, answer, self.milliseconds)


class Halted(Exception):
    """No more requests are sent: the run was stopped. The one that was under way has been answered."""


class Wire:
    """The requests to one endpoint.

    base: its URL, without a slash at the end. query: flags that ride along. authorization: gives the header's value, or
    raises Unreachable when there's none to be had.
    masked: takes secrets out of a text.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        query: str,
        authorization: Callable[[], Awaitable[str]],
        masked: Callable[[bytes], bytes],
        clock: Clock,
    ) -> None:
        self.base = base
        self.clock = clock
        self.answers: list[Answer] = []
        """All that came, in order."""
        self.throttled = 0
        """How many answers asked for patience."""
        self.throttled_silently = 0
        """How many of them didn't say for how long."""
        self.waited = 0.0
        """Seconds waited because of them."""
        self._halt = asyncio.Event()
        self._session = session
        self._query = query
        self._authorization = authorization
        self._masked = masked

    @property
    def secure(self) -> bool:
        """Whether it's HTTPS."""
        return self.base.startswith("https:")

    async def send(
        self,
        method: str,
        path: str,
        query: str = "",
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Send a request, again where the app asks for patience. Never raises for what app or network do, only
        Halted.

        path and query: percent-encoded. body: bytes go as they are, anything else as JSON. token: the value of the
        header Authorization instead of the right one; empty for no such header.
        """
        waited = 0.0
        while True:
            if self._halt.is_set():
                raise Halted
            answer = await self._once(method, path, query, body, headers or {}, token)
            self.answers.append(answer)
            after = self._after(answer)
            if after is None or waited + after > PATIENCE:
                return answer
            await self._pause(after)
            waited += after
            self.waited += after

    def halt(self, halted: bool = True) -> None:
        """Send nothing more, which ends whoever asks by Halted; or let requests go again. What is under way isn't cut
        off: it might still be carried out when everything is tidied up."""
        if halted:
            self._halt.set()
        else:
            self._halt.clear()

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless it's halted meanwhile."""
        ways = [asyncio.ensure_future(self.clock.sleep(seconds)), asyncio.ensure_future(self._halt.wait())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()

    def _after(self, answer: Answer) -> float | None:
        """Seconds that the app asks to wait; none when it doesn't."""
        stated = answer.headers.get("Retry-After", "").strip()
        if answer.status != 429 and not (answer.status == 503 and stated):
            return None
        self.throttled += 1
        self.throttled_silently += not stated
        return max(0.05, float(stated)) if stated.isdigit() else _PAUSE

    async def _once(
        self, method: str, path: str, query: str, body: Any, headers: Mapping[str, str], token: str | None
    ) -> Answer:
        queries = "&".join(part for part in (self._query, query) if part)
        shown = f"{path}?{query}" if query else path
        sent = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        url = yarl.URL(self.base + path + (f"?{queries}" if queries else ""), encoded=True)
        try:
            authorization = await self._authorization() if token is None else token
        except Unreachable as error:
            return Answer(method, shown, sent, problem=str(error))
        carried = {"Accept": "application/scim+json, application/json"}
        if authorization:
            carried["Authorization"] = authorization
        if body is not None:
            carried["Content-Type"] = "application/scim+json; charset=utf-8"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        began = self.clock.monotonic()

        def elapsed() -> int:
            return int((self.clock.monotonic() - began) * 1000)

        try:
            async with self._session.request(
                method, url, data=data, headers={**carried, **headers}, allow_redirects=False
            ) as came:
                content = await came.content.read(LARGEST_ANSWER + 1)
                while content and not came.content.at_eof() and len(content) <= LARGEST_ANSWER:
                    content += await came.content.read(LARGEST_ANSWER + 1 - len(content))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = getattr(error, "os_error", None) or error
            problem = "no answer in time" if isinstance(error, TimeoutError) else str(reason) or type(error).__name__
            return Answer(method, shown, sent, milliseconds=elapsed(), problem=self._clean(problem))
        if len(content) > LARGEST_ANSWER:
            return Answer(method, shown, sent, milliseconds=elapsed(), problem="the answer is larger than 10 MB")
        told = CIMultiDict((name, self._clean(value)) for name, value in came.headers.items())
        return Answer(method, shown, sent, came.status, told, self._masked(content), elapsed())

    def _clean(self, text: str) -> str:
        return self._masked(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def json_of(value: Any) -> str:
    """A value in few characters, for a sentence."""
    text = msgspec.json.encode(value).decode() if value is not ABSENT else "nothing"
    return text if len(text) <= 120 else f"{text[:119]}…"
