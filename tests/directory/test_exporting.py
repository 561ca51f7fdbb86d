"""Exports: JSON Lines that give the same directory again, and CSV that no spreadsheet takes for a program."""

import csv
import io
from pathlib import Path

from instep.core.subject import Kind
from instep.directory import editing
from instep.directory.exporting import json_lines, table
from instep.directory.generate import Company
from instep.directory.importing import import_files


def exported(world) -> str:
    with world.store.browse() as browser:
        return "".join(json_lines(browser))


def test_an_export_imported_elsewhere_gives_the_same_export(world, tmp_path: Path) -> None:
    world.imports("entra-users.csv", "entra-groups.csv", "HR Taskforce members.csv", "google-users.csv")
    world.imports("directory.jsonl")
    import_files(world.store, [Company(50, 3, 90, 1)], now=world.now, new_id=world.new_id)
    editing.delete(world.store, Kind.GROUP, "HR Taskforce", world.now)
    text = exported(world)
    (tmp_path / "other").mkdir()
    other = type(world)(tmp_path / "other")
    other.imports(other.file("all.jsonl", text))
    assert exported(other) == text
    other.store.close()
    assert text.count("\n") == 59 + 7 + 95 + 2


def test_purged_people_are_not_exported(world) -> None:
    world.imports("entra-users-with-managers.csv")
    editing.delete(world.store, Kind.USER, "Top", world.now)
    assert "top@contoso.example" in exported(world)
    editing.purge(world.store, Kind.USER, "Top")
    assert "top@contoso.example" not in exported(world)


def test_csv_guards_cells_that_a_spreadsheet_would_calculate(world) -> None:
    world.imports("entra-users.csv")
    out = io.StringIO()
    with world.store.browse() as browser:
        table(browser, Kind.USER, out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    formula = next(row for row in rows if "HYPERLINK" in row["displayName"])
    assert formula["displayName"].startswith("'=HYPERLINK")
    assert (formula["surname"], formula["givenName"], formula["userPrincipalName"][:2]) == ("'+1", "'-1", "'=")
    assert formula["accountEnabled"] == "False"
    anna = next(row for row in rows if row["displayName"] == "Anna Müller")
    assert (anna["businessPhones"], anna["department"]) == ("'+49 30 5550101", "Legal")
    assert all(not (cell or "").startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())
