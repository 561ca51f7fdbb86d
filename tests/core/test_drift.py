"""What counts as drift, and what comes of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import LAW, MANAGER, NOW, RULES, decided, group, job, linked, person

from instep.core.app import Audit
from instep.core.change import Disable, Keep, Update
from instep.core.decide import Around
from instep.core.drift import (
    ACCOUNT,
    REPAIRS,
    AuditSummary,
    Difference,
    Drift,
    State,
    accepted,
    attributes,
    audit_due,
    closed,
    corrected,
    correction,
    in_order,
    judged,
    members,
    shown,
)
from instep.core.link import Hold, Link, Status
from instep.core.rules import Rules
from instep.core.subject import Kind
from instep.scim import documents

EVERYTHING = frozenset({"userName", "displayName", "title", MANAGER, "nickName"})


def app_holds(link: Link, **changed: Any) -> dict[str, Any]:
    """The document of an account that holds what was sent, but for these; None for nothing."""
    values = {**link.sent, **changed}
    return documents.build("User", {p: v for p, v in values.items() if v is not None})


def found(link: Link, rules: Rules = RULES, shows: frozenset[str] = EVERYTHING, **changed: Any) -> list[Difference]:
    return list(attributes(link, app_holds(link, **changed), rules.of(link.kind), shows))


ADA = linked(person())


class TestAttributes:
    def test_account_as_it_was_sent_has_no_drift(self) -> None:
        assert found(ADA) == []

    def test_changed_and_cleared_attributes_are_found(self) -> None:
        assert found(ADA, title="Emperor") == [Difference("title", "Analyst", "Emperor")]
        assert found(ADA, title=None) == [Difference("title", "Analyst", None)]

    @pytest.mark.parametrize("held", ["ANALYST", "analyst"])
    def test_what_means_the_same_is_no_drift(self, held: str) -> None:
        assert found(ADA, title=held) == []

    def test_case_counts_where_the_mapping_says_so(self) -> None:
        rules = job({"target": "nickName", "source": "[jobTitle]", "case_exact": True})
        assert [d.path for d in found(linked(person(), rules), rules, nickName="ANALYST")] == ["nickName"]

    def test_app_that_rewrites_is_compared_with_what_it_returned(self) -> None:
        link = replace(ADA, returned={"title": "Analyst (R&D)"})
        assert found(link, title="Analyst (R&D)") == []
        assert found(link, title="Emperor") == [Difference("title", "Analyst", "Emperor")]

    def test_attribute_that_the_app_shows_of_nobody_is_not_missing(self) -> None:
        assert found(ADA, shows=EVERYTHING - {"title"}, title=None) == []

    def test_unknown_value_is_left_to_whoever_settles_it(self) -> None:
        assert found(replace(ADA, unknown=frozenset({"title"})), title="Emperor") == []

    def test_account_that_says_nothing_of_active_is_as_it_was(self) -> None:
        assert found(replace(ADA, sent={**ADA.sent, "active": False}), active=None) == []

    def test_access_that_came_back_is_told_as_such(self) -> None:
        (one,) = found(replace(ADA, sent={**ADA.sent, "active": False}, status=Status.DISABLED), active=True)
        assert one.regains_access

    def test_manager_is_compared_by_the_account(self) -> None:
        link = replace(ADA, sent={**ADA.sent, MANAGER: {"subject": "bo", "value": "app-bo"}})
        holds = {MANAGER: "app-bo"}
        assert found(link, RULES, EVERYTHING, **holds) == []
        assert found(link, RULES, EVERYTHING, **{MANAGER: "app-cy"}) == [Difference(MANAGER, "app-bo", "app-cy")]

    @pytest.mark.parametrize(
        ("flow", "held", "drifts"),
        [
            ("create", ["x"], False),
            ("attribute-add", ["x"], False),
            ("value-add", ["Analyst", "x"], False),
            ("value-add", ["x"], True),
            ("multi-value-add", ["x"], True),
            ("always", ["Analyst", "x"], True),
        ],
    )
    def test_only_what_flows_later_is_ours_to_keep(self, flow: str, held: list[str], drifts: bool) -> None:
        mapping = {"target": "nickName", "source": "[jobTitle]", "flow": flow, "multivalued": True}
        rules = job(mapping)
        link = replace(ADA, sent={**ADA.sent, "nickName": ["Analyst"]})
        assert bool(found(link, rules, nickName=held)) is drifts

    def test_value_where_there_is_to_be_none_is_drift_only_if_the_mapping_clears(self) -> None:
        keeps = job({"target": "nickName", "source": "[nick]"})
        clears = job({"target": "nickName", "source": "[nick]", "clear_when_empty": True})
        assert found(ADA, keeps, nickName="Boss") == []
        assert found(ADA, clears, nickName="Boss") == [Difference("nickName", None, "Boss")]
        assert found(accepted(ADA, found(ADA, clears, nickName="Boss")), clears, nickName="Boss") == []

    def test_attribute_that_is_no_longer_mapped_is_none_of_ours(self) -> None:
        assert found(replace(ADA, sent={**ADA.sent, "nickName": "A"}), nickName="B") == []

    def test_shown_are_the_managed_paths_that_hold_something(self) -> None:
        assert shown(app_holds(ADA, title=None), RULES.users) == {"userName", "displayName"}


class TestRepair:
    def test_corrected_link_makes_decide_send_exactly_what_was_set(self) -> None:
        changes = found(ADA, title="Emperor", displayName=None)
        decision = decided(person(), corrected(ADA, changes))
        assert isinstance(decision.change, Update)
        assert {c.path: (c.old, c.new) for c in decision.change.changes} == {
            "title": ("Emperor", "Analyst"),
            "displayName": (None, "Ada"),
        }

    @LAW
    @given(st.fixed_dictionaries({}, optional={p: st.none() | st.text(max_size=5) for p in ("title", "displayName")}))
    def test_correcting_leaves_nothing_to_find_and_repairing_restores_what_was_set(self, changed: Any) -> None:
        differences = found(ADA, **changed)
        link = corrected(ADA, differences)
        document = app_holds(ADA, **changed)
        assert attributes(link, document, RULES.users, EVERYTHING) == ()
        decision = decided(person(), link)
        assert isinstance(decision.change, Update if differences else Keep)
        restored = {c.path: c.new for c in getattr(decision.change, "changes", ())}
        assert all(documents.same(restored[d.path], d.expected) for d in differences)

    def test_access_that_came_back_is_ended_again_under_the_guard(self) -> None:
        off = person(enabled=False)
        link = linked(off, status=Status.DISABLED)
        fixed = corrected(link, found(link, active=True))
        assert fixed.status is Status.ACTIVE
        decision = decided(off, fixed)
        assert isinstance(decision.change, Disable)
        assert [e.kind for e in decision.effects] == ["disable"]

    def test_accepted_value_is_not_found_again_and_not_sent(self) -> None:
        link = accepted(ADA, found(ADA, title="Emperor"))
        assert found(link, title="Emperor") == []
        assert isinstance(decided(person(), link).change, Keep)

    def test_lost_account_is_taken_off_the_link(self) -> None:
        gone = Difference(ACCOUNT, ADA.app_id, None)
        made = correction(ADA, [gone], {ACCOUNT: State.REPAIRING}, {})
        assert made
        assert made.account_gone
        assert made.corrected.status is Status.GONE
        assert made.corrected.app_id == ADA.app_id  # so that it's never anybody else's

    def test_what_is_only_reported_corrects_nothing(self) -> None:
        changes = found(ADA, title="Emperor")
        assert correction(ADA, changes, {"title": State.FOUND}, {}) is None

    def test_rewritten_value_is_taken_and_nobody_is_asked_for(self) -> None:
        made = correction(ADA, found(ADA, title="Emperor"), {"title": State.REWRITTEN}, {})
        assert made
        assert made.corrected.returned == {"title": "Emperor"}
        assert not made.due


class TestMembers:
    def test_taken_out_and_put_in(self) -> None:
        states = {"ada": "sent", "bo": "sent", "cy": "pending"}
        assert members(states, {"bo", "di"}, {"ada", "cy"}) == (
            Difference("members ada", "ada", None),
            Difference("members di", None, "di"),
        )

    def test_membership_that_waits_or_is_unknown_is_left_to_the_cycle(self) -> None:
        assert members({"ada": "pending", "bo": "unknown"}, {"ada"}, {"ada", "bo"}) == ()

    def test_member_whose_account_is_gone_left_with_it(self) -> None:
        assert members({"ada": "sent"}, set(), set()) == ()

    def test_corrected_memberships_lead_back_to_what_was_set(self) -> None:
        link = linked(group("team", "ada", "bo"))
        states = {"ada": "sent", "bo": "sent"}
        changes = members(states, {"bo", "di"}, {"ada"}, ["app-9"])
        made = correction(link, changes, {d.path: State.REPAIRING for d in changes}, states)
        assert made
        assert made.compared == {"ada": "sent", "di": None, "app-9": None}
        after = {**states, **{m.member_id: m.state for m in made.members}}
        after = {m: s for m, s in after.items() if m not in made.members_gone}
        accounts = {"ada": "app-ada", "bo": "app-bo", "di": "app-di"}
        rules = job(authoritative_members=True)
        change = decided(
            group("team", "ada", "bo"), link, rules=rules, around=Around(accounts, memberships=after)
        ).change
        assert isinstance(change, Update)
        assert (change.members_added, change.members_removed, change.foreign_removed) == (("ada",), ("di",), ("app-9",))
        change = decided(group("team", "ada", "bo"), link, around=Around(accounts, memberships=after)).change
        assert isinstance(change, Update)
        assert change.foreign_removed == ()


def drift(path: str = "title", value: Any = "Emperor", **given: Any) -> Drift:
    fields = {"expected": "Analyst", "found": value, "first_seen": NOW, "last_seen": NOW, **given}
    return Drift(Kind.USER, "ada", path, "ada@firm.example", **fields)


class TestLoopBreaker:
    def history(self, seen: Drift, audits: int) -> list[str]:
        row: Drift | None = None
        states: list[str] = []
        for _ in range(audits):
            row = judged(row, seen, "repair")
            states.append(row.state)
        return states

    def test_same_value_is_repaired_three_times_and_then_left(self) -> None:
        assert REPAIRS == 3
        assert self.history(drift(), 6) == ["repairing"] * 3 + ["rewritten"] * 3

    def test_access_that_came_back_is_repaired_for_ever(self) -> None:
        assert set(self.history(drift("active", True, expected=False), 20)) == {"repairing"}

    def test_another_value_begins_anew(self) -> None:
        row = replace(drift(), state=State.REPAIRING, times=3)
        again = judged(row, drift(value="King"), "repair")
        assert (again.state, again.times) == ("repairing", 1)

    def test_value_that_stayed_repaired_for_one_audit_begins_anew(self) -> None:
        row = replace(drift(), state=State.REPAIRED, times=3)
        assert judged(row, drift(), "repair").times == 1

    def test_what_was_only_reported_so_far_has_all_its_repairs(self) -> None:
        row = replace(drift(), state=State.FOUND, times=9)
        assert judged(row, drift(), "repair").times == 1

    def test_report_counts_and_repairs_nothing(self) -> None:
        later = drift(first_seen=NOW + timedelta(days=1), last_seen=NOW + timedelta(days=1))
        row = judged(judged(None, drift(), "report"), later, "report")
        assert (row.state, row.times, row.first_seen) == ("found", 2, NOW)


class TestClosing:
    def test_reported_drift_that_is_not_there_any_more_goes(self) -> None:
        assert closed(drift(), ADA, False, NOW) is None

    def test_repair_is_done_when_nothing_waits_any_more(self) -> None:
        row = replace(drift(), state=State.REPAIRING)
        held = replace(ADA, hold=Hold("digest", "login-change", "8 would change", NOW))
        assert closed(row, held, False, NOW) == row
        assert closed(row, replace(ADA, failures=1), False, NOW) == row
        assert closed(row, ADA, True, NOW) == row
        done = closed(row, ADA, False, NOW)
        assert done
        assert done.state is State.REPAIRED

    def test_repaired_stays_for_thirty_days(self) -> None:
        row = replace(drift(), state=State.REPAIRED)
        assert closed(row, ADA, False, NOW + timedelta(days=29)) == row
        assert closed(row, ADA, False, NOW + timedelta(days=31)) is None

    def test_rewritten_stays_while_the_apps_form_is_taken(self) -> None:
        row = replace(drift(), state=State.REWRITTEN)
        assert closed(row, replace(ADA, returned={"title": "Emperor"}), False, NOW) == row
        assert closed(row, ADA, False, NOW) is None

    def test_access_that_came_back_is_listed_first(self) -> None:
        rows = [drift(), drift(ACCOUNT, None), drift("active", True, expected=False)]
        assert [r.path for r in in_order(rows)] == ["active", ACCOUNT, "title"]


class TestDue:
    def due(self, last: AuditSummary | None, hours: float, policy: Any = "repair") -> bool:
        return audit_due(Audit(policy, 24), last, NOW + timedelta(hours=hours))

    def test_off_is_never_due_and_a_first_audit_at_once(self) -> None:
        assert not self.due(None, 1000, "off")
        assert self.due(None, 0)

    def test_next_one_is_due_its_interval_after_the_last_began(self) -> None:
        last = AuditSummary("app", NOW, NOW + timedelta(hours=5), "succeeded")
        assert not self.due(last, 23.9)
        assert self.due(last, 24)

    def test_one_that_was_cut_off_is_due_at_once_and_one_that_found_nobody_home_in_an_hour(self) -> None:
        assert self.due(AuditSummary("app", NOW), 0)
        assert self.due(AuditSummary("app", NOW, NOW, "interrupted"), 0)
        away = AuditSummary("app", NOW, NOW, "unavailable")
        assert not self.due(away, 0.9)
        assert self.due(away, 1)
