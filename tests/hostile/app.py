"""An app that lies, stalls, forgets and throttles: a SCIM server for tests, well-behaved until told otherwise.

    async with HostileApp(ignores_filters=True) as app:
        target = ScimTarget(app.url, app.token, clock)
        app.trick(status=503, headers={"Retry-After": "7"}, method="GET")

Quirks hold for good, tricks for the next requests that fit. What came is in `app.requests`, what it holds in
`app.users` and `app.groups`. It shares no code with the client.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LOGIN_PAGE = "<!doctype html><html><head><title>Sign in</title></head></html>"

_ELEMENT = re.compile(r'members\[value eq "(.*)"\]')


@dataclass
class Quirks:
    """What is permanently odd about the app."""

    ignores_filters: bool = False
    twins: bool = False
    """A look-up shows everything twice, the second time with another id."""
    repeats_first_page: bool = False
    total_off_by: int = 0
    """How much `totalResults` is wrong."""
    page_limit: int = 10_000
    sends_members_always: bool = False
    """Whether `excludedAttributes` is ignored."""
    refuses_exclusion: bool = False
    """Whether `excludedAttributes` is answered with 400."""
    takes_members_in_create: bool = True
    echoes_members: bool = True
    """Whether the answer to a creation shows them."""
    shows_members: bool = True
    """Whether reading a group shows them."""
    refuses_members_in_create: bool = False
    members_limit: int = 10_000
    """Members in one request; more is answered with 413."""
    refuses_value_path: int = 0
    """The status that the removal form `members[value eq "id"]` is answered with."""
    value_list_empties: bool = False
    """Whether a removal with a list of values takes everybody out, as RFC 7644 may be read."""
    not_a_member: int = 0
    """The status that removing a stranger is answered with; 0 when it is fine."""
    unknown_member: int = 0
    """The status that adding somebody who doesn't exist is answered with; 0 when it is fine."""
    patch_status: int = 0
    """The status that any PATCH of a user is answered with, instead of doing it."""
    unique: bool = True
    bulk_operations: int = 0
    """Operations in one /Bulk request, as announced; 0 when it isn't offered, and announced nowhere."""
    bulk_size: int = 1_000_000
    """Bytes of a /Bulk request, as announced."""
    bulk_status: int = 0
    """The status that /Bulk is answered with, though it's announced."""
    bulk_forgets: int = 0
    """Every so manieth operation isn't in the answer, though it was carried out."""
    bulk_ids_back: bool = True
    """Whether bulkIds are given back for other operations than creations."""
    bulk_shows: bool = True
    """Whether an answer has the resources in it."""
    bulk_codes: bool = False
    """Whether a status is `{"code": 200}`, as before RFC 7644."""


@dataclass
class Trick:
    """What happens to the next `times` requests with that method, and that text in their path."""

    status: int = 200
    body: Any = None
    content_type: str = "application/scim+json"
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    times: int = 1
    executes: bool = False
    """Whether the request is carried out all the same."""
    drops: bool = False
    """Whether the connection is cut instead of an answer."""
    truncates: bool = False
    """Whether the answer stops in its middle."""
    seconds: float = 0.0
    """How long the answer takes."""


