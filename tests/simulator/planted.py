"""Bugs to be planted, so that it's seen that the simulator finds them. Engines of this kind have had each of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.simulator import worker

from instep.core import decide, guard
from instep.engine.lease import LeaseKeeper
from instep.stores.state.writing import SqlStateWriter
from instep.targets.client import Attempt, Client

Patch = pytest.MonkeyPatch


def _no_intent(patch: Patch) -> None:
    """Intents aren't written: after a crash nobody knows what was sent."""
    patch.setattr(SqlStateWriter, "intend", lambda self, lease, intents: None)


def _one_too_many(patch: Patch) -> None:
    """The guard lets one more pass than its limit says."""
    limit = guard.Limits.per_cycle
    patch.setattr(guard.Limits, "per_cycle", lambda self, population: limit(self, population) + 1)


def _merged(patch: Patch) -> None:
    """Members are merged with those that were there, instead of compared: nobody is taken out."""
    compared: Callable[..., Any] = decide._member_changes

    def merged(*given: Any) -> Any:
        found = compared(*given)
        return type(found)(added=found.added, pending=found.pending)

    patch.setattr(decide, "_member_changes", merged)


def _sent_again(patch: Patch) -> None:
    """A creation that got no answer is sent once more."""
    once = Client._sent

    async def again(self: Client, *given: Any) -> Attempt:
        attempt = await once(self, *given)
        return await once(self, *given) if attempt.method == "POST" and attempt.reply.fault else attempt

    patch.setattr(Client, "_sent", again)


def _no_lease(patch: Patch) -> None:
    """Nobody looks whether the lease is still theirs, neither before a request nor before a write."""
    patch.setattr(LeaseKeeper, "check", lambda self: None)
    patch.setattr(SqlStateWriter, "_check", lambda self, lease: None)


def _believes_reads(patch: Patch) -> None:
    """An account that the app doesn't show at once isn't there."""
    patch.setattr(worker, "READ_LAG", 0.0)


PLANTED: dict[str, Callable[[Patch], None]] = {
    "no-intent": _no_intent,
    "one-too-many": _one_too_many,
    "merged": _merged,
    "sent-again": _sent_again,
    "no-lease": _no_lease,
    "believes-reads": _believes_reads,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """With this bug in the engine; with none for an empty name."""
    with pytest.MonkeyPatch.context() as patch:
        if name:
            PLANTED[name](patch)
        yield
