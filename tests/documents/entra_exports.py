"""Schema documents as Entra ID exports them, made after Microsoft Graph's description of the type at real length.

`python tests/documents/entra_exports.py` writes the files in `exports/` anew. They share nothing with the program:
each lists the attributes of whole directories, most of which no mapping uses, and has parts that nobody here reads.
"""

import json
from pathlib import Path
from typing import Any

EXPORTS = Path(__file__).parent / "exports"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


ENTRA_USER = words("""
accountEnabled:Boolean ageGroup alternativeSecurityIds* appMetadata assignedPlans* assistant authOrig* businessPhones*
city cloudAudioConferencingProviderInfo companyName consentProvidedForMinor country createdDateTime:DateTime
creationType customSecurityAttributes department dirSyncEnabled:Boolean displayName employeeHireDate:DateTime
employeeId employeeLeaveDateTime:DateTime employeeType externalUserState externalUserStateChangeDateTime:DateTime
facsimileTelephoneNumber givenName immutableId isCompromised:Boolean IsSoftDeleted:Boolean jobTitle
lastDirSyncTime:DateTime lastPasswordChangeDateTime:DateTime legalAgeGroupClassification mail mailNickname
manager:Reference mobile netId objectType onPremisesDistinguishedName onPremisesDomainName onPremisesImmutableId
onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName originalUserPrincipalName otherMails*
passwordPolicies passwordProfile physicalDeliveryOfficeName postalCode preferredDataLocation preferredLanguage
provisionedPlans* proxyAddresses* refreshTokensValidFromDateTime:DateTime showInAddressList:Boolean
signInNames* sipProxyAddress state streetAddress surname telephoneNumber thumbnailPhoto:Binary usageLocation
userPrincipalName userState userStateChangedOn:DateTime userType appRoleAssignments* memberOf:Reference
preferredName pager info ipPhone homePhone initials middleName division costCenter roomNumber carLicense
""")
ENTRA_GROUP = words("""
cloudSecurityIdentifier description dirSyncEnabled:Boolean displayName groupTypes* isPublic:Boolean
lastDirSyncTime:DateTime mail mailEnabled:Boolean mailNickname members:Reference* onPremisesSecurityIdentifier
owners:Reference* proxyAddresses* securityEnabled:Boolean theme visibility wellKnownObject
""")
ENTRA_MORE = {
    "ServicePrincipal": words("accountEnabled:Boolean appDisplayName appId displayName servicePrincipalNames* tags*"),
    "Device": words("accountEnabled:Boolean deviceId deviceOSType deviceOSVersion displayName isManaged:Boolean"),
    "Contact": words("city companyName country department displayName givenName jobTitle mail manager:Reference"),
}
ADDRESS = words("formatted streetAddress locality region postalCode country")
SCIM_USER = [
    "active:Boolean",
    *words("userName displayName nickName profileUrl title userType preferredLanguage locale timezone externalId"),
    *(f"name.{sub}" for sub in words("formatted familyName givenName middleName honorificPrefix honorificSuffix")),
    *(f'emails[type eq "{kind}"].value' for kind in ("work", "home", "other")),
    *(f'phoneNumbers[type eq "{kind}"].value' for kind in words("work mobile fax home pager other")),
    *(f'addresses[type eq "{kind}"].{sub}' for kind in ("work", "home", "other") for sub in ADDRESS),
    *(f'ims[type eq "{kind}"].value' for kind in words("aim gtalk icq xmpp msn skype qq yahoo other")),
    *(f'roles[primary eq "True"].{sub}' for sub in ("value", "display", "type")),
    *(f"{ENTERPRISE}:{name}" for name in words("employeeNumber costCenter organization division department")),
    f"{ENTERPRISE}:manager:Reference",
]


def definition(written: str, **said: Any) -> dict[str, Any]:
    """An attributeDefinition from `name`, `name:Type` or `name*`, for several values."""
    name, multivalued = written.removesuffix("*"), written.endswith("*")
    head, colon, kind = name.rpartition(":")
    kind = kind if colon and kind in ("Boolean", "DateTime", "Binary", "Reference") else ""
    name = head if kind else name
    refers = {"referencedObjectName": "User", "referencedProperty": None}
    return {
        "anchor": False,
        "caseExact": False,
        "defaultValue": None,
        "flowNullValues": False,
        "multivalued": multivalued,
        "mutability": "ReadWrite",
        "name": name,
        "required": False,
        "type": kind or "String",
        "apiExpressions": [],
        "metadata": [],
        "referencedObjects": [refers] if kind == "Reference" else [],
    } | said


