"""Decisions that are out of date before they're sent.

A request may wait for minutes until a busy app takes it. Who changes meanwhile is decided anew, and what was decided
before isn't sent: it might delete somebody who is back.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from instep.core.subject import Kind


class Superseded(Exception):
    """Nothing of the decision was sent, and nothing of it is to be sent any more."""


@dataclass
class _Waiting:
    subject: tuple[Kind, str]
    task: asyncio.Task[None] | None
    sent: bool = False


_WAITING: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)


def begin(subject: tuple[Kind, str]) -> None:
    """The task that calls this sends a decision about the subject from now on."""
    _WAITING.set(_Waiting(subject, asyncio.current_task()))


def check(changed: Callable[[tuple[Kind, str]], bool]) -> None:
    """To be called right before each request. Raises Superseded when it's the decision's first, and its subject has
    `changed`; what has begun is finished. Requests that other tasks send for this one aren't looked at."""
    waiting = _WAITING.get()
    if waiting is None or waiting.sent or waiting.task is not asyncio.current_task():
        return
    if changed(waiting.subject):
        raise Superseded
    waiting.sent = True
