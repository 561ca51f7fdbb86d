"""Writing to the directory: single changes, all of a transaction under one sequence number.

A write that changes nothing leaves everything as it is, its number included. What a change requires (that a
principal exists, that nobody is above themselves) is checked in `instep.directory` before it gets here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from instep.core.directory import NAMED, Assignment, Entry
from instep.core.subject import Kind
from instep.stores.columns import sql
from instep.stores.directory.browser import Browser, utc
from instep.stores.directory.tables import key

_encode = msgspec.json.Encoder().encode


class Editor(Browser):
    """Reads and writes in one transaction."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # The transaction holds the write lock, so nobody else can take this number.
        self._number: int = connection.execute(sql("SELECT number + 1 FROM sequence")).scalar_one()
        self._changed = False

    def finish(self) -> None:
        """Take the number, if anything changed; the last thing before the commit."""
        if self._changed:
            self._connection.execute(sql("UPDATE sequence SET number = :seq"), {"seq": self._number})
            remember_moment(self._connection, self._number)

    def put(self, entry: Entry) -> bool:
        """Make the user or group, or bring it to this state. Returns whether anything changed.

        `entry.sequence` doesn't count. Memberships and assignments stay as they are.
        """
        known = self.entry(entry.kind, entry.id)
        named = {NAMED[entry.kind]: entry.name}
        attributes = {**named, **entry.attributes, **named}
        attributes = {name: value for name, value in attributes.items() if value is not None}
        entry = msgspec.structs.replace(entry, attributes=attributes)
        if known is not None and msgspec.structs.replace(entry, sequence=known.sequence) == known:
            return False
        placed = known is None or known.presence is not entry.presence
        given = _columns(entry) | ({} if entry.kind is Kind.USER else {"placed": placed})
        return self._write(_PUT[entry.kind], given) > 0

    def purge(self, kind: Kind, ids: Sequence[str]) -> None:
        """Leave nothing of them but id and name: their memberships and assignments end, and nobody reports to them."""
        for statement in _PURGE[kind]:
            self._write(statement, {"ids": _encode(ids).decode()})

    def deleted_before(self, kind: Kind, time: datetime) -> list[str]:
        """Ids of those that were soft-deleted at that time or before."""
        return [id for (id,) in self._rows(_DELETED_BEFORE[kind], {"time": utc(time)})]

    def join(self, group: str, kind: Kind, member: str) -> bool:
        """Make somebody a member. Returns whether that's new."""
        return self._write(_JOIN, {"group": group, "member": member, "kind": kind}) > 0

    def leave(self, group: str, member: str) -> bool:
        """End a membership. Returns whether there was one."""
        return self._write(_LEAVE, {"group": group, "member": member}) > 0

    def assign(self, assignment: Assignment) -> bool:
        """Give the app to a user or group. Returns whether that's new: who holds the role already keeps its id."""
        return self._write(_ASSIGN, msgspec.structs.asdict(assignment)) > 0

    def unassign(self, app: str, principal: str, role: str | None) -> int:
        """Take the app away: one role, or all of them. Returns how many assignments ended."""
        return self._write(_UNASSIGN, {"app": app, "principal": principal, "role": role})

    def _write(self, statement: str, given: dict[str, Any]) -> int:
        """Run a statement that touches only what differs; returns how many rows that were."""
        rows = self._connection.execute(sql(statement), given | {"seq": self._number}).rowcount
        self._changed = self._changed or rows > 0
        return rows


def remember_moment(connection: Connection, number: int) -> None:
    """Keep when that number was taken: now, UTC, to the millisecond."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    connection.execute(sql(_MOMENT), {"number": number, "at": moment})


def _columns(entry: Entry) -> dict[str, Any]:
    display = entry.attributes.get("displayName")
    return {
        "id": entry.id,
        "name": entry.name,
        "name_key": key(entry.name),
        "display_key": key(display) if isinstance(display, str) else None,
        "enabled": entry.enabled,
        "manager_id": entry.manager,
        "presence": entry.presence,
        "deleted_at": entry.deleted and utc(entry.deleted),
        "source": entry.source,
        "document": _encode(entry.attributes).decode(),
    }


# A directory that was restored from a backup takes numbers anew.
_MOMENT = """
INSERT INTO moments (number, at) VALUES (:number, :at) ON CONFLICT (number) DO UPDATE SET at = excluded.at
"""
_PUT = {
    Kind.USER: """
