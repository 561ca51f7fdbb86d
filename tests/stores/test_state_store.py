"""The state's file: its schema, its secrets, its speed, and what other processes and sudden death do to it."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event
from tests.conformance.state.values import APP, JOB, NOW, entry, intent, keep, keep_links, link, taken

from instep.core.job import Wish
from instep.core.record import CycleSummary, Judging, Membership, Record
from instep.core.subject import Kind
from instep.ports import StateReader
from instep.scim.abilities import Abilities
from instep.stores.database import MIGRATIONS, Database, open_database
from instep.stores.schema import SchemaTooNew
from instep.stores.secrets import SecretUnreadable
from instep.stores.state import StateStore
from instep.stores.state.tables import metadata

PIPE = subprocess.PIPE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[StateStore]:
    store = opened(folder)
    yield store
    store.close()


def opened(folder: Path) -> StateStore:
    """The store in that folder."""
    return StateStore(folder / "state.sqlite", folder / "secrets.key")


@pytest.fixture
def database(folder: Path, store: StateStore) -> Iterator[Database]:
    """Another opening of the same file, to look into it."""
    database = open_database(folder / "state.sqlite", MIGRATIONS / "state")
    yield database
    database.close()


def test_app_of_an_older_version_gets_the_usual_interval(folder: Path) -> None:
    older = folder / "older"
    older.mkdir()
    shutil.copy(MIGRATIONS / "state" / "0001_state.py", older)
    before = open_database(folder / "state.sqlite", older)
    with before.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO apps (name, display_name, template, tenant_url, rules, roles)"
            " VALUES ('crm', 'CRM', 'scim', 'https://crm.example/scim', '{}', '[]')"
        )
    before.close()
    store = opened(folder)
    with store.reading() as reader:
        assert [(app.name, app.interval_minutes) for app in reader.apps()] == [("crm", 40)]
    store.close()


def test_migrations_make_exactly_the_tables_that_queries_are_written_against(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = {
            name: sql
            for name, sql in connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'index'")
            if sql
        }
    for table in metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            wanted = "" if where is None else str(where.compile()).replace(f"{table.name}.", "")
            assert made[str(index.name)].partition(" WHERE ")[2] == wanted, index.name


def test_state_of_a_newer_program_is_refused(folder: Path, store: StateStore) -> None:
    with sqlite3.connect(folder / "state.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
    connection.close()
    with pytest.raises(SchemaTooNew, match=r"state\.sqlite has the schema '9999_future'"):
        opened(folder)


def test_token_is_nowhere_in_the_files(folder: Path, store: StateStore) -> None:
    with store.writing() as writer:
        writer.save_app(APP, "the-s3cret-token")
        writer.save_app(APP, "the-0ther-token")
        assert writer.token(JOB) == "the-0ther-token"
    files = [path for path in folder.iterdir() if path.name.startswith("state.sqlite")]
    assert len(files) > 1  # the write-ahead log too
    for path in files:
        for secret in (b"the-s3cret-token", b"the-0ther-token", b"s3cret", b"0ther"):
            assert secret not in path.read_bytes(), path
    assert (folder / "secrets.key").stat().st_mode & 0o777 == 0o600


def test_swapped_tokens_cant_be_read(folder: Path, store: StateStore) -> None:
    with store.writing() as writer:
        writer.save_app(APP, "one")
        writer.save_app(msgspec.structs.replace(APP, name="aha"), "two")
    with sqlite3.connect(folder / "state.sqlite") as connection:
        (one,), (two,) = connection.execute("SELECT token FROM apps ORDER BY name").fetchall()
        connection.execute("UPDATE apps SET token = ? WHERE name = 'aha'", (two,))
        connection.execute("UPDATE apps SET token = ? WHERE name = 'mixpanel'", (one,))
    connection.close()
    with store.reading() as reader:
        for app in (JOB, "aha"):
            with pytest.raises(SecretUnreadable, match=f"the token of {app}"):
                reader.token(app)


def test_lost_key_isnt_replaced_while_another_app_needs_it(folder: Path, store: StateStore) -> None:
    with store.writing() as writer:
        writer.save_app(APP, "one")
    store.close()
    (folder / "secrets.key").unlink()
    again = opened(folder)
    with again.writing() as writer, pytest.raises(SecretUnreadable, match="is missing"):
        writer.save_app(msgspec.structs.replace(APP, name="aha"), "two")
    with again.writing() as writer:
        writer.save_app(APP, "new")  # nothing else was encrypted with the old one
        assert writer.token(JOB) == "new"
    again.close()


def test_key_isnt_made_before_there_is_a_secret(folder: Path, store: StateStore) -> None:
    with store.writing() as writer:
        writer.save_app(APP, None)
        assert writer.token(JOB) is None
    assert not (folder / "secrets.key").exists()


async def test_awaited_writes_share_commits(store: StateStore) -> None:
    lease = taken(store)
    commits: list[int] = []
    event.listen(store._database.writers, "commit", lambda _: commits.append(1))
    writes = [store.write(lambda w, i=i: w.record(lease, [Record(link=link(f"u{i}"))])) for i in range(200)]
    await asyncio.gather(*writes)
    assert len(commits) < 100


def statements(store: StateStore) -> list[str]:
    """Fills with what is written from now on."""
    seen: list[str] = []
    event.listen(
        store._database.writers, "before_cursor_execute", lambda conn, cursor, sql, *_: seen.append(sql.split("\n")[0])
    )
    return seen


def test_two_hundred_records_are_a_handful_of_statements(store: StateStore) -> None:
    lease = taken(store)
    records = [
        Record(
            link=link(f"u{i}"),
            log=entry(f"u{i}"),
            settled=(Kind.USER, f"u{i}"),
            members=(Membership("g", f"u{i}", "sent"),),
            members_gone=(("h", f"u{i}"),),
            pending=("boss",),
            account_gone=i % 2 == 0,
        )
        for i in range(200)
    ]
    seen = statements(store)
    keep(store, lease, *records)
    assert len(seen) < 20, seen


@pytest.mark.parametrize(
    "question",
    [
        lambda reader: reader.due(JOB, NOW),
        lambda reader: reader.links(JOB, Kind.USER, ["u1", "u2"]),
        lambda reader: reader.accounts(JOB, ["u1", "u2"]),
        lambda reader: reader.owners(JOB, Kind.USER, ["a1", "a2"]),
        lambda reader: reader.coming(JOB, Kind.USER, ["u1", "u2"]),
        lambda reader: reader.waiting(JOB, Kind.USER, ["u1", "u2"]),
        lambda reader: reader.under_way(JOB, Kind.USER, ["u1", "u2"]),
        lambda reader: reader.holds(JOB),
        lambda reader: reader.escrow(JOB),
        lambda reader: reader.next_in_spool(JOB, 10),
        lambda reader: reader.effects_since(JOB, NOW),
        lambda reader: list(reader.log(JOB, person="u1")),
        lambda reader: list(reader.log(JOB, newest_first=True, limit=10)),
    ],
)
def test_question_is_answered_by_an_index_and_not_by_reading_the_table(
    store: StateStore, question: Callable[[StateReader], object]
) -> None:
    plans: list[str] = []

    def explain(connection: object, cursor: sqlite3.Cursor, sql: str, values: object, *_: object) -> None:
        if sql.startswith("SELECT") and "sqlite_schema" not in sql:
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values))  # pyright: ignore[reportArgumentType]

    event.listen(store._database._readers, "before_cursor_execute", explain)
    with store.reading() as reader:
        question(reader)
    assert plans
    for plan in plans:
        assert not plan.startswith("SCAN") or "VIRTUAL TABLE" in plan, plans  # the list that is asked about is one
        # All links of a job, or all that have an account, are as good as the whole table.
        assert "links_status" not in plan, plans
        assert "app_id>?" not in plan, plans


def test_old_cycles_are_pruned_with_the_log_but_each_jobs_last_ones_stay(store: StateStore) -> None:
    lease = taken(store)
    for number in range(50):
        at = NOW - timedelta(days=50 - number)
        cycle = CycleSummary(f"c{number}", JOB, "incremental", at, at, "succeeded")
        with store.writing() as writer:
            writer.begin_cycle(lease, cycle, Judging())
            writer.end_cycle(lease, cycle, None, Abilities())
    with store.writing() as writer:
        granted, _ = (writer.wish(Wish(JOB, NOW - timedelta(days=40))) for _ in range(2))
        writer.take_wishes(lease, [granted], "c1")
    store.prune_log(NOW - timedelta(days=10))
    with store.reading() as reader:
        assert len(reader.cycles(JOB, 100)) == 20
        assert len(reader.asked(JOB).wishes) == 1
        assert reader.granted(granted) == ""
    store.prune_log(NOW - timedelta(days=40))
    with store.reading() as reader:
        assert len(reader.cycles(JOB, 100)) == 20


def test_log_is_pruned_by_age_and_the_guard_forgets_nothing_of_the_last_day(store: StateStore) -> None:
    lease = taken(store)
    old, older = NOW - timedelta(days=30), NOW - timedelta(days=40)
    for at in (older, old, NOW):
        keep(store, lease, *(Record(log=entry(f"u{i}", at=at, effects={"disable": 1})) for i in range(600)))
    assert store.prune_log(older) == 0
    assert store.prune_log(old) == 600
    with store.reading() as reader:
        assert sum(1 for _ in reader.log(JOB)) == 1200
        assert reader.effects_since(JOB, older) == {"disable": 1200}
    assert store.prune_log(NOW + timedelta(seconds=1)) == 1200
    with store.reading() as reader:
        assert list(reader.log(JOB)) == []
        assert reader.effects_since(JOB, NOW) == {"disable": 600}
    keep(store, lease, Record(log=entry("u1")))
    with store.reading() as reader:
        assert [e.sequence for e in reader.log(JOB)] == [1801]


MANY = """
        lease = taken(store, "other", job="aha")
        sys.stdin.readline()
        for i in range(300):
            keep(store, lease, *(Record(link=link(f"u{i}-{j}")) for j in range(10)))
        store.close()
