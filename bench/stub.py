"""A SCIM app that is as quick as Python allows, in a process of its own: for benchmarks, not for tests.

It remembers how many there are and nothing else: every creation succeeds with a new id, every change with 204.
`GET /count` says how often it was asked, by method; `GET /journal` gives the changes that came since it was last asked,
each with the time and how many creations had come before. `--delay` is the time that each answer takes, in seconds.
"""

import argparse
import asyncio
import json
import time
import zlib
from collections import Counter

from aiohttp import web

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def application(delay: float, refuse: int = 0) -> web.Application:
    """The app."""
    asked: Counter[str] = Counter()
    held: Counter[str] = Counter()
    journal: list[dict[str, object]] = []

    async def written(_: web.Request) -> web.Response:
        told = list(journal)
        journal.clear()
        return web.json_response(told)

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/count":
            return web.json_response(asked)
        asked[request.method] += 1
        arrived = time.time()
        if delay:
            await asyncio.sleep(delay)
        kind = request.match_info["kind"]
        if request.method == "POST":
            held[kind] += 1
            document = json.loads(await request.read())
            if refuse and kind == "Users" and zlib.crc32(document["userName"].encode()) % refuse == 0:
                held[kind] -= 1
                return _scim({"schemas": [ERROR], "status": "400", "detail": "no"}, 400)
            document["id"] = f"{kind}-{held[kind]}"
            return _scim(document, 201)
        if request.method == "GET":
            filtered = "filter" in request.query
            page = {"schemas": [LIST], "totalResults": 0 if filtered else held[kind], "startIndex": 1, "Resources": []}
            return _scim(page, 200)
        body = (await request.read()).decode()
        journal.append({"at": arrived, "body": body, "created": asked["POST"]})
        return web.Response(status=204)

    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/journal", written)
    app.router.add_route("*", "/count", answer)
    app.router.add_route("*", "/scim/{kind}", answer)
    app.router.add_route("*", "/scim/{kind}/{id}", answer)
    return app


def _scim(document: object, status: int) -> web.Response:
    return web.Response(status=status, body=json.dumps(document), content_type="application/scim+json")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--delay", type=float, default=0.0)
    options.add_argument("--refuse", type=int, default=0, help="refuse one in so many people, always the same")
    given = options.parse_args()
    web.run_app(application(given.delay, given.refuse), host="127.0.0.1", port=given.port, print=None)
