"""Checks of errors (RFC 7644 section 3.12), versions (3.14) and bulk requests (3.7)."""

from instep.checking.discovery import announced
from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Visit
from instep.checking.wire import json_of
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.patch import message

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@check(
    "errors.form",
    "Errors have SCIM's form",
    "should",
    "RFC 7644 section 3.12",
    f"Send `schemas: [{ERROR}]`, `status` as a string, and `detail` in each error.",
    writes=False,
)
async def form(visit: Visit) -> str | None:
    """A client can tell people what was wrong, in the app's own words."""
    answer = await visit.get("User", visit.nobody)
    if answer.succeeded:
        raise NotJudged("an unknown id isn't an error: see read.unknown")
    document = answer.document
    listed = documents.lookup(document, "schemas")
    if not isinstance(listed, list) or ERROR not in listed:
        raise Failed(f"the error's schemas is {json_of(listed)}")
    stated = documents.lookup(document, "status")
    if str(stated) != str(answer.status):
        raise Failed(f"the status is {answer.status}, and the error says {json_of(stated)}")
    if not isinstance(stated, str):
        raise Doubtful("the error's status is a number; the RFC has a string")
    return None


@check(
    "errors.bad-json",
    "A body that isn't JSON is refused",
    "should",
    "RFC 7644 section 3.12 (invalidSyntax)",
    "Answer 400 with scimType invalidSyntax.",
)
async def bad_json(visit: Visit) -> str | None:
    """A broken request makes nothing, and isn't taken for a fault of the app."""
    answer = await visit.wire.send("POST", "/Users", "", b'{"schemas": [')
    if answer.succeeded:
        raise Failed(f"it was answered with {answer.status}")
    visit.expect(answer, 400)
    return None


@check(
    "errors.bad-value",
    "A value of the wrong type is refused with a reason",
    "nice",
    "RFC 7644 section 3.12 (invalidValue); Entra's checklist",
    "Answer 400 with scimType invalidValue, and name the attribute.",
)
async def bad_value(visit: Visit) -> str | None:
    """A mistake in a mapping is found by the app's own words."""
    answer = await visit.post("User", visit.person("wrong", name="not an object"))
    if answer.succeeded:
        raise Doubtful(f"`name` as a text was answered with {answer.status}")
    visit.expect(answer, 400, 422)
    if documents.lookup(answer.document, "detail") is ABSENT:
        raise Doubtful("it's refused without a detail, so nobody knows what was wrong")
    return None


@check(
    "errors.unknown-endpoint",
    "What isn't an endpoint is answered with 404",
    "nice",
    "RFC 7644 section 3.12",
    "Answer 404 for paths that aren't there.",
    writes=False,
)
async def unknown_endpoint(visit: Visit) -> str | None:
    """A wrong tenant URL is noticed as one."""
    visit.expect(await visit.wire.send("GET", "/InstepCheckThings"), 404)
    return None


@check(
    "versions.etag",
    "Resources have versions, as announced",
    "nice",
    "RFC 7644 section 3.14; RFC 7643 section 3.1 (meta.version)",
    "Send ETag and meta.version, or announce `etag` as not supported.",
)
async def etag(visit: Visit) -> str | None:
    """A client can see whether somebody changed since it looked."""
    if not await announced(visit, "etag"):
        raise NotJudged("versions aren't announced")
    made = await visit.user("version")
    answer = await visit.get("User", made.id)
    version = documents.read(answer.document, "meta.version")
    if "ETag" not in answer.headers or version is ABSENT:
        raise Failed("they're announced, and a user has no ETag or no meta.version")
    if answer.headers["ETag"] != version:
        raise Doubtful(f"ETag is {answer.headers['ETag']}, and meta.version {version}")
    await visit.patched(made, {"op": "replace", "path": visit.attribute(answer.document), "value": "New version"})
    if (await visit.get("User", made.id)).headers.get("ETag") == version:
        raise Failed("the user changed, and the version didn't")
    return None


@check(
    "versions.if-match",
    "A change of an old version is refused",
    "nice",
    "RFC 7644 section 3.14 (412)",
    "Compare If-Match with the version, and answer 412 when it's another.",
)
async def if_match(visit: Visit) -> str | None:
    """A client doesn't overwrite what somebody else has changed meanwhile."""
    if not await announced(visit, "etag"):
        raise NotJudged("versions aren't announced")
    made = await visit.user("version")
    path = visit.attribute(await visit.read(made))
    body = message([{"op": "replace", "path": path, "value": "Too late"}])
    answer = await visit.change("PATCH", "User", made.id, body, headers={"If-Match": 'W/"instep-check"'})
    visit.expect(answer, 412)
    return None


@check(
    "bulk.create",
    "Several requests in one, as announced",
    "nice",
    "RFC 7644 section 3.7",
    "Support POST /Bulk, or announce `bulk` as not supported.",
)
async def bulk(visit: Visit) -> str | None:
    """A first cycle costs a fraction of the requests."""
    if not await announced(visit, "bulk"):
        visit.learn(bulk=False)
        raise NotJudged("/Bulk isn't announced")
    people = [visit.person("bulk") for _ in range(2)]
    visit.learn(bulk=False)
    answer = await visit.bulk(people)
    visit.expect(answer, 200)
    operations = documents.lookup(answer.document, "Operations")
    made = operations if isinstance(operations, list) else []
    statuses = [str(documents.lookup(one, "status")) for one in made if isinstance(one, dict)]
    if statuses != ["201", "201"]:
        raise Failed(f"two users were to be made, and the answer says {json_of(statuses)}")
    most = documents.read(visit.facts.config, "bulk.maxOperations")
    visit.facts.bulk_operations = most if isinstance(most, int) else 0
    visit.learn(bulk=visit.facts.bulk_operations > 1)
    return None
