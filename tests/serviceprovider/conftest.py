"""Every test that takes `app` runs twice: the quick way and the plain way have to give the same answers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serviceprovider.world import Client, organisation

from instep.serviceprovider.app import App


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data of an app with the organisation Acme, which has proved acme.example to be its own; and Acme's token."""
    folder = tmp_path_factory.mktemp("template")
    app = App(folder)
    token = organisation(app)[1]
    app.close()
    return folder, token


@pytest.fixture(params=[True, False], ids=["quick", "plain"])
def app(request: pytest.FixtureRequest, tmp_path: Path, template: tuple[Path, str]) -> Iterator[App]:
    """An app that knows Acme."""
    shutil.copytree(template[0], tmp_path / "data")
    app = App(tmp_path / "data", quick=request.param)
    yield app
    app.close()


@pytest.fixture
def acme(app: App, template: tuple[Path, str]) -> Client:
    """Acme's client."""
    return Client(app, template[1])