"""
ENDLESS = """
        lease = taken(store, "other")
        for i in range(int(sys.stdin.readline()), 10**9):
            ids = [f"u{i}-{j}" for j in range(200)]
            members = {k: (Membership("g", k, "sent"),) for k in ids}
            keep(store, lease, *(Record(link=link(k), log=entry(k), members=members[k]) for k in ids))
            print(i, flush=True)
"""
CUT_OFF = """
        lease = taken(store)
        with store.writing() as writer:
            writer.intend(lease, [intent("u1")])
        os._exit(1)
"""


@contextmanager
def started(folder: Path, program: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `program` with a store in `folder`; it has said `ready`. Killed at the end if need be."""
    before = """
        import os, sys
        from pathlib import Path
        from tests.conformance.state.values import *
        from instep.ports import Membership, Record
        from instep.stores.state import StateStore
        folder = Path(sys.argv[1])
        store = StateStore(folder / "state.sqlite", folder / "secrets.key")
        print("ready", flush=True)
    """
    text = textwrap.dedent(before) + textwrap.dedent(program)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", text, str(folder)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Write a line to what the process reads."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.mark.slow
def test_two_processes_writing_at_once_lose_nothing_and_neither_waits_long(folder: Path, store: StateStore) -> None:
    lease = taken(store)
    waits: list[float] = []

    async def write(worker: int) -> None:
        for i in range(100):
            began = time.monotonic()
            record = Record(link=link(f"u{worker}-{i}"))
            await store.write(lambda writer, record=record: writer.record(lease, [record]))
            waits.append(time.monotonic() - began)

    async def write_all() -> None:
        await asyncio.gather(*(write(worker) for worker in range(8)))

    with started(folder, MANY) as other:
        tell(other, "go")
        asyncio.run(write_all())
        assert (other.communicate(timeout=60)[1], other.returncode) == ("", 0)
    with store.reading() as reader:
        assert sum(reader.counts(JOB).values()) == 800
        assert sum(reader.counts("aha").values()) == 3000
    assert max(waits) < 5


