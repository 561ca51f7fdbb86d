"""Checks of leaving: disabling, coming back, being removed (RFC 7643 section 4.1.1 `active`, RFC 7644 section 3.6)."""

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Made, Visit
from instep.scim import documents
from instep.scim.paths import quoted


async def _disabled(visit: Visit) -> Made:
    """Somebody who was disabled. Raises NotJudged when that isn't possible."""
    made = await visit.user("leaver")
    answer = await visit.patch(made, {"op": "replace", "path": "active", "value": False})
    if not answer.succeeded:
        raise NotJudged(f"nobody can be disabled ({answer.words}): see disable.boolean")
    return made


@check(
    "disable.boolean",
    "Somebody is disabled by active = false",
    "must",
    "RFC 7643 section 4.1.1; RFC 7644 section 3.5.2.3; one of Entra's onboarding checks",
    "Support PATCH of `active` with a JSON boolean.",
)
async def by_boolean(visit: Visit) -> str | None:
    """Leavers lose their access."""
    made = await visit.user("leaver")
    await visit.patched(made, {"op": "replace", "path": "active", "value": False})
    if (await visit.get("User", made.id)).status == 404:
        return "the account is gone with it: see disable.kept"
    await visit.holds(made, "active", False)
    return None


@check(
    "disable.string",
    'Somebody is disabled by active = "False"',
    "should",
    "What Entra sends without `aadOptscim062020`",
    'Take the strings "True" and "False" for booleans in `active`.',
)
async def by_string(visit: Visit) -> str | None:
    """Leavers lose their access when Entra sends its default dialect, and joiners don't get it by a string that's
    true because it isn't empty."""
    made = await visit.user("leaver")
    answer = await visit.patch(made, {"op": "replace", "path": "active", "value": "False"})
    if answer.status == 400:
        raise Doubtful(f"it's refused, as the RFC allows ({answer.words}): Entra needs `aadOptscim062020` in the URL")
    visit.expect(answer, 200, 204)
    await _without_account(visit, made)
    await visit.holds(made, "active", False)
    return None


async def _without_account(visit: Visit, made: Made) -> None:
    if (await visit.get("User", made.id)).status == 404:
        raise NotJudged("the account is gone with it: see disable.kept")


@check(
    "disable.kept",
    "Somebody who's disabled can still be read",
    "must",
    "RFC 7643 section 4.1.1 (active); Entra's checklist: GET by id, including inactive users",
    "Keep disabled users, and answer GET /Users/{id} with active false; delete on DELETE alone.",
)
async def kept(visit: Visit) -> str | None:
    """Disabling isn't deleting: what belongs to the person stays, and the id with it."""
    made = await _disabled(visit)
    answer = await visit.get("User", made.id)
    if answer.status == 404:
        raise Failed("disabling somebody deletes the account: its id answers with 404")
    visit.expect(answer, 200)
    return None


@check(
    "disable.found",
    "Somebody who's disabled is still found",
    "must",
    "RFC 7644 section 3.4.2; Entra's checklist",
    "Leave disabled users in lists and look-ups.",
)
async def found(visit: Visit) -> str | None:
    """Somebody who comes back gets the old account, and not a second one."""
    made = await _disabled(visit)
    await _without_account(visit, made)
    if made.id not in await visit.found("User", "userName", made.name):
        raise Failed("a look-up by userName doesn't find somebody who's disabled")
    return None


@check(
    "disable.restore",
    "Somebody who comes back is enabled again",
    "must",
    "RFC 7643 section 4.1.1; one of Entra's onboarding checks",
    "Support PATCH of `active` to true, on the same id, with all that was kept.",
)
async def restore(visit: Visit) -> str | None:
    """The same id is active again, and still has its values."""
    made = await _disabled(visit)
    await _without_account(visit, made)
    await visit.patched(made, {"op": "replace", "path": "active", "value": True})
    document = await visit.holds(made, "active", True)
    for path in ("userName", "name.familyName"):
        if documents.read(document, path) != documents.read(made.sent, path):
            raise Failed(f"{path} was lost on the way")
    return None


@check(
    "disable.groups-kept",
    "Somebody who's disabled stays in groups",
    "nice",
    "Entra disables first and sends memberships apart",
    "Don't take disabled users out of their groups.",
)
async def groups_kept(visit: Visit) -> str | None:
    """Who comes back has the same groups as before, without a request for each."""
    made = await visit.user("leaver")
    group = await visit.group(made, word="kept")
    answer = await visit.patch(made, {"op": "replace", "path": "active", "value": False})
    if not answer.succeeded:
        raise NotJudged("nobody can be disabled: see disable.boolean")
    await _without_account(visit, made)
    await visit.has_members(group, made)
    return None


