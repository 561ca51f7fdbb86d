"""Stories: what happens in one run, as a list of events that a seed makes and a file can keep.

An event is a dictionary with what it does under `do`. Operations of the source (see `company`) follow each other in one
transaction until another kind of event comes. The others:

    wait seconds                    time passes
    fault how, after                the n-th writing request from now on is hit: see `app`
    storm kind, seconds, share      that share of the requests fails for a while
    crash after, when               a worker dies at its n-th commit from now on, before or after it
    stop seconds                    a worker is stopped, and goes on later
    rules reading                   other rules, also in the middle of a cycle
    import lack, forced             the source is read as a whole, and lacks people
    replaced                        the directory is another one: what changed since can't be told
    jump hours                      the wall clock jumps
    by hand what, who, ...          somebody changes something in the app
    reset scopes                    an administrator restarts the job
    audit                           an audit runs
    judge verdict                   an administrator approves or rejects what is held
"""

import random
from typing import Any

from msgspec import Struct
from tests.simulator.company import Company

Event = dict[str, Any]

OPERATIONS = 200
"""Of the source, in each story, at least."""
FAULT_KINDS = (
    "lose",
    "late",
    "never",
    "garbage",
    "partial",
    "done but 500",
    "429",
    "503",
    "500",
    "401",
    "down",
    "crash",
    "stop",
    "rules",
    "import",
    "replaced",
    "jump",
    "by hand",
    "reset",
)
AT_LEAST = 10
"""Kinds of fault in each story; stale reads come on top where the app's reads lag."""


class Story(Struct):
    """One run, whole: the app's traits, and what happens."""

    seed: int
    traits: dict[str, Any]
    events: list[Event]


def story(seed: int) -> Story:
    """The story of a seed."""
    return _Teller(seed).tell()


