"""Which file is which, and what is said about one that can't be read."""

from pathlib import Path

import pytest

from instep.core.directory import Fault
from instep.core.subject import Kind
from instep.sources import Unrecognised, recognise

FILES = Path(__file__).parent / "files"


def refused(name: str, **options: str) -> Fault:
    """Why a file isn't recognised, without its folder."""
    with pytest.raises(Unrecognised) as caught:
        recognise(FILES / name, **options)
    fault = caught.value.fault
    assert fault.file.endswith(name)
    return fault


@pytest.mark.parametrize(
    ("name", "label", "source", "kinds"),
    [
        ("entra-users.csv", "Entra, Download users", "entra", (Kind.USER,)),
        ("entra-users-old-header.csv", "Entra, Download users", "entra", (Kind.USER,)),
        ("entra-users-semicolons.csv", "Entra, Download users", "entra", (Kind.USER,)),
        ("entra-users-utf-16.csv", "Entra, Download users", "entra", (Kind.USER,)),
        ("entra-groups.csv", "Entra, Download groups", "entra", (Kind.GROUP,)),
        ("HR Taskforce members.csv", "Entra, Download members of a group", "entra", ()),
        ("google-users.csv", "Google Workspace, Download users", "google", (Kind.USER,)),
        ("directory.jsonl", "JSON Lines", "json-lines", None),
        ("graph-users.jsonl", "JSON Lines", "json-lines", None),
    ],
)
def test_a_file_is_recognised_by_its_first_line(
    name: str, label: str, source: str, kinds: tuple[Kind, ...] | None
) -> None:
    found = recognise(FILES / name)
    assert (found.label, found.name, found.kinds) == (label, source, kinds)
    assert found.size == (FILES / name).stat().st_size


def test_the_group_of_a_list_of_members_is_the_file_s_name_or_the_option() -> None:
    assert recognise(FILES / "HR Taskforce members.csv").group == "HR Taskforce"
    assert recognise(FILES / "HR Taskforce members.csv", group="Sales").group == "Sales"
    assert recognise(FILES / "exportGroupMembers_2024-1-31.csv", group="Sales").group == "Sales"


def test_a_list_of_members_whose_name_tells_no_group_is_refused_with_the_way_out() -> None:
    fault = refused("exportGroupMembers_2024-1-31.csv")
    assert "--group" in fault.expected


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("broken-unknown-columns.csv", 1, "the columns are of no file that's known"),
        ("broken-no-id-column.csv", 1, "id (objectId in older downloads)"),
        ("broken-column-twice.csv", 1, "a name of its own"),
        ("broken-upload-template.csv", 1, "template for uploads"),
        ("broken-a-list.jsonl", 1, "jq"),
        ("broken-nothing.csv", 0, "is empty"),
        ("broken-latin-1.csv", 3, "byte 0xfc isn't UTF-8"),
        ("broken-utf-16-without-mark.csv", 1, "--encoding utf-16-le"),
        ("no-such-file.csv", 0, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(name: str, line: int, said: str) -> None:
    fault = refused(name)
    assert fault.line == line
    assert said in str(fault)


def test_an_encoding_that_nobody_knows_is_refused() -> None:
    assert "klingon" in str(refused("entra-users.csv", encoding="klingon"))


def test_a_named_encoding_is_used() -> None:
    found = recognise(FILES / "broken-latin-1.csv", encoding="latin-1")
    assert [getattr(row, "attributes", None) for row in found.rows()][1] == {"displayName": "Jürgen"}
    bare = recognise(FILES / "broken-utf-16-without-mark.csv", encoding="utf-16-le")
    assert [getattr(row, "name", None) for row in bare.rows()] == ["a@contoso.example"]


def test_a_name_beyond_the_first_read_of_the_file_is_still_found_by_line_and_byte(tmp_path: Path) -> None:
    good = "".join(f"{n},user{n}@contoso.example,Jürgen {n}\n" for n in range(30_000))
    file = tmp_path / "late.csv"
    file.write_bytes(b"id,userPrincipalName,displayName\n" + good.encode() + b"x,x@contoso.example,J\xe9r\xf4me\n")
    faults = [row for row in recognise(file).rows() if isinstance(row, Fault)]
    assert [(fault.line, "byte 0xe9" in fault.expected) for fault in faults] == [(30_002, True)]
