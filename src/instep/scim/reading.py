"""Reading what an app answered: tolerant of sloppy SCIM, sceptical of what isn't SCIM at all.

Bytes and a content type go in, a resource, a page or an error comes out. A login page, an empty body or an
error with the status 200 is `NotScim`, never a resource. What a status means is decided elsewhere
(`instep.targets.verdict`).
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from instep.scim.documents import ABSENT, lookup
from instep.scim.paths import CORE_GROUP, CORE_USER

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:listresponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:error"

_KINDS = {"User": CORE_USER.lower(), "Group": CORE_GROUP.lower()}
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_EXCERPT = 500


class NotScim(ValueError):
    """An answer that isn't the SCIM that was asked for; the message says what came instead."""


class Page(Struct, frozen=True):
    """One page of a list: how many there are in all, and (id, document) of those that came."""

    total: int
    resources: list[tuple[str, dict[str, Any]]]


class Complaint(Struct, frozen=True):
    """What an app said was wrong (RFC 7644 section 3.12)."""

    detail: str = ""
    scim_type: str = ""
    """In lower case; empty where the app gave none."""
    html: bool = False
    """Whether this came from a web page, and thus perhaps from something in front of the app."""


def resource(body: bytes, content_type: str, kind: str, expected_id: str | None = None) -> tuple[str, dict[str, Any]]:
    """Id and document of the one resource in an answer.

    kind: `User` or `Group`. expected_id: the id that was asked for. Raises NotScim.
    """
    document = json_object(body, content_type)
    schemas = _schemas(document)
    if LIST_RESPONSE in schemas:
        raise NotScim("a list came where one resource was asked for")
    if ERROR in schemas:
        raise NotScim(f"an error came with a status of success: {complaint(body, content_type).detail}")
    other = next((name for name, urn in _KINDS.items() if name != kind and urn in schemas), None)
    if other and _KINDS[kind] not in schemas:
        raise NotScim(f"a {other} came where a {kind} was asked for")
    app_id = _id(document)
    if expected_id is not None and app_id != expected_id:
        raise NotScim(f"the resource {app_id!r} came where {expected_id!r} was asked for")
    return app_id, document


def page(body: bytes, content_type: str) -> Page:
    """A page of a ListResponse (RFC 7644 section 3.4.2). Raises NotScim, also when a resource has no id."""
    document = json_object(body, content_type)
    schemas = _schemas(document)
    if ERROR in schemas:
        raise NotScim(f"an error came with a status of success: {complaint(body, content_type).detail}")
    total = _whole_number(lookup(document, "totalResults"))
    if total is None:
        raise NotScim("no list came: totalResults is missing, or no number")
    if schemas and LIST_RESPONSE not in schemas:
        raise NotScim(f"no list came, but {', '.join(sorted(schemas))}")
    found = lookup(document, "Resources")
    entries = cast("list[Any]", found) if isinstance(found, list) else [] if found is ABSENT else [found]
    resources: list[tuple[str, dict[str, Any]]] = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise NotScim("the list has something else than resources in it")
        one = cast("dict[str, Any]", entry)
        resources.append((_id(one), one))
    return Page(total, resources)


def complaint(body: bytes, content_type: str) -> Complaint:
    """What an answer that isn't a success says, from whatever came: SCIM, other JSON, a web page, text."""
    if not body.strip():
        return Complaint()
    try:
        document = json_object(body, content_type)
    except NotScim:
        text = body[:65536].decode("utf-8", "replace")
        if _is_html(text, content_type):
            title = _TITLE.search(text)
            return Complaint(f"a web page: {_excerpt(title[1])}" if title else "a web page", html=True)
        return Complaint(_excerpt(text))
    scim_type = lookup(document, "scimType")
    said = (lookup(document, name) for name in ("detail", "message", "error_description", "error", "title"))
    detail = next((s for s in said if isinstance(s, str) and s), None)
    return Complaint(
        _excerpt(detail if detail is not None else msgspec.json.encode(document).decode()),
        scim_type.lower() if isinstance(scim_type, str) else "",
    )


def stated_error(body: bytes, content_type: str) -> int | None:
    """The status, 400 or more, that a SCIM error in the body states; none when the body isn't one."""
    try:
        document = json_object(body, content_type)
    except NotScim:
        return None
    if ERROR not in _schemas(document):
        return None
    return max(400, _whole_number(lookup(document, "status")) or 400)


def json_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object in a body. Raises NotScim for anything else."""
    if not body.strip():
        raise NotScim("the answer is empty")
    if _is_html(body[:200].decode("utf-8", "replace"), content_type):
        raise NotScim("a web page came, perhaps of a login or a proxy")
    try:
        document: Any = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotScim(f"the answer isn't JSON: {_excerpt(body[:200].decode('utf-8', 'replace'))}") from None
    if not isinstance(document, dict):
        raise NotScim("the answer isn't a JSON object")
    return cast("dict[str, Any]", document)


def _schemas(document: Mapping[str, Any]) -> set[str]:
    found = lookup(document, "schemas")
    listed = cast("list[Any]", found) if isinstance(found, list) else [found]
    return {urn.lower() for urn in listed if isinstance(urn, str)}


def _id(document: Mapping[str, Any]) -> str:
    found = lookup(document, "id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str) or not found.strip():
        raise NotScim("a resource came without an id")
    return found


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_html(text: str, content_type: str) -> bool:
    if "html" in content_type.lower():
        return True
    start = text.lstrip("\ufeff \t\r\n").lower()
    return start.startswith(("<!doctype html", "<html", "<head", "<body"))


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
