"""The group tree of an app: which groups are below its assigned ones, and by which path.

It's kept in memory, since there are far fewer groups than people: a page of people then costs one query for
their memberships. Of several paths from one assignment to a group the shortest counts.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from instep.core.subject import Grant

_ASSIGNED = text("""
SELECT a.id, a.role_id, g.id AS group_id, g.name
FROM assignments a JOIN groups g ON g.id = a.principal_id AND g.presence = 'present'
WHERE a.app = :app AND a.principal_kind = 'Group' AND NOT a.removed
ORDER BY a.id
""")

_NESTED = text("""
WITH RECURSIVE below(id) AS (
    SELECT principal_id FROM assignments WHERE app = :app AND principal_kind = 'Group' AND NOT removed
  UNION
    SELECT m.member_id
    FROM below b
    JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'Group' AND NOT m.removed
    JOIN groups g ON g.id = m.member_id AND g.presence = 'present'
)
SELECT m.group_id, m.member_id, g.name
FROM below b
JOIN memberships m ON m.group_id = b.id AND m.member_kind = 'Group' AND NOT m.removed
JOIN groups g ON g.id = m.member_id AND g.presence = 'present'
ORDER BY g.name, g.id
""")

Tree = Mapping[str, tuple[Grant, ...]]
"""Group id to the grants of its direct members."""


def tree(connection: Connection, app: str, nested: bool) -> Tree:
    """The grants that each group below the app's assigned groups hands on; only assigned ones unless `nested`."""
    children: dict[str, list[tuple[str, str]]] = {}
    if nested:
        for parent, child, name in connection.execute(_NESTED, {"app": app}):
            children.setdefault(parent, []).append((child, name))
    found: dict[str, list[Grant]] = {}
    for assignment, role, group, name in connection.execute(_ASSIGNED, {"app": app}):
        for below, path in _paths(group, name, children):
            found.setdefault(below, []).append(Grant(assignment, role, path))
    return {group: tuple(grants) for group, grants in found.items()}


def _paths(
    root: str, name: str, children: Mapping[str, list[tuple[str, str]]]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Each group from `root` down, once, with the names on the shortest path to it."""
    seen = {root}
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(root, (name,))])
    while waiting:
        group, path = waiting.popleft()
        yield group, path
        for child, child_name in children.get(group, ()):
            if child not in seen:
                seen.add(child)
                waiting.append((child, (*path, child_name)))


def shortest(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant per assignment, the one with the shortest path; direct ones first."""
    best: dict[str, Grant] = {}
    for grant in grants:
        known = best.get(grant.assignment_id)
        if known is None or _order(grant) < _order(known):
            best[grant.assignment_id] = grant
    return tuple(sorted(best.values(), key=_order))


def _order(grant: Grant) -> tuple[int, tuple[str, ...], str]:
    return len(grant.path), grant.path, grant.assignment_id
