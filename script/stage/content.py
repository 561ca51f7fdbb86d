"""What the app really holds, read through its SCIM endpoint with nothing but the standard library."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

from stage.company import Content

_PAGE = 1000


def read(url: str, token: str) -> Content:
    """Everything in the app. `url` is its SCIM base URL. OSError when it doesn't answer."""
    users = {user["id"]: user for user in _resources(url, token, "Users")}
    groups = _resources(url, token, "Groups")
    return Content(
        {user["userName"]: (user.get("displayName", ""), user["active"]) for user in users.values()},
        {
            group["displayName"]: frozenset(users[member["value"]]["userName"] for member in group.get("members", []))
            for group in groups
        },
    )


def _resources(url: str, token: str, route: str) -> Iterator[dict[str, Any]]:
    start, total = 1, 1
    while start <= total:
        asked = Request(f"{url}/{route}?startIndex={start}&count={_PAGE}", headers={"Authorization": f"Bearer {token}"})
        with urlopen(asked, timeout=30) as answer:
            page = json.load(answer)
        yield from page["Resources"]
        total, start = page["totalResults"], start + max(1, len(page["Resources"]))
