"""Where tenant URLs and token URLs may lead: never into this machine or its network, however they're written.

A canary listens on loopback; each URL of the corpus that leads anywhere leads to it, or to an address that a watch
over this process's connections would see. The controls prove that the canary hears who comes the allowed way.
"""

import functools
import socket
import ssl
from collections.abc import Iterator
from contextlib import asynccontextmanager

import dns.resolver
import pytest
import yarl
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.security.canary_listener import Canary, Zone, asking, canary, served, watched
from tests.targets.clock import TestClock

from instep.core.app import Credentials
from instep.core.subject import Kind
from instep.ports import AppUnavailable
from instep.settings import Settings
from instep.targets.address import TenantUrlError, tenant_url, token_url
from instep.targets.credentials import authorized_by
from instep.targets.scim import ScimTarget
from instep.wiring.checking import visit

_CONTEXT = functools.cache(ssl.create_default_context)

# Ways to write 127.0.0.1 or ::1 that aren't the three which development may use over http.
LOOPBACK = [
    "2130706433",  # one number
    "0x7f000001",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[::1%25lo]",
    "[::1%lo]",
    "[0:0:0:0:0:0:0:1]",
    "127.0.0.1.",
    "localhost.",
    "ip6-localhost",
    "localhost.localdomain",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "ⓛocalhost",
    "xn--localhost-",
    "127.0.0.1%00.app.example",
    "127.0.0.1%2f.app.example",
    "127.0.0.1%20",
]
ELSEWHERE = [
    "169.254.169.254",  # cloud metadata
    "2852039166",
    "0xA9FEA9FE",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "100.64.0.1",  # carriers' networks
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
    "[fc00::1]",
    "[fec0::1]",
    "[2002:a9fe:a9fe::1]",
    "[64:ff9b::a9fe:a9fe]",
    "[100::1]",
    "[2001:db8::1]",
]
# What is no URL for an app at all; {port} is the canary's.
ODD = [
    "",
    "http://",
    "https://",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http:127.0.0.1:{port}",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "https://127.0.0.1:{port}@app.example/",
    "https://app.example@127.0.0.1:{port}/",
    "https://app.example:443@127.0.0.1:{port}/",
    "https://user:pass@127.0.0.1:{port}/",
    "http://localhost:{port}\\@app.example/",
    "http://app.example\\@localhost:{port}/",
    "http://app.example#@localhost:{port}/",
    "https://app.example#@127.0.0.1:{port}/",
    "http://app.example?@localhost:{port}/",
    "https://127.0.0.1:0/",
    "https://127.0.0.1:-1/",
    "https://127.0.0.1:65536/",
    "https://127.0.0.1:{port}0000000/",
    "https://127.0.0.1:{port}.app.example/",
    "https://127.0.0.1:٨٠/",
    "https://[::1/",
    "https://::1/",
    "http://[::1].app.example:{port}/",
    "http://[localhost]:{port}/",
    "http://localhost.app.example:{port}/",
    "http://127.0.0.1.app.example:{port}/",
    "http://localhost%2eapp.example:{port}/",
    "http://app.example:{port}/",
]
REASONS = (
    *("isn't a URL", "isn't a tenant URL", "isn't a token URL", "can't carry a user name", "no part after #", "port 0"),
    *("would travel unencrypted", "in a network that tenant URLs may not point into", "can't be resolved"),
    *("Name or service not known", "no such name"),
)
CORPUS = [
    *ODD,
    *(f"{scheme}://{host}:{{port}}/scim" for host in LOOPBACK for scheme in ("http", "https")),
    *(f"{scheme}://{host}/scim" for host in ELSEWHERE for scheme in ("http", "https")),
]


@pytest.fixture(scope="module")
def name_server() -> Iterator[tuple[Zone, dns.resolver.Resolver]]:
    with served() as both:
        yield both


@pytest.fixture
def zone(name_server: tuple[Zone, dns.resolver.Resolver], monkeypatch: pytest.MonkeyPatch) -> Zone:
    """The names that are known, to a real DNS server; only which one is asked is patched."""
    zone, resolver = name_server
    zone.answers.clear()
    zone.asked.clear()
    monkeypatch.setattr(socket, "getaddrinfo", asking(resolver))
    return zone


@pytest.fixture(autouse=True)
def one_tls_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all certificates of the machine takes longer than everything else here, so it's done once."""
    monkeypatch.setattr(ssl, "create_default_context", _CONTEXT)


