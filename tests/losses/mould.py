"""The firm in step, made once for each set of rules and copied for each test."""

import copy
import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.engine.small_world import small_world
from tests.losses.firm import ASSIGNED, GROUPS, MEMBER, Firm, people

from instep.core.directory import Assignment
from instep.core.subject import Kind
from instep.hostile.exports import Export
from instep.stores.directory.editor import Editor
from instep.targets.memory import MemoryTarget


class Mould:
    """The firm in step, made once for each set of rules and copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, MemoryTarget] = {}
        self._numbers = itertools.count()

    async def cast(self, kind: str, rules: dict[str, Any]) -> None:
        """Make the firm for these rules, unless it's there."""
        if kind in self._made:
            return
        with small_world(self._folder / kind, rules=rules) as world:
            firm = Firm(world)
            firm.imports(Export(tuple(people())).written())
            firm.imports_groups(GROUPS)
            assert not firm.refused, firm.refused
            roles = {"staff": MEMBER}
            if rules.get("scope") != "all":
                firm.edit(lambda edit: [_assign(edit, group, roles) for group in ASSIGNED])
            await firm.sync()
            world.target.fenced_by(_no_fence)
            world.target.calls.clear()
            self._made[kind] = world.target

    @contextmanager
    def firm(self, kind: str, rules: dict[str, Any]) -> Iterator[Firm]:
        """A copy of its own, with what was cast in it. A day has gone since."""
        folder = self._folder / f"copy-{next(self._numbers)}"
        shutil.copytree(self._folder / kind, folder)
        try:
            with small_world(folder, target=copy.deepcopy(self._made[kind]), rules=rules) as world:
                world.clock.shift += timedelta(days=2)
                yield Firm(world)
        finally:
            shutil.rmtree(folder)


def _assign(edit: Editor, group: str, roles: Mapping[str, str]) -> None:
    given = {"role": roles[group]} if group in roles else {}
    edit.assign(Assignment(f"as-{group}", "app", Kind.GROUP, group, **given))


def _no_fence() -> None:
    """No lease is looked at."""
