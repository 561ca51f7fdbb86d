"""What the learnt limit makes of each answer, with numbers: an app's bucket is shown empty by every 429."""

from collections.abc import Iterator
from math import inf

import pytest

from instep.core.credit import Announced
from instep.core.limiter import FEW, Learnt, Sent


def answered(learnt: Learnt, count: int, at: float) -> None:
    """So many requests go, and are accepted at once."""
    for _ in range(count):
        learnt.accepted(learnt.take(at), at)


def refused(learnt: Learnt, at: float, after: float | None = 0.1) -> float:
    """A request goes and is answered with 429 at once."""
    return learnt.refused(learnt.take(at), at, after)


def taught(*lessons: tuple[float, int], burst: int = 0, begin: float = 0.0) -> Learnt:
    """After the first request has found the bucket empty (or the one after so many), each lesson is one more 429:
    how long after the beginning, and how many were let through since the last one, all of them right after that; up to
    the first lesson one after the other, so that nobody takes them for few."""
    learnt, before = Learnt(), begin
    answered(learnt, burst, begin)
    refused(learnt, begin)
    for after, count in lessons:
        apart = (begin + after - before) / count if learnt.rate is None and count else 0.0
        for number in range(count):
            answered(learnt, 1, before + number * apart)
        before = begin + after
        refused(learnt, before)
    return learnt


def at_once(learnt: Learnt, now: float) -> int:
    """How many go at the same moment, each answered before the next."""
    count = 0
    while learnt.wait(now) == 0:
        answered(learnt, 1, now)
        count += 1
    return count


def sent(learnt: Learnt, begin: float, end: float) -> Iterator[float]:
    """When requests go to an app that takes all of them."""
    now = begin
    while now < end:
        wait = learnt.wait(now)
        if wait > 0:
            now += wait
            continue
        answered(learnt, 1, now)
        yield now


# --------------------------------------------------------------------------------------------- the rate


def test_the_rate_is_what_was_accepted_between_two_refusals() -> None:
    learnt = taught((10, 20))
    assert (learnt.rate, learnt.known_rate) == (2.0, 2.0)


def test_one_refusal_tells_no_rate() -> None:
    learnt = taught()
    assert (learnt.rate, learnt.known_rate) == (None, None)


def test_the_longer_two_refusals_are_apart_the_sharper_is_the_rate() -> None:
    assert taught((10, 20), (20, 22)).rate == pytest.approx(42 / 20)
    assert taught((10, 20), (20, 22), (40, 41)).rate == pytest.approx(83 / 40)


@pytest.mark.parametrize(("count", "rate"), [(27, 47 / 20), (28, 2.8), (13, 33 / 20), (12, 1.2)])
def test_a_count_that_fits_the_rate_no_more_is_another_limits(count: int, rate: float) -> None:
    assert taught((10, 20), (20, count), burst=20).rate == pytest.approx(rate)


def test_after_a_change_what_was_seen_before_counts_no_more() -> None:
    assert taught((10, 20), (20, 50), (30, 52)).rate == pytest.approx(102 / 20)


@pytest.mark.parametrize("begin", [0.0, 10_000.0])
def test_what_is_older_than_fifteen_minutes_tells_nothing_any_more(begin: float) -> None:
    assert taught((500, 1000), (900, 820), begin=begin).rate == pytest.approx(1820 / 900)
    assert taught((500, 1000), (901, 820), begin=begin).rate == pytest.approx(820 / 401)
    assert taught((1, 2), (901, 1820), (1802, 1802), begin=begin).rate == pytest.approx(2.0)


def test_two_refusals_with_a_long_time_between_tell_no_rate() -> None:
    """Otherwise whoever asks five times a day would wait for hours after the second 429."""
    assert taught((900, 1000)).rate == pytest.approx(1000 / 900)
    learnt = taught((901, 1000))
    assert learnt.rate is None
    answered(learnt, 20, 901.0)
    refused(learnt, 911.0)
    assert learnt.rate == pytest.approx(2.0)


@pytest.mark.parametrize("pause", [16.0, 300.0])
def test_a_bucket_that_may_have_run_over_tells_no_rate(pause: float) -> None:
    """Requests come in crowds, and each crowd meets the limit: that's no slow app."""
    learnt = taught()
    answered(learnt, 30, pause)
    refused(learnt, pause + 1)
    assert learnt.rate is None
    answered(learnt, 20, pause + 2)
    refused(learnt, pause + 11)
    assert learnt.rate == pytest.approx(2.0)


