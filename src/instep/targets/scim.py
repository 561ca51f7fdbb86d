"""The generic SCIM 2.0 client: the port `Target` over HTTP.

It is put together here from its parts: `lookups` reads, `writes` changes attributes, `memberships` changes
members, `bulk` gathers writes of users, `client` waits where the app asks for it, `http` sends, `verdict` says what
an answer means. What makes a vendor different is in its abilities, stated by the gallery or learnt; there is no code
per vendor.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Outcome, Refused
from instep.core.subject import Kind
from instep.ports import Answer, Clock, Exchange, Resource
from instep.scim import abilities as lessons
from instep.scim import documents
from instep.scim.abilities import Abilities
from instep.targets.address import TenantUrl, tenant_url
from instep.targets.bulk import Bulk
from instep.targets.client import Attempt, Client
from instep.targets.credentials import Bearer
from instep.targets.http import Authorization, Connection, Transport
from instep.targets.lookups import Lookups
from instep.targets.memberships import Memberships
from instep.targets.pacing import Pacings
from instep.targets.writes import Writes, created, settled

if TYPE_CHECKING:
    from instep.targets.gallery import Limit


class ScimTarget:
    """One app that speaks SCIM 2.0.

    url: the tenant URL as typed; flags in its query ride along, and `aadOptscim062020` and
    `AzureAdScimPatch2017` choose the PATCH dialect. credentials: what requests are authorised by; a text is a bearer
    token. abilities: what is known of the app.
    request_seconds: until a request counts as unanswered. connections: open at once at the most.
    private_networks: whether the app may be in a private network. patience: seconds that one request waits,
    in all, where the app asks for it. pacings: where the limits of apps are learnt; its own unless given.
    limits: what the app's vendor publishes of them. transport: in the place of HTTP. Raises TenantUrlError.
    """

    def __init__(
        self,
        url: str,
        credentials: Authorization | str,
        clock: Clock,
        abilities: Abilities | None = None,
        *,
        request_seconds: float = 30.0,
        connections: int = 64,
        private_networks: bool = False,
        patience: float = 120.0,
        pacings: Pacings | None = None,
        limits: "Sequence[Limit]" = (),
        transport: Transport | None = None,
    ) -> None:
        tenant = tenant_url(url)
        known = Bearer(credentials) if isinstance(credentials, str) else credentials
        http = Connection(tenant, known, clock, request_seconds, connections, private_networks)
        self._connection = transport or http
        self.pacing = (pacings or Pacings(clock)).of(tenant.base, limits, connections)
        """Who may send when, shared with other jobs of the same app; for whoever wants to know how it stands."""
        fitting = _in_dialect(abilities or Abilities(), tenant)
        self._client = Client(self._connection, clock, fitting, self.pacing, patience)
        self._lookups = Lookups(self._client)
        self._bulk = Bulk(self._client, clock)
        self._writes = Writes(self._client, self._lookups, self._bulk)
        self._memberships = Memberships(self._client, self._lookups)

    @property
    def abilities(self) -> Abilities:
        """What is known of the app by now."""
        return self._client.abilities

    @property
    def requests(self) -> int:
        """How many requests were sent so far, look-ups and repetitions included."""
        return self._client.requests

    def fenced_by(self, check: Callable[[], None]) -> None:
        """Have `check` called right before each request."""
        self._client.fence = self._connection.fence = check

    async def check(self, kinds: Sequence[Kind], matching: Mapping[Kind, str]) -> None:
        """Test the connection. Raises AppUnavailable."""
        await self._lookups.check(kinds, matching)

    async def count(self, kind: Kind) -> int | None:
        """How many there are; none when it can't be relied upon. Raises AppUnavailable."""
        return await self._lookups.count(kind)

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """What the app returns for `path eq value`. Raises AppUnavailable."""
        return await self._lookups.find(kind, path, value)

    def pages(self, kind: Kind) -> AsyncIterator[list[Resource]]:
        """Everything of that kind, complete or AppUnavailable."""
        return self._lookups.pages(kind)

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        """One resource; none when there is none. Raises AppUnavailable."""
        return await self._lookups.read(kind, app_id, members)

    async def create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> Answer:
        """Create, and see to it that all members are taken.

        Once the resource exists the outcome is Done; what became of its members is in `members_done` and
        `members_outcome`. Raises PathError and DocumentError for attributes that make no document."""
        body = documents.build(kind, attributes)
        first = self._first(members)
        attempts = [await self._post(kind, body, first)]
        outcome, app_id, resource = created(attempts[0], kind)
        blamed = bool(first) and isinstance(outcome, Refused) and attempts[0].status in (400, 404, 413, 422, 501)
        if blamed:
            if attempts[0].status == 413:
                self._client.learn(lessons.refused_size, len(first))
            # The members may be the reason: nothing was made, so it can be tried without them.
            attempts.append(await self._post(kind, body, ()))
            outcome, app_id, resource = created(attempts[-1], kind)
        exchanges = tuple(attempt.exchange() for attempt in attempts)
        if not isinstance(outcome, Done):
            return Answer(outcome, exchanges=exchanges)
        if resource is None or not members:
            return Answer(outcome, app_id, resource, exchanges=exchanges)
        return await self._fill(resource, members, () if blamed else first, attempts[0], exchanges)

    async def update(
        self,
        kind: Kind,
        app_id: str,
        changes: Sequence[AttributeChange],
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> Answer:
        """Change attributes, then members; what fails first ends it. Raises PathError, DocumentError."""
        answer = Answer(Done(), app_id)
        if changes:
            answer = await self._writes.change(kind, app_id, changes)
        if not isinstance(answer.outcome, Done) or not (add or remove):
            return answer
        result = await self._memberships.change(app_id, add, remove)
        return msgspec.structs.replace(
            answer,
            outcome=result.outcome,
            members_done=result.done,
            exchanges=(*answer.exchanges, *result.exchanges),
        )

    async def delete(self, kind: Kind, app_id: str) -> Answer:
        """Delete; gone already counts as done."""
        attempt = await self._bulk.send("delete", "DELETE", f"/{kind}s/{quote(app_id, safe='')}")
        return settled(attempt, kind, app_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._bulk.close()
        await self._client.close()

    # --------------------------------------------------------------------------------------- within

    def _first(self, members: Sequence[str]) -> Sequence[str]:
        """The members that ride in a creation."""
        return members[: self.abilities.members_per_patch] if self.abilities.members_in_create else ()

    async def _post(self, kind: Kind, body: Mapping[str, Any], members: Sequence[str]) -> Attempt:
        whole = {**body, "members": [{"value": member} for member in members]} if members else body
        return await self._bulk.send("create", "POST", f"/{kind}s", whole)

    async def _fill(
        self,
        group: Resource,
        members: Sequence[str],
        rode: Sequence[str],
        first_attempt: Attempt,
        exchanges: tuple[Exchange, ...],
    ) -> Answer:
        """Add the members of a new group that its creation didn't show."""
        shown = set(documents.members(group.document))
        taken = [member for member in members if member in shown]
        if rode and not taken:
            self._client.learn(lessons.dropped_members)
        rest = [member for member in members if member not in shown]
        outcome: Outcome = Done()
        if rest:
            result = await self._memberships.change(group.id, rest, ())
            outcome, taken = result.outcome, [*taken, *result.done]
            exchanges = (*exchanges, *result.exchanges)
            if isinstance(outcome, Done) and not rode and first_attempt.status != 413 and not first_attempt.done:
                # By PATCH the app took what it had refused in the creation.
                self._client.learn(lessons.dropped_members)
        return Answer(
            Done(),
            group.id,
            group,
            members_taken=bool(rode) and shown.issuperset(rode),
            members_done=tuple(taken),
            exchanges=exchanges,
            members_outcome=None if isinstance(outcome, Done) else outcome,
        )


def _in_dialect(abilities: Abilities, tenant: TenantUrl) -> Abilities:
    """Abilities with the dialect that a flag in the tenant URL asks for, and the form of removal it implies."""
    if tenant.dialect is None or tenant.dialect == abilities.dialect:
        return abilities
    removal = "value-list" if tenant.dialect == "entra" else "value-path"
    return msgspec.structs.replace(abilities, dialect=tenant.dialect, removal=removal)
