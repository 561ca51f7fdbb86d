"""How much of an app's limit is used, and how often the app has to refuse.

    .venv/bin/python bench/limiter.py            # 30 virtual minutes
    .venv/bin/python bench/limiter.py --really   # and 60 + 60 s in real time, against a server on this machine

Two apps, with 3 requests a second (20 at once) and with 25 (25 at once), that don't announce their limit, and the same
that do. The first 60 s, in which limits are learnt, aren't counted.
`--json` prints the figures alone.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from aiohttp import web
from bench.throttled import App, LoopClock, TokenBucket, announcement, virtually

from instep.core.outcome import Done
from instep.core.subject import Kind
from instep.scim.abilities import Abilities
from instep.targets.client import Client
from instep.targets.pacing import Pacing
from instep.targets.scim import ScimTarget
from instep.wiring import SystemClock

APPS = ((3.0, 20), (25.0, 25))
WORKERS = 16


async def keep_sending(client: Client, until: float, method: str = "POST", purpose: str = "create") -> None:
    """Send one after the other until that moment of the loop's time."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        await client.send(purpose, method, "/Users", body={})  # pyright: ignore


def virtual(rate: float, burst: int, announced: bool, seconds: float = 1800.0) -> dict[str, Any]:
    """An app of virtual time."""

    async def run() -> App:
        app = App({"": TokenBucket(rate, burst)}, announces=announced)
        clock = LoopClock()
        client = Client(app, clock, Abilities(), Pacing(clock))  # pyright: ignore
        workers = [asyncio.create_task(keep_sending(client, seconds)) for _ in range(WORKERS)]
        await asyncio.sleep(seconds)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return app

    began = time.monotonic()
    app = virtually(run)
    used = app.accepted(60, seconds) / (rate * (seconds - 60))
    return _figures(rate, burst, announced, used, app.share_refused(60), app.too_early, time.monotonic() - began)


async def real(
    rate: float, burst: int, announced: bool, learning: float = 60.0, seconds: float = 60.0
) -> dict[str, Any]:
    """The same with a server on this machine, in real time."""
    bucket, loop = TokenBucket(rate, burst), asyncio.get_running_loop()
    bucket.ask(loop.time())
    statuses: list[int] = []
    early, told, made = 0, (0.0, 0.0), 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal early, told, made
        await request.read()
        now = loop.time()
        # What was on its way before the client can have read the 429 isn't too early.
        early += told[0] + 0.05 < now < told[1]
        wait = bucket.ask(now)
        headers = announcement(bucket, now) if announced else {}
        statuses.append(429 if wait is not None else 201)
        await asyncio.sleep(0.1)
        if wait is not None:
            after = math.ceil(wait)
            told = max(told, (loop.time(), loop.time() + after), key=lambda pair: pair[1])
            return web.Response(status=429, headers={**headers, "Retry-After": str(after)})
        made += 1
        return web.json_response({"id": str(made)}, status=201, headers=headers)

    async with AsyncExitStack() as stack:
        server = web.Application()
        server.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        target = ScimTarget(f"http://127.0.0.1:{runner.addresses[0][1]}/scim", "any", SystemClock())
        stack.push_async_callback(target.close)
        began = loop.time()

        async def work() -> None:
            while loop.time() < began + learning + seconds:
                answer = await target.create(Kind.USER, {"userName": "ada"})
                assert isinstance(answer.outcome, Done), answer.outcome

        workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
        await asyncio.sleep(learning)
        statuses.clear()
        await asyncio.sleep(seconds)
        accepted, refused = statuses.count(201), statuses.count(429)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    used = accepted / (rate * seconds)
    return _figures(rate, burst, announced, used, refused / (accepted + refused), early, seconds)


def _figures(
    rate: float, burst: int, announced: bool, used: float, refused: float, early: int, seconds: float
) -> dict[str, Any]:
    return {
        "rate": rate, "burst": burst, "announced": announced, "used": round(used, 4),
        "refused": round(refused, 5), "too_early": early, "seconds": round(seconds, 1),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--really", action="store_true", help="also in real time")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    cases = [(rate, burst, announced) for announced in (False, True) for rate, burst in APPS]
    found: dict[str, list[dict[str, Any]]] = {"virtual": [virtual(*case) for case in cases]}
    if given.really:

        async def side_by_side() -> list[dict[str, Any]]:
            return list(await asyncio.gather(*(real(*case) for case in cases)))

        found["real"] = asyncio.run(side_by_side())
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for time_kind, rows in found.items():
        for row in rows:
            told = "announced" if row["announced"] else "unannounced"
            print(
                f"{time_kind:8} {row['rate']:g}/s, {row['burst']} at once, {told:11}: {row['used']:.2%} used, "
                f"{row['refused']:.3%} refused, {row['too_early']} too early"
            )


if __name__ == "__main__":
    main()
