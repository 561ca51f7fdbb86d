"""The exam of `State`: what audits find, and the correction of links."""

import msgspec
import pytest
from tests.conformance.state.values import APP, HOUR, JOB, NOW, entry, group, intent, keep, link, taken

from instep.core.drift import AuditSummary, Correction, Drift, lease_name
from instep.core.drift import State as Found
from instep.core.job import Wish
from instep.core.link import Status
from instep.core.subject import Kind
from instep.core.unmanaged import Unmanaged
from instep.ports import LeaseLost, LeaseTaken, Membership, Record, State


def drift(subject_id: str = "u1", path: str = "title", **given: object) -> Drift:
    return msgspec.structs.replace(
        Drift(Kind.USER, subject_id, path, f"{subject_id}@example.test", "Engineer", ["Emperor"], NOW, NOW), **given
    )


def account(app_id: str, **given: object) -> Unmanaged:
    made = Unmanaged(Kind.USER, app_id, f"{app_id}@example.test", True, "u1", "disabled", NOW, NOW)
    return msgspec.structs.replace(made, **given)


class AuditsExam:
    """What audits find."""

    def test_audit_is_kept_as_it_stands(self, state: State) -> None:
        lease = taken(state, job=lease_name(JOB))
        running = AuditSummary(JOB, NOW, read=3)
        ended = AuditSummary(JOB, NOW, NOW + HOUR, "succeeded", 9, 2, {"drift": 1}, "All was read.")
        for audit in (running, ended):
            with state.writing() as writer:
                writer.save_audit(lease, audit)
            with state.reading() as reader:
                assert reader.audit(JOB) == audit
                assert reader.audit("aha") is None

    def test_drift_is_kept_replaced_and_forgotten(self, state: State) -> None:
        lease = taken(state, job=lease_name(JOB))
        rows = [drift(), drift(path="members u2", expected=None), drift("u2", found=None)]
        with state.writing() as writer:
            writer.keep_drift(lease, JOB, rows, [])
        with state.reading() as reader:
            assert {(d.subject_id, d.path): d for d in reader.drift(JOB)} == {(d.subject_id, d.path): d for d in rows}
            assert reader.drift_of(JOB, Kind.USER, ["u2", "u3"]) == [rows[2]]
            assert reader.drift_of(JOB, Kind.GROUP, ["u2"]) == []
        again = msgspec.structs.replace(rows[0], state=Found.REPAIRED, times=2, last_seen=NOW + HOUR)
        with state.writing() as writer:
            writer.keep_drift(lease, JOB, [again], rows[1:])
        with state.reading() as reader:
            assert reader.drift(JOB) == [again]
            assert reader.drift("aha") == []

    def test_unmanaged_account_is_known_since_it_was_first_seen_and_goes_when_it_is_not_seen(
        self, state: State
    ) -> None:
        lease = taken(state, job=lease_name(JOB))
        later = {"first_seen": NOW + HOUR, "last_seen": NOW + HOUR}
        with state.writing() as writer:
            writer.keep_unmanaged(lease, JOB, [account("a1"), account("a2", subject_id=None, active=False)])
            writer.keep_unmanaged(lease, JOB, [account("a1", reason="deleted", **later)])
            writer.forget_unmanaged(lease, JOB, NOW + HOUR)
        with state.reading() as reader:
            assert reader.unmanaged(JOB) == [account("a1", reason="deleted", last_seen=NOW + HOUR)]

    def test_audit_whose_lease_is_lost_writes_nothing(self, state: State) -> None:
        lease = taken(state, job=lease_name(JOB))
        taken(state, owner="worker", job=lease_name(JOB))
        for work in (
            lambda w: w.save_audit(lease, AuditSummary(JOB, NOW)),
            lambda w: w.keep_drift(lease, JOB, [drift()], []),
            lambda w: w.keep_unmanaged(lease, JOB, [account("a1")]),
            lambda w: w.forget_unmanaged(lease, JOB, NOW),
        ):
            with pytest.raises(LeaseLost), state.writing() as writer:
                work(writer)

    def test_lease_of_an_audit_is_not_that_of_the_job(self, state: State) -> None:
        taken(state, job=lease_name(JOB), owner="an audit")
        assert taken(state, owner="a cycle").owner == "a cycle"

    def test_removed_app_takes_its_findings_and_its_audits_lease_along(self, state: State) -> None:
        lease = taken(state, job=lease_name(JOB))
        with state.writing() as writer:
            writer.save_app(APP, None)
            writer.save_audit(lease, AuditSummary(JOB, NOW))
            writer.keep_drift(lease, JOB, [drift()], [])
            writer.keep_unmanaged(lease, JOB, [account("a1")])
            writer.remove_app(JOB)
        with state.reading() as reader:
            assert (reader.audit(JOB), reader.drift(JOB), reader.unmanaged(JOB)) == (None, [], [])
        with pytest.raises(LeaseLost), state.writing() as writer:
            writer.keep_drift(lease, JOB, [drift()], [])

    def test_managed_links_come_in_pages_without_those_let_go_or_gone(self, state: State) -> None:
        lease = taken(state)
        links = [link(f"u{i}") for i in range(5)]
        others = [link("u5", status=Status.GONE), link("u6", status=Status.RELEASED), link("u7", None), group("g1")]
        keep(state, lease, *(Record(link=each) for each in (*links, *others)))
        with state.reading() as reader:
            first = reader.managed_links(JOB, Kind.USER, "", 3)
            assert first == links[:3]
            assert reader.managed_links(JOB, Kind.USER, "u2", 3) == links[3:]

    def test_touched_is_whoever_the_log_has_something_about(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(log=entry("u1", at=NOW)), Record(log=entry("u2", at=NOW - HOUR)))
        with state.reading() as reader:
            assert reader.touched(JOB, ["u1", "u2", "u3"], NOW) == {"u1"}
            assert reader.touched("aha", ["u1"], NOW) == set()


