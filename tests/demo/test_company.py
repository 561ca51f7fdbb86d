"""The demo's own reading of the company, which has to be right for the demo to notice anything."""

from pathlib import Path

from script.stage import company
from script.stage.company import Content

DEMO = Path(__file__).parent.parent.parent / "demo"


def test_company_has_sixty_people_with_an_id_and_a_login_each() -> None:
    read = company.read(DEMO / "company")
    assert len(read.people) == 60
    assert len({person.login for person in read.people.values()}) == 60


def test_every_member_of_a_group_is_a_person_or_a_group_of_the_company() -> None:
    for folders in ([DEMO / "company"], [DEMO / "company", DEMO / "day-two"]):
        read = company.read(*folders)
        known = read.people.keys() | read.groups.keys()
        assert set(read.groups.values()) == read.members.keys()
        gone = {member for members in read.members.values() for member in members} - known
        assert {company.read(DEMO / "company").people[id].name for id in gone} <= {"Petr Novák"}


def test_people_below_nested_groups_are_found() -> None:
    read = company.read(DEMO / "company")
    names = {read.people[id].name for id in read.below("Engineering")}
    assert {"Дмитро Шевченко", "Kwabena Mensah", "ליאור כהן"} <= names


def test_circle_of_groups_ends() -> None:
    read = company.Company({}, {"1": "A", "2": "B"}, {"A": frozenset({"2"}), "B": frozenset({"1", "ada"})})
    assert read.below("A") == {"ada"}


def test_expected_leaves_out_who_is_disabled_or_named() -> None:
    read = company.read(DEMO / "company")
    expected = company.expected(read, ["Marketing"], {"elif.sahin@nordlys.example"})
    assert "gorm.aasen@nordlys.example" not in expected.members
    assert "elif.sahin@nordlys.example" not in expected.teams["Marketing"]
    assert len(expected.members) == 7


def test_same_content_has_no_differences() -> None:
    held = Content({"ada@a.example": ("Ada", True)}, {"Sales": frozenset({"ada@a.example"})})
    assert company.differences(held, held) == []


def test_each_difference_is_told() -> None:
    expected = Content({"ada": ("Ada", True), "bo": ("Bo", True)}, {"Sales": frozenset({"ada"}), "Ops": frozenset()})
    found = Content({"ada": ("Ada", False), "cy": ("Cy", True)}, {"Sales": frozenset({"cy"})})
    assert company.differences(expected, found) == [
        "ada should be active as 'Ada' and is inactive as 'Ada'.",
        "bo should be active as 'Bo' and is absent.",
        "cy should be absent and is active as 'Cy'.",
        "Team Ops is missing.",
        "Team Sales lacks ada.",
        "Team Sales has cy, who doesn't belong there.",
    ]
