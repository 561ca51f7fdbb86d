"""Apps that answer with something else than SCIM, or with SCIM that is hard to recognise."""

import html
import json
import random
import re
from typing import Any
from urllib.parse import quote

from instep.hostile.app import Answer, App, Request, refusal
from instep.hostile.personas.persona import Go, Number, Persona, Settings, share

_LOGIN = b"""<!doctype html><html><head><title>Sign in</title></head>
<body><h1>Your session has ended</h1><form><input name="user">
<input name="password" type="password"></form></body></html>
"""


class HtmlAnswers(Persona):
    """
    Answers a share of the requests with a login page and the status 200; nothing was carried out.

    Proxies and single sign-on in front of an app; wrong tenant URLs; expired sessions.

    Success is a status and a content type and a SCIM document with an id. A web page is none of it: nothing may be
    kept of it, and nobody counts as absent because of it.
    """

    name = "html-answers"
    numbers = (share(0.1),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Show the login page."""
        if not self.happens():
            return await go(request)
        return self.did(Answer(200, raw=_LOGIN, content_type="text/html"), "not carried out")


class ErrorIn200(Persona):
    """
    Answers a share of the requests with the status 200 and an error in the body; nothing was carried out.

    Gateways that swallow statuses; apps whose framework answers everything with 200.

    Look at the body before calling it a success.
    """

    name = "error-in-200"
    numbers = (share(0.1),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Wrap an error up."""
        if not self.happens():
            return await go(request)
        return self.did(Answer(200, refusal(500, "the database is away").document), "not carried out")


class Redirects(Persona):
    """
    Answers a share of the requests with a redirect (301, 302, 303, 307 or 308) to a login page somewhere else.

    Apps whose address has changed, or whose `http` leads to `https`; single sign-on in front of an app.

    Don't follow: the token must not go to another host, and a POST that becomes a GET isn't one. Say where the app
    wanted to send one.
    """

    name = "redirects"
    numbers = (share(0.1),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Send them away."""
        if not self.happens():
            return await go(request)
        status = self.chance.choice((301, 302, 303, 307, 308))
        headers = {"Location": "https://login.app.example/start?next=scim"}
        return self.did(Answer(status, raw=b"", headers=headers), "not carried out")


class RepeatsRequests(Persona):
    """
    Answers a share of the requests with an error that repeats the request: its headers and its body, as JSON, text or a
    web page, or as a redirect's address; nothing was carried out.

    Frameworks in debug mode; gateways that quote what they couldn't understand.

    Take the token out of what an app says, however it's escaped, before it's logged or shown; out of headers too.
    """

    name = "repeats-requests"
    numbers = (share(0.1),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Repeat it."""
        if not self.happens():
            return await go(request)
        token = request.headers.get("Authorization", "")
        body = json.dumps(request.body, ensure_ascii=False)
        said = f"{request.method} {request.path} {request.query} with {token} and {body}"
        headers = {"X-Request": _in_header(said), "WWW-Authenticate": f'Bearer realm="{_in_header(token)}"'}
        way = self.chance.choice(("json", "escaped", "text", "page", "redirect"))
        answer = refusal(self.chance.choice((400, 422, 500)), said)
        if way == "escaped":
            answer.raw = re.sub(r"[^\w\s{}\[\]:,.\"\\\\]", _in_hex, json.dumps(answer.document)).encode()
        elif way == "text":
            answer = Answer(answer.status, raw=said.encode(), content_type="text/plain")
        elif way == "page":
            page = f"<!doctype html><title>{html.escape(said)}</title><pre>{html.escape(said)}</pre>"
            answer = Answer(answer.status, raw=page.encode(), content_type="text/html")
        elif way == "redirect":
            answer = Answer(302, raw=b"")
            headers["Location"] = f"https://login.app.example/{quote(token)}"
        answer.headers |= headers
        answer.repeats = True
        return self.did(answer, f"not carried out, and repeated as {way}")


class HugeAnswers(Persona):
    """
    Blows a share of the answers up with an attribute of many megabytes; the request was carried out.

    Apps that put photos, audit trails or everybody's members into a resource.

    Have a limit for what is read. A write whose answer was too large may well have been carried out: look.
    """

    name = "huge-answers"
    numbers = (
        share(0.1),
        Number("megabytes", 20, "the size of a blown-up answer"),
    )

    async def handle(self, request: Request, go: Go) -> Answer:
        """Add what nobody asked for."""
        answer = await go(request)
        if answer.document is not None and self.happens():
            padding = "x" * int(self.number("megabytes") * 1024 * 1024)
            answer.document = {**answer.document, "urn:example:padding": padding}
            self.did(answer, "carried out, and blown up")
        return answer


class CaseGames(Persona):
    """
    Attribute names come in another letter case each time, ids are numbers and not text, and `schemas` is missing.

    Apps on frameworks that spell names their own way; ids straight from a database.

    Attribute names have no case (RFC 7643 section 2.1). Take an id as text whatever it was, and recognise a resource by
    its id, not by its `schemas`.
    """

    name = "case-games"

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, settings)
        app.content.numbered = True

    async def handle(self, request: Request, go: Go) -> Answer:
        """Spell it another way."""
        answer = await go(request)
        if answer.document is not None:
            answer.document = _odd(answer.document, self.chance)
        return answer


def _in_header(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:2000].encode("ascii", "replace").decode()


def _in_hex(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04X}"


def _odd(value: Any, chance: random.Random, name: str = "") -> Any:
    if isinstance(value, dict):
        way = chance.choice((str.lower, str.upper, str.capitalize, str))
        return {way(n): _odd(v, chance, n) for n, v in value.items() if n != "schemas"}
    if isinstance(value, list):
        return [_odd(each, chance) for each in value]
    return int(value) if name in ("id", "value") and isinstance(value, str) and value.isdigit() else value
