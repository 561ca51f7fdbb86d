"""Somebody changes things in the app itself: one audit finds them all, the next cycle sets them right, and then there
is nothing left to write. Against an independent SCIM server and against ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.acceptance.content import content
from tests.acceptance.servers import Instep
from tests.acceptance.test_lifecycle import app
from tests.engine.test_audit import Audited, audited
from tests.engine.test_crashes import person

from instep.core.directory import Assignment, Entry
from instep.core.subject import Kind
from instep.targets.scim import ScimTarget
from instep.wiring import SystemClock

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def company(world: Audited) -> None:
    with world.directory.edit() as edit:
        for i in range(24):
            person(edit, f"u{i}", f"u{i}@example.com", manager="u0" if i else None, enabled=i != 23)
        for group, members in {"g1": range(24), "g2": range(8)}.items():
            edit.put(Entry(Kind.GROUP, group, f"Team {group}", {"displayName": f"Team {group}"}))
            for i in members:
                edit.join(group, Kind.USER, f"u{i}")
            edit.assign(Assignment(f"a-{group}", "app", Kind.GROUP, group))


class ByHand:
    """Somebody with rights in the app."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def id(self, kind: str, path: str, name: str) -> str:
        return self._http.get(f"/{kind}", params={"filter": f'{path} eq "{name}"'}).json()["Resources"][0]["id"]

    def user(self, number: int) -> str:
        return self.id("Users", "userName", f"u{number}@example.com")

    def patch(self, path: str, *operations: dict[str, Any]) -> None:
        answer = self._http.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})
        assert answer.status_code in (200, 204), answer.text

    def changes(self) -> None:
        """What an administrator of the app might do on a bad day."""
        self.patch(f"/Users/{self.user(1)}", {"op": "replace", "path": "title", "value": "Emperor"})
        self.patch(f"/Users/{self.user(2)}", {"op": "remove", "path": "title"})
        self.patch(f"/Users/{self.user(3)}", {"op": "replace", "path": "active", "value": False})
        team = self.id("Groups", "displayName", "Team g2")
        self.patch(f"/Groups/{team}", {"op": "remove", "path": f'members[value eq "{self.user(5)}"]'})
        self.patch(f"/Groups/{team}", {"op": "add", "path": "members", "value": [{"value": self.user(9)}]})
        self.patch(f"/Groups/{team}", {"op": "replace", "path": "displayName", "value": "Mine"})
        made = {"schemas": [USER], "userName": "u23@example.com", "active": True}
        assert self._http.post("/Users", json=made).status_code == 201

    def delete(self, number: int) -> None:
        """Delete an account, which this app leaves in its groups unless it's taken out."""
        user = self.user(number)
        for name in ("Team g1", "Mine"):
            team = self.id("Groups", "displayName", name)
            self.patch(f"/Groups/{team}", {"op": "remove", "path": f'members[value eq "{user}"]'})
        assert self._http.delete(f"/Users/{user}").status_code == 204


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("which", ["independent", "ours"])
async def test_what_somebody_changed_in_the_app_is_as_set_after_one_audit(which: str, tmp_path: Path) -> None:
    with app(which, tmp_path) as (url, token, requests):
        async with target(url, token) as client:
            await a_bad_day(which, tmp_path, url, token, requests, client)


@asynccontextmanager
async def target(url: str, token: str) -> AsyncIterator[ScimTarget]:
    client = ScimTarget(url, token, SystemClock())
    try:
        yield client
    finally:
        await client.close()


async def a_bad_day(which: str, folder: Path, url: str, token: str, requests: Any, client: ScimTarget) -> None:
    with (
        audited(folder / "instep", target=client) as world,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        company(world)
        assert (await world.sync()).result == "succeeded"
        as_set = _told(url, token)
        hand = ByHand(http)
        hand.changes()
        gone = "u6@example.com"
        if which == "ours":
            Instep(folder / "app", {})("org", "remove", "Acme", gone)
        else:
            hand.delete(6)

        summary = await world.audit()
        assert summary.result == "succeeded", summary
        found = {(d.subject_id, d.path) for d in world.drift()}
        assert found >= {
            ("g2", "displayName"),
            ("g2", "members u5"),
            ("g2", "members u9"),
            ("u1", "title"),
            ("u2", "title"),
            ("u3", "active"),
        }
        assert ("u6", "id") in found or ("u6", "active") in found
        assert world.unmanaged()["u23@example.com"].reason == "disabled"
        assert (await world.sync()).result == "succeeded"
        assert _told(url, token) == as_set

        again = await world.audit()
        assert "drift" not in again.counts
        before = await asyncio.to_thread(requests)
        await world.sync()
        assert await asyncio.to_thread(requests) == before


def _told(url: str, token: str) -> Any:
    """What the app holds, less the account that nobody manages."""
    users, groups = content(url, token)
    rows = [(u["userName"].lower(), u.get("displayName"), u.get("active"), u.get("title"), u["manager"]) for u in users]
    return [row for row in rows if not row[0].startswith("u23")], groups
