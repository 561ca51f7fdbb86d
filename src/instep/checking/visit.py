"""A visit: what checks work with. It makes people and groups with recognisable names, remembers each, and keeps its
hands off everything else.

A name is remembered before the request that makes its bearer is sent, so that what was made is found again whatever
happens. A write to a resource that isn't in the ledger is refused here, before it's sent; what removes them is in
`tidying`.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from instep.checking.finding import Failed, NotJudged
from instep.checking.wire import Answer, Wire, json_of
from instep.scim import documents
from instep.scim.abilities import Abilities
from instep.scim.documents import ABSENT
from instep.scim.patch import message
from instep.scim.paths import CORE_GROUP, CORE_USER, quoted

Kind = Literal["User", "Group"]
NAMED_BY: dict[Kind, str] = {"User": "userName", "Group": "displayName"}
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
CROWD = 12
"""People of whom several checks need many; the documented onboarding checks of paging want 11 at least."""

_PAUSES = (0.0, 0.3, 1.2)
_FRUITLESS = 4
"""After so many waits for an app that changed nothing, no more are made."""


class NotOurs(RuntimeError):
    """A write that would have touched something that the visit didn't make. Nothing was sent."""


class Made(Struct, frozen=True):
    """Somebody or a group that a check made: `sent` is what was asked for."""

    kind: Kind
    id: str
    name: str
    sent: dict[str, Any]
    answer: Answer


class Facts(Struct):
    """What was found out on the way; None where it wasn't."""

    config: dict[str, Any] = {}
    types: set[str] = set()
    schemas: dict[str, dict[str, Any]] = {}
    has_groups: bool | None = None
    people: int | None = None
    """How many users the app had before."""
    refuses_duplicates: bool | None = None
    bulk_operations: int = 0
    """How many operations one /Bulk request may hold, where it works."""
    limits: str = ""
    """What headers of answers say of a limit."""
    read_ms: float | None = None
    write_ms: float | None = None
    per_second: float | None = None
    """Reads that were answered in a second, several at once."""