def test_a_pause_that_the_app_asks_for_lets_no_bucket_run_over() -> None:
    learnt = Learnt()
    refused(learnt, 0, after=60.0)
    answered(learnt, 120, 61.0)
    refused(learnt, 62.0)
    assert learnt.rate == pytest.approx(120 / 62)


def test_a_slow_app_isnt_one_that_nobody_asks() -> None:
    learnt = taught()
    answered(learnt, 60, 1.0)
    slow = learnt.take(2.0)
    learnt.accepted(learnt.take(30.0), 30.0)
    learnt.accepted(slow, 30.0)
    refused(learnt, 31.0)
    assert learnt.rate == pytest.approx(2.0)


def test_no_rate_is_slower_than_one_in_ten_seconds() -> None:
    assert taught((140, 10)).rate == pytest.approx(0.1)


def test_nobody_waits_longer_than_some_seconds_because_little_was_asked_for() -> None:
    learnt = taught((10, 1), (500, 2), (900, 2))
    assert learnt.wait(901) <= 15


def test_the_last_eight_refusals_count() -> None:
    usual = [(10.0 * number, 20) for number in range(2, 10)]
    assert taught((10, 24), *usual[:7]).rate == pytest.approx(164 / 80)
    assert taught((10, 24), *usual).rate == pytest.approx(160 / 80)


def test_two_refusals_may_be_as_close_as_a_second() -> None:
    assert taught((1, 5)).rate == 5.0


def test_a_refusal_after_which_nothing_got_through_tells_nothing() -> None:
    learnt = taught((10, 0), (20, 20))
    assert learnt.rate == pytest.approx(20 / 20)
    answered(learnt, 5, 20.0)
    refused(learnt, 20.0)
    assert learnt.rate == pytest.approx(20 / 20)


def test_who_was_on_the_way_when_the_last_refusal_came_teaches_nothing() -> None:
    learnt = taught((10, 20))
    answered(learnt, 20, 10.0)
    early, late = learnt.take(19.0), learnt.take(20.0)
    learnt.refused(late, 20.0, 0.1)
    learnt.refused(early, 21.0, 0.1)
    assert learnt.rate == pytest.approx(41 / 20)
    assert (learnt.number, learnt.in_flight) == (40, 0)
    answered(learnt, 20, 21.0)
    refused(learnt, 31.0)
    assert learnt.rate == pytest.approx(60 / 31)


# ------------------------------------------------------------------------------------------- the pace


@pytest.mark.parametrize(
    ("lesson", "round", "doubling"),
    [
        ((2, 8), 4, 10),
        ((10, 20), 20, 20),
        ((20, 39), 40, 40),
        ((20, 40), 300, 60),
        ((9, 90), 18, 18),
        ((10, 100), 90, 60),
        ((100, 100), 300, 60),
        ((100, 1000), 100, 60),
        ((1, 50), 2, 10),
    ],
)
def test_the_pace_goes_from_below_the_rate_to_above_it_in_a_round_and_then_doubles(
    lesson: tuple[float, int], round: float, doubling: float
) -> None:
    """A round is twice as long as the estimate is old, and longer as soon as that is good."""
    learnt = taught(lesson)
    at, count = lesson
    rate, off = count / at, max(0.012, min(0.3, 1.5 / count))
    times = list(sent(learnt, at + 0.1, at + round + 2 * doubling + 3 / rate))
    for after, pace in (
        (round / 10, 1 - 0.8 * off),
        (round / 2, 1),
        (round, 1 + off),
        (round + doubling, 2 * (1 + off)),
        (round + 2 * doubling, 4 * (1 + off)),
    ):
        number = next(n for n, time in enumerate(times) if time - at >= after)
        assert times[number] - times[number - 1] == pytest.approx(
            1 / (rate * pace), rel=0.07 if after > round else 0.03
        )


@pytest.mark.parametrize("end", [60.0, 90.0])
def test_a_pace_that_goes_on_rising_without_a_refusal_is_believed(end: float) -> None:
    learnt = taught((10, 20))
    times = list(sent(learnt, 10.1, end))
    refused(learnt, end)
    pace = 1 / (times[-1] - times[-2])
    assert learnt.rate is not None
    assert 0.8 * pace < learnt.rate < pace


