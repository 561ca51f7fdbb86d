"""The exam of `State`: the provisioning log."""

from typing import Any

import msgspec
from tests.conformance.state.values import HOUR, JOB, NOW, entry, keep, taken

from instep.core.change import AttributeChange, Step
from instep.core.record import Exchange
from instep.core.subject import Kind
from instep.ports import Record, State


class LogExam:
    """The provisioning log."""

    def test_entry_comes_back_with_its_sequence(self, state: State) -> None:
        whole = entry(
            "g1",
            kind=Kind.GROUP,
            app_id=None,
            status="failure",
            code="Conflict",
            reason="why",
            changes=(AttributeChange("active", True, None, "disable"),),
            members_added=3,
            members_removed=2,
            steps=(Step("export", "failure", "refused", {"status": 409}),),
            exchanges=(Exchange("POST", "/Users", {"a": [1]}, None, None, 12),),
            effects={"disable": 1, "membership-removal": 2},
            milliseconds=12,
        )
        keep(state, taken(state), Record(log=entry("u1")), Record(log=whole))
        with state.reading() as reader:
            logged = {e.subject_id: e for e in reader.log(JOB)}
        assert logged["g1"] == msgspec.structs.replace(whole, sequence=logged["g1"].sequence)
        assert {e.sequence for e in logged.values()} == {1, 2}

    def test_log_is_filtered(self, state: State) -> None:
        entries = [
            entry("1D", name="Ana@Example.test"),
            entry("2d", name="ANABEL@example.test", status="failure", action="update"),
            entry("3d", name="Bo", cycle="c2"),
            entry("4d", name="100%"),
            entry("1D", name="Ana@Example.test", action="update", cycle="c2"),
        ]
        lease = taken(state)
        for each in entries:
            keep(state, lease, Record(log=each))

        def found(**filters: Any) -> list[int]:
            with state.reading() as reader:
                return [e.sequence for e in reader.log(JOB, **filters)]

        assert found() == [1, 2, 3, 4, 5]
        assert found(person="1D") == [1, 5]
        assert found(person="aNA") == [1, 2, 5]
        assert found(person="ana@example.TEST") == [1, 5]
        assert found(person="1%") == []
        assert found(person="100%") == [4]
        assert found(status="failure") == [2]
        assert found(action="update") == [2, 5]
        assert found(cycle="c2") == [3, 5]
        assert found(cycle="c2", person="1D") == [5]
        assert found(after=3) == [4, 5]
        assert found(after=1, limit=2) == [2, 3]
        assert found(newest_first=True, limit=2) == [5, 4]
        assert found(limit=0) == []
        with state.reading() as reader:
            assert list(reader.log("aha")) == []

    def test_long_log_is_streamed_in_order_both_ways(self, state: State) -> None:
        keep(
            state,
            taken(state),
            *(Record(log=entry(f"u{i}", status="failure" if i % 3 else "success")) for i in range(1700)),
        )
        with state.reading() as reader:
            assert [e.sequence for e in reader.log(JOB)] == list(range(1, 1701))
            assert [e.sequence for e in reader.log(JOB, newest_first=True)] == list(range(1700, 0, -1))
            assert [e.sequence for e in reader.log(JOB, newest_first=True, limit=1100)] == list(range(1700, 600, -1))
            failed = [e.sequence for e in reader.log(JOB, status="failure")]
            assert failed == [i + 1 for i in range(1700) if i % 3]

    def test_effects_are_counted_since_a_time(self, state: State) -> None:
        lease = taken(state)
        keep(
            state,
            lease,
            Record(log=entry("u1", at=NOW - HOUR, effects={"disable": 1})),
            Record(log=entry("u2", at=NOW, effects={"disable": 1, "membership-removal": 5})),
            Record(log=entry("u3", at=NOW, effects={"membership-removal": 2})),
            Record(log=entry("u4", at=NOW)),
            # What somebody approved is no accident.
            Record(log=entry("u5", at=NOW, effects={"disable": 40}, initiator="approval")),
        )
        with state.reading() as reader:
            assert reader.effects_since(JOB, NOW - HOUR) == {"disable": 2, "membership-removal": 7}
            assert reader.effects_since(JOB, NOW) == {"disable": 1, "membership-removal": 7}
            assert reader.effects_since(JOB, NOW + HOUR) == {}
            assert reader.effects_since("aha", NOW) == {}
