"""decide: what to do about one subject.

"Unchanged" compares what is desired with what was last sent and accepted, attribute by attribute and member
by member; for an account that is being adopted, with what the app holds. Whatever is unknown since a write
was never acknowledged counts as different. The guard comes later: here each decision only says what effects
it would have.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from instep.core.change import (
    Adopt,
    AttributeChange,
    Change,
    Create,
    Decision,
    Delete,
    Disable,
    Effect,
    EffectKind,
    Enable,
    Keep,
    Release,
    Skip,
    Step,
    Update,
)
from instep.core.desire import ACTIVE, Desired, NotReady, OutOfScope
from instep.core.link import Link, Status
from instep.core.match import Absent, Found, Observed, Twins, differences
from instep.core.protection import LOGIN, Protection
from instep.core.redaction import MASK, shown
from instep.core.rules import ObjectRules, Rules
from instep.core.scope import change_that_ended
from instep.core.subject import Kind, Presence, Subject

UNKNOWN_MEMBER = "unknown"
SENT_MEMBER = "sent"
FOREIGN_MEMBER = "foreign"
"""The state of a membership that nobody here stands behind, found by an audit; its member is an app id."""


class Around(Struct, frozen=True):
    """What is known of the subjects that this one refers to, and of its memberships in the app."""

    accounts: Mapping[str, str] = {}
    """Subject id to app id, of those that have an account."""
    coming: Container[str] = frozenset[str]()
    """Subjects that get an account in this cycle."""
    memberships: Mapping[str, str] = {}
    """Member id to `sent`, `pending`, `unknown` or `foreign`: what the job knows of this group in the app."""
    untouched: frozenset[str] = frozenset()
    """Members who are protected: neither put in nor taken out."""


def decide(
    subject: Subject,
    link: Link | None,
    wish: Desired | OutOfScope | NotReady,
    observed: Observed | None,
    rules: Rules,
    around: Around,
) -> Decision:
    """The decision about one subject.

    observed: what a look-up found; none for a subject that is linked, whose link says what the app holds.
    """
    if rules.protection and (protected := _protected(subject, link, wish, observed, rules.protection)):
        reason = f"{protected}, so this job never touches it"
        return _decision(subject, link, Skip("Protected", reason), (*wish.trace, Step("processing", "skipped", reason)))
    of = rules.of(subject.kind)
    if isinstance(wish, NotReady):
        made: Change = Skip(wish.code, wish.reason, failed=True)
        return _decision(subject, link, made, wish.trace)
    if isinstance(wish, OutOfScope):
        return _end(subject, link, wish, rules, around)
    if link is None or not link.alive:
        return _begin(subject, link, wish, observed, of, around)
    authoritative = of.members and rules.authoritative_members
    foreign = _in_state(around, FOREIGN_MEMBER) - around.untouched if authoritative else ()
    return _continue(subject, link, wish, of, around, tuple(sorted(foreign)))


def _protected(
    subject: Subject,
    link: Link | None,
    wish: Desired | OutOfScope | NotReady,
    observed: Observed | None,
    protection: Protection,
) -> str:
    """Why the subject is left alone: by what the directory calls it, or by a login name that its account has in the
    app, would get, or was found to have."""
    if found := protection.person(subject):
        return found
    wished = (wish.attributes.get(LOGIN), wish.initial.get(LOGIN)) if isinstance(wish, Desired) else ()
    seen = (observed.login,) if isinstance(observed, Found) else ()
    return (protection.linked(link) if link else "") or protection.account(*wished, *seen)


# ------------------------------------------------------------------------------------- access that ends


def _end(subject: Subject, link: Link | None, wish: OutOfScope, rules: Rules, around: Around) -> Decision:
    """The deprovisioning matrix: what leaving scope, disabling and deleting lead to."""
    of, purged = rules.of(subject.kind), subject.presence is Presence.PURGED
    if link is None or not link.ours:
        code = "NotEffectivelyEntitled" if wish.clause in ("unassigned", "role", "disabled") else "OutOfScope"
        return _decision(subject, link, Skip(code, wish.reason), wish.trace)
    if link.status is Status.RELEASED:
        return _decision(subject, link, Skip("Released", f"{wish.reason}; no longer managed"), wish.trace)
    if rules.skip_out_of_scope_deletions and wish.clause in ("unassigned", "role", "filter"):
        said = Step("processing", "skipped", "leaving scope sends nothing, as the job says")
        return _decision(subject, link, Release(), (*wish.trace, said))
    since_then = subject.seq > link.seq and link.rules_version == rules.version
    ended_by = change_that_ended(subject, wish, since_then)
    deletes = subject.kind is Kind.GROUP or rules.ending.by == "delete" or (purged and rules.ending.delete_when_purged)
    if deletes:
        if "delete" not in of.actions:
            said = Step("processing", "skipped", "deleting is switched off for this type")
            return _decision(subject, link, Release(), (*wish.trace, said))
        gone = _delete_effects(subject, link, around)
        return _decision(subject, link, Delete(), wish.trace, app_id=link.app_id, effects=gone, ended_by=ended_by)
    if link.status is Status.DISABLED and ACTIVE not in link.unknown:
        return _decision(subject, link, Keep(), wish.trace)
    if "update" not in of.actions:
        said = Step("processing", "skipped", "updating is switched off for this type, and a disable is an update")
        return _decision(subject, link, Release(), (*wish.trace, said))
    change = Disable((AttributeChange(ACTIVE, link.sent.get(ACTIVE, True), False),))
    trace = (*wish.trace, Step("processing", "success", "access ends by active=false; memberships stay as they are"))
    effects = (Effect(EffectKind.DISABLE),)
    return _decision(subject, link, change, trace, app_id=link.app_id, effects=effects, ended_by=ended_by)


def _delete_effects(subject: Subject, link: Link, around: Around) -> tuple[Effect, ...]:
    if subject.kind is Kind.USER:
        # Whoever is disabled has no access to lose.
        ended = link.status is Status.DISABLED and ACTIVE not in link.unknown
        return (Effect(EffectKind.DELETE_DISABLED if ended else EffectKind.DELETE),)
    held = f"{link.name} existed in the app before and was adopted: its deletion always waits" if link.adopted else ""
    # With the group its members lose what it gave them, as they do when they're taken out of it one by one.
    there = len(_in_state(around, SENT_MEMBER) | _in_state(around, UNKNOWN_MEMBER))
    return (Effect(EffectKind.DELETE_GROUP, always_held=held), *_effects((), there))


# ------------------------------------------------------------------------------------ access that begins


def _begin(
    subject: Subject, link: Link | None, wish: Desired, observed: Observed | None, of: ObjectRules, around: Around
) -> Decision:
    def failure(code: str, reason: str) -> Decision:
        trace = (*wish.trace, Step("matching", "failure", reason))
        return _decision(subject, link, Skip(code, reason, failed=True), trace, redacted=wish.redacted)

    if not wish.matches:
        names = " or ".join(m.target for m in of.matching)
        return failure("ImportSkipped", f"{subject.name} has no value for {names}, by which it would be matched")
    if isinstance(observed, Twins):
        value = MASK if observed.by in wish.redacted else observed.value
        ids = ", ".join(observed.app_ids)
        reason = f"{len(observed.app_ids)} accounts in the app have {observed.by} {value}: {ids}"
        return failure("DuplicateTargetEntries", reason)
    if isinstance(observed, Found):
        if observed.owner:
            reason = (
                f"the account {observed.app_id}, found by {observed.by}, belongs to {observed.owner}; "
                f"{subject.name} can't take it over"
            )
            return failure("DuplicateSourceEntries", reason)
        return _adopt(subject, link, wish, observed, of, around)
    return _create(subject, link, wish, observed or Absent(looked_up=False), of, around, failure)


def _create(
    subject: Subject, link: Link | None, wish: Desired, observed: Absent, of: ObjectRules, around: Around, failure: Any
) -> Decision:
    if "create" not in of.actions:
        return _decision(subject, link, Skip("CreateDisabled", "creating is switched off for this type"), wish.trace)
    if wish.missing:
        return failure("MandatoryFieldsMissing", f"{subject.name} has no value for {', '.join(wish.missing)}")
    attributes = {**wish.attributes, **wish.initial}
    after: list[str] = []
    for path, referred in wish.references.items():
        if referred is None:
            continue
        attributes[path] = {"subject": referred, "value": around.accounts.get(referred)}
        if referred not in around.accounts:
            after.append(referred)
    wanted = sorted(set(wish.members) - around.untouched)
    reachable = tuple(m for m in wanted if _reachable(m, around))
    pending = tuple(m for m in wanted if not _reachable(m, around))
    said = (
        "no match found" if observed.looked_up else "the app refuses duplicates: created first, looked up on conflict"
    )
    step = Step("matching", "success", said, {"asked": shown(wish.matches, wish.redacted, observed.asked)})
    return _decision(
        subject,
        link,
        Create(attributes, reachable),
        (*wish.trace, step, *_unresolved(pending)),
        after=tuple(after),
        pending=pending,
        match=wish.matches,
        create_first=not observed.looked_up,
        redacted=wish.redacted,
    )


def _adopt(
    subject: Subject, link: Link | None, wish: Desired, found: Found, of: ObjectRules, around: Around
) -> Decision:
    changes, pending = _attribute_changes(wish, found.observed, frozenset(), subject, of, around)
    members = _member_changes(wish, found.members, of, around)
    pending.extend(members.pending)
    change = Adopt(found.app_id, found.observed, members_found=tuple(sorted(found.members)))
    if "update" in of.actions:
        foreign = tuple(sorted(set(found.foreign) - around.untouched)) if of.members else ()
        change = msgspec.structs.replace(
            change,
            changes=tuple(changes),
            members_added=members.added,
            members_removed=members.removed,
            foreign_removed=foreign,
        )
    step = Step("matching", "success", f"found {found.app_id} by {found.by}", {"id": found.app_id})
    return _decision(
        subject,
        link,
        change,
        (*wish.trace, step, *_unresolved(pending)),
        app_id=found.app_id,
        effects=_effects(change.changes, len(change.members_removed) + len(change.foreign_removed)),
        pending=tuple(pending),
        redacted=wish.redacted,
    )


# ---------------------------------------------------------------------------------- access that goes on


def _continue(
    subject: Subject, link: Link, wish: Desired, of: ObjectRules, around: Around, foreign: tuple[str, ...]
) -> Decision:
    changes, pending = _attribute_changes(wish, link.sent, link.unknown, subject, of, around)
    members = _member_changes(wish, _in_state(around, SENT_MEMBER), of, around) if of.members else _NOBODY
    pending.extend(members.pending)
    status = link.status
    differs = bool(changes or members.added or members.removed or foreign)
    if not differs and status is not _RELEASED:
        # Most people, the short way: there is nothing to tell but whom they wait for.
        return _decision(subject, link, _KEEP, _unresolved(pending), pending=tuple(pending), redacted=wish.redacted)
    trace = (*wish.trace, *_unresolved(pending))

    def done(change: Change, effects: tuple[Effect, ...] = ()) -> Decision:
        return _decision(subject, link, change, trace, effects=effects, pending=tuple(pending), redacted=wish.redacted)

    if status is _RELEASED and (not differs or "update" not in of.actions):
        return done(Enable(()))
    if "update" not in of.actions:
        return done(Skip("UpdateDisabled", "updating is switched off for this type"))
    gives_access = any(c.path == ACTIVE and c.new is True for c in changes)
    if status in (Status.DISABLED, Status.RELEASED) and gives_access and subject.kind is Kind.USER:
        return done(Enable(tuple(changes)), _effects(changes, 0))
    update = Update(tuple(changes), members.added, members.removed, foreign)
    return done(update, _effects(changes, len(members.removed) + len(foreign)))


class _Members(Struct, frozen=True):
    """How a group's memberships have to change: subjects, ascending, whatever order they came in."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


