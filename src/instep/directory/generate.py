"""A made-up company of any size, to try things out and to measure with.

The same numbers and seed give the same company, on any machine. Nothing is kept per person, so a million people
cost no more memory than ten. It is a source like a file, and imported the same way.
"""

import hashlib
import random
from collections.abc import Iterator
from datetime import date, timedelta

from instep.core.directory import AnyRow, MemberRow, Row
from instep.core.subject import Kind
from instep.directory.names import DEPARTMENTS, GROUPS, PEOPLES

REPORTS = 8
"""How many people report to a manager."""

_DEPARTMENTS = tuple(DEPARTMENTS.items())
_HIRED = date(2015, 1, 5)


class Company:
    """A source with exactly so many users, groups and memberships.

    One of a hundred users, and at least one, has no manager: they're at the top. Groups are of one size, give or
    take one, and once there are as many memberships as users everybody is in a group.
    """

    file = "the generated company"
    name = "generated"
    kinds = (Kind.USER, Kind.GROUP)
    group = None

    def __init__(self, users: int, groups: int, memberships: int, seed: int, domain: str = "example.com") -> None:
        """Raises ValueError when there can't be such a company."""
        if min(users, groups, memberships) < 0:
            raise ValueError("the numbers of users, groups and memberships can't be negative")
        if memberships > users * groups:
            raise ValueError(f"{users:,} users in {groups:,} groups make at most {users * groups:,} memberships")
        self.users, self.groups, self.memberships = users, groups, memberships
        self.top = max(1, users // 100)
        self._seed, self._domain = seed, domain
        self._made = 0

    @property
    def size(self) -> int:
        """How many rows there will be."""
        return self.users + self.groups + self.memberships

    def position(self) -> int:
        """How many rows there were so far."""
        return self._made

    def rows(self) -> Iterator[AnyRow]:
        """The users, managers before those who report to them, then the groups, then the memberships."""
        for rows in (self._users(), self._groups(), self._memberships()):
            for row in rows:
                self._made += 1
                yield row

    def id(self, kind: Kind, number: int) -> str:
        """The id of the user or group with that number, counted from 0."""
        digest = hashlib.blake2b(b"%d %b %d" % (self._seed, kind.value.encode(), number), digest_size=16).hexdigest()
        # The form of a random UUID (RFC 9562 section 5.4), without the class, which would cost more than all else.
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"

    def _users(self) -> Iterator[Row]:
        chance = random.Random(f"{self._seed} users")
        taken: dict[str, int] = {}  # as many as there are pairs of names, however many people
        for number in range(self.users):
            people = PEOPLES[int(len(PEOPLES) * chance.random())]
            given, given_ascii = people.given[int(len(people.given) * chance.random())]
            family, family_ascii = people.family[int(len(people.family) * chance.random())]
            department, titles = _DEPARTMENTS[int(len(_DEPARTMENTS) * chance.random())]
            alias = f"{given_ascii}.{family_ascii}".lower()
            taken[alias] = taken.get(alias, 0) + 1
            if taken[alias] > 1:
                alias = f"{alias}{taken[alias]}"
            at_top = number < self.top
            name = f"{alias}@{self._domain}"
            attributes = {
                "displayName": f"{family} {given}" if people.family_first else f"{given} {family}",
                "givenName": given,
                "surname": family,
                "mail": name,
                "mailNickname": alias,
                "userType": "Member",
                "jobTitle": f"Head of {department}" if at_top else titles[int(len(titles) * chance.random())],
                "department": department,
                "employeeId": f"{number + 1:07d}",
                "employeeHireDate": (_HIRED + timedelta(days=int(4000 * chance.random()))).isoformat(),
                "city": people.city,
                "country": people.country,
                "usageLocation": people.country,
                "preferredLanguage": people.language,
                "businessPhones": [f"+1 555 {number % 10_000_000:07d}"],
            }
            manager = None if at_top else self.id(Kind.USER, (number - self.top) // REPORTS)
            yield Row(number + 1, Kind.USER, self.id(Kind.USER, number), name, attributes, True, manager)

    def _groups(self) -> Iterator[Row]:
        for number in range(self.groups):
            department = _DEPARTMENTS[number % len(_DEPARTMENTS)][0]
            round_number = number // len(_DEPARTMENTS)
            what = GROUPS[round_number % len(GROUPS)]
            name = f"{department} {what} {round_number // len(GROUPS) + 1}"
            attributes = {"securityEnabled": True, "mailEnabled": False}
            yield Row(number + 1, Kind.GROUP, self.id(Kind.GROUP, number), name, attributes)

    def _memberships(self) -> Iterator[MemberRow]:
        turns = self._turns()
        line = 0
        for number in range(self.groups):
            size = self.memberships // self.groups + (number < self.memberships % self.groups)
            group = self.id(Kind.GROUP, number)
            members: set[int] = set()
            while len(members) < size:
                user = next(turns)
                if user not in members:
                    members.add(user)
                    line += 1
                    yield MemberRow(line, group, self.id(Kind.USER, user), Kind.USER)

    def _turns(self) -> Iterator[int]:
        """Everybody once in random order, then everybody again in another one, and so on."""
        chance = random.Random(f"{self._seed} memberships")
        order = list(range(self.users))
        while True:
            chance.shuffle(order)
            yield from order
