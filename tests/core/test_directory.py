"""A fault of a source says where it is, what was there and what to do."""

import pytest

from instep.core.directory import Fault


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Fault("users.csv", 3, "mail", "ada@", "an address was expected"),
            "users.csv, line 3, column mail: 'ada@': an address was expected",
        ),
        (Fault("users.csv", 3, "", "", "a line without an id"), "users.csv, line 3: a line without an id"),
        (Fault("users.csv", 0, "", "", "the file is empty"), "users.csv: the file is empty"),
    ],
)
def test_a_fault_is_told_with_its_place(fault: Fault, said: str) -> None:
    assert str(fault) == said


def test_faults_are_told_in_the_order_of_their_places() -> None:
    places = [("b.csv", 1), ("a.csv", 10), ("a.csv", 9)]
    faults = sorted(Fault(file, line, "", "", "wrong") for file, line in places)
    assert [(f.file, f.line) for f in faults] == [("a.csv", 9), ("a.csv", 10), ("b.csv", 1)]
