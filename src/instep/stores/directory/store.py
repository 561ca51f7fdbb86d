"""The directory's database: users, groups, memberships, assignments, with one sequence.

    store = DirectoryStore(folder / "directory.db")
    with store.reader() as reader: ...      # what the engine reads: `instep.stores.directory.reader`
    with store.browse() as browser: ...     # looking things up for people: `.browser`
    with store.edit() as editor: ...        # one transaction, one sequence number: `.editor`
    with store.staging(new_id) as staging: ...  # the rows of an import: `.staging`
    with store.merge(staging) as merge: ...     # ... taken over in one transaction: `.merge`

What may be changed, and what a change means, is decided in `instep.directory`.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from instep.stores.columns import sql
from instep.stores.database import MIGRATIONS, Database, open_database
from instep.stores.directory import epoch
from instep.stores.directory.browser import Browser
from instep.stores.directory.editor import Editor
from instep.stores.directory.merge import Merge
from instep.stores.directory.reader import SnapshotReader
from instep.stores.directory.staging import Staging, staged

_MERGE_KIBIBYTES = 64 * 1024
"""Memory for pages while an import is taken over: most of the indexes of a million people."""


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
        with self._marked(self._database) as connection:
            editor = Editor(connection)
            yield editor
            editor.finish()

    @contextmanager
    def staging(self, new_id: Callable[[], str]) -> Iterator[Staging]:
        """A place for the rows of an import. `new_id` makes ids for those that come without one."""
        with staged(self.path.parent, new_id) as staging:
            yield staging

    @contextmanager
    def merge(self, staging: Staging) -> Iterator[Merge]:
        """One writing transaction that takes over what was staged and sealed; nothing stays when the body raises."""
        database = Database(self.path)  # of its own, since files are attached to connections
        try:
            _attach(database, staging.path)
            with self._marked(database) as connection:
                merge = Merge(connection)
                yield merge
                merge.finish()
        finally:
            database.close()

    def sequence(self) -> int:
        """The newest sequence number."""
        with self._database.read() as connection:
            return connection.execute(sql("SELECT number FROM sequence")).scalar_one()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def _marked(self, database: Database) -> Iterator[Connection]:
        """A writing transaction, after which the mark beside the database is brought up to date."""
        with database.write() as connection:
            epoch.renew_if_restored(connection, self._mark)
            yield connection
        with database.read() as connection:
            epoch.remember(connection, self._mark)


def _attach(database: Database, staging: Path) -> None:
    """Attach a staging file to the writing connection, which gets memory for a large transaction."""
    with closing(database.writers.raw_connection()) as pooled:
        driver = pooled.driver_connection
        assert driver is not None
        driver.execute("ATTACH DATABASE ? AS staging", (str(staging),))
        driver.execute("PRAGMA staging.journal_mode = OFF")
        driver.execute("PRAGMA staging.synchronous = OFF")
        driver.execute(f"PRAGMA cache_size = {-_MERGE_KIBIBYTES}")
