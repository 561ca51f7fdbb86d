"""An app that lives in the process: for tests and simulators, with faults where they are wanted.

It keeps attributes by path, ids of its own and members in order, refuses a second user with the same
`userName` (and a second group with the same `displayName` where asked to), and answers as a SCIM app
would, without HTTP. It doesn't play any particular app: see `instep.serviceprovider` for Mixpanel.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Outcome, Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.ports import Answer, AppUnavailable, Exchange, Resource
from instep.scim import documents
from instep.scim.abilities import Abilities


class Call(Struct, frozen=True):
    """One request that the app got."""

    method: str
    """`check`, `count`, `find`, `page`, `read`, `create`, `update` or `delete`."""
    kind: Kind
    app_id: str | None = None
    detail: Any = None
    """What was asked or sent: (path, value), attributes, or changes."""
    members: tuple[str, ...] = ()


class Fault(Struct, frozen=True):
    """What goes wrong with a call: the outcome that the caller gets, and whether the app did it all the same."""

    outcome: Outcome
    carried_out: bool = False


class MemoryTarget:
    """The port `Target` over dictionaries.

    hook is asked before each call and may return a Fault; of a read, a fault raises AppUnavailable.
    `calls` has every call that came, also those that failed.
    """

    def __init__(
        self,
        abilities: Abilities | None = None,
        hook: Callable[[Call], Fault | None] | None = None,
        unique_groups: bool = False,
    ) -> None:
        self._abilities = abilities or Abilities(enforces_uniqueness=True)
        self.hook = hook
        self.calls: list[Call] = []
        self._fence: Callable[[], None] = lambda: None
        self._unique = {Kind.USER: "userName", Kind.GROUP: "displayName" if unique_groups else None}
        self._attributes: dict[Kind, dict[str, dict[str, Any]]] = {Kind.USER: {}, Kind.GROUP: {}}
        self._members: dict[str, dict[str, None]] = {}
        self._names: dict[tuple[Kind, str], str] = {}
        self._last = 0

    # ------------------------------------------------------------------------- what a test looks at

    def content(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """Attributes by path of everything of that kind, by app id: a copy."""
        return {app_id: dict(attributes) for app_id, attributes in self._attributes[kind].items()}

    def members_of(self, app_id: str) -> list[str]:
        """The app ids of a group's members, in the order of their coming."""
        return list(self._members[app_id])

    def put(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> str:
        """Something that is in the app already; returns its id. Uniqueness isn't looked at."""
        self._last += 1
        app_id = f"{kind.value.lower()}-{self._last}"
        self._attributes[kind][app_id] = {}
        self._change(kind, app_id, {p: v for p, v in attributes.items() if v is not None})
        if kind is Kind.GROUP:
            self._members[app_id] = dict.fromkeys(members)
        return app_id

    def remove(self, kind: Kind, app_id: str) -> None:
        """Take something away behind the client's back, from groups as well."""
        self._forget_name(kind, app_id)
        del self._attributes[kind][app_id]
        self._members.pop(app_id, None)
        for members in self._members.values():
            members.pop(app_id, None)

    # ------------------------------------------------------------------------------------- the port

    @property
    def abilities(self) -> Abilities:
        """What it was made with; it teaches nothing."""
        return self._abilities

    @property
    def requests(self) -> int:
        """How many calls came."""
        return len(self.calls)

    def fenced_by(self, check: Callable[[], None]) -> None:
        """Have `check` called right before each request."""
        self._fence = check

    async def check(self, kinds: Sequence[Kind], matching: Mapping[Kind, str]) -> None:
        """Succeeds unless the hook says otherwise."""
        for kind in kinds:
            await self._reading(Call("check", kind, detail=matching.get(kind)))

    async def count(self, kind: Kind) -> int | None:
        """How many there are."""
        await self._reading(Call("count", kind))
        return len(self._attributes[kind])

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """Those whose attribute equals the value, without regard to case."""
        await self._reading(Call("find", kind, detail=(path, value)))
        if path == self._unique[kind]:
            found = self._names.get((kind, _key(value)))
            return [self._resource(kind, found)] if found else []
        ids = [i for i, held in self._attributes[kind].items() if path in held and documents.same(held[path], value)]
        return [self._resource(kind, app_id) for app_id in ids]

    async def pages(self, kind: Kind) -> AsyncIterator[list[Resource]]:
        """Everything, in pages of `abilities.page_size`."""
        ids = list(self._attributes[kind])
        for start in range(0, max(1, len(ids)), self._abilities.page_size):
            await self._reading(Call("page", kind, detail=start))
            yield [self._resource(kind, i) for i in ids[start : start + self._abilities.page_size]]

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        """One resource, or none."""
        await self._reading(Call("read", kind, app_id))
        return self._resource(kind, app_id, members) if app_id in self._attributes[kind] else None

    async def create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str] = ()) -> Answer:
        """Make one, unless its unique attribute is taken: then `Refused` with the code Conflict."""
        call = Call("create", kind, detail=dict(attributes), members=tuple(members))
        return await self._writing(call, lambda: self._create(kind, attributes, members))

    async def update(
        self,
        kind: Kind,
        app_id: str,
        changes: Sequence[AttributeChange],
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> Answer:
        """Change attributes and members; taking out one who isn't a member counts as done."""
        call = Call("update", kind, app_id, tuple(changes), (*add, *remove))
        return await self._writing(call, lambda: self._update(kind, app_id, changes, add, remove))

    async def delete(self, kind: Kind, app_id: str) -> Answer:
        """Delete; gone already counts as done."""
        return await self._writing(Call("delete", kind, app_id), lambda: self._delete(kind, app_id))

    async def close(self) -> None:
        """Nothing to close."""

    # --------------------------------------------------------------------------------------- within

    async def _reading(self, call: Call) -> None:
        fault = await self._arrive(call)
        if fault and not isinstance(fault.outcome, Done):
            raise AppUnavailable(fault.outcome.reason, fault.outcome.code, self._exchange(call, fault.outcome))

    async def _writing(self, call: Call, work: Callable[[], Answer]) -> Answer:
        fault = await self._arrive(call)
        if fault is None:
            answer = work()
            exchanges = (self._exchange(call, answer.outcome),)
            return Answer(
                answer.outcome, answer.app_id, answer.resource, answer.members_taken, answer.members_done, exchanges
            )
        if fault.carried_out:
            work()
        return Answer(fault.outcome, exchanges=(self._exchange(call, fault.outcome),))

    async def _arrive(self, call: Call) -> Fault | None:
        self._fence()
        self.calls.append(call)
        # A turn for the other tasks, as a request over a network would give.
        await asyncio.sleep(0)
        return self.hook(call) if self.hook else None

    def _create(self, kind: Kind, attributes: Mapping[str, Any], members: Sequence[str]) -> Answer:
        taken = self._taken(kind, None, attributes)
        if taken:
            return Answer(taken)
        app_id = self.put(kind, attributes, members)
        return Answer(Done(), app_id, self._resource(kind, app_id, members=True), bool(members), tuple(members))

    def _update(
        self,
        kind: Kind,
        app_id: str,
        changes: Sequence[AttributeChange],
        add: Sequence[str],
        remove: Sequence[str],
    ) -> Answer:
        if app_id not in self._attributes[kind]:
            return Answer(Refused(f"{kind} {app_id} doesn't exist", "InvalidAnchor"), app_id)
        held = self._attributes[kind][app_id]
        new = {c.path: [*held.get(c.path, ()), *c.added] if c.added else c.new for c in changes}
        taken = self._taken(kind, app_id, new)
        if taken:
            return Answer(taken, app_id)
        self._change(kind, app_id, new)
        if add or remove:
            members = self._members[app_id]
            members.update(dict.fromkeys(add))
            for member in remove:
                members.pop(member, None)
        return Answer(Done(), app_id, self._resource(kind, app_id), members_done=(*add, *remove))

    def _delete(self, kind: Kind, app_id: str) -> Answer:
        if app_id in self._attributes[kind]:
            self.remove(kind, app_id)
        return Answer(Done(), app_id)

    def _taken(self, kind: Kind, app_id: str | None, attributes: Mapping[str, Any]) -> Refused | None:
        path = self._unique[kind]
        if path is None or attributes.get(path) is None:
            return None
        owner = self._names.get((kind, _key(attributes[path])))
        if owner is None or owner == app_id:
            return None
        return Refused(f"{path} {attributes[path]!r} is taken by another {kind.value.lower()}", "Conflict")

    def _change(self, kind: Kind, app_id: str, new: Mapping[str, Any]) -> None:
        held = self._attributes[kind][app_id]
        unique = self._unique[kind]
        if unique in new:
            self._forget_name(kind, app_id)
            if new[unique] is not None:
                self._names.setdefault((kind, _key(new[unique])), app_id)
        for path, value in new.items():
            if value is None:
                held.pop(path, None)
            else:
                held[path] = value

    def _forget_name(self, kind: Kind, app_id: str) -> None:
        unique = self._unique[kind]
        name = self._attributes[kind][app_id].get(unique) if unique else None
        if name is not None and self._names.get((kind, _key(name))) == app_id:
            del self._names[kind, _key(name)]

    def _resource(self, kind: Kind, app_id: str, members: bool = False) -> Resource:
        document = documents.build(kind, self._attributes[kind][app_id])
        document["id"] = app_id
        if members and kind is Kind.GROUP and self._members[app_id]:
            document["members"] = [{"value": member} for member in self._members[app_id]]
        return Resource(app_id, document)

    def _exchange(self, call: Call, outcome: Outcome) -> Exchange:
        status = {Done: 200, Refused: 400, RetryLater: 503, Unknown: None}[type(outcome)]
        reason = "" if isinstance(outcome, Done) else outcome.reason
        return Exchange(call.method.upper(), f"/{call.kind}s/{call.app_id or ''}", call.detail, status, reason, 0)


def _key(value: Any) -> str:
    return str(value).casefold()
