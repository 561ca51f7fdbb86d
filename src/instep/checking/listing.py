"""Checks of lists and pages (RFC 7644 section 3.4.2.4), of many at once, and of speed.

A list that isn't complete is the most dangerous answer of all: whoever isn't in it looks as if they were gone.
"""

import statistics

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Kind, Visit
from instep.scim import documents
from instep.scim.paths import quoted

PAGE = 5
"""`count` of the pages; Entra's onboarding checks ask for 5 of at least 11."""
MOST_PAGES = 40
"""In a larger app not all is read."""
AT_ONCE = 10


async def _walk(visit: Visit, kind: Kind) -> tuple[list[str], list[int], bool]:
    """Ids in their order, the totals that were stated, and whether it was read to its end."""
    ids: list[str] = []
    totals: list[int] = []
    for _ in range(MOST_PAGES):
        answer = await visit.wire.send("GET", f"/{kind}s", f"startIndex={len(ids) + 1}&count={PAGE}")
        page = [app_id for app_id, _ in visit.listed(answer)]
        totals.append(_total(answer.document))
        if not page:
            return ids, totals, True
        ids += page
    return ids, totals, False


def _total(document: dict[str, object]) -> int:
    stated = documents.lookup(document, "totalResults")
    if not isinstance(stated, int):
        raise Failed(f"totalResults is {stated!r}, not a number")
    return stated


@check(
    "paging.complete",
    "Pages show everybody, each once",
    "must",
    "RFC 7644 section 3.4.2.4; one of Entra's onboarding checks",
    "Heed startIndex (from 1) and count, over a stable order such as that of ids.",
    writes=False,
)
async def complete(visit: Visit) -> str | None:
    """The app's list can be believed: nobody is missing, nobody is in it twice."""
    if not visit.read_only:
        await visit.crowd()
    ids, _, ended = await _walk(visit, "User")
    if len(set(ids)) < len(ids):
        visit.learn(trusts_list=False)
        twice = next(app_id for number, app_id in enumerate(ids) if app_id in ids[:number])
        raise Failed(f"{twice} comes twice")
    if ended and not visit.read_only:
        missing = [made.name for made in await visit.crowd() if made.id not in ids]
        if missing:
            visit.learn(trusts_list=False)
            raise Failed(f"{len(missing)} who are there are on no page, such as {missing[0]}")
    return f"{len(ids)} users on pages of {PAGE}{'' if ended else ', and there are more'}"


@check(
    "paging.total",
    "totalResults is right",
    "must",
    "RFC 7644 section 3.4.2 (totalResults)",
    "State how many there are in all, on every page; not how many are on this page.",
    writes=False,
)
async def total(visit: Visit) -> str | None:
    """A client knows when it has seen everybody."""
    if not visit.read_only:
        await visit.crowd()
    ids, totals, ended = await _walk(visit, "User")
    if len(set(ids)) < len(ids):
        raise NotJudged("pages repeat: see paging.complete")
    if len(set(totals)) > 1:
        visit.learn(trusts_list=False)
        raise Failed(f"pages of one list say {', '.join(map(str, sorted(set(totals))))}")
    if ended and totals[0] != len(ids):
        visit.learn(trusts_list=False)
        raise Failed(f"it says {totals[0]}, and there are {len(ids)}")
    return None


@check(
    "paging.count",
    "A page holds no more than was asked for",
    "should",
    "RFC 7644 section 3.4.2.4 (count)",
    "Give at most `count` resources.",
    writes=False,
)
async def count(visit: Visit) -> str | None:
    """A client isn't given more than it can take."""
    if not visit.read_only:
        await visit.crowd()
    page = visit.listed(await visit.wire.send("GET", "/Users", "startIndex=1&count=2"))
    if len(page) > 2:
        raise Failed(f"2 were asked for, and {len(page)} came")
    return None


@check(
    "paging.none",
    "count=0 asks how many there are",
    "nice",
    "RFC 7644 section 3.4.2.4",
    "Answer count=0 with totalResults and no resources.",
    writes=False,
)
async def none(visit: Visit) -> str | None:
    """The number alone can be had."""
    answer = await visit.wire.send("GET", "/Users", "count=0")
    if visit.listed(answer):
        raise Failed("none were asked for, and some came")
    if _total(answer.document) == 0 and visit.made:
        raise Failed("it says that there's nobody")
    return None


@check(
    "paging.beyond",
    "A page beyond the end is empty",
    "should",
    "RFC 7644 section 3.4.2.4",
    "Answer 200 and an empty list; neither an error nor the last page again.",
    writes=False,
)
async def beyond(visit: Visit) -> str | None:
    """Reading on past the end ends."""
    answer = await visit.wire.send("GET", "/Users", f"startIndex=1000000000&count={PAGE}")
    if visit.listed(answer):
        raise Failed("resources came for startIndex=1000000000")
    return None


@check(
    "paging.before",
    "startIndex below 1 means 1",
    "nice",
    "RFC 7644 section 3.4.2.4",
    "Take 0 and negative numbers for 1.",
    writes=False,
)
async def before(visit: Visit) -> str | None:
    """A client that counts from 0 isn't refused."""
    visit.listed(await visit.wire.send("GET", "/Users", "startIndex=0&count=1"))
    return None


@check(
    "paging.groups",
    "Pages of groups show each once",
    "should",
    "RFC 7644 section 3.4.2.4; one of Entra's onboarding checks",
    "Page groups as users are paged.",
)
async def groups(visit: Visit) -> str | None:
    """The app's list of groups can be believed."""
    made = [await visit.group(word="paged") for _ in range(PAGE + 1)]
    ids, _, ended = await _walk(visit, "Group")
    if len(set(ids)) < len(ids):
        raise Failed("a group comes twice")
    if ended and (missing := [group.name for group in made if group.id not in ids]):
        raise Failed(f"{missing[0]} is on no page")
    return None


