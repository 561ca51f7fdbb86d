"""Lanes: the requests of one kind to one app, those that wait and the limits that they have to pass.

Which requests are of one kind is decided here, and which published limits fit them. Who goes next is in `pacing`.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct

from instep.core.credit import Announced
from instep.core.limiter import Learnt, Sent
from instep.core.limits import AtOnce, Bucket, Limit, Span
from instep.targets.verdict import Purpose

if TYPE_CHECKING:
    from instep.targets.gallery import Limit as Published

_ENOUGH_SIGNS = 2


class RequestKind(Struct, frozen=True):
    """Requests that are expected to be limited together."""

    purpose: Purpose
    method: str
    resource: str
    """`Users`, `Groups`, ..."""
    above: int = 0
    """The largest size, of those that published limits speak of, that the body is above, in bytes."""

    def __str__(self) -> str:
        return f"{self.purpose} {self.resource}"


class Origin(StrEnum):
    """How a limit is known."""

    PUBLISHED = "published"
    ANNOUNCED = "announced"
    LEARNT = "learnt"


class KnownLimit(Struct, frozen=True):
    """A limit that requests for a purpose are held to."""

    purpose: str
    resource: str
    origin: Origin
    rate: float | None
    """Requests a second; none when it isn't known, or it isn't a limit of time."""
    burst: float | None
    """Requests at once; none when it isn't known."""


def published(limits: "Sequence[Published]") -> "list[tuple[Published, Limit]]":
    """What a vendor publishes, each with its machine: a limit that fits several kinds counts them together."""
    return [(limit, _machine(limit)) for limit in limits]


class Lane:
    """The requests of one kind."""

    def __init__(self, kind: RequestKind, limits: "Sequence[tuple[Published, Limit]]") -> None:
        self.kind = kind
        self.published = tuple(machine for limit, machine in limits if _fits(limit, kind))
        self.learnt = Learnt()
        self.queues: dict[Hashable, deque[Turn]] = {}
        """Who waits, by job; the first job's turn is next."""
        self.under_way = 0
        self.paused = 0.0
        """Seconds of pauses that the app has asked for so far, to the end of the last."""
        self.announced: tuple[int, float | None] | None = None
        """The limit and its window, where the app says them."""
        self._paused_until = -inf
        self._signs = 0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; `inf` when only an answer can tell."""
        wait = max(self._paused_until - now, self.learnt.wait(now))
        for limit in self.published:
            wait = max(wait, limit.wait(now))
        return wait

    def take(self, now: float) -> "Grant":
        """A request goes now."""
        self.under_way += 1
        for limit in self.published:
            limit.take(now)
        return Grant(self, self.learnt, self.learnt.take(now))

    def ended(self) -> None:
        """A request is answered, or came to nothing."""
        self.under_way -= 1
        for limit in self.published:
            limit.ended()

    def pause(self, now: float, until: float) -> None:
        """Nothing of this lane goes before `until`."""
        self.paused += max(0.0, until - max(now, self._paused_until))
        self._paused_until = max(until, self._paused_until)

    def pause_left(self, now: float) -> float:
        """Seconds that the app still wants to be left alone."""
        return max(0.0, self._paused_until - now)

    def next(self) -> "Turn":
        """Whose turn it is: one of each job after the other."""
        job, queue = next(iter(self.queues.items()))
        turn = queue.popleft()
        del self.queues[job]
        if queue:
            self.queues[job] = queue
        return turn

    def enter(self, turn: "Turn", first: bool) -> None:
        """Wait from now on: behind one's own job's requests, or before them."""
        queue = self.queues.setdefault(turn.job, deque())
        if first:
            queue.appendleft(turn)
        else:
            queue.append(turn)

    def leave(self, turn: "Turn") -> None:
        """Wait no longer."""
        queue = self.queues[turn.job]
        queue.remove(turn)
        if not queue:
            del self.queues[turn.job]

    def known(self) -> Iterator[KnownLimit]:
        """The limits that it is held to: what the vendor publishes, and what the app announces or has taught."""
        for limit in self.published:
            yield KnownLimit(self.kind.purpose, self.kind.resource, Origin.PUBLISHED, limit.rate, limit.burst)
        origin, rate, burst = Origin.LEARNT, self.learnt.known_rate, self.learnt.burst
        if self.learnt.announced:
            origin = Origin.ANNOUNCED
            most, window = self.announced or (None, None)
            burst = most or burst
            rate = rate or (most / window if most and window else None)
        if rate is not None or origin is Origin.ANNOUNCED:
            yield KnownLimit(self.kind.purpose, self.kind.resource, origin, rate, burst)

    # ------------------------------------------------------------------------------ shared limits

    def announce(self, announced: Announced, others: "list[Lane]") -> None:
        """The app said what is left. When more is gone than was sent in this lane, one of the others that are told the
        same limit shares it."""
        if announced.limit is None:
            return
        self.announced = (announced.limit, announced.window)
        if announced.limit - announced.remaining > self.learnt.number:
            self._join([lane for lane in others if lane.announced == self.announced])

    def suspect(self, others: "list[Lane]", now: float) -> None:
        """A request is being refused. When what was sent in this lane can't be why, or another was refused at the same
        moment, and not for the first time, both have one limit."""
        if self.learnt.unexplained(now):
            busy = [lane for lane in others if lane.learnt.limited and now - lane.learnt.last_sent < 2]
        else:
            busy = [lane for lane in others if self.learnt.coincides(lane.learnt, now)]
        busy = [lane for lane in busy if lane.learnt is not self.learnt]
        self._signs += bool(busy)
        if self._signs >= _ENOUGH_SIGNS:
            self._join(busy)

    def _join(self, lanes: "Sequence[Lane]") -> None:
        for lane in lanes:
            if lane.learnt is not self.learnt:
                self.learnt.in_flight -= self.under_way  # others may have it still
                lane.learnt.take_in(self.learnt, self.under_way)
                self.learnt = lane.learnt
                self._signs = 0
                return


class Grant(Struct):
    """The permission for one request, to be given back."""

    lane: Lane
    learnt: Learnt
    sent: Sent


class Turn:
    """One request's way to its permissions, over all its tries.

    patient_until: how many seconds of pauses the lane may have had in all before the request is given up.
    """

    __slots__ = ("denied", "grant", "job", "lane", "patient_until", "woken")

    def __init__(self, lane: Lane, job: Hashable, patient_until: float) -> None:
        self.lane = lane
        self.job = job
        self.patient_until = patient_until
        self.grant: Grant | None = None
        self.denied = False
        self.woken: asyncio.Event | None = None


def _machine(limit: "Published") -> Limit:
    if limit.seconds is None:
        return AtOnce(limit.requests)
    if limit.burst is not None:
        return Bucket(limit.requests, limit.seconds, limit.burst)
    return Span(limit.requests, limit.seconds)


def _fits(limit: "Published", kind: RequestKind) -> bool:
    return (
        (not limit.methods or kind.method in limit.methods)
        and limit.of in ("", kind.resource.lower())
        and (not limit.lists or kind.purpose == "list")
        and (limit.above_bytes is None or kind.above >= limit.above_bytes)
    )
