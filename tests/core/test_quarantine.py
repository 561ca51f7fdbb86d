"""Quarantine: what leads to it, how long it waits, and what leads out of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from instep.core.app import QuarantineLimits
from instep.core.cause import Cause, causes, in_words, way_out
from instep.core.job import JobStatus, Quarantine, QuarantineReason
from instep.core.quarantine import END, Remains, Tally, judge, lifted, tally
from instep.core.record import CycleSummary, LogEntry
from instep.core.subject import Kind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVE = JobStatus(schedule="active")
LIMITS = QuarantineLimits()


def cycle(result: str = "failures", kind: str = "incremental", requests: int = 9, **given: Any) -> CycleSummary:
    return CycleSummary("c1", "app", kind, NOW, NOW, result, {"requests": requests}, **given)


def after(
    failed: int,
    done: int = 0,
    *,
    status: JobStatus = ACTIVE,
    new: int | None = None,
    managed: int = 0,
    references: int = 0,
    kind: str = "incremental",
    limits: QuarantineLimits = LIMITS,
    now: datetime = NOW,
) -> JobStatus:
    """The status after a cycle in which so many failed and so many were done."""
    counted = Tally(failed + done, failed, failed if new is None else new, managed, references)
    found = [Cause("InsufficientRights", failed, ("anna",), "403 Forbidden")] if failed else []
    return judge(status, cycle(kind=kind), counted, Remains(escrow=failed), limits, found, now)


def unreachable(status: JobStatus = ACTIVE, code: str = "Timeout", now: datetime = NOW) -> JobStatus:
    """The status after a cycle that ended since the app couldn't be asked."""
    ended = cycle("unavailable", message=f"GET /Users: {code}", code=code)
    return judge(status, ended, Tally(0, 0, 0), Remains(), LIMITS, (), now)


def reason(status: JobStatus) -> QuarantineReason | None:
    return status.quarantine and status.quarantine.reason


# ------------------------------------------------------------------------------------------ the published cases

PUBLISHED = QuarantineLimits(failures=1_000_000)
"""Only the published limits."""


@pytest.mark.parametrize(
    ("failed", "done", "references", "expected"),
    [
        (4_000, 0, 0, None),
        (45_000, 0, 0, QuarantineReason.BASE),
        (30_000, 5_000, 0, QuarantineReason.PROPORTION),
        (20_000, 100_000, 0, None),
        (40_000, 200_000, 21_000, QuarantineReason.TOTAL),
        (40_000, 200_000, 20_000, None),
        (5_000, 7_499, 0, QuarantineReason.PROPORTION),
        (5_000, 7_500, 0, None),
    ],
)
def test_published_cases(failed: int, done: int, references: int, expected: QuarantineReason | None) -> None:
    status = after(failed, done, references=references, managed=done, limits=PUBLISHED)
    assert reason(status) is expected


def test_managers_that_are_missing_alone_are_no_reason() -> None:
    assert reason(after(10, 100_000, references=70_000)) is None


# ------------------------------------------------------------------------------------------------ small companies


def test_job_of_fifty_that_fails_wholly_is_noticed_in_its_first_cycle() -> None:
    status = after(50, kind="initial")
    assert reason(status) is QuarantineReason.PROPORTION
    assert status.quarantine is not None
    assert (
        status.quarantine.message
        == "50 of 50 failed in one cycle: 50 × InsufficientRights (403 Forbidden): anna and 49 more"
    )


def test_three_of_three_in_a_first_cycle_are_noticed_and_two_are_not() -> None:
    assert reason(after(3, kind="initial")) is QuarantineReason.PROPORTION
    assert reason(after(2, kind="initial")) is None
    assert reason(after(3, 1, kind="initial")) is None


def test_few_failures_between_cycles_are_no_reason_however_large_their_share() -> None:
    """Three hires with the same fault: a quarantine would make the next leaver wait."""
    assert reason(after(9, managed=50)) is None
    assert reason(after(10, managed=50)) is QuarantineReason.PROPORTION
    assert reason(after(10, 15, managed=50)) is None


def test_odd_people_who_come_up_again_alone_never_lead_to_quarantine() -> None:
    """One in a hundred, all tried again in the same cycle, and nobody else."""
    assert reason(after(10, new=0, managed=990)) is None
    assert reason(after(1, new=0, managed=0)) is None


def test_after_a_start_without_a_remedy_it_comes_back_though_nobody_fails_for_the_first_time() -> None:
    assert reason(after(50, new=0, managed=0, status=lifted(after(50, kind="initial")))) is QuarantineReason.PROPORTION


