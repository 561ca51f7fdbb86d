"""A provisioning log of some hundred entries, tampered with at random: found each time, in the right job, at its place.

INSTEP_TAMPERINGS says how often: 500 by default, so that the suite stays quick; 10000 by hand. INSTEP_TAMPERING_SEED
draws others. What happens is undone in the database after each.
"""

import hashlib
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection
from tests.conformance.state.values import NOW, entry, keep, taken

from instep.core.change import AttributeChange, Step
from instep.core.record import Record
from instep.stores.state import StateStore, chain
from instep.stores.state.tables import chains, log
from instep.stores.state.verification import jobs, verify

TAMPERINGS = int(os.environ.get("INSTEP_TAMPERINGS", "500"))
SEED = int(os.environ.get("INSTEP_TAMPERING_SEED", "20261126"))
ENTRIES = 300
JOBS = ("aha", "mixpanel", "slack")
COLUMNS = [column.name for column in log.columns]

Places = dict[str, set[int]]
"""By job, the entries of which one has to be named: what was tampered with or its neighbour; 0 stands for the ends."""


class Log:
    """The log, as somebody sees it who has the database and not the key."""

    def __init__(self, connection: sqlite3.Connection, dice: random.Random) -> None:
        self.sql = connection
        self.dice = dice
        rows = connection.execute("SELECT job, sequence FROM log ORDER BY sequence").fetchall()
        self.of: dict[str, list[int]] = {job: [s for j, s in rows if j == job] for job in JOBS}
        self.job_of = {sequence: job for job, sequence in rows}

    def any(self) -> int:
        return self.dice.choice([*self.job_of])

    def job(self) -> str:
        return self.dice.choice(JOBS)

    def near(self, *sequences: int, job: str | None = None) -> Places:
        """These entries and those beside them in their job."""
        found: Places = {}
        for sequence in sequences:
            name = job or self.job_of[sequence]
            all_of = self.of[name]
            before = max((s for s in all_of if s < sequence), default=0)
            after = min((s for s in all_of if s > sequence), default=sequence)
            found.setdefault(name, set()).update({before, sequence, after})
        return found

    def set(self, sequence: int, column: str, value: object) -> None:
        self.sql.execute(f"UPDATE log SET {column} = ? WHERE sequence = ?", (value, sequence))

    def get(self, sequence: int, column: str) -> object:
        return self.sql.execute(f"SELECT {column} FROM log WHERE sequence = ?", (sequence,)).fetchone()[0]


def flips_a_bit(log: Log) -> Places:
    sequence, column = log.any(), log.dice.choice([c for c in COLUMNS if c not in ("sequence", "job")])
    [(value, kind)] = log.sql.execute(
        f"SELECT CAST({column} AS BLOB), typeof({column}) FROM log WHERE sequence = ?", (sequence,)
    )
    if kind == "integer":
        log.set(sequence, column, int(value) ^ (1 << log.dice.randrange(8)))
    elif value:
        altered = bytearray(value)
        altered[log.dice.randrange(len(altered))] ^= 1 << log.dice.randrange(8)
        log.sql.execute(f"UPDATE log SET {column} = CAST(? AS TEXT) WHERE sequence = ?", (bytes(altered), sequence))
    else:
        log.set(sequence, column, "x")
    return log.near(sequence)


def changes_a_field(log: Log) -> Places:
    """To another entry's value, which looks right."""
    sequence, other = log.any(), log.any()
    column = log.dice.choice([c for c in COLUMNS if c not in ("sequence", "job", "hash", "previous")])
    log.set(sequence, column, log.get(other, column))
    return log.near(sequence)


def rewrites_times(log: Log) -> Places:
    """Of an entry, and of all after it: somebody wants them later."""
    job = log.job()
    place = log.dice.randrange(len(log.of[job]))
    some = log.of[job][place : place + log.dice.randrange(1, 40)]
    for sequence in some:
        log.set(sequence, "at", f"2031-01-01 00:00:{sequence % 60:02}.{sequence:06}")
    return log.near(*some)


def changes_a_hash(log: Log) -> Places:
    sequence = log.any()
    made = hashlib.sha256(str(log.dice.random()).encode()).hexdigest()
    log.set(sequence, log.dice.choice(("hash", "previous")), log.dice.choice((made, "", log.get(log.any(), "hash"))))
    return log.near(sequence)


def deletes(log: Log) -> Places:
    """One, or some in a row."""
    job = log.job()
    place = log.dice.randrange(len(log.of[job]))
    some = log.of[job][place : place + log.dice.choice((1, 1, 2, 30))]
    log.sql.executemany("DELETE FROM log WHERE sequence = ?", [(each,) for each in some])
    return log.near(*some)


def cuts_the_tail(log: Log) -> Places:
    """Of a job, or of all."""
    first = log.any()
    names = [log.job_of[first]] if log.dice.random() < 0.5 else JOBS
    found: Places = {}
    for job in names:
        gone = [s for s in log.of[job] if s >= first]
        log.sql.executemany("DELETE FROM log WHERE sequence = ?", [(each,) for each in gone])
        if gone:
            found |= {job: {max((s for s in log.of[job] if s < first), default=0)}}
    return found