def entity(name: str, written: list[str], extra: list[dict[str, Any]], **metadata: str) -> dict[str, Any]:
    """An objectDefinition."""
    return {
        "name": name,
        "metadata": [{"key": key, "value": value} for key, value in metadata.items()],
        "supportedApis": [],
        "attributes": [*extra, *(definition(each) for each in written)],
    }


def entra(extensions: int) -> dict[str, Any]:
    """Entra ID's own directory, with so many directory extensions."""
    own = [f"extension_6f2c8f1f1c5d4f0d9f1d0e6a53a0c0a1_attribute{n:02}" for n in range(extensions)]
    user = [*ENTRA_USER, *(f"extensionAttribute{n}" for n in range(1, 16)), *own]
    anchor = definition("objectId", anchor=True)
    soft = {
        "PropertyNameAccountEnabled": "accountEnabled",
        "PropertyNameSoftDeleted": "IsSoftDeleted",
        "IsSoftDeletionSupported": "true",
        "IsSynchronizeAllSupported": "true",
        "ConnectorDataStorageRequired": "true",
        "Extensions": "Microsoft.Identity.Health.CPP.Extensions",
    }
    return {
        "id": "66e4a8cc-1b7b-435e-95f8-f06cea133828",
        "name": "Azure Active Directory",
        "discoverabilities": "None",
        "discoveryDateTime": None,
        "readOnly": False,
        "version": "20240911T0410",
        "objects": [
            entity("User", user, [anchor], **soft),
            entity("Group", ENTRA_GROUP, [anchor], IsSoftDeletionSupported="false"),
            *(entity(name, written, [anchor]) for name, written in ENTRA_MORE.items()),
        ],
    }


def app(name: str, changed: dict[str, dict[str, Any]], custom: list[str], user: str = ENTERPRISE) -> dict[str, Any]:
    """A SCIM app's directory; `changed` overrides definitions by name."""
    anchor = definition("id", anchor=True, caseExact=True, mutability="ReadOnly")
    people = entity(user, [*SCIM_USER, *custom], [anchor])
    members = definition("members:Reference*", referencedObjects=[{"referencedObjectName": user}])
    groups = entity(CORE_GROUP, ["externalId"], [anchor, definition("displayName", required=True), members])
    for each in people["attributes"]:
        each |= changed.get(each["name"], {})
    return {
        "id": "8ffa6169-f354-4751-9b77-9c00765be92d",
        "name": name,
        "discoverabilities": "AttributeNames, AttributeDataTypes, AttributeReadOnly",
        "discoveryDateTime": "2026-03-02T09:14:55.1234567Z",
        "readOnly": False,
        "version": "1.4",
        "objects": [people, groups],
    }


def attribute(name: str) -> dict[str, Any]:
    """A source that is an attribute."""
    return {"expression": f"[{name}]", "name": name, "type": "Attribute", "parameters": []}


def constant(text: str) -> dict[str, Any]:
    """A source that is a constant."""
    return {"expression": f'"{text}"', "name": text, "type": "Constant", "parameters": []}


def function(name: str, expression: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    """A source that is a function."""
    given = [{"key": key, "value": value} for key, value in parameters.items()]
    return {"expression": expression, "name": name, "type": "Function", "parameters": given}


ACTIVE = function(
    "Switch",
    'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
    source=attribute("IsSoftDeleted"),
    key1=constant("False"),
    value1=constant("True"),
    key2=constant("True"),
    value2=constant("False"),
)
FULL_NAME = function(
    "Join",
    'Join(" ", [givenName], [surname])',
    separator=constant(" "),
    source1=attribute("givenName"),
    source2=attribute("surname"),
)


def row(target: str, source: Any, matching: int = 0, **said: Any) -> dict[str, Any]:
    """An attributeMapping; a source that is a text names an attribute."""
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": matching,
        "targetAttributeName": target,
        "source": attribute(source) if isinstance(source, str) else source,
    } | said


def mapping(kind: str, target: str, rows: list[dict[str, Any]], **said: Any) -> dict[str, Any]:
    """An objectMapping."""
    return {
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "metadata": [
            {"key": "EscrowBehavior", "value": '"Default"'},
            {"key": "DisableMonitoringForChanges", "value": "false"},
            {"key": "OriginalJoiningProperty", "value": '""'},
            {"key": "Disposition", "value": '"Normal"'},
            {"key": "IsCustomerDefined", "value": "false"},
            {"key": "ExcludeFromReporting", "value": "false"},
            {"key": "Unsynchronized", "value": "false"},
        ],
        "name": f"Provision Azure Active Directory {kind}s",
        "sourceObjectName": kind,
        "targetObjectName": target,
        "attributeMappings": rows,
        "scope": None,
    } | said