@dataclass
class Request:
    """What came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Refusal(Exception):
    def __init__(self, status: int, detail: str = "", scim_type: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type


class HostileApp:
    """The running server, as an async context manager; `url` is the tenant URL, `token` the one it takes."""

    token = "hostile-secret-token"

    def __init__(self, **quirks: Any) -> None:
        self.quirks = Quirks(**quirks)
        self.requests: list[Request] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.members: dict[str, list[str]] = {}
        self._tricks: list[Trick] = []
        self._last = 0

    async def __aenter__(self) -> "HostileApp":
        application = web.Application(client_max_size=50 * 1024 * 1024)
        application.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/scim/v2"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    # -------------------------------------------------------------------------------- for the tests

    def trick(self, **what: Any) -> None:
        """Something odd for the next requests; see Trick. Tricks are used in their order."""
        self._tricks.append(Trick(**what))

    def put(self, kind: str, members: list[str] | None = None, **attributes: Any) -> str:
        """Something that is there already; kind is `Users` or `Groups`. Returns its id."""
        self._last += 1
        app_id = str(self._last)
        self._all(kind)[app_id] = {**attributes, "id": app_id}
        if kind == "Groups":
            self.members[app_id] = list(members or [])
        return app_id

    def sent(self, method: str = "") -> list[Request]:
        """The requests with that method that came."""
        return [r for r in self.requests if not method or r.method == method]

    # ---------------------------------------------------------------------------------- the protocol

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        path = request.path.removeprefix("/scim/v2")
        came = Request(request.method, path, dict(request.query), dict(request.headers), body)
        self.requests.append(came)
        trick = self._trick_for(came)
        if trick is None:
            return self._done(came)
        await asyncio.sleep(trick.seconds)
        answer = self._done(came) if trick.executes else None
        if trick.drops:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if trick.truncates:
            return await self._truncated(request)
        if answer is not None and trick.status == 200 and trick.body is None:
            return answer
        content = trick.body if isinstance(trick.body, str) else "" if trick.body is None else json.dumps(trick.body)
        return web.Response(
            status=trick.status, body=content.encode(), content_type=trick.content_type, headers=trick.headers
        )

    async def _truncated(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/scim+json"})
        await answer.prepare(request)
        await answer.write(b'{"schemas": [')
        assert request.transport is not None
        request.transport.close()
        return answer

    def _trick_for(self, came: Request) -> Trick | None:
        for trick in self._tricks:
            if trick.method in ("", came.method) and trick.path in came.path:
                trick.times -= 1
                if not trick.times:
                    self._tricks.remove(trick)
                return trick
        return None

    def _done(self, came: Request) -> web.Response:
        try:
            if came.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refusal(401, "that token isn't known")
            status, document = self._do(came)
        except Refusal as refusal:
            status, document = refusal.status, {"schemas": [ERROR], "status": str(refusal.status)}
            document |= {"detail": refusal.detail} | ({"scimType": refusal.scim_type} if refusal.scim_type else {})
        if document is None:
            return web.Response(status=status)
        return web.Response(status=status, body=json.dumps(document).encode(), content_type="application/scim+json")

    def _do(self, came: Request) -> tuple[int, dict[str, Any] | None]:
        kind, _, app_id = came.path.strip("/").partition("/")
        if self.quirks.bulk_operations and kind == "ServiceProviderConfig":
            limits = {"maxOperations": self.quirks.bulk_operations, "maxPayloadSize": self.quirks.bulk_size}
            return 200, {"bulk": {"supported": True, **limits}}
        if self.quirks.bulk_operations and kind == "Bulk":
            return 200, self._bulk(came)
        if kind not in ("Users", "Groups"):
            raise Refusal(404, "no such endpoint")
        if not app_id:
            return (
                (201, self._create(kind, came.body)) if came.method == "POST" else (200, self._list(kind, came.query))
            )
        if app_id not in self._all(kind):
            raise Refusal(404, f"{app_id} doesn't exist")
        match came.method:
            case "GET":
                return 200, self._shown(kind, app_id, "excludedAttributes" not in came.query)
            case "DELETE":
                del self._all(kind)[app_id]
                return 204, None
            case "PUT":
                self._all(kind)[app_id] = {**came.body, "id": app_id}
                return 200, self._shown(kind, app_id, True)
            case _:
                self._patch(kind, app_id, came.body["Operations"])
                return (204, None) if kind == "Groups" else (200, self._shown(kind, app_id, True))

    def _bulk(self, came: Request) -> dict[str, Any]:
        if self.quirks.bulk_status:
            raise Refusal(self.quirks.bulk_status, "not today")
        operations = came.body["Operations"]
        assert len(operations) <= self.quirks.bulk_operations
        assert len(json.dumps(came.body, separators=(",", ":"))) <= self.quirks.bulk_size
        answers = [self._operation(came, operation) for operation in operations]
        if self.quirks.bulk_forgets:
            del answers[self.quirks.bulk_forgets - 1 :: self.quirks.bulk_forgets]
        # RFC 7644 promises no order.
        return {"schemas": [BULK], "Operations": answers[::-1]}

    def _operation(self, came: Request, operation: dict[str, Any]) -> dict[str, Any]:
        alone = Request(operation["method"], operation["path"], {}, came.headers, operation.get("data"))
        answer: dict[str, Any] = {"method": operation["method"]}
        try:
            status, document = self._do(alone)
        except Refusal as refusal:
            status = refusal.status
            answer["response"] = {"schemas": [ERROR], "detail": refusal.detail, "scimType": refusal.scim_type}
        else:
            made = document["id"] if document else operation["path"].rpartition("/")[2]
            answer["location"] = f"{self.url}/Users/{made}"
            if document and self.quirks.bulk_shows:
                answer["response"] = document
        if operation["method"] == "POST" or self.quirks.bulk_ids_back:
            answer["bulkId"] = operation["bulkId"]
        else:
            answer["location"] = f"{self.url}{operation['path']}"
        return answer | {"status": {"code": status} if self.quirks.bulk_codes else str(status)}

    def _all(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.users if kind == "Users" else self.groups

    def _shown(self, kind: str, app_id: str, members: bool) -> dict[str, Any]:
        document = dict(self._all(kind)[app_id])
        if kind == "Groups" and self.quirks.shows_members and (members or self.quirks.sends_members_always):
            document["members"] = [{"value": member} for member in self.members[app_id]]
        return document

    def _list(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        if self.quirks.refuses_exclusion and "excludedAttributes" in query:
            raise Refusal(400, "unknown parameter excludedAttributes")
        ids = list(self._all(kind))
        if "filter" in query and not self.quirks.ignores_filters:
            ids = [app_id for app_id in ids if _matches(self._all(kind)[app_id], query["filter"])]
        total = len(ids) + self.quirks.total_off_by
        start = 1 if self.quirks.repeats_first_page else int(query.get("startIndex", 1))
        count = min(int(query.get("count", 100)), self.quirks.page_limit)
        found = [self._shown(kind, app_id, "excludedAttributes" not in query) for app_id in ids[start - 1 :][:count]]
        if self.quirks.twins:
            found += [{**document, "id": f"{document['id']}-twin"} for document in found]
            total *= 2
        return {"schemas": [LIST], "totalResults": total, "Resources": found}

    def _create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        name = "userName" if kind == "Users" else "displayName"
        if self.quirks.unique and any(d.get(name) == body.get(name) for d in self._all(kind).values()):
            raise Refusal(409, f"{name} is taken", "uniqueness")
        members = [entry["value"] for entry in body.pop("members", [])]
        if members and self.quirks.refuses_members_in_create:
            raise Refusal(400, "members can't be given in a creation")
        self._check_members(members, len(members))
        app_id = self.put(kind, members if self.quirks.takes_members_in_create else [], **body)
        document = self._shown(kind, app_id, self.quirks.echoes_members)
        if not self.quirks.echoes_members:
            document.pop("members", None)
        return document

    def _check_members(self, members: list[str], count: int) -> None:
        if count > self.quirks.members_limit:
            raise Refusal(413, "too many members")
        strangers = [member for member in members if member not in self.users]
        if strangers and self.quirks.unknown_member:
            raise Refusal(self.quirks.unknown_member, f"{strangers[0]} doesn't exist")

    def _patch(self, kind: str, app_id: str, operations: list[dict[str, Any]]) -> None:
        if kind == "Users" and self.quirks.patch_status:
            raise Refusal(self.quirks.patch_status, "not that way")
        count = sum(len(o["value"]) if isinstance(o.get("value"), list) else 1 for o in operations)
        members = list(self.members.get(app_id, []))
        document = dict(self._all(kind)[app_id])
        for operation in operations:
            op, path = operation["op"].lower(), operation["path"]
            value: Any = operation.get("value")
            if path == "members" and op == "add":
                added = [entry["value"] for entry in value]
                self._check_members(added, count)
                members += [member for member in added if member not in members]
            elif path.startswith("members"):
                members = self._removed(members, path, value, count)
            elif op == "remove":
                document.pop(path, None)
            else:
                document[path] = value
        self._all(kind)[app_id] = document
        if kind == "Groups":
            self.members[app_id] = members

    def _removed(self, members: list[str], path: str, value: Any, count: int) -> list[str]:
        element = _ELEMENT.fullmatch(path)
        if element and self.quirks.refuses_value_path:
            raise Refusal(self.quirks.refuses_value_path, "no filters in paths", "invalidPath")
        if not element and self.quirks.value_list_empties:
            return []
        self._check_members([], count)
        gone = [element[1]] if element else [entry["value"] for entry in value]
        if self.quirks.not_a_member and any(member not in members for member in gone):
            raise Refusal(
                self.quirks.not_a_member, "not a member", "noTarget" if self.quirks.not_a_member == 400 else ""
            )
        return [member for member in members if member not in gone]


def _matches(document: dict[str, Any], text: str) -> bool:
    name, _, value = text.partition(" eq ")
    return str(document.get(name, "")).lower() == str(json.loads(value)).lower()
