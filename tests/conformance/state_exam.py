"""The exam of the port `State`: what every store must do alike.

A class for a store inherits `StateExam` and gives it the fixture `state`, an empty store.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from instep.core.change import Adopt, AttributeChange, Create, Decision, Step, Update
from instep.core.guard import Population
from instep.core.link import Hold, Link, Status
from instep.core.record import Exchange
from instep.core.subject import AppRole, Kind
from instep.ports import (
    AlreadyLinked,
    App,
    CycleSummary,
    Intent,
    Lease,
    LeaseLost,
    LeaseTaken,
    LogEntry,
    Membership,
    Record,
    SpoolEntry,
    State,
    Watermark,
)
from instep.scim.abilities import Abilities

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = "mixpanel"
APP = App(
    name=JOB,
    display_name="Mixpanel",
    template="mixpanel",
    tenant_url="https://mixpanel.test/scim/v2",
    rules={"scope": "assigned", "users": {"mappings": [{"target": "userName"}]}},
    roles=(AppRole("r1", "member", "Member", provisions=False),),
)


def link(subject_id: str, app_id: str | None = "", kind: Kind = Kind.USER, **fields: Any) -> Link:
    """An active link whose app id is made of the subject's id unless given; unlinked when that's none."""
    status = fields.pop("status", Status.UNLINKED if app_id is None else Status.ACTIVE)
    app_id = f"app-{subject_id}" if app_id == "" else app_id
    return Link(kind, subject_id, f"{subject_id}@example.test", status, app_id, **fields)


def group(subject_id: str, app_id: str | None = "", **fields: Any) -> Link:
    """The same of a group."""
    return link(subject_id, app_id, Kind.GROUP, **fields)


def entry(subject_id: str, **fields: Any) -> LogEntry:
    """A log entry about that subject."""
    values: dict[str, Any] = {
        "job": JOB,
        "cycle": "c1",
        "change_id": f"change-{subject_id}",
        "at": NOW,
        "kind": Kind.USER,
        "subject_id": subject_id,
        "name": f"{subject_id}@example.test",
        "app_id": f"app-{subject_id}",
        "action": "create",
        "status": "success",
    }
    return LogEntry(**(values | fields))


def decision(subject_id: str, change: Any = None, kind: Kind = Kind.USER, **fields: Any) -> Decision:
    """A decision about that subject: a creation unless given."""
    return Decision(kind, subject_id, f"{subject_id}@example.test", 7, change or Create({"active": True}), **fields)


def intent(subject_id: str, kind: Kind = Kind.USER) -> Intent:
    """An intent to create that subject."""
    return Intent(kind, subject_id, f"{subject_id}@example.test", decision(subject_id, kind=kind), None, NOW)


def held(link: Link, digest: str, verdict: str = "waiting") -> Link:
    """The link with a decision of that digest held."""
    return msgspec.structs.replace(link, hold=Hold(digest, "disable", "6 people would lose access", NOW, verdict))


def taken(state: State, owner: str = "worker", job: str = JOB) -> Lease:
    """The job's lease for an hour."""
    with state.writing() as writer:
        return writer.take_lease(job, owner, NOW, 3600)


def keep(state: State, lease: Lease, *records: Record) -> None:
    """Record these in one transaction."""
    with state.writing() as writer:
        writer.record(lease, records)


def keep_links(state: State, lease: Lease, links: Iterable[Link]) -> None:
    """Record these links in one transaction."""
    keep(state, lease, *(Record(link=link) for link in links))


def due(state: State, now: datetime = NOW) -> list[tuple[Kind, str]]:
    """What is due in the job."""
    with state.reading() as reader:
        return reader.due(JOB, now)