def rule(number: int, name: str, target: str, *mappings: dict[str, Any]) -> dict[str, Any]:
    """A synchronizationRule."""
    return {
        "editable": True,
        "id": f"03f7d90d-bf71-41b1-bda6-aaf0ddbee5d{number}",
        "name": name,
        "priority": number,
        "sourceDirectoryName": "Azure Active Directory",
        "targetDirectoryName": target,
        "metadata": [
            {"key": "defaultSourceObjectMappings", "value": ""},
            {"key": "supportsProvisionOnDemand", "value": "true"},
        ],
        "containerFilter": None,
        "groupFilter": None,
        "objectMappings": list(mappings),
    }


def schema(name: str, directories: list[dict[str, Any]], rules: list[dict[str, Any]]) -> dict[str, Any]:
    """A synchronizationSchema as an answer of Graph."""
    return {
        "@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#{name}/synchronization/schema/$entity",
        "directories@odata.context": "https://graph.microsoft.com/v1.0/$metadata#directories",
        "id": f"{name}.11112222333344445555666677778888.9d0c1f5e-2f4b-4b6e-9a51-2c7b8d1e4f60",
        "version": "Date:2026-03-02T09:15:01.7654321Z, Sequence:41",
        "directories": directories,
        "synchronizationRules": rules,
    }


def clause(name: str, operator: str, *values: str) -> dict[str, Any]:
    """A clause of a scoping filter."""
    return {"operatorName": operator, "sourceOperandName": name, "targetOperand": {"values": list(values)}}


def default_app() -> dict[str, Any]:
    """A non-gallery app as it is after its creation."""
    work = {"physicalDeliveryOfficeName": "formatted", "city": "locality", "state": "region"}
    plain = {name: name for name in ("streetAddress", "postalCode", "country")}
    phones = {"telephoneNumber": "work", "mobile": "mobile", "facsimileTelephoneNumber": "fax"}
    users = [
        row("userName", "userPrincipalName", 1),
        row("active", ACTIVE),
        row("displayName", "displayName"),
        row("title", "jobTitle"),
        row('emails[type eq "work"].value', "mail"),
        row("preferredLanguage", "preferredLanguage"),
        row("name.givenName", "givenName"),
        row("name.familyName", "surname"),
        row("name.formatted", FULL_NAME),
        *(row(f'addresses[type eq "work"].{to}', source) for source, to in (work | plain).items()),
        *(row(f'phoneNumbers[type eq "{kind}"].value', source) for source, kind in phones.items()),
        row("externalId", "mailNickname"),
        row(f"{ENTERPRISE}:employeeNumber", "employeeId"),
        row(f"{ENTERPRISE}:department", "department"),
        row(f"{ENTERPRISE}:manager", "manager"),
    ]
    groups = [row("displayName", "displayName", 1), row("externalId", "objectId"), row("members", "members")]
    rules = rule(
        1,
        "USER_OUTBOUND_USER",
        "customappsso",
        mapping("User", ENTERPRISE, users),
        mapping("Group", CORE_GROUP, groups),
    )
    required = {"userName": {"required": True}}
    return schema("scim", [entra(20), app("customappsso", required, [])], [rules])


def gallery_app() -> dict[str, Any]:
    """An app of the gallery, with filters and roles, its users and groups in rules of their own."""
    role = function("SingleAppRoleAssignment", "SingleAppRoleAssignment([appRoleAssignments])")
    role["parameters"] = [{"key": "source", "value": attribute("appRoleAssignments")}]
    scope = {
        "categoryFilterGroups": [],
        "groups": [
            {
                "name": "Engineers of the north",
                "clauses": [
                    clause("department", "EQUALS", "Engineering"),
                    clause("country", "REGEX MATCH", "^(NO|SE|DK|FI)$"),
                    clause("jobTitle", "IS NOT NULL"),
                ],
            },
            {"name": "", "clauses": [clause("extensionAttribute3", "GREATER_THAN_OR_EQUALS", "7")]},
        ],
        "inputFilterGroups": [],
    }
    users = [
        row("userName", "userPrincipalName", 1),
        row("externalId", "objectId", 2),
        row("displayName", {"type": "Attribute", "name": "displayName"}),
        row("nickName", "mailNickname", flowType="ObjectAddOnly"),
        row("userType", constant("employee"), defaultValue=""),
        row('roles[primary eq "True"].value', role),
        row("locale", {"expression": 'Replace([preferredLanguage], "-", , , "_", , )'}, defaultValue="en_US"),
        row("timezone", None),
        row("active", function("Not", "Not([IsSoftDeleted])", source=attribute("IsSoftDeleted")), defaultValue="True"),
    ]
    groups = [row("displayName", "displayName", 1), row("members", "members", exportMissingReferences=True)]
    changed = {
        "userName": {"required": True, "caseExact": True},
        "displayName": {"required": True},
        "nickName": {"caseExact": True},
    }
    directories = [entra(0), app("Atlas", changed, [], CORE_USER), {"name": "Unused", "objects": []}]
    return schema(
        "atlas",
        directories,
        [
            rule(2, "GROUP_OUTBOUND_GROUP", "Atlas", mapping("Group", CORE_GROUP, groups)),
            rule(1, "USER_OUTBOUND_USER", "Atlas", mapping("User", CORE_USER, users, scope=scope)),
        ],
    )


