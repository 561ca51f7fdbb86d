"""A real DNS server on loopback, with the TXT records that a test puts into it."""

from collections.abc import Iterator
from contextlib import contextmanager

from dnslib import QTYPE, RR, TXT, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer


class Zone(BaseResolver):
    """The TXT records of some names; there are no other names."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.port = 0

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        """The answer to one question."""
        reply = request.reply()
        name = str(request.q.qname).rstrip(".")
        if name not in self.records:
            reply.header.rcode = 3
        for record in self.records.get(name, ()):
            # Long records go in pieces of at most 255 bytes.
            pieces = [record[start : start + 200] for start in range(0, len(record), 200)]
            reply.add_answer(RR(name, QTYPE.TXT, rdata=TXT(pieces)))
        return reply


@contextmanager
def served() -> Iterator[Zone]:
    """An empty zone that is asked at its `port` while the block runs."""
    zone = Zone()
    server = DNSServer(zone, address="127.0.0.1", port=0, logger=DNSLogger(logf=lambda _: None))
    server.start_thread()
    zone.port = server.server.server_address[1]
    try:
        yield zone
    finally:
        server.stop()
        server.server.server_close()
