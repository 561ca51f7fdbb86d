"""When somebody whose last attempt failed is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.examples import LAW, NOW

from instep.core.escrow import END, next_try


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(1, 5), (2, 20), (3, 60), (4, 6 * 60), (5, 12 * 60), (6, 24 * 60), (7, 24 * 60), (100, 24 * 60)],
)
def test_the_gaps_grow_from_minutes_to_a_day(failures: int, minutes: int) -> None:
    assert next_try(failures, NOW, NOW) == NOW + timedelta(minutes=minutes)


def test_it_is_given_up_28_days_after_the_first_failure() -> None:
    assert next_try(33, NOW, NOW + timedelta(days=28)) is None
    assert next_try(33, NOW, NOW + timedelta(days=28, seconds=-1)) is not None


def test_who_always_fails_is_tried_for_28_days_and_then_no_more() -> None:
    tries, now = 1, NOW
    while (again := next_try(tries, NOW, now)) is not None:
        assert again > now
        tries, now = tries + 1, again
    assert END <= now - NOW < END + timedelta(days=1)
    assert 28 < tries < 40


@LAW
@given(st.integers(1, 200), st.timedeltas(timedelta(0), timedelta(days=27)))
def test_law_one_more_failure_never_brings_the_next_try_forward(failures: int, passed: timedelta) -> None:
    sooner, later = (next_try(n, NOW, NOW + passed) for n in (failures, failures + 1))
    assert sooner is not None
    assert later is not None
    assert NOW + passed < sooner <= later
