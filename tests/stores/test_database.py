"""Opening a database: settings, snapshots, migrations, and what it refuses."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

from instep.stores import database as databases
from instep.stores.database import Database, open_database, use_wal
from instep.stores.schema import DatabaseUnavailable, SchemaTooNew, bring_up_to_date

FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001_first", None
def upgrade():
    boss = sa.Column("boss", sa.ForeignKey("people.id"))
    op.create_table("people", sa.Column("id", sa.Integer, primary_key=True), boss)
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002_second", "0001_first"
def upgrade():
    op.add_column("people", sa.Column("name", sa.Text))
    op.execute("UPDATE people SET name = 'n' || id")
"""
BROKEN = """
from alembic import op
revision, down_revision = "0003_third", "0002_second"
def upgrade():
    op.execute("UPDATE people SET name = 'lost'")
    op.execute("THIS IS NOT SQL")
"""
ORPHANS = """
from alembic import op
revision, down_revision = "0003_third", "0002_second"
def upgrade():
    op.execute("UPDATE people SET boss = 999")
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder with one migration; its name has what options and URLs could trip over."""
    folder = tmp_path / "50% of: migrations?"
    folder.mkdir()
    (folder / "0001_first.py").write_text(FIRST)
    return folder


def opened(migrations: Path, path: Path | None = None) -> Database:
    """The database next to its migrations."""
    return open_database(path or migrations.parent / "a b?#.sqlite", migrations)


def values(connection: Connection, sql: str) -> list[object]:
    """The first column of what a query gives."""
    return list(connection.execute(text(sql)).scalars())


def test_new_database_has_the_newest_schema_and_safe_settings(migrations: Path) -> None:
    database = opened(migrations)
    with database.write() as connection:
        assert values(connection, "PRAGMA journal_mode") == ["wal"]
        assert values(connection, "PRAGMA synchronous") == [2]
        assert values(connection, "PRAGMA foreign_keys") == [1]
        assert values(connection, "PRAGMA busy_timeout") == [30_000]
        connection.execute(text("INSERT INTO people (id) VALUES (1)"))
    with database.read() as connection:
        assert values(connection, "SELECT id FROM people") == [1]
        assert values(connection, "PRAGMA synchronous") == [2]
    database.close()
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


