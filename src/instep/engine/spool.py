"""Where decisions wait between evaluating and applying.

A cycle's spool is a table of the state, so that a large plan doesn't fill the memory; a preview's is a list
that vanishes with it. Both give the same answers.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from instep.core.plan import makes_account
from instep.core.subject import Kind
from instep.ports import Lease, Record, SpoolEntry, State, StateWriter


class Spool(Protocol):
    """Decisions waiting for their turn, one per subject."""

    async def add(
        self, entries: Sequence[SpoolEntry], records: Sequence[Record], dropped: Sequence[tuple[Kind, str]]
    ) -> None:
        """Add decisions (a newer one of a subject replaces the older), keep what needs no request, and take the
        decisions of `dropped` out."""
        ...

    async def waiting(self, kind: Kind, ids: Sequence[str]) -> dict[str, SpoolEntry]:
        """Those of the subjects whose decision waits here."""
        ...

    async def coming(self, kind: Kind, ids: Sequence[str]) -> set[str]:
        """Those of the subjects who will get an account."""
        ...


class StoredSpool:
    """A cycle's spool."""

    def __init__(self, state: State, lease: Lease) -> None:
        self._state = state
        self._lease = lease

    async def add(
        self, entries: Sequence[SpoolEntry], records: Sequence[Record], dropped: Sequence[tuple[Kind, str]]
    ) -> None:
        def work(state: StateWriter) -> None:
            if dropped:
                state.unspool(self._lease, dropped)
            if entries:
                state.spool(self._lease, entries)
            if records:
                state.record(self._lease, records)

        if entries or records or dropped:
            await self._state.write(work)

    async def waiting(self, kind: Kind, ids: Sequence[str]) -> dict[str, SpoolEntry]:
        return await self._state.read(lambda state: state.waiting(self._lease.job, kind, ids))

    async def coming(self, kind: Kind, ids: Sequence[str]) -> set[str]:
        return await self._state.read(lambda state: state.coming(self._lease.job, kind, ids))


class ListedSpool:
    """A preview's spool: nothing is kept anywhere."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Kind, str], SpoolEntry] = {}
        self.kept: list[Record] = []
        """What a cycle would write down without a request: skips and failures."""

    async def add(
        self, entries: Sequence[SpoolEntry], records: Sequence[Record], dropped: Sequence[tuple[Kind, str]]
    ) -> None:
        for at in dropped:
            self._entries.pop(at, None)
        for entry in entries:
            self._entries[entry.decision.kind, entry.decision.subject_id] = entry
        self.kept.extend(records)

    async def waiting(self, kind: Kind, ids: Sequence[str]) -> dict[str, SpoolEntry]:
        return {i: e for i in ids if (e := self._entries.get((kind, i)))}

    async def coming(self, kind: Kind, ids: Sequence[str]) -> set[str]:
        return {i for i in ids if (e := self._entries.get((kind, i))) and makes_account(e.decision.change)}

    def ordered(self) -> list[SpoolEntry]:
        """The decisions in the order in which they would be applied."""
        return in_order(self._entries.values())


def in_order(entries: Iterable[SpoolEntry]) -> list[SpoolEntry]:
    """The entries by priority, each after those it refers to. In a circle, whoever is met first goes first."""
    waiting = {e.decision.subject_id: e for e in entries}
    ordered: dict[str, SpoolEntry] = {}
    for start in sorted(waiting.values(), key=lambda e: (e.priority, e.ordinal)):
        chain = [start]
        seen = {start.decision.subject_id}
        while chain:
            entry = chain[-1]
            before = [a for a in entry.decision.after if a in waiting and a not in ordered and a not in seen]
            if before:
                seen.add(before[0])
                chain.append(waiting[before[0]])
            else:
                ordered.setdefault(entry.decision.subject_id, entry)
                chain.pop()
    return list(ordered.values())
