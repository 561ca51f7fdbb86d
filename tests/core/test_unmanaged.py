"""Whom an account in the app matches, and why nobody manages it."""

from typing import Any

from tests.core.examples import NOW, RULES, job, person

from instep.core.desire import inputs
from instep.core.rules import Rules
from instep.core.subject import Kind, Presence
from instep.core.unmanaged import Unmanaged, held_claims, standing, wanted_claims, why_unmanaged, worst_first


class TestUnmanaged:
    def why(self, *, rules: Rules = RULES, account: bool = False, **given: Any) -> str:
        who = person(**given)
        return why_unmanaged(who, rules, inputs(who, rules.roles, NOW, ""), account)

    def test_reasons(self) -> None:
        assert self.why(enabled=False) == "disabled"
        assert self.why(enabled=False, grants=()) == "disabled"
        assert self.why(grants=()) == "unassigned"
        assert self.why(presence=Presence.SOFT_DELETED) == "deleted"
        assert self.why(presence=Presence.PURGED) == "deleted"
        assert self.why() == "in scope but not linked"
        assert self.why(account=True) == "has another account"
        assert why_unmanaged(None, RULES, None, False) == "unknown"
        clause = {"attribute": "jobTitle", "operator": "EQUALS", "value": "Chief"}
        rules = job(users={"filters": [{"name": "chiefs", "clauses": [clause]}]})
        assert self.why(rules=rules) == "out of scope"

    def test_claims_meet_without_regard_to_case(self) -> None:
        who = person("Ada")
        wanted = wanted_claims(RULES.users, inputs(who, (), NOW, ""))
        assert (
            wanted == held_claims({"userName": "ADA@firm.EXAMPLE"}, RULES.users) == (("userName", "ada@firm.example"),)
        )
        assert held_claims({"displayName": "Ada"}, RULES.users) == ()

    def test_whoever_is_there_is_meant_before_whoever_left(self) -> None:
        people = [
            person(presence=Presence.PURGED),
            person(presence=Presence.SOFT_DELETED),
            person(enabled=False),
            person(),
        ]
        assert sorted(people, key=standing) == people[::-1]

    def test_worst_first(self) -> None:
        def account(reason: str, active: bool = True) -> Unmanaged:
            return Unmanaged(Kind.USER, reason, reason, active, None, reason, NOW, NOW)

        rows = [account("unknown"), account("disabled", False), account("unassigned"), account("disabled")]
        assert [(r.reason, r.active) for r in worst_first(rows)] == [
            ("disabled", True),
            ("unassigned", True),
            ("unknown", True),
            ("disabled", False),
        ]