class AppsExam:
    """Apps and their tokens."""

    def test_app_comes_back_as_it_was_saved(self, state: State) -> None:
        with state.writing() as writer:
            writer.save_app(APP, "secret")
            writer.save_app(msgspec.structs.replace(APP, name="aha"), None)
        with state.reading() as reader:
            assert reader.app(JOB) == APP
            assert [a.name for a in reader.apps()] == ["aha", JOB]
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

    def test_removed_app_leaves_nothing_but_its_log(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.save_app(APP, "secret")
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW))
            writer.record(lease, [Record(link=link("u1"), log=entry("u1"), members=(Membership("g", "u1", "sent"),))])
            writer.intend(lease, [intent("u2")])
            writer.spool(lease, [SpoolEntry(decision("u3"), 1)])
            writer.end_cycle(lease, CycleSummary("c1", JOB, "initial", NOW), Watermark("e", 1, "v"), Abilities())
            writer.remove_app(JOB)
        with state.reading() as reader:
            assert reader.app(JOB) is None
            assert reader.token(JOB) is None
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
            writer.begin_cycle(kept, summary)
            writer.spool(kept, [SpoolEntry(decision("u1"), 1)])
        with state.writing() as writer:
            writes = [
                lambda: writer.renew_lease(lost, NOW, 60),
                lambda: writer.give_lease_back(lost),
                lambda: writer.begin_cycle(lost, CycleSummary("c2", JOB, "initial", NOW)),
                lambda: writer.end_cycle(lost, summary, Watermark("e", 1, "v"), Abilities()),
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
            assert reader.population(JOB) == Population(users=2, groups=1, memberships=1)
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


class DueExam:
    """What is due though the directory didn't change."""

    def test_escrow_is_due_when_its_time_has_come(self, state: State) -> None:
        keep_links(
            state,
            taken(state),
            [
                link("u1", failures=1, next_try=NOW),
                group("g1", failures=2, next_try=NOW - HOUR),
                link("u2", failures=1, next_try=NOW + HOUR),
                link("u3", next_try=NOW - HOUR),
                link("u4", next_try=NOW + HOUR),
                link("given-up", failures=9),
                link("calm"),
            ],
        )
        assert due(state) == [(Kind.USER, "u1"), (Kind.USER, "u3"), (Kind.GROUP, "g1")]

    def test_subject_with_pending_references_is_due_when_their_target_gets_an_account(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("report"), pending=("boss", "other")))
        assert due(state) == []
        keep_links(state, lease, [link("boss", status=Status.GONE), link("other", None)])
        assert due(state) == []
        for status in (Status.ACTIVE, Status.DISABLED, Status.RELEASED):
            keep_links(state, lease, [link("boss", status=status)])
            assert due(state) == [(Kind.USER, "report")]
        keep(state, lease, Record(link=link("report"), pending=None))
        assert due(state) == [(Kind.USER, "report")]
        keep(state, lease, Record(link=link("report"), pending=()))
        assert due(state) == []

    def test_pending_references_are_replaced_as_a_whole(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("u1"), pending=("old",)))
        keep(state, lease, Record(subject=(Kind.USER, "u1"), pending=("new",)), Record(link=link("old")))
        assert due(state) == []
        keep_links(state, lease, [link("new")])
        assert due(state) == [(Kind.USER, "u1")]

    def test_group_is_due_when_a_member_that_waits_gets_an_account(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=group("g1"), members=(Membership("g1", "u1", "pending"),)))
        keep(state, lease, Record(link=group("g2"), members=(Membership("g2", "u2", "sent"),)))
        assert due(state) == []
        keep_links(state, lease, [link("u1"), link("u2")])
        assert due(state) == [(Kind.GROUP, "g1")]

    def test_group_with_another_group_as_waiting_member_is_due_when_that_exists(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=group("g1"), members=(Membership("g1", "g2", "pending"),)))
        keep_links(state, lease, [group("g2")])
        assert due(state) == [(Kind.GROUP, "g1")]

    def test_who_waits_in_escrow_isnt_due_for_anything_else(self, state: State) -> None:
        lease = taken(state)
        later = {"failures": 1, "next_try": NOW + HOUR}
        keep(
            state,
            lease,
            Record(link=held(link("u1", **later), "d1", "approved")),
            Record(link=link("u2", **later), pending=("boss",)),
            Record(link=group("g1", **later), members=(Membership("g1", "boss", "pending"),)),
            Record(link=link("boss")),
        )
        assert due(state) == []
        assert due(state, NOW + HOUR) == [(Kind.USER, "u1"), (Kind.USER, "u2"), (Kind.GROUP, "g1")]

    def test_other_jobs_dont_make_anything_due(self, state: State) -> None:
        keep(state, taken(state), Record(link=group("g1"), members=(Membership("g1", "u1", "pending"),)))
        keep_links(state, taken(state, job="aha"), [link("u1")])
        assert due(state) == []


