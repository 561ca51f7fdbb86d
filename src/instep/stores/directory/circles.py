"""Circles: people who manage each other, and groups that contain each other.

Each person has one manager at most, so a circle is found by walking up from everybody once; an array of row
numbers holds the managers, 8 bytes per person. Groups are few and are walked in depth.
"""

from array import array
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

_MANAGERS = text("SELECT u.rowid, m.rowid FROM users u JOIN users m ON m.id = u.manager_id")
_NAME = text("SELECT id, name FROM users WHERE rowid = :row")


def of_managers(connection: Connection, limit: int) -> list[list[tuple[str, str]]]:
    """Up to `limit` circles, each as (id, name) of its people, everybody before their manager."""
    last: int = connection.execute(text("SELECT coalesce(max(rowid), 0) FROM users")).scalar_one()
    above = array("q", bytes(8 * (last + 1)))
    for row, manager in connection.execute(_MANAGERS, execution_options={"yield_per": 10_000}):
        above[row] = manager
    found: list[list[tuple[str, str]]] = []
    for circle in _walk(above):
        found.append([tuple(connection.execute(_NAME, {"row": row}).one()) for row in circle])
        if len(found) == limit:
            break
    return found


def _walk(above: "array[int]") -> Iterator[list[int]]:
    """The circles in `above`, which holds for each row the row above it, or 0."""
    walk_of = array("q", bytes(8 * len(above)))  # in which walk a row was met; 0 is never
    for start in range(1, len(above)):
        row = start
        while row and not walk_of[row]:
            walk_of[row] = start
            row = above[row]
        if row and walk_of[row] == start:
            circle = [row]
            while (row := above[row]) != circle[0]:
                circle.append(row)
            yield circle


def of_groups(nested: Iterable[tuple[str, str]]) -> list[str]:
    """The ids of one circle among (group id, member group id), each group before one that is in it; empty if none."""
    children: dict[str, list[str]] = {}
    for group, member in nested:
        children.setdefault(group, []).append(member)
    done: set[str] = set()
    for start in children:
        path = [start]
        rests = [iter(children[start])]
        while path:
            child = next(rests[-1], None)
            if child is None:
                done.add(path.pop())
                rests.pop()
            elif child in path:
                return path[path.index(child) :]
            elif child not in done:
                path.append(child)
                rests.append(iter(children.get(child, ())))
    return []
