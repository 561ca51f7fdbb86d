"""A small company and a hostile app: a first cycle and a day of changes, and what the app must hold then."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.engine.small_world import RULES, SmallWorld
from tests.targets.clock import TestClock

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind
from instep.hostile.app import Request
from instep.hostile.server import HostileApp, running
from instep.ports import CycleSummary
from instep.scim.abilities import Abilities
from instep.targets.scim import ScimTarget

PEOPLE = 24
STRANGERS = 55
RULES_WITH_PHONE = {
    **RULES,
    "users": {
        "mappings": [
            *RULES["users"]["mappings"],
            {"target": 'phoneNumbers[type eq "work"].value', "source": "[mobilePhone]"},
        ]
    },
}
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the app should hold them."""

    login: str
    title: str = "Analyst"
    manager: str | None = None
    active: bool = True


@dataclass(slots=True)
class Company:
    """What the directory says, kept apart from the directory."""

    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, tuple[str, set[str]]] = field(default_factory=dict)

    def begin(self, world: SmallWorld) -> None:
        """Hire everybody."""
        for number in range(PEOPLE):
            manager = f"p{number % 3}" if number > 2 else None
            self.people[f"p{number}"] = Person(f"Person{number}@Acme.example", manager=manager)
        self.groups = {"g0": ("All", set(self.people)), "g1": ("Few", {"p1", "p2", "p3", "p4"}), "g2": ("None", set())}
        self._write(world)

    def day(self, world: SmallWorld) -> None:
        """Joiners, movers and leavers, within what the guard lets pass."""
        for number in range(3):
            self.people[f"new{number}"] = Person(f"new{number}@acme.example", manager="p1")
            self.groups["g0"][1].add(f"new{number}")
        for key in ("p5", "p6", "p7"):
            self.people[key] = replace(self.people[key], title="Head", manager="p0")
        self.people["p8"] = replace(self.people["p8"], login="married@acme.example")
        for key in ("p9", "p10"):
            self.people[key] = replace(self.people[key], active=False)
        self.groups["g1"] = ("Fewer", {"p1", "p2", "p20", "p21"})
        self.groups["g2"][1].update({"p11", "p12"})
        self._write(world)

    def change(self, world: SmallWorld, key: str, **values: Any) -> None:
        """Change one person."""
        self.people[key] = replace(self.people[key], **values)
        self._write(world)

    def _write(self, world: SmallWorld) -> None:
        with world.directory.edit() as edit:
            for key, person in self.people.items():
                attributes = {"displayName": f" Dr. {key} ", "jobTitle": person.title}
                attributes["mobilePhone"] = f"+1 (555) {key[-1]}-00"
                edit.put(Entry(Kind.USER, key, person.login, attributes, person.active, person.manager))
            for key, (name, members) in self.groups.items():
                edit.put(Entry(Kind.GROUP, key, name, {"displayName": name}))
                for member in self.people:
                    if member in members:
                        edit.join(key, Kind.USER, member)
                    else:
                        edit.leave(key, member)
                edit.assign(Assignment(f"a-{key}", "app", Kind.GROUP, key))
            for key in self.people:
                edit.assign(Assignment(f"a-{key}", "app", Kind.USER, key))


