"""What is wrong with the form of a document: everything, with its place, and never a value."""

from typing import Any, Literal

import pytest
from msgspec import Struct

from instep.core.faults import Fault, form_faults, sound


class Leaf(Struct, forbid_unknown_fields=True):
    name: str
    colour: Literal["red", "green"] = "red"


class Tree(Struct, forbid_unknown_fields=True):
    height: int
    leaves: tuple[Leaf, ...] = ()
    weight: float = 0
    old: bool = False
    note: str | None = None


GOOD: dict[str, Any] = {"height": 3, "leaves": [{"name": "a"}], "weight": 1, "old": True, "note": None}


def test_a_sound_document_has_no_faults() -> None:
    assert form_faults(GOOD, Tree) == []
    assert form_faults({"height": 3}, Tree) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heigth": 1}, "heigth: there is no key `heigth`; did you mean `height`?"),
        ({"xyz": 1}, "xyz: there is no key `xyz`; known: height, leaves, weight, old, note"),
        ({"height": "3"}, "height: expected a whole number, and this is a text"),
        ({"height": True}, "height: expected a whole number, and this is true or false"),
        ({"weight": "1"}, "weight: expected a number, and this is a text"),
        ({"old": 1}, "old: expected true or false, and this is a number"),
        ({"note": 7}, "note: expected a text, and this is a number; put it in quotes"),
        ({"leaves": {"name": "a"}}, "leaves: expected a list, and this is keys and values"),
        ({"leaves": ["a"]}, "leaves[0]: expected keys and values, and this is a text"),
        ({"leaves": [{"name": "a"}, {}]}, "leaves[1]: missing the key `name`"),
        ({"leaves": [{"name": "a", "colour": "blue"}]}, "leaves[0].colour: expected `green` or `red`"),
    ],
)
def test_a_fault_has_its_place_and_the_way_out(change: dict[str, Any], said: str) -> None:
    assert [str(fault) for fault in form_faults({**GOOD, **change}, Tree)] == [said]


def test_all_faults_are_found() -> None:
    found = form_faults({"leaves": [{"name": 1}, {"colour": "blue"}], "old": None}, Tree)
    assert {fault.place for fault in found} == {"", "leaves[0].name", "leaves[1].colour", "leaves[1]", "old"}


@pytest.mark.parametrize("given", [None, [], "text", 7])
def test_what_is_no_document_at_all_is_a_fault(given: Any) -> None:
    (fault,) = form_faults(given, Tree)
    assert (fault.place, fault.problem[:30]) == ("", "expected keys and values, and ")


def test_values_are_never_repeated() -> None:
    secret = {"height": "s3cret", "leaves": [{"name": 1, "colour": "s3cret"}], "old": "s3cret"}
    assert "s3cret" not in "".join(str(fault) for fault in form_faults(secret, Tree))


def test_what_is_sound_is_found_by_its_place_in_the_list() -> None:
    assert sound([{"name": "a"}, {"nam": "b"}, {"name": "c"}], Leaf) == {0: Leaf("a"), 2: Leaf("c")}
    assert sound("no list", Leaf) == {}


def test_a_fault_of_the_whole_has_no_place() -> None:
    assert str(Fault("", "empty")) == "empty"