INSERT INTO users (id, seq, name, name_key, display_key, enabled, manager_id, presence, deleted_at, source, document)
VALUES (:id, :seq, :name, :name_key, :display_key, :enabled, :manager_id, :presence, :deleted_at, :source, :document)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, name = excluded.name, name_key = excluded.name_key, display_key = excluded.display_key,
    enabled = excluded.enabled, manager_id = excluded.manager_id, presence = excluded.presence,
    deleted_at = excluded.deleted_at, source = excluded.source, document = excluded.document
""",
    Kind.GROUP: """
INSERT INTO groups (id, seq, placed, name, name_key, presence, deleted_at, source, document)
VALUES (:id, :seq, :seq, :name, :name_key, :presence, :deleted_at, :source, :document)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, placed = CASE WHEN :placed THEN excluded.seq ELSE groups.placed END,
    name = excluded.name, name_key = excluded.name_key, presence = excluded.presence,
    deleted_at = excluded.deleted_at, source = excluded.source, document = excluded.document
""",
}
_DELETED_BEFORE = {
    Kind.USER: "SELECT id FROM users WHERE presence = 'soft-deleted' AND deleted_at <= :time ORDER BY id",
    Kind.GROUP: "SELECT id FROM groups WHERE presence = 'soft-deleted' AND deleted_at <= :time ORDER BY id",
}
_END_MEMBERSHIPS = """
UPDATE memberships SET removed = 1, seq = :seq
WHERE NOT removed AND member_id IN (SELECT value FROM json_each(:ids))
"""
_END_MEMBERS = """
UPDATE memberships SET removed = 1, seq = :seq
WHERE NOT removed AND group_id IN (SELECT value FROM json_each(:ids))
"""
_END_ASSIGNMENTS = """
UPDATE assignments SET removed = 1, seq = :seq
WHERE NOT removed AND principal_id IN (SELECT value FROM json_each(:ids))
"""
_PURGE = {
    Kind.USER: (
        _END_MEMBERSHIPS,
        _END_ASSIGNMENTS,
        "UPDATE users SET manager_id = NULL, seq = :seq WHERE manager_id IN (SELECT value FROM json_each(:ids))",
        """
UPDATE users SET seq = :seq, presence = 'purged', deleted_at = NULL, display_key = NULL, enabled = 0,
    manager_id = NULL, document = '{}'
WHERE id IN (SELECT value FROM json_each(:ids)) AND presence <> 'purged'
""",
    ),
    Kind.GROUP: (
        _END_MEMBERSHIPS,
        _END_MEMBERS,
        _END_ASSIGNMENTS,
        """
UPDATE groups SET seq = :seq, placed = :seq, presence = 'purged', deleted_at = NULL, document = '{}'
WHERE id IN (SELECT value FROM json_each(:ids)) AND presence <> 'purged'
""",
    ),
}
_JOIN = """
INSERT INTO memberships (group_id, member_id, member_kind, seq, removed) VALUES (:group, :member, :kind, :seq, 0)
ON CONFLICT (group_id, member_id) DO UPDATE
SET removed = 0, seq = excluded.seq, member_kind = excluded.member_kind WHERE removed
"""
_LEAVE = """
UPDATE memberships SET removed = 1, seq = :seq WHERE group_id = :group AND member_id = :member AND NOT removed
"""
_ASSIGN = """
INSERT INTO assignments (app, principal_id, role_id, principal_kind, id, seq, removed)
VALUES (:app, :principal, :role, :kind, :id, :seq, 0)
ON CONFLICT (app, principal_id, role_id) DO UPDATE
SET removed = 0, seq = excluded.seq, id = excluded.id WHERE removed
"""
_UNASSIGN = """
UPDATE assignments SET removed = 1, seq = :seq
WHERE app = :app AND principal_id = :principal AND NOT removed AND (:role IS NULL OR role_id = :role)
"""
