"""Checks of reading people by id (RFC 7644 section 3.4.1)."""

from instep.checking.finding import Doubtful, Failed
from instep.checking.registry import check
from instep.checking.visit import Visit
from instep.checking.wire import json_of
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.paths import CORE_USER


@check(
    "read.user",
    "A user can be read by id",
    "must",
    "RFC 7644 section 3.4.1",
    "Answer GET /Users/{id} with 200 and that resource.",
)
async def read(visit: Visit) -> str | None:
    """What the app holds of somebody can be compared with what it should."""
    somebody = await visit.somebody()
    answer = await visit.get("User", somebody.id)
    visit.expect(answer, 200)
    if answer.app_id != somebody.id:
        raise Failed(f"{somebody.id} was asked for, and {answer.app_id or 'something without an id'} came")
    return None


@check(
    "read.fresh",
    "What was written is there at once",
    "should",
    "RFC 7644 section 3.3 (201: the resource has been created)",
    "Answer reads and look-ups from where writes go, or after what was written has arrived there.",
)
async def fresh(visit: Visit) -> str | None:
    """A look-up right after a creation finds it. Where it doesn't, other findings may come from that alone."""
    made = await visit.user("fresh")
    for number, pause in enumerate((0.0, 0.5, 1.5, 3.0)):
        await visit.wire.clock.sleep(pause)
        if (await visit.get("User", made.id)).status != 404 and (
            not visit.abilities.trusts_filter or made.id in await visit.found("User", "userName", made.name)
        ):
            if not number:
                return None
            raise Failed("it took more than a moment until a new user was found; other findings may come from that")
    raise Failed("a new user isn't found after 5 s")


@check(
    "read.unknown",
    "An id that doesn't exist is answered with 404",
    "must",
    "RFC 7644 section 3.12; section 3.6",
    "Answer 404 for ids that aren't there; never 200, and never 500.",
    writes=False,
)
async def unknown(visit: Visit) -> str | None:
    """Somebody who was removed in the app is known to be gone."""
    answer = await visit.get("User", visit.nobody)
    if answer.status == 400:
        raise Doubtful(f"it was answered with {answer.words}: a client can't tell that nobody is there")
    visit.expect(answer, 404)
    return None


@check(
    "read.meta",
    "Resources carry schemas and meta",
    "should",
    "RFC 7643 section 3 (schemas) and 3.1 (meta)",
    "Give each resource `schemas`, and `meta` with resourceType, created, lastModified and location.",
)
async def meta(visit: Visit) -> str | None:
    """A client sees what a resource is, and when it was changed."""
    document = await visit.read(await visit.somebody())
    listed = documents.lookup(document, "schemas")
    if not isinstance(listed, list) or CORE_USER not in listed:
        raise Failed(f"schemas is {json_of(listed)}")
    parts = ("resourceType", "created", "lastModified", "location")
    absent = [part for part in parts if documents.read(document, f"meta.{part}") is ABSENT]
    if absent:
        raise Failed(f"meta has no {', '.join(absent)}")
    if documents.read(document, "meta.resourceType") != "User":
        raise Failed(f"meta.resourceType is {json_of(documents.read(document, 'meta.resourceType'))}")
    return None