def cuts_the_tail_and_mends_the_end(log: Log) -> Places:
    """And writes into the end's row what is the last entry now; the seal can't be made."""
    job = log.job()
    last = log.dice.choice(log.of[job][:-1])
    log.sql.execute("DELETE FROM log WHERE job = ? AND sequence > ?", (job, last))
    values = (last, log.get(last, "hash"), job)
    log.sql.execute("UPDATE chains SET last_sequence = ?, last_hash = ? WHERE job = ?", values)
    return {job: {0}}


def swaps(log: Log) -> Places:
    """Two entries change places, in one job or across two."""
    one, other = log.dice.sample([*log.job_of], 2)
    for before, after in ((one, -1), (other, one), (-1, other)):
        log.sql.execute("UPDATE log SET sequence = ? WHERE sequence = ?", (after, before))
    if log.job_of[one] == log.job_of[other]:
        return log.near(one, other)
    there, here = log.near(one, job=log.job_of[other]), log.near(other, job=log.job_of[one])
    return {
        job: log.near(*(s for s in (one, other) if log.job_of[s] == job))[job] | found[job]
        for job, found in ((log.job_of[other], there), (log.job_of[one], here))
    }


def swaps_contents(log: Log) -> Places:
    """Two entries keep their places and change what they say."""
    one, other = log.dice.sample(log.of[log.job()], 2)
    for column in ("detail", "reason", "subject_id", "name", "status"):
        held = log.get(one, column)
        log.set(one, column, log.get(other, column))
        log.set(other, column, held)
    return log.near(one, other)


def inserts(log: Log) -> Places:
    """A copy of an entry, after the last one."""
    source = log.any()
    place = max(log.job_of) + log.dice.randrange(1, 9)
    names = ", ".join(c for c in COLUMNS if c != "sequence")
    log.sql.execute(
        f"INSERT INTO log (sequence, {names}) SELECT ?, {names} FROM log WHERE sequence = ?", (place, source)
    )
    return {log.job_of[source]: {place, log.of[log.job_of[source]][-1]}}


def inserts_between(log: Log) -> Places:
    """A made-up entry in the place of one that is another job's, which is moved away."""
    job = log.job()
    source, place = log.dice.sample(log.of[job], 2)
    log.sql.execute("DELETE FROM log WHERE sequence = ?", (place,))
    names = ", ".join(c for c in COLUMNS if c != "sequence")
    log.sql.execute(
        f"INSERT INTO log (sequence, {names}) SELECT ?, {names} FROM log WHERE sequence = ?", (place, source)
    )
    return log.near(place)


def moves_to_another_job(log: Log) -> Places:
    sequence = log.any()
    to = log.dice.choice([job for job in JOBS if job != log.job_of[sequence]])
    log.set(sequence, "job", to)
    return log.near(sequence) | log.near(sequence, job=to)


def tampers_with_a_seal(log: Log) -> Places:
    job = log.job()
    column = log.dice.choice([c.name for c in chains.columns if c.name != "job"])
    value = log.sql.execute(f"SELECT {column} FROM chains WHERE job = ?", (job,)).fetchone()[0]
    altered = value + 1 if isinstance(value, int) else f"{value[1:]}{value[:1]}" if value else "0" * 64
    log.sql.execute(f"UPDATE chains SET {column} = ? WHERE job = ?", (altered, job))
    return {job: {0}}


def takes_anothers_seal(log: Log) -> Places:
    one, other = log.dice.sample(JOBS, 2)
    seal = log.sql.execute("SELECT seal FROM chains WHERE job = ?", (other,)).fetchone()[0]
    log.sql.execute("UPDATE chains SET seal = ? WHERE job = ?", (seal, one))
    return {one: {0}}


def puts_an_old_end_back(log: Log) -> Places:
    """With its seal of then; and half of the time the entries after it are taken out as well, but for one."""
    old = log.sql.execute("SELECT * FROM old_chains").fetchall()
    values = log.dice.choice(old)
    job, last = values[0], values[3]
    log.sql.execute(f"INSERT OR REPLACE INTO chains VALUES ({', '.join('?' * len(values))})", values)
    later = [s for s in log.of[job] if s > last]
    if log.dice.random() < 0.5:
        log.sql.execute("DELETE FROM log WHERE job = ? AND sequence > ? AND sequence <> ?", (job, last, later[-1]))
    return {job: {*later, last}}


def drops_all_ends(log: Log) -> Places:
    log.sql.execute("DELETE FROM chains")
    return {job: {0} for job in JOBS}


def drops_all_entries(log: Log) -> Places:
    one = log.dice.choice((*JOBS, ""))
    log.sql.execute("DELETE FROM log WHERE job = ? OR ? = ''", (one, one))
    return {job: {0} for job in JOBS if one in (job, "")}


