"""Ways in which a source that is the whole truth loses people: empty, cut off, filtered, of another kind. None deletes
anybody, and the message has the numbers and the way out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.json import encode

from instep.core.subject import Kind
from instep.directory.importing import ImportRefused, RemovalsRefused
from instep.sources import Unrecognised

PEOPLE = "id,userPrincipalName,displayName,accountEnabled\n"
GROUPS = "id,displayName,groupType\n"
MEMBERS = "id,userPrincipalName,displayName,objectType\n"


def people(count: int, start: int = 0) -> str:
    return PEOPLE + "".join(f"{n:03},user{n}@x.example,U{n},True\n" for n in range(start, start + count))


def groups(count: int) -> str:
    return GROUPS + "".join(f"g{n:02},Team {n:02},Security\n" for n in range(count))


def crew(count: int) -> str:
    return MEMBERS + "".join(f"{n:03},,,User\n" for n in range(count))


def lines(users: int = 60, teams: int = 12, each: int = 20) -> str:
    """Everything in one file: people, teams, and the members of each team."""
    rows: list[dict[str, str]] = [
        {"type": "user", "id": f"{n:03}", "userPrincipalName": f"user{n}@x.example"} for n in range(users)
    ]
    rows += [{"type": "group", "id": f"g{n:02}", "displayName": f"Team {n:02}"} for n in range(teams)]
    rows += [
        {"type": "membership", "group": f"g{t:02}", "member": f"{m:03}"} for t in range(teams) for m in range(each)
    ]
    return "".join(encode(row).decode() + "\n" for row in rows)


EVERYTHING = lines()
HALF_A_LINE = EVERYTHING[: EVERYTHING.index('"g05"', EVERYTHING.index("membership")) + 3]

LOST: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    ("a file of nothing", {"a.csv": people(60)}, {"a.csv": ""}, "empty"),
    ("a header and nobody", {"a.csv": people(60)}, {"a.csv": PEOPLE}, "a.csv has no rows"),
    ("a header and nobody, of a firm of one", {"a.csv": people(1)}, {"a.csv": PEOPLE}, "1 of 1 users would go"),
    ("JSON Lines without a line", {"a.jsonl": EVERYTHING}, {"a.jsonl": "\n"}, "a.jsonl"),
    ("cut off after some rows", {"a.csv": people(60)}, {"a.csv": people(40)}, "20 of 60 users are missing"),
    ("cut off at the end", {"a.csv": people(60)}, {"a.csv": people(54)}, "6 of 60 users .* at most 5"),
    ("cut off in a row", {"a.csv": people(60)}, {"a.csv": people(60)[:-9]}, "cells"),
    ("cut off in a quoted cell", {"a.csv": people(60)}, {"a.csv": people(58) + '058,"user58'}, "quote"),
    ("cut off in a line of JSON", {"a.jsonl": EVERYTHING}, {"a.jsonl": HALF_A_LINE}, "JSON"),
    ("another firm's people", {"a.csv": people(60)}, {"a.csv": people(60, start=500)}, "60 of 60 users"),
    ("one of two files", {"a.csv": people(60), "b.csv": people(60, 60)}, {"a.csv": people(60)}, "60 of 120 users"),
    ("no groups but one", {"a.jsonl": EVERYTHING}, {"a.jsonl": lines(teams=1)}, "11 of 12 groups"),
    (
        "a few groups with many members",
        {"a.jsonl": EVERYTHING},
        {"a.jsonl": lines(teams=9)},
        "3 of 12 groups, 60 of 240 memberships are missing and would go; at most 12",
    ),
    (
        "every team with half its members",
        {"a.jsonl": EVERYTHING},
        {"a.jsonl": lines(each=10)},
        "120 of 240 memberships",
    ),
    (
        "a crew cut off",
        {"a.csv": people(60), "g.csv": groups(1), "Team 00.csv": crew(50)},
        {"Team 00.csv": crew(30)},
        "20 of 50",
    ),
    (
        "a crew emptied",
        {"a.csv": people(60), "g.csv": groups(1), "Team 00.csv": crew(3)},
        {"Team 00.csv": MEMBERS},
        "no rows",
    ),
]


@pytest.mark.parametrize(("before", "after", "said"), [pytest.param(*row[1:], id=row[0]) for row in LOST])
def test_a_source_that_is_lost_deletes_nobody(world, before: dict[str, str], after: dict[str, str], said: str) -> None:
    world.imports(*(world.file(name, text) for name, text in before.items()))
    held = everything(world)
    with pytest.raises((ImportRefused, RemovalsRefused, Unrecognised), match=said):
        world.imports(*(world.file(name, text) for name, text in after.items()), replace=True)
    assert everything(world) == held


def everything(world) -> tuple[object, ...]:
    with world.store.browse() as browser:
        teams = {entry.id: [id for _, id, _ in browser.members(entry.id)] for entry in browser.entries(Kind.GROUP)}
    return world.store.sequence(), world.names(), teams


def test_one_group_that_loses_half_its_members_is_noticed_among_many(world) -> None:
    """Ten of 240 memberships are few; of one team's 20 they aren't."""
    world.imports(world.file("a.jsonl", EVERYTHING))
    fewer = [line for line in EVERYTHING.splitlines() if '"group":"g03"' not in line or '"member":"00' in line]
    assert len(EVERYTHING.splitlines()) - len(fewer) == 10
    file = world.file("a.jsonl", "\n".join(fewer) + "\n")
    said = "10 of 20 members of Team 03 are missing and would go; half or more at once needs to be allowed"
    with pytest.raises(RemovalsRefused, match=said) as caught:
        world.imports(file, replace=True)
    assert world.imports(file, replace=True, allow_removals=caught.value.count)["memberships"].removed == 10


def test_what_is_meant_can_be_taken_all_the_same(world) -> None:
    file: Callable[[str], Path] = lambda text: world.file("a.csv", text)  # noqa: E731
    world.imports(file(people(60)))
    with pytest.raises(RemovalsRefused) as caught:
        world.imports(file(PEOPLE), replace=True)
    assert caught.value.count == 60
    with pytest.raises(RemovalsRefused, match="59 removals were allowed"):
        world.imports(file(PEOPLE), replace=True, allow_removals=59)
    assert world.imports(file(PEOPLE), replace=True, allow_removals=60)["users"].removed == 60
    assert world.names() == []


def test_what_is_lost_and_is_no_whole_truth_takes_nobody_away(world) -> None:
    world.imports(world.file("a.csv", people(60)))
    world.imports(world.file("a.csv", people(3)))
    assert len(world.names()) == 60
