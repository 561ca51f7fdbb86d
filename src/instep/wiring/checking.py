"""The part of the composition root that checks somebody's endpoint: its connection, credentials and names.

No store is opened: a check belongs to no app of ours. The connection has the same guard on addresses, TLS and deadlines
as those that provision.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from instep.wiring import SystemChance, SystemClock

if TYPE_CHECKING:
    from instep.checking.visit import Visit
    from instep.core.app import Credentials
    from instep.settings import Settings

PREFIX = "instep-check-"


@asynccontextmanager
async def visit(
    settings: Settings, url: str, credentials: Credentials, secret: str, domain: str, read_only: bool
) -> AsyncIterator[Visit]:
    """A visit to the endpoint at that tenant URL. Raises TenantUrlError, and Unreachable when no access token is given.

    domain: of the mail addresses of those who are made.
    """
    from instep.checking.finding import Unreachable
    from instep.checking.visit import Visit
    from instep.checking.wire import Wire
    from instep.targets.address import tenant_url
    from instep.targets.credentials import authorized_by
    from instep.targets.http import NotAuthorized, open_session

    clock, private, tenant = SystemClock(), settings.private_networks, tenant_url(url)
    authorized = authorized_by(credentials, secret, clock, settings.request_seconds, private)

    async def authorization() -> str:
        try:
            return await authorized.authorization()
        except NotAuthorized as wrong:
            raise Unreachable(str(wrong)) from None

    async with open_session(tenant.loopback, private, settings.request_seconds, settings.concurrency) as session:
        wire = Wire(session, tenant.base, tenant.query, authorization, authorized.masked, clock)
        yield Visit(wire, PREFIX + SystemChance().token()[:10], domain, read_only)
