"""Health, readiness and metrics over real HTTP."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from instep.monitoring.endpoints import Look, listening
from instep.monitoring.figures import Figures, JobFigures, LimitFigures
from instep.monitoring.metrics import METRICS, SERVICE
from instep.monitoring.reference import page

NOW = datetime(2026, 11, 22, tzinfo=UTC)
JOB = JobFigures(
    job="app",
    schedule="paused",
    quarantined=True,
    running=False,
    fault="no such file",
    behind=7,
    last_ended=NOW,
    escrow=3,
    held=2,
    links={("User", "active"): 40, ("Group", "gone"): 1},
    done={"create": 41, "failure": 3, "requests": 50},
    cycles={"succeeded": 5, "failures": 1},
    seconds=12.5,
    limits=(
        LimitFigures("create", "Users", "published", 10.0, 90.0),
        LimitFigures("create", "Users", "published", 8.0, 100.0),
        LimitFigures("create", "Users", "learnt", 2.5, None),
    ),
    pauses={("create", "Users"): 7.5},
)


async def ask(look: Look, path: str) -> tuple[int, str]:
    async with (
        listening(look, "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def figures() -> Figures | None:
    return Figures(12, (JOB,), unsent=4)


async def nothing() -> Figures | None:
    return None


async def broken() -> Figures | None:
    raise OSError("the disk is gone")


async def test_every_metric_of_the_list_is_there_with_its_value() -> None:
    status, text = await ask(figures, "/metrics")
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    assert {name for name, *_ in found} >= {m.name for m in METRICS} | {name for name, _ in SERVICE}
    assert found["instep_directory_sequence",] == 12
    assert found["instep_mails_waiting",] == 4
    assert found["instep_changes_total", ("action", "create"), ("job", "app")] == 41
    assert ("instep_changes_total", ("action", "requests"), ("job", "app")) not in found
    assert found["instep_requests_total", ("job", "app")] == 50
    assert found["instep_job_schedule", ("job", "app"), ("state", "paused")] == 1
    assert found["instep_job_schedule", ("job", "app"), ("state", "active")] == 0
    create = (("job", "app"), ("purpose", "create"), ("resource", "Users"))
    published, learnt = (("origin", "published"), *create[1:]), (("origin", "learnt"), *create[1:])
    assert found["instep_limit_requests_per_second", create[0], *published] == 8, "the one that is met first"
    assert found["instep_limit_requests_at_once", create[0], *published] == 90
    assert found["instep_limit_requests_per_second", create[0], *learnt] == 2.5
    assert ("instep_limit_requests_at_once", create[0], *learnt) not in found
    assert found["instep_limit_pause_seconds", *create] == 7.5
    assert found["instep_job_links", ("job", "app"), ("kind", "User"), ("status", "active")] == 40
    assert found["instep_job_last_cycle_timestamp_seconds", ("job", "app")] == NOW.timestamp()
    assert found["instep_job_quarantined", ("job", "app")] == found["instep_job_faulty", ("job", "app")] == 1


async def test_a_job_that_never_ran_has_no_time_of_a_last_cycle() -> None:
    async def look() -> Figures:
        return Figures(0, (JobFigures("new", "disabled", False, False, "", 0, None, 0, 0, {}, {}, {}, 0.0),))

    _, text = await ask(look, "/metrics")
    assert "instep_job_last_cycle_timestamp_seconds{" not in text


@pytest.mark.parametrize(
    ("look", "status", "said"),
    [(figures, 200, "no such file"), (nothing, 503, "starting or stopping"), (broken, 503, "the disk is gone")],
)
async def test_ready_says_whether_and_why_not(look: Look, status: int, said: str) -> None:
    assert (await ask(look, "/healthz"))[0] == 200
    got, text = await ask(look, "/readyz")
    assert got == status
    assert said in text


def test_the_reference_page_is_as_the_code_says() -> None:
    kept = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
    again = "python -m instep.monitoring.reference > docs/reference/metrics.md"
    assert kept.read_text(encoding="utf-8") == page(), f"write it anew: {again}"
