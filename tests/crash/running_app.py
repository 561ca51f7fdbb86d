"""The app's side while it runs, for somebody who may look at everything."""

import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class RunningApp:
    """Speaks to it over HTTP."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    def journal(self) -> dict[str, Any]:
        """Requests, writes and steps so far."""
        return self._get(self._root + "/journal")

    def kill(self, pid: int, at: int) -> None:
        """End that process at the app's n-th step from here."""
        self._get(f"{self._root}/kill?pid={pid}&at={at}")

    def lock(self, path: Path, at: int) -> None:
        """Take the write lock of that database at the app's n-th step from here, and keep it until `unlock`."""
        self._get(f"{self._root}/lock?{urllib.parse.urlencode({'path': path, 'at': at})}")

    def unlock(self) -> None:
        """Let go of it."""
        self._get(self._root + "/unlock")

    def content(self) -> Any:
        """Users and groups in full, but for what the app makes up: ids become names."""
        users, groups = self._all("Users"), self._all("Groups")
        names = {each["id"]: each.get("userName") or each["displayName"] for each in (*users, *groups)}
        for user in users:
            manager = user.get(ENTERPRISE, {}).get("manager", {})
            if manager:
                user[ENTERPRISE]["manager"] = names.get(manager["value"], "nobody")
            user["groups"] = sorted(names.get(g["value"], "nothing") for g in user.get("groups", []))
        for group in groups:
            group["members"] = sorted(names.get(m["value"], "nobody") for m in group.get("members", []))
        plain = [{k: v for k, v in each.items() if k not in ("id", "meta")} for each in (*users, *groups)]
        return sorted(plain, key=lambda each: json.dumps(each, sort_keys=True))

    @property
    def _root(self) -> str:
        parts = urllib.parse.urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _all(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(f"{self.url}/{kind}?startIndex={len(found) + 1}&count=1000")
            found += page["Resources"]
            if len(found) >= page["totalResults"]:
                return found

    def _get(self, url: str) -> Any:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
