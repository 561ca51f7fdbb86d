"""The log's chain: an entry's hash covers the entry as it's stored and the hash before it in its job.

Both ends are kept apart and sealed with a key that isn't in the database, so that a tail that was cut off is
noticed as well. Nobody without the key can seal; whoever extends a chain whose seal doesn't fit leaves a mark
that stays until all that was written before it has been pruned. What is wrong with a chain is found in
`verification`.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Connection, bindparam, exists, func, insert, select
from sqlalchemy import column as named
from sqlalchemy import table as light

from instep.stores.columns import upsert
from instep.stores.secrets import Vault
from instep.stores.state import rows
from instep.stores.state.tables import apps, chains, log

CONTENT: list[Column[Any]] = [c for c in log.columns if c.name != "hash"]
"""What a hash covers: every other column, in this order."""

# The detail is encoded once, for the hash and for the table.
_COLUMNS = [named(c.name, None if c is log.c.detail else c.type) for c in log.columns]
_INSERT = insert(light("log", *_COLUMNS))
_SAVE = upsert(chains)
_HEAD = select(chains).where(chains.c.job == bindparam("job_"))
_NEWEST = select(
    select(func.max(log.c.sequence)).scalar_subquery(), select(func.max(chains.c.last_sequence)).scalar_subquery()
)
_BEFORE = select(func.max(log.c.sequence)).where(log.c.job == bindparam("job_"), log.c.hash == "")
_HASHED = select(exists().where(log.c.job == bindparam("job_"), log.c.hash != ""))
_KEY_NEEDED = select(exists().where(apps.c.token.is_not(None)), exists().where(chains.c.job.is_not(None)))

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class Head(Struct, frozen=True):
    """The ends of a job's chain, as its row in `chains` has them."""

    job: str
    first_sequence: int = 0
    first_hash: str = ""
    last_sequence: int = 0
    last_hash: str = ""
    broken_at: int = 0


def digest(content: Iterable[bytes | None]) -> str:
    """The hash of an entry: SHA-256 of the values of `CONTENT` as stored, packed so that no two can be confused."""
    return hashlib.sha256(_pack(list(content))).hexdigest()


def append(connection: Connection, job: str, entries: list[rows.Values], vault: Vault) -> list[int]:
    """Append rows of `rows.entry_values` to the job's log and its chain; returns their sequence numbers.

    Raises SecretUnreadable when the chain can't be sealed.
    """
    if not entries:
        return []
    # Numbers are never given again: the chains remember the newest of what was pruned.
    newest = max(number or 0 for number in connection.execute(_NEWEST).one())
    head = opened(connection, job, vault, newest + 1)
    previous = head.last_hash
    for number, entry in enumerate(entries, start=newest + 1):
        detail = _json(entry["detail"])
        entry |= {"sequence": number, "previous": previous, "detail": detail}
        entry["hash"] = previous = digest([_stored(entry[c.name]) for c in CONTENT])
        entry["detail"] = detail.decode()
    connection.execute(_INSERT, entries)
    last = newest + len(entries)
    save(connection, msgspec.structs.replace(head, last_sequence=last, last_hash=previous), vault)
    return list(range(newest + 1, last + 1))


def opened(connection: Connection, job: str, vault: Vault, upcoming: int) -> Head:
    """The ends of the job's chain, to be moved and saved. upcoming: the number of the next entry.

    Where the seal doesn't fit, or is missing though there are entries of a chain, the break is marked.
    """
    if not vault.has_key and not any(connection.execute(_KEY_NEEDED).one()):
        vault.make_key()
    head, fits = sealed(connection, job, vault)
    if head is None:
        before = connection.execute(_BEFORE, {"job_": job}).scalar_one()
        torn = connection.execute(_HASHED, {"job_": job}).scalar_one()
        return Head(job, first_sequence=before or 0, broken_at=upcoming if torn else 0)
    return head if fits else msgspec.structs.replace(head, broken_at=upcoming)


def sealed(connection: Connection, job: str, vault: Vault) -> tuple[Head | None, bool]:
    """The ends as they are kept, none for no chain; and whether their seal fits. Raises SecretUnreadable."""
    row = connection.execute(_HEAD, {"job_": job}).first()
    if row is None:
        return None, False
    *ends, seal = row
    head = Head(*ends)
    return head, vault.fits(_pack(msgspec.structs.astuple(head)), str(seal))


def save(connection: Connection, head: Head, vault: Vault) -> None:
    """Keep the ends with a new seal."""
    if head.first_sequence >= head.broken_at:
        head = msgspec.structs.replace(head, broken_at=0)  # nothing is left from before the break
    values = msgspec.structs.asdict(head) | {"seal": vault.seal(_pack(msgspec.structs.astuple(head)))}
    connection.execute(_SAVE, values)


def _stored(value: Any) -> bytes | None:
    """A value as the database stores it, cast to bytes."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes) or value is None:
        return value
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}".encode()
    return b"%d" % value
