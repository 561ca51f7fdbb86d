"""Scope: does the app concern this subject at all?

The order is life cycle, assignment, role, scoping filters, active. Leaving scope ends access, so only what is
certain may lead there: whatever can't be told is `NotReady`.
"""

from typing import Any

from msgspec import Struct

from instep.core import scoping
from instep.core.change import Step
from instep.core.rules import Rules
from instep.core.subject import DEFAULT_ACCESS, AppRole, Grant, Presence, Subject
from instep.expressions import EvaluationError, Inputs, PatternTimeout


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
    late: str = ""
    """The expression or clause whose pattern didn't come to an end in time; empty for any other reason."""


def scope(
    subject: Subject, rules: Rules, inputs: Inputs, off: frozenset[str] = frozenset()
) -> Step | OutOfScope | NotReady:
    """The scoping step when in scope, else why not.

    inputs: what the filters read. off: clauses that may not be tried any more, by their text.
    """
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
            names = ", ".join(sorted({role_name(g.role_id, rules.roles) for g in subject.grants}))
            return out("role", f"{subject.name} has only {names}, which doesn't entitle to an account")
    filters = rules.of(subject.kind).filters
    if filters:
        try:
            passing = scoping.evaluate(filters, inputs, off)
        except (scoping.ClauseError, EvaluationError) as wrong:
            if subject.enabled:
                reason = f"a scoping filter can't be evaluated for {subject.name}: {wrong}"
                step = Step("scoping", "failure", reason, details)
                late = wrong.expression if isinstance(wrong, PatternTimeout) else ""
                return NotReady("EntrySynchronizationError", reason, (step,), late)
        else:
            details["IsInProvisioningScope"] = passing.passed
            details["ScopeEvaluationResult"] = passing.clauses
            if not passing.passed:
                failed = "; ".join(text for text, holds in passing.clauses.items() if not holds)
                return out("filter", f"{subject.name} passes no scoping filter: {failed}")
    if not subject.enabled:
        return out("disabled", f"{subject.name}'s account is disabled in the directory")
    details["Through"] = [_through(g.path, role_name(g.role_id, rules.roles)) for g in subject.grants]
    return Step("scoping", "success", "in scope", details)


def _through(path: tuple[str, ...], role: str) -> str:
    return f"{' > '.join(path) if path else 'assigned directly'} ({role})"


def role_name(role_id: str, roles: tuple[AppRole, ...]) -> str:
    """What people call the role; its id when the app doesn't know it."""
    if role_id == DEFAULT_ACCESS:
        return "Default Access"
    return next((r.display_name for r in roles if r.id == role_id), role_id)


def entitles(grant: Grant, rules: Rules) -> bool | None:
    """Whether that grant entitles to an account; none when the app doesn't know its role."""
    if grant.role_id == DEFAULT_ACCESS:
        return rules.default_access
    return next((role.provisions for role in rules.roles if role.id == grant.role_id), None)


def _entitled(subject: Subject, rules: Rules) -> bool | str:
    """Whether one of the grants entitles; the id of a role that nobody knows, when none does and one is unknown.

    A role that was taken out of the app while people still hold it is an error of configuration. It must not
    end their access (the documented service treats it as a stale assignment)."""
    unknown = ""
    for grant in subject.grants:
        answer = entitles(grant, rules)
        if answer:
            return True
        if answer is None:
            unknown = grant.role_id
    return unknown or False