def test_a_request_waits_for_what_is_missing_of_a_token() -> None:
    learnt = taught((10, 20))
    assert learnt.wait(10.05) == pytest.approx(0.05)
    assert learnt.wait(10.1) == pytest.approx((1 - 0.1 * 1.85) / 1.85)
    assert learnt.wait(10 + 1 / 1.85) == 0
    answered(learnt, 1, 10 + 1 / 1.85)
    assert 0.5 < learnt.wait(10 + 1 / 1.85) < 1 / 1.85


def test_who_is_still_on_the_way_has_taken_of_what_fills_again() -> None:
    learnt = taught((10, 20))
    on_the_way = [learnt.take(19.0), learnt.take(19.0)]
    refused(learnt, 20.0)
    for request in on_the_way:
        learnt.accepted(request, 20.0)
    assert learnt.rate is not None
    assert 3 / (1.1 * learnt.rate) < 0.1 + learnt.wait(20.1) < 3 / (0.9 * learnt.rate)


@pytest.mark.parametrize(("lesson", "slowest"), [((10, 2), 0.7), ((10, 20), 0.925), ((900, 1800), 0.988)])
def test_the_sharper_the_rate_the_closer_is_the_pace(lesson: tuple[float, int], slowest: float) -> None:
    learnt = taught(lesson)
    at, count = lesson
    rate = count / at
    assert learnt.wait(at + 0.1) == pytest.approx(1 / (rate * slowest) - 0.1)


# ---------------------------------------------------------------------------------------- what is in store


@pytest.mark.parametrize(("burst", "in_store"), [(0, 3), (2, 3), (9, 9)])
def test_the_store_is_as_large_as_it_was_at_first_and_never_tiny(burst: int, in_store: int) -> None:
    assert at_once(taught((10, 20), burst=burst), 1000.0) == in_store


def test_what_is_known_of_the_store_is_told() -> None:
    assert (Learnt().burst, taught().burst) == (None, None)
    assert (taught((10, 20)).burst, taught((10, 20), burst=9).burst) == (3.0, 9.0)


@pytest.mark.parametrize("begin", [0.0, 1000.0])
def test_what_flowed_in_before_the_first_refusal_was_not_in_store(begin: float) -> None:
    learnt = Learnt()
    answered(learnt, 15, begin)
    refused(learnt, begin + 3)
    answered(learnt, 20, begin + 3)
    refused(learnt, begin + 13)
    assert (learnt.rate, learnt.burst) == (2.0, 15 - 2 * 3)


def test_a_store_has_room_for_one_at_least() -> None:
    assert taught((10, 1)).burst == 1.0
    for lesson, left in (((10, 1), 1.0), ((10, 20), 2.0)):
        learnt = taught(lesson)
        assert learnt.wait(1000.0) == 0
        answered(learnt, 1, 1000.0)
        refused(learnt, 1000.0)
        assert learnt.burst == left


def test_a_store_that_was_empty_when_it_was_thought_to_be_is_as_large_as_it_was_thought_to_be() -> None:
    learnt = taught((10, 20), burst=9)
    assert learnt.wait(1000.0) == 0
    answered(learnt, 8, 1000.0)
    refused(learnt, 1000.0)
    assert learnt.burst == 9.0


def test_of_a_store_that_filled_by_itself_only_four_go_before_an_answer() -> None:
    learnt = taught((10, 20), burst=9)
    answered(learnt, 10, 11.0)
    requests = list[Sent]()
    while learnt.wait(1000.0) == 0:
        requests.append(learnt.take(1000.0))
    assert (len(requests), learnt.wait(1000.0)) == (4, inf)
    learnt.accepted(requests[0], 1000.0)
    assert learnt.wait(1000.0) == 0


def test_a_store_that_held_less_than_was_thought_is_smaller() -> None:
    learnt = taught((10, 20), burst=9)
    assert learnt.wait(1000.0) == 0
    answered(learnt, 5, 1000.0)
    refused(learnt, 1000.0)
    assert learnt.rate == 2.0
    assert at_once(learnt, 2000.0) == 9 - (4 - 1)


