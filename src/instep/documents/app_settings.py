"""What an app document says beside the rules: credentials, the schedule, mails, the audit, when the job is unhealthy.

Only what isn't secret stands here: the secret itself, a bearer token or a client's secret, is read from where `token`
says in `app_document`. What the settings do is in `core/app.py`, whose defaults these are.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from instep.core.app import Credentials
from instep.core.faults import Fault, content, elements

ADDRESS: Final = re.compile(r"[^@\s<>,;\"]{1,64}@[^@\s<>,;\"]{1,255}")
"""What a mail address looks like, taken generously."""

LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "schedule.interval_minutes": (1, 525_600),
    "audit.every_hours": (1, 8_760),
    "quarantine.failures": (1, 1_000_000),
    "quarantine.share": (0, 1),
}
"""The least and the most of each number; a job runs and is audited at least once a year."""

_OAUTH = ("token_url", "client_id", "scope")


class CredentialsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """How Instep shows the app who it is; without it, by a bearer token."""

    kind: Literal["bearer", "client_credentials"] = "bearer"
    """`bearer`: what `token` refers to is a bearer token; `client_credentials`: it is a client's secret, for the OAuth
    2.0 client credentials grant."""
    token_url: str | None = None
    """Where access tokens are asked for; needed by `client_credentials`, as `client_id` is."""
    client_id: str | None = None
    """The client's id at the token URL."""
    scope: str | None = None
    """The scope that is asked for, where the app wants one."""
    expires: str | None = None
    """The date (YYYY-MM-DD) on which the secret ends, as far as it's known; what is known stays when it's left out."""


class ScheduleDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """When the job runs."""

    interval_minutes: int = 40
    """After how many minutes it runs again, at the latest."""


class AuditDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The drift audit: what is done about what others changed in the app."""

    policy: Literal["off", "ignore", "report", "repair"] = "off"
    """`off`: the app isn't read for it; `ignore`: what differs is only counted; `report`: it's listed; `repair`: it's
    set right."""
    every_hours: int = 24
    """After how many hours the app is read again."""


class QuarantineDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """When failures of subjects mean that the job is unhealthy; the published limits hold beside these."""

    failures: int = 10
    """At least so many in one cycle,"""
    share: float = 0.4
    """and more than this share of all that was tried."""


class NotificationsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told by mail."""

    addresses: tuple[str, ...] = ()
    """Mail addresses of those who are told of quarantine, of held decisions and of secrets that end."""
    on_failure: bool = False
    """Whether they're also told of subjects that fail, once a day at most."""


def setting_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the values of these settings, in a document of which the form may be wrong as well."""
    yield from _credential_faults(content(data.get("credentials")))
    for place in LIMITS:
        section, _, name = place.partition(".")
        value = content(data.get(section)).get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and (wrong := out_of_bounds(place, value)):
            yield Fault(place, wrong)
    for at, address in enumerate(elements(content(data.get("notifications")).get("addresses"))):
        if isinstance(address, str) and not ADDRESS.fullmatch(address):
            yield Fault(f"notifications.addresses[{at}]", "this is no mail address")


def out_of_bounds(place: str, value: float) -> str:
    """What is wrong with a number of `LIMITS`; nothing when it's within its bounds."""
    least, most = LIMITS[place]
    return "" if least <= value <= most else f"must be from {least:,g} to {most:,.0f}"


def _credential_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    granted = given.get("kind") == "client_credentials"
    for name in _OAUTH:
        if granted and name != "scope" and not given.get(name):
            yield Fault("credentials", f"missing the key `{name}`, which `client_credentials` needs")
        if not granted and given.get(name):
            yield Fault(f"credentials.{name}", "belongs to `kind: client_credentials`")
    ends = given.get("expires")
    if isinstance(ends, str) and day(ends) is None:
        yield Fault("credentials.expires", "this is no date; write it as YYYY-MM-DD")


def day(text: str) -> datetime | None:
    """The beginning (UTC) of the day that a text names as YYYY-MM-DD; none when it names none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def credentials_document(of: Credentials) -> CredentialsDocument | None:
    """The credentials as a document has them; none for a bearer token of which no end is known."""
    if of == Credentials():
        return None
    ends = of.expires.astimezone(UTC).date().isoformat() if of.expires else None
    return CredentialsDocument(of.kind, of.token_url or None, of.client_id or None, of.scope or None, ends)


def credentials(of: CredentialsDocument | None) -> Credentials:
    """The credentials that a document says."""
    if of is None:
        return Credentials()
    ends = day(of.expires) if of.expires else None
    return Credentials(of.kind, (of.token_url or "").strip(), of.client_id or "", of.scope or "", ends)


def ending(made: Credentials, known: Credentials, now_ends: datetime | None, same_secret: bool) -> Credentials:
    """The credentials that a document made, with what it leaves open of their end: of a secret that stays, the end that
    is known; of a new one, `now_ends`, which it says itself."""
    kept = known.expires if same_secret else now_ends
    if made.expires is None:
        return replace(made, expires=kept)
    # A document has dates; what is known may be a moment of that day.
    return replace(made, expires=kept) if kept and kept.astimezone(UTC).date() == made.expires.date() else made
