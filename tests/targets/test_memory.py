"""The app in memory: faults go wrong the way they are told to."""

import pytest

from instep.core.change import AttributeChange
from instep.core.outcome import Done, RetryLater, Unknown
from instep.core.subject import Kind
from instep.ports import AppUnavailable
from instep.targets.memory import Call, Fault, MemoryTarget

ADA = {"userName": "ada@example.test"}


async def test_a_write_can_be_carried_out_and_its_answer_lost() -> None:
    target = MemoryTarget(hook=lambda call: Fault(Unknown("cut", "Timeout"), True) if call.method == "create" else None)
    answer = await target.create(Kind.USER, ADA)
    assert isinstance(answer.outcome, Unknown)
    assert answer.app_id is None
    assert [r.document["userName"] for r in await target.find(Kind.USER, "userName", "ADA@example.test")] == [
        "ada@example.test"
    ]


async def test_a_write_can_be_refused_without_being_carried_out() -> None:
    target = MemoryTarget(hook=lambda call: Fault(RetryLater("busy", "TooManyRequests", 7, True)))
    assert isinstance((await target.create(Kind.USER, ADA)).outcome, RetryLater)
    assert target.content(Kind.USER) == {}


async def test_a_fault_of_a_read_is_an_app_that_cant_be_reached() -> None:
    target = MemoryTarget(hook=lambda call: Fault(RetryLater("down", "Timeout")))
    with pytest.raises(AppUnavailable, match="down"):
        await target.find(Kind.USER, "userName", "ada")


async def test_every_call_is_written_down_also_those_that_failed() -> None:
    def unwell(call: Call) -> Fault | None:
        return Fault(Unknown("cut", "Timeout")) if call.method == "update" else None

    target = MemoryTarget(hook=unwell)
    await target.create(Kind.USER, ADA)
    await target.update(Kind.USER, "user-1", [AttributeChange("title", None, "x")])
    assert [(call.method, call.app_id) for call in target.calls] == [("create", None), ("update", "user-1")]
    assert target.requests == 2


async def test_groups_may_share_a_name_unless_told_otherwise() -> None:
    for unique, conflicts in [(False, 0), (True, 1)]:
        target = MemoryTarget(unique_groups=unique)
        answers = [await target.create(Kind.GROUP, {"displayName": "Maths"}) for _ in range(2)]
        assert sum(not isinstance(answer.outcome, Done) for answer in answers) == conflicts


async def test_what_vanishes_leaves_its_groups_and_frees_its_name() -> None:
    target = MemoryTarget()
    ada = target.put(Kind.USER, ADA)
    group = target.put(Kind.GROUP, {"displayName": "Maths"}, [ada])
    target.remove(Kind.USER, ada)
    assert target.members_of(group) == []
    assert isinstance((await target.create(Kind.USER, ADA)).outcome, Done)