@pytest.fixture
def listener() -> Iterator[Canary]:
    with canary() as known:
        yield known


async def answered(target: ScimTarget) -> str:
    """Why the target can't be read; empty when it can be connected to, whatever it answers."""
    try:
        await target.count(Kind.USER)
    except AppUnavailable as refusal:
        return "" if refusal.code not in ("NotPermitted", "WebExceptionProtocolError", "Unauthorized") else str(refusal)
    finally:
        await target.close()
    return ""


async def refusal(url: str) -> str:
    """Why a tenant URL isn't connected to: when it's entered, or when it's used."""
    try:
        target = ScimTarget(url, "t", TestClock(), request_seconds=2)
    except TenantUrlError as wrong:
        return str(wrong)
    return await answered(target)


async def token_refusal(url: str, tenant: str) -> str:
    """The same of the URL of a token endpoint, for an app whose own address is fine."""
    try:
        given = authorized_by(Credentials("client_credentials", url, "instep"), "s3cret-of-it", TestClock(), 2)
    except TenantUrlError as wrong:
        return str(wrong)
    return await answered(ScimTarget(tenant, given, TestClock(), request_seconds=2))


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(CORPUS) == len(set(CORPUS)) >= 160


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_who_comes_the_allowed_way_is_heard(listener: Canary, host: str) -> None:
    """The control: http to this very machine, by the three names that development may use."""
    with watched() as tried:
        assert await refusal(f"http://{host}:{listener.port}/scim") == ""
        assert await token_refusal(f"http://{host}:{listener.port}/token", "https://app.example") != ""
    assert {heard.partition(b"?")[0].partition(b" HTTP")[0] for heard in listener.heard} == {
        b"GET /scim/Users",
        b"POST /token",
    }
    assert {port for _, port in tried} == {listener.port}


async def test_no_url_of_the_corpus_leads_inside(listener: Canary, zone: Zone) -> None:
    wrong: list[str] = []
    with watched() as tried:
        for each in CORPUS:
            url = each.replace("{port}", str(listener.port))
            said = await refusal(url)
            if not any(reason in said for reason in REASONS):
                wrong.append(f"{url}: {said!r}")
            if tried:
                wrong.append(f"{url}: {tried}")
                tried.clear()
    assert wrong == []
    assert listener.heard == []


async def test_no_token_url_of_the_corpus_leads_inside(listener: Canary, zone: Zone) -> None:
    wrong: list[str] = []
    with watched() as tried:
        for each in CORPUS:
            url = each.replace("{port}", str(listener.port))
            said = await token_refusal(url, "https://app.example/scim")
            if not any(reason in said for reason in REASONS) or tried:
                wrong.append(f"{url}: {said!r}, {tried}")
                tried.clear()
    assert wrong == []
    assert listener.heard == []


async def test_no_check_of_an_endpoint_leads_inside(listener: Canary, zone: Zone) -> None:
    """`instep check` takes URLs as well, and sends requests of its own."""
    wrong: list[str] = []
    with watched() as tried:
        for each in CORPUS:
            url = each.replace("{port}", str(listener.port))
            try:
                async with visit(Settings(request_seconds=2), url, Credentials(), "t", "app.example", True) as made:
                    answer = await made.wire.send("GET", "/Users")
            except TenantUrlError:
                continue
            if answer.status is not None or not answer.problem or tried:
                wrong.append(f"{url}: {answer}, {tried}")
                tried.clear()
    assert wrong == []
    assert listener.heard == []


# ------------------------------------------------------------------------------------------ names

INSIDE = ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "::ffff:7f00:1", "fd00::1", "0.0.0.0"]
PUBLIC = "93.184.216.34"


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_means_an_address_inside_leads_nowhere(listener: Canary, zone: Zone, address: str) -> None:
    zone.answers["app.example"] = [[address]]
    with watched() as tried:
        told = await refusal(f"https://app.example:{listener.port}/scim")
        assert "app.example is in a network that tenant URLs may not point into" in told
        assert "app.example" in await token_refusal(f"https://app.example:{listener.port}/t", "https://b.example")
    assert (tried, listener.heard) == ([], [])
    assert len(zone.asked) >= 1


async def test_of_several_addresses_only_those_outside_are_tried(listener: Canary, zone: Zone) -> None:
    zone.answers["app.example"] = [["127.0.0.1", PUBLIC, "10.0.0.1", "::1"]]
    with watched() as tried:
        assert await refusal(f"https://app.example:{listener.port}/scim") != ""
    assert set(tried) == {(PUBLIC, listener.port)}
    assert listener.heard == []


