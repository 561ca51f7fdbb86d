"""Scope: does the app concern this subject at all?

The order is life cycle, assignment, role, scoping filters, active. Leaving scope ends access, so only what is
certain may lead there: whatever can't be told is `NotReady`.
"""

from typing import Any

from msgspec import Struct

from instep.core import scoping
from instep.core.change import Step
from instep.core.rules import Rules
from instep.core.subject import DEFAULT_ACCESS, AppRole, Presence, Subject
from instep.expressions import EvaluationError, Inputs


class OutOfScope(Struct, frozen=True):
    """The app shouldn't give this subject access."""

    clause: str
    """`purged`, `soft-deleted`, `disabled`, `unassigned`, `role` or `filter`."""
    reason: str
    trace: tuple[Step, ...] = ()


class NotReady(Struct, frozen=True):
    """Nobody can tell: nothing is changed, and it is tried again."""

    code: str
    reason: str
    trace: tuple[Step, ...] = ()


def scope(subject: Subject, rules: Rules, inputs: Inputs) -> Step | OutOfScope | NotReady:
    """The scoping step when in scope, else why not. inputs: what the filters read."""
    assigned = bool(subject.grants) or rules.scope == "all"
    details: dict[str, Any] = {
        "IsActive": subject.enabled and subject.presence is Presence.PRESENT,
        "Assigned": assigned,
    }

    def out(clause: str, reason: str) -> OutOfScope:
        return OutOfScope(clause, reason, (Step("scoping", "skipped", reason, details),))

    if subject.presence is Presence.PURGED:
        return out("purged", f"{subject.name} was deleted for good in the directory")
    if subject.presence is Presence.SOFT_DELETED:
        return out("soft-deleted", f"{subject.name} was deleted in the directory and can be restored for 30 days")
    if not assigned:
        return out("unassigned", f"{subject.name} isn't assigned to the app")
    if rules.scope == "assigned":
        entitled = _entitled(subject, rules)
        # Whoever is disabled in the directory is out whatever the role would say: that much is certain.
        if isinstance(entitled, str) and subject.enabled:
            reason = f"{subject.name} is assigned with a role that the app doesn't know: {entitled}"
            return NotReady("NotEffectivelyEntitled", reason, (Step("scoping", "failure", reason, details),))
        details["IsEffectivelyEntitledForProvisioning"] = entitled
        if not entitled:
            names = ", ".join(sorted({_role_name(g.role_id, rules.roles) for g in subject.grants}))
            return out("role", f"{subject.name} has only {names}, which doesn't entitle to an account")
    filters = rules.of(subject.kind).filters
    if filters:
        try:
            passing = scoping.evaluate(filters, inputs)
        except (scoping.ClauseError, EvaluationError) as wrong:
            if subject.enabled:
                reason = f"a scoping filter can't be evaluated for {subject.name}: {wrong}"
                return NotReady("EntrySynchronizationError", reason, (Step("scoping", "failure", reason, details),))
        else:
            details["IsInProvisioningScope"] = passing.passed
            details["ScopeEvaluationResult"] = passing.clauses
            if not passing.passed:
                failed = "; ".join(text for text, holds in passing.clauses.items() if not holds)
                return out("filter", f"{subject.name} passes no scoping filter: {failed}")
    if not subject.enabled:
        return out("disabled", f"{subject.name}'s account is disabled in the directory")
    details["Through"] = [_through(g.path, _role_name(g.role_id, rules.roles)) for g in subject.grants]
    return Step("scoping", "success", "in scope", details)


def _through(path: tuple[str, ...], role: str) -> str:
    return f"{' > '.join(path) if path else 'assigned directly'} ({role})"


def _role_name(role_id: str, roles: tuple[AppRole, ...]) -> str:
    if role_id == DEFAULT_ACCESS:
        return "Default Access"
    return next((r.display_name for r in roles if r.id == role_id), role_id)


def _entitled(subject: Subject, rules: Rules) -> bool | str:
    """Whether one of the grants entitles; the id of a role that nobody knows, when none does and one is unknown.

    A role that was taken out of the app while people still hold it is an error of configuration. It must not
    end their access (the documented service treats it as a stale assignment)."""
    unknown = ""
    for grant in subject.grants:
        if grant.role_id == DEFAULT_ACCESS:
            if rules.default_access:
                return True
            continue
        role = next((r for r in rules.roles if r.id == grant.role_id), None)
        if role is None:
            unknown = grant.role_id
        elif role.provisions:
            return True
    return unknown or False
