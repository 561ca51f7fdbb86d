"""Changes of a group's members: in as few requests as the app takes, and in the form that it takes.

Removals go first. A member to be removed who isn't there counts as removed. A refused form or size is tried
once more in the other form or size, and remembered. Where an app refuses a request for the sake of one
member, that one is found by halving, so that the others don't wait.
"""

from collections import deque
from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from instep.core.outcome import Done, Outcome, Refused, RetryLater
from instep.core.subject import Kind
from instep.ports import AppUnavailable, Exchange
from instep.scim import abilities, documents, patch
from instep.targets import verdict
from instep.targets.client import Attempt, Client
from instep.targets.lookups import Lookups
from instep.targets.writes import settled

Chunk = tuple[tuple[str, ...], tuple[str, ...]]
"""Members to add, members to remove."""

_HALVINGS = 40
"""Requests that a call may spend on finding out who is refused."""


class MembersAnswer(Struct, frozen=True):
    """What came of it: the last outcome that wasn't good, and whose change was acknowledged."""

    outcome: Outcome
    done: tuple[str, ...]
    exchanges: tuple[Exchange, ...]


class Memberships:
    """Changes of members through one client."""

    def __init__(self, client: Client, lookups: Lookups) -> None:
        self._client = client
        self._lookups = lookups

    async def change(self, group: str, add: Sequence[str], remove: Sequence[str]) -> MembersAnswer:
        """Add and remove members of a group, all ids being the app's. Never raises."""
        return await _Run(self._client, self._lookups, group).all(add, remove)


