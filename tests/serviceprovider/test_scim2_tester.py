"""scim2-tester, an independent compliance checker, finds no error over HTTP."""

import asyncio
import uuid
from pathlib import Path

import pytest
from httpx2 import Client as HttpClient
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import ScimProvider
from scim2_server.utils import load_default_resource_types
from scim2_tester import Status, check_server
from tests.serviceprovider.world import organisation

from instep.serviceprovider.app import App
from instep.serviceprovider.schemas import description
from instep.serviceprovider.server import running


def described() -> ScimProvider:
    """What the app publishes, with user names that it takes: the checker makes values up and can't know domains."""
    schemas = [schema.model_copy(deep=True) for schema in description().schemas]
    names = [f"{uuid.uuid4().hex}@acme.example" for _ in range(20_000)]  # each that is picked twice is a conflict
    for schema in schemas:
        for attribute in schema.attributes or []:
            if attribute.name == "userName":
                attribute.canonical_values = names
    return ScimProvider.from_discovery(schemas, load_default_resource_types().values())


def check(base_url: str, token: str) -> list[str]:
    with HttpClient(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        results = check_server(SyncSCIMClient(http, provider=described()))
    assert sum(result.status == Status.SUCCESS for result in results) > 100
    return [
        f"{result.title}: {result.reason}" for result in results if result.status in (Status.ERROR, Status.CRITICAL)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False], ids=["quick", "plain"])
async def test_scim2_tester_finds_no_error(tmp_path: Path, quick: bool):
    app = App(tmp_path, quick=quick)
    _, token = organisation(app)
    async with running(app) as base_url:
        assert await asyncio.to_thread(check, base_url, token) == []
    app.close()
