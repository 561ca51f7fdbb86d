"""Writes of one resource: what was sent, what the app did, in which form it takes changes.

A success is believed when its body is: an error or a web page with the status 200 isn't one. PATCH that a
user's resource doesn't take is replaced by reading and PUT.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, unquote

from instep.core.change import AttributeChange
from instep.core.outcome import Done, Outcome, Refused, RetryLater
from instep.core.subject import Kind
from instep.ports import Answer, AppUnavailable, Exchange, Resource
from instep.scim import abilities, documents, patch, reading
from instep.scim.paths import AttributePath, parse
from instep.scim.reading import NotScim
from instep.targets import verdict
from instep.targets.bulk import Bulk
from instep.targets.client import Attempt, Client
from instep.targets.lookups import Lookups


class Writes:
    """Changes of attributes through one client."""

    def __init__(self, client: Client, lookups: Lookups, bulk: Bulk) -> None:
        self._client = client
        self._lookups = lookups
        self._bulk = bulk

    async def change(self, kind: Kind, app_id: str, changes: Sequence[AttributeChange]) -> Answer:
        """Change attributes, in one request where the app takes it. Never raises.

        An app that acknowledges the end of access and still shows the account as active hasn't ended it: Refused."""
        answer = await self._changed(kind, app_id, changes)
        ends = any(c.path == "active" and c.new is False for c in changes)
        shown = documents.lookup(answer.resource.document, "active") if answer.resource else None
        if not ends or not isinstance(answer.outcome, Done) or shown not in (True, "True", "true"):
            return answer
        said = "the app acknowledged active=false, and its answer still shows the account as active"
        return Answer(Refused(said, "UnprocessableEntity"), app_id, exchanges=answer.exchanges)

    async def _changed(self, kind: Kind, app_id: str, changes: Sequence[AttributeChange]) -> Answer:
        if kind is Kind.USER and not self._client.abilities.patch:
            return await self._put(app_id, changes)
        answer, attempt = await self._patch(kind, app_id, changes, None)
        if attempt is None or not isinstance(answer.outcome, Refused):
            return answer
        if attempt.said.scim_type == "notarget" and any(parse(c.path).selector for c in changes):
            return _after(answer, await self._patch_as_is(kind, app_id, changes))
        if kind is Kind.USER and _form_refused(attempt):
            return await self._put_instead(app_id, changes, answer, attempt)
        return answer

    async def _patch(
        self, kind: Kind, app_id: str, changes: Sequence[AttributeChange], present: patch.Presence | None
    ) -> tuple[Answer, Attempt | None]:
        operations = patch.attributes(changes, self._client.abilities.dialect, present)
        if not operations:
            return Answer(Done(), app_id), None
        path = f"/{kind}s/{quote(app_id, safe='')}"
        attempt = await self._bulk.send("change", "PATCH", path, patch.message(operations))
        return settled(attempt, kind, app_id), attempt

    async def _patch_as_is(self, kind: Kind, app_id: str, changes: Sequence[AttributeChange]) -> Answer:
        """PATCH after a look at which elements of the multi-valued attributes are there."""
        try:
            resource = await self._lookups.read(kind, app_id)
        except AppUnavailable as error:
            return _unread(app_id, error)
        if resource is None:
            return _gone(kind, app_id)

        def present(path: AttributePath) -> bool:
            element = AttributePath(path.attribute, path.schema, path.selector)
            return documents.read(resource.document, element) is not documents.ABSENT

        answer, _ = await self._patch(kind, app_id, changes, present)
        return answer

    async def _put_instead(
        self, app_id: str, changes: Sequence[AttributeChange], refused: Answer, attempt: Attempt
    ) -> Answer:
        """PUT where PATCH was refused. Only 405 and 501 say that PATCH isn't offered at all: after a 400,
        which may be about one attribute, PATCH goes on being tried first."""
        answer = await self._put(app_id, changes)
        if isinstance(answer.outcome, Done) and attempt.status in (405, 501):
            self._client.learn(abilities.refused_patch)
        if isinstance(answer.outcome, Refused):
            return _after(answer, refused)
        return _after(refused, answer)

    async def _put(self, app_id: str, changes: Sequence[AttributeChange]) -> Answer:
        try:
            resource = await self._lookups.read(Kind.USER, app_id)
        except AppUnavailable as error:
            return _unread(app_id, error)
        if resource is None:
            return _gone(Kind.USER, app_id)
        body = documents.changed(resource.document, {c.path: _whole(c, resource.document) for c in changes})
        attempt = await self._client.send("change", "PUT", f"/Users/{quote(app_id, safe='')}", body=body)
        return settled(attempt, Kind.USER, app_id)


