"""Checks of look-ups: the filters by which provisioning finds out whether somebody is there (RFC 7644 section 3.4.2).

A look-up whose answer can't be trusted leads to duplicates, or to somebody else's account being taken over.
"""

from urllib.parse import quote, quote_plus

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Made, Visit
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.paths import quoted


@check(
    "lookup.nobody",
    "A look-up without a hit is answered with 200 and an empty list",
    "must",
    "RFC 7644 section 3.4.2; Entra's test connection, where a 404 puts the job in quarantine",
    "Answer a filter that nobody matches with 200 and a ListResponse with totalResults 0, never with 404.",
    writes=False,
)
async def nobody(visit: Visit) -> str | None:
    """Provisioning can ask whether somebody is there, and be told no. It's the first thing that any client sends."""
    answer = await visit.search("User", f"userName eq {quoted(visit.nobody)}")
    visit.listed(answer)
    return None


@check(
    "lookup.narrows",
    "A filter narrows the answer",
    "must",
    "RFC 7644 section 3.4.2.2",
    "Apply the filter, or refuse it with 400 invalidFilter; never answer as if there were none.",
    writes=False,
)
async def narrows(visit: Visit) -> str | None:
    """A look-up gives those that match and no others. A client that believes an unfiltered answer takes over a
    stranger's account."""
    if visit.facts.people == 0 and not visit.read_only:
        await visit.somebody()
    found = await visit.found("User", "userName", visit.nobody)
    if found:
        visit.learn(trusts_filter=False)
        raise Failed(f"a user name that nobody has was answered with {len(found)} users: the filter is ignored")
    return None


async def _finds(visit: Visit, made: Made, path: str, value: str) -> None:
    """Raises Failed unless a look-up gives that resource."""
    if made.id not in await visit.found(made.kind, path, value):
        raise Failed(f"{path} eq {quoted(value)} doesn't find the {made.kind.lower()} that has it")


@check(
    "lookup.user-name",
    "People are found by userName",
    "must",
    "RFC 7644 section 3.4.2.2; the usual matching attribute",
    'Support `filter=userName eq "..."` on /Users.',
)
async def by_user_name(visit: Visit) -> str | None:
    """Somebody who's there is found, so that nobody is made twice."""
    somebody = await visit.somebody()
    await _finds(visit, somebody, "userName", somebody.name)
    return None


@check(
    "lookup.one",
    "Somebody is found once",
    "must",
    "RFC 7643 section 3.1 (id) and 4.1.1 (userName is unique)",
    "Give each resource once, under the one id that it keeps.",
)
async def one(visit: Visit) -> str | None:
    """A look-up of one person gives one resource. Twins stop that person's provisioning: nobody can tell them apart."""
    somebody = await visit.somebody()
    answer = await visit.search("User", f"userName eq {quoted(somebody.name)}")
    ids = [
        app_id
        for app_id, document in visit.listed(answer)
        if documents.same(documents.read(document, "userName"), somebody.name)
    ]
    if len(ids) > 1:
        raise Failed(f"one user was made, and a look-up gives {len(ids)}: {', '.join(ids)}")
    return None


@check(
    "lookup.user-name-case",
    "userName is compared without regard to case",
    "should",
    "RFC 7643 section 4.1.1 and 8.7.1 (userName: caseExact false); RFC 7644 section 3.4.2.2",
    "Compare userName case-insensitively in filters, and when looking for duplicates.",
)
async def user_name_case(visit: Visit) -> str | None:
    """Somebody whose address is spelt with other capitals in the directory is found."""
    somebody = await visit.somebody()
    await _finds(visit, somebody, "userName", somebody.name.upper())
    return None


@check(
    "lookup.external-id",
    "People are found by externalId",
    "should",
    "RFC 7643 section 3.1; RFC 7644 section 3.4.2.2; Entra's checklist",
    'Keep externalId as it was sent, and support `filter=externalId eq "..."`.',
)
async def by_external_id(visit: Visit) -> str | None:
    """A person can be matched by the id of the directory, which outlives a new name."""
    somebody = await visit.somebody()
    await _finds(visit, somebody, "externalId", somebody.sent["externalId"])
    return None


@check(
    "lookup.email",
    "People are found by their work e-mail",
    "should",
    "RFC 7644 section 3.4.2.2 (complex attribute filter); Entra's checklist",
    'Support `filter=emails[type eq "work"].value eq "..."`.',
)
async def by_email(visit: Visit) -> str | None:
    """A person can be matched by address where user names are something else."""
    somebody = await visit.somebody()
    mail = somebody.sent["emails"][0]["value"]
    answer = await visit.search("User", f'emails[type eq "work"].value eq {quoted(mail)}')
    if answer.status == 200:
        if somebody.id in [app_id for app_id, _ in visit.listed(answer)]:
            return None
        raise Failed('emails[type eq "work"].value eq finds nobody')
    if somebody.id in await visit.found("User", "emails.value", mail):
        raise Doubtful(f'only emails.value finds people; emails[type eq "work"].value was answered with {answer.words}')
    raise Failed(f"it was answered with {answer.words}")


