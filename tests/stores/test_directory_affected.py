"""Who is affected since n: against a naive recomputation, with random edits of a small directory."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind, Presence, Subject
from instep.ports import View
from instep.stores.directory import DirectoryStore
from instep.stores.directory.editor import Editor

USERS = [f"u{n}" for n in range(4)]
GROUPS = [f"g{n}" for n in range(4)]
SCAFFOLD = [("write", id, "") for id in USERS + GROUPS]
SCAFFOLD += [("assign", "g0", "r"), ("join", "g0", "g1"), ("join", "g1", "g2"), ("join", "g3", "g0")]
SCAFFOLD += [("join", "g0", "u0"), ("join", "g1", "u1"), ("join", "g2", "u2"), ("join", "g3", "u3")]
DELETED = datetime(2026, 5, 4, tzinfo=UTC)
VIEWS = [
    View("app", scope, (), nesting, members)
    for scope in ("assigned", "all")
    for nesting in ("descendants", "direct")
    for members in ("flattened", "direct")
]


@dataclass
class World:
    """What the store should hold, kept as plainly as can be."""

    presence: dict[str, str] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    managers: dict[str, str | None] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)
    assigned: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> "World":
        return World(dict(self.presence), dict(self.texts), dict(self.managers), set(self.edges), set(self.assigned))

    def here(self, id: str) -> bool:
        return self.presence.get(id, "purged") == "present"

    def people(self, group: str, deep: bool) -> set[str]:
        """The users in a group: below it, or directly in it."""
        found, seen, waiting = set[str](), {group}, [group]
        while waiting:
            parent = waiting.pop()
            for owner, child in self.edges:
                if owner != parent:
                    continue
                if child in USERS:
                    found.add(child)
                elif deep and self.here(child) and child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return found

    def answer(self, id: str, view: View) -> Any:
        """What `subjects` should say of it, as far as it decides anything."""
        roles = {role for app, role in self.assigned_to(id)}
        members: set[str] = set()
        if id in USERS:
            deep = view.scope_nesting == "descendants"
            for owner, role in self.assigned:
                if owner in GROUPS and self.here(owner) and id in self.people(owner, deep):
                    roles.add(role)
        elif view.member_nesting == "flattened":
            members = self.people(id, True)
        else:
            members = {child for owner, child in self.edges if owner == id and (child in USERS or self.here(child))}
        presence = self.presence.get(id, "purged")
        return presence, self.texts.get(id, 0), self.managers.get(id), frozenset(roles), frozenset(members)

    def assigned_to(self, id: str) -> set[tuple[str, str]]:
        return {(owner, role) for owner, role in self.assigned if owner == id}


Step = tuple[str, str, str]
steps = st.one_of(
    st.tuples(st.sampled_from(["write", "delete", "purge"]), st.sampled_from(USERS), st.just("")),
    st.tuples(st.sampled_from(["write", "delete", "purge"]), st.sampled_from(GROUPS), st.just("")),
    st.tuples(st.sampled_from(["join", "join", "leave"]), st.sampled_from(GROUPS), st.sampled_from(USERS + GROUPS)),
    st.tuples(st.sampled_from(["assign", "unassign"]), st.sampled_from(GROUPS + USERS[:2]), st.sampled_from("rs")),
    st.tuples(st.just("manager"), st.sampled_from(USERS), st.sampled_from(USERS)),
)


def kind_of(id: str) -> Kind:
    return Kind.USER if id in USERS else Kind.GROUP


def play(world: World, editor: Editor, step: Step) -> None:
    """Do the step in both, where it means something."""
    what, one, other = step
    if what == "write" or (what == "delete" and world.presence.get(one) == "present"):
        if what == "write":
            world.texts[one] = world.texts.get(one, 0) + 1
        world.presence[one] = "present" if what == "write" else "soft-deleted"
        put(world, editor, one)
    elif what == "purge" and world.presence.get(one) == "soft-deleted":
        world.presence[one], world.texts[one], world.managers[one] = "purged", 0, None
        world.edges = {edge for edge in world.edges if one not in edge}
        world.assigned = {a for a in world.assigned if a[0] != one}
        world.managers |= {user: None for user, manager in world.managers.items() if manager == one}
        editor.purge(kind_of(one), [one])
    elif what == "manager" and world.here(one) and world.here(other):
        world.managers[one] = other
        put(world, editor, one)
    elif what == "join" and world.here(one) and world.here(other) and one != other:
        world.edges.add((one, other))
        editor.join(one, kind_of(other), other)
    elif what == "leave":
        world.edges.discard((one, other))
        editor.leave(one, other)
    elif what == "assign" and world.here(one):
        world.assigned.add((one, other))
        editor.assign(Assignment(f"{one}-{other}", "app", kind_of(one), one, other))
    elif what == "unassign":
        world.assigned.discard((one, other))
        editor.unassign("app", one, other)


def put(world: World, editor: Editor, id: str) -> None:
    presence = Presence(world.presence[id])
    editor.put(
        Entry(
            kind_of(id),
            id,
            id,
            {"text": world.texts[id]},
            manager=world.managers.get(id),
            presence=presence,
            deleted=None if presence is Presence.PRESENT else DELETED,
        )
    )


def told(subject: Subject) -> Any:
    """What a subject says, in the words of `World.answer`."""
    return (
        subject.presence.value,
        subject.attributes.get("text", 0),
        subject.manager,
        frozenset(g.role_id for g in subject.grants),
        frozenset(subject.members),
    )


def around(before: World, after: World, touched: set[str]) -> set[str]:
    """The widest that `affected` may answer: what was touched, the people below it and the groups above it."""
    world = World(dict.fromkeys(GROUPS, "present"), edges=before.edges | after.edges)
    below = {user for id in touched for user in world.people(id, True)}
    return touched | below | {group for group in GROUPS if touched & reached(world, group)}


def reached(world: World, group: str) -> set[str]:
    """A group and whatever is below it, down to the people and to groups that are deleted."""
    found, waiting = {group}, [group]
    while waiting:
        parent = waiting.pop()
        fresh = {child for owner, child in world.edges if owner == parent} - found
        found |= fresh
        waiting.extend(child for child in fresh if world.here(child))
    return found


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "directory.db"
    DirectoryStore(path).close()
    return path


@pytest.fixture
def fresh(empty: Path, tmp_path: Path) -> Iterator[Callable[[], DirectoryStore]]:
    opened: list[DirectoryStore] = []

    def make() -> DirectoryStore:
        path = tmp_path / f"{len(opened)}.db"
        shutil.copy(empty, path)
        opened.append(DirectoryStore(path))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12), st.lists(st.lists(steps, min_size=1, max_size=3), min_size=1, max_size=3))
def test_affected_holds_whoever_changed_and_nobody_the_port_does_not_name(
    fresh: Callable[[], DirectoryStore], first: list[Step], later: list[list[Step]]
) -> None:
    store, world = fresh(), World()
    with store.edit() as editor:
        for step in [*SCAFFOLD, *first]:
            play(world, editor, step)
    since, before = store.sequence(), world.copy()
    for transaction in later:
        with store.edit() as editor:
            for step in transaction:
                play(world, editor, step)
    touched = {id for transaction in later for step in transaction for id in step[1:]}
    touched |= {id for id in USERS if before.managers.get(id) != world.managers.get(id)}
    with store.reader() as reader:
        for view in VIEWS:
            for kind, ids in ((Kind.USER, USERS), (Kind.GROUP, GROUPS)):
                answers = {s.id: told(s) for s in reader.subjects(view, kind, ids)}
                assert answers == {id: world.answer(id, view) for id in ids}
                affected = [id for page in reader.affected(view, kind, since) for id in page]
                assert affected == sorted(set(affected))
                changed = {id for id in ids if before.answer(id, view) != answers[id]}
                if kind is Kind.GROUP and view.scope == "assigned":
                    changed = {id for id in changed if before.assigned_to(id) or world.assigned_to(id)}
                assert changed <= set(affected), view
                assert set(affected) <= around(before, world, touched), view

                everybody = [id for page in reader.affected(view, kind, None) for id in page]
                grants = {id for id in ids if world.answer(id, view)[3]} if view.scope == "assigned" else set(ids)
                assert everybody == sorted(id for id in grants if world.here(id))
