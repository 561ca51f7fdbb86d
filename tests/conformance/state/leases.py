"""The exam of `State`: leases and their fencing tokens."""

from datetime import timedelta

import msgspec
import pytest
from tests.conformance.state.values import HOUR, JOB, NOW, decision, entry, intent, keep_links, link, taken

from instep.core.subject import Kind
from instep.ports import CycleSummary, Judging, LeaseLost, LeaseTaken, Record, SpoolEntry, State, Watermark
from instep.scim.abilities import Abilities


class LeasesExam:
    """Leases and their fencing tokens."""

    def test_lease_is_refused_while_another_one_runs_and_can_be_had_when_it_has_run_out(self, state: State) -> None:
        first = taken(state, "one")
        with state.writing() as writer, pytest.raises(LeaseTaken) as refused:
            writer.take_lease(JOB, "two", NOW + HOUR - timedelta(seconds=1), 60)
        assert (refused.value.owner, refused.value.until) == ("one", NOW + HOUR)
        with state.writing() as writer:
            second = writer.take_lease(JOB, "two", NOW + HOUR, 60)
        assert second.token > first.token
        with state.reading() as reader:
            assert reader.lease(JOB) == second

    def test_lease_of_a_worker_known_to_be_dead_is_taken_over_at_once(self, state: State) -> None:
        first = taken(state, "one")
        with state.writing() as writer:
            with pytest.raises(LeaseTaken):
                writer.take_lease(JOB, "two", NOW, 60, over="somebody else")
            assert writer.take_lease(JOB, "two", NOW, 60, over="one").token > first.token

    def test_holder_may_take_its_lease_again_and_the_earlier_one_is_fenced_off(self, state: State) -> None:
        first, second = taken(state), taken(state)
        assert second.token > first.token
        keep_links(state, second, [link("u1")])
        with pytest.raises(LeaseLost):
            keep_links(state, first, [link("u2")])

    def test_renewed_lease_keeps_its_token_and_runs_longer(self, state: State) -> None:
        first = taken(state)
        with state.writing() as writer:
            renewed = writer.renew_lease(first, NOW + HOUR, 60)
        assert renewed == msgspec.structs.replace(first, until=NOW + HOUR + timedelta(seconds=60))
        keep_links(state, first, [link("u1")])
        with state.reading() as reader:
            assert reader.lease(JOB) == renewed

    def test_lease_given_back_is_free_at_once_and_its_token_isnt_given_again(self, state: State) -> None:
        first = taken(state, "one")
        with state.writing() as writer:
            writer.give_lease_back(first)
            assert writer.lease(JOB) is None
            assert writer.take_lease(JOB, "two", NOW, 60).token > first.token
            with pytest.raises(LeaseLost):
                writer.give_lease_back(first)

    def test_leases_of_two_jobs_have_nothing_to_do_with_each_other(self, state: State) -> None:
        one, other = taken(state, "one"), taken(state, "two", job="aha")
        keep_links(state, one, [link("u1")])
        keep_links(state, other, [link("u1")])
        with pytest.raises(LeaseLost):
            keep_links(state, msgspec.structs.replace(one, job="aha"), [link("u2")])

    def test_whoever_lost_the_lease_writes_nothing(self, state: State) -> None:
        lost = taken(state, "one")
        summary = CycleSummary("c1", JOB, "initial", NOW)
        with state.writing() as writer:
            kept = writer.take_lease(JOB, "two", NOW, 60, over="one")
            writer.begin_cycle(kept, summary, Judging())
            writer.spool(kept, [SpoolEntry(decision("u1"), 1)])
        with state.writing() as writer:
            writes = [
                lambda: writer.renew_lease(lost, NOW, 60),
                lambda: writer.give_lease_back(lost),
                lambda: writer.begin_cycle(lost, CycleSummary("c2", JOB, "initial", NOW), Judging()),
                lambda: writer.end_cycle(lost, summary, Watermark("e", 1), Abilities()),
                lambda: writer.spool(lost, [SpoolEntry(decision("u2"), 1)]),
                lambda: writer.unspool(lost, [(Kind.USER, "u1")]),
                lambda: writer.intend(lost, [intent("u1")]),
                lambda: writer.record(lost, [Record(link=link("u1"), log=entry("u1"))]),
            ]
            for write in writes:
                with pytest.raises(LeaseLost, match="two"):
                    write()
        with state.reading() as reader:
            assert reader.lease(JOB) == kept
            assert [c.id for c in reader.cycles(JOB)] == ["c1"]
            assert [e.decision.subject_id for e in reader.spooled(JOB)] == ["u1"]
            assert reader.watermark(JOB) is None
            assert (reader.intents(JOB), list(reader.log(JOB)), reader.counts(JOB)) == ([], [], {})
