"""What the tests of the app share: organisations that are ready for SCIM, and a client that calls it in process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from instep.serviceprovider import domains, members, organisations, tokens
from instep.serviceprovider.app import App
from instep.serviceprovider.endpoint import BASE
from instep.serviceprovider.members import Role
from instep.serviceprovider.organisations import Organisation, Plan, Sso

HOST = "app.test"
URL = f"http://{HOST}{BASE}"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def organisation(
    app: App, name: str = "Acme", domain: str = "acme.example", owner: str | None = None
) -> tuple[Organisation, str]:
    """An Enterprise organisation with SSO and a verified domain, and its token."""
    with app.database.writing() as connection:
        made = organisations.create(connection, name, Plan.ENTERPRISE, app.now())
        issuer = f"https://idp.{domain}/"
        sso = Sso(f"{issuer}login", issuer, organisations.stand_in_certificate(issuer, app.now()))
        organisations.set_up_sso(connection, made, sso)
        verify(app, connection, made, domain)
        if owner:
            members.invite(connection, made, owner, Role.OWNER, None, app.now())
        made = organisations.find(connection, name)
        return made, tokens.mint(connection, made, app.now())


def verify(app: App, connection: Any, made: Organisation, domain: str) -> None:
    """Claims a domain and proves it, as if the record had been found."""
    claim = domains.claim(connection, made, domain)
    assert domains.verify(connection, made, domain, [claim.record], app.now()).verified_at


@dataclass(frozen=True)
class Answer:
    """What the app answered."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> list[dict[str, Any]]:
        assert self.status == 200, self
        return self.body["Resources"]

    @property
    def id(self) -> str:
        assert self.status in (200, 201), self
        return self.body["id"]


class Client:
    """A SCIM client of one organisation that calls the ASGI application without a socket."""

    def __init__(self, app: App, token: str | None) -> None:
        self.app = app
        self.token = token

    async def get(self, path: str, **query: str | int) -> Answer:
        return await self("GET", path, query=query)

    async def find(self, path: str, filter: str, **query: str | int) -> list[dict[str, Any]]:
        return (await self.get(path, filter=filter, **query)).resources

    async def post(self, path: str, body: Any) -> Answer:
        return await self("POST", path, body)

    async def put(self, path: str, body: Any, **headers: str) -> Answer:
        return await self("PUT", path, body, headers=headers)

    async def patch(
        self, path: str, *operations: Any, query: Mapping[str, str] | None = None, **headers: str
    ) -> Answer:
        return await self("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, query or {}, headers)

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self("DELETE", path, headers=headers)

    async def user(self, name: str, domain: str = "acme.example", **attributes: Any) -> str:
        """Makes a user and gives its id."""
        body = {"schemas": [CORE], "userName": f"{name}@{domain}", **attributes}
        return (await self.post("/Users", body)).id

    async def group(self, name: str, *ids: str) -> str:
        """Makes a group and gives its id."""
        members = [{"value": each} for each in ids]
        return (await self.post("/Groups", {"schemas": [GROUP], "displayName": name, "members": members})).id

    async def members(self, group_id: str) -> list[str]:
        """The ids of a group's members."""
        return [each["value"] for each in (await self.get(f"/Groups/{group_id}")).body.get("members", [])]

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Host": HOST, "Content-Type": "application/scim+json", **(headers or {})}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": BASE + urlsplit(path).path,
            "query_string": "&".join(f"{k}={quote(str(v))}" for k, v in (query or {}).items()).encode(),
            "headers": [(k.replace("_", "-").lower().encode(), v.encode()) for k, v in sent.items()],
            "server": (HOST, 80),
        }
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await self.app.endpoint(scope, receive, send)
        start, end = messages
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], json.loads(end["body"]) if end["body"] else None, answered)
