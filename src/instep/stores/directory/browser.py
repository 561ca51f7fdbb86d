"""Looking things up in the directory for people: by name, in lists, with who belongs to what.

What the engine reads is in `reader`; this knows no app's rules and no scope.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind, Presence
from instep.stores.columns import sql
from instep.stores.directory.tables import key

_ENTRY = {
    Kind.USER: "SELECT id, name, document, enabled, manager_id, presence, deleted_at, source, seq FROM users ",
    Kind.GROUP: "SELECT id, name, document, 1, NULL, presence, deleted_at, source, seq FROM groups ",
}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Browser:
    """Reads in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entry(self, kind: Kind, id: str) -> Entry | None:
        """The user or group with that id; purged ones come as tombstones."""
        return next(self._entries(kind, "WHERE id = :id", {"id": id}), None)

    def named(self, kind: Kind, text: str) -> list[Entry]:
        """Whom a person means by `text`: the one with that id; else those with that userPrincipalName or group
        name; else the users with that displayName. Present ones go before deleted ones; purged ones are left out."""
        by_id = self.entry(kind, text)
        if by_id is not None and by_id.presence is not Presence.PURGED:
            return [by_id]
        for column in ("name_key", "display_key") if kind is Kind.USER else ("name_key",):
            found = list(self._entries(kind, f"WHERE {column} = :key AND presence <> 'purged'", {"key": key(text)}))
            present = [entry for entry in found if entry.presence is Presence.PRESENT]
            if found:
                return present or found
        return []

    def entries(
        self, kind: Kind, search: str = "", presence: Presence = Presence.PRESENT, limit: int = -1
    ) -> Iterator[Entry]:
        """Those whose name (or displayName) contains `search`, by name. limit: -1 is all."""
        where = "WHERE presence = :presence"
        if search:
            where += " AND (name_key LIKE :like ESCAPE '!'"
            where += " OR display_key LIKE :like ESCAPE '!')" if kind is Kind.USER else ")"
        pattern = "".join("!" + c if c in "!%_" else c for c in key(search))
        given = {"presence": presence, "like": f"%{pattern}%", "limit": limit}
        return self._entries(kind, f"{where} ORDER BY name_key, id LIMIT :limit", given)

    def count(self, kind: Kind, presence: Presence = Presence.PRESENT) -> int:
        """How many there are."""
        return self._rows(_COUNT[kind], {"presence": presence})[0][0]

    def members(self, group: str) -> list[tuple[Kind, str, str]]:
        """Kind, id and name of a group's direct members that aren't purged, by kind and name."""
        return [(Kind(kind), id, name) for kind, id, name in self._rows(_MEMBERS, {"group": group})]

    def groups_of(self, member: str) -> list[tuple[str, str]]:
        """Id and name of the groups that somebody is a direct member of, by name."""
        return [(id, name) for id, name in self._rows(_GROUPS_OF, {"member": member})]

    def reports(self, manager: str) -> list[tuple[str, str]]:
        """Id and name of the people whom somebody manages, by name."""
        return [(id, name) for id, name in self._rows(_REPORTS, {"manager": manager})]

    def nested(self) -> list[tuple[str, str]]:
        """(group id, member group id) of all nestings."""
        return [(group, member) for group, member in self._rows(_NESTED, {})]

    def managers(self, user: str) -> list[str]:
        """Ids from somebody's manager upwards; ends where a circle closes."""
        return [id for (id,) in self._rows(_MANAGERS, {"id": user})]

    def assignments(self, app: str = "", principal: str = "") -> list[Assignment]:
        """Assignments that stand, of one app, of one principal, or all."""
        given = {"app": app, "principal": principal}
        rows = self._rows(_ASSIGNMENTS, given)
        return [Assignment(id, app, Kind(kind), principal, role) for id, app, kind, principal, role in rows]

    def memberships(self) -> Iterator[tuple[str, Kind, str]]:
        """(group id, member kind, member id) of all memberships."""
        for group, kind, member in self._connection.execute(sql(_EDGES), execution_options={"yield_per": 1000}):
            yield group, Kind(kind), member

    def moment(self, number: int) -> datetime | None:
        """When the change with that number was made; none where that wasn't kept."""
        rows = self._rows("SELECT at FROM moments WHERE number = :number", {"number": number})
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def _entries(self, kind: Kind, where: str, given: dict[str, Any]) -> Iterator[Entry]:
        statement = sql(_ENTRY[kind] + where)
        for row in self._connection.execute(statement, given, execution_options={"yield_per": 500}):
            yield _entry(kind, row)

    def _rows(self, statement: str, given: dict[str, Any]) -> Sequence[Any]:
        return self._connection.execute(sql(statement), given).all()


def _entry(kind: Kind, row: Any) -> Entry:
    id, name, document, enabled, manager, presence, deleted, source, seq = row
    return Entry(
        kind=kind,
        id=id,
        name=name,
        attributes=_decode(document),
        enabled=bool(enabled),
        manager=manager,
        presence=Presence(presence),
        deleted=deleted and datetime.fromisoformat(deleted),
        source=source,
        sequence=seq,
    )


def utc(time: datetime) -> str:
    """How times are kept: UTC, in the order of text."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_COUNT = {
    Kind.USER: "SELECT count(*) FROM users WHERE presence = :presence",
    Kind.GROUP: "SELECT count(*) FROM groups WHERE presence = :presence",
}
_REPORTS = "SELECT id, name FROM users WHERE manager_id = :manager AND presence = 'present' ORDER BY name_key, id"
_NESTED = "SELECT group_id, member_id FROM memberships WHERE member_kind = 'Group' AND NOT removed"
_EDGES = "SELECT group_id, member_kind, member_id FROM memberships WHERE NOT removed ORDER BY group_id, member_id"
_MEMBERS = """
SELECT m.member_kind, m.member_id, coalesce(u.name, g.name)
FROM memberships m
LEFT JOIN users u ON m.member_kind = 'User' AND u.id = m.member_id
LEFT JOIN groups g ON m.member_kind = 'Group' AND g.id = m.member_id
WHERE m.group_id = :group AND NOT m.removed
ORDER BY 1, coalesce(u.name_key, g.name_key), 2
"""
_GROUPS_OF = """
SELECT g.id, g.name FROM memberships m JOIN groups g ON g.id = m.group_id
WHERE m.member_id = :member AND NOT m.removed ORDER BY g.name_key, g.id
"""
_MANAGERS = """
WITH RECURSIVE above(id) AS (
    SELECT manager_id FROM users WHERE id = :id AND manager_id IS NOT NULL
  UNION
    SELECT u.manager_id FROM above a JOIN users u ON u.id = a.id WHERE u.manager_id IS NOT NULL
)
SELECT id FROM above
"""
_ASSIGNMENTS = """
SELECT id, app, principal_kind, principal_id, role_id FROM assignments
WHERE NOT removed AND (:app = '' OR app = :app) AND (:principal = '' OR principal_id = :principal)
ORDER BY app, principal_kind, principal_id, role_id
"""
