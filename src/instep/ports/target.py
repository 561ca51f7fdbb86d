"""One app, as the engine needs it: what it's asked, and what came of it. `instep.targets` implements it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from instep.core.change import AttributeChange
from instep.core.outcome import Outcome
from instep.core.record import Exchange
from instep.core.subject import Kind
from instep.scim.abilities import Abilities


class Resource(Struct, frozen=True):
    """A user or group as the app returned it: `document` is the SCIM resource as it came."""

    id: str
    document: Mapping[str, Any]


class Answer(Struct, frozen=True):
    """What came of a write."""

    outcome: Outcome
    app_id: str | None = None
    resource: Resource | None = None
    """The resource in the app's own words, where the answer carried it."""
    members_taken: bool = False
    """Whether the members that rode in a creation are known to have been taken."""
    members_done: tuple[str, ...] = ()
    """App ids whose addition or removal was acknowledged, also when a later chunk failed."""
    exchanges: tuple[Exchange, ...] = ()
    members_outcome: Outcome | None = None
    """Of a creation: why members are missing in `members_done`, though the group itself was made (`outcome` is
    Done then). None when all were taken."""


class AppUnavailable(Exception):
    """The app can't be reached, refuses our credentials, or isn't a SCIM endpoint: no subject is at fault.

    The message says what was asked, what came, and what to do about it.
    """

    def __init__(self, message: str, code: str, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.exchange = exchange


class Target(Protocol):
    """One app. Reads raise `AppUnavailable`; writes never raise for what the app answers: see `Answer`.

    An implementation must check look-ups as far as the protocol goes (a list response, ids present) and must
    not retry a POST whose fate is unknown. Whether an answer truly matches is the engine's to check.
    Attributes are keyed by attribute path (`name.givenName`); references and members are app ids here.
    """

    @property
    def abilities(self) -> Abilities: ...

    @property
    def requests(self) -> int:
        """How many requests have been sent to the app so far, look-ups and repetitions included."""
        ...

    def fenced_by(self, check: Callable[[], None]) -> None:
        """Have `check` called right before each request that is sent, also after waiting for the app's permission.
        What it raises ends the call: this is where a lost lease stops a worker."""
        ...

    async def check(self, kinds: Sequence[Kind], matching: Mapping[Kind, str]) -> None:
        """Test the connection: look up a value that nobody has, by the matching attribute of each kind."""
        ...

    async def count(self, kind: Kind) -> int | None:
        """How many there are; none when the app's answer can't be relied upon."""
        ...

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """What the app returns for `path eq value`: not to be believed unseen, servers ignore filters."""
        ...

    def pages(self, kind: Kind) -> AsyncIterator[list[Resource]]:
        """Everything of that kind, page by page, without group members.

        Raises AppUnavailable also when the list is incomplete (fewer than it says, or an id twice)."""
        ...

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        """One resource; none when the app answers 404."""
        ...

    async def create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> Answer: ...

    async def update(
        self,
        kind: Kind,
        app_id: str,
        changes: Sequence[AttributeChange],
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> Answer:
        """Attribute changes in one request, members in as few as the app takes."""
        ...

    async def delete(self, kind: Kind, app_id: str) -> Answer:
        """Delete; gone already counts as done (RFC 7644 section 3.6)."""
        ...

    async def close(self) -> None: ...
