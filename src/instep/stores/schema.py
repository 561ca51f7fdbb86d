"""The schema of a database, brought up to date by its folder of migrations when it's opened.

Migrations go forward only and are alembic revisions; each is one transaction, and a process that opens the
database meanwhile waits. At the newest revision nothing but one stored value is read, and alembic isn't
even imported. A database that a newer program has changed is refused, never guessed at.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

Begin = Callable[[], AbstractContextManager[Connection]]


class DatabaseUnavailable(Exception):
    """The database can't be used; the message names the file, what happened and the way out."""


class SchemaTooNew(DatabaseUnavailable):
    """A newer program has changed the database."""


def bring_up_to_date(look: Begin, begin: Begin, migrations: Path, path: Path) -> None:
    """Apply what is missing of the folder `migrations`, in order, each in a transaction made by `begin`.

    look: makes a transaction that only reads, so that nobody who writes holds up whoever opens a database that is up to
    date. `path` names the database in errors. Raises DatabaseUnavailable and SchemaTooNew.
    """
    revisions = sorted(file.stem for file in migrations.glob("[0-9]*_*.py"))
    with look() as connection:
        current = _revision(connection, path)
    if current is not None and current not in revisions:
        raise SchemaTooNew(
            f"{path} has the schema {current!r} and this program knows up to {revisions[-1]!r}: a newer Instep has "
            f"used it. Use that version or a newer one, or name another folder"
        )
    for revision in revisions:
        if current is None or revision > current:
            with begin() as connection:
                _apply(connection, migrations, revision, path)


def _revision(connection: Connection, path: Path) -> str | None:
    """The revision that the database is at; none when it's new."""
    tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'").scalars())
    if "alembic_version" in tables:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if tables:
        raise DatabaseUnavailable(f"{path} is a database of another program; name another file")
    return None


def _apply(connection: Connection, migrations: Path, revision: str, path: Path) -> None:
    """Apply one revision; alembic does nothing where another process has been faster."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _literal(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _literal(migrations))
    command.upgrade(config, revision)
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DatabaseUnavailable(f"{path}: the migration {revision} left a row of {broken[0]} without its {broken[2]}")


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")  # the options of alembic are interpolated
