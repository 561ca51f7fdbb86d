"""The learnt limit as a machine: time goes in as numbers, and an app is a bucket of a few lines."""

from math import inf

import pytest
from bench.throttled import FixedWindow, Limit, TokenBucket
from hypothesis import given
from hypothesis import strategies as some

from instep.core.credit import Announced
from instep.core.limiter import Learnt
from instep.core.limits import AtOnce, Bucket, Span


def drive(learnt: Learnt, app: Limit, begin: float, end: float, announces: bool = False) -> list[tuple[float, bool]]:
    """Send as much as the machine lets through, one after the other; answers come at once. When, and whether taken."""
    now, sent = begin, []
    while now < end:
        wait = learnt.wait(now)
        if wait > 0:
            now += max(wait, 1e-6)
            continue
        request = learnt.take(now)
        after = app.ask(now)
        most, left, reset = app.left(now)
        announced = Announced(left, most, reset) if announces else None
        if after is None:
            learnt.accepted(request, now, announced)
        else:
            learnt.refused(request, now, after, announced)
        sent.append((now, after is None))
        now += 0.001
    return sent


@given(some.lists(some.tuples(some.sampled_from((0.0, 0.001, 0.3, 5.0, 700.0, 9000.0)), some.booleans()), max_size=60))
def test_whoever_waits_as_long_as_it_says_may_go(answers: list[tuple[float, bool]]) -> None:
    """Whatever an app answers and however long it's left alone: nobody waits for ever."""
    learnt, now = Learnt(), 0.0
    for idle, taken in answers:
        now += idle
        for _ in range(3):  # an estimate becomes another one while time goes on
            now += learnt.wait(now)
        assert learnt.wait(now) == 0
        request = learnt.take(now)
        now += 0.5
        learnt.wait(now)  # somebody else asks meanwhile
        if taken:
            learnt.accepted(request, now)
        else:
            learnt.refused(request, now, None)


def test_who_meets_no_limit_never_waits() -> None:
    learnt = Learnt()
    for step in range(1000):
        assert learnt.wait(step / 1000) == 0
        learnt.accepted(learnt.take(step / 1000), step / 1000)
    assert learnt.rate is None


@pytest.mark.parametrize(("rate", "burst"), [(3.0, 20), (25.0, 25), (0.5, 5), (100.0, 300)])
def test_a_limit_is_learnt_to_a_hundredth(rate: float, burst: int) -> None:
    learnt, app = Learnt(), TokenBucket(rate, burst)
    seconds = max(900.0, 900 / rate)
    sent = drive(learnt, app, 0, seconds)
    assert learnt.rate == pytest.approx(rate, rel=0.01)
    late = [taken for at, taken in sent if at > seconds / 2]
    assert sum(late) >= 0.97 * rate * seconds / 2
    assert late.count(False) <= max(4, 0.005 * len(late))


def test_a_pause_is_kept_to_its_end() -> None:
    learnt = Learnt()
    learnt.refused(learnt.take(10.0), 10.1, 7.0)
    assert learnt.wait(10.2) == pytest.approx(6.9)
    assert learnt.wait(17.1) == 0


def test_what_was_on_its_way_makes_a_pause_longer_and_is_no_second_lesson() -> None:
    learnt = Learnt()
    requests = [learnt.take(0.0) for _ in range(5)]
    for request in requests:
        learnt.refused(request, 0.2, 3.0)
    learnt.refused(learnt.take(0.1), 0.3, 9.0)
    assert learnt.rate is None
    assert learnt.wait(0.3) == pytest.approx(9.0)


def test_after_a_pause_requests_come_back_one_by_one() -> None:
    learnt = Learnt()
    learnt.refused(learnt.take(0.0), 0.1, 1.0)
    first = learnt.take(1.2)
    assert learnt.wait(1.2) == inf
    learnt.accepted(first, 1.3)
    learnt.take(1.3)
    learnt.take(1.3)
    assert learnt.wait(1.3) == inf


def test_without_a_time_pauses_grow() -> None:
    learnt, now, pauses = Learnt(), 0.0, []
    for _ in range(8):
        pauses.append(learnt.refused(learnt.take(now), now, None))
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("before", "after"), [(25.0, 5.0), (3.0, 12.0)])
def test_a_limit_that_changes_is_learnt_anew(before: float, after: float) -> None:
    learnt = Learnt()
    drive(learnt, TokenBucket(before, 20), 0, 600)
    later = TokenBucket(after, 20)
    later.ask(600)
    drive(learnt, later, 600, 1500)
    assert learnt.rate == pytest.approx(after, rel=0.03)


