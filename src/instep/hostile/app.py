"""The app itself, well-behaved: SCIM 2.0 over users and groups in memory. A request goes in, an answer comes out.

It takes PATCH in every client's words, filters by `eq` and `and`, pages, checks uniqueness of userName, and sends
ETags. It does no I/O; `server` puts it on a socket, and `personas` stand around it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from instep.hostile import discovery
from instep.hostile.attributes import Wrong, conditions, get, holds, key
from instep.hostile.content import KINDS, Content, Document, Kind
from instep.hostile.patching import patched

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BASE = "/scim/v2"


@dataclass(frozen=True, slots=True)
class Request:
    """A request below the base path; `body` is what its JSON says, None for none."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def kind(self) -> str:
        """`Users`, `Groups`, or whatever stands there."""
        return self.path.strip("/").partition("/")[0]

    @property
    def id(self) -> str:
        """The id in the path; empty for none."""
        return self.path.strip("/").partition("/")[2]

    @property
    def writes(self) -> bool:
        """Whether it is meant to change something."""
        return self.method in ("POST", "PUT", "PATCH", "DELETE")


@dataclass(slots=True)
class Answer:
    """What is answered: a document, or else raw bytes; and what becomes of them on the wire."""

    status: int
    document: Document | None = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/scim+json"
    cut: bool = False
    """Whether the connection is cut instead."""
    bytes_per_second: float | None = None
    repeats: bool = False
    """Whether it repeats the request, so that the journal mustn't keep it."""
    by: list[str] = field(default_factory=list)
    """What personas did to it, in words."""

    def body(self) -> bytes:
        """The bytes of it."""
        if self.raw is not None:
            return self.raw
        return b"" if self.document is None else json.dumps(self.document, ensure_ascii=False).encode()


def refusal(status: int, detail: str, scim_type: str = "") -> Answer:
    """An error as RFC 7644 section 3.12 words it."""
    said = {"schemas": [ERROR], "status": str(status), "detail": detail}
    return Answer(status, said | ({"scimType": scim_type} if scim_type else {}))