def test_where_some_ran_over_the_rate_is_at_least_what_came_through() -> None:
    learnt = taught((10, 20), burst=9)
    assert learnt.wait(30.0) == 0
    answered(learnt, 61, 30.0)
    refused(learnt, 30.0)
    assert learnt.rate == pytest.approx((61 - 1) / 20)
    answered(learnt, 30, 30.0)
    refused(learnt, 40.0)
    assert learnt.rate == pytest.approx(30 / 10)


# ------------------------------------------------------------------------------------------- pauses


def test_a_pause_that_was_asked_for_makes_none_shorter() -> None:
    learnt = Learnt()
    learnt.pause(10.0)
    learnt.pause(5.0)
    assert (learnt.wait(4.0), learnt.limited) == (6.0, True)
    assert learnt.wait(10.0) == 0
    learnt.take(10.0)
    assert learnt.wait(10.0) == inf


def test_a_refusal_tells_how_long_the_pause_is_by_now() -> None:
    learnt = Learnt()
    learnt.pause(30.0)
    assert refused(learnt, 10.0, 5.0) == 20.0
    assert refused(learnt, 28.0, 5.0) == 5.0


def test_a_pause_ends_when_it_ends_and_not_for_those_who_would_be_too_many() -> None:
    learnt = Learnt()
    request, other = learnt.take(0.0), learnt.take(0.0)
    learnt.refused(request, 0.0, 2.0)
    assert (learnt.wait(1.5), learnt.wait(2.0)) == (0.5, inf)
    learnt.accepted(other, 2.0)
    assert learnt.wait(2.0) == 0


def test_each_answer_lets_one_more_be_on_the_way() -> None:
    learnt = taught()
    for window in range(1, 6):
        requests = [learnt.take(1.0) for _ in range(window)]
        assert learnt.wait(1.0) == inf
        learnt.accepted(requests[0], 1.0)
        for request in requests[1:]:
            learnt.withdrawn()
            assert request.at == 1.0
        assert (learnt.in_flight, learnt.wait(1.0)) == (0, 0)


def test_without_a_time_a_quick_app_is_waited_for_shortly_and_an_answer_ends_the_row() -> None:
    learnt = taught((10, 200))
    assert [refused(learnt, at, None) for at in (20.0, 30.0)] == pytest.approx([0.2, 0.4])
    answered(learnt, 1, 40.0)
    assert refused(learnt, 41.0, None) == pytest.approx(2 / (learnt.rate or 0))
    fresh = Learnt()
    assert [refused(fresh, 5.0, None), refused(fresh, 5.0, None)] == [1.0, 2.0]
    slow = taught((10, 1))
    assert refused(slow, 20.0, None) == 2.0


# ------------------------------------------------------------------------------------- what is known of it


def test_a_limit_is_met_by_a_refusal_a_pause_or_an_announcement() -> None:
    announced, paused = Learnt(), Learnt()
    assert not announced.limited
    announced.accepted(announced.take(0.0), 0.0, Announced(10, 20, 5.0))
    paused.pause(1.0)
    assert (announced.limited, paused.limited, taught().limited) == (True, True, True)
    assert (announced.announced, paused.announced, taught().announced) == (True, False, False)


def test_a_request_that_did_not_go_is_as_if_it_had_never_been() -> None:
    learnt = taught((10, 20))
    before = learnt.wait(10.2)
    learnt.take(10.2)
    assert (learnt.in_flight, learnt.number, learnt.last_sent) == (1, 21, 10.2)
    learnt.withdrawn()
    assert (learnt.in_flight, learnt.number) == (0, 20)
    assert learnt.wait(10.2) == pytest.approx(before, rel=0.02)


def test_what_was_sent_knows_when_and_after_how_many() -> None:
    learnt = Learnt()
    answered(learnt, 2, 1.0)
    learnt.take(2.0)
    assert learnt.take(3.0) == Sent(3.0, 3, 2)
    met = taught()
    answered(met, 1, 1.0)
    assert met.take(1.0) == Sent(1.0, 1, 2)


def test_a_refusal_of_hardly_any_is_for_something_else() -> None:
    learnt = Learnt()
    for number in range(5):
        assert learnt.unexplained(0.0) is (number < FEW)
        learnt.take(0.0)


def test_a_refusal_while_more_could_have_gone_is_for_something_else() -> None:
    learnt = taught((10, 20), burst=9)
    assert not learnt.unexplained(10.0)
    assert learnt.wait(1000.0) == 0
    assert learnt.unexplained(1000.0)
    answered(learnt, 6, 1000.0)
    assert learnt.unexplained(1000.0)
    answered(learnt, 1, 1000.0)
    assert not learnt.unexplained(1000.0)


