"""The exam of `State`: links, holds and escrow."""

from datetime import timedelta, timezone

import msgspec
import pytest
from tests.conformance.state.values import (
    HOUR,
    JOB,
    NOW,
    due,
    entry,
    group,
    held,
    intent,
    keep,
    keep_links,
    link,
    taken,
)

from instep.core.guard import Population
from instep.core.link import Hold, Link, Status
from instep.core.subject import Kind
from instep.ports import AlreadyLinked, Membership, Record, State


class LinksExam:
    """Links, holds and escrow."""

    def test_link_comes_back_as_it_was_kept(self, state: State) -> None:
        lease = taken(state)
        whole = Link(
            Kind.USER,
            "u1",
            "Ørsted 王 'quoted'; --",
            Status.DISABLED,
            "a1",
            sent={"active": False, "emails": [{"type": "work", "value": None}], "n": 1.5},
            returned={"userName": "x"},
            unknown=frozenset({"title", "active"}),
            adopted=True,
            seed="s",
            seq=2**40,
            rules_version="v1",
            failures=3,
            first_failure=NOW - HOUR,
            next_try=NOW + HOUR,
            last_error="no",
            hold=Hold("d", "disable", "why", NOW, "rejected"),
        )
        bare = Link(Kind.USER, "u2", "bare")
        keep_links(state, lease, [whole, bare])
        with state.reading() as reader:
            assert reader.links(JOB, Kind.USER, ["u2", "u1", "none"]) == {"u1": whole, "u2": bare}
            assert reader.links(JOB, Kind.GROUP, ["u1"]) == {}
            assert reader.links("aha", Kind.USER, ["u1"]) == {}
        calm = msgspec.structs.replace(bare, subject_id="u1", name="renamed", app_id="a1")
        keep_links(state, lease, [calm])
        with state.reading() as reader:
            assert reader.links(JOB, Kind.USER, ["u1"]) == {"u1": calm}

    def test_times_mean_the_same_instant_whatever_zone_they_came_in(self, state: State) -> None:
        there = (NOW + HOUR).astimezone(timezone(timedelta(hours=9)))
        keep_links(state, taken(state), [link("u1", failures=1, next_try=there)])
        assert due(state, NOW + HOUR - timedelta(microseconds=1)) == []
        assert due(state, NOW + HOUR) == [(Kind.USER, "u1")]

    def test_ids_come_ascending_in_pages_and_links_by_the_thousand(self, state: State) -> None:
        ids = [f"{i:05d}" for i in range(2500)]
        keep_links(state, taken(state), (link(i) for i in reversed(ids)))
        with state.reading() as reader:
            pages = list(reader.link_ids(JOB, Kind.USER))
            assert len(pages) > 1
            assert [i for page in pages for i in page] == ids
            assert list(reader.link_ids(JOB, Kind.GROUP)) == []
            assert len(reader.links(JOB, Kind.USER, ids)) == 2500
            assert len(reader.owners(JOB, Kind.USER, [f"app-{i}" for i in ids])) == 2500

    def test_ids_sort_as_text_sorts_in_python(self, state: State) -> None:
        ids = ["a", "B", "ä", "é", "z", "Z", "-", "0", "王"]
        keep_links(state, taken(state), (link(i) for i in ids))
        with state.reading() as reader:
            assert [i for page in reader.link_ids(JOB, Kind.USER) for i in page] == sorted(ids)

    def test_owners_are_found_living_or_dead(self, state: State) -> None:
        gone = link("u2", status=Status.GONE)
        keep_links(state, taken(state), [link("u1"), gone, group("g1", "app-u1")])
        with state.reading() as reader:
            assert reader.owners(JOB, Kind.USER, ["app-u2", "app-u1", "app-x"]) == {
                "app-u1": link("u1"),
                "app-u2": gone,
            }
            assert reader.owners(JOB, Kind.GROUP, ["app-u1"]) == {"app-u1": group("g1", "app-u1")}

    def test_accounts_are_those_of_living_links_of_both_kinds(self, state: State) -> None:
        statuses = [link(status.value, status=status) for status in Status]
        keep_links(state, taken(state), [*statuses, link("none", None, status=Status.ACTIVE), group("g1")])
        asked = [*(s.value for s in Status), "none", "g1"]
        with state.reading() as reader:
            alive = {"active": "app-active", "disabled": "app-disabled", "released": "app-released", "g1": "app-g1"}
            assert reader.accounts(JOB, asked) == alive
            assert reader.accounts(JOB, ["g1"]) == {"g1": "app-g1"}

    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.GONE])
    def test_app_id_of_another_subject_is_refused_and_nothing_is_written(self, state: State, status: Status) -> None:
        lease = taken(state)
        keep_links(state, lease, [link("u1", "shared", status=status)])
        newcomer = Record(link=link("u2", "shared"), log=entry("u2"), settled=(Kind.USER, "u2"))
        with state.writing() as writer:
            writer.intend(lease, [intent("u2")])
            with pytest.raises(AlreadyLinked) as refused:
                writer.record(lease, [Record(link=link("u3"), log=entry("u3")), newcomer])
        assert (refused.value.app_id, refused.value.subject_id) == ("shared", "u1")
        with state.reading() as reader:
            assert reader.counts(JOB) == {(Kind.USER, status): 1}
            assert list(reader.log(JOB)) == []
            assert [i.subject_id for i in reader.intents(JOB)] == ["u2"]

    def test_app_id_twice_in_one_batch_is_refused_too(self, state: State) -> None:
        with pytest.raises(AlreadyLinked):
            keep_links(state, taken(state), [link("u1", "shared"), link("u2", "shared")])

    def test_same_app_id_is_free_in_another_kind_and_another_job(self, state: State) -> None:
        keep_links(state, taken(state), [link("u1", "x"), group("g1", "x")])
        keep_links(state, taken(state, job="aha"), [link("u2", "x")])

    def test_any_number_of_links_may_have_no_app_id(self, state: State) -> None:
        keep_links(state, taken(state), [link("u1", None), link("u2", None)])

    def test_population_counts_active_users_and_groups_and_memberships_that_were_sent(self, state: State) -> None:
        lease = taken(state)
        users = [link("u1"), link("u2"), link("u3", status=Status.DISABLED), link("u4", None)]
        groups = [group("g1"), group("g2", status=Status.GONE)]
        rows = (Membership("g1", "u1", "sent"), Membership("g1", "u2", "pending"), Membership("g1", "u3", "unknown"))
        keep_links(state, lease, [*users, *groups])
        keep(state, lease, Record(members=rows))
        with state.reading() as reader:
            assert reader.population(JOB) == Population(users=2, groups=1, memberships=1, linked=3)
            assert reader.population("aha") == Population()
            assert reader.counts(JOB) == {
                (Kind.USER, "active"): 2,
                (Kind.USER, "disabled"): 1,
                (Kind.USER, "unlinked"): 1,
                (Kind.GROUP, "active"): 1,
                (Kind.GROUP, "gone"): 1,
            }

    def test_holds_are_judged_by_digest(self, state: State) -> None:
        lease = taken(state)
        keep_links(state, lease, [held(link("u1"), "d1"), held(link("u2"), "d2"), held(link("u3"), "d3"), link("u4")])
        with state.writing() as writer:
            assert writer.judge_holds(JOB, {"d1": "approved", "d2": "rejected", "dx": "approved"}) == 2
            assert writer.judge_holds("aha", {"d3": "approved"}) == 0
            with pytest.raises(ValueError, match="maybe"):
                writer.judge_holds(JOB, {"d3": "maybe"})
        with state.reading() as reader:
            verdicts = {of.subject_id: hold.verdict for of, hold in reader.holds(JOB)}
            assert verdicts == {"u1": "approved", "u2": "rejected", "u3": "waiting"}
        assert due(state) == [(Kind.USER, "u1")]

    def test_what_waits_is_counted_by_its_effects_and_what_was_judged_is_not(self, state: State) -> None:
        def waiting(subject_id: str, effects: dict[str, int], verdict: str = "waiting") -> Link:
            base = held(link(subject_id), subject_id, verdict)
            return msgspec.structs.replace(base, hold=base.hold and msgspec.structs.replace(base.hold, effects=effects))

        lease = taken(state)
        counted = [waiting("u1", {"disable": 1}), waiting("u2", {"disable": 1, "membership-removal": 3})]
        judged = [waiting("u3", {"disable": 1}, "approved"), waiting("u4", {"delete": 1}, "rejected")]
        keep_links(state, lease, [*counted, *judged, link("u5")])
        with state.reading() as reader:
            assert reader.waiting_effects(JOB) == {"disable": 2, "membership-removal": 3}
            assert reader.waiting_effects("other") == {}

    def test_verdict_given_meanwhile_survives_the_link_being_kept_again(self, state: State) -> None:
        lease = taken(state)
        waiting = held(link("u1"), "d1")
        keep_links(state, lease, [waiting])
        with state.writing() as writer:
            writer.judge_holds(JOB, {"d1": "approved"})
        keep_links(state, lease, [waiting])
        assert due(state) == [(Kind.USER, "u1")]
        keep_links(state, lease, [held(link("u1"), "d2")])
        assert due(state) == []
        keep_links(state, lease, [link("u1")])
        with state.reading() as reader:
            assert reader.holds(JOB) == []

    def test_escrow_lists_whose_last_attempt_failed_or_has_to_wait(self, state: State) -> None:
        failed, lost, patient = (
            link("u2", None, failures=1, next_try=NOW),
            link("u1", failures=9),
            link("u0", next_try=NOW),
        )
        keep_links(state, taken(state), [failed, lost, patient, link("u3")])
        with state.reading() as reader:
            assert reader.escrow(JOB) == [patient, lost, failed]
