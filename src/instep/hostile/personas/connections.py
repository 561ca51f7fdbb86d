"""Apps whose answers don't come, come as an error, or take for ever."""

from instep.hostile.app import Answer, Request, refusal
from instep.hostile.personas.persona import Go, Number, Persona, share


class ExecutesAndHangsUp(Persona):
    """
    Carries a write out and cuts the connection before the answer.

    Any app behind a load balancer that restarts, times out or is deployed; any network.

    Note the intent before sending. After a lost answer the outcome is unknown: look before anything is sent again, and
    never repeat a POST blindly.
    """

    name = "executes-and-hangs-up"
    numbers = (share(0.1, "writes"),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Do it, and hang up."""
        answer = await go(request)
        if request.writes and self.happens():
            answer.cut = True
            self.did(answer, "carried out, and the connection cut")
        return answer


class Answers500Sometimes(Persona):
    """
    Answers a share of the requests with 500, 502 or 504; half of these writes were carried out all the same.

    Everybody, on a bad day; gateways answer 504 for what goes on behind them.

    A 5xx doesn't say whether the write was carried out. Look first; try again later, less and less often; tell the
    app's trouble from a person's.
    """

    name = "answers-500-sometimes"
    numbers = (share(0.1),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Fail, before or after."""
        if not self.happens():
            return await go(request)
        status = self.chance.choice((500, 502, 504))
        executed = self.chance.random() < 0.5
        if executed:
            await go(request)
        answer = refusal(status, "something went wrong")
        self.did(answer, "carried out, and answered with an error" if executed else "not carried out")
        return answer


class SlowLoris(Persona):
    """
    Sends its answer a byte a second, after carrying the request out.

    Exhausted servers, broken proxies, and whoever wants to keep a client's connections busy.

    Have a deadline for the whole answer, and not only for the next byte; one slow app must not hold up the others.
    """

    name = "slow-loris"
    numbers = (
        share(1.0),
        Number("bytes", 1, "bytes in a second"),
    )

    async def handle(self, request: Request, go: Go) -> Answer:
        """Answer slowly."""
        answer = await go(request)
        if self.happens():
            answer.bytes_per_second = self.number("bytes")
            self.did(answer, "carried out, and answered slowly")
        return answer