def test_a_refusal_though_the_app_said_that_it_takes_more_is_for_something_else() -> None:
    learnt = Learnt()
    learnt.accepted(learnt.take(0.0), 0.0, Announced(1, 20, 5.0))
    assert learnt.unexplained(0.0)
    learnt.take(0.0)
    assert not learnt.unexplained(0.0)


# -------------------------------------------------------------------------------------- two that are one


def test_two_limits_coincide_when_the_other_was_just_met_and_this_one_not_for_a_while() -> None:
    one, other = Learnt(), Learnt()
    assert not one.coincides(other, 100.0)
    refused(other, 100.0)
    assert one.coincides(other, 100.4)
    assert not one.coincides(other, 100.5)
    refused(one, 95.0)
    assert not one.coincides(other, 100.0)
    assert one.coincides(other, 100.1)


def test_two_limits_that_are_one_share_what_each_had_met() -> None:
    one, other = taught((10, 20)), taught((10, 30))
    early = one.take(9.0)
    one.take_in(other, 2)
    assert (one.rate, one.in_flight, one.limited) == (5.0, 3, True)
    # Who was on the way teaches nothing of what was put together.
    one.refused(early, 10.0, 0.1)
    assert (one.rate, one.in_flight) == (5.0, 2)
    # What was put together counts for ten seconds, and what each had seen counts no more.
    answered(one, 100, 10.0)
    refused(one, 30.0)
    assert one.rate == 5.0
    answered(one, 55, 30.0)
    refused(one, 40.0)
    assert one.rate == pytest.approx(55 / 10)


@pytest.mark.parametrize("mine", [True, False])
def test_a_limit_that_only_one_of_the_two_had_met_is_no_sum(mine: bool) -> None:
    met, free = taught((10, 20)), Learnt()
    one, other = (met, free) if mine else (free, met)
    one.take_in(other, 0)
    assert (one.rate, one.limited) == (2.0 if mine else None, True)


def test_two_limits_that_nobody_has_met_are_none() -> None:
    one = Learnt()
    one.take_in(Learnt(), 1)
    assert (one.limited, one.wait(0.0)) == (False, 0.0)


def test_the_longer_pause_of_the_two_holds() -> None:
    for mine, others in ((5.0, 9.0), (9.0, 5.0)):
        one, other = Learnt(), Learnt()
        one.pause(mine)
        other.pause(others)
        one.take_in(other, 0)
        assert one.wait(1.0) == 8.0


# --------------------------------------------------------------------------------------- announcements


def test_what_an_app_announces_holds_instead_of_what_was_learnt() -> None:
    learnt = taught((10, 20))
    learnt.accepted(learnt.take(10.5), 10.5, Announced(4, 20, 30.0))
    assert [learnt.wait(10.5)] == [0]
    for _ in range(3):
        learnt.take(10.5)
    assert learnt.wait(10.5) == inf
    assert learnt.in_flight == 3


def test_a_refusal_uses_up_what_an_app_announced() -> None:
    learnt = Learnt()
    learnt.accepted(learnt.take(0.0), 0.0, Announced(10, 20, 30.0))
    assert learnt.wait(0.0) == 0
    refused(learnt, 1.0, 0.5)
    assert learnt.wait(2.0) == pytest.approx(28.05)


def test_what_an_app_announces_in_a_refusal_is_heard_too() -> None:
    learnt = Learnt()
    learnt.refused(learnt.take(0.0), 0.0, 0.5, Announced(0, 20, 30.0))
    assert learnt.wait(1.0) == pytest.approx(29.05)


def test_the_rate_is_what_comes_back_where_an_app_announces_it() -> None:
    learnt = Learnt()
    learnt.accepted(learnt.take(0.0), 0.0, Announced(10, 100, 60.0))
    assert learnt.known_rate is None
    learnt.accepted(learnt.take(10.0), 10.0, Announced(19, 100, 60.0))
    assert learnt.known_rate == pytest.approx((19 + 2 - 11 - 1) / 10)
    met = taught((10, 20))
    met.accepted(met.take(11.0), 11.0, Announced(10, 100, 60.0))
    assert met.known_rate == 2.0
