"""Members and teams as SCIM documents: what goes into a row, and what comes out of one.

A document is a JSON object with SCIM's names (RFC 7643 §4). Some of its attributes live in columns, because the
database has to look for them or because the app owns them; all others, unknown ones too, are kept as they were sent.
References to other resources are relative to the base URL (`Users/7f3c`) until `published` makes them URLs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from instep.serviceprovider.text import exact, folded

Document = dict[str, Any]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_USER_COLUMNS = frozenset({"id", "meta", "groups", "userName", "active"})
_GROUP_COLUMNS = frozenset({"id", "meta", "members", "displayName"})


@dataclass(frozen=True, slots=True)
class Person:
    """What a member's row holds of a User document."""

    user_name: str
    active: bool | None
    """None when the document doesn't say."""
    shown_name: str
    external_key: str | None
    emails: frozenset[str]
    """The addresses, folded."""
    rest: str
    """The attributes that have no column, as JSON."""


@dataclass(frozen=True, slots=True)
class Group:
    """What a team's row holds of a Group document."""

    name: str
    external_key: str | None
    members: tuple[str, ...]
    """The ids of the members, each once."""
    rest: str


def person(document: Document) -> Person:
    """Takes a User document apart."""
    user_name = document["userName"]
    return Person(
        user_name=user_name,
        active=document.get("active"),
        shown_name=_shown_name(document) or user_name,
        external_key=external_key(document.get("externalId")),
        emails=_emails(document),
        rest=_json({name: value for name, value in document.items() if name not in _USER_COLUMNS}),
    )


def addresses(rest: str) -> frozenset[str]:
    """The e-mail addresses of a member's row, folded."""
    return _emails(msgspec.json.decode(rest))


def group(document: Document) -> Group:
    """Takes a Group document apart."""
    return Group(
        name=document["displayName"],
        external_key=external_key(document.get("externalId")),
        members=tuple(dict.fromkeys(entry["value"] for entry in document.get("members") or ())),
        rest=_json({name: value for name, value in document.items() if name not in _GROUP_COLUMNS}),
    )


def user_document(row: Row[Any], teams: Iterable[Sequence[Any]]) -> Document:
    """The User document of a member's row. `teams` gives (seq, id, name) of each team the member is in."""
    document = msgspec.json.decode(row.document)
    document |= {"id": row.id, "userName": row.user_name, "active": bool(row.active), "meta": _meta("User", row)}
    groups = [{"value": t, "$ref": f"Groups/{t}", "display": name, "type": "direct"} for _, t, name in teams]
    if groups:
        document["groups"] = groups
    return document


def group_document(row: Row[Any], members: Iterable[Sequence[Any]]) -> Document:
    """The Group document of a team's row. `members` gives (seq, id) of each member."""
    document = msgspec.json.decode(row.document)
    document |= {"id": row.id, "displayName": row.name, "meta": _meta("Group", row)}
    people = [{"value": m, "$ref": f"Users/{m}", "type": "User"} for _, m in members]
    if people:
        document["members"] = people
    return document


def with_external_id(rest: str, external_id: str) -> str:
    """The rest of a row with another externalId."""
    return _json(msgspec.json.decode(rest) | {"externalId": external_id})


def published(document: Document, base_url: str, locate: Callable[[str, str], str]) -> Document:
    """The document as a client gets it: with its location, and with URLs for references. Changes it in place.

    `locate` makes the URL of a reference from the base URL and the reference.
    """
    meta = document["meta"]
    endpoint, references = ("Users", "groups") if meta["resourceType"] == "User" else ("Groups", "members")
    meta["location"] = f"{base_url}/{endpoint}/{document['id']}"
    for entry in document.get(references, ()):
        entry["$ref"] = f"{base_url}/{entry['$ref']}"
    manager = document.get(ENTERPRISE, {}).get("manager", {})
    if "$ref" in manager:
        manager["$ref"] = locate(base_url, manager["$ref"])
    return document


def version(revision: int) -> str:
    """The ETag of a row's revision (RFC 7644 §3.14)."""
    return f'W/"{revision}"'


def external_key(value: object) -> str | None:
    """How an externalId is looked for: it's case-exact (RFC 7643 §3.1)."""
    return exact(value) if isinstance(value, str) else None


def _emails(document: Document) -> frozenset[str]:
    entries = document.get("emails") or ()
    return frozenset(folded(entry["value"]) for entry in entries if isinstance(entry.get("value"), str))


def _meta(resource_type: str, row: Row[Any]) -> Document:
    return {
        "resourceType": resource_type,
        # As the SCIM models write times: no fraction when it's zero.
        "created": row.created_at.replace(".000000Z", "Z"),
        "lastModified": row.modified_at.replace(".000000Z", "Z"),
        "version": version(row.revision),
    }


def _shown_name(document: Document) -> str:
    name = document.get("name") or {}
    parts = " ".join(part for part in (name.get("givenName"), name.get("familyName")) if part)
    return document.get("displayName") or name.get("formatted") or parts


def _json(document: Document) -> str:
    return msgspec.json.encode(document).decode()
