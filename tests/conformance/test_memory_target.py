"""The app in memory sits the exam."""

import pytest
from tests.conformance.target_exam import TargetExam

from instep.scim.abilities import Abilities
from instep.targets.memory import MemoryTarget


class TestMemoryTarget(TargetExam):
    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget(Abilities(page_size=10, members_per_patch=5))
