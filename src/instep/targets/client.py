"""Requests with patience: what the app asks for by 429, 503 and Retry-After, it gets.

When a request may go is the `pacing`'s to say, which other clients of the same app may share. Only what was surely
not carried out is sent again; how anything else is taken is in `verdict`. What the app taught us is kept
here, as abilities.
"""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import msgspec
from msgspec import Struct

from instep.core.outcome import Done, Outcome, RetryLater
from instep.ports import Clock, Exchange
from instep.scim import reading
from instep.scim.abilities import Abilities
from instep.scim.reading import Complaint
from instep.targets import verdict
from instep.targets.announced import announced
from instep.targets.http import Reply, Transport
from instep.targets.lanes import Grant, RequestKind
from instep.targets.pacing import Pacing
from instep.targets.verdict import Purpose

P = ParamSpec("P")

_LONGEST_KEPT = 16 * 1024
"""Bytes of an answer that the log keeps in full."""
_TRIES = 30
_TRIES_UNASKED = 4
"""How often a 503 without Retry-After is tried."""


class Attempt(Struct, frozen=True):
    """A request with its reply and what the status makes of it; of a success, the body isn't looked at yet."""

    purpose: Purpose
    method: str
    path: str
    sent: Any
    outcome: Outcome
    reply: Reply = Reply()
    said: Complaint = Complaint()

    @property
    def done(self) -> bool:
        """Whether the status was one of success."""
        return isinstance(self.outcome, Done)

    @property
    def status(self) -> int | None:
        """The HTTP status; none when no answer came."""
        return self.reply.status

    def exchange(self) -> Exchange:
        """Request and answer as the log keeps them; a long answer only by its length."""
        return Exchange(self.method, self.path, self.sent, self.status, _kept(self.reply), self.reply.milliseconds)


class Client:
    """The requests to one app.

    patience: seconds that one request may wait in all because the app asks for it; after that, RetryLater.
    """

    def __init__(
        self, connection: Transport, clock: Clock, abilities: Abilities, pacing: Pacing, patience: float = 120.0
    ) -> None:
        self.abilities = abilities
        self._connection = connection
        self._clock = clock
        self._pacing = pacing
        self._patience = patience
        self.fence: Callable[[], None] = lambda: None
        """Called right before each request, also after a wait; what it raises ends the call."""

    @property
    def requests(self) -> int:
        """How many were sent so far, repetitions included."""
        return self._connection.requests

    def learn(self, lesson: Callable[Concatenate[Abilities, P], Abilities], *args: P.args, **kwargs: P.kwargs) -> None:
        """Take in what the app taught us: a function of `instep.scim.abilities`."""
        self.abilities = lesson(self.abilities, *args, **kwargs)

    async def send(self, purpose: Purpose, method: str, path: str, query: str = "", body: Any = None) -> Attempt:
        """Send a request, waiting where the app asks for it. Never raises for what the app or network does,
        only what the fence raises."""
        shown = f"{path}?{query}" if query else path
        turn = self._pacing.turn(self._kind(purpose, method, path, body), self, self._patience)
        last: Attempt | None = None
        tries = 0
        while True:
            grant = await self._pacing.permission(turn)
            if not isinstance(grant, Grant):
                return last or Attempt(purpose, method, shown, body, _asked_for_patience(grant))
            last = await self._sent(grant, purpose, method, path, query, body)
            outcome, said = last.outcome, announced(last.reply.headers, self._clock)
            tries += 1
            if last.status == 429:
                after = outcome.after if isinstance(outcome, RetryLater) else None
                self._pacing.refused(grant, after, said)
            elif last.status == 503 and isinstance(outcome, RetryLater):
                self._pacing.unavailable(grant, outcome.after or min(2.0 ** (tries - 1), 60.0))
            else:
                self._pacing.answered(grant, said)
                return last
            if tries >= (_TRIES if isinstance(outcome, RetryLater) and outcome.flow_control else _TRIES_UNASKED):
                return last

    async def pause(self, seconds: float) -> None:
        """Wait before something is asked for again."""
        await self._clock.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _kind(self, purpose: Purpose, method: str, path: str, body: Any) -> RequestKind:
        sizes = self._pacing.sizes
        above = 0
        if sizes and body is not None:
            size = len(msgspec.json.encode(body))
            above = next((bound for bound in sizes if size > bound), 0)
        return RequestKind(purpose, method, path[1:].partition("/")[0], above)

    async def _sent(self, grant: Grant, purpose: Purpose, method: str, path: str, query: str, body: Any) -> Attempt:
        """Send, unless the fence is against it."""
        try:
            self.fence()
        except BaseException:
            self._pacing.withdraw(grant)
            raise
        shown = f"{path}?{query}" if query else path
        try:
            reply = await self._connection.send(method, path, query, body)
        except BaseException:
            # Cut off: it may have reached the app.
            self._pacing.answered(grant)
            raise
        return self._judged(purpose, method, shown, body, reply)

    def _judged(self, purpose: Purpose, method: str, shown: str, body: Any, reply: Reply) -> Attempt:
        if reply.fault is not None:
            outcome = verdict.of_fault(purpose, reply.fault, reply.problem)
            return Attempt(purpose, method, shown, body, outcome, reply)
        assert reply.status is not None
        said = Complaint()
        if not 200 <= reply.status < 300:
            said = reading.complaint(reply.body, reply.content_type)
            if reply.location:
                said = Complaint(f"to {reply.location}")
        after = verdict.retry_after(reply.retry_after, self._clock.now())
        outcome = verdict.of_status(purpose, reply.status, said, after)
        return Attempt(purpose, method, shown, body, outcome, reply, said)


def _asked_for_patience(seconds: float) -> RetryLater:
    return RetryLater(f"the app asked to be left alone for {seconds:.0f} s", "TooManyRequests", seconds, True)


def _kept(reply: Reply) -> Any:
    if reply.fault is not None:
        return reply.problem
    if not reply.body:
        return None
    if len(reply.body) > _LONGEST_KEPT:
        return f"{len(reply.body)} bytes of {reply.content_type or 'no stated type'}"
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return reply.body.decode("utf-8", "replace")
