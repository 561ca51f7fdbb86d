"""Golden worlds: a directory and an app before, what is planned, logged and held in the app day by day.

A world is a folder with a `world.yaml`:

    about: one sentence, the fact that the world shows
    rules: laid over rules.yaml
    directory: {users: {key: attributes}, groups: {key: [members]}, assigned: [keys, or key: role]}
    app: what is in the app before: {users: [attributes by path], groups: [{displayName, members}]}
    days:
      - changes: [a word of `company.Company`, or `rules`, `approve`, `reject`, `wait`, `vanish`, with its argument]
        plan: lines, see `telling`
        log: lines in any order; left out where they follow from the plan
        result: of the cycle; `succeeded` unless said otherwise
        held: words of the guard's reason, per kind
        app: what it holds afterwards, all of it

After each day everything is run once more: there must be nothing to do, and no request.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.small_world import SmallWorld
from tests.scenarios.company import DOMAIN, Company
from tests.scenarios.telling import app_content, log_line, plan_lines, without_changes

from instep.core.plan import fingerprint
from instep.core.subject import Kind
from instep.scim.abilities import Abilities, override
from instep.targets.memory import MemoryTarget

HERE = Path(__file__).parent
WORLDS = sorted(path.parent.name for path in HERE.glob("*/world.yaml"))
READS = {"check", "count", "find", "page", "read"}


class Scenario:
    """One world, run in a folder."""

    def __init__(self, given: dict[str, Any], folder: Path) -> None:
        self.given = given
        self.target = MemoryTarget(override(Abilities(enforces_uniqueness=True), given.get("abilities", {})))
        rules = _over(yaml.safe_load((HERE / "rules.yaml").read_text()), given.get("rules", {}))
        self.world = SmallWorld(folder, target=self.target, rules=rules)
        self.company = Company(self.world.directory, "app")
        self.company.add(given["directory"])
        self._fill(given.get("app") or {})

    def _fill(self, before: dict[str, Any]) -> None:
        ids: dict[str, str] = {}
        for user in before.get("users", []):
            ids[user["userName"]] = self.target.put(Kind.USER, user | {"userName": _whole(user["userName"])})
        for group in before.get("groups", []):
            members = [ids[name] for name in group.get("members", [])]
            self.target.put(Kind.GROUP, {"displayName": group["displayName"]}, members)

    def change(self, word: str, given: Any) -> None:
        """Something happens."""
        if word in ("approve", "reject"):
            assert self.world.approve("approved" if word == "approve" else "rejected") == given
        elif word == "rules":
            self.world.rules = _over(self.world.rules, given)
        elif word == "wait":
            self.world.clock.shift += timedelta(hours=given)
        elif word == "vanish":
            content = self.target.content(Kind.USER)
            self.target.remove(Kind.USER, next(i for i, u in content.items() if u["userName"] == _whole(given)))
        else:
            getattr(self.company, word)(given)

    async def live(self, day: dict[str, Any]) -> None:
        """One day: its changes, the plan, the cycle, and once more."""
        for change in day.get("changes", []):
            for word, given in change.items():
                self.change(word, given)
        await self._check_plan(day)
        seen = max((e.sequence for e in self.world.log()), default=0)
        summary = await self.world.sync()
        assert summary.result == day.get("result", "succeeded"), summary.message
        logged = day.get("log", [without_changes(line) for line in day["plan"]])
        assert sorted(log_line(entry) for entry in self.world.log(after=seen)) == sorted(logged)
        assert await app_content(self.target, self.world.job.rules, DOMAIN) == _sorted(day["app"])
        await self._check_nothing_to_do()

    async def _check_plan(self, day: dict[str, Any]) -> None:
        before = _files(self.world.folder), len(self.target.calls)
        plan, skipped = await self.world.plan()
        assert plan_lines(plan, skipped) == day["plan"]
        held = day.get("held", {})
        assert plan.verdict.held.keys() == held.keys()
        for kind, words in held.items():
            assert words in plan.verdict.held[kind]
        assert {call.method for call in self.target.calls[before[1] :]} <= READS
        assert _files(self.world.folder) == before[0]
        again, _ = await self.world.plan()
        assert again.fingerprint == plan.fingerprint
        assert fingerprint(d.digest for d in again.held) == fingerprint(d.digest for d in plan.held)

    async def _check_nothing_to_do(self) -> None:
        plan, skipped = await self.world.plan()
        assert plan_lines(plan, skipped) == []
        summary = await self.world.sync()
        assert (summary.result, summary.counts) == ("succeeded", {"requests": 0})


@pytest.fixture
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scenario]:
    made = Scenario(yaml.safe_load((HERE / request.param / "world.yaml").read_text()), tmp_path)
    yield made
    made.world.close()


@pytest.mark.parametrize("scenario", WORLDS, indirect=True, ids=str)
async def test_world_goes_as_it_is_written(scenario: Scenario) -> None:
    for number, day in enumerate(scenario.given["days"], 1):
        try:
            await scenario.live(day)
        except AssertionError as wrong:
            wrong.add_note(f"on day {number}: {scenario.given['about']}")
            raise


def _whole(name: str) -> str:
    return name if "@" in name else name + DOMAIN


def _over(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given` laid over `base`; a list of mappings replaces those with the same target."""
    merged = dict(base)
    for key, value in given.items():
        if isinstance(value, dict):
            merged[key] = _over(merged.get(key, {}), value)
        elif key == "mappings":
            merged[key] = list(({m["target"]: m for m in merged[key]} | {m["target"]: m for m in value}).values())
        else:
            merged[key] = value
    return merged


def _sorted(app: dict[str, Any]) -> dict[str, list[Any]]:
    return {kind: sorted(app.get(kind, []), key=str) for kind in ("users", "groups")}


def _files(folder: Path) -> dict[str, bytes]:
    """What the databases hold, file by file; SQLite's index of its log is made anew by readers."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.endswith("-shm")}
