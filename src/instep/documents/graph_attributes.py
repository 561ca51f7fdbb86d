"""The attributes that a synchronization schema lists of each directory: those of Entra ID, and of a SCIM app.

An export names every attribute that a mapping may choose, whether one does or not. The source has the names of
provisioning schemas (`objectId`, `mobile`), the app those of RFC 7643 in the forms that a mapping can write to.
"""

from collections.abc import Mapping
from typing import Any, Final

from instep.core.subject import Kind
from instep.scim.paths import CORE_GROUP, ENTERPRISE_USER

SOURCE: Final = "Azure Active Directory"
TARGET: Final = "customappsso"
TARGET_OBJECTS: Final[Mapping[Kind, str]] = {Kind.USER: ENTERPRISE_USER, Kind.GROUP: CORE_GROUP}
"""What an app's object types are called there."""


def _words(text: str) -> list[str]:
    return text.split()


_USER_TEXTS: Final = _words("""
    ageGroup city companyName consentProvidedForMinor country creationType department displayName employeeId
    employeeType externalUserState facsimileTelephoneNumber givenName immutableId jobTitle legalAgeGroupClassification
    mail mailNickname mobile netId onPremisesDistinguishedName onPremisesDomainName onPremisesImmutableId
    onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName originalUserPrincipalName
    passwordPolicies physicalDeliveryOfficeName postalCode preferredLanguage sipProxyAddress state streetAddress
    surname telephoneNumber usageLocation userPrincipalName userType
""")
_SOURCE_USER: Final[dict[str, dict[str, Any]]] = (
    {"objectId": {"anchor": True}}
    | {name: {"required": name == "userPrincipalName"} for name in _USER_TEXTS}
    | {f"extensionAttribute{number}": {} for number in range(1, 16)}
    | {name: {"type": "Boolean", "required": True} for name in ("IsSoftDeleted", "accountEnabled")}
    | {"dirSyncEnabled": {"type": "Boolean"}}
    | {name: {"type": "DateTime"} for name in ("createdDateTime", "employeeHireDate", "employeeLeaveDateTime")}
    | {name: {"multivalued": True} for name in ("appRoleAssignments", "otherMails", "proxyAddresses")}
    | {"manager": {"type": "Reference", "of": Kind.USER}}
)
_SOURCE_GROUP: Final[dict[str, dict[str, Any]]] = (
    {"objectId": {"anchor": True}, "displayName": {"required": True}}
    | {name: {} for name in ("description", "mail", "mailNickname", "onPremisesSecurityIdentifier")}
    | {name: {"type": "Boolean"} for name in ("dirSyncEnabled", "mailEnabled", "securityEnabled")}
    | {"groupTypes": {"multivalued": True}, "proxyAddresses": {"multivalued": True}}
    | {"members": {"type": "Reference", "multivalued": True, "of": Kind.USER}}
)

_IDENTITY: Final[dict[str, dict[str, Any]]] = {
    "id": {"anchor": True, "caseExact": True, "mutability": "ReadOnly"},
    "externalId": {},
}
_PLAIN: Final = _words("nickName profileUrl title userType preferredLanguage locale timezone")
_NAME: Final = _words("formatted familyName givenName middleName honorificPrefix honorificSuffix")
_ADDRESS: Final = _words("formatted streetAddress locality region postalCode country")
_ENTERPRISE: Final = _words("employeeNumber costCenter organization division department")


def _elements(attribute: str, types: str, subs: list[str]) -> dict[str, dict[str, Any]]:
    return {f'{attribute}[type eq "{kind}"].{sub}': {} for kind in _words(types) for sub in subs}


_TARGET_USER: Final[dict[str, dict[str, Any]]] = (
    _IDENTITY
    | {"userName": {"required": True}, "displayName": {}, "active": {"type": "Boolean"}}
    | {name: {} for name in _PLAIN}
    | {f"name.{sub}": {} for sub in _NAME}
    | _elements("emails", "work home other", ["value"])
    | _elements("phoneNumbers", "work mobile fax home pager other", ["value"])
    | _elements("addresses", "work home other", _ADDRESS)
    | {f'roles[primary eq "True"].{sub}': {} for sub in ("value", "display", "type")}
    | {f"{ENTERPRISE_USER}:{name}": {} for name in _ENTERPRISE}
    | {f"{ENTERPRISE_USER}:manager": {"type": "Reference", "of": ENTERPRISE_USER}}
)
_TARGET_GROUP: Final[dict[str, dict[str, Any]]] = (
    _IDENTITY
    | {"displayName": {"required": True}}
    | {"members": {"type": "Reference", "multivalued": True, "of": ENTERPRISE_USER}}
)

_SOFT_DELETION: Final = {
    "PropertyNameAccountEnabled": "accountEnabled",
    "PropertyNameSoftDeleted": "IsSoftDeleted",
    "IsSoftDeletionSupported": "true",
    "IsSynchronizeAllSupported": "true",
    "ConnectorDataStorageRequired": "true",
}


def attribute(name: str, **said: Any) -> dict[str, Any]:
    """Graph's attributeDefinition: a text that is nothing special, but for what is said.

    of: what a reference refers to, the name of an object.
    """
    of = said.pop("of", None)
    usual: dict[str, Any] = {
        "name": name,
        "type": "String",
        "anchor": False,
        "caseExact": False,
        "multivalued": False,
        "mutability": "ReadWrite",
        "required": False,
        "referencedObjects": [{"referencedObjectName": str(of), "referencedProperty": None}] if of else [],
        "metadata": [],
        "defaultValue": None,
        "flowNullValues": False,
    }
    return usual | said


def source_object(kind: Kind) -> dict[str, Any]:
    """Graph's objectDefinition of Entra ID's users or groups."""
    known = _SOURCE_USER if kind is Kind.USER else _SOURCE_GROUP
    soft = _SOFT_DELETION if kind is Kind.USER else {}
    return _object(str(kind), known, [{"key": key, "value": value} for key, value in soft.items()])


def target_object(kind: Kind) -> dict[str, Any]:
    """Graph's objectDefinition of a SCIM app's users or groups (RFC 7643 sections 4.1 to 4.3)."""
    return _object(TARGET_OBJECTS[kind], _TARGET_USER if kind is Kind.USER else _TARGET_GROUP, [])


def _object(name: str, known: Mapping[str, Mapping[str, Any]], metadata: list[dict[str, str]]) -> dict[str, Any]:
    attributes = [attribute(each, **said) for each, said in known.items()]
    return {"name": name, "metadata": metadata, "supportedApis": [], "attributes": attributes}
