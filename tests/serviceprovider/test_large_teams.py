"""A team of 10,000: changing it costs what the change costs, and the event loop stays free."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.serviceprovider.world import CORE, GROUP, Client, organisation

from instep.serviceprovider import documents, members, teams
from instep.serviceprovider.app import App
from instep.serviceprovider.members import Role

SIZE = 10_000


def filled(app: App, size: int) -> tuple[Client, str, list[str]]:
    """A client, a team of that size, and the ids of its members and of ten more."""
    made, token = organisation(app)
    with app.database.writing() as connection:
        people = [
            documents.person({"schemas": [CORE], "userName": f"u{number}@acme.example"}) for number in range(size + 10)
        ]
        ids = [members.add(connection, made.id, each, Role.MEMBER, app.now()).id for each in people]
        listed = [{"value": each} for each in ids[:size]]
        group = documents.group({"schemas": [GROUP], "displayName": "Everybody", "members": listed})
        team = teams.add(connection, made.id, group, app.now()).id
    return Client(app, token), team, ids


class Loop:
    """How long the event loop was held up, as a share of the time that it took in all."""

    async def __aenter__(self) -> "Loop":
        self.longest = self.seconds = 0.0
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task

    async def _watch(self) -> None:
        began = time.perf_counter()
        while not self._stop.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - before)
        self.seconds = time.perf_counter() - began


async def steps_of_a_change(folder: Path, size: int) -> int:
    """The steps of SQLite's machine that one more member and one less take, by the hundred."""
    app = App(folder)
    client, team, ids = filled(app, size)
    path = f"/Groups/{team}"
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def count(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(step, 100)

    event.listen(app.database._engine, "checkout", count)
    add = {"op": "add", "path": "members", "value": [{"value": ids[size]}]}
    assert (await client.patch(path, add)).status in (200, 204)
    removing = {"op": "remove", "path": f'members[value eq "{ids[1]}"]'}
    assert (await client.patch(path, removing)).status in (200, 204)
    taken = steps
    with app.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM team_members").scalar_one() == size
    app.close()
    return taken


@pytest.mark.slow
async def test_one_change_of_ten_thousand_costs_no_more_than_one_of_two_thousand(tmp_path: Path):
    # Up to a thousand members the answer has all of them.
    small, large = [await steps_of_a_change(tmp_path / str(size), size) for size in (2_000, SIZE)]
    assert 0 < large < 1.5 * small


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False], ids=["quick", "plain"])
async def test_the_loop_goes_on_while_everybody_is_read_and_replaced(tmp_path: Path, quick: bool):
    app = App(tmp_path, quick=quick)
    client, team, ids = filled(app, SIZE)
    everybody_else = [{"value": each} for each in ids[10:]]
    async with Loop() as loop:
        read = await client.get(f"/Groups/{team}")
        changed = {"op": "replace", "path": "members", "value": everybody_else}
        replaced = await client.patch(f"/Groups/{team}", changed)
    assert len(read.body["members"]) == SIZE
    assert replaced.status == 204
    assert len(replaced.headers["etag"]) > 0
    # The test itself parses the answer on this loop; the app's own work goes on beside it.
    assert loop.longest < loop.seconds / 2
    assert len((await client.get(f"/Groups/{team}")).body["members"]) == SIZE
    app.close()


async def test_up_to_a_thousand_members_the_answer_is_200_with_the_team(app: App, tmp_path: Path):
    other = App(tmp_path / "other", quick=app.quick)
    client, team, ids = filled(other, 999)
    path = f"/Groups/{team}"
    one = await client.patch(path, {"op": "add", "path": "members", "value": [{"value": ids[999]}]})
    assert (one.status, len(one.body["members"])) == (200, 1000)
    two = await client.patch(path, {"op": "add", "path": "members", "value": [{"value": ids[1000]}]})
    assert (two.status, two.body) == (204, None)
    assert two.headers["etag"] == (await client.get(path)).headers["etag"]
    other.close()
