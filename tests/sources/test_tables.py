"""What rows the CSV files give, and what is said about cells that can't be read."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from instep.core.directory import AnyRow, Fault, MemberRow, Row
from instep.core.subject import Kind
from instep.sources import recognise
from instep.sources.table import MAX_CELL

FILES = Path(__file__).parent / "files"


def rows(name: str) -> list[AnyRow]:
    found = list(recognise(FILES / name).rows())
    assert not [item for item in found if isinstance(item, Fault)]
    return [item for item in found if not isinstance(item, Fault)]


def people(name: str) -> list[Row]:
    return [row for row in rows(name) if isinstance(row, Row)]


def given(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.attributes.items() if value is not None}


def faults(path: Path) -> list[Fault]:
    return [item for item in recognise(path).rows() if isinstance(item, Fault)]


def test_entra_users_come_with_graph_s_names() -> None:
    anna = people("entra-users.csv")[0]
    assert (anna.line, anna.kind, anna.name, anna.enabled) == (2, Kind.USER, "anna.muller@contoso.example", True)
    assert anna.id == "6e7b768e-07e2-4810-8459-485f84f8f204", "GUIDs are kept in lower case"
    assert anna.manager is UNSET, "the file says nothing about managers"
    assert given(anna) == {
        "displayName": "Anna Müller",
        "surname": "Müller",
        "mail": "anna.muller@contoso.example",
        "givenName": "Anna",
        "userType": "Member",
        "jobTitle": "Counsel",
        "department": "Legal",
        "usageLocation": "DE",
        "streetAddress": "Lindenstr. 3, Hinterhaus",
        "state": "Berlin",
        "country": "Germany",
        "officeLocation": "B 2.14",
        "city": "Berlin",
        "postalCode": "10969",
        "businessPhones": ["+49 30 5550101"],
        "mobilePhone": "+49 170 5550101",
        "otherMails": ["anna@home.example"],
        "companyName": "Contoso",
        "onPremisesSyncEnabled": False,
        "identityIssuer": "contoso.example",
        "createdDateTime": "8/19/2021 1:25:31 PM",
    }


def test_the_old_header_gives_the_same_properties() -> None:
    (adele,) = people("entra-users-old-header.csv")
    assert adele.id == "6e7b768e-07e2-4810-8459-485f84f8f204"
    assert given(adele)["officeLocation"] == "18/2111"
    assert given(adele)["mobilePhone"] == "+1 425 555 0110"
    assert not [name for name in adele.attributes if name.startswith("authentication")]


def test_an_empty_cell_clears_the_property() -> None:
    guest = people("entra-users.csv")[1]
    assert guest.name == "lee_fabrikam.example#EXT#@contoso.example"
    assert guest.attributes["department"] is None
    assert guest.attributes["businessPhones"] is None


def test_a_cell_that_looks_like_a_formula_is_text() -> None:
    formula = people("entra-users.csv")[2]
    assert formula.attributes["displayName"] == '=HYPERLINK("http://evil.example","Pay")'
    assert (formula.attributes["surname"], formula.attributes["givenName"]) == ("+1", "-1")
    assert formula.enabled is False


def test_columns_that_nobody_knows_become_extension_attributes() -> None:
    top = people("entra-users-with-managers.csv")[0]
    assert given(top) == {"displayName": "Top", "employeeId": "E1", "extensionAttribute1": "x", "Badge colour": "red"}
    assert [row.manager for row in people("entra-users-with-managers.csv")] == [None, "TOP@contoso.example", "2"]


def test_bom_crlf_utf_16_and_semicolons_are_read() -> None:
    assert [row.line for row in people("entra-users.csv")] == [2, 3, 4, 5]
    assert people("entra-users-utf-16.csv")[0].name == "zoë@contoso.example"
    (only,) = people("entra-users-semicolons.csv")
    assert given(only) == {"displayName": "A, B"}


def test_entra_groups() -> None:
    hr, video = people("entra-groups.csv")
    assert (hr.kind, hr.id, hr.name) == (Kind.GROUP, "02bd9fd6-8f93-4758-87c3-1fb73740a315", "HR Taskforce")
    assert given(video) == {
        "groupType": "Security",
        "membershipType": "Dynamic",
        "source": "Cloud",
        "securityEnabled": True,
        "mailEnabled": False,
        "isAssignableToRole": False,
        "onPremisesSyncEnabled": True,
    }


def test_members_that_are_devices_are_left_out() -> None:
    assert rows("HR Taskforce members.csv") == [
        MemberRow(2, "HR Taskforce", "6e7b768e-07e2-4810-8459-485f84f8f204", Kind.USER),
        MemberRow(3, "HR Taskforce", "06f62f70-9827-4e6e-93ef-8e0f2d9b7b23", Kind.GROUP),
    ]


def test_google_users_come_without_ids_and_without_secrets_and_usage() -> None:
    eleni, yossi = people("google-users.csv")
    assert (eleni.id, eleni.name, eleni.enabled) == (None, "eleni@contoso.example", True)
    assert (eleni.manager, yossi.manager, yossi.enabled) == ("yossi@contoso.example", None, False)
    assert given(eleni) == {
        "givenName": "Ελένη",
        "surname": "Παπαδοπούλου",
        "displayName": "Ελένη Παπαδοπούλου",
        "mail": "eleni@contoso.example",
        "orgUnitPath": "/Athens",
        "otherMails": ["eleni.p@contoso.example"],
        "businessPhones": ["+30 21 5550100"],
        "streetAddress": "Ερμού 1, Αθήνα",
        "employeeId": "G-17",
        "employeeType": "Employee",
        "jobTitle": "Editor",
        "department": "Content",
        "costCenter": "4711",
        "buildingId": "ATH",
        "floorName": "2",
        "floorSection": "B",
        "Shirt size": "M",
    }


def test_every_faulty_cell_is_told_with_line_column_and_value() -> None:
    assert [(f.line, f.column, f.value) for f in faults(FILES / "broken-cells.csv")] == [
        (2, "accountEnabled", "yes"),
        (3, "userPrincipalName", "not a name"),
        (4, "id", ""),
        (5, "", "4"),
        (6, "", "5"),
    ]


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("broken-open-quote.csv", 3, "never closed"),
        ("broken-text-after-quote.csv", 2, "follows a closing quote"),
        ("broken-nul.csv", 3, "NUL"),
    ],
)
def test_where_the_rest_cannot_be_read_the_file_ends_with_one_fault(name: str, line: int, said: str) -> None:
    (fault,) = faults(FILES / name)
    assert fault.line == line
    assert said in fault.expected


def test_a_cell_is_accepted_up_to_the_documented_length_and_not_beyond(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"

    def write(length: int) -> list[Any]:
        file.write_text(f"id,userPrincipalName,notes\n1,a@contoso.example,{'x' * length}\n2,b@contoso.example,\n")
        return list(recognise(file).rows())

    first = write(MAX_CELL)[0]
    assert isinstance(first, Row)
    assert len(first.attributes["notes"]) == MAX_CELL
    long, second = write(1_000_000)
    assert isinstance(long, Fault)
    assert isinstance(second, Row), "the rest is read"
    assert (long.line, long.column, len(long.value)) == (2, "notes", 60)
    assert "1,000,000 characters; at most 65,536" in long.expected


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "endless.csv"
    file.write_text("id,userPrincipalName\n1,a@contoso.example\n2," + "x" * 5_000_000)
    (fault,) = faults(file)
    assert (fault.line, "longer than" in fault.expected) == (3, True)


def test_a_quote_that_swallows_the_file_is_told_where_it_began(tmp_path: Path) -> None:
    file = tmp_path / "swallowed.csv"
    rest = "".join(f"{n},user{n}@contoso.example,{'x' * 900}\n" for n in range(5_000))
    file.write_text('id,userPrincipalName,notes\n1,a@contoso.example,"oops\n' + rest)
    (fault,) = faults(file)
    assert (fault.line, "quote" in fault.expected) == (2, True)


def test_line_numbers_are_the_file_s_also_after_cells_with_line_breaks(tmp_path: Path) -> None:
    file = tmp_path / "breaks.csv"
    file.write_text('id,userPrincipalName,notes\n1,a@contoso.example,"two\nlines"\n\n2,bob,\n')
    (fault,) = faults(file)
    assert (fault.line, fault.value) == (5, "bob")
