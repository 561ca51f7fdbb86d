"""The log's chain: what was tampered with is found, and said where."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.conformance.state.values import APP, JOB, NOW, entry, keep, taken

from instep.core.change import AttributeChange, Step
from instep.core.record import ChainReport, Record
from instep.stores.secrets import SecretUnreadable
from instep.stores.state import StateStore
from instep.stores.state.tables import chains, log
from instep.stores.state.verification import jobs, verify


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path / "state.sqlite", tmp_path / "secrets.key")
    yield store
    store.close()


def fill(store: StateStore, number: int = 12) -> None:
    """Entries of two jobs, in turns, of all kinds of content."""
    for i in range(number):
        job = JOB if i % 3 else "aha"
        changes = (AttributeChange("title", None, f"Läufer {i}"),)
        steps = (Step("import", "success", f"as of change {i}", {"id": f"u{i}"}),)
        logged = entry(f"u{i}", job=job, changes=changes, steps=steps, app_id=None if i % 4 else f"a{i}")
        keep(store, taken(store, job=job), Record(log=logged))


def checked(store: StateStore, job: str = JOB) -> ChainReport:
    with store.reading() as reader:
        return reader.verify_log(job)


def faults(store: StateStore, job: str = JOB) -> list[tuple[str, int]]:
    return [(fault.how, fault.sequence) for fault in checked(store, job).faults]


def sql(store: StateStore, *statements: str) -> None:
    """Tamper with the database."""
    with store._database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_untouched_log_is_intact_and_covers_every_entry(store: StateStore) -> None:
    fill(store)
    report = checked(store)
    assert (report.entries, report.older, report.sequence, report.faults) == (8, 0, 12, ())
    assert checked(store, "aha").entries == 4
    with store.reading() as reader:
        assert reader.logged_jobs() == ["aha", JOB]
        assert reader.log_hash(JOB, 12) == report.hash
        assert reader.log_hash(JOB, 1) is None


def test_entries_of_one_transaction_are_chained_among_themselves(store: StateStore) -> None:
    keep(store, taken(store), *(Record(log=entry(f"u{i}", effects={"disable": i % 2})) for i in range(5)))
    assert checked(store).entries == 5
    assert faults(store) == []
    sql(store, "DELETE FROM log WHERE sequence = 3")
    assert faults(store) == [("missing", 2)]


# Entries 2, 3, 5, 6, 8, 9, 11, 12 are the job's; the others are of `aha`.
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE log SET reason = 'x' WHERE sequence = 5", [("changed", 5)]),
        ("UPDATE log SET app_id = '' WHERE sequence = 3 AND app_id IS NULL", [("changed", 3)]),
        ("UPDATE log SET hash = 'x' || substr(hash, 2) WHERE sequence = 5", [("changed", 5)]),
        ("UPDATE log SET previous = 'x' || substr(previous, 2) WHERE sequence = 12", [("changed", 12)]),
        ("UPDATE log SET detail = X'FF' WHERE sequence = 2", [("changed", 2)]),
        ("UPDATE log SET at = 'yesterday' WHERE sequence = 2", [("changed", 2)]),
        ("UPDATE log SET hash = '', previous = '' WHERE sequence = 2", [("changed", 2)]),
        ("DELETE FROM log WHERE sequence = 2", [("missing", 0)]),
        ("DELETE FROM log WHERE sequence IN (5, 6)", [("missing", 3)]),
        ("DELETE FROM log WHERE sequence = 12", [("missing", 11)]),
        ("DELETE FROM log WHERE sequence > 8", [("missing", 8)]),
        ("DELETE FROM log", [("missing", 0)]),
        ("UPDATE log SET sequence = 13 WHERE sequence = 5", [("reordered", 13)]),
        ("UPDATE log SET job = 'aha' WHERE sequence = 5", [("missing", 3)]),
        ("UPDATE log SET job = 'mixpanel' WHERE sequence = 4", [("inserted", 4)]),
        (f"UPDATE chains SET last_sequence = 11 WHERE job = '{JOB}'", [("seal", 0)]),
        (f"UPDATE chains SET seal = 'x' || substr(seal, 2) WHERE job = '{JOB}'", [("seal", 0)]),
        (f"DELETE FROM chains WHERE job = '{JOB}'", [("seal", 0)]),
    ],
)
def test_tampering_is_found_where_it_was_done(store: StateStore, statement: str, found: list[tuple[str, int]]) -> None:
    fill(store)
    sql(store, statement)
    assert faults(store) == found


def copied(to: int, of: int) -> str:
    """SQL that copies an entry."""
    columns = ", ".join(c.name for c in log.columns if c.name != "sequence")
    return f"INSERT INTO log (sequence, {columns}) SELECT {to}, {columns} FROM log WHERE sequence = {of}"


def test_entry_that_was_copied_into_the_chain_is_found(store: StateStore) -> None:
    fill(store)
    sql(store, "DELETE FROM log WHERE sequence = 7", copied(7, 5))
    assert faults(store) == [("inserted", 7)]
    sql(store, copied(20, 5))
    assert faults(store) == [("inserted", 7), ("inserted", 20)]


def test_entries_that_changed_places_are_found(store: StateStore) -> None:
    fill(store)
    sql(
        store,
        "UPDATE log SET sequence = 1000 WHERE sequence = 5",
        "UPDATE log SET sequence = 5 WHERE sequence = 9",
        "UPDATE log SET sequence = 9 WHERE sequence = 1000",
    )
    assert faults(store) == [("reordered", 5), ("reordered", 9)]
    assert checked(store).faults[0].words == "it is the entry 9"


def test_old_end_that_is_put_back_is_found(store: StateStore) -> None:
    fill(store, 6)
    with store._database.read() as connection:
        old = connection.execute(chains.select().where(chains.c.job == JOB)).one()._mapping
    keep(store, taken(store), Record(log=entry("later")), Record(log=entry("latest")))
    with store._database.write() as connection:
        connection.execute(chains.update().where(chains.c.job == JOB).values(dict(old)))
    assert faults(store) == [("seal", 7)]


def test_break_of_the_seal_isnt_mended_by_what_is_written_later(store: StateStore) -> None:
    fill(store)
    last = "(SELECT hash FROM log WHERE sequence = 8)"
    sql(
        store,
        "DELETE FROM log WHERE sequence > 8",
        f"UPDATE chains SET last_sequence = 8, last_hash = {last} WHERE job = '{JOB}'",
    )
    assert faults(store) == [("seal", 0)]
    keep(store, taken(store), Record(log=entry("later")))
    # Numbers go on after the newest that is known; the chain is whole, and the break stays told.
    [fault] = checked(store).faults
    assert fault.how == "seal"
    assert fault.words == "when this entry was written, the seal of the chain before it didn't fit"
    assert store.prune_log(NOW + timedelta(seconds=1)) == 9  # those of the other job as well
    keep(store, taken(store), Record(log=entry("last")))
    assert faults(store) == []


def test_pruned_beginning_keeps_the_chain_intact_and_is_sealed(store: StateStore) -> None:
    lease = taken(store)
    for i in range(10):
        keep(store, lease, Record(log=entry(f"u{i}", at=NOW + timedelta(days=i))))
    assert store.prune_log(NOW + timedelta(days=4)) == 4
    report = checked(store)
    assert (report.entries, report.pruned, report.faults) == (6, 4, ())
    sql(store, "DELETE FROM log WHERE sequence = 5")
    assert faults(store) == [("missing", 4)]
    sql(store, copied(2, 6))
    assert faults(store) == [("inserted", 2), ("missing", 4)]


def test_pruning_goes_no_further_than_the_first_entry_that_is_young_enough(store: StateStore) -> None:
    lease = taken(store)
    for days in (0, 5, 1, 2):
        keep(store, lease, Record(log=entry(f"u{days}", at=NOW + timedelta(days=days))))
    assert store.prune_log(NOW + timedelta(days=3)) == 1
    assert faults(store) == []
    assert checked(store).entries == 3


def test_entries_from_before_the_chain_are_told_apart(store: StateStore) -> None:
    fill(store, 6)
    sql(store, "UPDATE log SET hash = '', previous = ''", "DELETE FROM chains")
    assert (checked(store).older, faults(store)) == (4, [])
    keep(store, taken(store), Record(log=entry("first")), Record(log=entry("second")))
    report = checked(store)
    assert (report.older, report.entries, report.faults) == (4, 2, ())
    sql(store, "UPDATE log SET hash = '', previous = '' WHERE sequence = 7")
    assert faults(store) == [("changed", 7)]


def test_lost_key_says_so_and_isnt_replaced(store: StateStore, tmp_path: Path) -> None:
    fill(store)
    store.close()
    (tmp_path / "secrets.key").unlink()
    again = StateStore(tmp_path / "state.sqlite", tmp_path / "secrets.key")
    with pytest.raises(SecretUnreadable, match="is missing"):
        checked(again)
    with pytest.raises(SecretUnreadable, match="is missing"):
        keep(again, taken(again), Record(log=entry("later")))
    with again.writing() as writer:
        writer.save_app(APP, "a new token, and with it a new key")
    assert faults(again) == [("seal", 0)]
    again.close()


def test_forged_chain_without_the_key_is_found(store: StateStore) -> None:
    """Somebody who knows how hashes are made, and writes the rest of the chain anew."""
    fill(store)
    from instep.stores.state import chain

    with store._database.write() as connection:
        connection.exec_driver_sql("UPDATE log SET reason = 'forged' WHERE sequence = 8")
        previous = None
        for row in connection.execute(log.select().where(log.c.job == JOB).order_by(log.c.sequence)).all():
            raw = connection.exec_driver_sql(
                f"SELECT {', '.join(f'CAST({c.name} AS BLOB)' for c in chain.CONTENT)} FROM log"
                f" WHERE sequence = {row.sequence}"
            ).one()
            content = [
                previous.encode() if c.name == "previous" and previous else value
                for c, value in zip(chain.CONTENT, raw, strict=True)
            ]
            previous = chain.digest(content)
            connection.execute(
                log.update()
                .where(log.c.sequence == row.sequence)
                .values(previous=content[[c.name for c in chain.CONTENT].index("previous")].decode(), hash=previous)
            )
    [(how, place)] = faults(store)
    assert (how, place) == ("missing", 12)  # the sealed end is another one's


# ------------------------------------------------------------------------------------------ at random

Tampering = Callable[[sqlite3.Connection, random.Random], set[int]]
"""Does something to the database; returns the entries of which one has to be named. 0: the ends."""


def flip(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    """One bit of one byte of any column of any row."""
    table = dice.choice((log, log, log, chains))
    column = dice.choice([c.name for c in table.columns])
    row = dice.choice([r[0] for r in connection.execute(f"SELECT rowid FROM {table.name}")])
    (value, kind) = connection.execute(
        f"SELECT CAST({column} AS BLOB), typeof({column}) FROM {table.name} WHERE rowid = ?", (row,)
    ).fetchone()
    before = value
    while value == before:
        altered = bytearray(before or b"x")
        if before:
            altered[dice.randrange(len(altered))] ^= 1 << dice.randrange(8)
        value = bytes(altered)
        if kind == "integer" and not (value.isdigit() and int(value) != int(before)):
            value = str(int(before) ^ (1 << dice.randrange(8))).encode()
    text: bytes | str | int = value
    if kind == "integer":
        text = int(value)
    else:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value
    try:
        connection.execute(f"UPDATE {table.name} SET {column} = ? WHERE rowid = ?", (text, row))
    except sqlite3.IntegrityError:  # that number, or that job, is another row's
        return flip(connection, dice)
    if table is chains:
        return {0}
    # An entry that was moved to no job at all is missing after the one before it.
    return set(range(row - 3, row + 1)) if column == "job" else {row, int(text)} if column == "sequence" else {row}


def remove(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    sequences = [r[0] for r in connection.execute("SELECT sequence FROM log")]
    row = dice.choice(sequences)
    connection.execute("DELETE FROM log WHERE sequence = ?", (row,))
    return set(range(row))


def truncate(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    newest = connection.execute("SELECT max(sequence) FROM log").fetchone()[0]
    row = dice.randrange(1, newest + 1)
    connection.execute("DELETE FROM log WHERE sequence >= ?", (row,))
    return set(range(row))


def swap(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    one, other = dice.sample([r[0] for r in connection.execute("SELECT sequence FROM log")], 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        connection.execute("UPDATE log SET sequence = ? WHERE sequence = ?", (new, old))
    return {one, other}


def insert(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    sequences = [r[0] for r in connection.execute("SELECT sequence FROM log")]
    place = dice.choice([n for n in range(1, max(sequences) + 5) if n not in sequences])
    connection.execute(copied(place, dice.choice(sequences)))
    return {place}


def put_back(connection: sqlite3.Connection, dice: random.Random) -> set[int]:
    """An end as it was earlier, with its seal of then."""
    old = dice.choice(connection.execute("SELECT * FROM old_chains").fetchall())
    connection.execute(f"INSERT OR REPLACE INTO chains VALUES ({', '.join('?' * len(old))})", old)
    later = connection.execute("SELECT sequence FROM log WHERE job = ? AND sequence > ?", (old[0], old[3]))
    return {row[0] for row in later}


@pytest.mark.slow
def test_ten_thousand_random_tamperings_are_all_found_and_located(store: StateStore) -> None:
    fill(store, 5)
    lease, old = taken(store), []
    for i in range(3):
        with store._database.read() as connection:
            old += [tuple(row) for row in connection.execute(chains.select())]
        keep(store, lease, Record(log=entry(f"later{i}")))
        keep(store, taken(store, job="aha"), Record(log=entry(f"more{i}", job="aha")))
    keep(store, lease, Record(log=entry("last")))
    dice = random.Random(20260301)
    missed: list[str] = []
    with store._database.write() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("CREATE TEMP TABLE old_chains AS SELECT * FROM chains WHERE 0")
        driver.executemany(f"INSERT INTO old_chains VALUES ({', '.join('?' * len(old[0]))})", old)
        assert named(connection, store) == set()
        for number in range(10_000):
            tampering: Tampering = dice.choice((flip, flip, flip, remove, truncate, swap, insert, put_back))
            driver.execute("SAVEPOINT before")
            wanted = tampering(driver, dice)
            found = named(connection, store)
            if not found & wanted:
                missed.append(f"{number} {tampering.__name__}: {wanted}, found {found}")
            driver.execute("ROLLBACK TO before")
            driver.execute("RELEASE before")
    assert missed == []


def named(connection: Connection, store: StateStore) -> set[int]:
    """The entries that the verification of all jobs names."""
    found = {job: verify(connection, job, store._vault) for job in jobs(connection)}
    return {fault.sequence for report in found.values() for fault in report.faults}
