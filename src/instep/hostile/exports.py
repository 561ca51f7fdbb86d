"""A directory's export: its rows, written and read, and a made-up company to fill one.

It is Entra's CSV of users, or JSON Lines as Microsoft Graph names things. How such a file is broken is in `spoiling`.
"""

import codecs
import csv
import io
import json
import random
import uuid
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
_FIRST = ("Ada", "Bo", "Chidi", "Gülçin", "Héctor", "Ines", "Jan", "Kofi", "Mei", "Oleg", "Priya", "Søren", "Tomás")
_LAST = ("Adeyemi", "Berg", "Cruz", "Díaz", "Fischer", "Hoàng", "Ito", "Kaya", "Łukasz", "Meyer", "Ndiaye", "Øst")
_TEAMS = ("Sales", "Finance", "Legal", "Engineering", "Support")


class ExportError(ValueError):
    """A file that can't be read as an export; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Export:
    """An export: its rows, and whether it is Entra's CSV file or JSON Lines with Graph's property names."""

    rows: tuple[Row, ...]
    lines: bool = False

    def written(self) -> bytes:
        """The file: UTF-8, the CSV with a byte order mark, as Entra writes it."""
        if self.lines:
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows).encode()
        text = io.StringIO()
        columns = list(dict.fromkeys(name for row in self.rows for name in row)) or list(made_up(1, 0).rows[0])
        writer = csv.DictWriter(text, columns, lineterminator="\r\n", restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        return codecs.BOM_UTF8 + text.getvalue().encode()


def made_up(users: int, seed: int, lines: bool = False, domain: str = "contoso.example") -> Export:
    """So many people of a made-up company, in the columns of Entra's "Download users"."""
    chance = random.Random(f"{seed} {domain}")
    rows: list[Row] = []
    for number in range(users):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        name = f"user{number + 1:04}@{domain}"
        row: Row = {"type": "user"} if lines else {}
        row |= {
            "userPrincipalName": name,
            "displayName": f"{first} {last}",
            "surname": last,
            "givenName": first,
            "mail": name,
            "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "userType": "Member",
            "jobTitle": chance.choice(("Analyst", "Engineer", "Manager")),
            "department": chance.choice(_TEAMS),
            "accountEnabled": True,
        }
        rows.append(row)
    return Export(tuple(rows), lines)


def read(content: bytes) -> Export:
    """A good export, to be spoiled: UTF-8, CSV with a header or JSON Lines. Raises ExportError."""
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            rows = tuple(json.loads(line) for line in text.split("\n") if line.strip())
            lines = True
        else:
            rows, lines = tuple(csv.DictReader(io.StringIO(text, newline=""), strict=True)), False
    except (ValueError, csv.Error) as wrong:
        raise ExportError(f"a good export in UTF-8, CSV or JSON Lines, was expected: {wrong}") from None
    ragged = not lines and any(None in row or None in row.values() for row in rows)
    whole = not ragged and all(isinstance(row, dict) for row in rows)
    if not rows or not whole:
        raise ExportError("a good export was expected: a header, and rows with as many cells")
    return Export(rows, lines)