def claims_to_be_older_than_the_chain(log: Log) -> Places:
    """Without hashes, as entries are that were written before there was a chain."""
    job = log.job()
    some = log.of[job][: log.dice.randrange(1, 30)]
    for sequence in some:
        log.set(sequence, "hash", "")
        log.set(sequence, "previous", "")
    return log.near(*some)


def writes_the_chain_anew(log: Log) -> Places:
    """By somebody who knows how hashes are made: from a changed entry to the end; the end's row too, but its seal."""
    job = log.job()
    place = log.dice.randrange(len(log.of[job]))
    log.set(log.of[job][place], "reason", f"forged {log.dice.random()}")
    previous = log.get(log.of[job][place], "previous")
    names = ", ".join(f"CAST({column.name} AS BLOB)" for column in chain.CONTENT)
    for sequence in log.of[job][place:]:
        log.set(sequence, "previous", previous)
        [content] = log.sql.execute(f"SELECT {names} FROM log WHERE sequence = ?", (sequence,))
        previous = chain.digest(content)
        log.set(sequence, "hash", previous)
    if log.dice.random() < 0.5:
        log.sql.execute("UPDATE chains SET last_hash = ? WHERE job = ?", (previous, job))
        return {job: {0}}
    return {job: {log.of[job][-1], log.of[job][-2]}}


WAYS: tuple[Callable[[Log], Places], ...] = (
    flips_a_bit,
    flips_a_bit,
    changes_a_field,
    rewrites_times,
    changes_a_hash,
    deletes,
    cuts_the_tail,
    cuts_the_tail_and_mends_the_end,
    swaps,
    swaps_contents,
    inserts,
    inserts_between,
    moves_to_another_job,
    tampers_with_a_seal,
    takes_anothers_seal,
    puts_an_old_end_back,
    drops_all_ends,
    drops_all_entries,
    claims_to_be_older_than_the_chain,
    writes_the_chain_anew,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    """The real database with a log in it: three jobs by turns, all kinds of entries."""
    store = StateStore(tmp_path / "state.sqlite", tmp_path / "secrets.key")
    dice = random.Random(SEED)
    number = 0
    while number < ENTRIES:
        job, records = JOBS[dice.randrange(3)], []
        for _ in range(dice.randrange(1, 12)):
            number += 1
            changes = (AttributeChange("title", None, f"Läufer {number}"), AttributeChange("active", True, False))
            step = Step("import", "success", f"as of change {number}", {"id": f"u{number}", "n": number})
            more = {"status": "failure", "reason": f"409: {number}"} if number % 5 == 0 else {"app_id": f"a{number}"}
            records.append(
                Record(log=entry(f"u{number}", job=job, at=NOW, changes=changes[: number % 3], steps=(step,), **more))
            )
        keep(store, taken(store, job=job), *records)
    yield store
    store.close()


@contextmanager
def open_to_tampering(store: StateStore) -> Iterator[tuple[sqlite3.Connection, Connection]]:
    """The driver's connection and ours, in one transaction; with ends of earlier in a table beside."""
    with store._database.read() as reader:
        old = [tuple(row) for row in reader.execute(chains.select())]
    for job in JOBS:
        keep(store, taken(store, job=job), *(Record(log=entry(f"later{i}", job=job, at=NOW)) for i in range(4)))
    with store._database.write() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("CREATE TEMP TABLE old_chains AS SELECT * FROM chains WHERE 0")
        driver.executemany(f"INSERT INTO old_chains VALUES ({', '.join('?' * len(old[0]))})", old)
        yield driver, connection


def held(driver: sqlite3.Connection) -> bytes:
    """All that can be tampered with, in short."""
    text, driver.text_factory = driver.text_factory, bytes  # what was tampered with may be no text any more
    try:
        rows = [driver.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in ("log", "chains")]
    finally:
        driver.text_factory = text
    return hashlib.sha256(msgspec.msgpack.encode(rows)).digest()


def named(connection: Connection, store: StateStore) -> Places:
    """What the verification of each job names."""
    reports = {job: verify(connection, job, store._vault) for job in jobs(connection)}
    return {job: {fault.sequence for fault in report.faults} for job, report in reports.items() if report.faults}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_tampering_is_found_and_located(store: StateStore) -> None:
    dice, missed, counted = random.Random(SEED), [], Counter[str]()
    with open_to_tampering(store) as (driver, connection):
        assert named(connection, store) == {}
        untouched = held(driver)
        while counted.total() < TAMPERINGS:
            way = WAYS[counted.total() % len(WAYS)] if counted.total() < len(WAYS) else dice.choice(WAYS)
            driver.execute("SAVEPOINT before")
            wanted = way(Log(driver, dice))
            if held(driver) != untouched:  # what changes nothing doesn't count
                counted[way.__name__] += 1
                found = named(connection, store)
                if set(found) != set(wanted) or any(not found[job] & places for job, places in wanted.items()):
                    missed.append(f"{counted.total()} {way.__name__}: {wanted}, found {found}")
            driver.execute("ROLLBACK TO before")
            driver.execute("RELEASE before")
        assert held(driver) == untouched
        assert named(connection, store) == {}
    assert missed == []
    assert set(counted) == {way.__name__ for way in WAYS}
