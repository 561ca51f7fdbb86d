"""The limit that an app has and nobody told us: learnt from its answers, as a machine without a clock.

An app's limit is most often a token bucket: tokens come at a steady rate, each request takes one, and whoever finds
the bucket empty is answered with 429. So each 429 shows the bucket empty, and what was accepted between two of them
is just what flowed in: rate = accepted / time, with an error of about one request, however uneven the sending was.
The longer the two are apart, the sharper the estimate; so requests are paced around it, from a little below to a
little above, in steps as small as the estimate is sharp, and the next 429 is sought only as late as it still tells
something. Apps that say in their answers how many requests are left are asked for no 429 at all: see `credit`.

A request goes through `wait` and `take`, its answer through `accepted` or `refused`. Who waits, and in which order, is
not known here (`targets/pacing.py`).
"""

from collections import deque
from math import inf, log, log2

from msgspec import Struct

from instep.core.credit import Announced, Credit

SHORTEST_ROUND, LONGEST_ROUND = 2.0, 180.0
"""Seconds of sending at the limit in which the pace goes once from below the estimate to above it."""
WORTH = 900
"""Requests that a round should have at least, once the estimate is good enough to use the limit."""
ENOUGH = 40
"""Requests that make an estimate so good, if it took them some seconds."""
FINEST, COARSEST = 0.012, 0.3
"""How far below and above the estimate, as a share of it."""
_MEMORY = 900.0
"""Seconds after which a 429 tells nothing any more of the rate."""
SLOWEST = 0.1
"""Requests a second that every app takes: where fewer came through between two 429s, fewer were asked for."""
_IDLE = 15.0
"""Seconds without a request after which a bucket of which nothing is known may have run over."""
_LONGEST_BACK_OFF = 60.0
_IDLE_WINDOW = 4
_SURE_OF = 1.01
"""A lower bound so many times the estimate says that the estimate was wrong."""
_UNSURE, _UNSURE_REQUESTS = 10.0, 100
"""Seconds, and requests, that an estimate which was put together counts for."""
FEW = 3
"""Requests that are few for a limit to be met by."""


class Sent(Struct, frozen=True):
    """A request as it was when it went: what its answer is weighed by."""

    at: float
    number: int
    """How many had been let through before it."""
    answered: int
    """How many had been answered before it."""


class Seen(Struct, frozen=True):
    """The bucket was empty at that time."""

    at: float
    number: int
    """How many had been let through until that was known, less those that were refused too."""


