"""Verifying the log's chain: which entry is wrong, and how.

The entries are read once, in order, as bytes, so that nothing in them can stop the reading. An entry that
doesn't fit its own hash waits until the next good one tells whether the chain runs through it (it was changed)
or past it (it was inserted). Only the first faults are looked into; the rest is counted.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, LargeBinary, bindparam, cast, select

from instep.core.record import ChainFault, ChainReport
from instep.stores.secrets import Vault
from instep.stores.state import chain
from instep.stores.state.tables import chains, log

MOST_FAULTS = 100
_CHUNK = 500
_ROWS = (
    select(log.c.sequence, cast(log.c.hash, LargeBinary), *(cast(c, LargeBinary) for c in chain.CONTENT))
    .where(log.c.job == bindparam("job_"), log.c.sequence > bindparam("after"))
    .order_by(log.c.sequence)
    .limit(_CHUNK)
)
_SEQUENCE, _PREVIOUS = (next(i for i, c in enumerate(chain.CONTENT) if c.name == n) for n in ("sequence", "previous"))
_WITH_HASH = (
    select(log.c.sequence)
    .where(log.c.job == bindparam("job_"), cast(log.c.hash, LargeBinary) == bindparam("hash_"))
    .limit(1)
)


class _Row(NamedTuple):
    sequence: int
    hash: bytes
    content: tuple[bytes | None, ...]

    @property
    def previous(self) -> bytes:
        return self.content[_PREVIOUS] or b""

    def fits(self, sequence: int | None = None) -> bool:
        """Whether the entry is what its hash says; as if it had that sequence number, if one is given."""
        content = list(self.content)
        if sequence is not None:
            content[_SEQUENCE] = b"%d" % sequence
        return chain.digest(content).encode() == self.hash


def jobs(connection: Connection) -> list[str]:
    """The jobs that have a log or the ends of one."""
    names = [select(cast(table.c.job, LargeBinary)).distinct() for table in (log, chains)]
    return sorted({name.decode("utf-8", "replace") for each in names for (name,) in connection.execute(each)})


def verify(connection: Connection, job: str, vault: Vault) -> ChainReport:
    """Check every entry of the job's log, the links between them, and the sealed ends. Raises SecretUnreadable."""
    head, fits = chain.sealed(connection, job, vault)
    walk = _Walk(connection, job, head if fits else None)
    if head is not None and not fits:
        walk.fault("seal", 0, "the seal of the chain doesn't fit: its ends were changed, or the key file isn't its own")
    elif head is not None and head.broken_at:
        walk.fault("seal", head.broken_at, "when this entry was written, the seal of the chain before it didn't fit")
    for row in _rows(connection, job):
        walk.take(row)
    if head is None and walk.entries:
        walk.fault("seal", 0, "the sealed ends of the chain are missing")
    walk.end()
    first, last = (head.first_sequence, head.last_sequence) if head else (0, 0)
    return ChainReport(
        job=job,
        entries=walk.entries,
        older=walk.older,
        sequence=last,
        hash=head.last_hash if head else "",
        pruned=first if head and head.first_hash else 0,
        faults=walk.faults(),
        more=walk.more,
    )


def entry_hash(connection: Connection, job: str, sequence: int) -> str | None:
    """The hash of an entry; none when it isn't there."""
    wanted = select(log.c.hash).where(log.c.job == job, log.c.sequence == sequence)
    return connection.execute(wanted).scalar()


def _rows(connection: Connection, job: str) -> Iterator[_Row]:
    after: int | None = -(1 << 62)
    while after is not None:
        chunk = connection.execute(_ROWS, {"job_": job, "after": after}).all()
        for sequence, hash, *content in map(tuple, chunk):
            yield _Row(sequence, hash or b"", tuple(content))
        after = chunk[-1].sequence if len(chunk) == _CHUNK else None


