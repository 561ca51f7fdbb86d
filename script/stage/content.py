"""What the app really holds, read through its SCIM endpoint with nothing but the standard library."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from stage.company import Content

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The app at one moment: its content, and the id of each member by login."""

    content: Content
    ids: Mapping[str, str]

    def told(self, id: str) -> tuple[str, str, str, str]:
        """Name, login, state and teams of the member with that id; empty when there's none."""
        login = next((login for login, known in self.ids.items() if known == id), None)
        if login is None:
            return "", "", "", ""
        name, active = self.content.members[login]
        teams = ", ".join(sorted(team for team, members in self.content.teams.items() if login in members))
        return name, login, "active" if active else "deactivated", teams


def read(url: str, token: str) -> Snapshot:
    """Everything in the app. `url` is its SCIM base URL. OSError when it doesn't answer."""
    users = {user["id"]: user for user in _resources(url, token, "Users")}
    groups = _resources(url, token, "Groups")
    content = Content(
        {user["userName"]: (user.get("displayName", ""), user["active"]) for user in users.values()},
        {
            group["displayName"]: frozenset(users[member["value"]]["userName"] for member in group.get("members", []))
            for group in groups
        },
    )
    return Snapshot(content, {user["userName"]: id for id, user in users.items()})


def _resources(url: str, token: str, route: str) -> Iterator[dict[str, Any]]:
    start, total = 1, 1
    while start <= total:
        asked = Request(f"{url}/{route}?startIndex={start}&count={_PAGE}", headers={"Authorization": f"Bearer {token}"})
        with urlopen(asked, timeout=60) as answer:
            page = json.load(answer)
        yield from page["Resources"]
        total, start = page["totalResults"], start + max(1, len(page["Resources"]))
