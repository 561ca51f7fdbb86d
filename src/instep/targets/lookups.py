"""Reads of an app: the test of the connection, counts, look-ups, lists and single resources.

Whatever can't be believed raises `AppUnavailable` with what was asked, what came and what to do; only a plain
404 on an id, and a list without hits, say that something isn't there. Lists are followed by the length that
came, never by the length asked for, and must be complete. What may be answered better the next time is asked again.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from instep.core.outcome import Outcome, Refused, RetryLater, Unknown
from instep.core.subject import Kind
from instep.ports import AppUnavailable, Resource
from instep.scim import abilities, documents, filters, reading
from instep.scim.reading import NotScim, Page
from instep.targets import verdict
from instep.targets.client import Attempt, Client
from instep.targets.verdict import Fault, Purpose

NOBODY = "b7c3e6c2-1f4e-4b7a-9a50-6f0e2d9c8a11"
"""A value that nobody has: what the test of the connection looks up."""

LOOKS = 3
"""How often something is read until its answer can be believed; the test of the connection looks once."""

T = TypeVar("T")

_WITHOUT_MEMBERS = "excludedAttributes=members"


class Lookups:
    """The reads of one app through one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def check(self, kinds: Sequence[Kind], matching: Mapping[Kind, str]) -> None:
        """Look up a value that nobody has. An answer with resources says that filters are ignored."""
        for kind in kinds:
            page = await self._page(kind, _filter(matching[kind], NOBODY), looks=1)
            if page.resources or page.total:
                self._client.learn(abilities.ignored_filter)

    async def count(self, kind: Kind) -> int | None:
        """How many there are, by the total of a list; none when it's not to be relied upon."""
        page = await self._page(kind, "startIndex=1&count=1")
        if page.total < len(page.resources) or (page.total and not page.resources):
            self._client.learn(abilities.listed_wrongly)
        return page.total if self._client.abilities.trusts_list else None

    async def find(self, kind: Kind, path: str, value: str) -> list[Resource]:
        """What the app returns for `path eq value`.

        An answer of several pages is read to its end, since the one that matches may be on the last: what
        doesn't match is then left out."""
        asked = _filter(path, value)
        page = await self._page(kind, asked)
        found = _resources(page)
        hits = [r for r in found if _matches(r, path, value)]
        more = page.total > len(found)
        if more or (len(found) > 1 and not hits):
            self._client.learn(abilities.ignored_filter)
        if not more:
            return found
        async for rest in self._pages(kind, asked):
            hits += [r for r in rest if _matches(r, path, value)]
        return list({r.id: r for r in hits}.values())

    def pages(self, kind: Kind) -> AsyncIterator[list[Resource]]:
        """Everything of that kind, page by page, without group members."""
        return self._pages(kind, "")

    async def read(self, kind: Kind, app_id: str, members: bool = False) -> Resource | None:
        """One resource; none when the app says that there is none."""

        def parsed(attempt: Attempt) -> tuple[str, dict[str, Any]]:
            return reading.resource(attempt.reply.body, attempt.reply.content_type, kind, app_id)

        found = await self._believed("read", kind, f"/{quote(app_id, safe='')}", "", parsed, members)
        return None if found is None else Resource(*found)

    async def _pages(self, kind: Kind, asked: str) -> AsyncIterator[list[Resource]]:
        seen: set[str] = set()
        while True:
            size = self._client.abilities.page_size
            query = "&".join(q for q in (asked, f"startIndex={len(seen) + 1}&count={size}") if q)
            page = await self._page(kind, query)
            before = len(seen)
            seen.update(app_id for app_id, _ in page.resources)
            if len(seen) != before + len(page.resources):
                self._incomplete(kind, "something is in it twice, or a page came again")
            if page.resources:
                yield _resources(page)
            if len(seen) == page.total:
                return
            if not page.resources:
                self._incomplete(kind, f"{len(seen)} came and it says {page.total}")

    def _incomplete(self, kind: Kind, problem: str) -> NoReturn:
        self._client.learn(abilities.listed_wrongly)
        raise AppUnavailable(
            f"GET /{kind}s: the app's list can't be relied upon: {problem}. From now on it isn't used; "
            "run again to look people up one by one.",
            # The next cycle does without the list: no reason to put the job into quarantine.
            "WebExceptionProtocolError",
        )

    async def _page(self, kind: Kind, query: str, looks: int = LOOKS) -> Page:
        def parsed(attempt: Attempt) -> Page:
            return reading.page(attempt.reply.body, attempt.reply.content_type)

        page = await self._believed("list", kind, "", query, parsed, looks=looks)
        assert page is not None  # only a single resource can be gone
        return page

    async def _believed(
        self,
        purpose: Purpose,
        kind: Kind,
        path: str,
        query: str,
        parsed: Callable[[Attempt], T],
        members: bool = False,
        looks: int = LOOKS,
    ) -> T | None:
        """What a GET brought; none when the app says that there is no such resource. An answer that can't be believed
        is asked for again: one in a thousand would else end every cycle with a thousand look-ups."""
        for again in range(1, looks + 1):
            attempt, wrong = await self._ask(purpose, kind, path, query, members), None
            if isinstance(attempt.outcome, Refused) and attempt.outcome.code == verdict.GONE:
                return None
            if attempt.done:
                try:
                    return parsed(attempt)
                except NotScim as error:
                    wrong = error
            if again == looks or not (wrong or _may_pass(attempt)):
                unavailable(attempt, wrong)
            await self._client.pause(again / 2)
        raise AssertionError("a look ends in an answer or an error")

    async def _ask(self, purpose: Purpose, kind: Kind, path: str, query: str, members: bool = False) -> Attempt:
        """A GET; of groups without their members unless they are wanted."""
        target = f"/{kind}s{path}"
        if kind is Kind.USER or members or not self._client.abilities.excluded_attributes:
            return await self._client.send(purpose, "GET", target, query)
        attempt = await self._client.send(purpose, "GET", target, f"{_WITHOUT_MEMBERS}&{query}".rstrip("&"))
        if attempt.status != 400:
            return attempt
        plain = await self._client.send(purpose, "GET", target, query)
        if plain.done:
            self._client.learn(abilities.refused_exclusion)
        return plain


