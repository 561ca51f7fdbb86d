"""The app on a socket: uvicorn inside the caller's own event loop.

`running` is for tests and demos; `serve` is what the command line runs until a signal comes.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import uvicorn

from instep.serviceprovider.app import App
from instep.serviceprovider.endpoint import BASE

_IDLE_SECONDS = 75
_GRACE_SECONDS = 5
_BACKLOG = 512


class _Server(uvicorn.Server):
    """uvicorn, without its own idea of signals: they belong to whoever owns the loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running(app: App, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves the app while the block runs, and gives the base URL of its SCIM endpoint.

    Port 0 takes a free one. OSError when the address can't be listened on. The app itself stays open.
    """
    listener = _listening(host, port)
    config = uvicorn.Config(
        app.endpoint,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        answers = asyncio.create_task(server.answers.wait())
        await asyncio.wait((task, answers), return_when=asyncio.FIRST_COMPLETED)
        answers.cancel()
        at = f"[{host}]" if ":" in host else host
        yield f"http://{at}:{listener.getsockname()[1]}{BASE}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def _listening(host: str, port: int) -> socket.socket:
    # The protocol is named, and with it asyncio switches Nagle's algorithm off for every connection: else an answer
    # in two parts waits 40 ms for the client's delayed acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


async def serve(app: App, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serves the app until SIGTERM or SIGINT. `on_ready` is told the base URL once requests are answered."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # where a loop can't watch signals, Ctrl-C still ends the process
            loop.add_signal_handler(number, stop.set)
    async with running(app, host, port) as base_url:
        on_ready(base_url)
        await stop.wait()


def announce(base_url: str, file: Path) -> None:
    """Writes the base URL into a file, at once: whoever waits for the file must never read half a URL."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(base_url + "\n")
    partial.replace(file)