def test_writing_transaction_that_raises_leaves_nothing(migrations: Path) -> None:
    database = opened(migrations)

    def half() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO people (id) VALUES (1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with database.read() as connection:
        assert values(connection, "SELECT id FROM people") == []
    database.close()


def test_error_shows_nothing_of_what_was_to_be_written(migrations: Path) -> None:
    database = opened(migrations)
    twice = [{"id": 7, "boss": 424242}] * 2
    with pytest.raises(IntegrityError) as wrong, database.write() as connection:
        connection.execute(text("INSERT INTO people (id, boss) VALUES (:id, :boss)"), twice)
    assert "INSERT INTO people" in str(wrong.value)
    assert "424242" not in str(wrong.value)
    database.close()


def test_reader_stays_at_the_snapshot_of_its_first_statement(migrations: Path) -> None:
    database = opened(migrations)
    with database.read() as reader:
        assert values(reader, "SELECT id FROM people") == []
        with database.write() as connection:
            connection.execute(text("INSERT INTO people (id) VALUES (1)"))
        assert values(reader, "SELECT id FROM people") == []
    with database.read() as reader:
        assert values(reader, "SELECT id FROM people") == [1]
    database.close()


def test_reader_cant_write(migrations: Path) -> None:
    database = opened(migrations)
    with database.read() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(text("INSERT INTO people (id) VALUES (1)"))
    database.close()


def test_foreign_keys_are_enforced(migrations: Path) -> None:
    database = opened(migrations)

    def orphan() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO people (id, boss) VALUES (1, 999)"))

    with pytest.raises(Exception, match="FOREIGN KEY"):
        orphan()
    database.close()


def test_many_readers_at_once_dont_wait_for_each_other(migrations: Path) -> None:
    database = opened(migrations)
    together = threading.Barrier(20, timeout=20)

    def read() -> None:
        with database.read():
            together.wait()

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    database.close()


def test_older_database_is_migrated_forward_and_keeps_its_rows(migrations: Path) -> None:
    database = opened(migrations)
    with database.write() as connection:
        connection.execute(text("INSERT INTO people (id) VALUES (1)"))
    database.close()
    (migrations / "0002_second.py").write_text(SECOND)
    database = opened(migrations)
    with database.read() as connection:
        assert values(connection, "SELECT name FROM people") == ["n1"]
        assert values(connection, "SELECT version_num FROM alembic_version") == ["0002_second"]
    database.close()


@pytest.mark.parametrize(("third", "message"), [(BROKEN, "syntax error"), (ORPHANS, "left a row of people")])
def test_migration_that_fails_leaves_nothing_of_its_own(migrations: Path, third: str, message: str) -> None:
    (migrations / "0002_second.py").write_text(SECOND)
    database = opened(migrations)
    with database.write() as connection:
        connection.execute(text("INSERT INTO people (id, name) VALUES (1, 'kept')"))
    database.close()
    (migrations / "0003_third.py").write_text(third)
    with pytest.raises(Exception, match=message):
        opened(migrations)
    (migrations / "0003_third.py").unlink()
    database = opened(migrations)
    with database.read() as connection:
        assert values(connection, "SELECT name FROM people WHERE boss IS NULL") == ["kept"]
    database.close()


def test_older_program_refuses_a_newer_database_and_leaves_it_alone(migrations: Path) -> None:
    (migrations / "0002_second.py").write_text(SECOND)
    opened(migrations).close()
    (migrations / "0002_second.py").unlink()
    with pytest.raises(SchemaTooNew, match=r"0002_second.*0001_first.*newer Instep"):
        opened(migrations)
    (migrations / "0002_second.py").write_text(SECOND)
    opened(migrations).close()


def test_opening_at_the_newest_schema_doesnt_import_alembic(migrations: Path) -> None:
    opened(migrations).close()
    program = (
        "import sys; from pathlib import Path; from instep.stores.database import open_database; "
        "open_database(Path(sys.argv[1]), Path(sys.argv[2])).close(); print('alembic' in sys.modules)"
    )
    path = migrations.parent / "a b?#.sqlite"
    done = subprocess.run([sys.executable, "-c", program, path, migrations], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


class Refusing(sqlite3.Connection):
    """Refuses the first statements, as SQLite does where two would wait for each other."""

    code = sqlite3.SQLITE_BUSY
    times = 3

    def execute(self, *given: Any) -> sqlite3.Cursor:
        if self.times == 0:
            return super().execute(*given)
        self.times -= 1
        wrong = sqlite3.OperationalError("database is locked")
        wrong.sqlite_errorcode = self.code
        raise wrong


def test_whoever_is_refused_because_others_open_a_new_database_too_tries_again(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "new.sqlite", factory=Refusing)) as connection:
        use_wal(connection)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.times, connection.code = 1, sqlite3.SQLITE_FULL
        with pytest.raises(sqlite3.OperationalError):
            use_wal(connection)


def test_processes_that_open_a_new_database_at_once_migrate_it_once(migrations: Path) -> None:
    (migrations / "0002_second.py").write_text(SECOND)
    program = (
        "import sys; from pathlib import Path; from instep.stores.database import open_database; "
        "print('ready', flush=True); sys.stdin.read(); open_database(Path(sys.argv[1]), Path(sys.argv[2])).close()"
    )
    command = [sys.executable, "-c", program, str(migrations.parent / "new.sqlite"), str(migrations)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert results == [("", 0)] * 4


def test_process_that_was_overtaken_while_migrating_does_nothing_twice(migrations: Path) -> None:
    (migrations / "0002_second.py").write_text(SECOND)
    path = migrations.parent / "new.sqlite"
    begun: list[int] = []

    @contextmanager
    def begin() -> Iterator[Connection]:
        begun.append(1)
        if len(begun) == 2:  # the revision has been read; before anything is applied, somebody else does it all
            opened(migrations, path).close()
        with engine.begin() as connection:
            yield connection

    engine = create_engine(URL.create("sqlite", database=str(path)))
    bring_up_to_date(begin, begin, migrations, path)
    engine.dispose()
    assert len(begun) == 3
    opened(migrations, path).close()


def test_file_of_another_program_is_refused_and_left_alone(migrations: Path) -> None:
    path = migrations.parent / "theirs.sqlite"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()
    with pytest.raises(DatabaseUnavailable, match="another program"):
        opened(migrations, path)
    with sqlite3.connect(path) as theirs:
        assert theirs.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    theirs.close()


@pytest.mark.parametrize("content", [b"id,name\n1,Ada\n" * 100, b"x"])
def test_file_that_isnt_a_database_is_refused_by_name(migrations: Path, content: bytes) -> None:
    path = migrations.parent / "people.csv"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnavailable, match=r"people\.csv isn't a database"):
        opened(migrations, path)
    assert path.read_bytes() == content


def test_damaged_database_is_refused_by_name(migrations: Path) -> None:
    database = opened(migrations)
    database.close()
    with database.path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 400)
    with pytest.raises(DatabaseUnavailable, match=r"sqlite can't be used: .*The file is damaged"):
        opened(migrations)


def test_place_that_cant_hold_a_database_is_refused_by_name(migrations: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"migrations\? can't be opened"):
        opened(migrations, migrations)
    file = migrations.parent / "file"
    file.write_text("")
    with pytest.raises(DatabaseUnavailable, match="can't be opened"):
        opened(migrations, file / "below.sqlite")


def test_whoever_only_reads_is_not_held_up_by_somebody_who_never_ends_writing(
    migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening included, where the schema is up to date: `instep status` is asked when something hangs."""
    opened(migrations).close()
    monkeypatch.setattr(databases, "PATIENCE", 0.2)
    path = migrations.parent / "a b?#.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO people (id) VALUES (1)")
    database = opened(migrations)
    with database.read() as connection:
        assert values(connection, "SELECT id FROM people") == []
    database.close()
    other.close()


def test_write_that_waited_too_long_says_so(migrations: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "PATIENCE", 0.2)
    database = opened(migrations)
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="Somebody else"), database.write():
        pass
    other.execute("ROLLBACK")
    with database.write(), pytest.raises(DatabaseUnavailable, match="Somebody else"), database.write():
        pass
    with database.write() as connection:
        connection.execute(text("INSERT INTO people (id) VALUES (1)"))
    other.close()
    database.close()


def test_every_folder_on_the_way_is_made(migrations: Path) -> None:
    path = migrations.parent / "deep" / "deeper" / "a.sqlite"
    opened(migrations, path).close()
    assert os.path.getsize(path) > 0


def test_a_process_that_stands_still_in_the_middle_of_it_is_told_in_words(migrations: Path) -> None:
    """SQLITE_PROTOCOL is what SQLite says when the index of its log can't be read for too long."""
    wrong = sqlite3.OperationalError("locking protocol")
    wrong.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
    with (
        closing(open_database(migrations.parent / "some.db", migrations)) as database,
        pytest.raises(DatabaseUnavailable, match=r"some\.db can't be used: locking protocol.*stands still"),
        database.read(),
    ):
        raise wrong
