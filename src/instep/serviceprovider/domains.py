"""Claimed domains: which e-mail domains an organisation has proved to be its own.

Claiming gives a token that goes into the domain's DNS as a TXT record; verifying looks it up. Anybody may claim a
domain, and it belongs to the first who proves it. The record has to stay: a domain whose record is found missing
counts as verified for one more week. SCIM may only touch people whose address is in a verified domain.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from instep.serviceprovider import tables
from instep.serviceprovider.organisations import Organisation
from instep.serviceprovider.refusal import Invalid, Refusal, Taken, Unknown
from instep.serviceprovider.text import moment, stamp

RECORD = "mixpanel-domain-verify="
"""What the TXT record begins with."""

GRACE = timedelta(days=7)
"""How long a verified domain stays so after its record was found missing."""

Lookup = Callable[[str], list[str]]
"""The TXT records of a domain. Refusal when the DNS can't be asked."""

_OWNER = select(tables.domains.c.organisation_id).where(
    tables.domains.c.domain == bindparam("domain"), tables.domains.c.verified_at.is_not(None)
)

_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that an organisation has claimed."""

    name: str
    record: str
    """The TXT record that proves the claim."""
    verified_at: str | None
    missing_since: str | None


def claim(connection: Connection, organisation: Organisation, name: str) -> Domain:
    """Claims a domain, or gives back the claim there is: the same token, so that a published record stays good."""
    name = normalised(name)
    table = tables.domains
    if _owner(connection, name) not in (None, organisation.id):
        raise Taken(f"{name} belongs to another organisation already")
    if not any(domain.name == name for domain in claimed(connection, organisation)):
        token = secrets.token_hex(16)
        connection.execute(insert(table).values(organisation_id=organisation.id, domain=name, token=token))
    return get(connection, organisation, name)


def verify(connection: Connection, organisation: Organisation, name: str, records: list[str], now: datetime) -> Domain:
    """Judges a claim by the domain's TXT records; `problem` says what the judgement means.

    Taken when another organisation has proved the domain first. A missing record is no error here, since what is
    noted down about it has to be committed.
    """
    domain = get(connection, organisation, normalised(name))
    if domain.record in (record.strip() for record in records):
        if domain.verified_at is None and _owner(connection, domain.name) is not None:
            raise Taken(f"{domain.name} belongs to another organisation already")
        _note(connection, organisation, domain, verified_at=domain.verified_at or stamp(now), missing_since=None)
    elif domain.verified_at is not None:
        since = moment(domain.missing_since) if domain.missing_since else now
        if now - since >= GRACE:
            _note(connection, organisation, domain, verified_at=None, missing_since=None)
        else:
            _note(connection, organisation, domain, missing_since=stamp(since))
    return get(connection, organisation, domain.name)


def problem(domain: Domain, records: list[str]) -> str | None:
    """What is wrong with a domain that has just been judged, for an administrator; None when all is well."""
    if domain.verified_at is not None and domain.missing_since is None:
        return None
    found = "; ".join(record for record in records if record.startswith(RECORD)) or "none that begins so"
    lost = moment(domain.missing_since) + GRACE if domain.missing_since else None
    until = f"; the domain stays verified until {stamp(lost)}" if lost else ""
    return f"{domain.name} has no TXT record {domain.record} (found: {found}){until}"


def release(connection: Connection, organisation: Organisation, name: str) -> None:
    """Gives a claim up. People in that domain can't be provisioned any more; they stay members."""
    domain = get(connection, organisation, normalised(name))
    connection.execute(delete(tables.domains).where(*_key(organisation.id, domain.name)))


def get(connection: Connection, organisation: Organisation, name: str) -> Domain:
    """The organisation's claim on a domain. Unknown when there is none."""
    for domain in claimed(connection, organisation):
        if domain.name == name:
            return domain
    raise Unknown(f"{organisation.name} hasn't claimed {name}; claim it first")


def claimed(connection: Connection, organisation: Organisation) -> list[Domain]:
    """All claims of an organisation, verified or not, by name."""
    table = tables.domains
    rows = connection.execute(select(table).where(table.c.organisation_id == organisation.id).order_by(table.c.domain))
    return [Domain(row.domain, RECORD + row.token, row.verified_at, row.missing_since) for row in rows]


def is_verified(connection: Connection, organisation_id: int, name: str) -> bool:
    """Whether the organisation has proved that the domain is its own."""
    return _owner(connection, name) == organisation_id


def of_address(email: str) -> str:
    """The domain of an e-mail address, in the form that claims have. Invalid when it isn't an address."""
    local, at, domain = email.rpartition("@")
    if not local or not at or any(c.isspace() or not c.isprintable() for c in email):
        raise Invalid(f"{email!r} isn't an e-mail address")
    return normalised(domain)


def normalised(name: str) -> str:
    """A domain name in lower-case ASCII, without a final dot. Invalid when it isn't one."""
    text = name.strip().removesuffix(".").lower()
    try:
        ascii_name = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    if not _NAME.fullmatch(ascii_name):
        raise Invalid(f"{name!r} isn't a domain name such as example.com")
    return ascii_name


def nameserver(text: str | None, port: int) -> tuple[str | None, int]:
    """The IP address and port of a DNS server, from `127.0.0.1`, `127.0.0.1:5353` or `[::1]:5353`; None stays None.

    ValueError when it's something else.
    """
    if text is None:
        return None, port
    has_port = text.count(":") == 1 or "]:" in text
    address, _, own_port = text.rpartition(":") if has_port else (text, "", port)
    try:
        return str(ip_address(address.strip("[]"))), int(own_port)
    except ValueError:
        raise ValueError(f"takes an IP address and maybe a port, not {text!r}") from None


def dns_lookup(nameserver: str | None = None, port: int = 53, seconds: float = 5.0) -> Lookup:
    """Asks the DNS for TXT records: the system's resolver, or the server at an IP address and port."""
    import dns.exception
    import dns.resolver

    def look_up(name: str) -> list[str]:
        try:
            resolver = dns.resolver.Resolver(configure=nameserver is None)
            if nameserver is not None:
                resolver.nameservers = [nameserver]
                resolver.port = port
            answer = resolver.resolve(name, "TXT", lifetime=seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, ValueError, OSError) as wrong:
            server = f"{nameserver} port {port}" if nameserver else "the system's resolver"
            raise Refusal(f"the DNS couldn't be asked for {name} ({server}): {wrong}") from wrong
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

    return look_up


def _owner(connection: Connection, name: str) -> int | None:
    return connection.scalar(_OWNER, {"domain": name})


def _key(organisation_id: int, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return tables.domains.c.organisation_id == organisation_id, tables.domains.c.domain == name


def _note(connection: Connection, organisation: Organisation, domain: Domain, **values: str | None) -> None:
    connection.execute(update(tables.domains).where(*_key(organisation.id, domain.name)).values(**values))
