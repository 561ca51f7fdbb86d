"""A made-up company and its ordinary days: who comes, moves, marries and leaves, and what becomes of groups.

Each working day is a few batches of edits: what the personnel office says comes with one import before work begins,
what people do by hand comes during the day, each by itself. All rates are in `Rates`, with where they are from. The
same seed gives the same days.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

WORKING_DAYS = 250
"""In a year."""
BEGIN = date(2024, 1, 1)
KEPT = timedelta(days=30)
"""How long the deleted stay in the recycle bin."""


@dataclass(frozen=True)
class Rates:
    """What happens in a year; parts are of the people, unless something else is said.

    Turnover differs: separations in the United States are 3.0 to 3.6 % of all jobs a month (Bureau of Labor
    Statistics, JOLTS, 2009 and 2010), three times the 10 to 15 % that office work is usually put at. What nobody counts
    is assumed, and rather too much than too little.
    """

    leaving: float = 0.20
    """Employees who leave: between office work and the average of all jobs."""
    growth: float = 0.05
    at_months_end: float = 0.5
    """Of those who leave, whose last day is the month's: where notice is given to the end of a month, most; elsewhere
    few. Those who come do so on the month's first day as often."""
    contractors: float = 0.10
    """Part of the people who are there on contracts of half a year; a batch of them comes and goes together."""
    batch: float = 0.02
    """How large such a batch is at the most, as a part of the people; two at least."""
    seasonal: float = 0.03
    """Hired on the first working day of November, and gone on the last of the year."""
    renaming: float = 0.005
    """People with a new login name: about as many marry in a year (5 to 7 of 1,000), not all change it."""
    moving: float = 0.08
    """People who change their team."""
    leave_of_absence: float = 0.02
    """Disabled for three months, and back then: parents, sabbaticals."""
    teams_moved: float = 0.10
    """Teams that are given to another department, all of them at once."""
    departments_merged: float = 0.33
    """How often two departments become one, whose group is new."""
    project: int = 190
    """Working days that a project lasts; then its group is deleted, every second time with its people in it."""
    project_changes: float = 12.0
    """People who join or leave a project's group, by hand, for each group."""
    housekeeping: float = 4.0
    """Times that somebody looks for groups with nobody or hardly anybody in them, and deletes up to three."""


@dataclass(frozen=True)
class Edit:
    """One change of the directory."""

    what: Literal["put", "purge", "found", "drop", "join", "leave"]
    """A user is put, or purged; a group is founded, or dropped into the recycle bin; somebody joins or leaves it."""
    id: str
    """The user's, or the group's."""
    member: str = ""
    name: str = ""
    values: tuple[tuple[str, Any], ...] = ()
    """Attributes; of a user also `enabled`, and `deleted` when it's in the recycle bin."""


Batch = tuple[datetime, tuple[Edit, ...]]
"""When, and what is changed in one transaction, which one cycle follows."""


@dataclass
class Person:
    id: str
    name: str
    team: int
    contract: str = "employee"
    ends: date | None = None
    away_until: date | None = None
    renamed: int = 0


