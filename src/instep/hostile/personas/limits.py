"""Apps with limits: of requests in a minute, of members in a request, of a token's life."""

from instep.hostile.app import Answer, App, Request, refusal
from instep.hostile.personas.persona import Go, Number, Persona, Settings
from instep.hostile.personas.reads import changed_members


class _Bucket:
    """So many tokens a minute, and so many at once."""

    def __init__(self, per_minute: float, burst: float, now: float) -> None:
        self._rate, self._burst = per_minute / 60, burst
        self._held, self._at = burst, now

    def wait(self, now: float) -> float:
        """Take one: 0; or the seconds until there is one."""
        self._held = min(self._burst, self._held + (now - self._at) * self._rate)
        self._at = now
        if self._held >= 1:
            self._held -= 1
            return 0.0
        return (1 - self._held) / self._rate


class _Throttle(Persona):
    tells = True
    numbers = (
        Number("per-minute", 180, "writes of one kind in a minute; reads may be 5 times as many"),
        Number("burst", 20, "writes of one kind at once; reads may be 5 times as many"),
    )

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, settings)
        self._buckets: dict[str, _Bucket] = {}

    async def handle(self, request: Request, go: Go) -> Answer:
        """Answer 429 when there are too many."""
        now, times = self.app.clock(), 1 if request.writes else 5
        name = f"{request.kind} {'writes' if request.writes else 'reads'}"
        if name not in self._buckets:
            self._buckets[name] = _Bucket(self.number("per-minute") * times, self.number("burst") * times, now)
        wait = self._buckets[name].wait(now)
        if not wait:
            return await go(request)
        answer = refusal(429, "too many requests")
        if self.tells:
            answer.headers["Retry-After"] = str(int(wait) + 1)
        self.did(answer, f"{name}: one more in {wait:.1f} s")
        return answer


class ThrottlesLikeSlack(_Throttle):
    """
    Takes 180 writes a minute of users, as many of groups, 20 at once, and 5 times as many reads; answers 429 with
    Retry-After beyond.

    Slack; with other numbers nearly everybody: Miro, Zscaler, GitHub, Databricks.

    Wait as long as Retry-After says, with all requests of that kind. Being asked for patience is no failure and must
    not count as one.
    """

    name = "throttles-like-slack"


class ThrottlesSilently(_Throttle):
    """
    The same limits, but the 429 doesn't say when to come back.

    Apps behind a plain gateway or proxy.

    Find the limit out: slow down at once when refused, speed up slowly when not.
    """

    name = "throttles-silently"
    tells = False


class LimitsMembers(Persona):
    """
    Answers 413 when a request names more than so many members of a group.

    Miro (8,000 members or 800 kB), IBM Verify (2,500), AWS (100, with another status).

    Halve the request, remember the size that went, and send the rest in pieces.
    """

    name = "413"
    numbers = (Number("members", 100, "members in a request at the most"),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Refuse what is too large."""
        most = self.number("members")
        if request.kind == "Groups" and changed_members(request) > most:
            return refusal(413, f"more than {most:.0f} members")
        return await go(request)


class ExpiresTokens(Persona):
    """
    The token dies after so many requests: 401 from then on, until there is a new one (`POST /token`).

    Snowflake after six months, AWS after a year; any app in which somebody makes a new token.

    Stop at the first 401 that a second look confirms, tell somebody, and blame no person for it. Go on by oneself when
    the new token is entered.
    """

    name = "expires-tokens"
    numbers = (Number("requests", 100, "requests that a token lasts"),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Refuse a token that was used up."""
        if self.app.uses > self.number("requests"):
            return refusal(401, "the token has expired")
        return await go(request)
