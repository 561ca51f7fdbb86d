"""The endpoints that an orchestrator and Prometheus ask: /healthz, /readyz, /metrics.

They say nothing of people, and nothing can be changed through them. They listen on loopback unless told otherwise.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from instep.monitoring import metrics
from instep.monitoring.figures import Figures

Look = Callable[[], Awaitable[Figures | None]]
"""The service's figures; none when it isn't ready: not yet, or no longer."""


def application(look: Look) -> web.Application:
    """The endpoints over `look`. What `look` raises makes the service not ready."""

    async def healthy(_: web.Request) -> web.Response:
        # Answering at all is the proof: the loop turns. A fault that ends the runner ends the process.
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        try:
            figures = await look()
        except Exception as fault:  # noqa: BLE001 - whatever it is: it isn't ready, and says why
            return web.json_response({"status": "unavailable", "reason": str(fault)}, status=503)
        if figures is None:
            return web.json_response({"status": "unavailable", "reason": "starting or stopping"}, status=503)
        faulty = {job.job: job.fault for job in figures.jobs if job.fault}
        return web.json_response({"status": "ok", "jobs": len(figures.jobs), "faulty": faulty})

    async def measured(_: web.Request) -> web.Response:
        figures = await look()
        if figures is None:
            return web.Response(status=503, text="starting or stopping\n")
        return web.Response(body=metrics.text(figures), headers={"Content-Type": metrics.CONTENT_TYPE})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthy), web.get("/readyz", ready), web.get("/metrics", measured)])
    return app


@asynccontextmanager
async def listening(look: Look, host: str, port: int) -> AsyncIterator[int]:
    """The endpoints, answering until the block ends; gives the port. Raises OSError when it can't listen."""
    runner = web.AppRunner(application(look), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        assert runner.addresses
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
