"""SCIM tokens: how a client gets in, and to which organisation.

One base URL serves every organisation; the token alone tells which. A token is 256 random bits behind a prefix that
secret scanners can look for. The database keeps its SHA-256 only (a random token needs no slow hash), so a token can
be shown once, when it's made. There is one live token for each organisation: a new one revokes the old.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from instep.serviceprovider import domains, tables
from instep.serviceprovider.organisations import Organisation, Plan
from instep.serviceprovider.refusal import Forbidden, Refusal
from instep.serviceprovider.text import stamp

PREFIX = "instep_scim_"

_OPENED = (
    select(tables.tokens.c.digest, tables.organisations.c.id, tables.organisations.c.name, tables.organisations.c.plan)
    .join(tables.organisations, tables.organisations.c.id == tables.tokens.c.organisation_id)
    .where(tables.tokens.c.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of an organisation's live token. The token itself isn't."""

    hint: str
    """Its last characters."""
    created_at: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """The organisation that a token opens."""

    organisation_id: int
    name: str
    plan: Plan


def mint(connection: Connection, organisation: Organisation, now: datetime) -> str:
    """A new token, in clear, for the only time. Refusal when the organisation hasn't what SCIM needs."""
    if organisation.plan is not Plan.ENTERPRISE:
        raise Forbidden(f"SCIM needs the Enterprise plan; {organisation.name} is on {organisation.plan.capitalize()}")
    if organisation.sso is None:
        raise Refusal(f"SCIM needs single sign-on; set it up for {organisation.name} first")
    if not any(domain.verified_at for domain in domains.claimed(connection, organisation)):
        raise Refusal(f"SCIM needs a verified domain; claim and verify one for {organisation.name} first")
    token = PREFIX + secrets.token_urlsafe(32)
    row = {"digest": _digest(token), "hint": token[-4:], "created_at": stamp(now)}
    connection.execute(
        insert(tables.tokens)
        .values(organisation_id=organisation.id, **row)
        .on_conflict_do_update(index_elements=["organisation_id"], set_=row)
    )
    return token


def revoke(connection: Connection, organisation: Organisation) -> None:
    """Ends the live token, if there is one."""
    connection.execute(delete(tables.tokens).where(tables.tokens.c.organisation_id == organisation.id))


def live(connection: Connection, organisation: Organisation) -> Token | None:
    """What is known of the organisation's token; None when it has none."""
    table = tables.tokens
    row = connection.execute(select(table).where(table.c.organisation_id == organisation.id)).one_or_none()
    return None if row is None else Token(row.hint, row.created_at)


def open_with(connection: Connection, token: str) -> Bearer | None:
    """The organisation that the token opens, or None.

    Looking a digest up tells a guesser nothing: how long it takes depends on bits that nobody can choose. The found
    one is still compared in constant time.
    """
    digest = _digest(token)
    row = connection.execute(_OPENED, {"digest": digest}).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, digest):
        return None
    return Bearer(row.id, row.name, Plan(row.plan))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