class _Run:
    """One call's work: chunks that wait, what was done, and what was sent."""

    def __init__(self, client: Client, lookups: Lookups, group: str) -> None:
        self._client = client
        self._lookups = lookups
        self._group = group
        self._waiting: deque[Chunk] = deque()
        self._done: list[str] = []
        self._exchanges: list[Exchange] = []
        self._refusal: Outcome | None = None
        self._halvings = _HALVINGS
        self._shown: set[str] | None = None
        self._read = False

    async def all(self, add: Sequence[str], remove: Sequence[str]) -> MembersAnswer:
        self._refill(add, remove)
        outcome: Outcome = Done()
        while self._waiting and isinstance(outcome, Done):
            outcome = await self._next(self._waiting.popleft())
        if isinstance(outcome, Done) and self._refusal:
            outcome = self._refusal
        return MembersAnswer(outcome, tuple(self._done), tuple(self._exchanges))

    async def _next(self, chunk: Chunk) -> Outcome:
        """Send one chunk. Done also where it was refused and is to be sent otherwise: then it waits again."""
        add, remove = chunk
        attempt = await self._send(chunk, self._client.abilities.removal)
        outcome = settled(attempt, Kind.GROUP, self._group).outcome
        if isinstance(outcome, Done):
            self._done += (*remove, *add)
            return outcome
        if not isinstance(outcome, Refused):
            return outcome
        if _too_large(attempt) and len(add) + len(remove) > 1:
            self._client.learn(abilities.refused_size, len(add) + len(remove))
            waiting = (chunk, *self._waiting)
            self._refill([m for c in waiting for m in c[0]], [m for c in waiting for m in c[1]])
            return Done()
        if remove and _form_refused(attempt):
            return await self._in_other_form(chunk, outcome)
        if attempt.status in (400, 404, 409, 412, 422) and not attempt.said.html:
            return await self._without_culprits(chunk, attempt, outcome)
        return outcome

    async def _send(self, chunk: Chunk, removal: abilities.Removal) -> Attempt:
        operations = patch.members(*chunk, self._client.abilities.dialect, removal)
        path = f"/Groups/{quote(self._group, safe='')}"
        attempt = await self._client.send("change", "PATCH", path, body=patch.message(operations))
        self._exchanges.append(attempt.exchange())
        return attempt

    def _refill(self, add: Sequence[str], remove: Sequence[str]) -> None:
        self._waiting = deque(patch.chunks(add, remove, self._client.abilities.members_per_patch))

    # ------------------------------------------------------------------------------ who is refused

    async def _without_culprits(self, chunk: Chunk, attempt: Attempt, refusal: Refused) -> Outcome:
        """Someone in the chunk may be the reason: who isn't a member needn't be removed, who is one needn't be added,
        who doesn't exist can't be."""
        add, remove = chunk
        shown = await self._members(may_be_gone=attempt.status == 404)
        if isinstance(shown, Outcome):
            return shown
        if attempt.status == 404:
            # The group is there, so it is one of the members that isn't.
            refusal = Refused(refusal.reason, "UnableToResolveReferenceAttributeValue")
        if shown is not None:
            settled = [*(m for m in remove if m not in shown), *(m for m in add if m in shown)]
            if settled:
                self._done += settled
                self._put_back(
                    (tuple(m for m in add if m not in settled), tuple(m for m in remove if m not in settled))
                )
                return Done()
        if len(add) + len(remove) == 1:
            if remove and (attempt.status in (404, 412) or attempt.said.scim_type == "notarget"):
                self._done += remove
            else:
                self._refusal = refusal
            return Done()
        if self._halvings <= 0:
            return refusal
        self._halvings -= 2
        half = (len(add) + len(remove) + 1) // 2
        for part in reversed(list(patch.chunks(add, remove, half))):
            self._put_back(part)
        return Done()

    def _put_back(self, chunk: Chunk) -> None:
        if chunk[0] or chunk[1]:
            self._waiting.appendleft(chunk)

    async def _members(self, may_be_gone: bool = False) -> set[str] | Outcome | None:
        """Who is a member, read once; none where the app doesn't tell; an outcome where the group is gone, or
        couldn't be read.

        may_be_gone: else a group that isn't shown was just made, and reads lag: whoever refuses a change for another
        reason than 404 has found it."""
        if self._read:
            return self._shown
        try:
            group = await self._lookups.read(Kind.GROUP, self._group, members=True)
        except AppUnavailable as error:
            return RetryLater(str(error), error.code)
        if group is None and may_be_gone:
            return Refused(f"the group {self._group} doesn't exist", verdict.GONE)
        self._read = True
        # No members at all is what apps answer that never show any, so it proves nothing.
        if group is not None and self._client.abilities.reads_members:
            self._shown = set(documents.members(group.document)) or None
        return self._shown

    # --------------------------------------------------------------------------- the form of removal

    async def _in_other_form(self, chunk: Chunk, refusal: Refused) -> Outcome:
        """Try the other form of removal once.

        Read strictly, the value list says that all members go (RFC 7644 section 3.5.2.2), so where the app shows
        its members, it is looked whether only the right ones went; else they are put back, and the form isn't
        used again."""
        other: abilities.Removal = "value-list" if self._client.abilities.removal == "value-path" else "value-path"
        before = await self._members()
        if isinstance(before, Outcome):
            return before
        attempt = await self._send(chunk, other)
        outcome = settled(attempt, Kind.GROUP, self._group).outcome
        if isinstance(outcome, Refused):
            return refusal
        if not isinstance(outcome, Done):
            return outcome
        if before is not None and other == "value-list":
            self._read, self._shown = False, None
            after = await self._members()
            lost = before - set(chunk[1]) - (after if isinstance(after, set) else set[str]())
            if lost:
                return await self._restore(lost)
        self._client.learn(abilities.refused_removal)
        self._done += (*chunk[1], *chunk[0])
        return Done()

    async def _restore(self, lost: set[str]) -> Outcome:
        size = self._client.abilities.members_per_patch
        for part in patch.chunks(sorted(lost), (), size):
            await self._send(part, self._client.abilities.removal)
        return Refused(
            f"the app can't remove single members: it took all {len(lost)} others out as well; they were put back",
            verdict.INCOMPATIBLE,
        )


def _too_large(attempt: Attempt) -> bool:
    return attempt.status == 413 or (attempt.status == 400 and attempt.said.scim_type == "toomany")


def _form_refused(attempt: Attempt) -> bool:
    return attempt.status == 501 or (
        attempt.status == 400 and attempt.said.scim_type in ("invalidpath", "invalidfilter", "invalidsyntax")
    )
