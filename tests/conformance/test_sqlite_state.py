"""The state in SQLite sits the exam."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.state_exam import StateExam

from instep.ports import State
from instep.stores.state import StateStore


class TestSqliteState(StateExam):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        store = StateStore(tmp_path / "state.sqlite", tmp_path / "secrets.key")
        yield store
        store.close()
