"""A firm of sixty people whose app is in step, to be lost in one way or another; and what it lost, seen in the app.

Its people come from an export in Entra's CSV, its groups from JSON Lines, both as the whole truth. Everybody is in
scope through `staff`, which is assigned and has nobody in it but other groups; engineers also through their own.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from tests.engine.small_world import SmallWorld
from tests.losses.lost import Held

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind, Presence
from instep.directory.importing import ImportRefused, RemovalsRefused, import_files
from instep.hostile.exports import Export, Row
from instep.ports import CycleSummary
from instep.sources import Unrecognised, recognise
from instep.stores.directory.editor import Editor

DOMAIN = "@firm.example"
MEMBER = "11111111-0000-0000-0000-000000000000"
READER = "22222222-0000-0000-0000-000000000000"
EVERYBODY = tuple(f"u{n:02}" for n in range(60))
SALES, SUPPORT, PLATFORM, PRODUCT, OFFICE = (EVERYBODY[a:b] for a, b in itertools.pairwise((0, 20, 30, 45, 55, 60)))
GROUPS: dict[str, tuple[str, ...]] = {
    "sales": SALES,
    "support": SUPPORT,
    "commerce": ("sales", "support"),
    "platform": PLATFORM,
    "product": PRODUCT,
    "engineering": ("platform", "product"),
    "office": OFFICE,
    "staff": ("commerce", "engineering", "office"),
    "leads": ("u00", "u20", "u30", "u45", "u55"),
    "oncall": PLATFORM[:8],
    "choir": ("u05", "u15", "u25", "u35", "u45"),
}
ASSIGNED = ("staff", "engineering", "platform", "product", "leads", "oncall", "choir")
ROLES = [
    {"id": MEMBER, "value": "member", "display_name": "Member"},
    {"id": READER, "value": "reader", "display_name": "Reader"},
]
RULES: dict[str, Any] = {
    "scope": "assigned",
    "roles": ROLES,
    "users": {
        "mappings": [
            {"target": "userName", "source": "[userPrincipalName]", "matching": 1},
            {"target": "externalId", "source": "[employeeId]", "matching": 2},
            {"target": "displayName", "source": "[displayName]"},
            {"target": "title", "source": "[jobTitle]"},
            {"target": "userType", "source": "SingleAppRoleAssignment([appRoleAssignments])"},
        ],
        "filters": [
            {"name": "Staff", "clauses": [{"attribute": "employeeType", "operator": "EQUALS", "value": "Employee"}]}
        ],
    },
    "groups": {"mappings": [{"target": "displayName", "source": "[displayName]", "matching": 1}], "members": True},
}
"""The job's rules; the guard's limits are the usual ones."""

NEWCOMER, PROMOTED, FOUNDED, JOINED = "newcomer", "promoted", "founded", "joined"
ORDINARY = frozenset({NEWCOMER, PROMOTED, FOUNDED, JOINED})
"""What else happens on that day: somebody is hired, u00 gets another title, a group is founded, u31 joins the leads."""


def upn(id: str) -> str:
    """What the directory and the app call that person."""
    return id + DOMAIN


def person(id: str, /, **changed: Any) -> Row:
    """Somebody's row in the export."""
    row: Row = {
        "id": id,
        "userPrincipalName": upn(id),
        "displayName": id.title(),
        "jobTitle": "Clerk",
        "department": next((name for name, members in GROUPS.items() if id in members), ""),
        "employeeId": f"E-{id}",
        "employeeType": "Employee",
        "accountEnabled": True,
    }
    return {**row, **changed}


def people(ids: Iterable[str] = EVERYBODY, **changed: Any) -> list[Row]:
    """The rows of these people."""
    return [person(id, **changed) for id in ids]


