"""An app as it was added: what an administrator decided about it. Values only.

What its job has come to is in `core/job.py`; the rules document is compiled by `core/compile.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from instep.core.subject import AppRole


class Credentials(Struct, frozen=True):
    """How Instep shows the app who it is. The secret itself is kept apart, encrypted."""

    kind: Literal["bearer", "client_credentials"] = "bearer"
    """A bearer token that was made in the app, or the OAuth 2.0 client credentials grant (RFC 6749, 4.4)."""
    token_url: str = ""
    """Where tokens are asked for; client credentials only."""
    client_id: str = ""
    scope: str = ""
    expires: datetime | None = None
    """When the secret ends, as far as it's known; announced 30, 7 and 1 days before."""


class Notifications(Struct, frozen=True):
    """Who is told by mail."""

    addresses: tuple[str, ...] = ()
    on_failure: bool = False
    """Whether also subjects that fail are told of, once a day at most."""


class Audit(Struct, frozen=True):
    """The drift audit: what is done about what others changed in the app."""

    policy: Literal["off", "ignore", "report", "repair"] = "off"
    every_hours: int = 24


class QuarantineLimits(Struct, frozen=True):
    """When failures of subjects mean that the job is unhealthy. The published limits hold beside these."""

    failures: int = 10
    """At least so many in one cycle,"""
    share: float = 0.4
    """and more than this share of all that was tried."""


class App(Struct, frozen=True):
    """An app that is provisioned."""

    name: str
    """Short and unique: `mixpanel`."""
    display_name: str
    template: str
    tenant_url: str
    rules: Mapping[str, Any]
    """The rules document; `instep.targets.gallery` gives the template's, `instep.wiring` compiles it."""
    roles: tuple[AppRole, ...] = ()
    interval_minutes: int = 40
    """After how long its job runs again, at the latest."""
    credentials: Credentials = Credentials()
    notifications: Notifications = Notifications()
    audit: Audit = Audit()
    quarantine: QuarantineLimits = QuarantineLimits()
