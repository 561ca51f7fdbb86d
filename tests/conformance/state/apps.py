"""The exam of `State`: apps and their tokens."""

import msgspec
import pytest
from tests.conformance.state.values import APP, JOB, NOW, decision, entry, intent, keep_links, link, taken

from instep.core.subject import Kind
from instep.ports import CycleSummary, Judging, LeaseLost, Membership, Record, SpoolEntry, State, Watermark
from instep.scim.abilities import Abilities


class AppsExam:
    """Apps and their tokens."""

    def test_app_comes_back_as_it_was_saved(self, state: State) -> None:
        with state.writing() as writer:
            writer.save_app(APP, "secret")
            writer.save_app(msgspec.structs.replace(APP, name="aha", interval_minutes=5), None)
        with state.reading() as reader:
            assert reader.app(JOB) == APP
            assert [(a.name, a.interval_minutes) for a in reader.apps()] == [("aha", 5), (JOB, 40)]
            assert reader.app("nothing") is None
            assert reader.token("nothing") is None

    def test_token_comes_back_in_the_clear_and_stays_when_none_is_given(self, state: State) -> None:
        with state.writing() as writer:
            writer.save_app(APP, "first")
            writer.save_app(msgspec.structs.replace(APP, display_name="M"), None)
        with state.reading() as reader:
            assert reader.token(JOB) == "first"
            app = reader.app(JOB)
            assert app is not None
            assert app.display_name == "M"
        with state.writing() as writer:
            writer.save_app(APP, "second")
            assert writer.token(JOB) == "second"

    def test_schema_comes_back_as_it_was_and_the_last_one_counts(self, state: State) -> None:
        with state.writing() as writer:
            writer.save_app(APP, "secret")
            writer.save_schema(JOB, {"id": "old"})
            writer.save_schema(JOB, {"id": "ä", "directories": [], "more": {"deep": [None, 1, True]}})
        with state.reading() as reader:
            assert reader.schema(JOB) == {"id": "ä", "directories": [], "more": {"deep": [None, 1, True]}}
            assert reader.schema("nothing") is None

    def test_removed_app_leaves_nothing_but_its_log(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.save_app(APP, "secret")
            writer.save_schema(JOB, {"id": "schema"})
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW), Judging())
            writer.record(lease, [Record(link=link("u1"), log=entry("u1"), members=(Membership("g", "u1", "sent"),))])
            writer.intend(lease, [intent("u2")])
            writer.spool(lease, [SpoolEntry(decision("u3"), 1)])
            writer.end_cycle(lease, CycleSummary("c1", JOB, "initial", NOW), Watermark("e", 1), Abilities())
            writer.remove_app(JOB)
        with state.reading() as reader:
            assert reader.app(JOB) is None
            assert reader.token(JOB) is None
            assert reader.schema(JOB) is None
            assert reader.links(JOB, Kind.USER, ["u1"]) == {}
            assert reader.memberships(JOB, "g") == {}
            assert (reader.intents(JOB), list(reader.spooled(JOB)), reader.cycles(JOB)) == ([], [], [])
            assert reader.watermark(JOB) is None
            assert reader.abilities(JOB) is None
            assert [e.subject_id for e in reader.log(JOB)] == ["u1"]

    def test_lease_of_a_removed_app_never_fits_the_next_one_of_that_name(self, state: State) -> None:
        old = taken(state)
        with state.writing() as writer:
            writer.remove_app(JOB)
        new = taken(state, owner=old.owner)
        assert new.token > old.token
        with pytest.raises(LeaseLost):
            keep_links(state, old, [link("u1")])