def _may_pass(attempt: Attempt) -> bool:
    """Whether the same question may be answered better at once: not where the app asks for patience, has to be reached
    in the first place, or says that the question is wrong."""
    if attempt.status is None:
        return attempt.reply.fault in (Fault.SLOW, Fault.LOST, Fault.TOO_LARGE)
    if isinstance(attempt.outcome, RetryLater):
        return not attempt.outcome.flow_control and attempt.status != 503
    return 300 <= attempt.status < 400 or attempt.said.html


def unavailable(attempt: Attempt, wrong: NotScim | None = None) -> NoReturn:
    """Raise AppUnavailable for a read that failed: what was asked, what came, what to do."""
    outcome = verdict.of_unreadable("list", str(wrong)) if wrong else attempt.outcome
    assert isinstance(outcome, Refused | RetryLater | Unknown)
    advice = _advice(attempt, outcome, wrong is not None)
    raise AppUnavailable(
        f"{attempt.method} {attempt.path}: {outcome.reason}. {advice}", outcome.code, attempt.exchange()
    )


_FAULT_ADVICE = {
    Fault.NAME: "Check the host in the tenant URL, and this machine's name resolution.",
    Fault.ADDRESS: "If the app really is in your own network, set INSTEP_PRIVATE_NETWORKS=true.",
    Fault.CONNECT: "Check the host and port in the tenant URL, and that this machine may reach it.",
    Fault.TLS: "Check the app's certificate, and that its authority is known here (SSL_CERT_FILE adds one).",
    Fault.SLOW: "The app is too slow or hangs; try again later, or raise INSTEP_REQUEST_SECONDS.",
    Fault.LOST: "Try again; if it stays so, ask whoever runs the app.",
    Fault.TOO_LARGE: "Ask the app's vendor; no SCIM answer should be that large.",
    Fault.NO_TOKEN: "Check that this machine may reach the token URL; try again later.",
    Fault.UNAUTHORIZED: "Check the token URL, the client's id and its secret; enter a new secret where the old one has "
    "ended.",
}
_STATUS_ADVICE = {
    401: "The app refuses the secret token: make a new one in the app, and enter it again.",
    403: "The token isn't allowed to do this: check the rights of its owner, and the app's plan.",
    404: "There is no SCIM endpoint there: check the tenant URL. A look-up without a hit has to be answered "
    "with 200 and an empty list.",
    429: "The app asks for patience; try again later.",
    501: "The app doesn't offer what was asked for; ask its vendor.",
    503: "The app is overloaded or down for maintenance; try again later.",
}


def _advice(attempt: Attempt, outcome: Outcome, unreadable: bool) -> str:
    status, fault = attempt.status, attempt.reply.fault
    if fault is not None:
        return _FAULT_ADVICE[fault]
    if unreadable:
        return "Check that the tenant URL is the app's SCIM 2.0 endpoint, and not a page of its website."
    if status is None or (isinstance(outcome, RetryLater) and outcome.flow_control):
        return _STATUS_ADVICE[429]
    if status in _STATUS_ADVICE:
        return _STATUS_ADVICE[status]
    if 300 <= status < 400:
        return "Use the address that the app really answers at as the tenant URL."
    if status >= 500:
        return "The app has a fault of its own; try again later, or ask whoever runs it."
    return "Check the tenant URL and the matching attributes; the app's own words are above."


def _filter(path: str, value: str) -> str:
    return "filter=" + quote(filters.equals(path, value), safe="")


def _resources(page: Page) -> list[Resource]:
    # Members that come though they were excluded may be many, and nobody here asked for them.
    for _, document in page.resources:
        for name in [name for name in document if name.lower() == "members"]:
            del document[name]
    return [Resource(app_id, document) for app_id, document in page.resources]


def _matches(resource: Resource, path: str, value: Any) -> bool:
    held = documents.read(resource.document, path)
    return any(documents.same(one, value) for one in (held if isinstance(held, list) else [held]))
