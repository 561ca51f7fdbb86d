"""The exam of `State`: memberships as records of their own."""

from tests.conformance.state.values import JOB, keep, link, taken

from instep.core.link import Status
from instep.core.subject import Kind
from instep.ports import Membership, Record, State


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