def _whole(change: AttributeChange, document: Mapping[str, Any]) -> Any:
    """The value that PUT has to give, where PATCH only adds: with what the app holds already."""
    held = documents.read(document, parse(change.path)) if change.added else None
    if not isinstance(held, list):
        return change.new
    there = cast("list[Any]", held)
    return [*there, *(value for value in change.added if not any(documents.same([value], [each]) for each in there))]


def settled(attempt: Attempt, kind: Kind, app_id: str) -> Answer:
    """What came of a PATCH, PUT or DELETE, its body having been looked at too."""
    exchanges = (attempt.exchange(),)
    body, content_type = attempt.reply.body, attempt.reply.content_type
    if not attempt.done or not body.strip() or attempt.status is None or not 200 <= attempt.status < 300:
        return Answer(attempt.outcome, app_id, exchanges=exchanges)
    stated = reading.stated_error(body, content_type)
    if stated is not None:
        said = reading.complaint(body, content_type)
        outcome: Outcome = verdict.of_status(attempt.purpose, stated, said)
        return Answer(outcome, app_id, exchanges=exchanges)
    try:
        document = reading.json_object(body, content_type)
        if documents.lookup(document, "id") is documents.ABSENT:
            # Something like {"status": "ok"}: fine, but it says nothing of the resource.
            return Answer(Done(), app_id, exchanges=exchanges)
        found, document = reading.resource(body, content_type, kind, app_id)
    except NotScim as wrong:
        return Answer(verdict.of_unreadable(attempt.purpose, str(wrong)), app_id, exchanges=exchanges)
    return Answer(Done(), app_id, Resource(found, document), exchanges=exchanges)


def _form_refused(attempt: Attempt) -> bool:
    return attempt.status in (405, 501) or (
        attempt.status == 400 and attempt.said.scim_type in ("", "invalidsyntax", "invalidpath")
    )


def _gone(kind: Kind, app_id: str) -> Answer:
    return Answer(Refused(f"{kind} {app_id} doesn't exist in the app", verdict.GONE), app_id)


def _unread(app_id: str, error: AppUnavailable) -> Answer:
    """A write for which the resource had to be read, and couldn't be: nothing was sent."""
    exchanges: tuple[Exchange, ...] = (error.exchange,) if error.exchange else ()
    return Answer(RetryLater(str(error), error.code), app_id, exchanges=exchanges)


def _after(first: Answer, last: Answer) -> Answer:
    """The last answer, with the exchanges of both."""
    return Answer(last.outcome, last.app_id, last.resource, exchanges=(*first.exchanges, *last.exchanges))


def created(attempt: Attempt, kind: Kind) -> tuple[Outcome, str, Resource | None]:
    """What came of a POST: Done only with the id of what was made, and the resource where it's shown. Any other success
    is Unknown."""
    if not attempt.done:
        return attempt.outcome, "", None
    body, content_type = attempt.reply.body, attempt.reply.content_type
    located = _located(attempt.reply.location, kind)
    if located and not body.strip():
        return Done(), located, None
    stated = reading.stated_error(body, content_type)
    if stated is not None:
        return verdict.of_status("create", stated, reading.complaint(body, content_type)), "", None
    try:
        app_id, document = reading.resource(body, content_type, kind)
    except NotScim as wrong:
        return verdict.of_unreadable("create", str(wrong)), "", None
    return Done(), app_id, Resource(app_id, document)


def _located(location: str, kind: Kind) -> str:
    """The id of a user whose location is all that is told of its creation, as in most bulk answers; else empty. Of a
    group it wouldn't do: its members would be missing."""
    before, _, app_id = location.rstrip("/").rpartition("/")
    return unquote(app_id) if kind is Kind.USER and before.endswith("/Users") else ""
