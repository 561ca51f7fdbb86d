"""What an app holds, read by another SCIM client than ours (scim2-client)."""

from typing import Any

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import SearchRequest

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def content(url: str, token: str) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Users, ascending by userName, with their manager's userName; groups by name with members' userNames."""
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        client = SyncSCIMClient(http)
        client.discover()
        users = [u.model_dump() for u in _all(client, client.get_resource_model("User"))]
        groups = [g.model_dump() for g in _all(client, client.get_resource_model("Group"))]
    names = {u["id"]: u["userName"] for u in users}
    for user in users:
        manager = (user.get(MANAGER) or {}).get("manager") or {}
        user["manager"] = names.get(manager.get("value"), "")
    members = {
        g["displayName"]: sorted((names[m["value"]] for m in g.get("members") or []), key=str.lower) for g in groups
    }
    return sorted(users, key=lambda u: u["userName"].lower()), members


def _all(client: Any, model: Any) -> list[Any]:
    found: list[Any] = []
    while True:
        answer = client.query(model, query_parameters=SearchRequest(start_index=len(found) + 1, count=100))
        found += answer.resources or []
        if len(found) >= answer.total_results or not answer.resources:
            return found
