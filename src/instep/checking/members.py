"""Checks of groups' members: who comes in, who leaves, in whose words (RFC 7644 section 3.5.2).

Where an app doesn't show members, nothing can be judged by reading a group again.
"""

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.groups import BARE, there
from instep.checking.registry import check
from instep.checking.visit import Made, Visit
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.paths import quoted


def _one_out(group_member: Made) -> dict[str, str]:
    return {"op": "remove", "path": f"members[value eq {quoted(group_member.id)}]"}


@check(
    "groups.add-members",
    "Several members are added by one PATCH",
    "must",
    "RFC 7644 section 3.5.2.1; one of Entra's onboarding checks",
    "Support `add` on `members` with a list of values, answered with 204 or 200.",
)
async def add_members(visit: Visit) -> str | None:
    """Everybody who was added is in the group."""
    group, people = await visit.group(word="add"), await visit.crowd()
    answer = await visit.patch(
        group, {"op": "add", "path": "members", "value": [{"value": member.id} for member in people[:3]]}
    )
    visit.expect(answer, 204, 200, 202)
    await visit.has_members(group, *people[:3])
    return None


@check(
    "groups.shows-members",
    "Reading a group shows its members",
    "should",
    "RFC 7643 section 4.2 (members: returned default)",
    "Give `members` when a group is read, unless they're excluded.",
)
async def shows_members(visit: Visit) -> str | None:
    """What the app holds can be compared with what it should."""
    if not await visit.shows_members():
        raise Failed("somebody was put into a group, and reading the group shows no members")
    return None


@check(
    "groups.exclude-members",
    "excludedAttributes=members leaves the members out",
    "should",
    "RFC 7644 section 3.9; what Entra sends with every read of a group",
    "Heed `excludedAttributes=members` in reads and lists.",
)
async def exclude_members(visit: Visit) -> str | None:
    """A look-up of a group of 50,000 people isn't an answer of 5 MB."""
    group = await visit.group((await visit.crowd())[0], word="bare")
    answer = await visit.get("Group", group.id, BARE)
    if answer.status == 400:
        visit.learn(excluded_attributes=False)
    visit.expect(answer, 200)
    if documents.lookup(answer.document, "members") is not ABSENT:
        raise Failed("the members came all the same")
    return None


@check(
    "groups.members-in-create",
    "A group's first members may ride in its creation",
    "should",
    "RFC 7644 section 3.3; RFC 7643 section 4.2",
    "Heed `members` in POST /Groups, or refuse them; don't drop them.",
)
async def members_in_create(visit: Visit) -> str | None:
    """A new group costs one request."""
    there(visit)
    people = (await visit.crowd())[:2]
    document = visit.team("filled", members=[{"value": member.id} for member in people])
    answer = await visit.post("Group", document)
    if not answer.succeeded:
        visit.learn(members_in_create=False)
        raise Doubtful(f"it's refused with {answer.words}: members have to follow by PATCH")
    try:
        await visit.has_members(Made("Group", answer.app_id, document["displayName"], document, answer), *people)
    except Failed:
        visit.learn(members_in_create=False)
        raise
    return None


@check(
    "groups.add-by-entra",
    "Members are added in Entra's words",
    "should",
    "What Entra sends: `Add`, and `$ref: null` beside each value",
    "Take `Add` for `add`, and ignore `$ref` where it's null.",
)
async def add_by_entra(visit: Visit) -> str | None:
    """Members from Entra arrive."""
    group, people = await visit.group(word="entra"), (await visit.crowd())[:2]
    value = [{"$ref": None, "value": member.id} for member in people]
    answer = await visit.patch(group, {"op": "Add", "path": "members", "value": value})
    if not answer.succeeded:
        raise Failed(f"it's refused with {answer.words}")
    await visit.has_members(group, *people)
    return None


@check(
    "groups.remove-by-path",
    "One member is removed by a filter in the path",
    "must",
    "RFC 7644 section 3.5.2.2; one of Entra's onboarding checks",
    'Support `remove` with the path `members[value eq "id"]`, which takes out that one member and no other.',
)
async def remove_by_path(visit: Visit) -> str | None:
    """Who leaves a group leaves it alone."""
    people = (await visit.crowd())[:3]
    group = await visit.group(*people, word="path")
    answer = await visit.patch(group, _one_out(people[0]))
    if not answer.succeeded:
        visit.learn(removal="value-list")
        raise Failed(f"it's refused with {answer.words}")
    await _left(visit, group, people[1:])
    return None


async def _left(visit: Visit, group: Made, members: list[Made]) -> None:
    if await visit.shows_members():
        left = documents.members(await visit.read(group))
        if not left:
            raise Failed("one member was to be removed, and the whole group is empty")
    await visit.has_members(group, *members)


@check(
    "groups.remove-by-list",
    "One member is removed by a list of values",
    "should",
    "What Entra sends without `aadOptscim062020`; RFC 7644 section 3.5.2.2, read strictly, empties the group",
    "Where `remove` on `members` carries a value, take out those that it lists, and nobody else.",
)
async def remove_by_list(visit: Visit) -> str | None:
    """Who leaves a group in Entra leaves it alone, and takes nobody along."""
    people = (await visit.crowd())[:3]
    group = await visit.group(*people, word="list")
    value = [{"value": people[0].id}]
    answer = await visit.patch(group, {"op": "remove", "path": "members", "value": value})
    if not answer.succeeded:
        raise Doubtful(f"it's refused with {answer.words}: Entra needs `aadOptscim062020` in the tenant URL")
    if await visit.shows_members() and not documents.members(await visit.read(group)):
        raise Doubtful("the whole group is empty: right by the RFC's letter, and a wipe when Entra sends it")
    await visit.has_members(group, *people[1:])
    return None


