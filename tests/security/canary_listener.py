"""A canary on loopback: it must never be connected to. And a watch over every connection that this process tries.

The canary listens with real sockets, so that nothing has to be believed about how a connection is made. What goes to
other addresses than loopback is seen by Python's own audit events (PEP 578), which no library can pass by, and is
refused there, so that no test sends anything to anybody.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.resolver
from dnslib import AAAA, QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class Canary:
    """A listener on 127.0.0.1 and ::1, at one port."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    """What came by each connection, its beginning only."""


@contextmanager
def canary() -> Iterator[Canary]:
    """It listens while the block runs, and answers everybody politely."""
    known = Canary()
    listeners = [socket.create_server(("127.0.0.1", 0))]
    known.port = listeners[0].getsockname()[1]
    if socket.has_ipv6:
        listeners.append(socket.create_server(("::1", known.port), family=socket.AF_INET6))
    threads = [threading.Thread(target=_listen, args=(each, known)) for each in listeners]
    for thread in threads:
        thread.start()
    try:
        yield known
    finally:
        for each in listeners:
            each.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
            each.close()
        for thread in threads:
            thread.join()


def _listen(listener: socket.socket, known: Canary) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # closed
        with connection:
            connection.settimeout(2)
            try:
                known.heard.append(connection.recv(4096))
                connection.sendall(ANSWER)
            except OSError:
                known.heard.append(b"")


# ------------------------------------------------------------------------------------------ the watch

_watching: list[list[tuple[str, int]]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _watching or not isinstance(arguments[1], tuple):
        return
    host, port = arguments[1][:2]
    for tried in _watching:
        tried.append((str(host), int(port)))
    if str(host) not in ("127.0.0.1", "::1"):
        raise ConnectionRefusedError("tests connect to nobody")


sys.addaudithook(_audit)  # for good: Python has no way to take one away


@contextmanager
def watched() -> Iterator[list[tuple[str, int]]]:
    """Every address and port that this process tries to connect a stream to while the block runs."""
    tried: list[tuple[str, int]] = []
    _watching.append(tried)
    try:
        yield tried
    finally:
        _watching.remove(tried)


# ------------------------------------------------------------------------------------------ names


class Zone(BaseResolver):
    """Names and the addresses that are answered: for each name a list of answers, the last one from then on."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        """The answer to one question."""
        reply = request.reply()
        name = str(request.q.qname).rstrip(".")
        if name not in self.answers:
            reply.header.rcode = 3
            return reply
        rounds = self.answers[name]
        if request.q.qtype == QTYPE.A:
            self.asked.append(name)
        now = rounds[min(self.asked.count(name), len(rounds)) - 1]
        for address in now:
            wanted, data = (QTYPE.AAAA, AAAA) if ":" in address else (QTYPE.A, A)
            if request.q.qtype == wanted:
                reply.add_answer(RR(name, wanted, rdata=data(address), ttl=0))
        return reply


@contextmanager
def served() -> Iterator[tuple[Zone, dns.resolver.Resolver]]:
    """A real DNS server on loopback, and who asks it."""
    zone = Zone()
    server = DNSServer(zone, address="127.0.0.1", port=0, logger=DNSLogger(logf=lambda _: None))
    server.start_thread()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.server.server_address[1]
    try:
        yield zone, resolver
    finally:
        server.stop()
        server.server.server_close()


def asking(resolver: dns.resolver.Resolver) -> Callable[..., Any]:
    """`socket.getaddrinfo`, but for names that end in `.example`: for those the resolver is asked."""
    system = socket.getaddrinfo

    def ask(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
        if not str(host).rstrip(".").endswith(".example"):
            return system(host, port, *arguments, **more)
        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                found += [record.address for record in resolver.resolve(str(host), kind)]
            except dns.resolver.NoAnswer:
                continue
            except dns.exception.DNSException:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        return [each for address in found for each in system(address, port, type=socket.SOCK_STREAM)]

    return ask