_NOBODY = _Members()
_KEEP = Keep()
_RELEASED = Status.RELEASED  # by name, since an enumeration's member is slow to fetch, and this is asked of everybody


def _member_changes(wish: Desired, there: Iterable[str], of: ObjectRules, around: Around) -> _Members:
    """there: subjects who are known to be members. Where memberships aren't provisioned they are let alone."""
    if not of.members:
        return _Members()
    present, wanted = frozenset(there), frozenset(wish.members)
    absent = sorted(wanted - present - around.untouched)
    return _Members(
        added=tuple(m for m in absent if _reachable(m, around)),
        removed=tuple(sorted((present | _in_state(around, UNKNOWN_MEMBER)) - wanted - around.untouched)),
        pending=tuple(m for m in absent if not _reachable(m, around)),
    )


def _in_state(around: Around, state: str) -> frozenset[str]:
    return frozenset(m for m, s in around.memberships.items() if s == state)


def _reachable(member: str, around: Around) -> bool:
    """Whether it has an account in the app, or gets one in this cycle."""
    return member in around.accounts or member in around.coming


def _attribute_changes(
    wish: Desired,
    held: Mapping[str, Any],
    unknown: frozenset[str],
    subject: Subject,
    of: ObjectRules,
    around: Around,
) -> tuple[list[AttributeChange], list[str]]:
    """The changes, and the subjects referred to that have no account yet."""
    changes = differences(wish.attributes, held, unknown, of.by_target)
    # An account that says nothing of `active` is in use; an app that doesn't have the attribute never says it.
    if ACTIVE not in held and ACTIVE not in unknown:
        changes = [c for c in changes if not (c.path == ACTIVE and c.new is True)]
    changes += [AttributeChange(path, held.get(path), None) for path in wish.cleared if path in held or path in unknown]
    if subject.kind is Kind.USER:
        changes = [_guarded(c, of.logins) for c in changes]
    pending: list[str] = []
    for path, referred in wish.references.items():
        old = held.get(path)
        if referred is None:
            # A reference that we wrote and that the directory dropped is taken out: a leaver's name must not
            # stay as somebody's manager.
            if old is not None or path in unknown:
                changes.append(AttributeChange(path, old, None))
            continue
        account = around.accounts.get(referred)
        if account is None:
            pending.append(referred)
        elif path in unknown or _account_of(old) != account:
            changes.append(AttributeChange(path, old, {"subject": referred, "value": account}))
    return changes, pending


