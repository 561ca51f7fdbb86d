"""Writes of users that come at the same moment, gathered into one `/Bulk` request (RFC 7644, 3.7).

Nobody else notices: each caller gets the attempt of its own operation, with the status and the body that the app gave
it, as if it had been sent alone. Only users are gathered, and never PUT; groups have their own way of asking little.
It's offered by an app's `/ServiceProviderConfig`, which is read once, after so many writes that it may pay; and an app
that refuses `/Bulk` after all is taken at its word. How long to wait for the app, and how often to try, is in `client`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from instep.core.outcome import Outcome, Unknown
from instep.ports import Clock
from instep.scim import abilities, reading
from instep.scim.reading import Complaint
from instep.targets import verdict
from instep.targets.client import Attempt, Client
from instep.targets.http import Reply
from instep.targets.verdict import Purpose

WORTH_ASKING = 20
"""Writes after which it's asked whether the app offers /Bulk: a small cycle never asks."""
GATHER = 0.005
"""Seconds in which writes are gathered, once no bulk request is under way."""
LARGEST = 1024 * 1024
"""Bytes of a bulk request at the most, whatever the app allows."""
MOST = 1000
"""Operations in one at the most."""

_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_JSON = "application/scim+json"
_AROUND = 200
"""Bytes of a bulk request beside its operations, and of an operation beside its data."""
_NOT_OFFERED = (400, 403, 404, 405, 406, 410, 415, 501, 505)
"""Statuses of /Bulk that say: not this way. Nothing was done."""


class _Limits(Struct, frozen=True):
    """What one bulk request may hold."""

    operations: int
    size: int


class _Operation(Struct, eq=False):
    """One write that waits to be sent."""

    purpose: Purpose
    method: str
    path: str
    body: Any
    size: int
    attempt: "asyncio.Future[Attempt]"

    async def alone(self, client: Client) -> Attempt:
        """Send it by itself."""
        return await client.send(self.purpose, self.method, self.path, body=self.body)

    def judged(self, status: int, answer: Mapping[str, Any], milliseconds: int) -> Attempt:
        """What the operation's own status and body make of it. The body of a success is often left out, and then only
        the location says what was made."""
        response, location = answer.get("response"), answer.get("location")
        body = b"" if response is None else msgspec.json.encode(response)
        said = Complaint() if 200 <= status < 300 else reading.complaint(body, _JSON)
        place = location if isinstance(location, str) else ""
        reply = Reply(status=status, content_type=_JSON, body=body, location=place, milliseconds=milliseconds)
        return self.ended(verdict.of_status(self.purpose, status, said), reply, said)

    def ended(self, outcome: Outcome, reply: Reply, said: Complaint) -> Attempt:
        """The attempt with that outcome."""
        return Attempt(self.purpose, self.method, self.path, self.body, outcome, reply, said)


