"""Scope: does the app concern this subject at all?

The order is life cycle, assignment, role, scoping filters, active. Leaving scope ends access, so only what is
certain may lead there: whatever can't be told is `NotReady`.
"""

from typing import Any

from msgspec import Struct

from instep.core import scoping
from instep.core.change import Step
from instep.core.rules import Rules
from instep.core.scoping import Passing
from instep.core.subject import DEFAULT_ACCESS, AppRole, Grant, Presence, Subject
from instep.expressions import EvaluationError, Inputs, PatternTimeout

_PRESENT = Presence.PRESENT  # by name, since an enumeration's member is slow to fetch, and this is asked of everybody


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


class InScope(Struct, frozen=True, gc=False):
    """The app concerns this subject."""

    subject: Subject
    rules: Rules
    passing: Passing | None = None
    """How the scoping filters were evaluated; none where there are none."""

    @property
    def step(self) -> Step:
        """How that was found, as the log tells it. Made only when asked for: most subjects are in step already."""
        subject, rules = self.subject, self.rules
        details = _details(subject, rules, True if rules.scope == "assigned" else None, self.passing)
        details["Through"] = [_through(g.path, role_name(g.role_id, rules.roles)) for g in subject.grants]
        return Step("scoping", "success", "in scope", details)


def scope(
    subject: Subject, rules: Rules, inputs: Inputs, off: frozenset[str] = frozenset()
) -> InScope | OutOfScope | NotReady:
    """Whether the subject is in scope, and why if it isn't.

    inputs: what the filters read. off: clauses that may not be tried any more, by their text.
    """
    entitled: bool | str | None = None
    passing: Passing | None = None

    if subject.presence is not _PRESENT:
        if subject.presence is Presence.PURGED:
            return _out(subject, rules, "purged", f"{subject.name} was deleted for good in the directory")
        reason = f"{subject.name} was deleted in the directory and can be restored for 30 days"
        return _out(subject, rules, "soft-deleted", reason)
    if rules.scope == "assigned":
        if not subject.grants:
            return _out(subject, rules, "unassigned", f"{subject.name} isn't assigned to the app")
        entitled = _entitled(subject, rules)
        # Whoever is disabled in the directory is out whatever the role would say: that much is certain.
        if isinstance(entitled, str) and subject.enabled:
            reason = f"{subject.name} is assigned with a role that the app doesn't know: {entitled}"
            step = Step("scoping", "failure", reason, _details(subject, rules))
            return NotReady("NotEffectivelyEntitled", reason, (step,))
        if not entitled:
            names = ", ".join(sorted({role_name(g.role_id, rules.roles) for g in subject.grants}))
            reason = f"{subject.name} has only {names}, which doesn't entitle to an account"
            return _out(subject, rules, "role", reason, entitled)
    filters = rules.of(subject.kind).filters
    if filters:
        try:
            passing = scoping.evaluate(filters, inputs, off)
        except (scoping.ClauseError, EvaluationError) as wrong:
            if subject.enabled:
                reason = f"a scoping filter can't be evaluated for {subject.name}: {wrong}"
                step = Step("scoping", "failure", reason, _details(subject, rules, entitled))
                late = wrong.expression if isinstance(wrong, PatternTimeout) else ""
                return NotReady("EntrySynchronizationError", reason, (step,), late)
        else:
            if not passing.passed:
                failed = "; ".join(text for text, holds in passing.clauses.items() if not holds)
                reason = f"{subject.name} passes no scoping filter: {failed}"
                return _out(subject, rules, "filter", reason, entitled, passing)
    if not subject.enabled:
        reason = f"{subject.name}'s account is disabled in the directory"
        return _out(subject, rules, "disabled", reason, entitled, passing)
    return InScope(subject, rules, passing)


def _out(
    subject: Subject,
    rules: Rules,
    clause: str,
    reason: str,
    entitled: bool | str | None = None,
    passing: Passing | None = None,
) -> OutOfScope:
    step = Step("scoping", "skipped", reason, _details(subject, rules, entitled, passing))
    return OutOfScope(clause, reason, (step,))


def _details(
    subject: Subject, rules: Rules, entitled: bool | str | None = None, passing: Passing | None = None
) -> dict[str, Any]:
    """What was found on the way, under the keys of the provisioning log; none was not looked at."""
    details: dict[str, Any] = {
        "IsActive": subject.enabled and subject.presence is Presence.PRESENT,
        "Assigned": bool(subject.grants) or rules.scope == "all",
    }
    if entitled is not None:
        details["IsEffectivelyEntitledForProvisioning"] = entitled
    if passing is not None:
        details["IsInProvisioningScope"] = passing.passed
        details["ScopeEvaluationResult"] = passing.clauses
    return details


def _through(path: tuple[str, ...], role: str) -> str:
    return f"{' > '.join(path) if path else 'assigned directly'} ({role})"


def change_that_ended(subject: Subject, out: OutOfScope, changed: bool) -> int:
    """The number of the directory's change that access ends by; 0 where that isn't known.

    changed: whether the subject has changed since it was last acted upon, and the rules haven't: only then does a
    filter or a role end access by a change of the directory.
    """
    if out.clause in ("filter", "role"):
        return subject.seq if changed else 0
    return subject.ended_by


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
