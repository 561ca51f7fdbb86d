"""Guests: what their directory name becomes in an app."""

import pytest
from tests.core.examples import desired, job, person

from instep.core.desire import home_address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("livia_atelier.example#EXT#@tenant.example", "livia@atelier.example"),
        ("livia_rossi_atelier.example#EXT#@tenant.example", "livia_rossi@atelier.example"),
        ("ada_lovelace@firm.example", "ada_lovelace@firm.example"),
        ("livia_atelier.example#EXT#@twice#EXT#@tenant.example", "livia@atelier.example"),
        ("ada_firm.example#2", "ada_firm.example#2"),
        ("odd#EXT#@tenant.example", "odd#EXT#@tenant.example"),
        ("odd_one#EXT#@tenant.example", "odd_one#EXT#@tenant.example"),
        ("_atelier.example#EXT#@tenant.example", "_atelier.example#EXT#@tenant.example"),
    ],
)
def test_a_guest_is_known_by_the_address_at_home(name: str, address: str) -> None:
    assert home_address(name) == address


def test_the_name_in_the_directory_can_be_mapped_as_well() -> None:
    row = {"target": "nickName", "source": "[originalUserPrincipalName]"}
    guest = person(name="livia_atelier.example#EXT#@tenant.example")
    attributes = desired(guest, job(row)).attributes
    assert attributes["userName"] == "livia@atelier.example"
    assert attributes["nickName"] == "livia_atelier.example#EXT#@tenant.example"
