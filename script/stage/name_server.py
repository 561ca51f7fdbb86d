"""A name server for one machine: it answers TXT questions from a table, over UDP on the loopback interface.

It stands in for the DNS of a company's domain, where the company has to prove that the domain is its own. By itself:

    python script/stage/name_server.py DOMAIN TEXT PORT
"""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator, Mapping

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@contextlib.contextmanager
def running(records: Mapping[str, str], port: int = 0) -> Iterator[int]:
    """Answers while the block runs, and gives the port, a free one unless it's said.

    records: text by domain; more may be added meanwhile. OSError when the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", port))
    port = listener.getsockname()[1]
    answering = threading.Thread(target=_answer, args=(listener, records), name="name-server")
    answering.start()
    try:
        yield port
    finally:
        listener.sendto(b"", ("127.0.0.1", port))  # an empty datagram asks for nothing, and ends the thread
        answering.join()
        listener.close()


def _answer(listener: socket.socket, records: Mapping[str, str]) -> None:
    while True:
        asked, sender = listener.recvfrom(4096)
        if not asked:
            return
        question = dns.message.from_wire(asked)
        answer = dns.message.make_response(question)
        name = question.question[0].name
        text = records.get(name.to_text(omit_final_dot=True).lower())
        if text is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.question[0].rdtype == dns.rdatatype.TXT:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{text}"'))
        listener.sendto(answer.to_wire(), sender)


if __name__ == "__main__":
    _DOMAIN, _TEXT, _PORT = sys.argv[1:]
    with running({_DOMAIN: _TEXT}, int(_PORT)):
        print(f"answering for {_DOMAIN} on 127.0.0.1:{_PORT} until Ctrl-C", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
