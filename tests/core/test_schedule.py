"""When a job runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from instep.core.job import Asked, JobStatus, Quarantine, QuarantineReason, Reset, Wish
from instep.core.schedule import Standing, Why, next_run
from instep.core.subject import Kind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def standing(
    schedule: Any = "active", quarantine: Quarantine | None = None, wishes: Any = (), reset: Any = (), **given: Any
) -> Standing:
    usual: dict[str, Any] = {
        "interval": 40 * MINUTE,
        "ended": NOW - 10 * MINUTE,
        "directory_changed": False,
        "settings_changed": False,
        "next_try": None,
    }
    asked = Asked(schedule, frozenset(reset), tuple(wishes))
    return Standing(JobStatus(schedule, quarantine), asked, **(usual | given))


def quarantined(next_attempt: datetime | None, reason: QuarantineReason = QuarantineReason.EXCEPTION) -> Quarantine:
    return Quarantine(reason, "no", "Unauthorized", NOW, NOW, 1, next_attempt)


BY_HAND = quarantined(None, QuarantineReason.ON_DEMAND)


CYCLE = Wish("app", NOW)
PERSON = Wish("app", NOW, ((Kind.USER, "u1"),))


@pytest.mark.parametrize(
    ("given", "why", "wait"),
    [
        (standing(), None, 30 * MINUTE),
        (standing(ended=NOW - 40 * MINUTE), Why.INTERVAL, None),
        (standing(ended=None), Why.CHANGED, None),
        (standing(directory_changed=True), Why.CHANGED, None),
        (standing(settings_changed=True), Why.SETTINGS, None),
        (standing(next_try=NOW), Why.RETRY, None),
        (standing(next_try=NOW + 5 * MINUTE), None, 5 * MINUTE),
        (standing(next_try=NOW + 50 * MINUTE), None, 30 * MINUTE),
        (standing(wishes=[CYCLE]), Why.ASKED, None),
        (standing(wishes=[PERSON]), Why.ON_DEMAND, None),
        (standing(wishes=[PERSON, CYCLE]), Why.ASKED, None),
        (standing(reset=[Reset.WATERMARK]), Why.ASKED, None),
        (standing("paused", wishes=[CYCLE], directory_changed=True), None, None),
        (standing("disabled", ended=None, settings_changed=True), None, None),
        (standing(quarantine=quarantined(NOW + MINUTE), directory_changed=True, next_try=NOW), None, MINUTE),
        (standing(quarantine=quarantined(NOW)), Why.RETRY, None),
        (standing(quarantine=quarantined(NOW + MINUTE), settings_changed=True), Why.SETTINGS, None),
        (standing(quarantine=quarantined(NOW + MINUTE), wishes=[PERSON]), Why.ON_DEMAND, None),
        (standing(quarantine=quarantined(None), directory_changed=True), None, None),
        (standing(quarantine=quarantined(None), settings_changed=True), Why.SETTINGS, None),
        (standing(quarantine=BY_HAND, settings_changed=True, directory_changed=True, next_try=NOW), None, None),
        (standing(quarantine=BY_HAND, wishes=[CYCLE]), Why.ASKED, None),
    ],
)
def test_why_a_job_runs_and_how_long_it_waits(given: Standing, why: Why | None, wait: timedelta | None) -> None:
    assert next_run(given, NOW) == (why, wait)
