"""A directory of its own for each test, and files that are written in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from instep.core.directory import Counts, Entry
from instep.core.subject import Kind
from instep.directory.importing import import_files
from instep.sources import recognise
from instep.stores.directory import DirectoryStore

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
FILES = Path(__file__).parent.parent / "sources" / "files"


class World:
    """A directory with the use cases at hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DirectoryStore(folder / "directory.db")
        numbers = count(1)
        self.new_id: Callable[[], str] = lambda: f"new-{next(numbers)}"
        self.now = NOW

    def file(self, name: str, text: str) -> Path:
        """A file with that text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def imports(self, *files: Path | str, group: str | None = None, **options: Any) -> dict[str, Counts]:
        """Import files; names without a folder are those of tests/sources/files."""
        sources = [recognise(FILES / file if isinstance(file, str) else file, None, group) for file in files]
        return dict(import_files(self.store, sources, now=self.now, new_id=self.new_id, **options))

    def user(self, who: str) -> Entry:
        """The user meant by that text."""
        return self._one(Kind.USER, who)

    def group(self, name: str) -> Entry:
        """The group meant by that text."""
        return self._one(Kind.GROUP, name)

    def _one(self, kind: Kind, text: str) -> Entry:
        with self.store.browse() as browser:
            (found,) = browser.named(kind, text)
        return found

    def names(self, kind: Kind = Kind.USER) -> list[str]:
        """The names of all who are present."""
        with self.store.browse() as browser:
            return [entry.name for entry in browser.entries(kind)]

    def members(self, group: str) -> list[str]:
        """The names of a group's direct members."""
        with self.store.browse() as browser:
            return [name for _, _, name in browser.members(self.group(group).id)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()
