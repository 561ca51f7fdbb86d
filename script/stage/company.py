"""The company as its CSV files tell it, and what the app should hold of it.

This is the demo's own reading of the files and of the rules, a second opinion: if it shared code with Instep, the
demo would only find Instep to agree with itself.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Person:
    """One line of `users.csv`."""

    id: str
    login: str
    name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What an app holds: each member's name and whether they're active, by login; each team's members, by name."""

    members: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Company:
    """People by id, and the ids of each group's members, people and groups alike, by the group's name."""

    people: Mapping[str, Person]
    groups: Mapping[str, str]
    members: Mapping[str, frozenset[str]]

    def below(self, group: str) -> set[str]:
        """The ids of the people in that group and in all groups below it."""
        found: set[str] = set()
        waiting, seen = [group], {group}
        while waiting:
            for member in self.members.get(waiting.pop(), ()):
                name = self.groups.get(member)
                if name is None:
                    found.add(member)
                elif name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return found

    def login(self, name: str) -> str:
        """The login of the one person with that display name."""
        (login,) = [person.login for person in self.people.values() if person.name == name]
        return login


def read(*folders: Path) -> Company:
    """The company of these folders; a file in a later one takes the place of that name in an earlier one."""
    files = {path.name: path for folder in folders for path in sorted(folder.glob("*.csv"))}
    people = [
        Person(row["id"], row["userPrincipalName"], row["displayName"], row["accountEnabled"] == "True")
        for row in _rows(files.pop("users.csv"))
    ]
    groups = {row["id"]: row["displayName"] for row in _rows(files.pop("groups.csv"))}
    members = {path.stem: frozenset(row["id"] for row in _rows(path)) for path in files.values()}
    return Company({person.id: person for person in people}, groups, members)


def expected(company: Company, assigned: Iterable[str], without: Collection[str]) -> Content:
    """What the app should hold when these groups are assigned to it.

    without: logins of people who get no account, for a reason that the files don't tell.
    """
    accounts: dict[str, Person] = {}
    teams: dict[str, frozenset[str]] = {}
    for group in assigned:
        known = [company.people[id] for id in company.below(group) if id in company.people]
        inside = [person for person in known if person.enabled and person.login not in without]
        accounts |= {person.login: person for person in inside}
        teams[group] = frozenset(person.login for person in inside)
    return Content({login: (person.name, True) for login, person in accounts.items()}, teams)


def differences(expected: Content, found: Content) -> list[str]:
    """How the app differs from what was expected, a sentence each; none when they are the same."""
    sentences: list[str] = []
    for login in sorted(expected.members.keys() | found.members.keys()):
        wanted, there = expected.members.get(login), found.members.get(login)
        if wanted != there:
            sentences.append(f"{login} should be {_told(wanted)} and is {_told(there)}.")
    for team in sorted(expected.teams.keys() | found.teams.keys()):
        wanted, there = expected.teams.get(team, frozenset()), found.teams.get(team, frozenset())
        sentences += [f"Team {team} lacks {login}." for login in sorted(wanted - there)]
        sentences += [f"Team {team} has {login}, who doesn't belong there." for login in sorted(there - wanted)]
        if (team in expected.teams) != (team in found.teams):
            sentences.append(f"Team {team} {'is missing' if team in expected.teams else 'should not exist'}.")
    return sentences


def _told(state: tuple[str, bool] | None) -> str:
    return "absent" if state is None else f"{'active' if state[1] else 'inactive'} as {state[0]!r}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
