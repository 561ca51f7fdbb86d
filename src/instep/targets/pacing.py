"""Who may send when: one `Pacing` for each app, shared by all jobs that send to it.

Requests are told apart by what they are for (a creation of users, a change of groups), since apps often limit them
apart, and since ending somebody's access must not stand behind thousands of creations. Within a kind the jobs take
turns, and each job's requests keep their order. The limits themselves are in `core/limits.py` (published),
`core/limiter.py` (learnt) and `core/credit.py` (announced in answers).

Nothing runs in the background: of those who wait, one keeps the time for all, and whoever may go is let go by it or
by the answer that made room.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from math import inf
from typing import TYPE_CHECKING

from instep.core.credit import Announced
from instep.ports import Clock
from instep.targets.lanes import Grant, KnownLimit, Lane, RequestKind, Turn, published

if TYPE_CHECKING:
    from instep.targets.gallery import Limit as Published


class Pacing:
    """The permissions to send to one app.

    limits: what its vendor publishes. connections: requests under way at the most. spread: a number from 0 to 1, anew
    each time; by that, processes that were asked to wait for the same time don't come back at the same moment.
    """

    def __init__(
        self,
        clock: Clock,
        limits: "Sequence[Published]" = (),
        connections: int = 64,
        spread: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._clock = clock
        self._limits = published(limits)
        self._connections = connections
        self._spread = spread
        self._lanes: dict[RequestKind, Lane] = {}
        self._queued: dict[Lane, None] = {}
        """The lanes in which somebody waits; the first one's turn is next."""
        self._under_way = 0
        self._paused_until = -inf
        self._next = inf
        """When the next one may go, unless an answer comes earlier."""
        self._keeper: Turn | None = None
        self._keeps_until = inf
        self.sizes = sorted((limit.above_bytes for limit in limits if limit.above_bytes), reverse=True)
        """Body sizes that limits speak of, in bytes, the largest first."""

    @property
    def waiting(self) -> int:
        """How many requests wait for permission."""
        return sum(len(queue) for lane in self._queued for queue in lane.queues.values())

    def limits(self) -> list[KnownLimit]:
        """The limits that the kinds of requests which were sent are held to."""
        return [limit for lane in self._lanes.values() for limit in lane.known()]

    def pauses(self) -> dict[tuple[str, str], float]:
        """Seconds that the app still wants to be left alone, by purpose and resource of all requests that were sent."""
        now, left = self._clock.monotonic(), dict[tuple[str, str], float]()
        for kind, lane in self._lanes.items():
            at = (str(kind.purpose), kind.resource)
            left[at] = max(left.get(at, 0.0), lane.pause_left(now))
        return left

    # -------------------------------------------------------------------------------- for requests

    def turn(self, kind: RequestKind, job: Hashable, patience: float) -> Turn:
        """A turn for a request of that kind. Jobs are told apart by `job`. patience: seconds that it may spend, in
        all, in pauses that the app asks for; waiting for others that are before it isn't counted."""
        now = self._clock.monotonic()
        lane = self._lanes.get(kind)
        if lane is None:
            lane = self._lanes[kind] = Lane(kind, self._limits)
            lane.pause(now, self._paused_until)
        return Turn(lane, job, lane.paused - lane.pause_left(now) + patience)

    async def permission(self, turn: Turn) -> Grant | float:
        """Wait for the permission to send now; or, where the app asks for more patience than there is, the seconds
        that it wants to be left alone."""
        lane, now = turn.lane, self._clock.monotonic()
        if lane.paused > turn.patient_until:
            return lane.pause_left(now)
        if not lane.queues and self._under_way < self._connections and lane.wait(now) <= 0:
            self._under_way += 1
            return lane.take(now)
        again = False
        while True:
            grant = await self._wait_for(turn, again)
            now = self._clock.monotonic()
            if grant is None:
                return lane.pause_left(now)
            if not lane.pause_left(now):
                return grant
            # Between its being let go and now, an answer came that asks for a pause.
            self.withdraw(grant)
            again = True

    def answered(self, grant: Grant, announced: Announced | None = None) -> None:
        """The answer came, or none will; it wasn't a 429."""
        now = self._clock.monotonic()
        if self._end(grant):
            grant.learnt.accepted(grant.sent, now, announced)
            if announced is not None:
                grant.lane.announce(announced, list(self._lanes.values()))
        if self._queued:
            self._dispatch(now)

    def refused(self, grant: Grant, after: float | None, announced: Announced | None = None) -> None:
        """A 429. after: the seconds of its Retry-After: no request of that kind goes before they have passed."""
        now, lane = self._clock.monotonic(), grant.lane
        if grant.learnt is lane.learnt:
            lane.suspect(list(self._lanes.values()), now)  # before the request ends: what's under way is taken along
        if self._end(grant):
            seconds = grant.learnt.refused(grant.sent, now, after, announced)
        else:
            seconds = after or 1.0
            lane.learnt.pause(now + seconds)
        self._pause([each for each in self._lanes.values() if each.learnt is lane.learnt], now, seconds)

    def unavailable(self, grant: Grant, seconds: float) -> None:
        """A 503: nothing at all goes to the app for so many seconds, and then carefully."""
        now = self._clock.monotonic()
        if self._end(grant):
            grant.learnt.accepted(grant.sent, now)
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.learnt.pause(now + seconds)
        self._paused_until = max(self._paused_until, self._pause(lanes, now, seconds))

    def withdraw(self, grant: Grant) -> None:
        """The request isn't sent after all."""
        if self._end(grant):
            grant.learnt.withdrawn()
        if self._queued:
            self._dispatch(self._clock.monotonic())

    # --------------------------------------------------------------------------------------- within

    def _end(self, grant: Grant) -> bool:
        """A request is over. False when its lane has joined another limit since: then its numbers mean nothing."""
        self._under_way -= 1
        grant.lane.ended()
        if grant.learnt is grant.lane.learnt:
            return True
        grant.lane.learnt.in_flight -= 1
        return False

    def _pause(self, lanes: list[Lane], now: float, seconds: float) -> float:
        """Leave these lanes alone, a little longer than the app asks for. Returns until when."""
        until = now + seconds + min(0.5, 0.05 * seconds) * self._spread()
        for lane in lanes:
            lane.pause(now, until)
            impatient = [t for queue in lane.queues.values() for t in queue if lane.paused > t.patient_until]
            for turn in impatient:
                turn.denied = True
                self._wake(turn)
        if self._queued:
            self._dispatch(now)
        return until

    def _dispatch(self, now: float) -> None:
        """Let everybody go who may, one of each lane after the other."""
        soonest, somebody = inf, True
        while somebody and self._under_way < self._connections:
            soonest, somebody = inf, False
            for lane in list(self._queued):
                if self._under_way >= self._connections:
                    break
                wait = lane.wait(now)
                if wait > 0:
                    soonest = min(soonest, wait)
                    continue
                somebody = True
                self._let_go(lane, now)
        self._next = now + soonest
        if self._keeper is not None and self._next < self._keeps_until:
            self._wake(self._keeper)

    def _let_go(self, lane: Lane, now: float) -> None:
        turn = lane.next()
        # To the end of the row, or out of it.
        del self._queued[lane]
        if lane.queues:
            self._queued[lane] = None
        self._under_way += 1
        turn.grant = lane.take(now)
        self._wake(turn)

    @staticmethod
    def _wake(turn: Turn) -> None:
        if turn.woken is not None:
            turn.woken.set()

    async def _wait_for(self, turn: Turn, first: bool) -> Grant | None:
        """Stand in the row until it's this one's turn; none when its patience has ended."""
        lane = turn.lane
        turn.grant, turn.woken = None, asyncio.Event()
        lane.enter(turn, first)
        self._queued[lane] = None
        delivered = False
        try:
            self._dispatch(self._clock.monotonic())
            while turn.grant is None and not turn.denied:
                turn.woken.clear()
                if self._keeper is None:
                    self._keeper = turn
                if self._keeper is turn:
                    await self._keep_time(turn.woken)
                    self._dispatch(self._clock.monotonic())
                else:
                    await turn.woken.wait()
            delivered = True
            return turn.grant
        finally:
            if turn.grant is None:
                lane.leave(turn)
                if not lane.queues:
                    del self._queued[lane]
            elif not delivered:
                self.withdraw(turn.grant)
            if self._keeper in (turn, None):
                self._hand_over()

    async def _keep_time(self, woken: asyncio.Event) -> None:
        """Sleep until the next one may go, or this one is woken."""
        self._keeps_until = self._next
        seconds = self._next - self._clock.monotonic()
        if seconds == inf:
            await woken.wait()
            return
        # Less than that is rounding: a loop may not tell it apart, and would wake again and again at the same time.
        sleeper = asyncio.ensure_future(self._clock.sleep(max(1e-3, seconds)))

        def wake(_: object) -> None:
            woken.set()

        sleeper.add_done_callback(wake)
        try:
            await woken.wait()
        finally:
            sleeper.remove_done_callback(wake)
            sleeper.cancel()

    def _hand_over(self) -> None:
        """Somebody else keeps the time from now on."""
        self._keeper, self._keeps_until = None, inf
        for lane in self._queued:
            for queue in lane.queues.values():
                self._wake(queue[0])
                return


class Pacings:
    """The pacings of a process, by the address of the app: jobs that send to one app share its limits."""

    def __init__(self, clock: Clock, spread: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._spread = spread
        self._by_address: dict[str, Pacing] = {}

    def of(self, address: str, limits: "Sequence[Published]" = (), connections: int = 64) -> Pacing:
        """The pacing of the app at that base URL; who asks first says its limits."""
        pacing = self._by_address.get(address)
        if pacing is None:
            pacing = self._by_address[address] = Pacing(self._clock, limits, connections, self._spread)
        return pacing
