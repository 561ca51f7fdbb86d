"""The directory's database: users, groups, memberships, assignments, with one sequence.

    store = DirectoryStore(folder / "directory.db")
    with store.reader() as reader: ...      # what the engine reads: `instep.stores.directory.reader`
    with store.browse() as browser: ...     # looking things up for people: `.browser`
    with store.edit() as editor: ...        # one transaction, one sequence number: `.editor`

What may be changed, and what a change means, is decided in `instep.directory`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from instep.stores.database import MIGRATIONS, open_database
from instep.stores.directory import epoch
from instep.stores.directory.browser import Browser
from instep.stores.directory.editor import Editor
from instep.stores.directory.reader import SnapshotReader


class DirectoryStore:
    """Implements `instep.ports.Directory`, and what the use cases of the directory need."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`, made when it's missing. Raises DatabaseUnavailable."""
        self.path = path
        self._database = open_database(path, MIGRATIONS / "directory")
        self._mark = path.with_name(path.name + ".mark")

    @contextmanager
    def reader(self) -> Iterator[SnapshotReader]:
        """The directory as it is now, and stays for this reader."""
        with self._database.read() as connection:
            yield SnapshotReader(connection)

    @contextmanager
    def browse(self) -> Iterator[Browser]:
        """Look things up in one snapshot."""
        with self._database.read() as connection:
            yield Browser(connection)

    @contextmanager
    def edit(self) -> Iterator[Editor]:
        """One writing transaction; nothing of it stays when the body raises. What changes gets one number."""
        with self._writing() as connection:
            editor = Editor(connection)
            yield editor
            editor.finish()

    def sequence(self) -> int:
        """The newest sequence number."""
        with self._database.read() as connection:
            return connection.execute(text("SELECT number FROM sequence")).scalar_one()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._database.write() as connection:
            epoch.renew_if_restored(connection, self._mark)
            yield connection
        with self._database.read() as connection:
            epoch.remember(connection, self._mark)
