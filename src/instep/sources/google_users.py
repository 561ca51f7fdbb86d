"""Google Workspace's "Download users" from its admin console.

It knows no ids: who somebody is, the e-mail address tells. Passwords, private addresses and numbers, and columns
that change with every sign-in or that are for uploads only aren't taken. All others become extension attributes.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from instep.core.directory import AnyRow, Fault
from instep.core.subject import Kind
from instep.sources import columns
from instep.sources.columns import ENABLED, IGNORED, MANAGER, NAME, Column
from instep.sources.format import Format
from instep.sources.table import Table

_STATUS = {"active": True, "suspended": False, "archived": False, "disabled": False, "": None}


def _status(text: str) -> bool | None:
    try:
        return _STATUS[text.strip().lower()]
    except KeyError:
        raise ValueError("Active, Suspended or Archived was expected") from None


_NOT_TAKEN = """
    password passwordhashfunction recoveryemail recoveryphone homesecondaryemail homephone homeaddress newprimaryemail
    newstatus newlicenses changepasswordatnextsignin advancedprotectionprogramenrollment
"""

KNOWN: Mapping[str, Column] = {
    **dict.fromkeys(_NOT_TAKEN.split(), IGNORED),
    "firstname": Column("givenName"),
    "lastname": Column("surname"),
    "emailaddress": Column(NAME, columns.principal_name, also="mail"),
    "status": Column(ENABLED, _status),
    "manageremail": Column(MANAGER, columns.reference),
    "orgunitpath": Column("orgUnitPath"),
    "employeeid": Column("employeeId"),
    "employeetype": Column("employeeType"),
    "employeetitle": Column("jobTitle"),
    "department": Column("department"),
    "costcenter": Column("costCenter"),
    "workphone": Column("businessPhones", columns.several),
    "mobilephone": Column("mobilePhone"),
    "workaddress": Column("streetAddress"),
    "worksecondaryemail": Column("otherMails", columns.several),
    "buildingid": Column("buildingId"),
    "floorname": Column("floorName"),
    "floorsection": Column("floorSection"),
}


def _fits(header: Collection[str]) -> bool:
    return "emailaddress" in header and bool({"firstname", "lastname", "orgunitpath"} & set(header))


def _missing(header: Collection[str]) -> str:
    return ", ".join(title for title in ("First Name", "Last Name") if columns.plain(title) not in header)


def _rows(table: Table, group: str) -> Iterator[AnyRow | Fault]:
    return columns.rows(table, Kind.USER, [_column(name) for name in table.header], _complete)


def _complete(attributes: dict[str, Any]) -> None:
    parts = (attributes.get("givenName"), attributes.get("surname"))
    attributes["displayName"] = " ".join(part for part in parts if part) or None


def _column(title: str) -> Column:
    known = KNOWN.get(columns.plain(title))
    if known is not None:
        return known
    # "Last Sign In [READ ONLY]", "Storage Used [READ ONLY]": facts of use, not of the person.
    return IGNORED if title.upper().endswith(("[READ ONLY]", "[UPLOAD ONLY]")) else Column(title)


FORMAT = Format("Google Workspace, Download users", "google", (Kind.USER,), _fits, _missing, _rows)
