"""`instep serve`: the service, in the foreground, for systemd or a container to keep running.

SIGTERM and Ctrl-C end it cleanly: what is in flight is finished, within a limit, and the next start goes on from
there. A second one ends it at once, which loses nothing either.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from instep.cli.job import err, open_stores, stop
from instep.cli.running import stoppable

if TYPE_CHECKING:
    from instep.monitoring.figures import Figures
    from instep.settings import Settings
    from instep.stores.directory import DirectoryStore
    from instep.stores.state import StateStore


def serve(
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Where to answer for health and metrics; `off` for nowhere."
        ),
    ] = None,
    log_json: Annotated[
        bool | None,
        typer.Option("--log-json/--log-text", help="Form of the log; by default JSON unless it's a terminal."),
    ] = None,
) -> None:
    """Run the jobs of all started apps until it's stopped (Ctrl-C or SIGTERM).

    A cycle begins within a second of a change in the directory, and at the latest after the app's interval. The
    other commands work beside it on the same data.
    """
    from instep.monitoring import logs
    from instep.settings import from_environment
    from instep.wiring.serving import mailer

    with open_stores() as (settings, directory, state):
        if listen is not None:
            try:
                settings = from_environment({"INSTEP_DATA": str(settings.data), **_set(listen)})
            except ValueError as wrong:
                stop(str(wrong))
        logs.configure(settings.log_level, log_json)
        try:
            mailer(settings)
        except ValueError as wrong:
            stop(str(wrong))
        try:
            asyncio.run(_serve(settings, directory, state))
        except OSError as wrong:
            stop(f"can't listen on {settings.listen}: {wrong.strerror or wrong}; name another with --listen")


def _set(listen: str) -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name.startswith("INSTEP_")} | {"INSTEP_LISTEN": listen}


async def _serve(settings: Settings, directory: DirectoryStore, state: StateStore) -> None:
    import structlog

    from instep.monitoring.endpoints import listening
    from instep.wiring import serving

    log = structlog.get_logger()
    stopping = asyncio.Event()

    def asked(number: int) -> None:
        stopping.set()
        log.info("service.stopping", signal=number)
        err.print(
            "Stopping: what is in flight is finished first. Once more ends it at once; nothing is lost either way."
        )

    async with AsyncExitStack() as parts:
        service = await parts.enter_async_context(serving.service(settings, directory, state))

        async def look() -> Figures | None:
            return None if stopping.is_set() else await serving.figures(service, directory, state)

        port = None
        if settings.listen != "off":
            host, _, wanted = settings.listen.rpartition(":")
            port = await parts.enter_async_context(listening(look, host, int(wanted)))
        with state.reading() as reader:
            statuses = {app.name: reader.status(app.name).schedule for app in reader.apps()}
        log.info("service.started", data=str(settings.data), port=port, jobs=statuses)
        waiting = [name for name, schedule in statuses.items() if schedule != "active"]
        if waiting:
            log.warning("service.jobs_not_started", jobs=waiting, way_out="instep start APP")
        with stoppable(asked):
            await service.runner.run(stopping)
    log.info("service.stopped")
