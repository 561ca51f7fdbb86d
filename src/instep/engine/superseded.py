"""Decisions that are out of date before they're sent.

A request may wait for minutes until a busy app takes it. Who changes meanwhile is decided anew, and what was decided
before isn't sent: it might delete somebody who is back.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass

from instep.core.subject import Kind
from instep.engine.evaluate import Evaluation

OFTEN = 3
"""Times that a decision about one subject isn't sent in one cycle: who changes all the time gets something all the
same."""

At = tuple[Kind, str]


class Superseded(Exception):
    """Nothing of the decision was sent, and nothing of it is to be sent any more."""


@dataclass
class _Waiting:
    subject: At
    task: asyncio.Task[None] | None
    sent: bool = False


_WAITING: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)


def begin(subject: At) -> None:
    """The task that calls this sends a decision about the subject from now on."""
    _WAITING.set(_Waiting(subject, asyncio.current_task()))


def check(changed: Callable[[At], bool]) -> None:
    """To be called right before each request. Raises Superseded when it's the decision's first, and its subject has
    `changed`; what has begun is finished. Requests that other tasks send for this one aren't looked at."""
    waiting = _WAITING.get()
    if waiting is None or waiting.sent or waiting.task is not asyncio.current_task():
        return
    if changed(waiting.subject):
        raise Superseded
    waiting.sent = True


class SupersededDecisions:
    """Those of one cycle, and how their subjects are decided about anew."""

    def __init__(self, unsent: set[At], evaluation: Evaluation, evaluate: Callable[[set[At]], Awaitable[None]]) -> None:
        """unsent: where the subjects are put whose decision wasn't sent. evaluate: spools what is right by now."""
        self._unsent = unsent
        self._evaluation = evaluation
        self._evaluate = evaluate
        self._times: Counter[At] = Counter()
        self._anew: set[At] = set()

    def check(self) -> None:
        """To be called right before each request. Raises Superseded. Who changes while something is under way for
        them is among the evaluation's deferred."""
        check(lambda at: at in self._evaluation.deferred and self._times[at] < OFTEN)

    async def decide_anew(self) -> None:
        """Decide about them before whatever waits behind them is sent: they may be leavers."""
        self._take_back()
        if self._anew:
            self._evaluation.deferred -= self._anew
            await self._evaluate(self._anew)
            self._anew &= self._evaluation.deferred  # that nothing was sent isn't kept yet

    def leave(self) -> None:
        """Leave who is left to whoever evaluates the deferred."""
        self._take_back()
        self._anew.clear()

    def _take_back(self) -> None:
        for at in self._unsent:
            self._evaluation.take_back(*at)  # it counts no more for the guard
        self._times.update(self._unsent)
        self._anew |= self._unsent
        self._unsent.clear()
