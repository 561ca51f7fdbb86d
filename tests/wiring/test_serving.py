"""The service, put together: what the parts know of each other."""

import asyncio
from pathlib import Path

import pytest
from tests.engine.test_runner import until

from instep import wiring
from instep.core.app import App
from instep.core.directory import Entry
from instep.core.job import JobStatus
from instep.core.subject import Kind
from instep.monitoring.figures import LimitFigures
from instep.settings import Settings
from instep.wiring import serving

RULES = {
    "scope": "all",
    "users": {"mappings": [{"target": "userName", "source": "[userPrincipalName]", "matching": 1}]},
}


async def test_the_limits_of_an_app_are_among_the_figures_once_it_was_asked_something(tmp_path: Path) -> None:
    """Slack publishes some, whoever answers at the address: here nobody."""
    settings = Settings(data=tmp_path)
    with wiring.stores(settings) as (people, memory):
        with memory.writing() as state:
            state.save_app(App("app", "App", "slack", "http://127.0.0.1:9/scim", RULES), "secret")
            state.change_status("app", lambda _: JobStatus("active"))
        with people.edit() as edit:
            edit.put(Entry(Kind.USER, "ada", "ada@firm.example"))
        async with serving.service(settings, people, memory) as service:
            stop = asyncio.Event()
            running = asyncio.create_task(service.runner.run(stop))
            await until(lambda: any(pacing.limits() for pacing in service.pacings.values()))
            [job] = (await serving.figures(service, people, memory)).jobs
            stop.set()
            await running
    [limit] = job.limits
    assert limit == LimitFigures("list", "Users", "published", limit.rate, 1000)
    assert limit.rate == pytest.approx(1000 / 60, rel=0.02)
    assert job.pauses == {("list", "Users"): 0.0}