@pytest.mark.parametrize("app", [TokenBucket(3, 20), TokenBucket(25, 25), FixedWindow(100, 60), FixedWindow(20, 5)])
def test_where_the_limit_is_announced_nothing_is_refused_and_it_is_used(app: Limit) -> None:
    sent = drive(Learnt(), app, 0, 600, announces=True)
    assert all(taken for _, taken in sent)
    rate = app.rate if isinstance(app, TokenBucket) else 100 / 60 if app.left(700)[0] == 100 else 4
    assert sum(at > 60 for at, _ in sent) >= 0.97 * rate * 540


@pytest.mark.parametrize("app", [TokenBucket(3, 20), TokenBucket(5, 1)])
def test_a_published_bucket_is_never_overdrawn(app: TokenBucket) -> None:
    bucket, now, count = Bucket(int(app.rate * 60), 60, app.burst), 0.0, 0
    while now < 300:
        if bucket.wait(now) > 0:
            now += bucket.wait(now)
            continue
        bucket.take(now)
        assert app.ask(now) is None
        count += 1
    assert count >= 0.97 * app.rate * 300


def test_a_published_span_holds_wherever_its_windows_begin() -> None:
    span, now, sent = Span(20, 30), 0.0, list[float]()
    while now < 300:
        wait = span.wait(now)
        if wait > 0:
            now += wait
            continue
        span.take(now)
        sent.append(now)
    assert all(sum(begin <= at < begin + 30 for at in sent) <= 20 for begin in range(270))
    assert len(sent) >= 0.95 * 200


def test_so_many_at_the_same_time() -> None:
    limit = AtOnce(2)
    limit.take(0)
    limit.take(0)
    assert limit.wait(5) == inf
    limit.ended()
    assert limit.wait(5) == 0


def test_the_limit_of_whoever_takes_little_is_hardly_probed() -> None:
    """3 a second: one refusal in a minute is more than half a hundredth of its answers, so most minutes have none."""
    sent = drive(Learnt(), TokenBucket(3, 20), 0, 1860)
    minutes = [[taken for at, taken in sent if begin <= at < begin + 60] for begin in range(60, 1860, 60)]
    refused = [minute.count(False) for minute in minutes]
    assert refused[0] == 0, "not right after it was learnt"
    assert max(refused) <= 1
    assert sum(refused) <= 0.25 * len(minutes)
    assert sum(map(sum, minutes)) >= 0.97 * 3 * 1800


def test_a_limit_that_becomes_much_lower_is_learnt_though_each_request_is_followed_by_a_pause() -> None:
    learnt = Learnt()
    drive(learnt, TokenBucket(25, 20), 0, 300)
    lower = TokenBucket(0.5, 1)
    lower.ask(300)
    drive(learnt, lower, 300, 600)
    assert learnt.rate is not None
    assert learnt.rate < 0.6
    late = drive(learnt, lower, 600, 1200)
    assert [taken for _, taken in late].count(False) <= 0.02 * len(late)


def test_who_is_refused_with_the_first_isnt_counted_as_let_through() -> None:
    """Sixteen at once, of which a burst of five is taken: the first refusal is answered before the others are."""
    learnt = Learnt()
    requests = [learnt.take(0.0) for _ in range(16)]
    for request in (requests[7], *requests[8:], *requests[:2]):
        learnt.refused(request, 0.1, 2.0)
    for request in requests[2:7]:
        learnt.accepted(request, 0.1)
    learnt.accepted(learnt.take(2.2), 2.3)
    learnt.refused(learnt.take(2.4), 2.5, 2.0)
    assert learnt.rate == pytest.approx(1 / 2.4)


def test_a_limit_that_was_taken_for_too_low_is_known_from_how_long_a_full_bucket_lasts() -> None:
    learnt = Learnt()
    drive(learnt, TokenBucket(3, 20), 0, 600)
    raised = TokenBucket(3.6, 20)
    raised.ask(600)
    found = next(
        at for at in range(600, 2000, 10) if not drive(learnt, raised, at, at + 10) or (learnt.rate or 0) > 3.4
    )
    assert found < 600 + 420
    assert learnt.rate == pytest.approx(3.6, rel=0.03)
