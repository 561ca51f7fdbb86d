"""The directory's store: what the engine reads of a subject, the sequence, the epoch, the schema."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from instep.core.directory import Assignment, Entry, File, Row
from instep.core.subject import DEFAULT_ACCESS, Grant, Kind, Presence
from instep.ports import View
from instep.stores.directory import DirectoryStore
from instep.stores.directory.tables import metadata
from instep.stores.schema import DatabaseUnavailable

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def view(app: str = "app", scope: str = "assigned", nesting: str = "descendants", members: str = "flattened") -> View:
    return View(app, scope, (), nesting, members)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    made = DirectoryStore(tmp_path / "directory.db")
    yield made
    made.close()


def user(id: str, **fields: object) -> Entry:
    return Entry(Kind.USER, id, f"{id}@x.example", **fields)  # pyright: ignore[reportArgumentType]


def group(id: str, **fields: object) -> Entry:
    return Entry(Kind.GROUP, id, f"Group {id}", **fields)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def nested(store: DirectoryStore) -> DirectoryStore:
    """Group a holds b and u1, b holds c and u2, c holds u3; a has the app, and so has u1 with a role."""
    with store.edit() as editor:
        for id in ("u1", "u2", "u3", "u4"):
            editor.put(user(id, attributes={"jobTitle": id.upper()}, manager="u4" if id != "u4" else None))
        for id in ("a", "b", "c"):
            editor.put(group(id))
        for owner, member in (("a", "u1"), ("b", "u2"), ("c", "u3")):
            editor.join(owner, Kind.USER, member)
        editor.join("a", Kind.GROUP, "b")
        editor.join("b", Kind.GROUP, "c")
        editor.assign(Assignment("a-1", "app", Kind.GROUP, "a"))
        editor.assign(Assignment("a-2", "app", Kind.USER, "u1", "role"))
    return store


def grants(store: DirectoryStore, id: str, seen: View) -> tuple[Grant, ...]:
    with store.reader() as reader:
        (subject,) = reader.subjects(seen, Kind.USER, [id])
    return subject.grants


def members(store: DirectoryStore, id: str, seen: View) -> tuple[str, ...]:
    with store.reader() as reader:
        (subject,) = reader.subjects(seen, Kind.GROUP, [id])
    return subject.members


def test_a_subject_comes_with_attributes_manager_and_number(nested: DirectoryStore) -> None:
    with nested.reader() as reader:
        (subject,) = reader.subjects(view(), Kind.USER, ["u2"])
    assert (subject.name, subject.seq, subject.manager) == ("u2@x.example", 1, "u4")
    assert subject.attributes == {"userPrincipalName": "u2@x.example", "jobTitle": "U2"}


def test_subjects_come_in_the_order_that_was_asked_for_and_unknown_ones_as_purged(nested: DirectoryStore) -> None:
    with nested.reader() as reader:
        found = reader.subjects(view(), Kind.USER, ["u3", "nobody", "u1"])
    assert [subject.id for subject in found] == ["u3", "nobody", "u1"]
    assert found[1].presence is Presence.PURGED


def test_a_grant_tells_the_path_from_the_assigned_group_down(nested: DirectoryStore) -> None:
    assert grants(nested, "u1", view()) == (Grant("a-2", "role"), Grant("a-1", DEFAULT_ACCESS, ("Group a",)))
    assert grants(nested, "u3", view()) == (Grant("a-1", DEFAULT_ACCESS, ("Group a", "Group b", "Group c")),)
    assert grants(nested, "u4", view()) == ()
    assert grants(nested, "u1", view("another app")) == ()


def test_direct_nesting_gives_the_app_to_direct_members_only(nested: DirectoryStore) -> None:
    direct = view(nesting="direct")
    assert grants(nested, "u1", direct)
    assert not grants(nested, "u2", direct)
    with nested.reader() as reader:
        assert list(reader.affected(direct, Kind.USER, None)) == [["u1"]]


def test_of_several_paths_the_shortest_is_told(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.join("a", Kind.USER, "u3")
    assert grants(nested, "u3", view()) == (Grant("a-1", DEFAULT_ACCESS, ("Group a",)),)


def test_a_nested_group_is_not_provisioned_unless_it_is_assigned_itself(nested: DirectoryStore) -> None:
    with nested.reader() as reader:
        assert list(reader.affected(view(), Kind.GROUP, None)) == [["a"]]
        a, b = reader.subjects(view(), Kind.GROUP, ["a", "b"])
    assert (a.grants, b.grants) == ((Grant("a-1"),), ())


def test_members_are_flattened_or_direct(nested: DirectoryStore) -> None:
    assert members(nested, "a", view()) == ("u1", "u2", "u3")
    assert members(nested, "a", view(members="direct")) == ("b", "u1")


def test_the_deleted_and_the_disabled_stay_members_and_the_purged_do_not(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.put(user("u1", presence=Presence.SOFT_DELETED, deleted=NOW))
        editor.put(user("u2", enabled=False))
    assert members(nested, "a", view()) == ("u1", "u2", "u3")
    with nested.edit() as editor:
        editor.purge(Kind.USER, ["u1"])
    assert members(nested, "a", view()) == ("u2", "u3")


def test_a_deleted_group_gives_nothing_to_those_below_until_it_is_restored(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.put(group("b", presence=Presence.SOFT_DELETED, deleted=NOW))
    assert grants(nested, "u3", view()) == ()
    assert members(nested, "a", view()) == ("u1",)
    assert members(nested, "a", view(members="direct")) == ("u1",)
    with nested.edit() as editor:
        editor.put(group("b"))
    assert grants(nested, "u3", view())


def test_a_circle_of_groups_ends(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.join("c", Kind.GROUP, "a")
    assert members(nested, "c", view()) == ("u1", "u2", "u3")
    with nested.reader() as reader:
        assert list(reader.affected(view(), Kind.USER, None)) == [["u1", "u2", "u3"]]
        assert list(reader.affected(view(), Kind.USER, 1)) == [["u1", "u2", "u3"]]


def test_a_new_name_of_a_group_concerns_nobody_but_the_group(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.put(Entry(Kind.GROUP, "a", "Another name"))
    with nested.reader() as reader:
        assert list(reader.affected(view(), Kind.USER, 1)) == []
        assert list(reader.affected(view(), Kind.GROUP, 1)) == [["a"]]


def test_a_disabled_user_and_a_purged_one_are_affected(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.put(user("u4", enabled=False))
    with nested.edit() as editor:
        editor.purge(Kind.USER, ["u3"])
    with nested.reader() as reader:
        assert list(reader.affected(view(), Kind.USER, 1)) == [["u3", "u4"]]
        assert list(reader.affected(view(), Kind.USER, 2)) == [["u3"]]


def test_those_who_lose_their_manager_to_a_purge_are_affected(nested: DirectoryStore) -> None:
    with nested.edit() as editor:
        editor.purge(Kind.USER, ["u4"])
    with nested.reader() as reader:
        assert list(reader.affected(view(), Kind.USER, 1)) == [["u1", "u2", "u3", "u4"]]


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(nested: DirectoryStore) -> None:
    with nested.reader() as reader:
        with nested.edit() as editor:
            editor.put(user("u5"))
            editor.join("a", Kind.USER, "u5")
        assert nested.sequence() == 2
        assert reader.sequence == 1
        assert list(reader.affected(view(), Kind.USER, None)) == [["u1", "u2", "u3"]]
        assert reader.subjects(view(), Kind.USER, ["u5"])[0].presence is Presence.PURGED


def test_pages_are_ascending_and_each_id_comes_once(store: DirectoryStore) -> None:
    with store.edit() as editor:
        editor.put(group("g"))
        editor.put(group("h"))
        for n in range(1_250):
            editor.put(user(f"u{n:04d}"))
            editor.join("g", Kind.USER, f"u{n:04d}")
            editor.join("h", Kind.USER, f"u{n:04d}")
        for assigned in ("g", "h"):
            editor.assign(Assignment(assigned, "app", Kind.GROUP, assigned))
    with store.reader() as reader:
        for since in (None, 0):
            pages = list(reader.affected(view(), Kind.USER, since))
            assert [len(page) for page in pages] == [500, 500, 250]
            assert [id for page in pages for id in page] == [f"u{n:04d}" for n in range(1_250)]
        # A page may be left and another one begun: nothing is kept of it.
        first = next(reader.affected(view(), Kind.USER, None))
        assert len(reader.subjects(view(), Kind.USER, first)) == 500


def test_populated_says_whether_anybody_living_could_be_in_scope(nested: DirectoryStore) -> None:
    with nested.reader() as reader:
        assert reader.populated(view())
        assert not reader.populated(view("another app"))
        assert reader.populated(view("another app", "all"))
    with nested.edit() as editor:
        editor.purge(Kind.USER, ["u1", "u2"])
        editor.put(user("u3", presence=Presence.SOFT_DELETED, deleted=NOW))
    with nested.reader() as reader:
        assert not reader.populated(view())


def test_what_fails_half_way_leaves_nothing_and_takes_no_number(nested: DirectoryStore) -> None:
    def broken() -> None:
        with nested.edit() as editor:
            editor.put(user("u9"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert nested.sequence() == 1
    with nested.browse() as browser:
        assert browser.entry(Kind.USER, "u9") is None


def test_another_directory_has_another_epoch_and_an_edit_keeps_it(nested: DirectoryStore, tmp_path: Path) -> None:
    other = DirectoryStore(tmp_path / "other" / "directory.db")
    with other.reader() as reader, nested.reader() as mine:
        assert reader.epoch != mine.epoch
        epoch = mine.epoch
    other.close()
    with nested.edit() as editor:
        editor.put(user("u9"))
    with nested.reader() as reader:
        assert reader.epoch == epoch


def epoch_of(path: Path) -> str:
    store = DirectoryStore(path)
    with store.reader() as reader:
        found = reader.epoch
    store.close()
    return found


def edit_once(path: Path, id: str) -> None:
    store = DirectoryStore(path)
    with store.edit() as editor:
        editor.put(user(id))
    store.close()


def test_a_directory_restored_from_a_copy_gets_another_epoch_with_its_first_change(tmp_path: Path) -> None:
    path, copy = tmp_path / "directory.db", tmp_path / "copy.db"
    edit_once(path, "u1")
    shutil.copy(path, copy)
    edit_once(path, "u2")
    epoch = epoch_of(path)
    shutil.copy(copy, path)
    edit_once(path, "u3")  # the number is that of u2 again, and means something else
    assert epoch_of(path) != epoch
    epoch = epoch_of(path)
    edit_once(path, "u4")
    assert epoch_of(path) == epoch


def test_an_empty_directory_that_replaces_a_used_one_is_noticed(tmp_path: Path) -> None:
    path, copy = tmp_path / "directory.db", tmp_path / "copy.db"
    epoch = epoch_of(path)
    shutil.copy(path, copy)
    edit_once(path, "u1")
    assert epoch_of(path) == epoch
    shutil.copy(copy, path)
    edit_once(path, "u2")
    assert epoch_of(path) != epoch


def test_a_directory_without_its_mark_is_taken_for_a_restored_one(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    edit_once(path, "u1")
    epoch = epoch_of(path)
    (tmp_path / "directory.db.mark").unlink()
    edit_once(path, "u2")
    assert epoch_of(path) != epoch


def test_a_full_disk_ends_an_import_with_a_clear_error_and_nothing_done(store: DirectoryStore) -> None:
    def stage() -> None:
        with store.staging(str) as staging:
            staging._connection.execute("PRAGMA max_page_count = 20")
            staging.open(0, File("file", "test"))
            for n in range(100):
                staging.add(0, [Row(n, Kind.USER, f"u{n}", f"u{n}@x.example", {"notes": "x" * 5_000})])

    with pytest.raises(DatabaseUnavailable, match=r"full\. Nothing was imported"):
        stage()
    assert store.sequence() == 0
    assert not list(store.path.parent.glob("*.staging"))


def test_the_migrations_make_what_the_queries_are_written_against(store: DirectoryStore) -> None:
    with store._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
