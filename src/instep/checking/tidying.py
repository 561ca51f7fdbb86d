"""Tidying up: what a visit made is removed, whatever ended it.

Only what is in the visit's ledger is deleted, and what a look-up of one of its own names brings up; both have its
prefix. That something is gone is believed when a read says so. What stays is named.
"""

import asyncio
from collections.abc import Sequence

from instep.checking.finding import Failed, Leftover
from instep.checking.visit import NAMED_BY, Kind, Visit
from instep.checking.wire import Answer
from instep.scim.paths import quoted

_AT_ONCE = 4
_PAGES = 40
_ROUNDS = 3
_BETWEEN = 1.0
"""Seconds before another round."""


async def tidy(visit: Visit) -> list[Leftover]:
    """Remove everything of ours; what couldn't be removed, with the app's words.

    There's another round where an answer said that it may go better later, and where a creation was never answered:
    it may have been carried out only now.
    """
    left: list[Leftover] = []
    for number in range(_ROUNDS):
        if number:
            await visit.wire.clock.sleep(_BETWEEN)
        unanswered = list(visit.asked)
        start = len(visit.wire.answers)
        left = [lost for kind, name in unanswered if (lost := await _find(visit, kind, name))]
        left += await _delete_all(visit)
        passing = any(_passing(answer) for answer in visit.wire.answers[start:])
        if not (left and passing) and not (unanswered and not number):
            break
    return left


def _passing(answer: Answer) -> bool:
    status = answer.error_within or answer.status
    return status is None or status == 429 or (status >= 500 and status != 501) or answer.error_within is not None


async def _delete_all(visit: Visit) -> list[Leftover]:
    """Delete all that is in the ledger; what is still there."""
    left: list[Leftover] = []
    kinds: tuple[Kind, ...] = ("Group", "User")
    for kind in kinds:
        ids = [app_id for known, app_id in visit.made if known == kind]
        said: dict[str, str] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            words = await asyncio.gather(*(_delete(visit, kind, app_id) for app_id in some))
            said |= {app_id: word for app_id, word in zip(some, words, strict=True) if word}
        said |= await _still_there(visit, kind, [app_id for app_id in ids if app_id not in said])
        left += [Leftover(kind, visit.made[kind, app_id], app_id, word) for app_id, word in said.items()]
        for app_id in ids:
            if app_id not in said:
                del visit.made[kind, app_id]
    return left


async def _delete(visit: Visit, kind: Kind, app_id: str) -> str:
    """Empty when the app says that it's gone, else its words."""
    answer = await visit.change("DELETE", kind, app_id)
    status = answer.error_within or answer.status
    if status in (404, 410) or (answer.succeeded and answer.error_within is None):
        return ""
    within = f", and an error {answer.error_within} in the body" if answer.error_within else ""
    return f"DELETE was answered with {answer.words}{within}"


async def _still_there(visit: Visit, kind: Kind, ids: Sequence[str]) -> dict[str, str]:
    """Those that can still be read. All are looked at only where the first or the last one is there."""
    ends = dict.fromkeys((*ids[:1], *ids[-1:]))
    if not [app_id for app_id in ends if (await visit.get(kind, app_id)).status == 200]:
        return {}
    return {
        app_id: "DELETE was answered as if it were gone"
        for app_id in ids
        if (await visit.get(kind, app_id)).status == 200
    }


async def _find(visit: Visit, kind: Kind, name: str) -> Leftover | None:
    """Enter in the ledger what a creation without a clear answer may have made; told when that can't be found out."""
    try:
        listed = visit.listed(await visit.search(kind, f"{NAMED_BY[kind]} eq {quoted(name)}"))
        if not visit.abilities.trusts_filter:
            listed += await _everybody(visit, kind)
    except Failed as failed:
        return Leftover(kind, name, "", f"whether it was made can't be found out: {failed}")
    for app_id, document in listed:
        if visit.ours(document):
            visit.made.setdefault((kind, app_id), name)
    return None


async def _everybody(visit: Visit, kind: Kind) -> list[tuple[str, dict[str, object]]]:
    found: list[tuple[str, dict[str, object]]] = []
    for _ in range(_PAGES):
        page = visit.listed(await visit.wire.send("GET", f"/{kind}s", f"startIndex={len(found) + 1}&count=100"))
        if not page or page[0][0] in {app_id for app_id, _ in found}:
            break
        found += page
    return found
