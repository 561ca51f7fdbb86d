"""Tenant URLs: which are taken, and which addresses may be connected to, whatever the name says."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from tests.hostile.app import HostileApp
from tests.targets.clock import TestClock

from instep.core.subject import Kind
from instep.ports import AppUnavailable
from instep.scim.abilities import Abilities
from instep.targets.address import TenantUrlError, allowed, tenant_url
from instep.targets.scim import ScimTarget


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://app.example.com/scim/v2", "https://app.example.com/scim/v2"),
        (" https://app.example.com/scim/v2/ ", "https://app.example.com/scim/v2"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("http://127.0.0.1:8080/v2", "http://127.0.0.1:8080/v2"),
        ("http://localhost/v2", "http://localhost/v2"),
        ("http://[::1]:80/v2", "http://[::1]:80/v2"),
    ],
)
def test_a_tenant_url_is_taken(text: str, base: str) -> None:
    assert tenant_url(text).base == base


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "isn't a tenant URL"),
        ("app.example.com/scim", "isn't a tenant URL"),
        ("ftp://app.example.com", "isn't a tenant URL"),
        ("https://", "isn't a tenant URL"),
        ("http://app.example.com/scim", "unencrypted"),
        ("http://127.0.0.1.example.com/", "unencrypted"),
        ("http://2130706433/", "unencrypted"),
        ("https://user:secret@app.example.com/", "user name"),
        ("https://user:se/secret@app.example.com/", "isn't a URL"),
        ("https://user:secret@[::1/", "isn't a URL"),
        ("user:secret@app.example.com", "isn't a tenant URL"),
        ("http://user:secret@app.example.com?x@y", "user name"),
        ("https://app.example.com/#top", "#"),
        ("https://app.example.com:99999/", "isn't a URL"),
        ("https://app.example.com:0/", "port 0"),
        ("https://[::1/", "isn't a URL"),
        ("https://[::1].example.com/", "isn't a URL"),
        ("https://app.example.com\\@localhost/", "isn't a URL"),
        ("https://xn--app-/", "isn't a URL"),
        (f"https://{'a' * 70}.example.com/", "isn't a URL"),
    ],
)
def test_what_isnt_a_tenant_url_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(TenantUrlError, match=problem) as refusal:
        tenant_url(text)
    assert "secret" not in str(refusal.value).replace("the secret is entered by itself", "")


@pytest.mark.parametrize(
    ("query", "dialect", "removal"),
    [
        ("", "rfc", "value-path"),
        ("?aadOptscim062020", "entra-compliant", "value-path"),
        ("?AzureAdScimPatch2017", "entra", "value-list"),
        ("?tenant=7&aadoptscim062020", "entra-compliant", "value-path"),
    ],
)
def test_a_flag_in_the_tenant_url_chooses_the_dialect(query: str, dialect: str, removal: str) -> None:
    target = ScimTarget(f"https://app.example.com/v2{query}", "t", TestClock())
    assert (target.abilities.dialect, target.abilities.removal) == (dialect, removal)


def test_a_removal_that_was_learnt_in_that_dialect_stays() -> None:
    learnt = Abilities(dialect="entra", removal="value-path")
    target = ScimTarget("https://app.example.com/?AzureAdScimPatch2017", "t", TestClock(), learnt)
    assert target.abilities.removal == "value-path"


PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"]
PRIVATE = ["10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "fd00::1", "fec0::1", "::ffff:10.0.0.1"]
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]
NEVER = [
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1%eth0",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
]


@pytest.mark.parametrize(
    ("addresses", "loopback", "private", "expected"),
    [
        (PUBLIC, False, False, True),
        (PUBLIC, False, True, True),
        (PUBLIC, True, False, False),
        (PUBLIC, True, True, False),
        (PRIVATE, False, False, False),
        (PRIVATE, True, False, False),
        (PRIVATE, True, True, False),
        (PRIVATE, False, True, True),
        (LOOPBACK, False, False, False),
        (LOOPBACK, True, False, True),
        (LOOPBACK, False, True, True),
        (NEVER, True, True, False),
    ],
)
def test_which_addresses_may_be_connected_to(
    addresses: list[str], loopback: bool, private: bool, expected: bool
) -> None:
    assert [a for a in addresses if allowed(a, loopback, private) != expected] == []


async def refused(url: str) -> AppUnavailable:
    target = ScimTarget(url, "t", TestClock(), request_seconds=2)
    try:
        with pytest.raises(AppUnavailable) as refusal:
            await target.count(Kind.USER)
    finally:
        await target.close()
    return refusal.value


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "169.254.169.254", "0.0.0.0", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "2130706433", "127.1"],
)
async def test_an_address_that_isnt_allowed_is_not_connected_to(host: str) -> None:
    refusal = await refused(f"https://{host}/scim")
    assert refusal.code == "NotPermitted"
    assert "INSTEP_PRIVATE_NETWORKS" in str(refusal)


async def test_a_name_that_turns_out_to_be_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a public app resolves to this machine, which listens: nothing arrives."""
    async with HostileApp() as inside:
        resolve: Callable[..., Any] = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **more: resolve("127.0.0.1", *args, **more))
        refusal = await refused(f"https://app.example.com:{inside.port}/scim/v2")
        assert refusal.code == "NotPermitted"
        assert inside.requests == []
