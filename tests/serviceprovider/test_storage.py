"""The storage keeps scim2-server's own contract, with rules that let everybody in: its users have no domain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from instep.serviceprovider import organisations
from instep.serviceprovider.database import Database
from instep.serviceprovider.organisations import Plan
from instep.serviceprovider.rules import Rules
from instep.serviceprovider.schemas import description
from instep.serviceprovider.storage import Storage
from instep.serviceprovider.text import now


class Lenient(Rules):
    """Rules that don't ask for an address in a verified domain."""

    def may_touch(self, email: str) -> None:
        """Everybody may be touched."""

    def _in_claimed_domain(self, email: str) -> None:
        """Every name will do."""


class TestStorage(ScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return description()

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        database = Database(tmp_path)
        with database.writing() as connection:
            made = organisations.create(connection, "Acme", Plan.ENTERPRISE, now())
            yield Storage(connection, made.id, now(), Lenient(connection, made.id))
        database.close()
