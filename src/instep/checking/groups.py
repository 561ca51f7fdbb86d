"""Checks of groups (RFC 7643 section 4.2); those of their members are in `members`.

An app without groups isn't at fault: then none of these is judged.
"""

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Visit
from instep.scim.paths import quoted

BARE = "excludedAttributes=members"


@check(
    "groups.offered",
    "There are groups",
    "nice",
    "RFC 7644 section 3.2; Entra's test connection",
    "Offer /Groups, or leave groups out of the job's rules.",
    writes=False,
)
async def offered(visit: Visit) -> str | None:
    """The look-up of a group that nobody has is answered with 200 and an empty list."""
    answer = await visit.search("Group", f"displayName eq {quoted(visit.nobody)}", BARE)
    plain = answer if answer.succeeded else await visit.wire.send("GET", "/Groups", "startIndex=1&count=1")
    visit.facts.has_groups = plain.succeeded
    if plain.status in (403, 404, 405, 501):
        raise NotJudged(f"GET /Groups was answered with {plain.words}")
    if not answer.succeeded:
        without = await visit.search("Group", f"displayName eq {quoted(visit.nobody)}")
        if without.succeeded:
            visit.learn(excluded_attributes=False)
            raise Failed(f"a look-up with {BARE} was answered with {answer.words}")
    visit.listed(answer)
    return None


@check(
    "groups.create",
    "A group can be created without members",
    "must",
    "RFC 7644 section 3.3; one of Entra's onboarding checks",
    "Answer POST /Groups with 201 and the new group, whether `members` is absent or empty.",
)
async def create(visit: Visit) -> str | None:
    """New groups arrive; their members follow."""
    there(visit)
    for document in (visit.team("new"), visit.team("new", members=[])):
        answer = await visit.post("Group", document)
        visit.expect(answer, 201, 200)
        if not answer.app_id:
            raise Failed("the answer has no id")
    return None


def there(visit: Visit) -> None:
    """Raises NotJudged where there are no groups."""
    if visit.facts.has_groups is False:
        raise NotJudged("the app has no groups")


@check(
    "groups.find",
    "A group is found by displayName",
    "must",
    "RFC 7644 section 3.4.2.2; the usual matching attribute of groups",
    'Support `filter=displayName eq "..."` on /Groups, with excludedAttributes=members.',
)
async def find(visit: Visit) -> str | None:
    """A group that's there is found, so that it isn't made twice."""
    group = await visit.group(word="find")
    query = BARE if visit.abilities.excluded_attributes else ""
    answer = await visit.search("Group", f"displayName eq {quoted(group.name)}", query)
    if group.id not in [app_id for app_id, _ in visit.listed(answer)]:
        raise Failed("the group that has the name isn't found")
    return None


@check(
    "groups.narrows",
    "A filter of groups narrows the answer",
    "must",
    "RFC 7644 section 3.4.2.2",
    "Apply the filter, or refuse it with 400 invalidFilter.",
)
async def narrows(visit: Visit) -> str | None:
    """A look-up gives the group of that name and no others."""
    await visit.group(word="other")
    found = await visit.found("Group", "displayName", visit.nobody)
    if found:
        visit.learn(trusts_filter=False)
        raise Failed(f"a name that no group has was answered with {len(found)} groups: the filter is ignored")
    return None


@check(
    "groups.rename",
    "A group gets another name",
    "should",
    "RFC 7644 section 3.5.2.3; one of Entra's onboarding checks",
    "Support `replace` on `displayName`, and leave the members alone.",
)
async def rename(visit: Visit) -> str | None:
    """A new name arrives, and everybody stays in."""
    member = (await visit.crowd())[0]
    group = await visit.group(member, word="rename")
    new = visit.name("renamed")
    answer = await visit.patch(group, {"op": "replace", "path": "displayName", "value": new})
    if not answer.succeeded:
        raise Failed(f"it's refused with {answer.words}")
    await visit.holds(group, "displayName", new)
    await visit.has_members(group, member)
    return None


@check(
    "groups.duplicate",
    "A second group of the same name is refused",
    "nice",
    "Entra's checklist: unique displayName; RFC 7643 section 8.7.1 leaves it open",
    "Refuse it with 409 and scimType uniqueness; or match groups by externalId.",
)
async def duplicate(visit: Visit) -> str | None:
    """Groups that are matched by name are never twins."""
    group = await visit.group(word="twice")
    answer = await visit.post("Group", visit.team("twice", displayName=group.name))
    if answer.succeeded:
        raise Doubtful("two groups may have the same name, so a name doesn't say which one is meant")
    visit.expect(answer, 409, 400)
    return None


@check(
    "groups.delete",
    "A group can be deleted, and its members stay",
    "must",
    "RFC 7644 section 3.6; one of Entra's onboarding checks",
    "Support DELETE /Groups/{id}, answered with 204; delete no user with it.",
)
async def delete(visit: Visit) -> str | None:
    """A group that's gone takes nobody's account along."""
    member = await visit.user("member")
    group = await visit.group(member, word="gone")
    answer = await visit.delete(group)
    if answer.status in (400, 403, 405, 501):
        raise Doubtful(f"DELETE isn't offered ({answer.words}); leave deleting groups out of the job's actions")
    visit.expect(answer, 204, 200, 202)
    visit.expect(await visit.get("Group", group.id), 404, 410)
    if (await visit.get("User", member.id)).status != 200:
        raise Failed("the group's member is gone with it")
    return None
