"""The ways to spoil a directory's export, each as real ones are broken, from a seed.

A way is a function from a good export to the bytes of a bad file. Its docstring says what it does, and then what
whoever reads the file should do; the command's list and the reference page are made from them.
"""

import inspect
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from instep.hostile.exports import Export, made_up

Spoil = Callable[[Export, random.Random], bytes]
SPOILT: dict[str, Spoil] = {}
"""The ways to spoil an export, by name."""


def told(spoil: Spoil) -> tuple[str, str]:
    """What it does, and what a reader should do."""
    does, should = (" ".join(part.split()) for part in (inspect.getdoc(spoil) or "").split("\n\n"))
    return does, should


def spoilt(name: str, export: Export, seed: int) -> bytes:
    """The export, spoilt that way. Raises KeyError for a name that isn't one."""
    return SPOILT[name](export, random.Random(f"{seed} {name}"))


def _way(name: str) -> Callable[[Spoil], Spoil]:
    def known(spoil: Spoil) -> Spoil:
        SPOILT[name] = spoil
        return spoil

    return known


def _with(export: Export, rows: Any) -> bytes:
    return replace(export, rows=tuple(rows)).written()


def _split(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


# ------------------------------------------------------------------------------------------- too little


@_way("empty")
def _empty(export: Export, chance: random.Random) -> bytes:
    """A file without a single byte.

    Refuse it: an export that failed isn't a company without people."""
    return b""


@_way("header-only")
def _header_only(export: Export, chance: random.Random) -> bytes:
    """The header and nobody; in JSON Lines, an empty line.

    Read it, and let nobody be removed without a person's word."""
    return b"\n" if export.lines else _split(export.written())[0]


@_way("truncated")
def _truncated(export: Export, chance: random.Random) -> bytes:
    """Ends somewhere in the middle of a line, as a download that broke off.

    Refuse it: the last line isn't whole. Nobody who is missing may be taken for gone."""
    content = export.written()
    cut = content[: int(len(content) * chance.uniform(0.2, 0.8))]
    return cut[: cut.rfind(b"\n") + 1 + 12]


@_way("truncated-at-a-line")
def _truncated_at_a_line(export: Export, chance: random.Random) -> bytes:
    """Ends early, between two lines: nothing in the file shows it.

    Compare with what was there before, and ask before many are removed."""
    rows = export.rows
    return _with(export, rows[: max(1, int(len(rows) * chance.uniform(0.2, 0.8)))])


@_way("half")
def _half(export: Export, chance: random.Random) -> bytes:
    """Every second person, by chance: a filter, or a right that the reader has lost.

    Compare with what was there before, and ask before many are removed."""
    rows = export.rows
    kept = set(chance.sample(range(len(rows)), len(rows) // 2))
    return _with(export, (row for number, row in enumerate(rows) if number in kept))


@_way("one")
def _one(export: Export, chance: random.Random) -> bytes:
    """One person: the first page of one, or somebody's test.

    Compare with what was there before, and ask before many are removed."""
    return _with(export, export.rows[:1])


# ------------------------------------------------------------------------------------- the wrong content


@_way("wrong-tenant")
def _wrong_tenant(export: Export, chance: random.Random) -> bytes:
    """A well-formed export of another company.

    Nobody in it is known, and everybody else is missing: ask a person."""
    return made_up(len(export.rows), chance.randrange(1000), export.lines, "fabrikam.example").written()


@_way("new-ids")
def _new_ids(export: Export, chance: random.Random) -> bytes:
    """The same people, each with another id, as after a restored or migrated tenant.

    Don't take them for new people who have the old ones' names; say that the names are taken."""
    ids = {str(row.get("id")): str(uuid.UUID(int=chance.getrandbits(128), version=4)) for row in export.rows}
    return _with(export, ({**row, "id": ids[str(row.get("id"))]} for row in export.rows))


@_way("swapped-ids")
def _swapped_ids(export: Export, chance: random.Random) -> bytes:
    """Everybody has somebody else's id: a table that was sorted by one column only.

    Everybody would be renamed. Let a changed login name of many wait for a person's word."""
    ids = [row.get("id") for row in export.rows]
    return _with(export, ({**row, "id": each} for row, each in zip(export.rows, ids[1:] + ids[:1], strict=True)))


@_way("all-disabled")
def _all_disabled(export: Export, chance: random.Random) -> bytes:
    """Everybody's account is disabled.

    Import it, and let the end of so many accesses wait for a person's word."""
    return _with(export, ({**row, "accountEnabled": False} for row in export.rows))


@_way("cleared-column")
def _cleared_column(export: Export, chance: random.Random) -> bytes:
    """One column is empty for everybody; one that people are told apart by it never is.

    Clear the attribute, as the file says; whoever is in scope by it mustn't lose access all at once."""
    safe = [n for n in export.rows[0] if n in ("department", "jobTitle", "mail", "displayName")] or ["displayName"]
    column = chance.choice(safe)
    return _with(export, ({**row, column: None if export.lines else ""} for row in export.rows))


@_way("shuffled")
def _shuffled(export: Export, chance: random.Random) -> bytes:
    """The same rows in another order.

    Nothing has changed."""
    return _with(export, chance.sample(export.rows, len(export.rows)))


@_way("repeated")
def _repeated(export: Export, chance: random.Random) -> bytes:
    """A page of rows comes twice.

    The same person twice is one person, or an error that names the lines; never two."""
    rows = list(export.rows)
    page = rows[: max(1, len(rows) // 5)]
    return _with(export, rows + page)


@_way("twins")
def _twins(export: Export, chance: random.Random) -> bytes:
    """Some people are there again in capitals, with another id.

    Names have no case: name both rows, and take neither."""
    rows = list(export.rows)
    for row in chance.sample(rows, max(1, len(rows) // 10)):
        name = str(row.get("userPrincipalName", "")).upper()
        rows.append({**row, "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "userPrincipalName": name})
    return _with(export, rows)


@_way("no-names")
def _no_names(export: Export, chance: random.Random) -> bytes:
    """Some people have no userPrincipalName.

    Name the rows; an empty name belongs to nobody."""
    bare = {id(row) for row in chance.sample(export.rows, max(1, len(export.rows) // 10))}
    return _with(export, ({**row, "userPrincipalName": ""} if id(row) in bare else row for row in export.rows))


# ---------------------------------------------------------------------------------------- the wrong form


@_way("renamed-columns")
def _renamed_columns(export: Export, chance: random.Random) -> bytes:
    """The columns have other names: translated, or of a newer version.

    Refuse it and say which column is missing; don't read it as people without names."""
    names = {"userPrincipalName": "Benutzerprinzipalname", "id": "Objekt-ID", "accountEnabled": "Konto aktiviert"}
    return _with(export, ({names.get(n, n): v for n, v in row.items()} for row in export.rows))


@_way("shifted-cells")
def _shifted_cells(export: Export, chance: random.Random) -> bytes:
    """In some rows a cell is missing, so that all that follow are in the wrong column; in JSON Lines, a closing brace.

    A row with fewer cells than the header is refused, with its line."""
    lines = _split(export.written())
    for number in chance.sample(range(1, len(lines)), max(1, len(lines) // 10)):
        head, separator, rest = lines[number].partition(b"," if not export.lines else b"}")
        lines[number] = head + rest if separator else lines[number]
    return b"".join(lines)


@_way("mixed-encodings")
def _mixed_encodings(export: Export, chance: random.Random) -> bytes:
    """Most lines are UTF-8, some Windows-1252: two files that were put together.

    Refuse it and say where; names that were guessed wrong reach every app."""
    lines = _split(export.written())
    middle = len(lines) // 2
    for number in {middle, *chance.sample(range(1, len(lines)), len(lines) // 5)}:
        lines[number] = lines[number].replace(b",", "é,".encode(), 1).decode().encode("cp1252", "replace")
    return b"".join(lines)


@_way("utf-16")
def _utf_16(export: Export, chance: random.Random) -> bytes:
    """UTF-16 with a byte order mark, as spreadsheets save "Unicode text".

    Read it: the mark says what it is."""
    return export.written().decode("utf-8-sig").encode("utf-16")


@_way("open-quote")
def _open_quote(export: Export, chance: random.Random) -> bytes:
    """A quote that is never closed swallows the rest of the file.

    Refuse it; else one cell holds half of the company, and half of the company is missing."""
    lines = _split(export.written())
    number = chance.randrange(len(lines) // 2, len(lines))
    lines[number] = b'"' + lines[number]
    return b"".join(lines)


@_way("nul-bytes")
def _nul_bytes(export: Export, chance: random.Random) -> bytes:
    """A block of zero bytes in the middle, as after a full disk.

    Refuse it and say where."""
    content = export.written()
    at = chance.randrange(len(content) // 3, 2 * len(content) // 3)
    return content[:at] + bytes(512) + content[at + 512 :]


@_way("web-page")
def _web_page(export: Export, chance: random.Random) -> bytes:
    """A login page that was saved under the export's name.

    Refuse it: it isn't an export."""
    return b"<!doctype html>\n<html><head><title>Sign in</title></head><body>Your session has ended.</body></html>\n"


@_way("huge-cell")
def _huge_cell(export: Export, chance: random.Random) -> bytes:
    """One cell of five megabytes.

    Refuse it and say where, without holding many such cells in memory."""
    rows = list(export.rows)
    number = chance.randrange(len(rows))
    rows[number] = {**rows[number], "department": "x" * 5_000_000}
    return _with(export, rows)


@_way("formulas")
def _formulas(export: Export, chance: random.Random) -> bytes:
    """Names that a spreadsheet would calculate.

    They're text; whatever is later written for spreadsheets must not let them run."""
    return _with(export, ({**row, "displayName": f'=HYPERLINK("//{row.get("displayName")}")'} for row in export.rows))