class Visit:
    """One run of checks against one endpoint. prefix: what all names begin with. domain: of the mail addresses."""

    def __init__(self, wire: Wire, prefix: str, domain: str, read_only: bool = False) -> None:
        self.wire = wire
        self.prefix = prefix
        self.domain = domain
        self.read_only = read_only
        self.abilities = Abilities()
        self.facts = Facts()
        self.made: dict[tuple[Kind, str], str] = {}
        """The ledger: what exists because of us, by kind and id, with its name."""
        self.asked: dict[tuple[Kind, str], None] = {}
        """Names whose creation was sent and that haven't an id in the ledger."""
        self.nobody = str(uuid.uuid5(uuid.NAMESPACE_URL, prefix))
        """A value, and an id, that nobody has: in the form in which Entra asks for nobody."""
        self._count = 0
        self._fruitless = 0
        self._somebody: Made | None = None
        self._shows_members: bool | None = None
        self._crowd: list[Made] | None = None

    # ------------------------------------------------------------------------------------------ names

    def name(self, word: str) -> str:
        """A name that nobody has yet, and that says whose it is."""
        self._count += 1
        return f"{self.prefix}-{self._count}-{word}"

    def person(self, word: str, **attributes: Any) -> dict[str, Any]:
        """The document of a new user; attributes that are given come on top."""
        name = self.name(word)
        return {
            "schemas": [CORE_USER],
            "userName": f"{name}@{self.domain}",
            "externalId": name,
            "active": True,
            "displayName": f"Instep Check {self._count}",
            "name": {"givenName": "Instep", "familyName": f"Check {self._count}"},
            "emails": [{"value": f"{name}@{self.domain}", "type": "work", "primary": True}],
            **attributes,
        }

    def team(self, word: str, **attributes: Any) -> dict[str, Any]:
        """The document of a new group."""
        return {"schemas": [CORE_GROUP], "displayName": self.name(word), **attributes}

    # ---------------------------------------------------------------------------------------- writing

    async def post(self, kind: Kind, document: Mapping[str, Any], **options: Any) -> Answer:
        """Ask for a new resource; what comes of it is in the ledger."""
        if self.read_only:
            raise NotOurs("a read-only check makes nothing")
        name = str(document.get(NAMED_BY[kind], ""))
        if not self.ours(document):
            raise NotOurs(f"{name!r} isn't a name of ours")
        self.asked[kind, name] = None
        answer = await self.wire.send("POST", f"/{kind}s", "", dict(document), **options)
        if answer.status is not None and 400 <= answer.status < 500:
            self.asked.pop((kind, name), None)
        elif answer.succeeded and answer.app_id:
            await self._enter(kind, name, answer)
        return answer

    async def _enter(self, kind: Kind, name: str, answer: Answer) -> None:
        """Enter it in the ledger if it's surely ours: it has our prefix, in the answer or when it's read."""
        if not self.ours(answer.document) and not self.ours((await self.get(kind, answer.app_id)).document):
            raise Failed(f"a new {kind.lower()} was asked for, and the answer names another one: {answer.app_id}")
        self.made[kind, answer.app_id] = name
        self.asked.pop((kind, name), None)

    def ours(self, document: Mapping[str, Any]) -> bool:
        """Whether a resource has a name of ours."""
        names = (documents.lookup(document, name) for name in ("userName", "externalId", "displayName"))
        return any(self.prefix in name.casefold() for name in names if isinstance(name, str))

    def described(self, document: Mapping[str, Any]) -> bool:
        """Whether a resource may be shown in a report: one of ours, or one that describes the endpoint itself."""
        listed = documents.lookup(document, "schemas")
        urns = [str(urn).lower() for urn in listed] if isinstance(listed, list) else []
        named = any(documents.lookup(document, name) is not ABSENT for name in NAMED_BY.values())
        stranger = named if not urns else any(urn in (CORE_USER.lower(), CORE_GROUP.lower()) for urn in urns)
        return self.ours(document) or not stranger

    async def bulk(self, people: Sequence[dict[str, Any]]) -> Answer:
        """Ask for new users in one request; who was made is in the ledger."""
        if self.read_only:
            raise NotOurs("a read-only check makes nothing")
        for each in people:
            self.asked["User", each["userName"]] = None
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": f"b{number}", "data": each}
            for number, each in enumerate(people)
        ]
        return await self.wire.send("POST", "/Bulk", "", {"schemas": [BULK], "Operations": operations})

    async def change(
        self, method: str, kind: Kind, app_id: str, body: Any = None, query: str = "", **options: Any
    ) -> Answer:
        """PATCH, PUT or DELETE something of ours, or `nobody`."""
        if self.read_only or ((kind, app_id) not in self.made and app_id != self.nobody):
            raise NotOurs(f"{method} /{kind}s/{app_id}")
        return await self.wire.send(method, self.path(kind, app_id), query, body, **options)

    async def patch(self, made: Made, *operations: dict[str, Any]) -> Answer:
        """PATCH something of ours with these operations."""
        return await self.change("PATCH", made.kind, made.id, message(operations))

    async def patched(self, made: Made, *operations: dict[str, Any]) -> Answer:
        """PATCH, which has to be answered with 200 and a resource, or 204 (RFC 7644 section 3.5.2). Raises Failed."""
        answer = await self.patch(made, *operations)
        self.expect(answer, 200, 204, 202)
        return answer

    async def delete(self, made: Made) -> Answer:
        """Delete something of ours. It stays in the ledger: whether it's really gone is looked at in the end."""
        return await self.change("DELETE", made.kind, made.id)

    # ------------------------------------------------------------------------------- people and groups

    async def user(self, word: str = "user", **attributes: Any) -> Made:
        """A new user. Raises NotJudged when none can be made."""
        return await self._new("User", self.person(word, **attributes))

    async def group(self, *members: Made, word: str = "group", **attributes: Any) -> Made:
        """A new group; members are put in by PATCH. Raises NotJudged when that isn't possible."""
        if self.facts.has_groups is False:
            raise NotJudged("the app has no groups")
        made = await self._new("Group", self.team(word, **attributes))
        if members:
            value = [{"value": member.id} for member in members]
            answer = await self.patch(made, {"op": "add", "path": "members", "value": value})
            if not answer.succeeded:
                raise NotJudged("nobody can be put into a group: see groups.add-members")
        return made

    async def _new(self, kind: Kind, document: dict[str, Any]) -> Made:
        answer = await self.post(kind, document)
        if not answer.succeeded or (kind, answer.app_id) not in self.made:
            see = "create.user" if kind == "User" else "groups.create"
            raise NotJudged(f"no {kind.lower()} could be made ({answer.words}): see {see}")
        return Made(kind, answer.app_id, document[NAMED_BY[kind]], document, answer)

    async def somebody(self) -> Made:
        """A user that checks share and none changes. Raises NotJudged."""
        if self._somebody is None:
            self._somebody = await self.user("somebody")
        return self._somebody

    async def crowd(self) -> list[Made]:
        """CROWD people that checks share and none changes. Raises NotJudged."""
        if self._crowd is None:
            self._crowd = [await self.user("crowd") for _ in range(CROWD)]
        return self._crowd

    # ---------------------------------------------------------------------------------------- reading

    @staticmethod
    def path(kind: Kind, app_id: str) -> str:
        """The path of a resource."""
        return f"/{kind}s/{quote(app_id, safe='')}"

    async def get(self, kind: Kind, app_id: str, query: str = "", **options: Any) -> Answer:
        """Read a resource."""
        return await self.wire.send("GET", self.path(kind, app_id), query, **options)

    async def read(self, made: Made, query: str = "") -> dict[str, Any]:
        """What the app says it holds. Raises NotJudged when it can't be read."""
        answer = await self.get(made.kind, made.id, query)
        if answer.status != 200 or not answer.document:
            raise NotJudged(f"{answer.method} {answer.path} was answered with {answer.words}: see read.user")
        return answer.document

    async def becomes(self, made: Made, true: Callable[[dict[str, Any]], bool], wish: str) -> dict[str, Any]:
        """Read until it's as wished, with a little patience for an app that shows changes late. Raises Failed."""
        document: dict[str, Any] = {}
        for number, pause in enumerate(_PAUSES):
            if number and self._fruitless >= _FRUITLESS:
                break
            await self.wire.clock.sleep(pause)
            document = await self.read(made)
            if true(document):
                return document
        self._fruitless += 1
        raise Failed(f"{wish}; read again, the {made.kind.lower()} is {json_of(document)}")

    async def holds(self, made: Made, path: str, value: Any) -> dict[str, Any]:
        """Read until `path` has that value; ABSENT for none. Raises Failed."""

        def has(document: dict[str, Any]) -> bool:
            found = documents.read(document, path)
            return found == value or (value is ABSENT and found in ("", None))

        return await self.becomes(made, has, f"{path} should be {json_of(value)}")

    async def has_members(self, made: Made, *members: Made) -> None:
        """Read until the group has exactly these members. Raises Failed, and NotJudged where members aren't shown."""
        if not await self.shows_members():
            raise NotJudged("the app doesn't show members: see groups.shows-members")
        wanted = sorted(member.id for member in members)
        held: list[str] = []

        def has(document: dict[str, Any]) -> bool:
            held[:] = sorted(documents.members(document))
            return held == wanted

        try:
            await self.becomes(made, has, "the members should be others")
        except Failed:
            same = len(set(held) & set(wanted))
            raise Failed(
                f"the group should have {len(wanted)} members; it shows {len(held)}, {same} of them right"
            ) from None

    async def shows_members(self) -> bool:
        """Whether reading a group shows who is in it; found out once. Raises NotJudged when that can't be."""
        if self._shows_members is None:
            group = await self.group(await self.somebody(), word="shown")
            self._shows_members = documents.lookup(await self.read(group), "members") is not ABSENT
            self.learn(reads_members=self._shows_members)
        return self._shows_members

    async def search(self, kind: Kind, text: str, query: str = "") -> Answer:
        """Ask with a filter, percent-encoded here."""
        asked = "&".join(part for part in (query, "filter=" + quote(text, safe="")) if part)
        return await self.wire.send("GET", f"/{kind}s", asked)

    async def found(self, kind: Kind, path: str, value: str) -> list[str]:
        """The ids of all that come for `path eq value`, whether or not they match; none for a 404, which is a matter of
        lookup.nobody. Raises Failed."""
        answer = await self.search(kind, f"{path} eq {quoted(value)}")
        if answer.status == 404:
            return []
        return [app_id for app_id, _ in self.listed(answer)]

    def listed(self, answer: Answer) -> list[tuple[str, dict[str, Any]]]:
        """Ids and documents of a list. Raises Failed when it isn't one."""
        self.expect(answer, 200)
        resources = documents.lookup(answer.document, "Resources")
        if documents.lookup(answer.document, "totalResults") is ABSENT:
            raise Failed(f"{answer.method} {answer.path} wasn't answered with a ListResponse")
        entries = resources if isinstance(resources, list) else []
        return [(str(documents.lookup(entry, "id")), entry) for entry in entries if isinstance(entry, dict)]

    # ---------------------------------------------------------------------------------------- judging

    def expect(self, answer: Answer, *statuses: int) -> None:
        """Raises Failed unless the status is one of these."""
        if answer.status not in statuses:
            wanted = " or ".join(map(str, statuses[:2]))
            raise Failed(f"{answer.method} {answer.path} was answered with {answer.words}, not {wanted}")

    def learn(self, **abilities: Any) -> None:
        """Take in what the app showed of its abilities."""
        self.abilities = msgspec.structs.replace(self.abilities, **abilities)

    def attribute(self, document: Mapping[str, Any]) -> str:
        """A plain attribute that the app keeps, for checks that have to change one."""
        kept = (
            path for path in ("displayName", "name.familyName", "title") if documents.read(document, path) != ABSENT
        )
        return next(kept, "displayName")

    async def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls at the same time; what they give, in their order."""
        return list(await asyncio.gather(*(call() for call in calls)))
