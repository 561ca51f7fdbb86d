"""Every test that takes `app` runs twice: the quick way and the plain way have to give the same answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.serviceprovider.app import App
from tests.serviceprovider.world import Client, organisation


@pytest.fixture(params=[True, False], ids=["quick", "plain"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """An empty app."""
    app = App(tmp_path / "data", quick=request.param)
    yield app
    app.close()


@pytest.fixture
def acme(app: App) -> Client:
    """A client of the organisation Acme, which has proved acme.example to be its own."""
    return Client(app, organisation(app)[1])
