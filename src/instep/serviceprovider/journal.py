"""The request journal: how many requests of each kind an organisation's client has sent, and how they were answered.

Counts only, so that it stays small however long the app runs: method, route (`/Users/{id}`), status, how often, when
last. It has a file of its own that isn't forced to the disk: a count is exact for every reader, also when the app is
killed, but may be lost when the machine goes down. The app's data is never in it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from instep.serviceprovider.text import stamp

FILE = "app-requests.sqlite"

_TABLE = """
CREATE TABLE IF NOT EXISTS requests (
    organisation_id INTEGER NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    times INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (organisation_id, method, route, status)
) WITHOUT ROWID
"""
_COUNT = """
INSERT INTO requests VALUES (?, ?, ?, ?, 1, ?)
ON CONFLICT DO UPDATE SET times = times + 1, last_at = excluded.last_at
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How often one kind of request got one answer."""

    method: str
    route: str
    status: int
    times: int
    last_at: str


class Journal:
    """The counts of all organisations. For one thread."""

    def __init__(self, folder: Path) -> None:
        """Opens the journal in a folder that is there, and makes it when it's missing."""
        self._connection = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(_TABLE)
        except BaseException:
            self._connection.close()
            raise

    def count(self, organisation_id: int, method: str, route: str, status: int, now: datetime) -> None:
        """Notes down a request that has been answered."""
        self._connection.execute(_COUNT, (organisation_id, method, route, status, stamp(now)))

    def counts(self, organisation_id: int) -> list[Count]:
        """The counts of an organisation, by route and method."""
        rows: Iterable[tuple[str, str, int, int, str]] = self._connection.execute(
            "SELECT method, route, status, times, last_at FROM requests WHERE organisation_id = ? ORDER BY 2, 1, 3",
            (organisation_id,),
        )
        return [Count(*row) for row in rows]

    def reset(self, organisation_id: int) -> None:
        """Starts an organisation's counts anew."""
        self._connection.execute("DELETE FROM requests WHERE organisation_id = ?", (organisation_id,))

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
