"""Somebody else's server: what is found there is what reading the RFC by hand says."""

import pytest
from tests.checking.independent_findings import EXPECTED
from tests.checking.visits import checked, found
from tests.conformance.independent_app import running


@pytest.mark.slow
async def test_findings_of_an_independent_server_are_those_confirmed_by_hand() -> None:
    with running() as app:
        report = await checked(app.url, "any-token")
    assert found(report) == {each.check: each.result for each in EXPECTED}
    assert report.leftovers == ()


def test_every_expected_finding_says_where_it_stands_and_how_that_is_read() -> None:
    assert all(each.section and len(each.reading) > 40 for each in EXPECTED)