class Learnt:
    """What one limit lets through. Times are seconds of one monotonic clock.

    rate: requests a second by the last estimate; none while no limit was met.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.in_flight = 0
        self.paused_until = 0.0
        self.last_sent = -inf
        self.last_refused = -inf
        self._free = True
        self.number = 0
        """How many were let through."""
        self._answered = 0
        self._last_answer = -inf
        self._window = inf
        """How many may be in flight: after a 429 one, then one more with each answer, so that few are refused."""
        self._backed_off = -inf
        self._in_a_row = 0
        self._began = 0.0
        self._seen: deque[Seen] = deque(maxlen=8)
        self._idled = False
        """Whether the bucket may have run over since it was last seen empty: then less was accepted than came in."""
        self._span = 0.0
        self._counted = 0
        self._pressed = 0.0
        """Seconds since the last 429 in which the pace was what requests waited for."""
        self._tokens = 0.0
        self._tokens_at = 0.0
        self._size = inf
        self._credit: Credit | None = None

    # ------------------------------------------------------------------------------------- requests

    def wait(self, now: float) -> float:
        """Seconds until a request may go: 0 for at once, `inf` when only an answer can tell."""
        if self._free:
            return 0.0
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight >= self._window:
            return inf
        if self._credit is not None:
            return self._credit.wait(now, self.in_flight)
        if self.rate is None:
            return 0.0
        self._fill(now)
        # What is missing by rounding alone isn't worth another wait.
        return 0.0 if self._tokens >= 1 - 1e-6 else (1 - self._tokens) / self._pace()

    def take(self, now: float) -> Sent:
        """A request goes now."""
        sent = Sent(now, self.number, self._answered)
        if not self.number:
            self._began = now
        if self.rate is None and not self.in_flight and now - max(self._last_answer, self.paused_until) > _IDLE:
            self._idled = True
        self.number += 1
        self.in_flight += 1
        if self.rate is not None:
            self._fill(now)
            self._tokens -= 1
            if self._tokens < 1:
                self._pressed += min(now - self.last_sent, 3 / self.rate)
        if self._credit is not None:
            self._credit.take()
        self.last_sent = now
        return sent

    def withdrawn(self) -> None:
        """A request that was to go didn't."""
        self.in_flight -= 1
        self._give_back()

    def accepted(self, sent: Sent, now: float, announced: Announced | None = None) -> None:
        """Any answer but 429, or none at all. announced: what the app said of its limit in it."""
        self.in_flight -= 1
        self._answered += 1
        self._last_answer = now
        self._in_a_row = 0
        self._window += 1
        if announced is not None:
            self._announce(sent, now, announced)

    def refused(self, sent: Sent, now: float, after: float | None, announced: Announced | None = None) -> float:
        """A 429. after: the seconds of its Retry-After. Returns the seconds of pause from now on."""
        self.in_flight -= 1
        self._answered += 1
        self._last_answer = now
        self._free = False
        self._give_back()
        if sent.at >= self._backed_off:
            # Not one of those that were on their way already when the last 429 came.
            self._in_a_row += 1
            self._learn(Seen(sent.at, self.number))
            self._backed_off = now
            self._pressed = 0.0
        elif self._seen:
            self._seen[-1] = Seen(self._seen[-1].at, self._seen[-1].number - 1)
        self._window, self.last_refused = 1, now
        # Since then the bucket fills again; who is still on the way has taken of that already.
        self._tokens, self._tokens_at = float(-self.in_flight), max(sent.at, self._tokens_at)
        if announced is not None:
            self._announce(sent, now, announced)
        if self._credit is not None:
            self._credit.overdrawn(now)
        pause = after or self._back_off()
        self.paused_until = max(self.paused_until, now + pause)
        return self.paused_until - now

    def pause(self, until: float) -> None:
        """Nothing goes before `until`, and then carefully."""
        self._free = False
        self.paused_until = max(self.paused_until, until)
        self._window = 1

    # ------------------------------------------------------------------------------------- learning

    @property
    def limited(self) -> bool:
        """Whether a limit was met or announced."""
        return not self._free

    @property
    def announced(self) -> bool:
        """Whether the app says in its answers what it still takes."""
        return self._credit is not None

    @property
    def known_rate(self) -> float | None:
        """Requests a second, as far as they're known."""
        return self._credit.refill if self._credit is not None and self._credit.refill else self.rate

    @property
    def burst(self) -> float | None:
        """Requests at once, as far as they're known."""
        return None if self._size == inf else self._size

    def unexplained(self, now: float) -> bool:
        """Whether a refusal now can't be for these requests alone: hardly any were sent, or more could have gone."""
        if self._credit is not None:
            return self._credit.left(now) >= 1
        return self.number < FEW if self.rate is None else self._tokens >= FEW

    def coincides(self, other: "Learnt", now: float) -> bool:
        """Whether the other limit was met just now, and this one not for a while."""
        return now - other.last_refused < 0.5 and now - self.last_refused > 5.0

    def take_in(self, other: "Learnt", in_flight: int) -> None:
        """Both turned out to be one limit. in_flight: of the other's requests."""
        self.in_flight += in_flight
        self.paused_until = max(self.paused_until, other.paused_until)
        self._free = self._free and other._free
        if self.rate is not None and other.rate is not None:
            # Each had met its share of the limit.
            self.rate += other.rate
            self._span, self._counted = _UNSURE, int(self.rate * _UNSURE)
        self._seen.clear()

    def _learn(self, seen: Seen) -> None:
        """The bucket was empty at that moment."""
        if not self._seen:
            self._seen.append(seen)
            self._idled = False
            return
        last = self._seen[-1]
        count, seconds = seen.number - last.number, seen.at - last.at
        if count < 1 or seconds <= 0:
            return  # Nothing got through since then: a window that is still closed says nothing of its length.
        if self.rate is None and (self._idled or seconds > _MEMORY):
            self._seen.clear()  # How much came in meanwhile, nobody can tell.
        elif self.rate is None:
            self._take_over(last, seen)
            # What the bucket held at first went out before it was first seen empty.
            held = last.number - self._measured() * (last.at - self._began)
            self._size = max(1.0, held, 1.5 * self._measured())
        elif self._idled:
            # Of what flowed in, some ran over: it was that much or more. If more was thought to be in store than
            # there was, the bucket is smaller than it was taken for.
            self.rate = max(self.rate, (count - 1) / seconds)
            # A bucket that held less than one would let nobody through ever again.
            self._size = max(1.0, self._size - max(0.0, self._tokens - 1))
            self._seen.clear()
        elif (least := self._least()) > _SURE_OF * max(self.rate, count / seconds):
            # The limit was higher than it was taken for, and what wasn't asked for ran over: it's to be measured anew.
            self.rate = least
            self._span = max(_UNSURE, _UNSURE_REQUESTS / least)
            self._counted = int(least * self._span)
            self._seen.clear()
        else:
            expected = self.rate * seconds
            if abs(count - expected) > 0.25 * expected + 2:
                self._seen.clear()  # The limit has changed: what was seen earlier is of another one.
            while self._seen and seen.at - self._seen[0].at > _MEMORY and len(self._seen) > 1:
                self._seen.popleft()
            self._take_over(self._seen[0] if self._seen else last, seen)
            if not self._seen:
                self._seen.append(last)
        self._idled = False
        self._seen.append(seen)

    def _take_over(self, first: Seen, last: Seen) -> None:
        self._span, self._counted = last.at - first.at, last.number - first.number
        self.rate = self._measured()

    def _measured(self) -> float:
        return max(SLOWEST, self._counted / self._span)

    def _pace(self) -> float:
        """Tokens a second: around the estimate, from below to above; beyond that ever faster, since the limit must
        be higher than it was taken for."""
        assert self.rate is not None
        off = min(COARSEST, max(FINEST, 1.5 / max(1, self._counted)))
        length = self._round()
        if self._pressed <= length:
            return self.rate * (1 - off + 2 * off * self._pressed / length)
        return self.rate * (1 + off) * 2 ** min(20.0, (self._pressed - length) / min(60.0, max(10.0, length)))

    def _least(self) -> float:
        """The rate if the bucket was full when the pace came to be above it, and empty at the 429; 0 when it needn't
        have been. It's at least that, since no bucket holds more than when it's full."""
        assert self.rate is not None
        length, top = self._round(), self._pace()
        over, doubling = self._pressed - length, min(60.0, max(10.0, length))
        if over <= 0:
            return 0.0
        first = top / 2 ** (over / doubling)

        def emptied(rate: float) -> float:
            """How many more than came in were sent since the pace was that rate."""
            return doubling / log(2) * (top - rate) - rate * (over - doubling * log2(rate / first))

        low, high = first, top
        if emptied(low) <= self._size:
            return 0.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if emptied(middle) > self._size else (low, middle)
        return low

    def _round(self) -> float:
        """Seconds in which the pace goes from below the estimate to above it."""
        # Where requests are few, a 429 a round would be a larger share of them: as soon as the estimate is good enough
        # to use the limit, it's left at that for longer.
        assert self.rate is not None
        worth = min(WORTH / self.rate, _MEMORY / 3)
        if self._counted < ENOUGH or self._span < _UNSURE:
            worth = min(worth, 2 * self._span)
        return max(SHORTEST_ROUND, min(LONGEST_ROUND, self._span), worth)

    def _fill(self, now: float) -> None:
        if now > self._tokens_at:
            self._tokens += self._pace() * (now - self._tokens_at)
            self._tokens_at = now
        if self._tokens >= self._size:
            self._tokens, self._idled = self._size, True
            # What it holds by now is a guess: not all of it goes before an answer has shown that it's right.
            self._window = min(self._window, max(_IDLE_WINDOW, self.in_flight))

    def _give_back(self) -> None:
        self.number -= 1
        self._tokens += 1

    def _back_off(self) -> float:
        """Seconds to wait where the app says none: longer each time in a row."""
        first = 1.0 if self.rate is None else min(1.0, 2 / self.rate)
        return min(_LONGEST_BACK_OFF, first * 2.0 ** min(20, self._in_a_row - 1))

    def _announce(self, sent: Sent, now: float, announced: Announced) -> None:
        if self._credit is None:
            self._credit = Credit()
        self._free = False
        concurrent = self._answered - sent.answered
        self._credit.answered(now, announced, self.in_flight, concurrent, self.number)
