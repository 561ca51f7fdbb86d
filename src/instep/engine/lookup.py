"""Looking subjects up in the app, in the cheapest sound way.

A probe that finds the app empty answers for everyone; reading the app's list answers for many; creating first
answers where the app refuses duplicates; else each subject is asked for by a filter. Whatever the app returns
is compared here before it counts, and an account that belongs to another subject is never free.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from instep.core.desire import Desired
from instep.core.masking import Masking
from instep.core.match import Absent, Found, Observed, Twins, key, matching_ids, observe
from instep.core.protection import LOGIN
from instep.core.redaction import MASK
from instep.core.scope import NotReady
from instep.core.subject import Kind, Subject
from instep.engine.world import Job, World
from instep.ports import AppUnavailable, Resource, Target
from instep.scim import documents

Way = Literal["empty", "list", "create-first", "filter"]


class Lookup:
    """The look-ups of one cycle.

    may_create_first: whether a creation that the app may refuse can stand in for a look-up; not in a preview.
    """

    def __init__(self, world: World, job: Job, target: Target, may_create_first: bool = True) -> None:
        self._world = world
        self._job = job
        self._target = target
        self._may_create_first = may_create_first
        self._ways: dict[Kind, Way] = {}
        self._listed: dict[Kind, Listing] = {}
        self._claimed: dict[tuple[Kind, str], str] = {}
        self._at_once = asyncio.Semaphore(world.concurrency)
        self._given: set[tuple[str, str]] = set()
        self._known_logins: dict[str, list[str]] = {}
        self.asked = False
        """Whether the app has answered something in this cycle, so that it's known to be there."""
        self.conflicted: dict[tuple[Kind, str], str] = {}
        """Subjects whose creation the app refused as a duplicate, with its words: looked up whatever the way."""
        self.doubtful: set[tuple[Kind, str]] = set()
        """Subjects whose creation may have happened: looked up whatever the way."""

    async def observe(
        self,
        kind: Kind,
        asking: Sequence[tuple[Subject, tuple[tuple[str, str], ...]]],
        many: bool,
        had: Mapping[str, str] = {},
    ) -> dict[str, Observed]:
        """What the app holds of each, by subject id.

        asking: subjects with their matching values in order of precedence. many: whether more pages follow. had: the
        accounts of subjects who are to be matched again; theirs still, where nothing else matches, or others too.
        Raises AppUnavailable.
        """
        if not asking:
            return {}
        way = await self._way(kind, len(asking), many)
        waiting = [self._one(kind, way, subject, matches, had.get(subject.id)) for subject, matches in asking]
        answers = await asyncio.gather(*waiting)
        found = {s.id: a for (s, _), a in zip(asking, answers, strict=True)}
        return await self._owned(kind, found)

    async def unique(self, kind: Kind, wish: Desired) -> Desired | NotReady:
        """The wish with the first of each attribute's candidates that nobody in the app has, nor gets in this cycle.

        Raises AppUnavailable."""
        chosen: dict[str, str] = {}
        for path, values in wish.candidates.items():
            for value in values:
                if (path, key(value)) in self._given:
                    continue
                resources = await self.find(kind, path, value)
                if not matching_ids(((r.id, r.document) for r in resources), path, value):
                    self._given.add((path, key(value)))
                    chosen[path] = value
                    break
            else:
                return NotReady("EntryConflict", f"all {len(values)} candidates for {path} are taken", wish.trace)
        return msgspec.structs.replace(wish, initial={**wish.initial, **chosen}, candidates={})

    async def _way(self, kind: Kind, number: int, many: bool) -> Way:
        if kind not in self._ways:
            self._ways[kind] = await self._choose(kind, number, many)
        return self._ways[kind]

    async def _choose(self, kind: Kind, number: int, many: bool) -> Way:
        able = self._target.abilities
        creates_first = self._may_create_first and able.enforces_uniqueness and kind is Kind.USER
        if number < 3 and not many:
            return "create-first" if creates_first else "filter"
        total = await self._target.count(kind)
        self.asked = True
        if total == 0:
            return "empty"
        if total is not None and able.trusts_list and -(-total // able.page_size) <= number:
            listing = Listing(self._job, kind)
            async for page in self._target.pages(kind):
                listing.add(page)
            self._listed[kind] = listing
            return "list"
        return "create-first" if creates_first else "filter"

    async def _one(
        self, kind: Kind, way: Way, subject: Subject, matches: tuple[tuple[str, str], ...], had: str | None
    ) -> Observed:
        if had is not None and way == "create-first":
            way = "filter"
        found = await self._matching(kind, way, subject, matches)
        # Of several that match, the one that it had is still its own.
        if had is None or isinstance(found, Found) or (isinstance(found, Twins) and had not in found.app_ids):
            return found
        async with self._at_once:
            resource = await self._target.read(kind, had)
        return found if resource is None else self._found(kind, resource, "the id that it had")

    async def _matching(self, kind: Kind, way: Way, subject: Subject, matches: tuple[tuple[str, str], ...]) -> Observed:
        if (kind, subject.id) in self.conflicted or (kind, subject.id) in self.doubtful:
            way = "filter"
        if way == "empty":
            return Absent(asked=("the app has none",))
        if way == "create-first":
            return Absent(looked_up=False)
        if way == "list":
            return self._listed[kind].search(matches)
        for path, value in matches:
            async with self._at_once:
                resources = await self.find(kind, path, value)
            self.asked = True
            ids = matching_ids(((r.id, r.document) for r in resources), path, value)
            if len(ids) > 1:
                return Twins(path, value, tuple(ids))
            if ids:
                return self._found(kind, next(r for r in resources if r.id == ids[0]), path)
        return Absent(asked=tuple(f"{path} eq {value!r}" for path, value in matches))

    def _found(self, kind: Kind, resource: Resource, by: str) -> Found:
        seen = observe(resource.document, self._job.rules.of(kind), ("active",))
        return Found(resource.id, by, seen, login=_login(resource))

    async def _owned(self, kind: Kind, found: dict[str, Observed]) -> dict[str, Observed]:
        """Says of each account that was found whom it belongs to, and of each group who is in it."""
        ids = [o.app_id for o in found.values() if isinstance(o, Found)]
        if not ids:
            return found
        owners, intents = await self._world.state.read(
            lambda state: (state.owners(self._job.name, kind, ids), state.intents(self._job.name))
        )
        asked_for = {(p, key(v)): i for i in intents if i.kind is kind for p, v in i.decision.match}
        for subject_id, seen in found.items():
            if not isinstance(seen, Found):
                continue
            maker = asked_for.get((seen.by, key(seen.observed.get(seen.by))))
            if maker and maker.subject_id != subject_id:
                words = f"{maker.name} ({maker.subject_id}), for whom it may just have been made"
                found[subject_id] = msgspec.structs.replace(seen, owner=words)
                continue
            claimant = self._claimed.setdefault((kind, seen.app_id), subject_id)
            owner = owners.get(seen.app_id)
            if owner and owner.subject_id != subject_id:
                words = f"{owner.name} ({owner.subject_id}, {owner.status.value} here)"
                found[subject_id] = msgspec.structs.replace(seen, owner=words)
            elif claimant != subject_id:
                words = f"{claimant}, who matches the same account"
                found[subject_id] = msgspec.structs.replace(seen, owner=words)
            elif kind is Kind.GROUP and self._job.rules.groups.members:
                found[subject_id] = await self._with_members(seen)
        return found

    async def _with_members(self, group: Found) -> Found:
        resource = await self._target.read(Kind.GROUP, group.app_id, members=True)
        ids = documents.members(resource.document) if resource else []
        known = await self.subjects_behind(ids)
        foreign = tuple(i for i in ids if i not in known) if self._job.rules.authoritative_members else ()
        return msgspec.structs.replace(group, members=tuple(known.values()), foreign=foreign)

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """What the app returns for `path eq value`. Raises AppUnavailable; without the value, which stands in what was
        asked, where the rules redact that attribute."""
        try:
            return await self._target.find(kind, path, value)
        except AppUnavailable as gone:
            if not any(m.target == path and m.source.redacted for m in self._job.rules.of(kind).mappings):
                raise
            masking, exchange = Masking((value,), MASK), gone.exchange
            if exchange:
                exchange = msgspec.structs.replace(exchange, path=masking.text(exchange.path), body=None, answer=MASK)
            raise AppUnavailable(masking.text(str(gone)), gone.code, exchange) from None

    async def accounts_of(self, logins: Iterable[str]) -> set[str]:
        """The app ids of those login names, asked for once in a cycle. Raises AppUnavailable."""
        for login in sorted(set(logins) - self._known_logins.keys()):
            resources = await self.find(Kind.USER, LOGIN, login)
            self._known_logins[login] = matching_ids(((r.id, r.document) for r in resources), LOGIN, login)
        return {app_id for login in logins for app_id in self._known_logins[login]}

    async def subjects_behind(self, app_ids: Sequence[str]) -> dict[str, str]:
        """App id to subject id, of the members that subjects of this job stand behind, also as of this cycle."""
        known: dict[str, str] = {}
        for kind in Kind:
            links = await self._world.state.read(lambda state, k=kind: state.owners(self._job.name, k, app_ids))
            known |= {i: link.subject_id for i, link in links.items() if link.alive}
            known |= {i: s for i in app_ids if (s := self._claimed.get((kind, i)))}
        return known


class Listing:
    """The app's list, kept small: of each resource the managed attributes, found by matching value."""

    def __init__(self, job: Job, kind: Kind) -> None:
        self._rules = job.rules.of(kind)
        self._ids: dict[tuple[str, str], tuple[str, ...]] = {}
        self._observed: dict[str, bytes] = {}
        self._protects = job.rules.protection is not None
        self._logins: dict[str, str] = {}

    def add(self, page: Sequence[Resource]) -> None:
        """Remember one page."""
        for resource in page:
            seen = observe(resource.document, self._rules, ("active",))
            self._observed[resource.id] = msgspec.json.encode(seen)
            if self._protects:
                self._logins[resource.id] = _login(resource)
            for mapping in self._rules.matching:
                for value in _values(seen.get(mapping.target)):
                    at = (mapping.target, key(value))
                    self._ids[at] = (*self._ids.get(at, ()), resource.id)

    def search(self, matches: tuple[tuple[str, str], ...]) -> Observed:
        """What the list holds for those matching values."""
        for path, value in matches:
            ids = tuple(dict.fromkeys(self._ids.get((path, key(value)), ())))
            if len(ids) > 1:
                return Twins(path, value, ids)
            if ids:
                seen = msgspec.json.decode(self._observed[ids[0]])
                return Found(ids[0], path, seen, login=self._logins.get(ids[0], ""))
        return Absent(asked=tuple(f"{path} eq {value!r} in the app's list" for path, value in matches))


def _login(resource: Resource) -> str:
    """The name that somebody logs in by; empty for none."""
    name = resource.document.get(LOGIN)
    return name if isinstance(name, str) else ""


def _values(held: Any) -> list[Any]:
    if held is None:
        return []
    return held if isinstance(held, list) else [held]