@pytest.mark.slow
def test_process_killed_in_a_write_leaves_all_of_it_or_nothing(folder: Path, store: StateStore) -> None:
    acknowledged: set[int] = set()
    for death in range(5):
        with started(folder, ENDLESS) as process:
            tell(process, str(death * 1000))
            assert process.stdout is not None
            acknowledged.add(int(process.stdout.readline()))
            time.sleep(0.013 * death)
            process.send_signal(signal.SIGKILL)
            acknowledged |= {int(line) for line in process.communicate()[0].split()}
    with store.reading() as reader:
        links = [i for page in reader.link_ids(JOB, Kind.USER) for i in page]
        assert sorted(e.subject_id for e in reader.log(JOB)) == links
        assert list(reader.memberships(JOB, "g")) == links
    batches = {int(i[1:].partition("-")[0]) for i in links}
    assert len(links) == 200 * len(batches)
    assert acknowledged <= batches
    assert len(batches) <= len(acknowledged) + 5  # committed, and killed before it could say so
    keep_links(store, taken(store, "other"), [link("life-goes-on")])


def test_store_left_without_closing_is_whole_afterwards(folder: Path) -> None:
    with started(folder, CUT_OFF) as process:
        process.communicate(timeout=30)
    store = opened(folder)
    with store.reading() as reader:
        assert reader.intents(JOB) == [intent("u1")]
    store.close()
    store.close()