class CorrectionsExam:
    """Links that are to say what the app really holds."""

    def test_link_is_corrected_and_asked_for_in_one_go(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("u1", sent={"title": "Engineer"})), Record(link=link("u2")))
        with state.writing() as writer:
            writer.give_lease_back(lease)
            before = writer.links(JOB, Kind.USER, ["u1", "u2"])
            after = msgspec.structs.replace(before["u1"], sent={"title": "Emperor"})
            quiet = msgspec.structs.replace(before["u2"], returned={"title": "X"})
            corrections = [Correction(before["u1"], after), Correction(before["u2"], quiet, due=False)]
            assert writer.correct(JOB, corrections, NOW) == {(Kind.USER, "u1"), (Kind.USER, "u2")}
        with state.reading() as reader:
            assert reader.links(JOB, Kind.USER, ["u1", "u2"]) == {"u1": after, "u2": quiet}
            assert reader.asked(JOB).wishes == (Wish(JOB, NOW, ((Kind.USER, "u1"),), id=1),)

    def test_link_that_has_changed_or_is_being_written_is_left(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("u1")), Record(link=link("u2")))
        with state.writing() as writer:
            before = writer.links(JOB, Kind.USER, ["u1", "u2"])
            writer.intend(lease, [intent("u2")])
        keep(state, lease, Record(link=link("u1", sent={"title": "Boss"})))
        with state.writing() as writer:
            writer.give_lease_back(lease)
            corrections = [
                Correction(each, msgspec.structs.replace(each, sent={"title": "Emperor"})) for each in before.values()
            ]
            assert writer.correct(JOB, corrections, NOW) == set()
        with state.reading() as reader:
            assert reader.links(JOB, Kind.USER, ["u1"])["u1"].sent == {"title": "Boss"}
            assert reader.asked(JOB).wishes == ()

    def test_memberships_are_corrected_unless_they_have_changed(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=group("g1"), members=(Membership("g1", "u1", "sent"),)))
        before = group("g1")
        put_in = (Membership("g1", "u2", "sent"),)
        made = Correction(before, before, {"u1": "sent", "u2": None}, put_in, ("u1",))
        with state.writing() as writer:
            writer.give_lease_back(lease)
            stale = msgspec.structs.replace(made, compared={"u1": "pending"})
            assert writer.correct(JOB, [stale], NOW) == set()
            assert writer.memberships(JOB, "g1") == {"u1": "sent"}
            assert writer.correct(JOB, [made], NOW) == {(Kind.GROUP, "g1")}
            assert writer.memberships(JOB, "g1") == {"u2": "sent"}

    def test_memberships_of_a_lost_account_wait_again(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("u1"), members=(Membership("g1", "u1", "sent"),)))
        gone = link("u1", status=Status.GONE)
        with state.writing() as writer:
            writer.give_lease_back(lease)
            writer.correct(JOB, [Correction(link("u1"), gone, account_gone=True)], NOW)
            assert writer.memberships(JOB, "g1") == {"u1": "pending"}
            assert writer.links(JOB, Kind.USER, ["u1"])["u1"].status is Status.GONE

    def test_nothing_is_corrected_while_a_cycle_runs_unless_its_worker_is_dead(self, state: State) -> None:
        lease = taken(state)
        keep(state, lease, Record(link=link("u1")))
        after = link("u1", sent={"title": "Emperor"})
        with pytest.raises(LeaseTaken), state.writing() as writer:
            writer.correct(JOB, [Correction(link("u1"), after)], NOW)
        with state.writing() as writer:
            assert writer.correct(JOB, [Correction(link("u1"), after)], NOW, over="worker")
        with state.writing() as writer:
            assert writer.correct(JOB, [Correction(after, link("u1"))], NOW + 2 * HOUR)