class Meeting:
    """The engine, meeting a hostile app."""

    def __init__(self, world: SmallWorld, hostile: HostileApp, clock: TestClock, url: str) -> None:
        self.world = world
        self.hostile = hostile
        self.clock = clock
        self.url = url
        self.company = Company()
        self._strangers: dict[str, Any] = {}
        self.summaries: list[CycleSummary] = []

    async def account(self, login: str) -> dict[str, Any]:
        """An account that is there already; its document."""
        body = {"userName": login, "title": "Old", "active": True}
        answer = await self.hostile.app.answer(Request("POST", "/Users", body=body))
        assert answer.document is not None, answer
        return answer.document

    async def new_token(self) -> None:
        """Make a new token in the app, and enter it here."""
        await self.world.target.close()
        self.world.target = ScimTarget(self.url, self.hostile.app.renew(), self.clock)

    async def inhabit(self) -> None:
        """Fill the app, before anybody looks: people whom nobody manages, and one who is to be adopted."""
        strangers = [await self.account(f"stranger{number}@acme.example") for number in range(STRANGERS)]
        self._strangers = {document["id"]: document for document in strangers}
        await self.account("person3@acme.example")

    async def cycle(self) -> CycleSummary:
        """One cycle, an hour later. Nobody may be twice, and nobody who was there may be gone."""
        before = self.active()
        summary = await self.world.sync()
        self.summaries.append(summary)
        self.world.clock.shift += timedelta(hours=1)
        self.clock.seconds += 3600
        assert [name for name, times in Counter(self.logins()).items() if times > 1] == []
        leaving = {p.login.lower() for p in self.company.people.values() if not p.active} | {"person8@acme.example"}
        assert before - self.active() <= leaving, "somebody lost access who shouldn't"
        assert self._strangers.items() <= self.hostile.app.content.all("Users").items(), "a stranger was touched"
        return summary

    async def until_quiet(self, most: int = 30) -> int:
        """Cycles until nothing is left to do, and days later there is still nothing to ask the app; how many."""
        for number in range(most):
            requests = self.hostile.requests
            summary = await self.cycle()
            if summary.result == "succeeded" and self.hostile.requests == requests and not self.escrow():
                self.world.clock.shift += timedelta(days=3)
                await self.cycle()
                assert self.hostile.requests == requests, "it asks the app for no reason"
                return number
        raise AssertionError([(s.result, s.message, s.counts) for s in self.summaries[-3:]])

    def escrow(self) -> int:
        """How many wait for their next try."""
        with self.world.state.reading() as state:
            return len(state.escrow("app"))

    def logins(self) -> list[str]:
        """The logins that the app really has, in lower case."""
        return [user["userName"].lower() for user in self.hostile.app.content.truth()["users"]]

    def active(self) -> set[str]:
        """Those of them that are active."""
        users = self.hostile.app.content.truth()["users"]
        return {user["userName"].lower() for user in users if user["active"]}

    def wrong(self, disabled: bool = True, members: bool = True) -> list[str]:
        """How what the app holds differs from what the company says.

        disabled: whether those who were disabled still have an account. members: whether groups' members count."""
        truth = self.hostile.app.content.truth()
        by_id = {user["id"]: user["userName"].lower() for user in truth["users"]}
        held = {u["userName"].lower(): u for u in truth["users"] if u["id"] not in self._strangers}
        found: list[str] = []
        wanted = {p.login.lower(): p for p in self.company.people.values() if disabled or p.active}
        if wanted.keys() != held.keys():
            found.append(f"users: {sorted(wanted.keys() ^ held.keys())}")
        for login in wanted.keys() & held.keys():
            person, user = wanted[login], held[login]
            boss = self.company.people[person.manager].login.lower() if person.manager else None
            value = user.get(MANAGER, {}).get("manager", {}).get("value")
            seen = (user["active"], user["title"], by_id.get(str(value)))
            if seen != (person.active, person.title, boss):
                found.append(f"{login}: {seen} and not {(person.active, person.title, boss)}")
        groups = {
            group["displayName"]: sorted(by_id[member["value"]] for member in group.get("members", ()))
            for group in truth["groups"]
        }
        for name, people in self.company.groups.values():
            logins = sorted(login for p in people if (login := self.company.people[p].login.lower()) in wanted)
            if name not in groups or (members and groups[name] != logins):
                found.append(f"{name}: {groups.get(name)} and not {logins}")
        if len(groups) != len(self.company.groups) or len(truth["groups"]) != len(groups):
            found.append(f"groups: {[g['displayName'] for g in truth['groups']]}")
        return found


@asynccontextmanager
async def meeting(
    folder: Path,
    *personas: str,
    seed: int = 7,
    abilities: Abilities | None = None,
    seconds: float = 5.0,
    really: bool = False,
    **numbers: float,
) -> AsyncIterator[Meeting]:
    """The engine and an app with those personas, its numbers with underscores; time passes as the client waits.

    really: for the app it passes as well as it really does."""
    clock = TestClock()
    given = {name.replace("_", "-"): value for name, value in numbers.items()}
    passed = (lambda: clock.seconds + time.monotonic()) if really else clock.monotonic
    hostile = HostileApp(personas, seed=seed, numbers=given, clock=passed)
    async with running(hostile) as url:
        target = ScimTarget(url, "hostile", clock, abilities, request_seconds=seconds)
        world = SmallWorld(folder, target, RULES_WITH_PHONE)
        try:
            met = Meeting(world, hostile, clock, url)
            await met.inhabit()
            yield met
        finally:
            await world.target.close()
            await asyncio.to_thread(world.close)
