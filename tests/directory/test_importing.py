"""Imports: what becomes of rows that are known, new, missing or wrong, and that it's all or nothing."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from instep.core.directory import Counts, Fault
from instep.core.subject import DEFAULT_ACCESS, Kind, Presence
from instep.directory import editing
from instep.directory.importing import SHOWN, ImportRefused, RemovalsRefused

USERS = "id,userPrincipalName,displayName,department,accountEnabled,manager\n"


def faults(world, *files: Path | str, **options) -> list[Fault]:
    """What an import is refused for; nothing has changed then."""
    before = world.store.sequence(), world.names(), world.names(Kind.GROUP)
    with pytest.raises(ImportRefused) as caught:
        world.imports(*files, **options)
    assert (world.store.sequence(), world.names(), world.names(Kind.GROUP)) == before
    assert not list(world.folder.glob("*.staging*")), "the staging file is gone"
    return list(caught.value.faults)


def test_an_import_makes_users_with_managers_and_attributes(world) -> None:
    counts = world.imports("entra-users-with-managers.csv")
    assert counts["users"] == Counts(created=3)
    low = world.user("LOW@contoso.example")
    assert (low.id, low.manager, low.enabled, low.source) == ("3", "2", True, "entra")
    assert low.attributes == {
        "userPrincipalName": "low@contoso.example",
        "displayName": "Low",
        "employeeId": "E3",
        "extensionAttribute1": "y",
        "Badge colour": "blue",
    }
    assert world.user("2").manager == "1", "a manager can be told by userPrincipalName"


def test_files_are_imported_together_whatever_their_order(world) -> None:
    counts = world.imports("HR Taskforce members.csv", "entra-groups.csv", "entra-users.csv")
    assert {what: count.created for what, count in counts.items()} == {
        "users": 4,
        "groups": 2,
        "memberships": 2,
        "assignments": 0,
    }
    assert world.members("HR Taskforce") == ["Vidéo Production", "anna.muller@contoso.example"]


def test_the_same_file_again_changes_nothing_and_takes_no_number(world) -> None:
    files = ("entra-users.csv", "entra-groups.csv", "HR Taskforce members.csv", "google-users.csv", "directory.jsonl")
    world.imports(*files)
    number = world.store.sequence()
    assert all(count.unchanged and not count.updated + count.created for count in world.imports(*files).values())
    assert world.store.sequence() == number


def test_only_rows_that_really_changed_get_a_new_number(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,Legal,True,\n2,b@x.example,B,Legal,True,1\n"))
    counts = world.imports(world.file("b.csv", USERS + "1,a@x.example,A,Legal,True,\n2,b@x.example,B,Sales,True,1\n"))
    assert counts["users"] == Counts(updated=1, unchanged=1)
    assert (world.user("1").sequence, world.user("2").sequence) == (1, 2)


def test_a_column_that_the_file_lacks_leaves_the_attribute_and_an_empty_cell_clears_it(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,Legal,False,\n2,b@x.example,B,Sales,True,1\n"))
    world.imports(world.file("b.csv", "id,userPrincipalName,department\n2,b@x.example,\n"))
    b = world.user("2")
    assert b.attributes == {"userPrincipalName": "b@x.example", "displayName": "B"}
    assert b.manager == "1"
    world.imports(world.file("c.csv", "id,userPrincipalName,manager\n2,b@x.example,\n1,a@x.example,\n"))
    assert world.user("2").manager is None
    assert world.user("1").enabled is False


def test_users_may_swap_their_names_in_one_file(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,,True,\n2,b@x.example,B,,True,\n"))
    world.imports(world.file("b.csv", USERS + "1,b@x.example,A,,True,\n2,a@x.example,B,,True,\n"))
    assert (world.user("a@x.example").id, world.user("b@x.example").id) == ("2", "1")


def test_a_soft_deleted_user_in_a_file_is_restored_and_a_purged_one_is_made_anew(world) -> None:
    file = world.file("a.csv", USERS + "1,a@x.example,A,Legal,,\n2,b@x.example,B,,False,\n")
    world.imports(file)
    for who in ("1", "2"):
        editing.delete(world.store, Kind.USER, who, world.now)
    editing.purge(world.store, Kind.USER, "2")
    counts = world.imports(file)
    assert counts["users"] == Counts(created=1, restored=1)
    assert (world.user("1").presence, world.user("1").deleted) == (Presence.PRESENT, None)
    assert (world.user("2").attributes["displayName"], world.user("2").enabled) == ("B", False)


def test_a_purged_user_who_comes_back_without_a_word_about_it_is_enabled(world) -> None:
    file = world.file("a.csv", "id,userPrincipalName\n1,a@x.example\n")
    world.imports(file)
    editing.delete(world.store, Kind.USER, "1", world.now)
    editing.purge(world.store, Kind.USER, "1")
    world.imports(file)
    assert world.user("1").enabled is True


def test_google_users_keep_their_ids_by_address(world) -> None:
    world.imports("google-users.csv")
    id = world.user("eleni@contoso.example").id
    assert world.imports("google-users.csv")["users"] == Counts(unchanged=2)
    assert world.user("ELENI@contoso.example").id == id
    assert world.user("eleni@contoso.example").manager == world.user("yossi@contoso.example").id


GOOGLE = "First Name [Required],Last Name [Required],Email Address [Required],Employee ID\n"


def test_a_new_hire_with_a_leavers_address_does_not_become_the_leaver(world) -> None:
    world.imports(world.file("a.csv", GOOGLE + "Ann,Old,ann@x.example,7\n"))
    leaver = world.user("ann@x.example").id
    editing.delete(world.store, Kind.USER, leaver, world.now)
    world.imports(world.file("b.csv", GOOGLE + "Ann,New,ann@x.example,8\n"))
    assert world.user("ann@x.example").id != leaver


def test_a_google_user_without_another_employee_id_is_restored(world) -> None:
    world.imports(world.file("a.csv", GOOGLE + "Ann,Old,ann@x.example,7\n"))
    leaver = world.user("ann@x.example").id
    editing.delete(world.store, Kind.USER, leaver, world.now)
    assert world.imports(world.file("b.csv", GOOGLE + "Ann,Old,ann@x.example,7\n"))["users"] == Counts(restored=1)
    assert world.user("ann@x.example").id == leaver


def test_json_lines_bring_memberships_assignments_and_the_recycle_bin(world) -> None:
    world.imports("directory.jsonl")
    with world.store.browse() as browser:
        given = {(a.principal, a.kind, a.app, a.role) for a in browser.assignments()}
        gone = browser.entry(Kind.USER, "3")
    assert given == {
        ("2", Kind.USER, "mixpanel", "5f1f2c8e-9a6b-4c65-8c0e-3a7d9b3f2b10"),
        ("g2", Kind.GROUP, "mixpanel", DEFAULT_ACCESS),
    }
    assert (gone.presence, gone.deleted.isoformat()) == (Presence.SOFT_DELETED, "2026-05-04T09:30:00+00:00")
    assert world.members("Fleet") == ["Crew"]


def test_all_faults_of_all_files_are_listed_at_once(world) -> None:
    found = faults(world, "broken-cells.csv", "broken-duplicate-upn.csv")
    assert [(f.line, f.column) for f in found if f.file.endswith("cells.csv")] == [
        (2, "accountEnabled"),
        (3, "userPrincipalName"),
        (4, "id"),
        (5, ""),
        (6, ""),
    ]
    twice, name = (f for f in found if f.file.endswith("upn.csv"))
    assert (twice.line, twice.column) == (2, "id")
    assert "line 2 of" in twice.expected
    assert "broken-cells.csv" in twice.expected
    assert (name.line, name.column) == (4, "userPrincipalName")


def test_no_more_than_twenty_faults_are_listed(world) -> None:
    file = world.file("many.csv", USERS + "".join(f"{n},nobody,N,,True,\n" for n in range(500)))
    with pytest.raises(ImportRefused) as caught:
        world.imports(file)
    assert (len(caught.value.faults), caught.value.more) == (SHOWN, True)


@pytest.mark.parametrize(
    ("name", "line", "column", "value", "said"),
    [
        ("broken-duplicate-upn.csv", 4, "userPrincipalName", "ANN@contoso.example", "also on line 2"),
        ("broken-duplicate-id.csv", 3, "id", "1", "also on line 2"),
        ("broken-manager-nobody.csv", 3, "manager", "ghost@contoso.example", "nobody's id"),
        ("HR Taskforce members.csv", 0, "", "HR Taskforce", "--group"),
    ],
)
def test_a_fault_names_line_column_and_value(world, name: str, line: int, column: str, value: str, said: str) -> None:
    fault = next(f for f in faults(world, name) if f.column == column)
    assert (fault.line, fault.column, fault.value) == (line, column, value)
    assert said in fault.expected


def test_a_circle_of_managers_is_refused_by_name(world) -> None:
    circle, alone = faults(world, "broken-manager-circle.csv")
    assert (circle.line, circle.column) == (3, "manager")
    for name in ("ann", "bob", "cem"):
        assert f"{name}@contoso.example" in circle.expected
    assert "top@" not in circle.expected
    assert (alone.line, alone.expected) == (6, "dot@contoso.example can't be their own manager")


def test_a_circle_that_closes_through_people_who_are_here_already_is_refused(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,,True,\n2,b@x.example,B,,True,1\n"))
    (fault,) = faults(world, world.file("b.csv", USERS + "1,a@x.example,A,,True,2\n"))
    assert "a@x.example" in fault.expected
    assert "b@x.example" in fault.expected


def test_groups_that_contain_each_other_are_refused(world) -> None:
    lines = [{"type": "group", "id": f"g{n}", "displayName": f"G{n}"} for n in range(3)]
    lines += [{"type": "membership", "group": f"g{n}", "member": f"g{(n + 1) % 3}"} for n in range(3)]
    (fault,) = faults(world, world.file("a.jsonl", "\n".join(encode(line).decode() for line in lines)))
    assert fault.line in (4, 5, 6)
    assert "G0 → G1 → G2 → G0" in fault.expected


def test_a_name_that_belongs_to_somebody_else_is_refused(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,,True,\n"))
    (fault,) = faults(world, world.file("b.csv", USERS + "2,A@X.example,B,,True,\n"))
    assert (fault.line, fault.column) == (2, "userPrincipalName")
    assert "with the id 1" in fault.expected


def test_a_name_of_somebody_who_was_deleted_is_free(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,,True,\n"))
    editing.delete(world.store, Kind.USER, "1", world.now)
    world.imports(world.file("b.csv", USERS + "2,a@x.example,B,,True,\n"))
    assert world.user("a@x.example").id == "2"


def test_users_and_groups_cannot_share_an_id(world) -> None:
    world.imports(world.file("a.csv", USERS + "1,a@x.example,A,,True,\n"))
    (fault,) = faults(world, world.file("g.csv", "id,displayName,groupType\n1,G,Security\n"))
    assert "user's" in fault.expected


def test_a_group_name_that_two_groups_have_does_not_tell_which(world) -> None:
    world.imports(world.file("g.csv", "id,displayName,groupType\n1,Crew,Security\n2,crew,Security\n"))
    users = world.file("a.csv", USERS + "6e7b768e-07e2-4810-8459-485f84f8f204,a@x.example,A,,True,\n")
    (fault,) = faults(world, users, "exportGroupMembers_2024-1-31.csv", group="Crew")
    assert "or the name of several" in fault.expected
    world.imports(users, "exportGroupMembers_2024-1-31.csv", group="2")
    with world.store.browse() as browser:
        assert [name for _, _, name in browser.members("2")] == ["a@x.example"]


def many(count: int) -> str:
    return USERS + "".join(f"{n},user{n}@x.example,U{n},,True,\n" for n in range(count))


def test_replace_deletes_whom_the_file_lacks_so_that_they_can_be_restored(world) -> None:
    world.imports(world.file("a.csv", many(40)))
    counts = world.imports(world.file("b.csv", many(37)), replace=True)
    assert counts["users"] == Counts(unchanged=37, removed=3)
    assert world.user("39").presence is Presence.SOFT_DELETED
    assert (world.user("39").deleted, world.user("39").sequence) == (world.now, 2)
    assert world.imports(world.file("a.csv", many(40)), replace=True)["users"] == Counts(unchanged=37, restored=3)


def test_replace_leaves_those_alone_who_came_from_elsewhere(world) -> None:
    editing.add_user(world.store, "by.hand@x.example", {}, world.new_id)
    world.imports("google-users.csv")
    world.imports(world.file("a.csv", many(10)))
    world.imports(world.file("a.csv", many(10)), replace=True)
    assert len(world.names()) == 13


def test_replace_is_refused_beyond_the_guard_with_the_numbers_and_the_way_out(world) -> None:
    world.imports(world.file("a.csv", many(40)))
    fewer = world.file("b.csv", many(34))
    with pytest.raises(RemovalsRefused, match=r"6 of 40 users are missing and would go; at most 5") as caught:
        world.imports(fewer, replace=True)
    assert caught.value.count == 6
    assert (len(world.names()), world.store.sequence()) == (40, 1)
    with pytest.raises(RemovalsRefused, match="5 removals were allowed"):
        world.imports(fewer, replace=True, allow_removals=5)
    assert world.imports(fewer, replace=True, allow_removals=6)["users"].removed == 6


def test_replace_with_half_of_a_small_firm_gone_is_refused(world) -> None:
    world.imports(world.file("a.csv", many(4)))
    with pytest.raises(RemovalsRefused, match="half or more"):
        world.imports(world.file("b.csv", many(2)), replace=True)


def test_replace_by_an_empty_list_is_refused(world) -> None:
    world.imports("entra-users.csv")
    with pytest.raises(RemovalsRefused, match="4 of 4 users"):
        world.imports("entra-users-empty.csv", replace=True)


def test_replace_by_a_list_of_members_ends_the_memberships_it_lacks(world) -> None:
    world.imports(world.file("a.csv", many(10)), world.file("g.csv", "id,displayName,groupType\ng,Crew,Security\n"))
    header = "id,userPrincipalName,displayName,objectType\n"
    world.imports(world.file("Crew.csv", header + "".join(f"{n},,,User\n" for n in range(8))))
    counts = world.imports(world.file("Crew.csv", header + "".join(f"{n},,,User\n" for n in range(1, 9))), replace=True)
    assert counts["memberships"] == Counts(created=1, unchanged=7, removed=1)
    assert world.members("Crew") == [f"user{n}@x.example" for n in range(1, 9)]
    assert len(world.names()) == 10, "a list of members says nothing about users"


def test_replace_by_json_lines_concerns_the_types_that_are_in_it(world) -> None:
    world.imports("directory.jsonl")
    world.imports(world.file("u.jsonl", '{"type": "user", "id": "1"}\n{"type": "user", "id": "2"}\n'), replace=True)
    assert world.names(Kind.GROUP) == ["Crew", "Fleet"]
    assert world.members("Crew") == ["ada@contoso.example", "bob@contoso.example"]


def test_an_import_under_another_name_keeps_its_own_people_apart(world) -> None:
    world.imports(world.file("a.csv", many(10)), source_name="headquarters")
    world.imports(world.file("b.csv", USERS + "x,x@x.example,X,,True,\n"), source_name="branch", replace=True)
    assert len(world.names()) == 11


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(texts.filter(lambda name: name and "@" not in name), values, max_size=5))
def test_whatever_an_attribute_holds_it_is_kept_and_the_second_import_sees_no_change(world, attributes) -> None:
    taken = {"id", "type", "manager", "members", "accountEnabled", "deletedDateTime", "password", "passwordProfile"}
    attributes = {k: v for k, v in attributes.items() if k not in taken | {"userPrincipalName", "displayName"}}
    line = {**attributes, "type": "user", "id": "1", "userPrincipalName": "a@x.example"}
    file = world.file("a.jsonl", encode(line).decode() + "\n")
    world.imports(file)
    kept = {k: v for k, v in world.user("1").attributes.items() if k in attributes}
    assert kept == {k: v for k, v in attributes.items() if v is not None}
    assert world.imports(file)["users"] == Counts(unchanged=1)


@pytest.mark.slow
def test_a_large_import_does_not_hold_up_writes_to_another_database(world, tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC; "
        "from instep.stores.directory import DirectoryStore; from instep.directory.generate import Company; "
        "from instep.directory.importing import import_files; "
        "store = DirectoryStore(Path(sys.argv[1])); "
        "import_files(store, [Company(30_000, 100, 60_000, 1)], now=datetime.now(UTC), new_id=str); store.close()"
    )
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("PRAGMA synchronous = FULL")
    other.execute("CREATE TABLE t (x)")
    import time

    longest = 0.0
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "directory.db")])
    while process.poll() is None:
        began = time.monotonic()
        other.execute("INSERT INTO t VALUES (1)")
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)
    other.close()
    assert process.returncode == 0
    assert len(world.names()) == 30_000
    assert longest < 1.0