# ---------------------------------------------------------------------------------------- many at once


@check(
    "parallel.create",
    "Of ten creations of one user at once, one wins",
    "must",
    "RFC 7643 section 4.1.1 (userName is unique); RFC 7644 section 3.3",
    "Hold uniqueness by a unique index in the database; a look before the insert isn't enough.",
)
async def parallel_create(visit: Visit) -> str | None:
    """Nobody gets two accounts because two workers were quick."""
    if visit.facts.refuses_duplicates is False:
        raise NotJudged("duplicates aren't refused one after the other either: see create.duplicate")
    document = visit.person("race")
    answers = await visit.together([lambda: visit.post("User", document) for _ in range(AT_ONCE)])
    ids = {answer.app_id for answer in answers if answer.succeeded}
    if len(ids) > 1:
        raise Failed(f"{AT_ONCE} creations of one userName at once made {len(ids)} users")
    broken = [answer for answer in answers if answer.status is None or answer.status >= 500]
    if broken:
        raise Doubtful(f"{len(broken)} of them were answered with {broken[0].words}")
    if not ids:
        raise Failed("none of them was taken")
    return None


@check(
    "parallel.members",
    "Members who are added at once are all in",
    "should",
    "RFC 7644 section 3.5.2 (a PATCH is applied to the resource as it is)",
    "Lock the group while it's changed, or insert memberships one by one; don't read, change and write back.",
)
async def parallel_members(visit: Visit) -> str | None:
    """No addition is lost because another one came at the same time."""
    people = (await visit.crowd())[:AT_ONCE]
    group = await visit.group(word="race")
    answers = await visit.together(
        [
            lambda member=member: visit.patch(group, {"op": "add", "path": "members", "value": [{"value": member.id}]})
            for member in people
        ]
    )
    taken = [member for member, answer in zip(people, answers, strict=True) if answer.succeeded]
    if not taken:
        raise NotJudged("nobody could be added: see groups.add-members")
    await visit.has_members(group, *taken)
    if len(taken) < len(people):
        refused = next(answer for answer in answers if not answer.succeeded)
        raise Doubtful(f"{len(people) - len(taken)} of {len(people)} were refused, such as with {refused.words}")
    return None


# ----------------------------------------------------------------------------------------------- speed

ENOUGH = 25.0
"""Requests a second that Entra asks of an app."""
SLOW, TOO_SLOW = 1_000, 5_000
"""Milliseconds."""


@check(
    "speed.rate",
    "The app takes 25 requests a second",
    "should",
    "Entra's checklist: at least 25 requests a second for each tenant; RFC 6585 section 4",
    "Allow 25 requests a second; beyond the limit answer 429 with Retry-After.",
    writes=False,
)
async def rate(visit: Visit) -> str | None:
    """A first cycle of a thousand people takes minutes, and a limit says when to come back."""
    asked = f"userName eq {quoted(visit.nobody)}"
    began, throttled = visit.wire.clock.monotonic(), visit.wire.throttled
    for _ in range(3):
        await visit.together([lambda: visit.search("User", asked) for _ in range(AT_ONCE)])
    seconds = max(visit.wire.clock.monotonic() - began, 0.001)
    visit.facts.per_second = 3 * AT_ONCE / seconds
    if visit.wire.throttled_silently:
        raise Failed("a 429 came without Retry-After, so a client can only guess")
    if visit.facts.per_second < ENOUGH:
        why = "it asks for patience (429)" if visit.wire.throttled > throttled else f"{AT_ONCE} at once"
        raise Doubtful(f"{visit.facts.per_second:.1f} requests a second: {why}")
    return f"{visit.facts.per_second:.0f} requests a second, {AT_ONCE} at once"


@check(
    "speed.latency",
    "Answers come quickly",
    "should",
    "No standard; what a cycle's length comes from",
    "Put an index on userName and externalId; answer before mails and webhooks are sent.",
    writes=False,
)
async def latency(visit: Visit) -> str | None:
    """Half of all answers come within a second, whatever was asked."""
    answers = [answer for answer in visit.wire.answers if answer.status is not None]
    reads = [a.milliseconds for a in answers if a.method == "GET"]
    writes = [a.milliseconds for a in answers if a.method != "GET" and a.succeeded]
    visit.facts.read_ms = statistics.median(reads) if reads else None
    visit.facts.write_ms = statistics.median(writes) if writes else None
    for answer in answers:
        _see_limit(visit, answer.headers)
    parts = [f"reads {visit.facts.read_ms:.0f} ms"] if reads else []
    parts += [f"writes {visit.facts.write_ms:.0f} ms"] if writes else []
    said = ", ".join(parts) + " (median)"
    slowest = max(visit.facts.read_ms or 0, visit.facts.write_ms or 0)
    if slowest > TOO_SLOW:
        raise Failed(said)
    if slowest > SLOW:
        raise Doubtful(said)
    return said


def _see_limit(visit: Visit, headers: object) -> None:
    for name in ("RateLimit-Limit", "X-RateLimit-Limit", "X-Rate-Limit-Limit", "RateLimit-Policy"):
        value = headers.get(name) if hasattr(headers, "get") else None  # pyright: ignore[reportAttributeAccessIssue]
        if value:
            visit.facts.limits = f"{name}: {value}"
