"""Ways to lose people by a change of the rules."""

from typing import Any

from tests.losses.firm import (
    ASSIGNED,
    FOUNDED,
    JOINED,
    NEWCOMER,
    ROLES,
    RULES,
    Firm,
    mapped,
    ruled,
)
from tests.losses.way import NO_GROUPS, NOBODY_NEW, Lose, way


def _rules(**changed: Any) -> Lose:
    def lose(firm: Firm) -> None:
        firm.world.rules = ruled(**changed)

    return lose


def _filter(attribute: str, operator: str, value: str | None) -> dict[str, Any]:
    clause = {"attribute": attribute, "operator": operator} | ({} if value is None else {"value": value})
    return {"filters": [{"name": "Staff", "clauses": [clause]}]}


way(
    "filter's value mistyped",
    "a scoping filter has a typing error in its value",
    "held",
    _rules(users=_filter("employeeType", "EQUALS", "Employe")),
    stopped=NOBODY_NEW,
)
way(
    "filter's attribute mistyped",
    "a scoping filter has a typing error in its attribute",
    "held",
    _rules(users=_filter("employeType", "EQUALS", "Employee")),
    stopped=NOBODY_NEW,
)
way(
    "filter inverted",
    "a scoping filter says the opposite",
    "held",
    _rules(users=_filter("employeeType", "NOT EQUALS", "Employee")),
    stopped=NOBODY_NEW,
)
way(
    "filter too narrow",
    "a scoping filter lets half of the firm pass",
    "held",
    _rules(users=_filter("department", "EQUALS", "sales")),
    # Whoever is new has no department.
    stopped=frozenset({NEWCOMER}),
)
way(
    "role removed",
    "the role that everybody holds is taken out of the app's roles",
    "untouched",
    _rules(roles=[ROLES[1]]),
)
way(
    "role made powerless",
    "the role that everybody holds gives no account any more",
    "held",
    _rules(roles=[{**ROLES[0], "provisions": False}, ROLES[1]]),
)
way(
    "default access switched off",
    "an assignment without a role gives no account any more, nor a group",
    "held",
    _rules(default_access=False),
    stopped=frozenset({FOUNDED, JOINED}),
)
way(
    "role's value renamed",
    "the role that everybody holds is called otherwise",
    "untouched",
    _rules(roles=[{**ROLES[0], "value": "Member"}, ROLES[1]]),
)
way(
    "nesting in scope",
    "only direct members of assigned groups are in scope any more",
    "held",
    _rules(nesting={"scope": "direct"}),
)
way("nesting of members", "groups have their direct members in the app", "held", _rules(nesting={"members": "direct"}))
way(
    "groups switched off",
    "groups aren't provisioned any more",
    "untouched",
    _rules(groups={"enabled": False}),
    stopped=frozenset({FOUNDED, JOINED}),
)
way(
    "memberships switched off",
    "memberships aren't provisioned any more",
    "untouched",
    _rules(groups={**RULES["groups"], "members": False}),
    stopped=frozenset({JOINED}),
)
way(
    "people switched off",
    "people aren't provisioned any more",
    "untouched",
    _rules(users={"enabled": False}),
    stopped=NOBODY_NEW,
)
way(
    "scope without assignments",
    "the scope is switched from all to assigned, and nothing is assigned",
    "held",
    lambda firm: setattr(firm.world, "rules", RULES),
    before=ruled(scope="all"),
    kind="all",
    stopped=NO_GROUPS,
)
way(
    "active is false",
    "a mapping makes active false for everybody",
    "held",
    _rules(users=mapped("active", '"False"')),
    stopped=frozenset(),
)
way(
    "active inverted",
    "a mapping of active is the wrong way round",
    "held",
    _rules(users=mapped("active", 'Switch([accountEnabled], "True", "True", "False", "False", "True")')),
)
way(
    "names from elsewhere",
    "the mapping of userName reads another attribute",
    "held",
    _rules(users=mapped("userName", 'Join("@", [employeeId], "firm.example")')),
)
way(
    "names with another domain",
    "the mapping of userName changes the domain",
    "held",
    _rules(users=mapped("userName", 'Replace([userPrincipalName], "@firm.example", , , "@firma.example", , )')),
)
way(
    "guard loosened",
    "the guard's limits are raised to everything, together with a typing error in a filter",
    "held",
    _rules(
        users=_filter("employeeType", "EQUALS", "Employe"),
        guard={"cycle_count": 1000, "cycle_share": 1.0, "day_count": 1000, "day_share": 1.0},
    ),
    stopped=NOBODY_NEW,
)


def _ends_by_deletion(firm: Firm) -> None:
    firm.unassign(*ASSIGNED)


way(
    "deleted, not disabled",
    "nothing is assigned any more, and the app ends access by deleting",
    "held",
    _ends_by_deletion,
    before=ruled(ending={"by": "delete"}),
    kind="deleting",
    stopped=NO_GROUPS,
)