def test_limits_are_the_apps_to_set() -> None:
    assert reason(after(10, limits=QuarantineLimits(failures=11))) is None
    assert reason(after(4, 6, limits=QuarantineLimits(failures=4, share=0.3))) is QuarantineReason.PROPORTION


# -------------------------------------------------------------------------------------------- an app out of reach


def test_brief_fault_is_a_quarantine_at_the_third_cycle_in_a_row() -> None:
    first = unreachable()
    second = unreachable(first, "InternalServerError")
    assert [reason(first), reason(second)] == [None, None]
    assert (first.failed_cycles, second.failed_cycles) == (1, 2)
    third = unreachable(second, "WebExceptionProtocolError")
    assert reason(third) is QuarantineReason.EXCEPTION
    assert third.failed_cycles == 3


def test_brief_faults_with_a_good_cycle_between_them_are_none() -> None:
    status = unreachable(after(0, 5, status=unreachable(unreachable())))
    assert (reason(status), status.failed_cycles) == (None, 1)


@pytest.mark.parametrize(
    "code", ["Unauthorized", "InsufficientRights", "SystemForCrossDomainIdentityManagementServiceIncompatible"]
)
def test_refused_credentials_and_what_is_not_scim_are_a_quarantine_at_once(code: str) -> None:
    status = unreachable(code=code)
    assert status.quarantine is not None
    assert (status.quarantine.code, status.quarantine.cycle) == (code, "c1")
    assert status.quarantine.message == f"GET /Users: {code}"


# -------------------------------------------------------------------------------------------------- how it goes on


def attempts(status: JobStatus, fail: Any, until: timedelta = timedelta(days=40)) -> list[timedelta]:
    """The times between attempts, until it's given up."""
    gaps: list[timedelta] = []
    now = NOW
    while status.quarantine and status.quarantine.next_attempt:
        gaps.append(status.quarantine.next_attempt - now)
        now = status.quarantine.next_attempt
        assert now < NOW + until
        status = fail(status, now)
    assert status.quarantine is not None
    assert now - NOW >= END
    return gaps


def test_app_out_of_reach_is_tried_after_minutes_first_and_given_up_after_28_days() -> None:
    gaps = attempts(unreachable(code="Unauthorized"), lambda s, now: unreachable(s, "Unauthorized", now))
    minutes = [gap / timedelta(minutes=1) for gap in gaps]
    assert minutes[:8] == [1, 5, 20, 60, 360, 720, 1440, 1440]


def test_failures_are_tried_after_6_12_and_24_hours_then_daily() -> None:
    gaps = attempts(after(50, kind="initial"), lambda s, now: after(50, new=0, status=s, now=now))
    assert [gap / timedelta(hours=1) for gap in gaps][:5] == [6, 12, 24, 24, 24]


def test_series_keeps_its_beginning_and_counts_its_attempts() -> None:
    first = after(50, kind="initial")
    again = after(50, new=0, status=first, now=NOW + timedelta(hours=6))
    assert again.quarantine is not None
    assert (again.quarantine.began, again.quarantine.series_began) == (NOW, NOW)
    assert (again.quarantine.series_count, again.failed_cycles) == (2, 2)


def test_another_reason_begins_another_quarantine_of_the_same_series() -> None:
    later = NOW + timedelta(hours=6)
    status = unreachable(after(50, kind="initial"), "Unauthorized", later)
    assert status.quarantine is not None
    assert (status.quarantine.began, status.quarantine.series_began) == (later, NOW)


def test_one_network_fault_after_another_is_the_same_quarantine() -> None:
    status = unreachable(unreachable(unreachable()))
    again = unreachable(status, "InternalServerError", NOW + timedelta(minutes=1))
    assert again.quarantine is not None
    assert again.quarantine.began == NOW
    refused = unreachable(again, "Unauthorized", NOW + timedelta(minutes=6))
    assert refused.quarantine is not None
    assert refused.quarantine.began == NOW + timedelta(minutes=6)


# -------------------------------------------------------------------------------------------------- how it ends


def test_cycle_that_goes_well_ends_it() -> None:
    for status in (after(50, kind="initial"), unreachable(code="Unauthorized")):
        well = after(0, 5, status=status)
        assert (well.quarantine, well.failed_cycles) == (None, 0)


def test_it_lasts_while_too_large_a_share_of_the_few_who_are_tried_fails() -> None:
    status = after(50, kind="initial")
    assert reason(after(2, 2, new=0, managed=500, status=status)) is QuarantineReason.PROPORTION
    assert reason(after(2, 3, new=0, managed=500, status=status)) is None


