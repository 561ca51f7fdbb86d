"""Staging: where the rows of an import wait, in a file of their own, until all of them are known to be good.

Nothing of the directory is locked meanwhile, however long it takes. The file lives beside the database and is
deleted at the end; what a killed process left behind is deleted by a later import. The rows are checked and taken
over in `merge`.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy.exc import DBAPIError

from instep.core.directory import NAMED, AnyRow, AssignmentRow, File, MemberRow, Row
from instep.core.subject import Kind, Presence
from instep.stores.directory.browser import utc
from instep.stores.directory.tables import key
from instep.stores.schema import DatabaseUnavailable

_TABLES = """
CREATE TABLE files (
    number INTEGER PRIMARY KEY, name TEXT, source TEXT, users INTEGER, groups INTEGER, memberships INTEGER,
    by_rows INTEGER, group_ref TEXT, group_id TEXT
);
CREATE TABLE objects (
    file INTEGER, line INTEGER, kind TEXT, id TEXT, made INTEGER, name TEXT, name_key TEXT, display_given INTEGER,
    display_key TEXT, enabled INTEGER, manager_given INTEGER, manager TEXT, manager_id TEXT,
    presence TEXT, deleted_at TEXT, document TEXT
);
CREATE TABLE memberships (
    file INTEGER, line INTEGER, group_ref TEXT, member_ref TEXT, kind TEXT, group_id TEXT, member_id TEXT
);
CREATE TABLE assignments (
    file INTEGER, line INTEGER, app TEXT, principal_ref TEXT, role TEXT, id TEXT, kind TEXT, principal_id TEXT
);
-- Whoever is referred to by id or name, to be looked up once.
CREATE TABLE refs (ref TEXT PRIMARY KEY, ref_key TEXT, user_id TEXT, group_id TEXT) WITHOUT ROWID;
"""
_SEAL = """
CREATE INDEX objects_id ON objects (id);
CREATE INDEX objects_name ON objects (kind, name_key);
UPDATE files SET
    users = EXISTS (SELECT 1 FROM objects WHERE file = number AND kind = 'User'),
    groups = EXISTS (SELECT 1 FROM objects WHERE file = number AND kind = 'Group'),
    memberships = EXISTS (SELECT 1 FROM memberships m WHERE m.file = number)
WHERE by_rows;
"""
_ADD_FILE = "INSERT INTO files VALUES (?, ?, ?, ?, ?, 0, ?, ?, NULL)"
_ADD_OBJECT = "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)"
_ADD_MEMBERSHIP = "INSERT INTO memberships VALUES (?, ?, ?, ?, ?, NULL, NULL)"
_ADD_ASSIGNMENT = "INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)"
_ADD_REF = "INSERT OR IGNORE INTO refs VALUES (?, ?, NULL, NULL)"

_LEFT_BEHIND = 24 * 3600.0
_encode = msgspec.json.Encoder().encode


class Staging:
    """The rows of one import. `new_id` makes ids for those that come without one."""

    def __init__(self, path: Path, new_id: Callable[[], str]) -> None:
        self.path = path
        self._new_id = new_id
        self._connection = sqlite3.connect(path, isolation_level=None)
        # What's in it is worth nothing after a crash.
        self._connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;"
        )
        self._connection.executescript(_TABLES)

    def open(self, number: int, file: File) -> None:
        """Announce a file, whose rows are then added under that number."""
        kinds = file.kinds or ()
        told = (number, file.name, file.source, Kind.USER in kinds, Kind.GROUP in kinds, file.kinds is None, file.group)
        self._connection.execute(_ADD_FILE, told)
        if file.group is not None:
            self._refer([file.group])

    def add(self, number: int, rows: Sequence[AnyRow]) -> None:
        """Add rows of the file with that number, some hundreds at a time."""
        people = [row for row in rows if isinstance(row, Row)]
        members = [row for row in rows if isinstance(row, MemberRow)]
        assignments = [row for row in rows if isinstance(row, AssignmentRow)]
        self._connection.execute("BEGIN")
        self._connection.executemany(_ADD_OBJECT, (self._object(number, row) for row in people))
        self._connection.executemany(
            _ADD_MEMBERSHIP, ((number, row.line, row.group, row.member, row.kind and row.kind.value) for row in members)
        )
        self._connection.executemany(
            _ADD_ASSIGNMENT,
            ((number, row.line, row.app, row.principal, row.role, self._new_id()) for row in assignments),
        )
        self._refer(row.manager for row in people if row.manager)
        self._refer(ref for row in members for ref in (row.group, row.member))
        self._refer(row.principal for row in assignments)
        self._connection.execute("COMMIT")

    def seal(self) -> None:
        """No more rows come."""
        self._connection.executescript(_SEAL)
        self._connection.close()

    def close(self) -> None:
        """Delete the file."""
        self._connection.close()
        self.path.unlink(missing_ok=True)

    def _refer(self, refs: Iterable[str]) -> None:
        self._connection.executemany(_ADD_REF, ((ref, key(ref)) for ref in dict.fromkeys(refs)))

    def _object(self, number: int, row: Row) -> tuple[Any, ...]:
        named = {} if row.name is None else {NAMED[row.kind]: row.name}
        document = {**named, **row.attributes, **named}  # the name comes first
        display = document.get("displayName")
        return (
            number,
            row.line,
            row.kind.value,
            self._new_id() if row.id is None else row.id,
            row.id is None,
            row.name,
            None if row.name is None else key(row.name),
            "displayName" in document,
            key(display) if isinstance(display, str) else None,
            row.enabled,
            row.manager is not UNSET,
            row.manager or None,
            Presence.SOFT_DELETED.value if row.deleted else Presence.PRESENT.value,
            row.deleted and utc(row.deleted),
            _encode(document).decode(),
        )


@contextmanager
def staged(folder: Path, new_id: Callable[[], str]) -> Iterator[Staging]:
    """A staging file in that folder, deleted at the end. What the disk refuses meanwhile is DatabaseUnavailable."""
    for left in folder.glob("import-*.staging"):
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND:
            left.unlink(missing_ok=True)
    path = folder / f"import-{os.getpid()}-{time.monotonic_ns()}.staging"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    staging = Staging(path, new_id)
    try:
        yield staging
    except (sqlite3.Error, DBAPIError) as wrong:
        said = wrong.orig if isinstance(wrong, DBAPIError) else wrong
        raise DatabaseUnavailable(f"{folder}: {said}. Nothing was imported; is there room on the disk?") from wrong
    finally:
        staging.close()
