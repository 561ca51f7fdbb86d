"""A run: the endpoint is met, the checks are run one after the other, and everything is tidied up.

One after the other, since what some make would be in the lists of others. Whatever ends a run (Ctrl-C, a fault of the
network, a mistake in a check), the tidying comes after it.
"""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct

from instep.checking.finding import Check, Ended, Finding, Leftover, Result, Unreachable
from instep.checking.tidying import tidy
from instep.checking.visit import Facts, Visit
from instep.checking.wire import Halted
from instep.scim import documents
from instep.scim.abilities import Abilities

_SILENT = 3
"""Requests without any answer, one after the other, after which the endpoint counts as gone."""
_SHOWN = 6
"""Exchanges of a finding at the most: the last ones."""


class Report(Struct, frozen=True):
    """What came of a run. `kept`: names that were left on purpose. `ended`: why it ended early; empty if it didn't."""

    url: str
    prefix: str
    findings: tuple[Finding, ...]
    leftovers: tuple[Leftover, ...]
    kept: tuple[str, ...]
    abilities: Abilities
    facts: Facts
    requests: int
    throttled: int
    seconds: float
    ended: str = ""
    unreachable: bool = False

    @property
    def failed_musts(self) -> list[Finding]:
        """What provisioning can't do with."""
        return [finding for finding in self.findings if finding.failed_must]

    def count(self, result: Result) -> int:
        """How many checks ended so."""
        return sum(finding.result is result for finding in self.findings)


async def run(
    visit: Visit,
    checks: Sequence[Check],
    seen: Callable[[Check, Finding | None], None],
    stopped: asyncio.Event,
    keep: bool = False,
) -> Report:
    """Run the checks. seen: told of each check before (without a finding) and after it. stopped: ends the run early.
    keep: leave what was made. Raises Unreachable when there's nothing to check."""
    clock = visit.wire.clock
    began = clock.monotonic()
    findings: list[Finding] = []
    ended, leftovers = "", []
    try:
        await meet(visit)
        for each in checks:
            seen(each, None)
            finding = await _until(stopped, visit, each)
            if finding is None:
                ended = "it was stopped"
                break
            findings.append(finding)
            seen(each, finding)
            if _silent(visit):
                ended = "the endpoint stopped answering"
                break
    finally:
        visit.wire.halt(False)
        if not keep:
            leftovers = await tidy(visit)
    return Report(
        visit.wire.base,
        visit.prefix,
        tuple(findings),
        tuple(leftovers),
        tuple(visit.made.values()) if keep else (),
        visit.abilities,
        visit.facts,
        len(visit.wire.answers),
        visit.wire.throttled,
        clock.monotonic() - began,
        ended,
        unreachable=_silent(visit),
    )


async def meet(visit: Visit) -> None:
    """The first look: whether there's a SCIM endpoint that lets us in. Raises Unreachable."""
    answer = await visit.wire.send("GET", "/Users", "startIndex=1&count=1")
    if answer.status is None:
        raise Unreachable(f"{visit.wire.base} can't be reached: {answer.problem}")
    if answer.status in (401, 403):
        raise Unreachable(f"{visit.wire.base} refuses the token: GET /Users was answered with {answer.words}")
    if not (answer.succeeded and answer.document):
        config = await visit.wire.send("GET", "/ServiceProviderConfig")
        if not (config.succeeded and config.document):
            raise Unreachable(
                f"there's no SCIM endpoint at {visit.wire.base}: GET /Users was answered with {answer.words}, "
                f"GET /ServiceProviderConfig with {config.words}"
            )
    total = documents.lookup(answer.document, "totalResults")
    visit.facts.people = total if isinstance(total, int) else None


async def _judge(visit: Visit, each: Check) -> Finding:
    start = len(visit.wire.answers)
    result, text = Result.PASSED, ""
    try:
        text = await each.function(visit) or ""
    except Ended as end:
        result, text = end.result, str(end)
    except (AttributeError, LookupError, TypeError, ValueError) as wrong:
        # An app may answer with any shape at all, and one that a check doesn't foresee is what's to be reported. What
        # was made is tidied up either way.
        result, text = Result.FAILED, f"an answer isn't shaped as SCIM has it ({type(wrong).__name__}: {wrong})"
    if result is Result.FAILED and _unanswered(visit, start):
        text = f"{text}; the network brought no answer"
    exchanges = tuple(answer.exchange(visit.described) for answer in visit.wire.answers[start:][-_SHOWN:])
    return Finding(each, result, text, exchanges)


def _unanswered(visit: Visit, start: int) -> bool:
    return any(answer.status is None for answer in visit.wire.answers[start:]) and _silent(visit)


def _silent(visit: Visit) -> bool:
    last = visit.wire.answers[-_SILENT:]
    return len(last) == _SILENT and all(answer.status is None for answer in last)


async def _until(stopped: asyncio.Event, visit: Visit, each: Check) -> Finding | None:
    """What the check finds, or None when it was stopped before."""
    task = asyncio.ensure_future(_judge(visit, each))
    stop = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            visit.wire.halt()
        return await task
    except Halted:
        return None
    finally:
        stop.cancel()
