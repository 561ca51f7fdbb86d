"""Checks of changes: PATCH in the words of RFC 7644 section 3.5.2 and in those of Entra, and PUT.

Each change is read again: an answer of 200 alone proves nothing.
"""

from typing import Any

from instep.checking.creation import extends
from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Made, Visit
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.patch import message
from instep.scim.paths import ENTERPRISE_USER, parse

WORK = 'emails[type eq "work"].value'


async def _target(visit: Visit) -> tuple[Made, str]:
    """Somebody to change, and a plain attribute that the app keeps."""
    made = await visit.user("change")
    return made, visit.attribute(await visit.read(made))


async def _taken(visit: Visit, made: Made, *operations: dict[str, Any]) -> None:
    """PATCH; a refusal says which form was refused. Raises Failed."""
    answer = await visit.patch(made, *operations)
    if not answer.succeeded:
        raise Failed(f"it's refused with {answer.words}")


@check(
    "patch.replace",
    "PATCH replaces an attribute",
    "must",
    "RFC 7644 section 3.5.2.3; two of Entra's onboarding checks",
    "Support PATCH with one operation `replace`, answered with 200 and the resource, or 204.",
)
async def replace(visit: Visit) -> str | None:
    """Movers: a new name arrives, and nothing else of the account changes."""
    made, path = await _target(visit)
    before = await visit.read(made)
    answer = await visit.patch(made, {"op": "replace", "path": path, "value": "Changed"})
    if answer.status in (405, 501):
        visit.learn(patch=False)
    visit.expect(answer, 200, 204, 202)
    after = await visit.holds(made, path, "Changed")
    for other in ("userName", "active", "name.givenName", WORK):
        if not documents.same(documents.read(before, other), documents.read(after, other)):
            raise Failed(f"{path} was replaced, and {other} changed too")
    return None


@check(
    "patch.add",
    "PATCH adds a value",
    "must",
    "RFC 7644 section 3.5.2.1",
    "Support the operation `add`; on an attribute with one value it replaces.",
)
async def add(visit: Visit) -> str | None:
    """What was empty so far gets its value."""
    made, path = await _target(visit)
    await visit.patched(made, {"op": "add", "path": path, "value": "Added"})
    await visit.holds(made, path, "Added")
    return None


@check(
    "patch.remove",
    "PATCH removes a value",
    "must",
    "RFC 7644 section 3.5.2.2",
    "Support the operation `remove` with a path; the attribute has no value afterwards.",
)
async def remove(visit: Visit) -> str | None:
    """What's empty in the directory becomes empty in the app."""
    made = await visit.user("remove", title="To be removed")
    path = "title" if documents.read(await visit.read(made), "title") is not ABSENT else "externalId"
    if path == "externalId" and documents.read(await visit.read(made), path) is ABSENT:
        raise NotJudged("the app keeps neither title nor externalId")
    await visit.patched(made, {"op": "remove", "path": path})
    await visit.holds(made, path, ABSENT)
    return None


@check(
    "patch.several",
    "Several operations in one PATCH are all done",
    "must",
    "RFC 7644 section 3.5.2",
    "Carry out all operations of a PATCH, in their order.",
)
async def several(visit: Visit) -> str | None:
    """A mover costs one request, and arrives whole."""
    made = await visit.user("several")
    changes = {"name.givenName": "First", "name.familyName": "Second", WORK: f"{visit.name('new')}@{visit.domain}"}
    await visit.patched(made, *({"op": "replace", "path": path, "value": v} for path, v in changes.items()))
    for path, value in changes.items():
        await visit.holds(made, path, value)
    return None


@check(
    "patch.all-or-nothing",
    "A PATCH with one wrong operation does nothing",
    "should",
    "RFC 7644 section 3.5.2 (atomic)",
    "Undo all operations of a PATCH when one of them fails.",
)
async def all_or_nothing(visit: Visit) -> str | None:
    """A refused change leaves nothing half done."""
    made, path = await _target(visit)
    before = documents.read(await visit.read(made), path)
    good = {"op": "replace", "path": path, "value": "Half done"}
    answer = await visit.patch(made, good, {"op": "replace", "path": "name[", "value": "x"})
    if answer.succeeded:
        raise Doubtful(f"a path that can't be parsed (`name[`) was answered with {answer.status}")
    if documents.read(await visit.read(made), path) != before:
        raise Failed(f"it was answered with {answer.words}, and {path} has changed all the same")
    return None


