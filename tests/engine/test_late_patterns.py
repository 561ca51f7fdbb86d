"""A pattern that takes too long costs a cycle three time-outs and no more; whoever needs it is NotReady."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.engine.small_world import RULES, small_world

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind

CATASTROPHIC = "^(a|aa)+$"
MAPPING = {"target": "nickName", "source": f'Replace([jobTitle], , "{CATASTROPHIC}", , "x", , )'}
FILTER = {"name": "Slow", "clauses": [{"attribute": "jobTitle", "operator": "REGEX MATCH", "value": CATASTROPHIC}]}
USERS: dict[str, Any] = RULES["users"]


@pytest.mark.parametrize(
    ("users", "place"),
    [
        ({"mappings": [*USERS["mappings"], MAPPING]}, "the mapping of nickName failed"),
        ({**USERS, "filters": [FILTER]}, "a scoping filter can't be evaluated"),
    ],
    ids=["mapping", "clause"],
)
async def test_late_pattern_is_tried_three_times_for_fifty_people(
    tmp_path: Path, users: dict[str, Any], place: str
) -> None:
    with small_world(tmp_path, rules=RULES | {"users": users}) as world:
        ids = [f"p{number:02}" for number in range(50)]
        with world.directory.edit() as edit:
            for id in ids:
                edit.put(Entry(Kind.USER, id, f"{id}@firm.example", {"jobTitle": "a" * 60 + "!"}))
                edit.assign(Assignment(f"as-{id}", "app", Kind.USER, id))
        summary = await world.sync()
        said = Counter("late" if "didn't come to an end" in e.reason else "off" for e in world.log(status="failure"))
        assert said == {"late": 3, "off": 47}
        assert all(place in entry.reason and entry.action == "skip" for entry in world.log())
        assert (summary.result, summary.counts["failure"]) == ("failures", 50)
        assert world.target.content(Kind.USER) == {}
        assert all(world.link(id).next_try for id in ids)  # they are tried again, they aren't out of scope


async def test_expression_is_tried_again_in_the_next_cycle(tmp_path: Path) -> None:
    users = {"mappings": [*USERS["mappings"], MAPPING]}
    with small_world(tmp_path, rules=RULES | {"users": users}) as world:
        with world.directory.edit() as edit:
            for id in ("p1", "p2", "p3", "p4"):
                edit.put(Entry(Kind.USER, id, f"{id}@firm.example", {"jobTitle": "a" * 60 + "!"}))
                edit.assign(Assignment(f"as-{id}", "app", Kind.USER, id))
        await world.sync()
        with world.directory.edit() as edit:
            edit.put(Entry(Kind.USER, "p4", "p4@firm.example", {"jobTitle": "Clerk"}))
        assert (await world.sync()).counts["create"] == 1