def grown_app() -> dict[str, Any]:
    """A job that somebody has worked on for years: every flow type, extensions, parts that have no place in ours."""
    urn = "urn:ietf:params:scim:schemas:extension:Contoso:2.0:User"
    own = "extension_6f2c8f1f1c5d4f0d9f1d0e6a53a0c0a1_attribute"
    nested = "IIF(IsNullOrEmpty([mobile]), ToUpper(Mid([telephoneNumber], 1, 8), ), Trim([mobile]))"
    users = [
        row("externalId", "employeeId", 1),
        row("userName", {"expression": 'ToLower(Append([mailNickname], "@contoso.example"), )'}, 2),
        row('emails[type eq "work"].value', "mail", flowType="AttributeAddOnly"),
        row('emails[type eq "other"].value', "otherMails", flowType="MultiValueAddOnly"),
        row("title", "jobTitle", flowType="ValueAddOnly", flowBehavior="FlowAlways"),
        row("nickName", None, defaultValue="none yet"),
        row("name.formatted", FULL_NAME, flowType="ObjectAddOnly", defaultValue="unnamed"),
        row('phoneNumbers[type eq "work"].value', {"type": "Function", "name": "IIF", "expression": nested}),
        *(row(f"{urn}:field{n:02}", f"{own}{n:02}") for n in range(20)),
        row(f"{ENTERPRISE}:manager", "manager", defaultValue="nobody", exportMissingReferences=True),
        row(f"{ENTERPRISE}:costCenter", constant("4711"), defaultValue="0"),
        row("active", "accountEnabled"),
    ]
    names = ("West", "East", "Nord", "Süd")
    scope = {
        "groups": [
            {
                "name": f"{name} {number}",
                "clauses": [
                    clause("state", "EQUALS", name),
                    clause("companyName", "NOT REGEX MATCH", r"(?i)\btest\b"),
                    clause("accountEnabled", "IS TRUE"),
                    clause("userPrincipalName", "ENDS_WITH", "@contoso.example"),
                ],
                "comment": "kept by hand",
            }
            for number, name in enumerate(names)
        ],
        "inputFilterGroups": [{"name": "guests", "clauses": [clause("userType", "NOT EQUALS", "Guest")]}],
        "categoryFilterGroups": [],
    }
    changed: dict[str, dict[str, Any]] = {
        "userName": {"required": True},
        "externalId": {"required": True, "caseExact": True},
        'emails[type eq "other"].value': {"multivalued": True},
        "title": {"flowNullValues": True},
    }
    custom = [f"{urn}:field{n:02}" for n in range(40)]
    disabled = mapping(
        "Group",
        CORE_GROUP,
        [row("displayName", "displayName", 1), row("members", "members")],
        enabled=False,
        flowTypes="Add, Update",
    )
    contacts = mapping("Contact", ENTERPRISE, [row("userName", "mail", 1)], enabled=False)
    second = mapping("User", ENTERPRISE, [row("userName", "userPrincipalName", 1)], enabled=False)
    whole = schema(
        "contoso",
        [entra(60), app("customappsso", changed, custom)],
        [
            rule(
                1,
                "USER_OUTBOUND_USER",
                "customappsso",
                mapping("User", ENTERPRISE, users, scope=scope, flowTypes="Add,Update"),
                second,
                disabled,
                contacts,
            )
        ],
    )
    whole["provisioningTaskIdentifier"] = None
    whole["limits"] = {"large": 123456789012345678901234567890, "share": 0.1, "deep": [[], {}, [None, True]]}
    return whole


ALL = {"default-app": default_app, "gallery-app": gallery_app, "grown-app": grown_app}


def text(document: dict[str, Any]) -> str:
    """The document as a file has it."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    for name, made in ALL.items():
        (EXPORTS / f"{name}.json").write_text(text(made()), encoding="utf-8")
