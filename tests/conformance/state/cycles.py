"""The exam of `State`: cycles, the spool and intents."""

import msgspec
from tests.conformance.state.values import HOUR, JOB, NOW, decision, intent, keep, taken

from instep.core.change import Adopt, AttributeChange, Create, Step, Update
from instep.core.job import FULL_RESET
from instep.core.subject import Kind
from instep.ports import CycleSummary, Judging, Record, SpoolEntry, State, Watermark
from instep.scim.abilities import Abilities


class CyclesExam:
    """Cycles, the spool and intents."""

    def test_beginning_a_cycle_empties_the_spool_of_that_job_alone(self, state: State) -> None:
        lease, other = taken(state), taken(state, job="aha")
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision("u1"), 1)])
            writer.spool(other, [SpoolEntry(decision("u2"), 1)])
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW), Judging())
            assert list(writer.spooled(JOB)) == []
            assert len(list(writer.spooled("aha"))) == 1

    def test_ended_cycle_keeps_summary_watermark_and_abilities(self, state: State) -> None:
        lease = taken(state)
        begun = CycleSummary("c1", JOB, "initial", NOW)
        with state.reading() as reader:
            assert reader.watermark(JOB) is None
            assert reader.abilities(JOB) is None
        ended = msgspec.structs.replace(
            begun, ended=NOW + HOUR, result="failures", counts={"create": 3, "failure": 1}, message="m"
        )
        learnt = Abilities(page_size=7, dialect="entra", patch=False)
        with state.writing() as writer:
            writer.begin_cycle(lease, begun, Judging())
            assert writer.cycles(JOB) == [begun]
            writer.end_cycle(lease, ended, Watermark("epoch", 42), learnt)
        with state.reading() as reader:
            assert reader.cycles(JOB) == [ended]
            assert reader.watermark(JOB) == Watermark("epoch", 42)
            assert reader.abilities(JOB) == learnt
        with state.writing() as writer:
            writer.end_cycle(lease, ended, None, Abilities())
            assert writer.watermark(JOB) == Watermark("epoch", 42)
            assert writer.abilities(JOB) == Abilities()

    def test_cycle_that_was_cut_off_is_called_interrupted_when_the_next_begins(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW), Judging())
            writer.begin_cycle(lease, CycleSummary("c2", JOB, "initial", NOW + HOUR), Judging())
            assert [(c.id, c.result) for c in writer.cycles(JOB)] == [("c2", "running"), ("c1", "interrupted")]
            assert [c.id for c in writer.cycles(JOB, limit=1)] == ["c2"]

    def test_what_links_are_judged_by_is_kept_as_a_cycle_begins_and_is_whole_as_one_goes_through(
        self, state: State
    ) -> None:
        lease, cycle = taken(state), CycleSummary("c1", JOB, "initial", NOW)
        changed = Judging("v2", "1.0", changed=True)
        with state.writing() as writer:
            assert writer.judging(JOB) == Judging()
            writer.begin_cycle(lease, cycle, changed)
            writer.end_cycle(lease, cycle, None, Abilities())
            assert writer.judging(JOB) == changed, "it was cut off"
            writer.end_cycle(lease, cycle, Watermark("epoch", 1), Abilities())
            assert writer.judging(JOB) == Judging("v2", "1.0")
            writer.begin_cycle(lease, cycle, changed)
            writer.carry_out_reset(lease, FULL_RESET)
            assert writer.watermark(JOB) is None
            assert writer.judging(JOB) == changed, "a restart forgets how far the job was, and nothing else"
            writer.remove_app(JOB)
            assert writer.judging(JOB) == Judging()

    def test_spool_is_read_by_priority_then_ordinal(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            places = [("u1", 5, 2), ("u2", 1, 9), ("u3", 5, 1), ("u4", 1, 3)]
            writer.spool(lease, [SpoolEntry(decision(i), priority, ordinal) for i, priority, ordinal in places])
        with state.reading() as reader:
            assert [e.decision.subject_id for e in reader.next_in_spool(JOB, 3)] == ["u4", "u2", "u3"]
            assert [e.decision.subject_id for e in reader.spooled(JOB)] == ["u4", "u2", "u3", "u1"]

    def test_long_spool_is_streamed_whole(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision(f"u{i:04d}"), i % 3, i % 7) for i in range(2345)])
        with state.reading() as reader:
            seen = [(e.priority, e.ordinal, e.decision.subject_id) for e in reader.spooled(JOB)]
        assert seen == sorted(seen)
        assert len(set(seen)) == 2345

    def test_spooled_decision_comes_back_as_it_was_and_a_later_one_replaces_it(self, state: State) -> None:
        lease = taken(state)
        whole = decision(
            "g1",
            Update((AttributeChange("displayName", None, "x", "rename"),), ("u1",), ("u2",), ("app-9",)),
            Kind.GROUP,
            app_id="a1",
            trace=(Step("scoping", "success", "in scope", {"grants": [1]}),),
            after=("u1",),
            pending=("u3",),
            match=(("displayName", "x"),),
            redacted=("title",),
        )
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision("g1", kind=Kind.GROUP), 1), SpoolEntry(decision("g1"), 2)])
            writer.spool(lease, [SpoolEntry(whole, 3, 4, approved=True)])
        with state.reading() as reader:
            assert reader.waiting(JOB, Kind.GROUP, ["g1", "g2"]) == {"g1": SpoolEntry(whole, 3, 4, approved=True)}
            assert reader.next_in_spool(JOB, 9)[-1].decision.digest == whole.digest
            assert len(list(reader.spooled(JOB))) == 2

    def test_unspooled_decisions_are_gone_and_others_stay(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision(i), 1) for i in ("u1", "u2")])
            writer.unspool(lease, [(Kind.USER, "u1"), (Kind.GROUP, "u2"), (Kind.USER, "nobody")])
            assert [e.decision.subject_id for e in writer.spooled(JOB)] == ["u2"]

    def test_coming_are_those_whose_spooled_decision_makes_an_account(self, state: State) -> None:
        lease = taken(state)
        changes = {"u1": Create({}), "u2": Adopt("a2", {}), "u3": Update()}
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision(i, change), 1) for i, change in changes.items()])
        with state.reading() as reader:
            assert reader.coming(JOB, Kind.USER, ["u1", "u2", "u3", "u4"]) == {"u1", "u2"}
            assert reader.coming(JOB, Kind.GROUP, ["u1"]) == set()

    def test_intents_take_their_decisions_off_the_spool_until_they_are_settled(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision(i), 1) for i in ("u1", "u2", "u3")])
            writer.intend(lease, [intent("u1"), intent("u2")])
        with state.reading() as reader:
            assert reader.intents(JOB) == [intent("u1"), intent("u2")]
            assert reader.under_way(JOB, Kind.USER, ["u1", "u3"]) == {"u1"}
            assert reader.under_way(JOB, Kind.GROUP, ["u1"]) == set()
            assert [e.decision.subject_id for e in reader.spooled(JOB)] == ["u3"]
        keep(state, lease, Record(settled=(Kind.USER, "u1")), Record(settled=(Kind.GROUP, "u2")))
        with state.reading() as reader:
            assert reader.intents(JOB) == [intent("u2")]