def test_start_lifts_it_and_keeps_the_rest() -> None:
    status = replace(unreachable(code="Unauthorized"), steady_last=NOW)
    assert lifted(status) == JobStatus("active", None, 0, None, NOW)


def test_interrupted_cycle_says_nothing() -> None:
    status = after(50, kind="initial")
    assert judge(status, cycle("interrupted"), Tally(9, 9, 9), Remains(), LIMITS, (), NOW) is status
    assert judge(ACTIVE, cycle("interrupted"), Tally(90, 90, 90), Remains(), LIMITS, (), NOW) is ACTIVE


def test_cycle_without_a_request_proves_nothing_about_an_app_out_of_reach() -> None:
    status = unreachable(code="Unauthorized")
    later = NOW + timedelta(minutes=1)
    idle = judge(status, cycle("succeeded", requests=0), Tally(0, 0, 0), Remains(), LIMITS, (), later)
    assert idle.quarantine is not None
    assert (idle.quarantine.series_count, idle.quarantine.next_attempt) == (1, later + timedelta(minutes=1))


def test_run_on_demand_shows_that_the_app_answers_again_and_nothing_else() -> None:
    status = unreachable(code="Unauthorized")
    on_demand = cycle("succeeded", "on-demand")
    assert reason(judge(status, on_demand, Tally(1, 0, 0), Remains(), LIMITS, (), NOW)) is None
    failing = after(50, kind="initial")
    assert judge(failing, on_demand, Tally(1, 0, 0), Remains(), LIMITS, (), NOW) is failing
    away = cycle("unavailable", "on-demand", code="Unauthorized")
    assert judge(ACTIVE, away, Tally(0, 0, 0), Remains(), LIMITS, (), NOW) is ACTIVE


def test_what_an_operator_imposed_no_cycle_lifts() -> None:
    by_hand = Quarantine(QuarantineReason.ON_DEMAND, "an operator", "", NOW, NOW, 1, None)
    status = replace(ACTIVE, quarantine=by_hand)
    assert after(0, 5, status=status) is status


# ------------------------------------------------------------------------------------------------ the steady state


def test_steady_is_a_cycle_that_left_nothing_to_do() -> None:
    def ended(status: JobStatus, remains: Remains, now: datetime) -> JobStatus:
        return judge(status, cycle("succeeded"), Tally(1, 0, 0), remains, LIMITS, (), now)

    status = ended(ACTIVE, Remains(), NOW)
    assert (status.steady_first, status.steady_last) == (NOW, NOW)
    later = NOW + timedelta(hours=1)
    assert ended(status, Remains(escrow=1), later).steady_last == NOW
    assert ended(status, Remains(held=1), later).steady_last == NOW
    status = ended(status, Remains(), later)
    assert (status.steady_first, status.steady_last) == (NOW, later)


# --------------------------------------------------------------------------------------------------- the cause


def failure(number: int, code: str, status: str = "failure") -> LogEntry:
    name = f"p{number}"
    return LogEntry("app", "c1", "x", NOW, Kind.USER, name, name, None, "create", status, code, f"the app said {code}")


def test_causes_are_counted_by_code_with_the_first_names() -> None:
    entries = [failure(0, "Conflict"), *(failure(i, "Unauthorized") for i in range(1, 8))]
    found = causes(entries)
    assert [(c.code, c.count) for c in found] == [("Unauthorized", 7), ("Conflict", 1)]
    assert in_words(found) == (
        "7 × Unauthorized (the app said Unauthorized): p1, p2, p3, p4, p5 and 2 more; "
        "1 × Conflict (the app said Conflict): p0"
    )


def test_somebody_who_failed_twice_counts_once_and_who_recovered_not_at_all() -> None:
    entries = [failure(1, "A"), failure(1, "B"), failure(2, "A"), failure(2, "", "success")]
    assert [(c.code, c.count) for c in causes(entries)] == [("B", 1)]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("Unauthorized", "instep app set app --token-file FILE"),
        ("SystemForCrossDomainIdentityManagementServiceIncompatible", "instep app set app --url URL"),
        ("Timeout", "instep app test app"),
    ],
)
def test_way_out_fits_the_trouble(code: str, line: str) -> None:
    status = unreachable(unreachable(unreachable(code=code), code), code)
    assert status.quarantine is not None
    assert line in [command.line for command in way_out(status.quarantine, "app").commands]


def test_tally_counts_what_was_tried_and_not_what_was_only_looked_at() -> None:
    counts = {"create": 3, "disable": 2, "failure": 4, "skip": 70, "hold": 5, "release": 1, "requests": 99}
    assert tally(counts, Remains(new=3), managed=8) == Tally(9, 4, 3, 8, 0)
