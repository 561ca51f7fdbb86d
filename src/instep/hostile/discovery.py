"""What the app tells about itself: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7643 sections 5 to 7)."""

from typing import Any

from instep.hostile.attributes import CORE, ENTERPRISE

_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


def _attribute(
    name: str, kind: str = "string", many: bool = False, required: bool = False, parts: tuple[str, ...] = ()
) -> dict[str, Any]:
    told: dict[str, Any] = {"subAttributes": [_attribute(part) for part in parts]} if parts else {}
    return told | {
        "name": name,
        "type": kind,
        "multiValued": many,
        "required": required,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "server" if name == "userName" else "none",
    }


def _schema(urn: str, name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    about = ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
    return {"schemas": about, "id": urn, "name": name, "description": name, "attributes": attributes}


def _type(name: str, extensions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{name}s",
        "schema": CORE[0] if name == "User" else CORE[1],
        "schemaExtensions": extensions,
    }


def config(promises: bool = False) -> dict[str, Any]:
    """The ServiceProviderConfig. promises: of everything there is, instead of what is true."""
    return {
        "schemas": [_CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": promises, "maxOperations": 1000 * promises, "maxPayloadSize": 1048576 * promises},
        "filter": {"supported": True, "maxResults": 1000},
        "changePassword": {"supported": promises},
        "sort": {"supported": promises},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "A token in the Authorization header"}
        ],
    }


_TEXTS = ["displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone", "externalId"]
_MANY = ("emails", "phoneNumbers", "roles", "entitlements")
_MEMBERS = _attribute("members", "complex", many=True) | {
    "subAttributes": [_attribute("value"), _attribute("$ref", "reference") | {"referenceTypes": ["User", "Group"]}]
}
_ADDRESS = ("type", "formatted", "streetAddress", "locality", "region", "postalCode", "country")
_NAMES = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")

ENDPOINTS: dict[str, Any] = {
    "ServiceProviderConfig": config(),
    "ResourceTypes": [_type("User", [{"schema": ENTERPRISE, "required": False}]), _type("Group", [])],
    "Schemas": [
        _schema(
            CORE[0],
            "User",
            [
                _attribute("userName", required=True),
                *(_attribute(name) for name in _TEXTS),
                _attribute("active", "boolean"),
                _attribute("name", "complex", parts=_NAMES),
                *(_attribute(name, "complex", many=True, parts=("value", "type", "display")) for name in _MANY),
                _attribute("addresses", "complex", many=True, parts=_ADDRESS),
            ],
        ),
        _schema(
            CORE[1],
            "Group",
            [_attribute("displayName", required=True), _MEMBERS],
        ),
        _schema(
            ENTERPRISE,
            "EnterpriseUser",
            [
                *(_attribute(n) for n in ["employeeNumber", "costCenter", "organization", "division", "department"]),
                _attribute("manager", "complex", parts=("value", "displayName")),
            ],
        ),
    ],
}