def _account_of(value: Any) -> Any:
    """The app id of a reference, as kept (`{"subject": ..., "value": ...}`) or as the app returned it."""
    return value.get("value") if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _guarded(change: AttributeChange, logins: frozenset[str]) -> AttributeChange:
    """Marks a change that ends access or changes a login identifier, whatever mapping it came from."""
    if change.path == ACTIVE and change.new is False and change.old is not False:
        return msgspec.structs.replace(change, effect=EffectKind.DISABLE)
    if change.path in logins and change.old is not None:
        return msgspec.structs.replace(change, effect=EffectKind.RENAME)
    return change


def _effects(changes: Iterable[AttributeChange], removed: int) -> tuple[Effect, ...]:
    effects = tuple(Effect(c.effect) for c in changes if c.effect)
    return (*effects, Effect(EffectKind.REMOVE_MEMBERS, removed)) if removed else effects


def _unresolved(pending: Sequence[str]) -> tuple[Step, ...]:
    if not pending:
        return ()
    code = "UnableToResolveReferenceAttributeValue"
    said = f"{len(pending)} referred to have no account in the app yet: written as soon as they have one"
    return (Step("referenceResolution", "skipped", said, {"code": code, "subjects": list(pending[:20])}),)


def _decision(
    subject: Subject,
    link: Link | None,
    change: Change,
    trace: tuple[Step, ...],
    *,
    app_id: str | None = None,
    effects: tuple[Effect, ...] = (),
    after: tuple[str, ...] = (),
    pending: tuple[str, ...] = (),
    match: tuple[tuple[str, str], ...] = (),
    create_first: bool = False,
    redacted: tuple[str, ...] = (),
    ended_by: int = 0,
) -> Decision:
    return Decision(
        kind=subject.kind,
        subject_id=subject.id,
        name=subject.name or (link.name if link else subject.id),
        seq=subject.seq,
        change=change,
        app_id=app_id or (link.app_id if link and link.alive else None),
        effects=effects,
        trace=trace,
        after=after,
        pending=pending,
        match=match,
        create_first=create_first,
        redacted=redacted,
        ended_by=ended_by,
    )
