"""Abilities: each lesson changes what it names, and they survive being stored."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from instep.scim import abilities
from instep.scim.abilities import Abilities, AbilitiesError, override


@pytest.mark.parametrize(
    ("lesson", "changed"),
    [
        (abilities.ignored_filter, {"trusts_filter": False}),
        (abilities.listed_wrongly, {"trusts_list": False}),
        (abilities.dropped_members, {"members_in_create": False}),
        (abilities.refused_removal, {"removal": "value-list"}),
        (lambda a: abilities.refused_removal(abilities.refused_removal(a)), {}),
        (lambda a: abilities.refused_size(a, 100), {"members_per_patch": 50}),
        (lambda a: abilities.refused_size(a, 9), {"members_per_patch": 4}),
        (lambda a: abilities.refused_size(a, 1), {"members_per_patch": 1}),
        (lambda a: abilities.refused_size(a, 5000), {"members_per_patch": 50}),
        (abilities.refused_patch, {"patch": False}),
        (abilities.refused_exclusion, {"excluded_attributes": False}),
    ],
)
def test_a_lesson_changes_what_it_names(lesson: Callable[[Abilities], Abilities], changed: dict[str, Any]) -> None:
    assert lesson(Abilities()) == Abilities(**changed)


def test_abilities_survive_being_stored() -> None:
    learnt = abilities.refused_removal(abilities.refused_size(Abilities(dialect="entra", bulk=False), 100))
    assert msgspec.json.decode(msgspec.json.encode(learnt), type=Abilities) == learnt


def test_what_a_later_version_stored_is_read_by_this_one() -> None:
    assert msgspec.json.decode(b'{"page_size": 5, "unheard_of": 1}', type=Abilities) == Abilities(page_size=5)


def test_a_gallery_states_only_what_differs() -> None:
    assert override(Abilities(page_size=7), {"removal": "value-list"}) == Abilities(page_size=7, removal="value-list")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"colour": "red"}, "colour"),
        ({"page_size": "many"}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"members_per_patch": -1}, "members_per_patch"),
        ({"dialect": "klingon"}, "dialect"),
    ],
)
def test_overrides_that_make_no_sense_are_refused_by_name(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(AbilitiesError, match=problem):
        override(Abilities(), given)
