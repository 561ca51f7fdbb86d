"""The pages tell what there is: the reference is the code's, and every persona says who it is."""

from pathlib import Path

import pytest

from instep.hostile import reference, spoiling
from instep.hostile.personas import PERSONAS


def test_reference_page_is_the_personas() -> None:
    kept = Path(__file__).parents[2] / "docs" / "reference" / "hostile-personas.md"
    again = "python -m instep.hostile.reference > docs/reference/hostile-personas.md"
    assert kept.read_text(encoding="utf-8") == reference.page(), f"make it anew: {again}"


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_says_what_it_does_who_does_so_and_what_to_do(name: str) -> None:
    assert all(part.endswith(".") for part in PERSONAS[name].told())
    assert PERSONAS[name].name == name


@pytest.mark.parametrize("name", spoiling.SPOILT)
def test_a_way_to_spoil_says_what_it_does_and_what_to_do(name: str) -> None:
    assert all(part.endswith(".") for part in spoiling.told(spoiling.SPOILT[name]))
