"""Apps whose reads mislead: filters, pages, members, and what was true a moment ago."""

import dataclasses
from typing import Any

from instep.hostile.app import Answer, App, Request, refusal
from instep.hostile.content import Document, Kind
from instep.hostile.personas.persona import Go, Number, Persona, Settings


class IgnoresFilters(Persona):
    """
    Answers a look-up as if it had no filter: everybody comes, page by page.

    Young and home-made endpoints; those that know only `userName eq` and ignore any other filter.

    Check what comes against what was asked for, read all pages before saying that somebody isn't there, and never
    adopt the first of the list.
    """

    name = "ignores-filters"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Answer without the filter."""
        query = {name: value for name, value in request.query.items() if name != "filter"}
        return await go(dataclasses.replace(request, query=query))


class PagesLikeAws(Persona):
    """
    Gives 50 resources a page whatever `count` asks for, and never shows members. Groups take at most 100 changed
    members in a PATCH, and no PUT.

    AWS IAM Identity Center; Genesys caps silently at 25.

    Go on by the number of resources that came, never by the number asked for; keep one's own book of who is a member,
    and never take a group without members for an empty one.
    """

    name = "pages-like-aws"
    numbers = (Number("page", 50, "resources in a page at the most"),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Cap the page, hide members."""
        if request.kind == "Groups" and request.method == "PUT":
            return refusal(501, "groups are changed by PATCH")
        if request.kind == "Groups" and request.method == "PATCH" and changed_members(request) > 100:
            return refusal(400, "at most 100 members in a request")
        if request.method == "GET" and not request.id:
            most, asked = int(self.number("page")), request.query.get("count", "")
            fits = asked and (not asked.isdigit() or int(asked) <= most)  # nonsense is for the app to refuse
            request = dataclasses.replace(request, query={**request.query, "count": asked if fits else str(most)})
        return without_members(await go(request))


class HidesMembers(Persona):
    """
    Never shows a group's members, in no answer.

    AWS IAM Identity Center, vCenter; many apps above some size of group.

    Keep one's own book of who is a member. A group without `members` says nothing about who is in it.
    """

    name = "hides-members"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Leave the members out."""
        return without_members(await go(request))


class StaleReads(Persona):
    """
    Reads show what was true some time ago, up to `lag` seconds; writes take effect at once, and uniqueness is checked
    against the truth.

    Anything with replicas or a search index behind its lists: a GET right after the POST says 404, a filter finds the
    old name.

    Trust the answer to one's own write over a later read. Don't create again because a look-up misses what was just
    created: wait, look again, then ask a person.
    """

    name = "stale-reads"
    numbers = (Number("lag", 60, "seconds by which reads lag at the most"),)

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, settings)
        self._moment = 0.0
        app.sees = self._seen

    def _seen(self, kind: Kind) -> dict[str, Document]:
        return self.app.content.as_of(kind, self._moment)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Look at another moment each time."""
        self._moment = self.app.clock() - self.chance.uniform(0, self.number("lag"))
        return await go(request)


def changed_members(request: Request) -> int:
    """How many members a request names, in whatever words."""
    body = request.body if isinstance(request.body, dict) else {}
    count = _length(body.get("members"))
    operations = body.get("Operations")
    for operation in operations if isinstance(operations, list) else ():
        if isinstance(operation, dict):
            value = operation.get("value")
            count += _length(value.get("members") if isinstance(value, dict) else value)
            count += str(operation.get("path", "")).lower().startswith("members[")
    return count


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def without_members(answer: Answer) -> Answer:
    """The answer without anybody's members."""
    if answer.document is not None:
        shown = [_bare(each) for each in answer.document.get("Resources", ())]
        answer.document = _bare(answer.document) | ({"Resources": shown} if "Resources" in answer.document else {})
    return answer


def _bare(document: Document) -> Document:
    return {name: value for name, value in document.items() if name.lower() != "members"}
