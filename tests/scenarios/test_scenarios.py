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

Each world runs against the app in memory; and over HTTP against the service provider that comes with Instep, unless
it has `memory_only` with the reason.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.small_world import SmallWorld
from tests.scenarios.company import DOMAIN, Company
from tests.scenarios.telling import app_content, log_line, plan_lines, without_changes
from tests.serviceprovider.world import organisation, verify

from instep.core.outcome import Done
from instep.core.plan import fingerprint
from instep.core.subject import Kind
from instep.ports import Target
from instep.scim.abilities import Abilities, override
from instep.serviceprovider import organisations
from instep.serviceprovider.app import App
from instep.serviceprovider.server import running
from instep.targets.gallery import template
from instep.targets.memory import MemoryTarget
from instep.targets.scim import ScimTarget
from instep.wiring import SystemClock

HERE = Path(__file__).parent
WORLDS = sorted(path.parent.name for path in HERE.glob("*/world.yaml"))


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((HERE / name / "world.yaml").read_text())


class Scenario:
    """One world, run in a folder against an app."""

    def __init__(self, given: dict[str, Any], folder: Path, target: Target) -> None:
        self.given = given
        self.target = target
        rules = _over(yaml.safe_load((HERE / "rules.yaml").read_text()), given.get("rules", {}))
        self.world = SmallWorld(folder, target=target, rules=rules)
        self.company = Company(self.world.directory, "app")
        self.company.add(given["directory"])

    async def change(self, word: str, given: Any) -> None:
        """Something happens."""
        if word in ("approve", "reject"):
            assert self.world.approve("approved" if word == "approve" else "rejected") == given
        elif word == "rules":
            self.world.rules = _over(self.world.rules, given)
        elif word == "wait":
            self.world.clock.shift += timedelta(hours=given)
        elif word == "vanish":
            everyone = [r async for page in self.target.pages(Kind.USER) for r in page]
            [app_id] = [r.id for r in everyone if r.document["userName"] == _whole(given)]
            assert isinstance((await self.target.delete(Kind.USER, app_id)).outcome, Done)
        else:
            getattr(self.company, word)(given)

    async def live(self, day: dict[str, Any]) -> None:
        """One day: its changes, the plan, the cycle, and once more."""
        for change in day.get("changes", []):
            for word, given in change.items():
                await self.change(word, given)
        await self._check_plan(day)
        seen = max((e.sequence for e in self.world.log()), default=0)
        summary = await self.world.sync()
        assert summary.result == day.get("result", "succeeded"), summary.message
        logged = day.get("log", [without_changes(line) for line in day["plan"]])
        assert sorted(log_line(entry) for entry in self.world.log(after=seen)) == sorted(logged)
        assert await self._content() == _sorted(day["app"])
        await self._check_nothing_to_do()

    async def _check_plan(self, day: dict[str, Any]) -> None:
        before = _files(self.world.folder), await self._content()
        plan, skipped = await self.world.plan()
        assert plan_lines(plan, skipped) == day["plan"]
        held = day.get("held", {})
        assert plan.verdict.held.keys() == held.keys()
        for kind, words in held.items():
            assert words in plan.verdict.held[kind]
        assert (_files(self.world.folder), await self._content()) == before
        again, _ = await self.world.plan()
        assert again.fingerprint == plan.fingerprint
        assert fingerprint(d.digest for d in again.held) == fingerprint(d.digest for d in plan.held)

    async def _content(self) -> dict[str, Any]:
        return await app_content(self.target, self.world.job.rules, DOMAIN)

    async def _check_nothing_to_do(self) -> None:
        plan, skipped = await self.world.plan()
        assert plan_lines(plan, skipped) == []
        summary = await self.world.sync()
        assert (summary.result, summary.counts) == ("succeeded", {"requests": 0})


@pytest.mark.parametrize("name", WORLDS)
async def test_world_goes_as_it_is_written(name: str, tmp_path: Path) -> None:
    given = _read(name)
    target = MemoryTarget(override(Abilities(enforces_uniqueness=True), given.get("abilities", {})))
    ids: dict[str, str] = {}
    before = given.get("app") or {}
    for user in before.get("users", []):
        ids[user["userName"]] = target.put(Kind.USER, user | {"userName": _whole(user["userName"])})
    for group in before.get("groups", []):
        target.put(Kind.GROUP, {"displayName": group["displayName"]}, [ids[m] for m in group.get("members", [])])
    await _live(Scenario(given, tmp_path, target))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WORLDS if "memory_only" not in _read(name)])
async def test_world_goes_the_same_over_http(name: str, tmp_path: Path) -> None:
    given = _read(name)
    app = App(tmp_path / "app")
    _, token = organisation(app, domain=DOMAIN[1:])
    with app.database.writing() as connection:
        verify(app, connection, organisations.find(connection, "Acme"), "fabrikam.example")
    async with running(app) as url:
        target = ScimTarget(url, token, SystemClock(), template("mixpanel").abilities)
        try:
            await _fill(target, given.get("app") or {})
            await _live(Scenario(given, tmp_path / "instep", target))
        finally:
            await target.close()
    app.close()


async def _fill(target: Target, before: dict[str, Any]) -> None:
    ids: dict[str, str] = {}
    for user in before.get("users", []):
        made = await target.create(Kind.USER, user | {"userName": _whole(user["userName"])})
        assert made.app_id, made
        ids[user["userName"]] = made.app_id
    for group in before.get("groups", []):
        members = [ids[name] for name in group.get("members", [])]
        made = await target.create(Kind.GROUP, {"displayName": group["displayName"]}, members)
        assert made.app_id, made


async def _live(scenario: Scenario) -> None:
    try:
        for number, day in enumerate(scenario.given["days"], 1):
            try:
                await scenario.live(day)
            except AssertionError as wrong:
                wrong.add_note(f"on day {number}: {scenario.given['about']}")
                raise
    finally:
        scenario.world.close()


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