@check(
    "delete.user",
    "A user can be deleted",
    "must",
    "RFC 7644 section 3.6; one of Entra's onboarding checks",
    "Support DELETE /Users/{id}, answered with 204. Without it, provisioning has to be told never to delete.",
)
async def delete(visit: Visit) -> str | None:
    """Who is gone for good leaves nothing behind."""
    made = await visit.user("gone")
    answer = await visit.delete(made)
    if answer.status in (400, 403, 405, 501):
        raise Doubtful(f"DELETE isn't offered ({answer.words}); leave deleting out of the job's actions")
    visit.expect(answer, 204, 200, 202)
    if answer.status != 204:
        raise Doubtful(f"it was answered with {answer.status}; RFC 7644 section 3.6 has 204")
    return None


async def _deleted(visit: Visit) -> Made:
    """Somebody who was deleted. Raises NotJudged when that isn't possible."""
    made = await visit.user("gone")
    answer = await visit.delete(made)
    if not answer.succeeded:
        raise NotJudged(f"nobody can be deleted ({answer.words}): see delete.user")
    if (await visit.get("User", made.id)).succeeded:
        raise NotJudged("who's deleted is still there: see delete.gone")
    return made


@check(
    "delete.gone",
    "Who's deleted isn't there any more",
    "must",
    "RFC 7644 section 3.6 (404 afterwards, and not in lists)",
    "After DELETE answer GET with 404, and leave the resource out of lists and look-ups.",
)
async def gone(visit: Visit) -> str | None:
    """Reads and look-ups agree that the account is gone."""
    made = await visit.user("gone")
    if not (await visit.delete(made)).succeeded:
        raise NotJudged("nobody can be deleted: see delete.user")
    answer = await visit.get("User", made.id)
    if answer.status == 200:
        active = documents.read(answer.document, "active")
        raise Failed(f"it can still be read, with active {active}")
    visit.expect(answer, 404, 410)
    if made.id in await visit.found("User", "userName", made.name):
        raise Failed("a look-up still finds it")
    return None


@check(
    "delete.again",
    "Deleting again does no harm",
    "should",
    "RFC 7644 section 3.6",
    "Answer DELETE of what is gone with 404 (or 204).",
)
async def again(visit: Visit) -> str | None:
    """A deletion whose answer was lost can be sent again."""
    made = await _deleted(visit)
    visit.expect(await visit.delete(made), 404, 204, 410)
    return None


@check(
    "delete.name-free",
    "A deleted user's name can be used again",
    "should",
    "RFC 7644 section 3.6 (a deleted resource is no conflict)",
    "Don't count deleted users when looking for duplicates; give the new one a new id.",
)
async def name_free(visit: Visit) -> str | None:
    """Who's hired again gets an account: a new one, found once."""
    made = await _deleted(visit)
    answer = await visit.post("User", visit.person("reborn", userName=made.name))
    visit.expect(answer, 201, 200)
    if answer.app_id == made.id:
        raise Doubtful("the new account has the id of the old one")
    listed = visit.listed(await visit.search("User", f"userName eq {quoted(made.name)}"))
    same = [app_id for app_id, document in listed if documents.same(documents.read(document, "userName"), made.name)]
    if made.id in same:
        raise Failed("a look-up finds the deleted account beside the new one")
    return None


@check(
    "delete.leaves-groups",
    "Who's deleted leaves all groups",
    "nice",
    "RFC 7643 section 4.2 (members are references to resources); the RFC doesn't say what becomes of them",
    "Take deleted users out of the groups that they were in.",
)
async def leaves_groups(visit: Visit) -> str | None:
    """Groups hold nobody who doesn't exist."""
    made, stays = await visit.user("gone"), await visit.somebody()
    group = await visit.group(made, stays, word="left")
    if not (await visit.delete(made)).succeeded or (await visit.get("User", made.id)).succeeded:
        raise NotJudged("nobody can be deleted: see delete.user, delete.gone")
    if made.id in documents.members(await visit.read(group)):
        raise Doubtful("a group still has the member who was deleted")
    await visit.has_members(group, stays)
    return None
