"""What it costs to find that nobody changed: `desire` and `decide` for people who are in step.

    .venv/bin/python bench/evaluation.py --people 20000

Twelve mappings (direct, joined, switched, a reference) and a scoping filter of two clauses. The figure is CPU per
person, beside that of a bare loop over the same people, both measured in turn in one run; the median counts.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from instep.core.change import Create, Keep
from instep.core.compile import compile_rules
from instep.core.decide import Around, decide
from instep.core.desire import Desired, desire
from instep.core.link import Link, Status
from instep.core.match import Absent
from instep.core.rules import Rules
from instep.core.rules_document import rules_document
from instep.core.subject import Grant, Kind, Subject

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MAPPINGS = [
    ("userName", "[userPrincipalName]"),
    ("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'),
    ("displayName", "[displayName]"),
    ("title", "[jobTitle]"),
    ('emails[type eq "work"].value', "[mail]"),
    ("name.givenName", "[givenName]"),
    ("name.familyName", "[surname]"),
    ("name.formatted", 'Join(" ", [givenName], [surname])'),
    ('addresses[type eq "work"].locality', "[city]"),
    ("externalId", "[mailNickname]"),
    (f"{ENTERPRISE}:department", "[department]"),
    (f"{ENTERPRISE}:manager", "[manager]"),
]


def rules() -> Rules:
    """The rules of the benchmark."""
    rows = [{"target": t, "source": s, "reference": t.endswith(":manager")} for t, s in MAPPINGS]
    rows[0]["matching"] = 1
    clauses = [
        {"attribute": "department", "operator": "NOT EQUALS", "value": "Interns"},
        {"attribute": "mail", "operator": "ENDS WITH", "value": "@firm.example"},
    ]
    users = {"mappings": rows, "filters": [{"name": "Staff", "clauses": clauses}]}
    return compile_rules(rules_document({"users": users}))


def person(number: int) -> Subject:
    """Somebody like everybody."""
    name = f"person{number}@firm.example"
    attributes = {
        "displayName": f"Person {number}", "jobTitle": "Engineer", "mail": name, "givenName": "Person",
        "surname": str(number), "city": "Bergen", "mailNickname": f"person{number}", "department": "Laboratory",
    }  # fmt: skip
    grants = (Grant("assignment", path=("Everybody", "Laboratory")),)
    return Subject(Kind.USER, f"id-{number}", 7, name, attributes=attributes, manager="id-0", grants=grants)


def in_step(subject: Subject, of: Rules, around: Around) -> Link:
    """The link of somebody whom nothing has changed for since the creation."""
    wish = desire(subject, of, NOW, "seed")
    assert isinstance(wish, Desired), wish
    change = decide(subject, None, wish, Absent(), of, around).change
    assert isinstance(change, Create), change
    sent = dict(change.attributes)
    return Link(Kind.USER, subject.id, subject.name, Status.ACTIVE, f"app-{subject.id}", sent, seed="seed", seq=7)


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main(people: int, rounds: int) -> None:
    of, around = rules(), Around(accounts={"id-0": "app-id-0"})
    subjects = [person(n) for n in range(1, people + 1)]
    links = [in_step(s, of, around) for s in subjects]

    # The people stay, as the pages of a cycle don't: the collector needn't go through them again and again.
    gc.collect()
    gc.freeze()

    def evaluate() -> None:
        for subject, link in zip(subjects, links, strict=True):
            wish = desire(subject, of, NOW, link.seed)
            assert isinstance(decide(subject, link, wish, None, of, around).change, Keep)

    def bare() -> None:
        for subject, link in zip(subjects, links, strict=True):
            assert subject.id == link.subject_id

    pairs = [(cpu(evaluate), cpu(bare)) for _ in range(rounds)]
    evaluated, looped = (statistics.median(side) / people * 1e6 for side in zip(*pairs, strict=True))
    print(f"{people} people in step, {len(MAPPINGS)} mappings, a filter; median of {rounds} rounds")
    print(f"desire and decide   {evaluated:6.2f} us of CPU each")
    print(f"bare loop           {looped:6.2f} us of CPU each")
    print(f"on top              {evaluated - looped:6.2f} us")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    main(given.people, given.rounds)
