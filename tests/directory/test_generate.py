"""Made-up companies: exact, the same every time, and plausible enough to find what breaks on real ones."""

import time
import unicodedata
from collections import Counter

import pytest

from instep.core.directory import MemberRow, Row
from instep.core.subject import Kind
from instep.directory.generate import Company
from instep.directory.importing import import_files


def test_the_numbers_are_exact_and_ninety_nine_of_a_hundred_have_a_manager() -> None:
    rows = list(Company(10_000, 200, 40_000, seed=7).rows())
    people = [row for row in rows if isinstance(row, Row) and row.kind is Kind.USER]
    assert len(people) == 10_000
    assert sum(row.manager is not None for row in people) == 9_900
    assert sum(isinstance(row, Row) and row.kind is Kind.GROUP for row in rows) == 200
    memberships = [(row.group, row.member) for row in rows if isinstance(row, MemberRow)]
    assert len(set(memberships)) == len(memberships) == 40_000
    assert set(Counter(group for group, _ in memberships).values()) == {200}
    assert {member for _, member in memberships} == {row.id for row in people}, "everybody is in a group"


def test_managers_come_before_those_who_report_to_them() -> None:
    seen: set[str] = set()
    for row in Company(2_000, 0, 0, seed=1).rows():
        assert isinstance(row, Row)
        assert row.manager is None or row.manager in seen
        seen.add(row.id or "")


def test_ids_and_names_are_unique_and_names_plain_ascii() -> None:
    people = [row for row in Company(20_000, 50, 0, seed=2).rows() if isinstance(row, Row)]
    assert len({row.id for row in people}) == len(people)
    names = [row.name or "" for row in people]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(row.name and row.name.isascii() and " " not in row.name for row in people if row.kind is Kind.USER)


def test_names_are_written_in_many_scripts() -> None:
    people = [row for row in Company(2_000, 0, 0, seed=3).rows() if isinstance(row, Row)]
    letters = {c for row in people for c in str(row.attributes["displayName"]) if c.isalpha()}
    scripts = {unicodedata.name(c).split()[0] for c in letters}
    expected = {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI", "CJK", "HANGUL", "HIRAGANA", "KATAKANA"}
    assert expected <= scripts
    assert {"ü", "Ł", "İ", "ễ", "ß"} <= letters


def test_the_same_seed_makes_the_same_company_and_another_one_another() -> None:
    def rows(seed: int) -> list[object]:
        return list(Company(200, 4, 100, seed).rows())

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


@pytest.mark.parametrize("numbers", [(10, 2, 21), (0, 0, 1), (-1, 0, 0)])
def test_a_company_that_cannot_be_is_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="memberships"):
        Company(*numbers, seed=1)


def test_a_company_of_one_and_of_none() -> None:
    (only,) = Company(1, 0, 0, seed=1).rows()
    assert isinstance(only, Row)
    assert only.manager is None
    assert list(Company(0, 0, 0, seed=1).rows()) == []


@pytest.mark.slow
def test_a_large_company_is_made_and_imported_in_seconds(world) -> None:
    began = time.process_time()
    counts = import_files(world.store, [Company(30_000, 60, 0, 1)], now=world.now, new_id=world.new_id)
    assert counts["users"].created == 30_000
    assert time.process_time() - began < 10
