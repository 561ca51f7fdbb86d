"""Broken exports: written from a seed, and what importing them as the whole truth does."""

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from instep.core.guard import Limits
from instep.core.subject import Kind
from instep.directory.importing import ImportRefused, RemovalsRefused, import_files
from instep.hostile.exports import ExportError, made_up, read
from instep.hostile.spoiling import SPOILT, spoilt
from instep.sources import Unrecognised, recognise
from instep.stores.directory import DirectoryStore

PEOPLE = 60
NOW = datetime(2026, 3, 2, tzinfo=UTC)
TAKEN_AS_IT_IS = {"all-disabled", "cleared-column", "shuffled", "utf-16", "formulas", "swapped-ids"}
"""Well-formed and complete: what they say is imported, and what it does to apps is for the guard of each app."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    opened = DirectoryStore(tmp_path / "directory.sqlite")
    yield opened
    opened.close()


def bring(store: DirectoryStore, folder: Path, content: bytes, ending: str) -> None:
    file = folder / f"users.{ending}"
    file.write_bytes(content)
    numbers = itertools.count()
    import_files(store, [recognise(file, None, None)], now=NOW, new_id=lambda: f"new{next(numbers)}", replace=True)


def present(store: DirectoryStore) -> set[str]:
    with store.browse() as browser:
        return {entry.id for entry in browser.entries(Kind.USER)}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("lines", [False, True], ids=["csv", "jsonl"])
def test_a_broken_export_is_another_file_and_the_same_for_a_seed(name: str, lines: bool) -> None:
    export = made_up(PEOPLE, 3, lines)
    assert spoilt(name, export, 4) == spoilt(name, export, 4) != export.written()


@pytest.mark.parametrize("lines", [False, True], ids=["csv", "jsonl"])
def test_a_good_export_is_read_as_it_was_written(lines: bool) -> None:
    written = made_up(PEOPLE, 3, lines).written()
    assert read(written).written() == written


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfea", b"a,b\r\n1\r\n", b"a,b\r\n1,2,3\r\n", b"{", b"[]", b'{"a": 1}\n3\n']
)
def test_what_is_no_good_export_is_refused(content: bytes) -> None:
    with pytest.raises(ExportError, match="a good export"):
        read(content)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_nobody_is_lost_by_it(store: DirectoryStore, tmp_path: Path, name: str, ending: str, seed: int) -> None:
    """Imported as the whole truth over the good one: refused, or no more removed than the guard allows."""
    good = made_up(PEOPLE, seed, ending == "jsonl")
    bring(store, tmp_path, good.written(), ending)
    before = present(store)
    assert len(before) == PEOPLE
    refused = ""
    try:
        bring(store, tmp_path, spoilt(name, good, seed), ending)
    except (ImportRefused, RemovalsRefused, Unrecognised) as said:
        refused = str(said)
    lost = before - present(store)
    if refused:
        assert lost == set()
    else:
        assert len(lost) <= Limits().per_cycle(PEOPLE)
    if name in TAKEN_AS_IT_IS:
        assert (refused, lost) == ("", set())
    bring(store, tmp_path, good.written(), ending)
    assert present(store) >= before


def test_columns_are_entras() -> None:
    header = next(csv.reader(io.StringIO(made_up(1, 0).written().decode("utf-8-sig"))))
    assert {"userPrincipalName", "displayName", "id", "accountEnabled", "mail"} <= set(header)
