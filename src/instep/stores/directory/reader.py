"""The directory as the engine reads it: one snapshot, in pages, a handful of queries per page.

Implements `instep.ports.DirectoryReader`. Who is affected is asked in `affected`, what an app's groups grant
in `grants`. Writing is in `editor`, looking things up for people in `browser`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, TextClause, text

from instep.core.subject import Grant, Kind, Presence, Subject
from instep.ports import View
from instep.stores.columns import sql
from instep.stores.directory import affected, grants

PAGE = {Kind.USER: 500, Kind.GROUP: 100}
"""Ids per page; fewer groups, since each brings its members."""

# Lists of ids travel as one JSON parameter, so that each statement is prepared once.
_USERS = text("""
SELECT id, seq, name, presence, enabled, manager_id, document
FROM users WHERE id IN (SELECT value FROM json_each(:ids))
""")
_GROUPS = text("""
SELECT id, seq, name, presence, 1, NULL, document
FROM groups WHERE id IN (SELECT value FROM json_each(:ids))
""")
_EVERYONE = {
    Kind.USER: text("SELECT id FROM users ORDER BY id"),
    Kind.GROUP: text("SELECT id FROM groups ORDER BY id"),
}
_ASSIGNED = text("""
SELECT principal_id, id, role_id FROM assignments
WHERE app = :app AND principal_kind = :kind AND NOT removed
AND principal_id IN (SELECT value FROM json_each(:ids))
""")
_GROUPS_OF = text("""
SELECT member_id, group_id FROM memberships
WHERE member_kind = 'User' AND NOT removed AND member_id IN (SELECT value FROM json_each(:ids))
""")
_MEMBERS = text("""
SELECT m.group_id, m.member_id
FROM memberships m LEFT JOIN groups g ON m.member_kind = 'Group' AND g.id = m.member_id
WHERE NOT m.removed AND m.group_id IN (SELECT value FROM json_each(:ids))
AND (m.member_kind = 'User' OR g.presence = 'present')
ORDER BY m.group_id, m.member_id
""")
_PEOPLE_BELOW = text("""
WITH RECURSIVE below(root, id) AS (
    SELECT value, value FROM json_each(:ids)
  UNION
    SELECT b.root, m.member_id
    FROM below b
    JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'Group' AND NOT m.removed
    JOIN groups g ON g.id = m.member_id AND g.presence = 'present'
)
SELECT DISTINCT b.root, m.member_id
FROM below b JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'User' AND NOT m.removed
ORDER BY 1, 2
""")

# Ways are followed upwards, along memberships that ended too, to assignments that stand or stood. A way ended with the
# first of its links that did, and access with the last of the ways.
_ENDED = text("""
WITH RECURSIVE above(root, id, number) AS (
    SELECT member_id, group_id, CASE WHEN removed THEN seq ELSE :never END
    FROM memberships WHERE member_id IN (SELECT value FROM json_each(:ids))
  UNION
    SELECT b.root, m.group_id, min(b.number, CASE WHEN m.removed THEN m.seq ELSE :never END)
    FROM above b JOIN memberships m ON m.member_id = b.id AND m.member_kind = 'Group'
    WHERE :nested
)
SELECT root, max(number) FROM (
    SELECT b.root, min(b.number, CASE WHEN a.removed THEN a.seq ELSE :never END,
                       CASE WHEN g.presence <> 'present' THEN g.placed ELSE :never END) AS number
    FROM above b
    JOIN assignments a ON a.app = :app AND a.principal_id = b.id
    JOIN groups g ON g.id = b.id
  UNION ALL
    SELECT principal_id, seq FROM assignments
    WHERE app = :app AND removed AND principal_id IN (SELECT value FROM json_each(:ids))
)
WHERE number < :never GROUP BY root
""")
_NEVER = 1 << 62

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class SnapshotReader:
    """Reads one snapshot: `connection` is inside a transaction that lasts as long as the reader."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trees: dict[tuple[str, bool], grants.Tree] = {}
        self.epoch: str = connection.execute(sql("SELECT epoch FROM meta")).scalar_one()
        self.sequence: int = connection.execute(sql("SELECT number FROM sequence")).scalar_one()

    def affected(self, view: View, kind: Kind, since: int | None) -> Iterator[list[str]]:
        """Ids of the subjects to look at, ascending, in pages; see the port."""
        given = {"app": view.app, "since": since, **_switches(view)}
        size = PAGE[kind]
        statement = affected.query(kind, view.scope, since)
        result = self._connection.execute(statement, given, execution_options={"yield_per": size})
        for page in result.scalars().partitions(size):
            yield list(page)

    def subjects(self, view: View, kind: Kind, ids: Sequence[str]) -> list[Subject]:
        """Those subjects, complete, in the order of `ids`. One that was never here comes back as purged."""
        given = {"ids": _encode(ids).decode(), "app": view.app, "kind": kind}
        granted = self._grants(view, kind, given)
        members = self._members(view, given) if kind is Kind.GROUP else {}
        found: dict[str, Subject] = {}
        for id, seq, name, presence, enabled, manager, document in self._rows(
            _USERS if kind is Kind.USER else _GROUPS, given
        ):
            found[id] = Subject(
                kind=kind,
                id=id,
                seq=seq,
                name=name,
                presence=Presence(presence),
                enabled=bool(enabled),
                attributes=_decode(document),
                manager=manager,
                grants=grants.shortest(granted.get(id, ())),
                members=tuple(members.get(id, ())),
            )
        if kind is Kind.USER:
            self._mark_ended(view, found)
        return [found.get(id) or Subject(kind, id, 0, id, Presence.PURGED) for id in ids]

    def everyone(self, kind: Kind) -> Iterator[list[str]]:
        """Ids of all, deleted and purged ones too, ascending, in pages."""
        size = PAGE[kind]
        result = self._connection.execute(_EVERYONE[kind], execution_options={"yield_per": size})
        for page in result.scalars().partitions(size):
            yield list(page)

    def _mark_ended(self, view: View, found: dict[str, Subject]) -> None:
        """Say of those whose access may end by which change it does: the first of the reasons that there are."""
        gone = {s.id: s.seq for s in found.values() if not s.enabled or s.presence is not Presence.PRESENT}
        lost = [s.id for s in found.values() if not s.grants and view.scope == "assigned"]
        if lost:
            nested = _switches(view)["nested"]
            given = {"ids": _encode(lost).decode(), "app": view.app, "nested": nested, "never": _NEVER}
            for id, number in self._rows(_ENDED, given):
                gone[id] = min(gone.get(id, number), number)
        for id, number in gone.items():
            found[id] = msgspec.structs.replace(found[id], ended_by=number)

    def populated(self, view: View) -> bool:
        """Whether the view could bring at least one living user into scope."""
        return next(self.affected(view, Kind.USER, None), None) is not None

    def _grants(self, view: View, kind: Kind, given: dict[str, Any]) -> dict[str, list[Grant]]:
        granted: dict[str, list[Grant]] = {}
        for principal, assignment, role in self._rows(_ASSIGNED, given):
            granted.setdefault(principal, []).append(Grant(assignment, role))
        if kind is Kind.GROUP:  # a group is provisioned for its own assignment and for no other's
            return granted
        tree = self._tree(view)
        if tree:
            for member, group in self._rows(_GROUPS_OF, given):
                if group in tree:
                    granted.setdefault(member, []).extend(tree[group])
        return granted

    def _tree(self, view: View) -> grants.Tree:
        nested = _switches(view)["nested"]
        known = self._trees.get((view.app, nested))
        if known is None:
            known = self._trees[view.app, nested] = grants.tree(self._connection, view.app, nested)
        return known

    def _members(self, view: View, given: dict[str, Any]) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        for group, member in self._rows(_PEOPLE_BELOW if _switches(view)["flattened"] else _MEMBERS, given):
            members.setdefault(group, []).append(member)
        return members

    def _rows(self, statement: TextClause, given: dict[str, Any]) -> Any:
        return self._connection.execute(statement, given)


def _switches(view: View) -> dict[str, bool]:
    return {
        "nested": view.scope_nesting == "descendants",
        "flattened": view.member_nesting == "flattened",
        "everybody": view.scope == "all",
    }