@dataclass
class Company:
    """The company. `people` is how many it begins with."""

    people: int
    seed: int
    rates: Rates = Rates()
    staff: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"normal {self.people} {self.seed}")
        self._numbers = iter(range(10**9))
        self._bin: list[tuple[date, str]] = []
        self._to_delete: list[tuple[date, str, str]] = []
        self._projects: dict[str, date] = {}
        size = 8 if self.people >= 60 else 5
        self._teams = max(2, round(self.people / size))
        departments = max(2, min(8, round(self.people**0.5 / 2)))
        self._department = {team: f"d{team % departments}" for team in range(self._teams)}

    # -------------------------------------------------------------------------------------- the first day

    def beginning(self) -> Batch:
        """Everybody and every group there is."""
        edits: list[Edit] = [_found("everybody", "Everybody")]
        edits += [_found(d, f"Department {d}") for d in sorted(set(self._department.values()))]
        edits += [_found(f"t{team}", f"Team {team}") for team in range(self._teams)]
        for number in range(self.people):
            contractor = number < self.people * self.rates.contractors
            ends = BEGIN + timedelta(days=self._chance.randrange(1, 180)) if contractor else None
            edits += self._hire("contractor" if contractor else "employee", ends, number % self._teams)
        for _ in range(max(2, self.people // 12)):
            edits += self._project(BEGIN, self._chance.randrange(1, self.rates.project))
        return datetime.combine(BEGIN, time(1)), tuple(edits)

    def days(self) -> Iterator[tuple[date, tuple[Batch, ...]]]:
        """One working day after the other, without an end."""
        day, number = BEGIN, 0
        while True:
            day += timedelta(days=1)
            if day.weekday() > 4:
                continue
            number += 1
            # Never at the same minute as the day before, so that nothing is exactly a day old.
            early = datetime.combine(day, time(5)) + timedelta(minutes=11 * number % 53)
            batches = [(early, tuple(self._personnel(day)))]
            hours = sorted(self._chance.sample(range(8 * 60, 18 * 60), 40))
            by_hand = list(self._by_hand(day))
            batches += [
                (datetime.combine(day, time(minutes // 60, minutes % 60)), tuple(edits))
                for minutes, edits in zip(hours, by_hand, strict=False)
            ]
            yield day, tuple(batch for batch in batches if batch[1])

    # ----------------------------------------------------------------------- what the personnel office says

    def _personnel(self, day: date) -> Iterator[Edit]:
        rates, heads = self.rates, len(self.staff)
        yield from self._purged(day)
        yield from self._back(day)
        last, first = _last_of_month(day), _first_of_month(day)
        for person in [p for p in self.staff.values() if p.ends and p.ends <= day]:
            yield from self._leaves(person, day)
        employees = [p for p in self.staff.values() if p.contract == "employee"]
        leaving = self._often(len(employees) * rates.leaving, last)
        for person in self._chance.sample(employees, min(leaving, len(employees) // 3)):
            yield from self._leaves(person, day)
        for _ in range(self._often(heads * (rates.leaving + rates.growth) * 0.9, first)):
            yield from self._hire("employee", None)
        wanted = round(self.people * rates.contractors)
        there = sum(p.contract == "contractor" for p in self.staff.values())
        if there < wanted and self._chance.random() < 0.2:
            most = max(2, round(self.people * rates.batch))
            ends = day + timedelta(days=self._chance.randrange(90, 270))
            for _ in range(self._chance.randint(1, min(most, wanted - there + 1))):
                yield from self._hire("contractor", ends)
        if first and day.month == 11:
            for _ in range(round(self.people * rates.seasonal)):
                yield from self._hire("seasonal", _last_working_day(date(day.year, 12, 31)))
        for person in self._some(heads * rates.renaming):
            person.renamed += 1
            person.name = f"{person.id}.{person.renamed}@firm.example"
            yield self._put(person)
        for person in self._some(heads * rates.leave_of_absence):
            if person.away_until is None and person.ends is None:
                person.away_until = day + timedelta(days=90)
                yield self._put(person)
        for person in self._some(heads * rates.moving):
            yield from self._moves(person, self._chance.randrange(self._teams))
        if self._chance.random() < self._teams * rates.teams_moved / WORKING_DAYS:
            yield from self._team_moves(self._chance.randrange(self._teams))
        if self._chance.random() < rates.departments_merged / WORKING_DAYS:
            yield from self._merged()

    def _hire(self, contract: str, ends: date | None, team: int | None = None) -> Iterator[Edit]:
        id = f"p{next(self._numbers):05}"
        person = Person(id, f"{id}@firm.example", self._chance.randrange(self._teams) if team is None else team)
        person.contract, person.ends = contract, ends
        self.staff[id] = person
        yield self._put(person)
        for group in ("everybody", self._department[person.team], f"t{person.team}"):
            yield self._join(group, id)

    def _leaves(self, person: Person, day: date) -> Iterator[Edit]:
        """Every second one is taken out of the directory at once, the others are disabled and deleted a month later."""
        del self.staff[person.id]
        if self._chance.random() < 0.5:
            yield from self._deleted(person.id, person.name, day)
        else:
            self._to_delete.append((day + KEPT, person.id, person.name))
            yield Edit("put", person.id, name=person.name, values=(("enabled", False),))

    def _deleted(self, id: str, name: str, day: date) -> Iterator[Edit]:
        """With the export that lacks somebody, memberships end as well."""
        self._bin.append((day + KEPT, id))
        for group in sorted(g for g, members in self.groups.items() if id in members):
            yield self._leave(group, id)
        yield Edit("put", id, name=name, values=(("deleted", True),))

    def _purged(self, day: date) -> Iterator[Edit]:
        for _, id in [each for each in self._bin if each[0] <= day]:
            yield Edit("purge", id)
        self._bin = [each for each in self._bin if each[0] > day]
        for _, id, name in [each for each in self._to_delete if each[0] <= day]:
            yield from self._deleted(id, name, day)
        self._to_delete = [each for each in self._to_delete if each[0] > day]

    def _back(self, day: date) -> Iterator[Edit]:
        for person in self.staff.values():
            if person.away_until and person.away_until <= day:
                person.away_until = None
                yield self._put(person)

    def _moves(self, person: Person, team: int) -> Iterator[Edit]:
        old, person.team = person.team, team
        yield self._put(person)
        yield from self._changes(person.id, f"t{old}", f"t{team}")
        yield from self._changes(person.id, self._department[old], self._department[team])

    def _team_moves(self, team: int) -> Iterator[Edit]:
        old = self._department[team]
        new = self._department[team] = self._chance.choice(sorted(set(self._department.values())))
        for person in self._of_team(team):
            yield self._put(person)
            yield from self._changes(person.id, old, new)

    def _merged(self) -> Iterator[Edit]:
        departments = sorted(set(self._department.values()))
        old = self._chance.sample(departments, 2) if len(departments) > 2 else departments[:1]
        new = f"d{next(self._numbers)}"
        yield _found(new, f"Department {new}")
        for team in [team for team, department in self._department.items() if department in old]:
            self._department[team] = new
            for person in self._of_team(team):
                yield self._put(person)
                yield self._join(new, person.id)
        for group in old:
            yield self._drop(group)

    # ------------------------------------------------------------------------------- what's done by hand

    def _by_hand(self, day: date) -> Iterator[list[Edit]]:
        for project in sorted(p for p, ends in self._projects.items() if ends <= day):
            del self._projects[project]
            if self._chance.random() < 0.5:
                yield [self._leave(project, id) for id in sorted(self.groups[project])]
            yield [self._drop(project)]
            yield list(self._project(day, self.rates.project))
        for project in sorted(self._projects):
            if self._chance.random() < self.rates.project_changes / WORKING_DAYS:
                members = sorted(self.groups[project])
                if self._chance.random() < 0.5 and len(members) > 2:
                    yield [self._leave(project, self._chance.choice(members))]
                else:
                    yield [self._join(project, self._chance.choice(sorted(self.staff)))]
        if self._chance.random() < self.rates.housekeeping / WORKING_DAYS:
            few = [
                g for g in sorted(self.groups) if g[0] == "x" and len(self.groups[g]) < 4 and g not in self._projects
            ]
            few += [g for g in sorted(self.groups) if g[0] == "d" and g not in self._department.values()]
            for group in few[:3]:
                yield [self._drop(group)]
            yield list(self._another_group())

    def _another_group(self) -> Iterator[Edit]:
        """One that somebody had a use for, and that goes out of use."""
        id = f"x{next(self._numbers)}"
        yield _found(id, f"Group {id}")
        for person in self._chance.sample(sorted(self.staff), self._chance.randint(0, 3)):
            yield self._join(id, person)

    def _project(self, day: date, lasts: int) -> Iterator[Edit]:
        id = f"q{next(self._numbers)}"
        size = min(self._chance.randint(4, 12), max(3, len(self.staff) // 3))
        self._projects[id] = day + timedelta(days=round(lasts * 365 / WORKING_DAYS))
        yield _found(id, f"Project {id}")
        for person in self._chance.sample(sorted(self.staff), size):
            yield self._join(id, person)

    # ------------------------------------------------------------------------------------------- within

    def _often(self, yearly: float, peak: bool) -> int:
        """How many today, of so many in a year, of whom a part comes on the twelve days of a peak."""
        part = self.rates.at_months_end
        expected = yearly * (part / 12 if peak else 0) + yearly * (1 - part) / WORKING_DAYS
        return self._poisson(expected)

    def _poisson(self, expected: float) -> int:
        number, left = 0, self._chance.expovariate(1)
        while left < expected:
            number += 1
            left += self._chance.expovariate(1)
        return number

    def _some(self, yearly: float) -> Sequence[Person]:
        number = min(self._poisson(yearly / WORKING_DAYS), len(self.staff))
        return [self.staff[id] for id in self._chance.sample(sorted(self.staff), number)]

    def _of_team(self, team: int) -> list[Person]:
        return [person for person in self.staff.values() if person.team == team]

    def _put(self, person: Person) -> Edit:
        values = {"displayName": person.id.title(), "jobTitle": f"Team {person.team}", "enabled": not person.away_until}
        values["department"] = self._department[person.team]
        return Edit("put", person.id, name=person.name, values=tuple(values.items()))

    def _changes(self, id: str, old: str, new: str) -> Iterator[Edit]:
        if old != new:
            if id in self.groups.get(old, ()):
                yield self._leave(old, id)
            yield self._join(new, id)

    def _join(self, group: str, id: str) -> Edit:
        self.groups.setdefault(group, set[str]()).add(id)
        return Edit("join", group, member=id)

    def _leave(self, group: str, id: str) -> Edit:
        self.groups[group].discard(id)
        return Edit("leave", group, member=id)

    def _drop(self, group: str) -> Edit:
        self.groups.pop(group, None)
        return Edit("drop", group)


def _found(id: str, name: str) -> Edit:
    return Edit("found", id, name=name)


def _last_working_day(day: date) -> date:
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day


def _last_of_month(day: date) -> bool:
    end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return day == _last_working_day(end)


def _first_of_month(day: date) -> bool:
    return all(day.replace(day=earlier).weekday() > 4 for earlier in range(1, day.day))
