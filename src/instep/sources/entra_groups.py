"""Entra's "Download groups". It lists groups without their members: those are a download per group."""

from collections.abc import Collection, Iterator, Mapping

from instep.core.directory import AnyRow, Fault
from instep.core.subject import Kind
from instep.sources import columns
from instep.sources.columns import ID, NAME, Column
from instep.sources.format import Format
from instep.sources.table import Table

KNOWN: Mapping[str, Column] = {
    "id": Column(ID, columns.identifier),
    "objectid": Column(ID, columns.identifier),
    "displayname": Column(NAME, columns.group_name),
    "description": Column("description"),
    "mail": Column("mail"),
    "mailnickname": Column("mailNickname"),
    "securityenabled": Column("securityEnabled", columns.boolean),
    "mailenabled": Column("mailEnabled", columns.boolean),
    "isassignabletorole": Column("isAssignableToRole", columns.boolean),
    "onpremisessyncenabled": Column("onPremisesSyncEnabled", columns.boolean),
    "grouptype": Column("groupType"),
    "membershiptype": Column("membershipType"),
    "source": Column("source"),
}


def _fits(header: Collection[str]) -> bool:
    return bool({"grouptype", "membershiptype", "securityenabled"} & set(header)) and "userprincipalname" not in header


def _missing(header: Collection[str]) -> str:
    if not {"id", "objectid"} & set(header):
        return "id"
    return "" if "displayname" in header else "displayName"


def _rows(table: Table, group: str) -> Iterator[AnyRow | Fault]:
    return columns.rows(table, Kind.GROUP, columns.chosen(table.header, KNOWN))


FORMAT = Format("Entra, Download groups", "entra", (Kind.GROUP,), _fits, _missing, _rows)
