"""What a persona is: it stands between the network and the app, and sees each request before the app does.

It may change the request, answer it itself, have it carried out and change the answer, or reach into the app. Its
numbers are settings that have defaults; its dice are seeded, so that the same requests in the same order meet the same
misbehaviour.
"""

import inspect
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from instep.hostile.app import Answer, App, Request

Go = Callable[[Request], Awaitable[Answer]]
"""Goes on to the next persona, and in the end to the app."""


class SettingsError(ValueError):
    """A setting that no persona has, or a value that it can't have."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The seed, and what was set of the personas' numbers, by name."""

    seed: int = 0
    given: Mapping[str, float] = field(default_factory=dict)


class Number(NamedTuple):
    """A setting of a persona."""

    name: str
    default: float
    meaning: str


class Persona:
    """One way to misbehave."""

    name: ClassVar[str]
    numbers: ClassVar[tuple[Number, ...]] = ()
    """Its settings."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self._settings = settings
        self.chance = random.Random(f"{settings.seed} {self.name}")

    def number(self, name: str) -> float:
        """The value of one of its settings."""
        return self._settings.given.get(name, next(each.default for each in self.numbers if each.name == name))

    def happens(self) -> bool:
        """Whether it happens this time, by its `share`."""
        return self.chance.random() < self.number("share")

    async def handle(self, request: Request, go: Go) -> Answer:
        """Answer a request; `go` is how it would be answered else."""
        return await go(request)

    def did(self, answer: Answer, what: str) -> Answer:
        """The answer, with what was done to it, for the journal."""
        answer.by.append(f"{self.name}: {what}")
        return answer

    @classmethod
    def told(cls) -> tuple[str, str, str]:
        """What it does, who does so, what a client should do."""
        does, seen, should = (" ".join(part.split()) for part in (inspect.getdoc(cls) or "").split("\n\n"))
        return does, seen, should


def share(default: float, of: str = "requests") -> Number:
    """The setting that says how often it happens."""
    return Number("share", default, f"the share of the {of} that it happens to, 0 to 1")