async def test_a_name_that_changes_its_meaning_is_judged_each_time(listener: Canary, zone: Zone) -> None:
    """The first answer is public, all others are this machine: the address that is judged is the one connected to."""
    zone.answers["app.example"] = [[PUBLIC], ["127.0.0.1"]]
    url = f"https://app.example:{listener.port}/scim"
    with watched() as tried:
        target = ScimTarget(url, "t", TestClock(), request_seconds=2)
        for _ in range(3):
            with pytest.raises(AppUnavailable):
                await target.count(Kind.USER)
        await target.close()
        assert {host for host, _ in tried} == {PUBLIC}
        tried.clear()
        assert "network that tenant URLs may not point into" in await refusal(url)
        assert tried == []
    assert zone.asked.count("app.example") >= 2
    assert listener.heard == []


async def test_localhost_that_is_somewhere_else_gets_no_token_in_the_clear(
    listener: Canary, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a resolver says of `localhost` isn't a way around https."""
    system = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: system(PUBLIC, *rest, **more))
    with watched() as tried:
        assert await refusal(f"http://localhost:{listener.port}/scim") != ""
        assert await token_refusal(f"http://localhost:{listener.port}/token", "https://app.example") != ""
    assert tried == []


# ------------------------------------------------------------------------------------------ redirects and proxies


@asynccontextmanager
async def redirecting(status: int, to: str):
    """An app on loopback that sends everybody somewhere else; its base URL."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": to})

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


REDIRECTS = [
    *((status, "http://127.0.0.1:{port}/x") for status in (301, 302, 303, 307, 308)),
    (302, "http://169.254.169.254/latest/meta-data"),
    (307, "//127.0.0.1:{port}/"),
    (308, "/elsewhere"),
]


@pytest.mark.parametrize(("status", "to"), REDIRECTS)
async def test_redirects_are_not_followed(listener: Canary, status: int, to: str) -> None:
    async with redirecting(status, to.replace("{port}", str(listener.port))) as base:
        own = yarl.URL(base).port
        with watched() as tried:
            target = ScimTarget(f"{base}/scim", "t", TestClock(), request_seconds=2)
            with pytest.raises(AppUnavailable, match="redirects aren't followed"):
                await target.count(Kind.USER)
            await target.close()
            assert "redirects aren't followed" in await token_refusal(f"{base}/token", "https://app.example")
            async with visit(Settings(request_seconds=2), base, Credentials(), "t", "app.example", True) as made:
                assert (await made.wire.send("GET", "/Users")).status == status
    assert {port for _, port in tried} == {own}
    assert listener.heard == []


async def test_proxies_of_the_environment_are_not_used(listener: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with watched() as tried:
        assert await refusal(f"https://{PUBLIC}/scim") != ""
        assert await token_refusal(f"https://{PUBLIC}/token", "https://app.example") != ""
    assert {host for host, _ in tried} == {PUBLIC}
    assert listener.heard == []


# ------------------------------------------------------------------------------------------ how it's decided

# fmt: off
_PIECES = st.sampled_from([
    "localhost", "127.0.0.1", "[::1]", "::1", "app.example", "@", ":", "\\", "/", "?", "#", "%2e", "%00", ".", "\t",
    "\n", "。", "ⓛ", "１", "[", "]", ":80", "//", " ", ";", "%25lo", "\u200b", "\u00ad", "&",
])
# fmt: on


@given(st.lists(_PIECES, min_size=1, max_size=7).map("".join), st.sampled_from(["http", "https", "HTTP"]))
def test_what_may_use_http_is_what_will_be_connected_to(rest: str, scheme: str) -> None:
    """Two readers of one URL must agree where it leads, or it's refused when it's entered."""
    for read in (tenant_url, token_url):
        try:
            taken = read(f"{scheme}://{rest}")
        except TenantUrlError:
            continue
        text = taken.url if hasattr(taken, "url") else taken.base  # type: ignore[union-attr]
        host = (yarl.URL(text, encoded=read is tenant_url).raw_host or "").lower()
        assert taken.loopback == (host in ("localhost", "127.0.0.1", "::1")) or scheme == "https"
        if scheme != "https":
            assert host in ("localhost", "127.0.0.1", "::1")
