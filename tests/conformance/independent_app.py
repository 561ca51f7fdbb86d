"""Somebody else's SCIM server (scim2-server) in a process of its own, strict as it comes, for tests.

`running()` starts it on loopback and stops it at the end. It counts what it was asked: see `requests`.
"""

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COUNTER = "/requests"


@dataclass(frozen=True)
class IndependentApp:
    """The running server. It takes any token."""

    url: str
    """The tenant URL."""

    def requests(self) -> dict[str, int]:
        """How many requests came since the start, by method."""
        with urllib.request.urlopen(self.url.removesuffix("/v2") + COUNTER) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running() -> Iterator[IndependentApp]:
    """Start the server, wait until it listens, and stop it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        command = [sys.executable, __file__, str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
    # The socket listens already: what is sent before the server is up waits in its queue.
    try:
        yield IndependentApp(f"http://127.0.0.1:{port}/v2")
    finally:
        process.terminate()
        process.wait(timeout=10)


def application() -> Any:
    """The ASGI application: resources from the discovery documents, which don't refuse `.test` addresses."""
    from scim2_server.applications.asgi import ASGIApplication
    from scim2_server.memory import AsyncInMemoryStorage
    from scim2_server.utils import load_default_provider

    served = ASGIApplication(AsyncInMemoryStorage(), load_default_provider())
    counts: dict[str, int] = {}

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == COUNTER:
                body = json.dumps(counts).encode()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
            counts[scope["method"]] = counts.get(scope["method"], 0) + 1
        await served(scope, receive, send)

    return counted


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(application(), fd=int(sys.argv[1]), log_level="warning")
