"""What rows JSON Lines give, and what is said about lines that can't be read."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec import UNSET

from instep.core.directory import AssignmentRow, Fault, MemberRow, Row
from instep.core.subject import DEFAULT_ACCESS, Kind
from instep.sources import recognise

FILES = Path(__file__).parent / "files"


def test_users_groups_memberships_and_assignments() -> None:
    deleted = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    bob = {"userPrincipalName": "bob@contoso.example", "mail": None}
    assert list(recognise(FILES / "directory.jsonl").rows()) == [
        Row(
            1,
            Kind.USER,
            "1",
            "ada@contoso.example",
            {
                "userPrincipalName": "ada@contoso.example",
                "displayName": "Ada",
                "employeeOrgData": {"costCenter": "4711"},
            },
            True,
        ),
        Row(2, Kind.USER, "2", "bob@contoso.example", bob, False, "1"),
        Row(4, Kind.GROUP, "g1", "Crew", {"displayName": "Crew"}),
        MemberRow(4, "g1", "1"),
        MemberRow(4, "g1", "2", Kind.USER),
        Row(5, Kind.GROUP, "g2", "Fleet", {"displayName": "Fleet"}),
        MemberRow(6, "Fleet", "Crew", Kind.GROUP),
        AssignmentRow(7, "mixpanel", "bob@contoso.example", "5f1f2c8e-9a6b-4c65-8c0e-3a7d9b3f2b10"),
        AssignmentRow(8, "mixpanel", "g2", DEFAULT_ACCESS),
        Row(
            9,
            Kind.USER,
            "3",
            "gone@contoso.example",
            {"userPrincipalName": "gone@contoso.example"},
            None,
            UNSET,
            deleted,
        ),
    ]


def test_the_properties_tell_the_type_in_graph_s_own_lists() -> None:
    user, group, assignment = recognise(FILES / "graph-users.jsonl").rows()
    assert isinstance(user, Row)
    assert isinstance(group, Row)
    assert (user.kind, group.kind) == (Kind.USER, Kind.GROUP)
    assert assignment == AssignmentRow(3, "mixpanel", "1", DEFAULT_ACCESS)


def test_each_line_that_cannot_be_read_is_told_with_property_and_value() -> None:
    faults = [item for item in recognise(FILES / "broken.jsonl").rows() if isinstance(item, Fault)]
    assert [(f.line, f.column, f.value) for f in faults] == [
        (2, "userPrincipalName", "bob"),
        (3, "type", "robot"),
        (4, "", "not json"),
        (5, "", "[1]"),
        (6, "type", ""),
        (7, "accountEnabled", "yes"),
        (8, "role", "Editor"),
        (9, "deletedDateTime", "yesterday"),
    ]


def test_deep_nesting_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "deep.jsonl"
    file.write_text('{"type": "user", "x": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
    (fault,) = recognise(file).rows()
    assert isinstance(fault, Fault)
    assert fault.line == 1
