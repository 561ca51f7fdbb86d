"""Requests with patience: what the app asks for by 429, 503 and Retry-After, it gets.

A pause holds for the whole app, so every request through this client waits for its end. Only what was surely
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
from instep.targets.http import Connection, Reply
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

    patience: seconds that one request may wait in all for the app's permission; after that, RetryLater.
    """

    def __init__(self, connection: Connection, clock: Clock, abilities: Abilities, patience: float = 120.0) -> None:
        self.abilities = abilities
        self._connection = connection
        self._clock = clock
        self._patience = patience
        self._resume = 0.0
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
        waited, tries = 0.0, 0
        while True:
            pause = self._resume - self._clock.monotonic()
            if pause > 0:
                if waited + pause > self._patience:
                    return Attempt(purpose, method, shown, body, _asked_for_patience(pause))
                await self._clock.sleep(pause)
                waited += pause
                continue
            self.fence()
            attempt = self._judged(purpose, method, shown, body, await self._connection.send(method, path, query, body))
            outcome = attempt.outcome
            if attempt.status not in (429, 503) or not isinstance(outcome, RetryLater):
                return attempt
            tries += 1
            wait = outcome.after or min(2.0 ** (tries - 1), 60.0)
            self._resume = max(self._resume, self._clock.monotonic() + wait)
            if waited + wait > self._patience or tries >= (_TRIES if outcome.flow_control else _TRIES_UNASKED):
                return attempt

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

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
