"""The exam of `State`: what is due though the directory didn't change."""

from tests.conformance.state.values import HOUR, NOW, due, group, held, keep, keep_links, link, taken

from instep.core.link import Status
from instep.core.subject import Kind
from instep.ports import Membership, Record, State


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
        keep_links(state, lease, [link("boss", status=Status.GONE), link("other", None, status=Status.ACTIVE)])
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
