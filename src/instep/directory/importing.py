"""Importing files: all of it or nothing.

The rows go to staging first, however many there are; then they're checked and taken over in one transaction. A
file that is the whole truth (`replace`) also removes whom it lacks, within the guard's limits. Which files can be
read is the business of `instep.sources`. An error is not an absence: a file that has no rows, is cut off or lacks much
is no whole truth, and removes nobody unless that is asked for in so many words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Protocol

from msgspec import Struct

from instep.core.directory import AnyRow, Counts, Fault, File, Removal
from instep.core.guard import Limits
from instep.core.subject import Kind
from instep.directory.store import Merging, Staging, Store

SHOWN = 20
"""How many faults are listed at the most."""
BATCH = 500
"""Rows that are staged at once."""


class Source(Protocol):
    """Something that gives rows: a file, or a generator."""

    @property
    def file(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kinds(self) -> tuple[Kind, ...] | None: ...
    @property
    def group(self) -> str | None: ...
    def rows(self) -> Iterator[AnyRow | Fault]: ...
    def position(self) -> int: ...


class Progress(Struct, frozen=True):
    """How far an import is."""

    phase: str
    """`reading`, `checking` or `merging`."""
    file: str = ""
    position: int = 0
    """Bytes of that file that were read."""
    rows: int = 0
    """Rows of all files so far."""


class ImportRefused(Exception):
    """Nothing was imported; the faults say why, each with its place."""

    def __init__(self, faults: Sequence[Fault], more: bool) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
        self.more = more
        """Whether there are more faults than these."""


class RemovalsRefused(Exception):
    """Nothing was imported, since the files lack more than may go at once; the message has the numbers."""

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count
        """How many users, groups and memberships would go: what has to be allowed."""


def import_files(
    store: Store,
    sources: Sequence[Source],
    *,
    now: datetime,
    new_id: Callable[[], str],
    replace: bool = False,
    allow_removals: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 a value
    source_name: str | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Mapping[str, Counts]:
    """Import the sources together. Returns what became of users, groups, memberships and assignments.

    replace: what the sources list is complete: users and groups that came from the same source (`source_name`, or
    each one's own) and aren't listed are soft-deleted, and so end memberships of the groups that are listed with
    their members. allow_removals: how many may go, instead of the guard's limits.
    Raises ImportRefused and RemovalsRefused; then nothing has changed.
    """
    with store.staging(new_id) as staging:
        faults, empty = _stage(staging, sources, source_name, progress)
        if len(faults) > SHOWN:
            raise _refused(faults)
        progress(Progress("checking"))
        with store.merge(staging) as merge:
            faults += merge.faults(SHOWN + 1)
            if faults:
                raise _refused(faults)
            if replace:
                _judge(merge, empty, limits, allow_removals)
            progress(Progress("merging"))
            counts = merge.apply(now, replace)
            conflicts = merge.conflicts(SHOWN + 1)
            if conflicts:
                raise _refused(conflicts)
        return counts


def _stage(
    staging: Staging, sources: Sequence[Source], source_name: str | None, progress: Callable[[Progress], None]
) -> tuple[list[Fault], list[str]]:
    """Stage all rows; returns what is wrong with them, one more than is shown at the most, and files without rows."""
    faults: list[Fault] = []
    empty: list[str] = []
    count = 0
    for number, source in enumerate(sources):
        staging.open(number, File(source.file, source_name or source.name, source.kinds, source.group))
        items, before = source.rows(), count
        while batch := list(islice(items, BATCH)):
            rows = [item for item in batch if not isinstance(item, Fault)]
            faults += [item for item in batch if isinstance(item, Fault)]
            staging.add(number, rows)
            count += len(rows)
            progress(Progress("reading", source.file, source.position(), count))
            if len(faults) > SHOWN:
                return faults, empty
        if count == before:
            empty.append(source.file)
    staging.seal()
    return faults, empty


def _refused(faults: Sequence[Fault]) -> ImportRefused:
    ordered = sorted(set(faults))
    return ImportRefused(ordered[:SHOWN], len(ordered) > SHOWN)


def _judge(merge: Merging, empty: Sequence[str], limits: Limits, allowed: int | None) -> None:
    """Refuse files without rows and removals beyond the limits, or beyond what was allowed."""
    removals = merge.removals()
    total = sum(removal.count for removal in removals)
    if allowed is not None:
        if total > allowed:
            raise RemovalsRefused(f"{_listed(removals)} would go, and {allowed} removals were allowed", total)
        return
    if empty:
        would_go = f"; {_listed(removals)} would go" if total else ""
        raise RemovalsRefused(f"{empty[0]} has no rows, so it can hardly be the whole truth{would_go}", total)
    for removal in (*removals, *merge.emptied(limits.cycle_count)):
        most = limits.per_cycle(removal.population)
        if removal.population >= 2 and removal.count * 2 >= removal.population:
            limit = "half or more at once needs to be allowed"
        elif removal.count > most:
            limit = f"at most {most} may go at once"
        else:
            continue
        told = _listed(removals if removal in removals else [removal])
        raise RemovalsRefused(f"{told} are missing and would go; {limit}", total)


def _listed(removals: Sequence[Removal]) -> str:
    return ", ".join(f"{r.count} of {r.population} {r.what}" for r in removals if r.count)