@check(
    "patch.value-path",
    "PATCH changes the work e-mail by a filter in its path",
    "must",
    "RFC 7644 section 3.5.2 and 3.10 (valuePath); Entra's default mappings",
    'Support paths as `emails[type eq "work"].value`.',
)
async def value_path(visit: Visit) -> str | None:
    """A new address replaces the old one, and no other address is touched."""
    made = await visit.user("mail")
    new = f"{visit.name('new')}@{visit.domain}"
    await visit.patched(made, {"op": "replace", "path": WORK, "value": new})
    await visit.holds(made, WORK, new)
    return None


@check(
    "patch.value-path-of-nobody",
    "A value path makes the element that isn't there yet",
    "nice",
    "What Entra sends; RFC 7644 section 3.5.2.3 asks for 400 noTarget instead",
    'Create `{"type": "mobile"}` with the value, for clients such as Entra which expect it.',
)
async def value_path_of_nobody(visit: Visit) -> str | None:
    """The first mobile number of somebody arrives from Entra, which writes into an element before there is one."""
    made = await visit.user("phone")
    path = 'phoneNumbers[type eq "mobile"].value'
    answer = await visit.patch(made, {"op": "add", "path": path, "value": "+1 555 0100"})
    if answer.status == 400:
        raise Doubtful(f"it's refused as the RFC has it ({answer.words}); Entra doesn't know that answer")
    visit.expect(answer, 200, 204)
    if documents.read(await visit.read(made), path) is ABSENT:
        raise Doubtful(f"it was answered with {answer.status}, and no number is held")
    return None


@check(
    "patch.add-to-many",
    "`add` to a list keeps what's in it",
    "should",
    "RFC 7644 section 3.5.2.1",
    "Append to multi-valued attributes; don't replace them.",
)
async def add_to_many(visit: Visit) -> str | None:
    """A second address comes beside the first one."""
    made = await visit.user("second")
    second = {"value": f"{visit.name('second')}@{visit.domain}", "type": "home"}
    answer = await visit.patch(made, {"op": "add", "path": "emails", "value": [second]})
    if answer.status == 400:
        raise Doubtful(f"a second address is refused: {answer.words}")
    visit.expect(answer, 200, 204)
    document = await visit.read(made)
    if documents.read(document, WORK) != made.sent["emails"][0]["value"]:
        raise Failed("the address that was there is gone")
    if documents.read(document, 'emails[type eq "home"].value') != second["value"]:
        raise Failed("the address that was added isn't there")
    return None


@check(
    "patch.no-path",
    "PATCH without a path takes an object of attributes",
    "should",
    "RFC 7644 section 3.5.2.3 (path omitted); what Okta sends",
    "Support `replace` without `path`: the value is an object with the attributes to replace.",
)
async def no_path(visit: Visit) -> str | None:
    """A client may send all changes as one object."""
    made, path = await _target(visit)
    value: dict[str, Any] = {"active": False}
    documents.put(value, parse(path), "Changed")
    await _taken(visit, made, {"op": "replace", "value": value})
    await visit.holds(made, path, "Changed")
    await visit.holds(made, "active", False)
    return None


@check(
    "patch.dotted-keys",
    "PATCH without a path takes dotted keys",
    "nice",
    "What Entra sends with `aadOptscim062020`",
    "In the object of a `replace` without path, take keys such as `name.givenName` for paths.",
)
async def dotted_keys(visit: Visit) -> str | None:
    """Movers from Entra in its newer dialect arrive."""
    made = await visit.user("dotted")
    value = {"name.givenName": "Dotted", "name.familyName": "Keys"}
    answer = await visit.patch(made, {"op": "replace", "value": value})
    if answer.status == 400:
        raise Doubtful(f"it's refused, as the RFC allows: {answer.words}")
    visit.expect(answer, 200, 204)
    await visit.holds(made, "name.givenName", "Dotted")
    await visit.holds(made, "name.familyName", "Keys")
    return None


@check(
    "patch.capitals",
    "Operations may be capitalised",
    "should",
    "What Entra sends: `Add`, `Replace`, `Remove`; Entra's checklist",
    "Compare `op` case-insensitively.",
)
async def capitals(visit: Visit) -> str | None:
    """Changes from Entra in its default dialect arrive."""
    made, path = await _target(visit)
    await _taken(visit, made, {"op": "Replace", "path": path, "value": "Capital"})
    await visit.holds(made, path, "Capital")
    return None


