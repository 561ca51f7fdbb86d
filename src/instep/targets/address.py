"""Tenant URLs and token URLs, and the addresses that may be connected to on their behalf.

Such a URL is typed in by an administrator and could point anywhere, so that it must not become a way into
the network that Instep runs in. The check is made on the address of each connection, not on the name: names
can be made to resolve to something else the second time.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

import yarl
from msgspec import Struct

from instep.scim.abilities import Dialect

NOT_ALLOWED = "that address isn't allowed"

_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_FLAGS: dict[str, Dialect] = {"aadoptscim062020": "entra-compliant", "azureadscimpatch2017": "entra"}
# Forms of IPv6 that carry an IPv4 address on to somebody else: NAT64, 6to4 and Teredo.
_CARRIERS = tuple(IPv6Network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
# Where clouds tell a machine its own credentials, beside link-local addresses: Azure, Alibaba, Oracle, AWS, Google.
_METADATA = frozenset(
    ip_address(a) for a in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)


class TenantUrlError(ValueError):
    """A tenant URL or token URL that can't be used; the message says why and what one looks like."""


class TenantUrl(Struct, frozen=True):
    """An app's SCIM base URL, taken apart."""

    base: str
    """Without a slash at the end: `/Users` is appended."""
    query: str
    """Flags that ride along with every request: `aadOptscim062020`."""
    loopback: bool
    """Whether the URL names this machine itself."""
    dialect: Dialect | None
    """The PATCH dialect that a flag asks for."""


class TokenUrl(Struct, frozen=True):
    """An OAuth 2.0 token endpoint."""

    url: str
    """Verbatim: some servers tell `/token` and `/token/` apart."""
    loopback: bool


class ForbiddenAddress(OSError):
    """A connection to an address that isn't allowed; none was made."""

    def __init__(self) -> None:
        super().__init__(NOT_ALLOWED)


def tenant_url(text: str) -> TenantUrl:
    """A tenant URL from what was typed: https, or http to this machine itself. Raises TenantUrlError."""
    parts, loopback = _checked(text, "tenant URL", "https://app.example.com/scim/v2")
    flags = [flag.partition("=")[0].lower() for flag in parts.query.split("&")]
    dialect: Dialect | None = next((_FLAGS[flag] for flag in flags if flag in _FLAGS), None)
    base = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    return TenantUrl(base, parts.query, loopback, dialect)


def token_url(text: str) -> TokenUrl:
    """A token endpoint's URL from what was typed, under the rules of tenant URLs. Raises TenantUrlError."""
    _, loopback = _checked(text, "token URL", "https://login.example.com/oauth2/token")
    return TokenUrl(text.strip(), loopback)


def _checked(text: str, called: str, example: str) -> tuple[SplitResult, bool]:
    """The URL's parts, and whether it names this machine itself."""
    # Before an @ there may stand a password, which no message repeats.
    _, at, after = text.rpartition("@")
    shown = repr(f"…@{after}" if at else text)
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
        # What connects reads it once more, and differently: about [::1].example.com, for one. It decodes names, too.
        again = yarl.URL(text.strip() if host else "")
        connects_to = (again.raw_host or "").lower() if again.host else ""
    except ValueError as wrong:
        raise TenantUrlError(f"{shown} isn't a URL" + (f": {wrong}" if not at else "")) from None
    if parts.scheme not in ("http", "https") or not host:
        raise TenantUrlError(f"{shown} isn't a {called}: expected one such as {example}")
    if parts.username is not None or parts.password is not None:
        raise TenantUrlError(f"a {called} can't carry a user name or password; the secret is entered by itself")
    if parts.fragment:
        raise TenantUrlError(f"a {called} has no part after #: leave out #{parts.fragment}")
    if port == 0:
        raise TenantUrlError(f"{shown}: port 0 can't be connected to")
    loopback = host in _LOOPBACK_NAMES and connects_to == host
    if parts.scheme == "http" and not loopback:
        raise TenantUrlError(f"{shown}: the token would travel unencrypted; use https (http only to localhost)")
    return parts, loopback


def allowed(address: str, loopback: bool, private: bool) -> bool:
    """Whether an address may be connected to.

    loopback: whether the tenant URL names this machine: then nothing else is allowed, since `localhost` may go
    unencrypted and is a name that a resolver could be made to answer. private: whether private ranges are allowed.
    Never allowed are multicast, unspecified, reserved and link-local addresses, and those of cloud metadata.
    """
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        elif any(ip in carrier for carrier in _CARRIERS):
            return False
    if ip.is_loopback or loopback:
        return ip.is_loopback and (loopback or private)
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local or ip.is_reserved or ip in _METADATA:
        return False
    # Site-local addresses (RFC 3879) are what private ones were called once; Python counts them as global.
    return private or (ip.is_global and not (isinstance(ip, IPv6Address) and ip.is_site_local))


def guarded_socket(loopback: bool, private: bool):
    """A socket factory for aiohttp's connector that refuses addresses which aren't allowed.

    It is asked with the very address that the socket will connect to.
    """

    def make(info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allowed(str(address[0]), loopback, private):
            raise ForbiddenAddress
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