@check(
    "groups.many-members",
    "A dozen members at once",
    "should",
    "Entra's checklist: several members in one PATCH",
    "Take at least 100 members in one PATCH, and answer 413 beyond what's taken.",
)
async def many_members(visit: Visit) -> str | None:
    """All members are taken, and a group that's read is shown whole."""
    people = await visit.crowd()
    group = await visit.group(word="many")
    value = [{"value": member.id} for member in people]
    answer = await visit.patch(group, {"op": "add", "path": "members", "value": value})
    if answer.status == 413:
        visit.learn(members_per_patch=max(1, len(people) // 2))
    visit.expect(answer, 204, 200, 202)
    await visit.has_members(group, *people)
    return None


@check(
    "groups.replace-members",
    "All members are replaced by one PATCH",
    "nice",
    "RFC 7644 section 3.5.2.3; what Okta sends",
    "Support `replace` on `members`, with an empty list too.",
)
async def replace_members(visit: Visit) -> str | None:
    """A client may say who's in a group instead of who comes and goes."""
    people = (await visit.crowd())[:3]
    group = await visit.group(*people[:2], word="replace")
    answer = await visit.patch(group, {"op": "replace", "path": "members", "value": [{"value": people[2].id}]})
    if not answer.succeeded:
        raise Doubtful(f"it's refused with {answer.words}")
    await visit.has_members(group, people[2])
    await visit.patched(group, {"op": "replace", "path": "members", "value": []})
    await visit.has_members(group)
    return None


@check(
    "groups.add-twice",
    "Somebody who's added twice is in the group once",
    "should",
    "RFC 7644 section 3.5.2.1 (a value that's there isn't added)",
    "Answer with success, and keep each member once.",
)
async def add_twice(visit: Visit) -> str | None:
    """An addition whose answer was lost can be sent again."""
    member = (await visit.crowd())[0]
    group = await visit.group(member, word="again")
    answer = await visit.patch(group, {"op": "add", "path": "members", "value": [{"value": member.id}]})
    if not answer.succeeded:
        raise Failed(f"it's refused with {answer.words}")
    await visit.has_members(group, member)
    entries = documents.lookup(await visit.read(group), "members")
    if isinstance(entries, list) and len(entries) > 1:
        raise Failed(f"the same person is a member {len(entries)} times")
    return None


@check(
    "groups.remove-stranger",
    "Removing somebody who isn't in the group does no harm",
    "nice",
    "RFC 7644 section 3.5.2.2 (400 noTarget is allowed)",
    "Answer with success, or 400 with scimType noTarget; never 500.",
)
async def remove_stranger(visit: Visit) -> str | None:
    """A removal whose answer was lost can be sent again."""
    people = (await visit.crowd())[:2]
    group = await visit.group(people[0], word="stranger")
    answer = await visit.patch(group, _one_out(people[1]))
    if answer.succeeded:
        await visit.has_members(group, people[0])
        return None
    if answer.status is None or answer.status >= 500:
        raise Failed(f"it was answered with {answer.words}")
    return f"it's refused with {answer.words}"


@check(
    "groups.unknown-member",
    "Somebody who doesn't exist can't be a member",
    "nice",
    "RFC 7643 section 4.2 (members are references); RFC 7644 section 3.12",
    "Answer with 400 or 404 and the id; never 500.",
)
async def unknown_member(visit: Visit) -> str | None:
    """A member who was deleted meanwhile is reported, by id."""
    group = await visit.group(word="unknown")
    answer = await visit.patch(group, {"op": "add", "path": "members", "value": [{"value": visit.nobody}]})
    if answer.status is None or answer.status >= 500:
        raise Failed(f"it was answered with {answer.words}")
    if answer.succeeded and visit.nobody in documents.members(await visit.read(group)):
        raise Doubtful("somebody who doesn't exist is a member now")
    return None


@check(
    "groups.member-check",
    "It can be asked whether somebody is in a group",
    "nice",
    'Entra\'s check of references: `id eq "..." and members eq "..."`',
    "Support that filter on /Groups.",
)
async def member_check(visit: Visit) -> str | None:
    """Entra finds out whether a member is in already."""
    if not visit.abilities.trusts_filter:
        raise NotJudged("filters are ignored: see groups.narrows")
    people = (await visit.crowd())[:2]
    group = await visit.group(people[0], word="asked")
    for member, inside in zip(people, (True, False), strict=True):
        asked = f"id eq {quoted(group.id)} and members eq {quoted(member.id)}"
        answer = await visit.search("Group", asked, BARE)
        if answer.status == 404 and not inside:
            continue
        if not answer.succeeded:
            raise Doubtful(f"it's refused with {answer.words}")
        if (group.id in [app_id for app_id, _ in visit.listed(answer)]) is not inside:
            raise Doubtful(
                "a member doesn't find the group" if inside else "somebody finds a group without being in it"
            )
    return None
