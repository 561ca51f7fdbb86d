"""The faults that are planted, and which checks have to find each: those that name it, and no others.

A fault which several checks are about is found by several; what can't be judged because of it isn't a finding.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.checking.faulty_app import Call, Fault, Forward, refusal
from tests.serviceprovider.world import GROUP, PATCH, Answer

FAULTS: dict[str, tuple[Fault, dict[str, str]]] = {}
"""Name to fault and findings."""

EMPTIED = {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]}
FAILED, WARNING = "failed", "warning"


def plant(*failed: str, warned: tuple[str, ...] = ()) -> Callable[[Fault], Fault]:
    """Say which checks have to find a fault."""

    def register(fault: Fault) -> Fault:
        FAULTS[fault.__name__] = (fault, dict.fromkeys(failed, FAILED) | dict.fromkeys(warned, WARNING))
        return fault

    return register


def lists(answer: Answer) -> bool:
    return answer.status == 200 and isinstance(answer.body, dict) and "Resources" in answer.body


@plant("auth.without-token", "auth.wrong-token")
async def lets_everybody_in(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if answer.status == 401:
        return Answer(200, {"totalResults": 0, "Resources": []})
    return answer


@plant("transport.content-type")
async def says_that_it_is_text(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return replace(answer, headers={**answer.headers, "content-type": "text/plain"})


@plant("lookup.narrows", "groups.narrows")
async def ignores_filters(call: Call, forward: Forward) -> Answer:
    return await forward(call.but(query={k: v for k, v in call.query.items() if k != "filter"}))


@plant("lookup.nobody", "groups.offered")
async def says_404_for_nobody(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if "filter" in call.query and lists(answer) and not answer.body["totalResults"]:
        return refusal(404, "nobody found")
    return answer


@plant("lookup.one")
async def shows_twins(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if call.path == "/Users" and "filter" in call.query and lists(answer):
        twins = [{**each, "id": f"{each['id']}-twin"} for each in answer.body["Resources"]]
        answer.body["Resources"] += twins
        answer.body["totalResults"] += len(twins)
    return answer


@plant("lookup.user-name-case")
async def compares_user_names_exactly(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    asked = re.fullmatch(r'userName eq "([^"]*)"', call.query.get("filter", ""))
    if asked and lists(answer):
        kept = [each for each in answer.body["Resources"] if each["userName"] == asked[1]]
        answer.body.update(Resources=kept, totalResults=len(kept))
    return answer


@plant("lookup.odd-characters")
async def decodes_the_query_twice(call: Call, forward: Forward) -> Answer:
    text = call.query.get("filter", "").replace("+", " ")
    return await forward(call.but(query={**call.query, "filter": text} if text else call.query))


@plant("create.status")
async def creates_with_200(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return replace(answer, status=200) if answer.status == 201 else answer


@plant("create.location")
async def says_no_location(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return replace(answer, headers={n: v for n, v in answer.headers.items() if n.lower() != "location"})


@plant("create.external-id", "lookup.external-id")
async def forgets_external_ids(call: Call, forward: Forward) -> Answer:
    if call.method != "POST" or call.kind != "Users" or not call.body.startswith(b'{"schemas": ["'):
        return await forward(call)
    document = {name: value for name, value in call.document.items() if name != "externalId"}
    return await forward(call.but(document=document))


@plant("create.duplicate")
async def answers_a_duplicate_as_if_it_were_new(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if call.method == "POST" and call.kind == "Users" and answer.status == 409:
        asked = {"filter": f"userName eq {json.dumps(call.document['userName'])}"}
        held = await forward(call.but(method="GET", query=asked, body=b""))
        return replace(held, status=201, body=held.body["Resources"][0])
    return answer


@plant("create.duplicate-type")
async def refuses_duplicates_without_a_type(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return refusal(409, "taken") if answer.status == 409 else answer


@plant(warned=("create.unicode",))
async def normalises_text(call: Call, forward: Forward) -> Answer:
    text = call.body.decode("utf-8", "replace")
    return await forward(call.but(body=unicodedata.normalize("NFC", text).encode()))


@plant("create.unicode")
async def loses_emoji(call: Call, forward: Forward) -> Answer:
    text = call.body.decode("utf-8", "replace")
    return await forward(call.but(body="".join("?" if c > "\uffff" else c for c in text).encode()))


@plant("create.long")
async def cuts_long_values(call: Call, forward: Forward) -> Answer:
    return await forward(call.but(body=re.sub(rb"n{256,}", b"n" * 255, call.body)))


@plant("create.inactive")
async def creates_everybody_active(call: Call, forward: Forward) -> Answer:
    if call.method == "POST":
        return await forward(call.but(body=call.body.replace(b'"active": false', b'"active": true')))
    return await forward(call)


@plant("patch.capitals", "groups.add-by-entra")
async def knows_small_letters_only(call: Call, forward: Forward) -> Answer:
    if any(operation["op"] != operation["op"].lower() for operation in call.operations):
        return refusal(400, "op isn't known")
    return await forward(call)


@plant("patch.several", warned=("patch.all-or-nothing",))
async def does_the_first_operation_only(call: Call, forward: Forward) -> Answer:
    if len(call.operations) > 1:
        return await forward(call.but(document={"schemas": [PATCH], "Operations": call.operations[:1]}))
    return await forward(call)


@plant("patch.all-or-nothing")
async def leaves_things_half_done(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if len(call.operations) > 1 and answer.status == 400:
        await forward(call.but(document={"schemas": [PATCH], "Operations": call.operations[:1]}))
    return answer


@plant("patch.no-path", warned=("patch.dotted-keys",))
async def wants_a_path(call: Call, forward: Forward) -> Answer:
    if any("path" not in operation for operation in call.operations):
        return refusal(400, "a path is required")
    return await forward(call)


@plant("disable.string")
async def takes_any_text_for_true(call: Call, forward: Forward) -> Answer:
    return await forward(call.but(body=call.body.replace(b'"value": "False"', b'"value": true')))


@plant("disable.kept")
async def deletes_who_is_disabled(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if call.method == "PATCH" and call.kind == "Users" and answer.status == 200 and not answer.body["active"]:
        await forward(call.but(method="DELETE", body=b""))
    return answer


@plant("disable.found")
async def hides_who_is_disabled(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if call.path == "/Users" and "filter" in call.query and lists(answer):
        answer.body["Resources"] = [each for each in answer.body["Resources"] if each["active"]]
    return answer


@plant("disable.restore")
async def enables_nobody_again(call: Call, forward: Forward) -> Answer:
    if any(o.get("path") == "active" and o.get("value") is True for o in call.operations):
        return refusal(403, "ask an administrator")
    return await forward(call)


@plant("delete.gone", "groups.delete")
async def deletes_nothing(call: Call, forward: Forward) -> Answer:
    return Answer(204, None) if call.method == "DELETE" else await forward(call)


@plant("delete.again")
async def fails_when_nobody_is_there_to_delete(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return refusal(500, "null pointer") if call.method == "DELETE" and answer.status == 404 else answer


@plant("groups.remove-by-path", "groups.remove-stranger")
async def empties_the_group_for_one_member(call: Call, forward: Forward) -> Answer:
    if any(operation.get("path", "").startswith("members[") for operation in call.operations):
        return await forward(
            call.but(document={"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]})
        )
    return await forward(call)


@plant(warned=("groups.remove-by-list",))
async def reads_the_rfc_strictly(call: Call, forward: Forward) -> Answer:
    if any(o["op"].lower() == "remove" and o.get("path") == "members" for o in call.operations):
        return await forward(
            call.but(document={"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]})
        )
    return await forward(call)


@plant("groups.exclude-members")
async def always_sends_members(call: Call, forward: Forward) -> Answer:
    return await forward(
        call.but(
            query={k: v for k, v in call.query.items() if k != "excludedAttributes"}
            if call.kind == "Groups"
            else call.query
        )
    )


@plant("groups.members-in-create")
async def drops_members_of_new_groups(call: Call, forward: Forward) -> Answer:
    if call.method == "POST" and call.kind == "Groups":
        return await forward(call.but(document={"schemas": [GROUP], "displayName": call.document["displayName"]}))
    return await forward(call)


@plant("paging.total")
async def counts_one_too_many(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if lists(answer) and "filter" not in call.query and call.kind == "Users":
        answer.body["totalResults"] += 1
    return answer


@plant("paging.complete", "paging.beyond", "paging.groups")
async def gives_the_first_page_for_ever(call: Call, forward: Forward) -> Answer:
    return await forward(call.but(query={k: v for k, v in call.query.items() if k != "startIndex"}))


@plant("paging.complete", "paging.groups")
async def leaves_people_out_of_pages(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    if lists(answer) and "filter" not in call.query and call.query.get("count") == "5":
        answer.body["Resources"] = [each for each in answer.body["Resources"] if _number(each) % 5]
    return answer


def _number(resource: dict[str, Any]) -> int:
    return int(re.findall(r"instep-check-\w+-(\d+)-", json.dumps(resource))[0])


@plant("parallel.members")
async def reads_changes_and_writes_back(call: Call, forward: Forward) -> Answer:
    operations = call.operations
    if call.kind == "Groups" and len(operations) == 1 and operations[0]["op"].lower() == "add":
        held = await forward(call.but(method="GET", body=b""))
        await asyncio.sleep(0.02)
        known = [each["value"] for each in held.body.get("members", [])]
        added = [each["value"] for each in operations[0]["value"]]
        value = [{"value": each} for each in dict.fromkeys([*known, *added])]
        written = [{"op": "replace", "path": "members", "value": value}]
        return await forward(call.but(document={"schemas": [PATCH], "Operations": written}))
    return await forward(call)


@plant("errors.form")
async def says_errors_in_words(call: Call, forward: Forward) -> Answer:
    answer = await forward(call)
    return replace(answer, body="not found") if answer.status == 404 else answer


@plant("versions.if-match")
async def overwrites_what_is_newer(call: Call, forward: Forward) -> Answer:
    return await forward(call.but(headers={n: v for n, v in call.headers.items() if n != "If-Match"}))
