"""What the app holds: users and groups in memory, and what it held a moment ago.

Documents are replaced, never changed in place, so that an earlier state can be shown (`as_of`). A group's document
carries its members. Nothing here refuses anything: that is the app's to do.
"""

import random
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from instep.hostile.attributes import get

Kind = Literal["Users", "Groups"]
Document = dict[str, Any]
KINDS: tuple[Kind, ...] = ("Users", "Groups")


class Content:
    """The users and groups, by id.

    seed: of the ids. clock: seconds that only go forward. remembers: for how many seconds what was is kept.
    """

    def __init__(self, seed: int, clock: Callable[[], float], remembers: float = 120.0) -> None:
        self._chance = random.Random(f"{seed} ids")
        self._clock = clock
        self._remembers = remembers
        self._all: dict[Kind, dict[str, Document]] = {"Users": {}, "Groups": {}}
        self._names: dict[tuple[Kind, str], list[str]] = {}
        self._before: deque[tuple[float, Kind, str, Document | None]] = deque()
        self.numbered = False
        """Whether ids are numbers, and no UUIDs."""
        self._last = 0

    def all(self, kind: Kind) -> dict[str, Document]:
        """Everything of that kind, by id; to be read only."""
        return self._all[kind]

    def new_id(self) -> str:
        """An id that nothing has had."""
        self._last += 1
        return str(self._last) if self.numbered else str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def put(self, kind: Kind, app_id: str, document: Document | None) -> None:
        """Keep a document under that id, or nothing any more. Who is gone is in no group either."""
        before = self._all[kind].get(app_id)
        now = self._clock()
        self._before.append((now, kind, app_id, before))
        while self._before[0][0] < now - self._remembers:
            self._before.popleft()
        if before is not None:
            self._names[kind, _name(kind, before)].remove(app_id)
        if document is not None:
            self._all[kind][app_id] = document
            self._names.setdefault((kind, _name(kind, document)), []).append(app_id)
            return
        self._all[kind].pop(app_id, None)
        for group_id, group in list(self._all["Groups"].items()):
            members = get(group, "members") or []
            if any(member["value"] == app_id for member in members):
                self.put("Groups", group_id, {**group, "members": [m for m in members if m["value"] != app_id]})

    def named(self, kind: Kind, name: str) -> list[str]:
        """The ids of users with that userName, or of groups with that displayName, whatever its case."""
        return list(self._names.get((kind, name.casefold()), ()))

    def as_of(self, kind: Kind, moment: float) -> dict[str, Document]:
        """Everything of that kind as it was then."""
        shown = self._all[kind]
        if not self._before or self._before[-1][0] <= moment:
            return shown
        shown = dict(shown)
        for when, changed, app_id, before in reversed(self._before):
            if when <= moment:
                break
            if changed == kind and before is None:
                shown.pop(app_id, None)
            elif changed == kind and before is not None:
                shown[app_id] = before
        return shown

    def truth(self) -> dict[str, list[Document]]:
        """All that is really there, with members."""
        return {kind.lower(): list(self._all[kind].values()) for kind in KINDS}


def _name(kind: Kind, document: Document) -> str:
    return str(get(document, "userName" if kind == "Users" else "displayName") or "").casefold()
