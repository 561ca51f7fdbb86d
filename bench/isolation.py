"""How much one dead, one slow and one lying app delay seven good ones in the same service.

    .venv/bin/python bench/isolation.py --changes 40

Seven good apps are in step; people are changed, and the time from the commit in the directory to each good app counts.
That is measured in turn without and with the bad three (ABAB), in one run: a port that nobody listens on, an app that
answers after 20 seconds, and one that answers with HTML. The ratio of the 99th percentiles is what matters.
"""

import argparse
import asyncio
import json
import math
import os
import random
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aiohttp import web
from initial_cycle import INSTEP

from instep.core.subject import Kind
from instep.directory.editing import set_attributes
from instep.stores.directory import DirectoryStore

GOOD = 7
PEOPLE = 200
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class Apps:
    """All apps in one server: `/good3/Users`, `/slow/Users`, `/lying/Users`."""

    def __init__(self) -> None:
        self.made: defaultdict[str, int] = defaultdict(int)
        self.arrived: dict[tuple[str, str], float] = {}
        """By app and title, when it came."""

    async def answer(self, request: web.Request) -> web.Response:
        """One answer, as the app's name says."""
        app, at = request.match_info["app"], time.time()
        body = await request.text()
        if app == "slow":
            await asyncio.sleep(20)
        if app == "lying":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        if request.method == "POST":
            self.made[app] += 1
            return web.json_response({**json.loads(body), "id": str(self.made[app])}, status=201)
        if request.method == "GET":
            return web.json_response({"schemas": [LIST], "totalResults": 0, "startIndex": 1, "Resources": []})
        for operation in json.loads(body).get("Operations", []):
            self.arrived[app, str(operation.get("value"))] = at
        return web.Response(status=204)


@contextmanager
def serving(apps: Apps) -> Iterator[str]:
    """The apps on a port of this machine, on a thread of their own."""
    loop, ready, port = asyncio.new_event_loop(), threading.Event(), [0]

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{app}/{tail:.*}", apps.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port[0] = runner.addresses[0][1]
        ready.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(run()), loop.run_forever()), daemon=True)
    thread.start()
    ready.wait()
    yield f"http://127.0.0.1:{port[0]}"
    loop.call_soon_threadsafe(loop.stop)


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def measure(changes: int, rounds: int) -> dict[str, object]:
    """Both situations in turn. changes: in each round."""
    chance, apps = random.Random(1), Apps()
    with tempfile.TemporaryDirectory() as folder, serving(apps) as address:
        environment = {**os.environ, "INSTEP_DATA": folder, "TOKEN": "any", "INSTEP_LOG_LEVEL": "error"}

        def instep(*words: str) -> None:
            subprocess.run([INSTEP, *words], env=environment, check=True, stdout=subprocess.DEVNULL)

        instep("directory", "generate", "--users", str(PEOPLE), "--groups", "1", "--memberships", "1", "--seed", "1")
        bad = {"dead": "http://127.0.0.1:9/scim", "slow": f"{address}/slow", "lying": f"{address}/lying"}
        good = {f"good{i}": f"{address}/good{i}" for i in range(GOOD)}
        for name, url in {**good, **bad}.items():
            instep("app", "add", "scim", "--name", name, "--url", url, "--token-env", "TOKEN", "--scope", "all")
        for name in good:
            instep("start", name)
        service = subprocess.Popen([INSTEP, "serve", "--listen", "off"], env=environment)
        store = DirectoryStore(Path(folder) / "directory.sqlite")
        found: dict[str, list[float]] = {"alone": [], "beside bad ones": []}
        try:
            with store.browse() as browser:
                people = [entry.name for entry in browser.entries(Kind.USER)]
            until = time.time() + 120
            while any(apps.made[name] < PEOPLE for name in good):
                if time.time() > until:
                    raise SystemExit(f"the good apps weren't filled in time: {dict(apps.made)}")
                time.sleep(0.1)
            for turn in range(2 * rounds):
                situation = "beside bad ones" if turn % 2 else "alone"
                for name in bad:
                    instep("start" if turn % 2 else "pause", name)
                time.sleep(2)
                for number in range(changes):
                    title = f"{situation} {turn} {number}"
                    set_attributes(store, Kind.USER, chance.choice(people), {"jobTitle": title})
                    committed = time.time()
                    while any((name, title) not in apps.arrived for name in good):
                        if time.time() > committed + 30:
                            raise SystemExit(f"{title!r} didn't reach all good apps")
                        time.sleep(0.005)
                    found[situation] += [apps.arrived[name, title] - committed for name in good]
                    time.sleep(chance.uniform(0.1, 0.4))
        finally:
            service.terminate()
            with suppress(subprocess.TimeoutExpired):
                service.wait(timeout=20)
            service.kill()
            store.close()
    told = {
        situation: {f"p{round(share * 100)}_ms": round(percentile(times, share) * 1000) for share in (0.5, 0.95, 0.99)}
        for situation, times in found.items()
    }
    ratio = percentile(found["beside bad ones"], 0.99) / percentile(found["alone"], 0.99)
    return {**told, "changes": len(found["alone"]), "ratio_p99": round(ratio, 3)}


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--changes", type=int, default=40, help="in each round")
    options.add_argument("--rounds", type=int, default=2, help="of both situations")
    given = options.parse_args()
    print(json.dumps(measure(given.changes, given.rounds), indent=2))
