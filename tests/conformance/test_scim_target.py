"""The SCIM client sits the exam, against somebody else's server."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conformance.independent_app import IndependentApp, running
from tests.conformance.target_exam import TargetExam, everyone
from tests.targets.clock import TestClock

from instep.core.subject import Kind
from instep.scim.abilities import Abilities
from instep.targets.scim import ScimTarget


@pytest.fixture(scope="module")
def app() -> Iterator[IndependentApp]:
    with running() as started:
        yield started


class TestScimTarget(TargetExam):
    @pytest.fixture
    async def target(self, app: IndependentApp) -> AsyncIterator[ScimTarget]:
        target = ScimTarget(app.url, "any", TestClock(), Abilities(page_size=10, members_per_patch=5))
        for kind in Kind:
            for app_id in await everyone(target, kind):
                await target.delete(kind, app_id)
        yield target
        await target.close()