class MembershipsExam:
    """Memberships as records of their own."""

    def test_memberships_are_set_changed_and_forgotten(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(members=tuple(Membership("g1", f"u{i}", "pending") for i in range(3))))
        keep(state, lease, Record(members=(Membership("g1", "u0", "sent"),), members_gone=(("g1", "u1"), ("g1", "no"))))
        with state.reading() as reader:
            assert reader.memberships(JOB, "g1") == {"u0": "sent", "u2": "pending"}
            assert reader.memberships("aha", "g1") == {}

    def test_memberships_of_a_lost_account_wait_again(self, state: State) -> None:
        lease = taken(state)
        rows = (Membership("g1", "u1", "sent"), Membership("g2", "u1", "unknown"), Membership("g1", "u2", "sent"))
        keep(state, lease, Record(members=rows))
        keep(state, lease, Record(link=link("u1", status=Status.GONE), account_gone=True))
        with state.reading() as reader:
            assert reader.memberships(JOB, "g1") == {"u1": "pending", "u2": "sent"}
            assert reader.memberships(JOB, "g2") == {"u1": "pending"}

    def test_memberships_of_a_lost_group_wait_again(self, state: State) -> None:
        lease = taken(state)
        rows = (Membership("g1", "u1", "sent"), Membership("g1", "u2", "unknown"), Membership("g2", "u1", "sent"))
        keep(state, lease, Record(members=rows))
        keep(state, lease, Record(settled=(Kind.GROUP, "g1"), account_gone=True))
        with state.reading() as reader:
            assert reader.memberships(JOB, "g1") == {"u1": "pending", "u2": "pending"}
            assert reader.memberships(JOB, "g2") == {"u1": "sent"}

    def test_later_record_of_a_batch_counts(self, state: State) -> None:
        lease = taken(state)
        added = Record(members=(Membership("g1", "u1", "sent"), Membership("g1", "u2", "sent")))
        lost = Record(link=link("u1", status=Status.GONE), account_gone=True)
        keep(state, lease, added, lost)
        with state.reading() as reader:
            assert reader.memberships(JOB, "g1") == {"u1": "pending", "u2": "sent"}
        keep(state, lease, lost, Record(members_gone=(("g1", "u2"),)), added, Record(link=link("u1")))
        with state.reading() as reader:
            assert reader.memberships(JOB, "g1") == {"u1": "sent", "u2": "sent"}
            assert reader.links(JOB, Kind.USER, ["u1"])["u1"].status is Status.ACTIVE


