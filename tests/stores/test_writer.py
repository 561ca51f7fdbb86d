"""The writer: groups, what is undone, who is told, and its end."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from instep.stores import database as databases
from instep.stores.database import Database, open_database
from instep.stores.schema import DatabaseUnavailable
from instep.stores.writer import Writer, WriterClosed

TABLE = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001_numbers", None
def upgrade():
    op.create_table("numbers", sa.Column("n", sa.Integer, primary_key=True))
"""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(databases, "PATIENCE", 0.5)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_numbers.py").write_text(TABLE)
    opened = open_database(tmp_path / "numbers.sqlite", folder)
    yield opened
    opened.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, group_seconds=60)
    yield writer
    writer.close()


def insert(n: int) -> Callable[[Connection], int]:
    """A work that inserts a number and returns it."""

    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": n})
        return n

    return work


def numbers(database: Database) -> list[int]:
    """What is in the table."""
    with database.read() as connection:
        return list(connection.execute(text("SELECT n FROM numbers ORDER BY n")).scalars())


def commits(database: Database) -> list[int]:
    """Grows by one with each commit from now on."""
    seen: list[int] = []
    event.listen(database.writers, "commit", lambda _: seen.append(1))
    return seen


class Gate:
    """A work that waits, so that others queue up behind it."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.begun.set()
        assert self.open.wait(10)


async def test_written_is_durable_when_the_call_returns(database: Database, writer: Writer) -> None:
    assert await writer.run(insert(1)) == 1
    assert numbers(database) == [1]


async def test_works_queued_meanwhile_share_a_commit(database: Database, writer: Writer) -> None:
    seen = commits(database)
    gate = Gate()
    writer.submit(gate)
    others = [writer.submit(insert(n)) for n in range(100)]
    gate.open.set()
    assert [other.result() for other in others] == list(range(100))
    assert len(seen) == 1
    assert numbers(database) == list(range(100))


def test_group_ends_after_its_time_so_that_other_processes_get_their_turn(database: Database) -> None:
    writer = Writer(database, group_seconds=0)
    seen = commits(database)
    works = [writer.submit(insert(n)) for n in range(5)]
    writer.close()
    assert [work.result() for work in works] == list(range(5))
    assert len(seen) == 5


async def test_many_callers_at_once_need_few_commits(database: Database, writer: Writer) -> None:
    seen = commits(database)
    await asyncio.gather(*(writer.run(insert(n)) for n in range(500)))
    assert numbers(database) == list(range(500))
    assert len(seen) < 100


def test_callers_go_on_only_after_the_commit(database: Database, writer: Writer) -> None:
    before, after = Gate(), Gate()
    writer.submit(before)
    inserted = writer.submit(insert(1))
    writer.submit(after)
    before.open.set()
    assert after.begun.wait(10)
    assert not inserted.done()
    assert numbers(database) == []
    after.open.set()
    assert inserted.result() == 1
    assert numbers(database) == [1]


async def test_work_that_raises_is_undone_alone(database: Database, writer: Writer) -> None:
    def broken(connection: Connection) -> None:
        insert(50)(connection)
        raise LookupError("half way")

    works = [writer.run(insert(1)), writer.run(broken), writer.run(insert(1)), writer.run(insert(2))]
    results = await asyncio.gather(*works, return_exceptions=True)
    assert results[0] == 1
    assert isinstance(results[1], LookupError)
    assert "UNIQUE" in str(results[2])
    assert results[3] == 2
    assert numbers(database) == [1, 2]


async def test_commit_that_fails_reaches_all_its_callers(database: Database, writer: Writer) -> None:
    def fail(connection: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    gate = Gate()
    event.listen(database.writers, "commit", fail)
    waiting = [asyncio.create_task(writer.run(work)) for work in (gate, insert(1), insert(2))]
    await asyncio.sleep(0)
    gate.open.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    event.remove(database.writers, "commit", fail)
    assert [type(r) for r in results] == [DatabaseUnavailable] * 3
    assert "disk I/O error" in str(results[0])
    assert numbers(database) == []
    assert await writer.run(insert(7)) == 7


async def test_database_in_use_reaches_the_caller_and_the_writer_lives_on(database: Database, writer: Writer) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="Somebody else"):
        await writer.run(insert(1))
    other.execute("ROLLBACK")
    other.close()
    assert await writer.run(insert(1)) == 1


async def test_transaction_that_is_lost_half_way_fails_all_in_it(database: Database, writer: Writer) -> None:
    def lose(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")  # what SQLite does by itself when the disk is full
        raise sqlite3.OperationalError("database or disk is full")

    gate = Gate()
    first = writer.submit(gate)
    second, third = writer.submit(insert(1)), writer.submit(lose)
    gate.open.set()
    assert first.exception() is not None
    assert second.exception() is not None
    assert third.exception() is not None
    assert numbers(database) == []
    assert await writer.run(insert(2)) == 2


async def test_withdrawn_work_isnt_done_unless_it_has_begun(database: Database, writer: Writer) -> None:
    gate = Gate()
    begun = asyncio.create_task(writer.run(gate))
    await asyncio.to_thread(gate.begun.wait)
    withdrawn = asyncio.create_task(writer.run(insert(1)))
    await asyncio.sleep(0)
    withdrawn.cancel()
    begun.cancel()
    await asyncio.gather(withdrawn, begun, return_exceptions=True)
    gate.open.set()
    await writer.run(insert(2))
    assert numbers(database) == [2]


def test_caller_without_a_loop_waits(database: Database, writer: Writer) -> None:
    assert writer.run_blocking(insert(1)) == 1
    with pytest.raises(Exception, match="UNIQUE"):
        writer.run_blocking(insert(1))
    assert numbers(database) == [1]


def test_closing_carries_out_what_is_queued_and_refuses_what_comes_later(database: Database) -> None:
    writer = Writer(database)
    gate = Gate()
    writer.submit(gate)
    queued = [writer.submit(insert(n)) for n in range(50)]
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.open.set()
    closing.join(10)
    assert not closing.is_alive()
    assert all(future.done() for future in queued)
    assert numbers(database) == list(range(50))
    with pytest.raises(WriterClosed):
        writer.submit(insert(99))
    writer.close()


def test_loop_that_has_ended_doesnt_stop_the_writer(database: Database, writer: Writer) -> None:
    gate = Gate()

    async def leave() -> None:
        task = asyncio.create_task(writer.run(gate))
        await asyncio.to_thread(gate.begun.wait)
        task.cancel()

    asyncio.run(leave())
    gate.open.set()
    assert writer.run_blocking(insert(1)) == 1


async def test_full_disk_in_the_middle_of_a_work_undoes_the_group_and_says_what_to_do(
    database: Database, writer: Writer
) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite won't go below the size it has
    long = "9" * 100_000

    def work(connection: Connection) -> None:
        connection.execute(text(f"CREATE TABLE long AS SELECT '{long}' AS value"))

    with pytest.raises(DatabaseUnavailable, match=r"numbers\.sqlite can't be used: .*full\. Make room"):
        await writer.run(work)
    await writer.run(insert(1))
    assert numbers(database) == [1]


async def test_damaged_page_that_a_work_meets_is_told_as_damage(database: Database, writer: Writer) -> None:
    await writer.run(insert(1))
    with database.write() as connection:
        root = connection.execute(text("SELECT rootpage FROM sqlite_schema WHERE name = 'numbers'")).scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    database.close()  # and with it the pages that are in memory
    with database.path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(DatabaseUnavailable, match=r"numbers\.sqlite can't be used: .*malformed\. The file is damaged"):
        await writer.run(insert(2))
    with pytest.raises(DatabaseUnavailable, match="The file is damaged"):
        numbers(database)