def ruled(users: Mapping[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """The rules with some keys changed."""
    return {**RULES, "users": {**RULES["users"], **(users or {})}, **changed}


def mapped(target: str, source: str, **more: Any) -> dict[str, Any]:
    """The users' section with that mapping in place of the one with the same target, or beside the others."""
    rows = [row for row in RULES["users"]["mappings"] if row["target"] != target]
    known = next((row for row in RULES["users"]["mappings"] if row["target"] == target), {})
    return {"mappings": [*rows, {**known, "target": target, "source": source, **more}]}


class Firm:
    """The firm on the day that something is lost."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self._numbers = itertools.count()
        self.refused = ""
        """Why the day's import was refused."""
        self.before: Held | None = None
        """What the app held when the loss began, where more happened earlier."""

    # ------------------------------------------------------------------------------ how things are lost

    def edit(self, change: Callable[[Editor], Any]) -> None:
        """One change of the directory."""
        with self.world.directory.edit() as edit:
            change(edit)

    def put(self, kind: Kind, ids: Iterable[str], **fields: Any) -> None:
        """Change fields of entries."""

        def change(edit: Editor) -> None:
            for id in ids:
                entry = edit.entry(kind, id)
                assert entry is not None, id
                edit.put(replace(entry, **fields))

        self.edit(change)

    def delete(self, kind: Kind, ids: Iterable[str]) -> None:
        """Into the recycle bin."""
        self.put(kind, ids, presence=Presence.SOFT_DELETED, deleted=self.world.clock.now())

    def purge(self, kind: Kind, ids: Sequence[str]) -> None:
        """Out of the recycle bin, for good."""
        self.edit(lambda edit: edit.purge(kind, ids))

    def leave(self, group: str, members: Iterable[str] | None = None) -> None:
        """Members are taken out of a group; all of them, unless they're named."""
        self.edit(lambda edit: [edit.leave(group, member) for member in (members or GROUPS[group])])

    def unassign(self, *principals: str) -> None:
        """The app is taken away."""
        self.edit(lambda edit: [edit.unassign("app", principal, None) for principal in principals])

    def imports(self, content: bytes | Sequence[Row], name: str = "users.csv", **options: Any) -> None:
        """An export is imported as the whole truth: its bytes, or the rows of people to which the day's newcomer and
        promotion are added. When it's refused, `refused` says why."""
        if not isinstance(content, bytes):
            content = Export(tuple(self.with_the_day(content))).written()
        file = self.world.folder / name
        file.write_bytes(content)
        group = options.pop("group", None)
        try:
            import_files(
                self.world.directory,
                [recognise(file, None, group)],
                now=self.world.clock.now(),
                new_id=lambda: f"made-{next(self._numbers)}",
                replace=True,
                **options,
            )
        except (ImportRefused, RemovalsRefused, Unrecognised) as said:
            self.refused = str(said)

    def with_the_day(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with the newcomer and the promotion."""
        promoted = [{**row, "jobTitle": "Director"} if row.get("id") == "u00" else row for row in rows]
        columns = set(rows[0]) if rows else set(person("n00"))
        return [*promoted, {name: value for name, value in person("n00").items() if name in columns}]

    def imports_groups(self, groups: Mapping[str, Sequence[str]], **options: Any) -> None:
        """An export of groups and memberships is imported as the whole truth."""
        rows: list[dict[str, str]] = [{"type": "group", "id": id, "displayName": id.title()} for id in groups]
        rows += [{"type": "membership", "group": id, "member": m} for id, members in groups.items() for m in members]
        self.imports("".join(json.dumps(row) + "\n" for row in rows).encode(), "groups.jsonl", **options)

    def ordinary_day(self) -> None:
        """What happens besides, where the import hasn't brought it."""
        with self.world.directory.edit() as edit:
            if edit.entry(Kind.USER, "n00") is None:
                row = person("n00")
                given = {k: v for k, v in row.items() if k not in ("id", "userPrincipalName", "accountEnabled")}
                edit.put(Entry(Kind.USER, "n00", upn("n00"), given, source="entra"))
            edit.assign(Assignment("as-n00", "app", Kind.USER, "n00", MEMBER))
            edit.put(Entry(Kind.GROUP, "taskforce", "Taskforce"))
            edit.join("taskforce", Kind.USER, "n00")
            edit.assign(Assignment("as-taskforce", "app", Kind.GROUP, "taskforce"))
            boss = edit.entry(Kind.USER, "u00")
            if boss is not None and boss.presence is not Presence.PURGED:
                edit.put(replace(boss, attributes={**boss.attributes, "jobTitle": "Director"}))
            if (joining := edit.entry(Kind.USER, "u31")) is not None and joining.presence is not Presence.PURGED:
                edit.join("leads", Kind.USER, "u31")

    def begins_again(self) -> None:
        """Whatever happened up to now was only the way there."""
        self.before = self.held()

    # ------------------------------------------------------------------------------------ what comes of it

    async def sync(self, hours: float = 0) -> CycleSummary:
        """One cycle, so many hours later."""
        self.world.clock.shift += timedelta(hours=hours)
        return await self.world.sync()

    def held(self) -> Held:
        """What the app holds now."""
        target = self.world.target
        groups = target.content(Kind.GROUP)
        return Held(
            target.content(Kind.USER),
            {i: group["displayName"] for i, group in groups.items()},
            {i: frozenset(target.members_of(i)) for i in groups},
        )

    def waiting(self) -> frozenset[str]:
        """The names of all who are listed as held, as the app knows them."""
        held = self.held()
        known = {i: user["userName"] for i, user in held.users.items()} | dict(held.groups)
        with self.world.state.reading() as state:
            holds = state.holds("app")
        listed = {link.app_id or "": link.name for link, hold in holds if hold.verdict == "waiting"}
        with self.world.directory.browse() as browser:
            for app_id, name in listed.items():
                assert name == known[app_id] or any(browser.named(kind, name) for kind in Kind), name
        return frozenset(known[app_id] for app_id in listed)

    def members_waiting(self) -> frozenset[tuple[str, str]]:
        """Group and member of each removal that waits, as the log told it last."""
        with self.world.state.reading() as state:
            waiting = {link.subject_id: link.name for link, hold in state.holds("app") if hold.verdict == "waiting"}
        told = {entry.subject_id: entry.removed for entry in self.world.log() if entry.action == "hold"}
        return frozenset((waiting[g], upn(m.id)) for g, members in told.items() if g in waiting for m in members)

    def day_went_on(self) -> frozenset[str]:
        """What of the ordinary day has reached the app."""
        held = self.held()
        users = {user["displayName"]: i for i, user in held.users.items()}
        groups = {name: held.members[i] for i, name in held.groups.items()}
        u31 = users.get("U31")
        seen = {
            NEWCOMER: "N00" in users,
            PROMOTED: any(user.get("title") == "Director" for user in held.users.values()),
            FOUNDED: "Taskforce" in groups,
            JOINED: u31 in groups.get("Leads", ()),
        }
        return frozenset(name for name, there in seen.items() if there)
