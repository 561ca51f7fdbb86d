"""The model source: a company that changes, kept beside the directory and apart from it.

Each operation of a story changes the company here and the directory in one transaction. What should be in the app is
worked out here, from the company alone, by other code than the engine's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from instep.core.directory import AnyRow, Assignment, Entry, Row
from instep.core.subject import Kind, Presence

Op = dict[str, Any]
SOURCE = "model"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody."""

    name: str
    title: str = "Analyst"
    manager: str | None = None
    enabled: bool = True
    presence: Presence = Presence.PRESENT


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its direct members, users and groups."""

    name: str
    members: frozenset[str] = frozenset()
    presence: Presence = Presence.PRESENT


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rules of the moment look at the company."""

    filtered: bool = False
    """Whether people with the title Secret are out of scope."""
    nested_scope: bool = True
    flattened: bool = True
    starred: bool = False
    """Whether display names get a star."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the app should give access to, at one moment."""

    since: float
    users: frozenset[str]
    groups: dict[str, frozenset[str]]
    """Members of each group that should be there: users and groups."""


@dataclass
class Company:
    """Users and groups by id, and who is assigned."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    purged: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """All userPrincipalNames that anybody ever had, in lower case."""

    # --------------------------------------------------------------------------------- what changes

    def apply(self, op: Op, edit: Any = None) -> None:
        """Carry out one operation, here and by `edit`. One that no longer makes sense is left out."""
        who = op.get("who", "")
        match op["do"]:
            case "hire" if who not in self.users and who not in self.purged:
                self._user(edit, who, User(op["name"], op.get("title", "Analyst"), self._boss(op.get("manager"))))
            case "title" if who in self.users:
                self._user(edit, who, replace(self.users[who], title=op["title"]))
            case "manager" if who in self.users and who != op["manager"]:
                self._user(edit, who, replace(self.users[who], manager=self._boss(op["manager"])))
            case "marry" if who in self.users:
                self._user(edit, who, replace(self.users[who], name=op["name"]))
            case "disable" | "enable" if who in self.users:
                self._user(edit, who, replace(self.users[who], enabled=op["do"] == "enable"))
            case "layoff":
                for each in op["whom"]:
                    self.apply({"do": "disable", "who": each}, edit)
            case "remove" if who in self.users:
                self._user(edit, who, replace(self.users[who], presence=Presence.SOFT_DELETED))
            case "restore" if self.users.get(who, User("")).presence is Presence.SOFT_DELETED:
                self._user(edit, who, replace(self.users[who], presence=Presence.PRESENT))
            case "purge" if who in self.users:
                self._purge(edit, Kind.USER, who)
            case "found" if who not in self.groups and who not in self.purged:
                self._group(edit, who, Group(op["name"]))
                self._assign(edit, who, Kind.GROUP)
            case "rename" if who in self.groups:
                self._group(edit, who, replace(self.groups[who], name=op["name"]))
            case "dissolve" if who in self.groups:
                self._purge(edit, Kind.GROUP, who)
            case "join" if op["group"] in self.groups and self._may_join(who, op["group"]):
                self._members(edit, op["group"], who, joins=True)
            case "leave" if op["group"] in self.groups:
                self._members(edit, op["group"], who, joins=False)
            case "assign" if who in self.users or who in self.groups:
                self._assign(edit, who, Kind.USER if who in self.users else Kind.GROUP)
            case "unassign" if who in self.assigned:
                self.assigned.discard(who)
                if edit is not None:
                    edit.unassign("app", who, None)
            case _:
                return

    def soft_delete(self, ids: list[str]) -> None:
        """What an import that lacked them did to the directory."""
        for who in ids:
            self.users[who] = replace(self.users[who], presence=Presence.SOFT_DELETED)

    def _boss(self, manager: str | None) -> str | None:
        return manager if manager in self.users else None

    def _user(self, edit: Any, who: str, user: User) -> None:
        self.users[who] = user
        self.names.add(user.name.lower())
        if edit is not None:
            edit.put(entry(who, user))

    def _group(self, edit: Any, who: str, group: Group) -> None:
        self.groups[who] = group
        if edit is not None:
            edit.put(Entry(Kind.GROUP, who, group.name, {"displayName": group.name}))

    def _purge(self, edit: Any, kind: Kind, who: str) -> None:
        if kind is Kind.USER:
            del self.users[who]
            self.users |= {i: replace(u, manager=None) for i, u in self.users.items() if u.manager == who}
        else:
            del self.groups[who]
        self.groups |= {g: replace(t, members=t.members - {who}) for g, t in self.groups.items() if who in t.members}
        self.assigned.discard(who)
        self.purged.add(who)
        if edit is not None:
            edit.purge(kind, [who])

    def _assign(self, edit: Any, who: str, kind: Kind) -> None:
        self.assigned.add(who)
        if edit is not None:
            edit.assign(Assignment(f"a-{who}", "app", kind, who))

    def _may_join(self, who: str, group: str) -> bool:
        return who in self.users or (who in self.groups and group not in self._below(who))

    def _members(self, edit: Any, group: str, who: str, joins: bool) -> None:
        members = self.groups[group].members
        self.groups[group] = replace(self.groups[group], members=members | {who} if joins else members - {who})
        if edit is not None and joins:
            edit.join(group, Kind.USER if who in self.users else Kind.GROUP, who)
        elif edit is not None:
            edit.leave(group, who)

    # ------------------------------------------------------------------------ what should be in the app

    def wanted(self, reading: Reading, at: float) -> Wanted:
        """Who should have access, and be in which group."""
        granted = set(self.assigned)
        for group in self.assigned & self.groups.keys():
            below = self._below(group) if reading.nested_scope else {group}
            granted |= {m for g in below for m in self.groups[g].members}
        users = frozenset(
            who
            for who, user in self.users.items()
            if who in granted
            and user.enabled
            and user.presence is Presence.PRESENT
            and not (reading.filtered and user.title == "Secret")
        )
        return Wanted(at, users, {g: self._members_of(g, reading) for g in self.assigned & self.groups.keys()})

    def _members_of(self, group: str, reading: Reading) -> frozenset[str]:
        if not reading.flattened:
            return self.groups[group].members
        return frozenset(m for g in self._below(group) for m in self.groups[g].members if m in self.users)

    def _below(self, group: str) -> set[str]:
        """The group and all groups below it."""
        seen, waiting = {group}, [group]
        while waiting:
            fresh = {m for m in self.groups[waiting.pop()].members if m in self.groups} - seen
            seen |= fresh
            waiting += sorted(fresh)
        return seen


def entry(who: str, user: User) -> Entry:
    """The user as the directory holds them."""
    gone = datetime(2026, 3, 2, tzinfo=UTC) if user.presence is Presence.SOFT_DELETED else None
    return Entry(
        Kind.USER,
        who,
        user.name,
        {"displayName": who.upper(), "jobTitle": user.title},
        user.enabled,
        user.manager,
        user.presence,
        gone,
        SOURCE,
    )


@dataclass
class Export:
    """A whole export of the company's users, less those that it lacks: what an import reads."""

    company: Company
    lack: set[str]
    file: str = "users"
    name: str = SOURCE
    kinds: tuple[Kind, ...] | None = (Kind.USER,)
    group: str | None = None

    def rows(self) -> Iterator[AnyRow]:
        """A row for each user who is there."""
        for line, (who, user) in enumerate(self.company.users.items(), 1):
            if who not in self.lack and user.presence is Presence.PRESENT:
                attributes = {"userPrincipalName": user.name, "displayName": who.upper(), "jobTitle": user.title}
                yield Row(line, Kind.USER, who, user.name, attributes, user.enabled, user.manager)

    def position(self) -> int:
        """Nothing is read from anywhere."""
        return 0