class _Walk:
    """One pass along a chain. head: its ends, where their seal can be trusted."""

    def __init__(self, connection: Connection, job: str, head: chain.Head | None) -> None:
        self._connection = connection
        self._job = job
        self._head = head
        self._expected = head.first_hash.encode() if head else None
        self._last = head.first_sequence if head else 0
        self._doubtful: list[_Row] = []
        self._misfits: list[_Row] = []
        self._faults: list[ChainFault] = []
        self.entries = 0
        self.older = 0
        self.more = 0

    def take(self, row: _Row) -> None:
        """The next entry."""
        if self._is_older(row):
            return
        self.entries += 1
        if not row.fits():
            self._doubtful.append(row)
            if len(self._doubtful) > MOST_FAULTS:
                self._judge(None)
            return
        self._join(row.previous, row.sequence)
        self._expected, self._last = row.hash, row.sequence

    def end(self) -> None:
        """After the last entry: the sealed end comes as one more."""
        if self._head:
            self._join(self._head.last_hash.encode(), None)
        self._judge(None)

    def fault(self, how: str, sequence: int, words: str) -> None:
        """Something is wrong. What is said of an entry first counts."""
        if how != "missing" and any(f.sequence == sequence and f.how != "missing" for f in self._faults):
            return
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(ChainFault(how, sequence, words))
        else:
            self.more += 1

    def faults(self) -> tuple[ChainFault, ...]:
        """What is wrong, by entry; those that fit under another entry's number have changed places."""
        numbers = [row.sequence for row in self._misfits]
        belongs = {r.sequence: n for r in self._misfits for n in numbers if n != r.sequence and r.fits(n)}
        told = [
            ChainFault("reordered", f.sequence, f"it is the entry {belongs[f.sequence]}")
            if f.how in ("changed", "inserted") and f.sequence in belongs
            else f
            for f in self._faults
        ]
        return tuple(sorted(told, key=lambda f: f.sequence))

    def _is_older(self, row: _Row) -> bool:
        """Whether the entry comes before the chain's beginning; one that can't be there is a fault."""
        head = self._head
        if head is None:
            older = not self.entries and not row.hash and not row.previous
        else:
            older = row.sequence <= head.first_sequence
            if older and (head.first_hash or row.hash or row.previous):
                self.fault("inserted", row.sequence, "all entries of this age were pruned, or it wasn't in the chain")
                return True
        self.older += older
        return older

    def _join(self, previous: bytes, sequence: int | None) -> None:
        """A good entry, or the sealed end (none), names what comes before it."""
        if self._doubtful:
            self._judge(previous)
        elif self._expected is not None and previous != self._expected:
            self._tear(previous, sequence)

    def _judge(self, previous: bytes | None) -> None:
        """What is wrong with the entries that don't fit their hash: does the chain run through them?"""
        through = len(self._doubtful)
        if previous is not None:
            hashes = [row.hash for row in self._doubtful]
            if previous == self._expected:
                through = 0
            elif previous in hashes:
                through = len(hashes) - hashes[::-1].index(previous)
        for place, row in enumerate(self._doubtful):
            if place < through:
                self.fault("changed", row.sequence, "it isn't what its hash says")
            else:
                self.fault("inserted", row.sequence, "the chain doesn't run through it")
            if len(self._misfits) < MOST_FAULTS:
                self._misfits.append(row)
        if self._doubtful:
            self._last = self._doubtful[-1].sequence
            if through:
                self._expected = previous
        self._doubtful.clear()

    def _tear(self, previous: bytes, sequence: int | None) -> None:
        """A good entry, or the sealed end, follows one that it doesn't name."""
        if len(self._faults) >= MOST_FAULTS:
            self.more += 1
            return
        found = self._connection.execute(_WITH_HASH, {"job_": self._job, "hash_": previous}).scalar()
        if found is None and sequence is None:
            newest = self._head.last_sequence if self._head else 0
            self.fault("missing", self._last, f"what followed it, up to the entry {newest}, is gone")
        elif found is None and not previous:
            self.fault("inserted", sequence or 0, "it claims to be the first of the chain")
        elif found is None:
            self.fault("missing", self._last, f"what stood between it and the entry {sequence} is gone")
        elif sequence is None:
            words = "it and what follows come after the sealed end: they were inserted, or an older seal was put back"
            self.fault("seal", self._after(found), words)
        elif found < sequence:
            self.fault("inserted", self._after(found), f"the chain runs from {found} to {sequence}, past it")
        else:
            self.fault("reordered", found, f"it belongs before the entry {sequence}")

    def _after(self, sequence: int) -> int:
        wanted = select(log.c.sequence).where(log.c.job == self._job, log.c.sequence > sequence)
        return self._connection.execute(wanted.order_by(log.c.sequence).limit(1)).scalar() or sequence
