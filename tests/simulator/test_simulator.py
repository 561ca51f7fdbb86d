"""Seeds of the simulator: the real engine, a model company and a model app, and everything that can go wrong between.

INSTEP_SEEDS says how many: 200 by default; `script/simulate` runs any number with progress, and shrinks what fails.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.simulator import shrink, worker
from tests.simulator.company import Company
from tests.simulator.connections import QuickDatabase
from tests.simulator.planted import PLANTED, planted
from tests.simulator.run import run
from tests.simulator.story import FAULT_KINDS, OPERATIONS, story
from tests.simulator.worker import Stores

SEEDS = int(os.environ.get("INSTEP_SEEDS", "200"))
BLOCK = 10
FINDS = {"no-intent": 1, "one-too-many": 2, "merged": 1, "sent-again": 1, "no-lease": 15, "believes-reads": 8}
"""A seed that finds each planted bug."""
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEEDS + 1, BLOCK))
def test_whatever_goes_wrong_everything_is_right_in_the_end(first: int) -> None:
    for seed in range(first, first + BLOCK):
        outcome = run(story(seed))
        assert outcome.wrong == [], f"script/simulate --seed {seed} --trace"
        assert len(outcome.faults) >= 8, f"seed {seed} met only {outcome.faults}"


@pytest.mark.parametrize("path", sorted(shrink.STORIES.glob("*.json")), ids=lambda path: path.stem)
def test_a_story_that_failed_once_ends_well(path: Path) -> None:
    assert run(shrink.read(path)).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    with planted(bug):
        assert run(story(FINDS[bug])).wrong


def test_a_story_has_enough_to_tell() -> None:
    for seed in range(1, 20):
        told = story(seed)
        company = Company()
        operations = [e for e in told.events if e["do"] not in ("wait", "fault", "storm", *FAULT_KINDS)]
        assert len(operations) >= OPERATIONS
        for op in operations:
            company.apply(op)
        assert company.users


@pytest.mark.slow
def test_the_same_seed_is_the_same_run_to_the_byte_in_any_process() -> None:
    """The order of sets differs from process to process: nothing may depend on it."""
    told = "from tests.simulator.run import run; from tests.simulator.story import story; print(run(story(7)).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_shorter_way_to_the_database_leads_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [story(seed) for seed in (3, 41)]
    quick = [run(each).digest for each in told]
    used: list[str] = []

    class Whole(QuickDatabase):
        """Transactions on SQLAlchemy's connections."""

        def write(self) -> Any:
            used.append("write")
            return self._database.write()

        def read(self) -> Any:
            used.append("read")
            return self._database.read()

    def read(stores: Stores, work: Callable[[Any], Any]) -> Any:
        with stores.state.reading() as state:
            return work(state)

    monkeypatch.setattr(worker, "QuickDatabase", Whole)
    monkeypatch.setattr(Stores, "read", read)
    assert [run(each).digest for each in told] == quick
    assert {"read", "write"} == set(used)


def test_what_is_left_of_a_story_still_fails_and_is_shorter() -> None:
    told = story(FINDS["believes-reads"])
    with planted("believes-reads"):
        short, outcome = shrink.shortest(told, most=25)
    assert outcome.wrong
    assert len(short.events) < len(told.events)