@check(
    "lookup.and",
    "Two conditions can be joined by `and`",
    "should",
    "RFC 7644 section 3.4.2.2; Entra asks for `id eq ... and manager eq ...`",
    "Support `and` between two comparisons.",
)
async def joined(visit: Visit) -> str | None:
    """Both have to be true: who fulfils one of two isn't found."""
    somebody = await visit.somebody()
    name, given = quoted(somebody.name), quoted("Instep")
    both = await visit.search("User", f"userName eq {name} and name.givenName eq {given}")
    if somebody.id not in [app_id for app_id, _ in visit.listed(both)]:
        raise Failed("somebody who fulfils both conditions isn't found")
    none = await visit.search("User", f"userName eq {name} and name.givenName eq {quoted(visit.nobody)}")
    if none.status == 404:
        return None
    if somebody.id in [app_id for app_id, _ in visit.listed(none)] and visit.abilities.trusts_filter:
        raise Failed("somebody who fulfils one of two conditions is found")
    return None


@check(
    "lookup.by-id",
    "`id` can be filtered by",
    "nice",
    "RFC 7644 section 3.4.2.2; Entra's check of references",
    'Support `filter=id eq "..."`.',
)
async def by_id(visit: Visit) -> str | None:
    """Entra finds out in this way whether a reference is set already."""
    somebody = await visit.somebody()
    await _finds(visit, somebody, "id", somebody.id)
    return None


@check(
    "lookup.odd-characters",
    "Values with quotes, backslashes, plus and ampersand are found",
    "should",
    "RFC 7644 section 3.4.2.2 (values are JSON strings); RFC 3986 section 2.1",
    "Decode the query once, and parse the value as a JSON string.",
)
async def odd_characters(visit: Visit) -> str | None:
    """O'Brien+\"Bob\" and Müller & Søn are found, not only ada."""
    odd = f'{visit.name("odd")} O\'Brien+"Bob" \\ Müller & Søn'
    made = await visit.user("odd", externalId=odd)
    if documents.read(made.answer.document or await visit.read(made), "externalId") != odd:
        raise NotJudged("externalId isn't kept as it was sent: see create.external-id")
    await _finds(visit, made, "externalId", odd)
    return None


@check(
    "lookup.plus-for-space",
    "Spaces in the query may be written as +",
    "should",
    "WHATWG URL, application/x-www-form-urlencoded; what Entra sends",
    "Decode `+` in the query to a space, and `%2B` to a plus.",
    writes=False,
)
async def plus_for_space(visit: Visit) -> str | None:
    """The filter as Entra writes it is understood: `userName+eq+%22...%22`."""
    text = f"userName eq {quoted(visit.nobody)}"
    if not (await visit.wire.send("GET", "/Users", "filter=" + quote(text, safe=""))).succeeded:
        raise NotJudged("the filter isn't taken in its other form either: see lookup.nobody")
    visit.expect(await visit.wire.send("GET", "/Users", "filter=" + quote_plus(text)), 200)
    return None


@check(
    "lookup.bad-filter",
    "What isn't a filter is refused",
    "should",
    "RFC 7644 section 3.4.2.2 and 3.12 (invalidFilter)",
    "Answer a filter that can't be parsed with 400 and scimType invalidFilter, never with a list.",
    writes=False,
)
async def bad_filter(visit: Visit) -> str | None:
    """A mistake in a filter isn't taken for the wish to see everybody."""
    if not visit.abilities.trusts_filter:
        raise NotJudged("filters are ignored: see lookup.narrows")
    answer = await visit.search("User", "userName eq")
    if answer.succeeded:
        raise Failed(f"`userName eq`, without a value, was answered with {answer.status}")
    visit.expect(answer, 400)
    said = documents.lookup(answer.document, "scimType")
    if said is ABSENT or str(said).lower() != "invalidfilter":
        raise Doubtful("it's refused with 400, but without scimType invalidFilter")
    return None


@check(
    "lookup.attributes",
    "`attributes` and `excludedAttributes` are heeded",
    "nice",
    "RFC 7644 section 3.9",
    "Return `id` and what `attributes` names, or all but what `excludedAttributes` names.",
)
async def attributes(visit: Visit) -> str | None:
    """A client can ask for less than everything."""
    somebody = await visit.somebody()
    few = (await visit.get("User", somebody.id, "attributes=userName")).document
    if documents.lookup(few, "userName") is ABSENT or documents.lookup(few, "id") is ABSENT:
        raise Failed("attributes=userName doesn't give userName and id")
    if documents.lookup(few, "emails") is not ABSENT:
        raise Failed("attributes=userName gives emails too")
    most = (await visit.get("User", somebody.id, "excludedAttributes=emails")).document
    if documents.lookup(most, "emails") is not ABSENT:
        raise Failed("excludedAttributes=emails gives emails")
    return None
