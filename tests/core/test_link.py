"""Which links stand for an account that references can point to."""

import pytest
from tests.core.examples import linked, person

from instep.core.link import Status


@pytest.mark.parametrize("status", Status)
def test_a_link_is_alive_while_there_is_an_account(status: Status) -> None:
    alive = status in (Status.ACTIVE, Status.DISABLED, Status.RELEASED)
    assert linked(person(), status=status, app_id="app-1").alive is alive
    assert not linked(person(), status=status, app_id=None).alive