class Bulk:
    """The writes of one app through one client."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._limits: _Limits | None = None
        self._asked = False
        self._asking = asyncio.Lock()
        self._writes = 0
        self._waiting: list[_Operation] = []
        self._sending: asyncio.Task[None] | None = None

    async def send(self, purpose: Purpose, method: str, path: str, body: Any = None) -> Attempt:
        """Send a write, together with others where that's possible. Never raises for what the app or network does,
        only what the fence raises."""
        self._writes += 1
        if path.startswith("/Users") and method != "PUT" and self._client.abilities.bulk:
            if self._writes > WORTH_ASKING and not self._asked:
                await self._ask()
            size = len(msgspec.json.encode(body)) + len(path) + _AROUND
            if self._limits and size + _AROUND <= self._limits.size:
                return await self._gathered(_Operation(purpose, method, path, body, size, _future()))
        return await self._client.send(purpose, method, path, body=body)

    async def close(self) -> None:
        """Nobody waits for what is under way any more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    # --------------------------------------------------------------------------------- whether it's offered

    async def _ask(self) -> None:
        """Ask once; those who come meanwhile wait, and then go together."""
        async with self._asking:
            if not self._asked:
                self._limits = await self._offered()
                self._asked = True

    async def _offered(self) -> _Limits | None:
        """What the app says of /Bulk; none when it doesn't offer it."""
        answer = await self._client.send("read", "GET", "/ServiceProviderConfig")
        stated = _object(_object(_decoded(answer.reply.body)).get("bulk")) if answer.done else {}
        most, size = stated.get("maxOperations"), stated.get("maxPayloadSize")
        if stated.get("supported") is True and isinstance(most, int) and most > 1:
            return _Limits(min(most, MOST), min(size, LARGEST) if isinstance(size, int) and size > 0 else LARGEST)
        if answer.status is not None and answer.status < 500 and answer.status != 429:
            self._client.learn(abilities.refused_bulk)
        return None

    def _not_offered(self) -> None:
        self._limits = None
        self._client.learn(abilities.refused_bulk)

    # ---------------------------------------------------------------------------------------- gathering

    async def _gathered(self, operation: _Operation) -> Attempt:
        self._waiting.append(operation)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        try:
            return await operation.attempt
        except asyncio.CancelledError:
            if operation in self._waiting:
                self._waiting.remove(operation)
            raise

    async def _send_all(self) -> None:
        """Send what waits until nothing does. One bulk at a time: whose write was in the last comes back with the
        next within moments, and they go on together."""
        batch: list[_Operation] = []
        try:
            while self._waiting:
                await self._clock.sleep(GATHER)
                batch = self._next()
                await self._send_batch(batch)
        except BaseException as error:
            # The fence, or the end of everything: whoever waits is told.
            for operation in (*batch, *self._waiting):
                if not operation.attempt.done():
                    operation.attempt.set_exception(error) if isinstance(
                        error, Exception
                    ) else operation.attempt.cancel()
            self._waiting.clear()
            if not isinstance(error, Exception):
                raise

    def _next(self) -> list[_Operation]:
        """The next of those who wait, as many as one request holds, each resource once."""
        limits = self._limits or _Limits(1, LARGEST)
        batch: list[_Operation] = []
        known: set[str] = set()
        size = _AROUND
        for operation in self._waiting:
            if operation.path in known or size + operation.size > limits.size or len(batch) == limits.operations:
                break
            batch.append(operation)
            size += operation.size
            if operation.method != "POST":
                known.add(operation.path)
        self._waiting = self._waiting[len(batch) :]
        return batch

    # ------------------------------------------------------------------------------------------ sending

    async def _send_batch(self, batch: list[_Operation]) -> None:
        if len(batch) == 1 or self._limits is None:
            await self._send_singly(batch)
            return
        operations = [_written(operation, number) for number, operation in enumerate(batch)]
        message = {"schemas": [_REQUEST], "Operations": operations}
        whole = await self._client.send("change", "POST", "/Bulk", body=message)
        if whole.status == 413:
            self._limits = _Limits(len(batch) // 2, self._limits.size)
            await self._send_singly(batch)
        elif whole.status in _NOT_OFFERED or (whole.status is not None and 300 <= whole.status < 400):
            self._not_offered()
            await self._send_singly(batch)
        elif whole.done:
            _tell(batch, whole.reply)
        else:
            for operation in batch:
                _resolve(operation, operation.ended(whole.outcome, whole.reply, whole.said))

    async def _send_singly(self, batch: list[_Operation]) -> None:
        async def one(operation: _Operation) -> None:
            _resolve(operation, await operation.alone(self._client))

        await asyncio.gather(*(one(operation) for operation in batch))


def _tell(batch: list[_Operation], reply: Reply) -> None:
    """Give each caller the answer to its own operation."""
    answers = _answers(reply.body, batch)
    for number, operation in enumerate(batch):
        answer = answers.get(number)
        status = _status(answer)
        if answer is None or status is None:
            reason = "the answer to a bulk request says nothing of this operation"
            left_out = Unknown(reason, verdict.INCOMPATIBLE)
            _resolve(operation, operation.ended(left_out, Reply(milliseconds=reply.milliseconds), Complaint()))
            continue
        _resolve(operation, operation.judged(status, answer, reply.milliseconds))


def _future() -> "asyncio.Future[Attempt]":
    return asyncio.get_running_loop().create_future()


def _resolve(operation: _Operation, attempt: Attempt) -> None:
    # Whoever waited may have been cut off meanwhile.
    if not operation.attempt.done():
        operation.attempt.set_result(attempt)


def _written(operation: _Operation, number: int) -> dict[str, Any]:
    written = {"method": operation.method, "path": operation.path, "bulkId": f"w{number}"}
    return written if operation.body is None else {**written, "data": operation.body}


def _answers(body: bytes, batch: list[_Operation]) -> dict[int, Mapping[str, Any]]:
    """The answers by the number of their operation: by bulkId, which some apps give back for creations only; else by
    method and location. One that fits nothing, or what was answered already, is left out."""
    by_path = {(o.method, o.path.rpartition("/")[2]): number for number, o in enumerate(batch) if o.method != "POST"}
    by_id = {f"w{number}": number for number in range(len(batch))}
    found: dict[int, Mapping[str, Any]] = {}
    told = _object(_decoded(body)).get("Operations")
    for each in cast("list[Any]", told) if isinstance(told, list) else []:
        answer = _object(each)
        named = answer.get("bulkId")
        place = (str(answer.get("method", "")).upper(), str(answer.get("location", "")).rstrip("/").rpartition("/")[2])
        number = by_id.get(named) if isinstance(named, str) else by_path.get(place)
        if number is not None:
            found.setdefault(number, answer)
    return found


def _status(answer: Mapping[str, Any] | None) -> int | None:
    """An operation's status: a text in RFC 7644; a number, or `{"code": ...}` as before it, in some apps."""
    stated: Any = (answer or {}).get("status")
    stated = _object(stated).get("code", stated)
    text = str(stated)
    return int(text) if len(text) == 3 and text.isdecimal() and text >= "100" else None


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