class App:
    """The app. Its switches are for personas.

    clock: seconds that only go forward. seed: of the ids.
    """

    def __init__(self, seed: int, clock: Callable[[], float], token: str) -> None:
        self.content = Content(seed, clock)
        self.clock = clock
        self.token = token
        self.uses = 0
        """Requests that came with the token since it was made."""
        self._renewals = 0
        self.unique = True
        self.keeps: list[Callable[[Kind, Document], Document]] = []
        """What is done to documents before they're kept."""
        self.sees: Callable[[Kind], dict[str, Document]] = self.content.all
        """What reads see."""

    def renew(self) -> str:
        """A new token; the old one is dead."""
        self._renewals += 1
        self.uses = 0
        self.token = f"{self.token.partition('.')[0]}.{self._renewals}"
        return self.token

    async def answer(self, request: Request) -> Answer:
        """Carry out a request whose token was checked."""
        try:
            if request.kind not in KINDS:
                return self._elsewhere(request)
            kind = cast("Kind", request.kind)
            if not request.id:
                return self._create(kind, request) if request.method == "POST" else self._list(kind, request)
            return self._one(kind, request)
        except Wrong as wrong:
            return refusal(400, str(wrong), "invalidFilter" if "filter" in request.query else "invalidPath")

    def _elsewhere(self, request: Request) -> Answer:
        told = discovery.ENDPOINTS.get(request.kind)
        if told is None:
            return refusal(501 if request.kind in ("Bulk", "Me") else 404, f"there is no {request.path}")
        if request.method != "GET":
            return refusal(405, "it can only be read")
        if isinstance(told, dict):
            return Answer(200, told)
        if request.id:
            one = next((each for each in told if each["id"] == request.id), None)
            return Answer(200, one) if one else refusal(404, f"there is no {request.id}")
        return Answer(200, {"schemas": [LIST], "totalResults": len(told), "Resources": told})

    def _list(self, kind: Kind, request: Request) -> Answer:
        if request.method != "GET":
            return refusal(405, f"{request.method} isn't for a list")
        found = list(self.sees(kind).values())
        if text := request.query.get("filter"):
            terms = conditions(text)
            found = [each for each in found if holds(each, terms)]
        start = max(1, _number(request.query.get("startIndex"), 1))
        page = found[start - 1 :][: max(0, _number(request.query.get("count"), 100))]
        shown = [_projected(each, request.query) for each in page]
        told = {"schemas": [LIST], "totalResults": len(found), "startIndex": start, "itemsPerPage": len(shown)}
        return Answer(200, told | {"Resources": shown})

    def _create(self, kind: Kind, request: Request) -> Answer:
        if not isinstance(request.body, dict):
            return refusal(400, "the body has to be a JSON object", "invalidSyntax")
        app_id = self.content.new_id()
        document = dict(request.body)
        if kind == "Users" and get(document, "active") is None:
            document["active"] = True
        answer = self._kept(kind, app_id, document, request)
        if answer.status != 200:
            return answer
        answer.status = 201
        answer.headers["Location"] = f"{BASE}/{kind}/{app_id}"
        return answer

    def _one(self, kind: Kind, request: Request) -> Answer:
        if request.method == "GET":
            shown = self.sees(kind).get(request.id)
            return self._shown(shown, request) if shown else refusal(404, f"{request.id} doesn't exist")
        held = self.content.all(kind).get(request.id)
        if held is None:
            return refusal(404, f"{request.id} doesn't exist")
        if (wanted := request.headers.get("If-Match")) and wanted not in ("*", held["meta"]["version"]):
            return refusal(412, "it has changed meanwhile")
        if request.method == "DELETE":
            self.content.put(kind, request.id, None)
            return Answer(204)
        if not isinstance(request.body, dict):
            return refusal(400, "the body has to be a JSON object", "invalidSyntax")
        if request.method == "PUT":
            return self._kept(kind, request.id, dict(request.body), request, held)
        if request.method != "PATCH":
            return refusal(405, f"{request.method} isn't for a resource")
        answer = self._kept(kind, request.id, patched(held, get(request.body, "Operations")), request, held)
        if answer.status == 200 and kind == "Groups":
            return Answer(204, headers=answer.headers)
        return answer

    def _kept(
        self, kind: Kind, app_id: str, document: Document, request: Request, held: Document | None = None
    ) -> Answer:
        """Keep the document, unless something is wrong with it."""
        name = "userName" if kind == "Users" else "displayName"
        if not isinstance(get(document, name), str) or not get(document, name).strip():
            return refusal(400, f"{name} is missing", "invalidValue")
        for keep in self.keeps:
            document = keep(kind, document)
        taken = [each for each in self.content.named(kind, get(document, name)) if each != app_id]
        if kind == "Users" and self.unique and taken:
            return refusal(409, f"{name} {get(document, name)!r} is taken", "uniqueness")
        if kind == "Groups" and (stranger := self._stranger(document)):
            return refusal(400, f"the member {stranger!r} doesn't exist", "invalidValue")
        for own in ("id", "meta", "schemas"):
            document.pop(key(document, own), None)
        version = 1 if held is None else int(held["meta"]["version"][3:-1]) + 1
        schemas = [f"urn:ietf:params:scim:schemas:core:2.0:{kind[:-1]}", *(n for n in document if n.startswith("urn:"))]
        meta = {"resourceType": kind[:-1], "location": f"{BASE}/{kind}/{app_id}", "version": f'W/"{version}"'}
        document = {"schemas": schemas, "id": app_id, **document, "meta": meta}
        self.content.put(kind, app_id, document)
        return self._shown(document, request)

    def _stranger(self, group: Document) -> str | None:
        """A member that isn't in the app; of members, id and address are kept."""
        name = key(group, "members")
        members = [_member(each) for each in group.get(name) or [] if isinstance(each, dict)]
        if name in group:
            group[name] = members
        known = (self.content.all("Users"), self.content.all("Groups"))
        return next((m["value"] for m in members if not any(m["value"] in some for some in known)), None)

    def _shown(self, document: Document, request: Request) -> Answer:
        return Answer(200, _projected(document, request.query), {"ETag": document["meta"]["version"]})


def _member(element: Document) -> Document:
    """A member by its id, which may be given by its address alone."""
    address = get(element, "$ref")
    app_id = str(get(element, "value") or str(address).rpartition("/")[2])
    return {"value": app_id} | ({"$ref": address} if address else {})


def _projected(document: Document, query: dict[str, str]) -> Document:
    """The document with the attributes that the query asks for (RFC 7644 section 3.4.2.5); whole attributes only."""
    left_out = {name.strip().lower() for name in query.get("excludedAttributes", "").split(",")}
    wanted = {name.strip().lower() for name in query.get("attributes", "").split(",")} - {""}
    always = ("id", "schemas", "meta")
    return {
        name: value
        for name, value in document.items()
        if name in always or (name.lower() not in left_out and (not wanted or name.lower() in wanted))
    }


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text or otherwise)
    except ValueError:
        raise Wrong(f"{text!r} isn't a number") from None
