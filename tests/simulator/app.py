"""The model app: a SCIM app in memory, the way to it, and everything that can go wrong on that way.

It stands where the HTTP connections would. What a fault does is told in `story`. A journal keeps each request and what
it changed, in virtual time; what must never happen is noticed as it happens.
"""

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from instep.hostile.app import App, Request
from instep.hostile.attributes import get
from instep.targets.http import Reply
from instep.targets.verdict import Fault

PERSONAL = ("Users", "Groups")
SLOWEST = 30.0
"""Seconds that a request may take."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a request changed in the app."""

    at: float
    worker: str
    what: str
    """`create`, `delete`, `disable`, `enable`, `put in` or `take out`."""
    app_id: str
    owner: str
    """The externalId: whose account or group it is; empty for a stranger's."""
    member: str = ""
    """The owner of the member who was put in or taken out."""


@dataclass
class Storm:
    """A time in which requests fail by a share."""

    kind: str
    until: float
    share: float


@dataclass
class ModelApp:
    """The app of one run. traits: as in the story."""

    seed: int
    traits: dict[str, Any]
    clock: Callable[[], float]
    tell: Callable[[str], None]
    wrong: Callable[[str], None]
    requests: int = 0
    armed: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Faults by the number of the writing request that they hit."""
    writes: int = 0
    storms: dict[str, Storm] = field(default_factory=dict)
    """By kind; there may be several at the same time."""
    effects: list[Effect] = field(default_factory=list)
    known_name: Callable[[str], bool] = lambda name: True
    """Whether a user name, in lower case, is or was somebody's in the company."""
    fault_seen: set[str] = field(default_factory=set)
    strangers: dict[str, str] = field(default_factory=dict)
    """Accounts that nobody may touch, as they were made."""

    def __post_init__(self) -> None:
        self.app = App(self.seed, self.clock, "token")
        self.app.unique = self.traits["unique"]
        if self.traits["lag"]:
            self.app.sees = lambda kind: self.app.content.as_of(kind, self.clock() - self._lag)
        self._lag = 0.0

    # ------------------------------------------------------------------------------------ what happens to it

    async def by_hand(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """Somebody in the app does something; the document that came of it."""
        answer = await self.app.answer(Request(method, path, body=body))
        return answer.document if answer.status < 300 else None

    def accounts(self) -> dict[str, list[str]]:
        """The app ids of users by their owner; a list of two is a twin."""
        found: dict[str, list[str]] = {}
        for app_id, document in self.app.content.all("Users").items():
            if owner := owner_of(document):
                found.setdefault(owner, []).append(app_id)
        return found

    async def send(self, worker: str, method: str, path: str, query: str, body: Any) -> Reply:
        """A request comes, and an answer goes or doesn't."""
        self.requests += 1
        number = self.requests
        writes = method != "GET"
        self.writes += writes
        fault = self.armed.pop(self.writes, None) if writes else None
        request = Request(method, unquote(path), _query(query), body=msgspec.to_builtins(body))
        await asyncio.sleep(0.02 + 0.3 * self._draw(number, "latency"))
        self._lag = self.traits["lag"] * self._draw(number, "lag")
        reply = await self._answered(worker, number, request, fault)
        self.tell(f"{worker} {method} {path} {query} {_text(body)} -> {reply.status} {reply.fault or ''}")
        return reply

    async def _answered(self, worker: str, number: int, request: Request, fault: dict[str, Any] | None) -> Reply:
        if (stormy := self._stormy(worker, number, request)) is not None:
            return await stormy
        if fault is None:
            return await self._carry_out(worker, request)
        self.fault_seen.add(fault["how"])
        match fault["how"]:
            case "lose":
                await self._carry_out(worker, request)
                return Reply(fault=Fault.LOST, problem="the connection broke")
            case "late":
                loop = asyncio.get_running_loop()
                # It is still on its way for as long as a request may take, whoever waits for it.
                rest = (SLOWEST - 0.5) * self._draw(number, "late")
                self.pending.append(loop.create_task(self._later(rest, worker, request)))
                return Reply(fault=Fault.LOST, problem="the connection broke")
            case "never":
                return Reply(fault=Fault.LOST, problem="the connection broke")
            case "garbage":
                if self._draw(number, "garbage") < 0.7:
                    await self._carry_out(worker, request)
                bodies = (b"<html><body>Welcome</body></html>", b'{"id": ', b"[]", b"\xff\xfe\x00")
                kind = "text/html" if number % 2 else "application/scim+json"
                return Reply(status=200, content_type=kind, body=bodies[number % len(bodies)])
            case "partial":
                await self._carry_out(worker, _half(request))
                return Reply(status=500, content_type="text/plain", body=b"Internal Server Error")
            case "done but 500":
                await self._carry_out(worker, request)
                return Reply(status=502, content_type="text/html", body=b"<html>Bad gateway</html>")
            case other:
                raise AssertionError(other)

    pending: list["asyncio.Task[None]"] = field(default_factory=list)

    async def _later(self, seconds: float, worker: str, request: Request) -> None:
        await asyncio.sleep(seconds)
        await self._carry_out(worker, request)

    def _stormy(self, worker: str, number: int, request: Request) -> Any:
        for storm in self.storms.values():
            if self.clock() <= storm.until and self._draw(number, f"storm {storm.kind}") <= storm.share:
                self.fault_seen.add(storm.kind)
                return self._in_storm(storm.kind, worker, number, request)
        return None

    async def _in_storm(self, kind: str, worker: str, number: int, request: Request) -> Reply:
        match kind:
            case "429":
                after = str(1 + number % 7) if number % 3 else None
                return Reply(status=429, content_type="application/json", body=b"{}", retry_after=after)
            case "503":
                return Reply(status=503, content_type="text/html", body=b"<html>down</html>")
            case "500":
                if request.writes and number % 2:
                    await self._carry_out(worker, request)
                return Reply(status=500, content_type="text/plain", body=b"oops")
            case "401":
                return Reply(status=401, content_type="application/json", body=b'{"detail": "token"}')
            case "down":
                return Reply(fault=Fault.CONNECT, problem="Connection refused")
            case other:
                raise AssertionError(other)

    # --------------------------------------------------------------------------------------- what it does

    async def _carry_out(self, worker: str, request: Request) -> Reply:
        before = self._held(request) if request.writes else None
        answer = await self.app.answer(request)
        if request.writes and answer.status < 300:
            app_id = request.id or (answer.document or {}).get("id", "")
            self._note(worker, request.kind, app_id, before, self.app.content.all(request.kind).get(app_id))
        location = answer.headers.get("Location", "")
        return Reply(status=answer.status, content_type="application/scim+json", body=answer.body(), location=location)

    def _held(self, request: Request) -> dict[str, Any] | None:
        return self.app.content.all(request.kind).get(request.id) if request.kind in PERSONAL else None  # type: ignore[call-overload]

    def _note(self, worker: str, kind: str, app_id: str, before: Any, after: Any) -> None:
        owner = owner_of(after) or owner_of(before)
        if kind == "Users":
            self._watch_owner(app_id, before, after)
        if before is None and after is not None:
            twins = [i for i, d in self.app.content.all(kind).items() if owner_of(d) == owner and i != app_id]  # type: ignore[call-overload]
            if owner and twins:
                self.wrong(f"I2: {owner} has two: {twins[0]} and {app_id}")
            self._effect(worker, "create", app_id, owner)
        elif after is None:
            self._effect(worker, "delete", app_id, owner)
        elif get(before, "active") is not False and get(after, "active") is False:
            self._effect(worker, "disable", app_id, owner)
        elif get(before, "active") is False and get(after, "active") is not False:
            self._effect(worker, "enable", app_id, owner)
        had, has = members_of(before), members_of(after)
        for member in sorted(has - had):
            self._effect(worker, "put in", app_id, owner, self._owner(member))
        for member in sorted(had - has) if after is not None else ():
            if not self._owner(member) and not self._may_be_adopted(member):
                self.wrong(f"I3: {member}, whom nobody manages, was taken out of {owner}")
            self._effect(worker, "take out", app_id, owner, self._owner(member))

    def _may_be_adopted(self, app_id: str) -> bool:
        """Whether its login name is or was somebody's in the company, though nobody's id was written to it yet."""
        user = self.app.content.all("Users").get(app_id)
        return user is not None and self.known_name(str(get(user, "userName")).lower())

    def _watch_owner(self, app_id: str, before: Any, after: Any) -> None:
        old, new = owner_of(before), owner_of(after)
        if before is not None and old and old != new and after is not None:
            self.wrong(f"I2: the account {app_id} of {old} was given to {new}")
        if before is not None and not old:
            name = str(get(before, "userName")).lower()
            if app_id in self.strangers and not self.known_name(name):
                self.wrong(f"I3: the stranger {name} ({app_id}) was touched")

    def _effect(self, worker: str, what: str, app_id: str, owner: str, member: str = "") -> None:
        self.effects.append(Effect(self.clock(), worker, what, app_id, owner, member))
        self.tell(f"  {what} {owner or app_id} {member}")

    def _owner(self, app_id: str) -> str:
        for kind in PERSONAL:
            if document := self.app.content.all(kind).get(app_id):  # type: ignore[call-overload]
                return owner_of(document)
        return f"gone {app_id}"

    def _draw(self, number: int, what: str) -> float:
        """A number from 0 to 1 that the seed, the request and the question alone decide."""
        return zlib.crc32(f"{self.seed} {number} {what}".encode()) / 2**32


class Line:
    """One worker's connection to the app: what the SCIM client takes for HTTP."""

    def __init__(self, app: ModelApp, worker: Any) -> None:
        self._app, self._worker = app, worker
        self.fence: Callable[[], None] = lambda: None
        self.requests = 0

    async def send(self, method: str, path: str, query: str = "", body: Any = None) -> Reply:
        """Send one request."""
        await self._worker.step()
        self.fence()
        self.requests += 1
        reply = await self._app.send(self._worker.name, method, path, query, body)
        await self._worker.step()
        return reply

    async def close(self) -> None:
        """Nothing to close."""


def owner_of(document: Any) -> str:
    """The externalId, by which the rules of the model say whose it is."""
    return str(document.get("externalId") or "") if document else ""


def members_of(document: Any) -> set[str]:
    """The app ids of a group's members."""
    return {m["value"] for m in get(document, "members") or ()} if document else set()


def _half(request: Request) -> Request:
    """The request as an app carries it out that fails in the middle."""
    body = request.body
    if request.method != "PATCH" or not isinstance(body, dict):
        return request
    operations = body["Operations"]
    first = operations[: max(1, len(operations) // 2)]
    value = first[-1].get("value")
    if len(operations) == 1 and isinstance(value, list) and len(value) > 1:
        first = [{**first[-1], "value": value[: len(value) // 2]}]
    return Request(request.method, request.path, request.query, body={**body, "Operations": first})


def _query(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _text(body: Any) -> str:
    return "" if body is None else msgspec.json.encode(body, order="deterministic").decode()
