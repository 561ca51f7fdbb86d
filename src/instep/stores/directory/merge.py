"""Taking an import over: its staged rows are looked up, checked, and merged in one transaction.

What a source doesn't tell stays as it is; what it tells replaces the property, and null removes it (JSON Merge
Patch, RFC 7396). Rows that say what the directory holds already keep their number. What is refused, and in which
order this runs, `instep.directory.importing` decides. The statements are in `merge_sql`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from instep.core.directory import Counts, Fault, Removal
from instep.stores.columns import sql
from instep.stores.directory import checks, circles, merge_sql
from instep.stores.directory.browser import utc
from instep.stores.directory.editor import remember_moment

_SHOWN = 6
"""How many of a circle are named."""


class Merge:
    """One import's transaction, with the staging file attached as `staging`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._number: int = self._run("SELECT number + 1 FROM sequence").scalar_one()
        self._changed = False
        for statement in (*merge_sql.LOOK_UP, *merge_sql.VIEWS):
            self._run(statement)

    def faults(self, limit: int) -> list[Fault]:
        """What is wrong with the rows; at most `limit` of each kind."""
        return checks.before(self._connection, limit)

    def removals(self) -> list[Removal]:
        """What would go if the files are complete lists."""
        return [Removal(what, *self._run(query).one()) for what, query in merge_sql.GONE.items()]

    def emptied(self, most: int) -> list[Removal]:
        """Groups that stay and would lose half of their members or more, and more than `most`; five of them."""
        return [
            Removal(f"members of {name}", gone, there) for name, gone, there in self._run(merge_sql.EMPTIED, most=most)
        ]

    def apply(self, now: datetime, replace: bool) -> dict[str, Counts]:
        """Take the rows over; with `replace` also remove what complete lists lack. Returns what became of them."""
        for statement in merge_sql.OWN:
            self._run(statement)
        counts = {what: self._take(what) for what in merge_sql.INSERT}
        if replace:
            for what, statement in merge_sql.REMOVE.items():
                counts[what] = msgspec.structs.replace(counts[what], removed=self._write(statement, now=utc(now)))
        return counts

    def conflicts(self, limit: int) -> list[Fault]:
        """What is wrong with the directory now that the rows are in it."""
        return checks.after(self._connection, limit) + self._manager_circles(limit) + self._nested_circle()

    def finish(self) -> None:
        """Take the number, if anything changed; the last thing before the commit."""
        if self._changed:
            self._run("UPDATE sequence SET number = :seq", seq=self._number)
            remember_moment(self._connection, self._number)

    def _take(self, what: str) -> Counts:
        total = self._run(merge_sql.COUNT[what]).scalar_one()
        if not total:
            return Counts()
        anew, restored, changed = 0, 0, 0
        if what in merge_sql.UPDATE:
            anew, restored = self._run(merge_sql.COMING_BACK[what]).one()
            changed = self._write(merge_sql.UPDATE[what])
        created = self._write(merge_sql.INSERT[what])
        return Counts(
            created=created + anew,
            updated=changed - anew - restored,
            restored=restored,
            unchanged=total - created - changed,
        )

    def _manager_circles(self, limit: int) -> list[Fault]:
        if not self._run("SELECT EXISTS (SELECT 1 FROM staging.objects WHERE manager IS NOT NULL)").scalar_one():
            return []
        found: list[Fault] = []
        for circle in circles.of_managers(self._connection, limit):
            ids, names = [id for id, _ in circle], [name for _, name in circle]
            if len(names) == 1:
                said = f"{names[0]} can't be their own manager"
            else:
                said = f"people can't manage each other in a circle: {_round(names)}"
            found += self._at(merge_sql.MANAGER_LINE, "manager", ids, said)
        return found

    def _nested_circle(self) -> list[Fault]:
        ids = circles.of_groups(self._run(merge_sql.NESTED))
        if not ids:
            return []
        names = [self._run("SELECT name FROM groups WHERE id = :id", id=id).scalar_one() for id in ids]
        said = f"groups can't contain each other in a circle: {_round(names)}"
        return self._at(merge_sql.NESTED_LINE, "member", ids, said)

    def _at(self, query: str, column: str, ids: Sequence[str], said: str) -> list[Fault]:
        """A fault at the first row that closes the circle."""
        row = self._run(query, ids=msgspec.json.encode(ids).decode()).first()
        return [] if row is None else [Fault(row[0], row[1], column, row[2] or "", said)]

    def _write(self, statement: str, **given: Any) -> int:
        rows = self._run(statement, seq=self._number, **given).rowcount
        self._changed = self._changed or rows > 0
        return rows

    def _run(self, statement: str, **given: Any) -> Any:
        return self._connection.execute(sql(statement), given)


def _round(names: Sequence[str]) -> str:
    shown = [*names[:_SHOWN], "..."] if len(names) > _SHOWN else [*names, names[0]]
    return " → ".join(shown)