class _Teller:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"story {seed}")
        self._seed = seed
        self._company = Company()
        self._events: list[Event] = []
        self._operations = 0
        self._told: set[str] = set()
        self._number = 0

    def tell(self) -> Story:
        chance = self._chance
        unique = chance.random() < 0.5
        traits = {
            "unique": unique,
            "lag": chance.choice((0, 0, 5, 30, 60)),
            "dialect": chance.choice(("rfc", "entra", "entra-compliant")),
            "page": chance.choice((3, 100)),
            "chunk": chance.choice((2, 5, 100)),
            "lists": chance.random() < 0.5,
            "workers": 2 if chance.random() < 0.25 else 1,
            "purge deletes": chance.random() < 0.5,
        }
        kinds = set(chance.sample(FAULT_KINDS, chance.randint(AT_LEAST, len(FAULT_KINDS))))
        self._found()
        self._faults(kinds)
        self._wait()
        while self._operations < OPERATIONS:
            upto = min(self._operations + chance.choice((1, 8, 16, 24, 40)), OPERATIONS)
            if upto == OPERATIONS:  # what was drawn comes at least once
                self._events += [self._fault(kind) for kind in FAULT_KINDS if kind in kinds - self._told]
            while self._operations < upto:
                self._operation()
            self._faults(kinds)
            self._wait()
        self._events.append({"do": "wait", "seconds": 300})  # so that what came last is met
        return Story(self._seed, traits, self._events)

    # --------------------------------------------------------------------------------- the source

    def _do(self, what: str, **given: Any) -> None:
        op = {"do": what, **given}
        self._company.apply(op)
        self._events.append(op)
        self._operations += 1

    def _name(self) -> str:
        self._number += 1
        return self._chance.choice(("n{}@Acme.example", "N{}@acme.example", "ñ{}@acme.example")).format(self._number)

    def _found(self) -> None:
        for n in range(self._chance.randint(8, 15)):
            self._do("hire", who=f"u{n}", name=self._name(), manager=f"u{n // 3}" if n > 2 else None)
        for n in range(self._chance.randint(2, 4)):
            self._do("found", who=f"g{n}", name=f"Team {n}")
        for who in list(self._company.users):
            self._do("join", who=who, group=self._chance.choice(sorted(self._company.groups)))

    def _operation(self) -> None:
        chance, company = self._chance, self._company
        users, groups = list(company.users), list(company.groups)
        what = chance.choices(*zip(*_WEIGHTS.items(), strict=True))[0]
        if not users or not groups:
            what = "hire" if groups else "found"
        match what:
            case "hire":
                who = f"u{self._number + 100}"
                self._do("hire", who=who, name=self._name(), manager=chance.choice([*users, None]))
                if groups and chance.random() < 0.8:
                    self._do("join", who=who, group=chance.choice(groups))
            case "inherit":
                # A new hire gets the address of somebody who was here.
                leaver = chance.choice(users)
                name = company.users[leaver].name
                self._do("purge", who=leaver)
                self._do("hire", who=f"u{self._number + 100}", name=name)
                self._number += 1
                self._do("join", who=f"u{self._number + 99}", group=chance.choice(groups))
            case "title":
                title = chance.choice(("Analyst", "Engineer", "Head", "Chief", "Secret"))
                self._do("title", who=chance.choice(users), title=title)
            case "manager":
                self._do("manager", who=chance.choice(users), manager=chance.choice([*users, None]))
            case "marry":
                self._do("marry", who=chance.choice(users), name=self._name())
            case "layoff":
                some = [u for u in users if company.users[u].enabled]
                self._do("layoff", whom=chance.sample(some, min(len(some), chance.randint(3, 9))))
            case "reinstate":
                for who in [u for u in users if not company.users[u].enabled]:
                    self._do("enable", who=who)
            case "found":
                self._number += 1
                self._do("found", who=f"g{self._number + 100}", name=f"Team {self._number}")
            case "rename":
                self._number += 1
                self._do("rename", who=chance.choice(groups), name=f"Team {self._number}")
            case "join" | "leave":
                among = users if what == "join" or chance.random() < 0.1 else self._members(groups) or users
                group = chance.choice(groups)
                who = chance.choice(among)
                if what == "leave":
                    group = next((g for g in groups if who in company.groups[g].members), group)
                self._do(what, who=who, group=group)
            case "nest":
                self._do("join", who=chance.choice(groups), group=chance.choice(groups))
            case "unnest":
                self._do("leave", who=chance.choice(groups), group=chance.choice(groups))
            case "assign" | "unassign":
                self._do(what, who=chance.choice([*users, *groups]))
            case _:
                self._do(what, who=chance.choice(groups if what == "dissolve" else users))

    def _members(self, groups: list[str]) -> list[str]:
        return sorted({m for g in groups for m in self._company.groups[g].members})

    # ----------------------------------------------------------------------------------- what goes wrong

    def _wait(self) -> None:
        seconds = self._chance.choice((0.3, 2, 8, 40, 120, 600, 3 * 3600))
        self._events.append({"do": "wait", "seconds": seconds})

    def _faults(self, kinds: set[str]) -> None:
        for kind in FAULT_KINDS:
            if kind in kinds and self._chance.random() < _OFTEN.get(kind, 0.3):
                self._events.append(self._fault(kind))

    def _fault(self, kind: str) -> Event:
        chance = self._chance
        self._told.add(kind)
        users = list(self._company.users) or ["nobody"]
        match kind:
            case "429" | "503" | "500" | "401" | "down":
                seconds = chance.choice((1, 5, 30, 200))
                return {"do": "storm", "kind": kind, "seconds": seconds, "share": chance.choice((0.3, 0.7, 1.0))}
            case "crash":
                return {"do": "crash", "after": chance.randint(1, 25), "when": chance.choice(("before", "after"))}
            case "stop":
                return {"do": "stop", "seconds": chance.choice((3, 30, 70, 200)), "after": chance.choice((0.1, 0.5, 3))}
            case "rules":
                reading = {name: chance.random() < share for name, share in _READING.items()}
                return {"do": "rules", "reading": reading, "after": chance.choice((0, 0.6, 3))}
            case "import":
                lack = chance.sample(users, chance.choice((0, 1, min(3, len(users)), len(users) // 2, len(users))))
                return {"do": "import", "lack": lack, "forced": chance.random() < 0.3}
            case "jump":
                return {"do": "jump", "hours": chance.choice((-24, -1, 1, 24))}
            case "by hand":
                what = chance.choice(("title", "delete", "take out", "put in", "activate", "stranger", "namesake"))
                return {"do": "by hand", "what": what, "who": chance.choice(users), "number": chance.randint(0, 9)}
            case "reset":
                scopes = chance.choice(
                    (["Watermark"], ["Watermark", "Escrows", "QuarantineState"], ["ConnectorDataStore", "Watermark"])
                )
                return {"do": "reset", "scopes": scopes}
            case "replaced":
                return {"do": "replaced"}
            case _:
                return {"do": "fault", "how": kind, "after": chance.randint(1, 12)}


_WEIGHTS = {
    "hire": 9,
    "inherit": 0.4,
    "title": 26,
    "manager": 10,
    "marry": 4,
    "disable": 4,
    "enable": 5,
    "layoff": 0.6,
    "reinstate": 0.6,
    "remove": 2,
    "restore": 2,
    "purge": 1,
    "join": 15,
    "leave": 7,
    "found": 1.5,
    "rename": 1.5,
    "dissolve": 0.7,
    "nest": 1.5,
    "unnest": 1,
    "assign": 4,
    "unassign": 1.5,
}
_OFTEN = {"lose": 0.6, "garbage": 0.4, "late": 0.4, "partial": 0.4, "crash": 0.5, "replaced": 0.1, "import": 0.15,
          "reset": 0.08, "rules": 0.15, "jump": 0.15, "401": 0.1, "down": 0.15, "stop": 0.25}  # fmt: skip
_READING = {"filtered": 0.2, "nested_scope": 0.8, "flattened": 0.7, "starred": 0.3}
