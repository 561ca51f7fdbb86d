"""Organisations: their plan and their single sign-on, and how they're found.

An organisation is the tenant: nothing is shared between two of them but people's logins. Who belongs to one is said
in `members.py`, which e-mail domains it may provision in `domains.py`, and how a SCIM client gets in in `tokens.py`.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, insert, select, update

from instep.serviceprovider import tables
from instep.serviceprovider.refusal import Invalid, Refusal, Taken, Unknown
from instep.serviceprovider.text import exact, folded, stamp

_LONGEST_NAME = 200


class Plan(StrEnum):
    """What an organisation pays for. SSO needs Growth or Enterprise, SCIM needs Enterprise."""

    FREE = "free"
    GROWTH = "growth"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class Sso:
    """An organisation's single sign-on: what its identity provider's metadata says."""

    sign_in_url: str
    issuer: str
    certificate: str
    """X.509, PEM."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation, as it is in the database."""

    id: int
    name: str
    plan: Plan
    sso: Sso | None
    created_at: str


def create(connection: Connection, name: str, plan: Plan, now: datetime) -> Organisation:
    """A new organisation without members. Taken when there's one of that name, whatever its case."""
    name = exact(name.strip())
    if not name or len(name) > _LONGEST_NAME or name.isdigit():
        raise Invalid(f"{name!r} can't be an organisation's name: 1 to {_LONGEST_NAME} characters, not only digits")
    table = tables.organisations
    if connection.scalar(select(table.c.id).where(table.c.name_key == folded(name))) is not None:
        raise Taken(f"there is an organisation named {name!r} already")
    connection.execute(insert(table).values(name=name, name_key=folded(name), plan=plan.value, created_at=stamp(now)))
    return find(connection, name)


def find(connection: Connection, name_or_id: str) -> Organisation:
    """The organisation of that name (case doesn't matter) or number. Unknown when there's none."""
    table = tables.organisations
    condition = table.c.id == int(name_or_id) if _is_number(name_or_id) else table.c.name_key == folded(name_or_id)
    row = connection.execute(select(table).where(condition)).one_or_none()
    if row is None:
        there = ", ".join(repr(each.name) for each in every(connection)[:10]) or "none yet"
        raise Unknown(f"there is no organisation {name_or_id!r}; there are: {there}")
    return _organisation(row)


def every(connection: Connection) -> list[Organisation]:
    """All organisations, oldest first."""
    table = tables.organisations
    return [_organisation(row) for row in connection.execute(select(table).order_by(table.c.id))]


def set_plan(connection: Connection, organisation: Organisation, plan: Plan) -> None:
    """Moves the organisation to another plan. A smaller one stops SCIM at once; nothing is deleted."""
    _change(connection, organisation, plan=plan.value)


def set_up_sso(connection: Connection, organisation: Organisation, sso: Sso) -> None:
    """Keeps what the identity provider's metadata says.

    Invalid when a URL isn't one or the certificate isn't an X.509 certificate, Taken when another organisation has
    that issuer: the issuer of an assertion is what finds the organisation.
    """
    if organisation.plan is Plan.FREE:
        raise Refusal(f"single sign-on needs the Growth or Enterprise plan; {organisation.name} is on Free")
    table = tables.organisations
    issuer = _url("issuer", sso.issuer)
    other = connection.scalar(select(table.c.name).where(table.c.sso_issuer == issuer, table.c.id != organisation.id))
    if other is not None:
        raise Taken(f"the issuer {issuer} is in use by another organisation; each needs one of its own")
    _change(
        connection,
        organisation,
        sso_sign_in_url=_url("sign-in URL", sso.sign_in_url),
        sso_issuer=issuer,
        sso_certificate=_certificate(sso.certificate),
    )


def remove_sso(connection: Connection, organisation: Organisation) -> None:
    """Forgets the single sign-on settings. They can't be brought back."""
    _change(connection, organisation, sso_sign_in_url=None, sso_issuer=None, sso_certificate=None)


def stand_in_certificate(issuer: str, now: datetime) -> str:
    """A self-signed certificate, PEM, for a test app that nobody will ever sign in to. Its key is thrown away."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, (urlsplit(issuer).hostname or "issuer")[:64])])
    made = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=3 * 365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _organisation(row: Row[tuple[object, ...]]) -> Organisation:
    sso = None
    if row.sso_issuer is not None:
        sso = Sso(row.sso_sign_in_url, row.sso_issuer, row.sso_certificate)
    return Organisation(row.id, row.name, Plan(row.plan), sso, row.created_at)


def _change(connection: Connection, organisation: Organisation, **values: str | None) -> None:
    table = tables.organisations
    connection.execute(update(table).where(table.c.id == organisation.id).values(**values))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18


def _url(what: str, text: str) -> str:
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"the {what} must be an http or https URL, not {text!r}")
    return text


def _certificate(text: str) -> str:
    """The certificate as PEM; what identity providers hand out is PEM or bare Base64 (Entra: Certificate (Base64))."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        if "-----BEGIN" in text:
            certificate = x509.load_pem_x509_certificate(text.encode())
        else:
            certificate = x509.load_der_x509_certificate(b64decode("".join(text.split()), validate=True))
    except (ValueError, Base64Error):
        raise Invalid("that isn't an X.509 certificate in PEM or Base64 (metadata XML isn't taken either)") from None
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
