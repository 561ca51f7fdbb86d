"""Entra's "Download users": its older header with `objectId`, its newer one with `id`.

The portal uses some names of the old directory graph; they become Microsoft Graph's. What people sign in with
(`authenticationEmail` and the like) isn't taken. `manager` and `employeeId` aren't in the portal's file but often
added to it.
"""

from collections.abc import Collection, Iterator, Mapping

from instep.core.directory import AnyRow, Fault
from instep.core.subject import Kind
from instep.sources import columns
from instep.sources.columns import ENABLED, ID, IGNORED, MANAGER, NAME, Column
from instep.sources.format import Format
from instep.sources.table import Table

_TEXTS = """
    displayName givenName surname mail mailNickname userType jobTitle department companyName employeeId employeeType
    employeeHireDate usageLocation preferredLanguage streetAddress city state country postalCode officeLocation
    mobilePhone faxNumber ageGroup consentProvidedForMinor legalAgeGroupClassification creationType createdDateTime
    identityIssuer
"""

KNOWN: Mapping[str, Column] = {
    **{columns.plain(name): Column(name) for name in _TEXTS.split()},
    "id": Column(ID, columns.identifier),
    "objectid": Column(ID, columns.identifier),
    "userprincipalname": Column(NAME, columns.principal_name),
    "accountenabled": Column(ENABLED, columns.boolean),
    "manager": Column(MANAGER, columns.reference),
    "directorysynced": Column("onPremisesSyncEnabled", columns.boolean),
    "onpremisessyncenabled": Column("onPremisesSyncEnabled", columns.boolean),
    "invitationstate": Column("externalUserState"),
    "physicaldeliveryofficename": Column("officeLocation"),
    "mobile": Column("mobilePhone"),
    "facsimiletelephonenumber": Column("faxNumber"),
    "telephonenumber": Column("businessPhones", columns.several),
    "businessphones": Column("businessPhones", columns.several),
    "alternateemailaddress": Column("otherMails", columns.several),
    "othermails": Column("otherMails", columns.several),
    "authenticationalternativephonenumber": IGNORED,
    "authenticationemail": IGNORED,
}


def _fits(header: Collection[str]) -> bool:
    return "userprincipalname" in header and not {"objecttype", "membertype", "isgroup", "isuser"} & set(header)


def _missing(header: Collection[str]) -> str:
    return "" if {"id", "objectid"} & set(header) else "id (objectId in older downloads)"


def _rows(table: Table, group: str) -> Iterator[AnyRow | Fault]:
    return columns.rows(table, Kind.USER, columns.chosen(table.header, KNOWN))


FORMAT = Format("Entra, Download users", "entra", (Kind.USER,), _fits, _missing, _rows)