@check(
    "patch.extension",
    "PATCH changes an attribute of the enterprise extension",
    "nice",
    "RFC 7644 section 3.10 (URN before the attribute)",
    f"Support paths such as `{ENTERPRISE_USER}:department`.",
)
async def extension(visit: Visit) -> str | None:
    """A new department arrives."""
    extends(visit)
    made = await visit.user("department")
    path = f"{ENTERPRISE_USER}:department"
    await _taken(visit, made, {"op": "add", "path": path, "value": "Retail"})
    await visit.holds(made, path, "Retail")
    return None


@check(
    "patch.empty",
    "An attribute can be emptied by an empty string, then by null",
    "nice",
    "RFC 7643 section 2.5 (null is no value); Entra's onboarding check of null updates",
    'Take `""` and `null` as values in `replace`; null takes the value away.',
)
async def empty(visit: Visit) -> str | None:
    """What's emptied in the directory is emptied in the app, in each of the ways in which clients say so."""
    made = await visit.user("empty", title="To be emptied")
    if documents.read(await visit.read(made), "title") is ABSENT:
        raise NotJudged("the app doesn't keep title")
    for value in ("", None):
        answer = await visit.patch(made, {"op": "replace", "path": "title", "value": value})
        if answer.status == 400:
            raise Doubtful(f"{'null' if value is None else 'an empty string'} is refused: {answer.words}")
        visit.expect(answer, 200, 204)
        await visit.holds(made, "title", ABSENT)
    return None


@check(
    "patch.unknown-path",
    "A path that isn't there is refused",
    "nice",
    "RFC 7644 section 3.5.2 and 3.12 (invalidPath)",
    "Answer 400 with scimType invalidPath; never 500.",
)
async def unknown_path(visit: Visit) -> str | None:
    """A mapping to an attribute that doesn't exist is found by its name."""
    made = await visit.user("path")
    answer = await visit.patch(made, {"op": "replace", "path": "instepCheck.unknown", "value": "x"})
    if answer.succeeded:
        return f"it was answered with {answer.status}, and does no harm"
    visit.expect(answer, 400)
    return None


@check(
    "patch.read-only",
    "`id` can't be changed",
    "should",
    "RFC 7643 section 3.1 (id: readOnly); RFC 7644 section 3.5.2 (mutability)",
    "Refuse a change of readOnly attributes with 400 and scimType mutability, or ignore it.",
)
async def read_only(visit: Visit) -> str | None:
    """The id by which a client knows somebody stays."""
    made = await visit.user("id")
    answer = await visit.patch(made, {"op": "replace", "path": "id", "value": visit.nobody})
    if (await visit.get("User", made.id)).status != 200:
        visit.made["User", visit.nobody] = made.name
        raise Failed(f"it was answered with {answer.status}, and the user isn't there any more under its id")
    if not answer.succeeded:
        visit.expect(answer, 400, 403)
    return None


@check(
    "patch.nobody",
    "A change of somebody who isn't there is answered with 404",
    "should",
    "RFC 7644 section 3.12",
    "Answer PATCH of an unknown id with 404; create nobody.",
)
async def nobody(visit: Visit) -> str | None:
    """Somebody who was removed in the app is noticed when a change is sent."""
    body = message([{"op": "replace", "path": "displayName", "value": "Nobody"}])
    answer = await visit.change("PATCH", "User", visit.nobody, body)
    if answer.status == 400:
        raise Doubtful(f"it was answered with {answer.words}")
    visit.expect(answer, 404)
    return None


@check(
    "patch.again",
    "The same change twice is no error",
    "should",
    "RFC 7644 section 3.5.2.1 and 3.5.2.3 (no change where the value is the same)",
    "Answer a PATCH that changes nothing with 200 or 204.",
)
async def again(visit: Visit) -> str | None:
    """A change whose answer was lost can be sent again."""
    made, path = await _target(visit)
    operation = {"op": "replace", "path": path, "value": "Again"}
    await visit.patched(made, operation)
    await visit.patched(made, operation)
    return None


@check(
    "put.user",
    "PUT replaces a user",
    "nice",
    "RFC 7644 section 3.5.1; what Okta sends",
    "Support PUT /Users/{id}, answered with 200 and the resource.",
)
async def put(visit: Visit) -> str | None:
    """Clients that don't PATCH can change people."""
    made = await visit.user("put")
    body = documents.changed(await visit.read(made), {"name.givenName": "Put"})
    answer = await visit.change("PUT", "User", made.id, body)
    if answer.status in (405, 501):
        raise Doubtful(f"PUT isn't offered: {answer.words}")
    visit.expect(answer, 200)
    await visit.holds(made, "name.givenName", "Put")
    return None