class CyclesExam:
    """Cycles, the spool and intents."""

    def test_beginning_a_cycle_empties_the_spool_of_that_job_alone(self, state: State) -> None:
        lease, other = taken(state), taken(state, job="aha")
        with state.writing() as writer:
            writer.spool(lease, [SpoolEntry(decision("u1"), 1)])
            writer.spool(other, [SpoolEntry(decision("u2"), 1)])
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW))
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
            writer.begin_cycle(lease, begun)
            assert writer.cycles(JOB) == [begun]
            writer.end_cycle(lease, ended, Watermark("epoch", 42, "v1"), learnt)
        with state.reading() as reader:
            assert reader.cycles(JOB) == [ended]
            assert reader.watermark(JOB) == Watermark("epoch", 42, "v1")
            assert reader.abilities(JOB) == learnt
        with state.writing() as writer:
            writer.end_cycle(lease, ended, None, Abilities())
            assert writer.watermark(JOB) == Watermark("epoch", 42, "v1")
            assert writer.abilities(JOB) == Abilities()

    def test_cycle_that_was_cut_off_is_called_interrupted_when_the_next_begins(self, state: State) -> None:
        lease = taken(state)
        with state.writing() as writer:
            writer.begin_cycle(lease, CycleSummary("c1", JOB, "initial", NOW))
            writer.begin_cycle(lease, CycleSummary("c2", JOB, "initial", NOW + HOUR))
            assert [(c.id, c.result) for c in writer.cycles(JOB)] == [("c2", "running"), ("c1", "interrupted")]
            assert [c.id for c in writer.cycles(JOB, limit=1)] == ["c2"]

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
        )
        with state.reading() as reader:
            assert reader.effects_since(JOB, NOW - HOUR) == {"disable": 2, "membership-removal": 7}
            assert reader.effects_since(JOB, NOW) == {"disable": 1, "membership-removal": 7}
            assert reader.effects_since(JOB, NOW + HOUR) == {}
            assert reader.effects_since("aha", NOW) == {}


class TransactionsExam:
    """What is seen when, and what stays."""

    async def test_awaited_write_can_be_read_at_once(self, state: State) -> None:
        lease = await state.write(lambda writer: writer.take_lease(JOB, "worker", NOW, 60))
        await state.write(lambda writer: writer.record(lease, [Record(link=link("u1"))]))
        assert await state.read(lambda reader: reader.links(JOB, Kind.USER, ["u1"])) == {"u1": link("u1")}

    async def test_write_that_raises_undoes_all_of_its_own_and_nothing_else(self, state: State) -> None:
        lease = await state.write(lambda writer: writer.take_lease(JOB, "worker", NOW, 60))

        def broken(writer: Any) -> None:
            writer.record(lease, [Record(link=link("bad"))])
            raise RuntimeError("after the first half")

        good = [state.write(lambda w, i=i: w.record(lease, [Record(link=link(f"u{i}"))])) for i in range(5)]
        results = await asyncio.gather(*good[:2], state.write(broken), *good[2:], return_exceptions=True)
        assert [type(r).__name__ for r in results] == ["NoneType"] * 2 + ["RuntimeError"] + ["NoneType"] * 3
        found = await state.read(lambda reader: [i for page in reader.link_ids(JOB, Kind.USER) for i in page])
        assert found == [f"u{i}" for i in range(5)]

    def test_transaction_that_raises_leaves_nothing(self, state: State) -> None:
        def half() -> None:
            with state.writing() as writer:
                lease = writer.take_lease(JOB, "worker", NOW, 60)
                writer.record(lease, [Record(link=link("u1"), log=entry("u1"))])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        with state.reading() as reader:
            assert reader.lease(JOB) is None
            assert list(reader.log(JOB)) == []

    def test_writer_sees_what_it_wrote(self, state: State) -> None:
        with state.writing() as writer:
            lease = writer.take_lease(JOB, "worker", NOW, 60)
            writer.record(lease, [Record(link=link("u1"))])
            assert writer.links(JOB, Kind.USER, ["u1"]) == {"u1": link("u1")}

    def test_reader_sees_one_moment_however_long_it_reads(self, state: State) -> None:
        lease = taken(state)
        keep_links(state, lease, [link("u1")])
        with state.reading() as reader:
            keep_links(state, lease, [link("u2")])
            assert list(reader.link_ids(JOB, Kind.USER)) == [["u1"]]
        with state.reading() as reader:
            assert list(reader.link_ids(JOB, Kind.USER)) == [["u1", "u2"]]


class StateExam(AppsExam, LeasesExam, LinksExam, DueExam, MembershipsExam, CyclesExam, LogExam, TransactionsExam):
    """All of it."""
