"""Explaining one person or group: in or out of scope and why, what each mapping gives, what would be sent now.

The answers are those of a cycle that looked at nobody else (`Evaluation.look`), taken apart with the same pure
functions. The app is read where that is wanted, and nothing is written anywhere. Values that a mapping redacts are
masked here. How an explanation looks is the door's.
"""

from collections.abc import Mapping as Map
from itertools import islice
from typing import Any, Literal

import msgspec
from msgspec import Struct

from instep.core.change import Decision, Skip
from instep.core.desire import Desired, Mapped, NotReady, OutOfScope, in_scope, inputs, mapped
from instep.core.link import Link
from instep.core.match import Found, Observed, Twins, observe, rewritten
from instep.core.rules import Flow, ObjectRules
from instep.core.scope import entitles, role_name
from instep.core.scoping import Finding, findings
from instep.core.subject import Kind, Presence, Subject
from instep.engine.entries import MASK, shown_changes
from instep.engine.evaluate import Evaluated, Evaluation, unmatched
from instep.engine.lookup import Lookup
from instep.engine.progress import Progress
from instep.engine.spool import ListedSpool
from instep.engine.world import Job, World
from instep.expressions import DROP
from instep.expressions.nodes import printed
from instep.ports import DirectoryReader, LogEntry, StateReader, Target
from instep.scim import documents

ENTRIES = 5
"""How many entries of the log come along."""

Standing = Literal["sent", "unchanged", "creation", "waiting", "empty", "left-out", "missing", "failed", "idle"]
"""What comes of a mapping now: `sent`; `unchanged` since it was sent; for the `creation` of an account only; `waiting`
for the account of whom it refers to; `empty`, so left alone; `left-out` as its expression says; required and
`missing`; `failed`; `idle` while nothing is sent of the subject's attributes at all."""


class Scoping(Struct, frozen=True):
    """Whether the app concerns the subject, and what decided."""

    state: Literal["in", "out", "not-ready"]
    decided_by: str = ""
    """`unassigned`, `role`, `filter`, `disabled`, `soft-deleted`, `purged`, `type`; or an error's code."""
    reason: str = ""


class Access(Struct, frozen=True):
    """One assignment that reaches the subject."""

    assignment_id: str
    role_id: str
    role: str
    path: tuple[str, ...]
    """Names of the groups from the assigned one down to the subject; empty when assigned directly."""
    entitles: bool | None
    """Whether its role entitles to an account; none when the app doesn't know the role."""


class MappingView(Struct, frozen=True):
    """One mapping: what it read, what it gives, what comes of it."""

    target: str
    source: str
    read: Map[str, Any]
    value: Any
    """Of a reference, a subject's id; several where the first that nobody has is taken; none for no value."""
    standing: Standing
    flow: Flow = "always"
    matching: int = 0
    reference: bool = False
    defaulted: bool = False
    """Whether the value is the mapping's default."""
    redacted: bool = False
    error: str = ""


class Holding(Struct, frozen=True):
    """What the app holds of the subject now."""

    state: Literal["not-asked", "absent", "one", "several", "gone"]
    app_ids: tuple[str, ...] = ()
    attributes: Map[str, Any] = {}
    """The managed ones, by path."""
    members: tuple[str, ...] = ()
    """Subjects that are members of it (groups)."""
    unknown_members: int = 0
    """Members whom no subject of this job stands behind."""
    owner: str = ""
    """Whose account it is, in words, where another subject has it."""
    differs: Map[str, Any] = {}
    """What was sent instead, by path, where the app holds something else."""


class Explanation(Struct, frozen=True):
    """Everything about one subject and one app."""

    subject: Subject
    scoping: Scoping
    access: tuple[Access, ...]
    clauses: tuple[Finding, ...]
    mappings: tuple[MappingView, ...]
    decision: Decision | None
    """None when it depends on what is in the app, which wasn't asked; or when this type isn't provisioned."""
    verdict: str
    """What an administrator said about a held part: `approved`, `rejected`, `waiting`; empty for no hold."""
    holding: Holding
    link: Link | None
    unsettled: bool
    """Whether an earlier request has no known outcome: a cycle finds out first."""
    log: tuple[LogEntry, ...]
    """Newest first."""


async def explain(
    world: World, job: Job, target: Target, kind: Kind, subject_id: str, *, ask: bool = True
) -> Explanation:
    """Explain one subject. ask: whether the app may be read. Raises AppUnavailable."""
    now, lookup = world.clock.now(), Lookup(world, job, target, may_create_first=False)
    evaluation = Evaluation(world, job, lookup, ListedSpool(), "explanation", now, Progress())
    look = world.directory.reader()
    reader: DirectoryReader = await world.offload(look.__enter__)
    try:
        [found] = await evaluation.look(reader, kind, [subject_id], ask=ask and job.rules.of(kind).enabled)
    finally:
        await world.offload(lambda: look.__exit__(None, None, None))
    under_way = await world.state.read(lambda state: state.under_way(job.name, kind, [subject_id]))
    log = await world.state.read(lambda state: _entries(state, job.name, kind, subject_id))
    given = inputs(found.subject, job.rules.roles, now, found.seed, job.default_domain)
    purged = found.subject.presence is Presence.PURGED
    of = job.rules.of(kind)
    wish = found.wish if isinstance(found.wish, Desired) else in_scope(found.subject, job.rules, given)
    holding = await _holding(job, target, lookup, found, wish) if ask else Holding("not-asked")
    redacted = frozenset(m.target for m in of.mappings if m.source.redacted)
    decision = _decision(found, of, ask)
    return Explanation(
        subject=found.subject,
        scoping=_scoping(found.wish, of),
        access=_access(found.subject, job),
        clauses=() if purged else findings(of.filters, given),
        mappings=() if purged else tuple(_view(each, wish, decision, found) for each in mapped(of, given)),
        decision=decision,
        verdict=found.verdict,
        holding=msgspec.structs.replace(
            holding, attributes=_masked(holding.attributes, redacted), differs=_masked(holding.differs, redacted)
        ),
        link=_masked_link(found.link, redacted),
        unsettled=bool(under_way),
        log=log,
    )


def _entries(state: StateReader, job: str, kind: Kind, subject_id: str) -> tuple[LogEntry, ...]:
    """The newest entries about that very subject: the log is searched by the beginning of names as well."""
    about = state.log(job, person=subject_id, newest_first=True)
    return tuple(islice((e for e in about if (e.kind, e.subject_id) == (kind, subject_id)), ENTRIES))


def _decision(found: Evaluated, of: ObjectRules, asked: bool) -> Decision | None:
    depends = isinstance(found.wish, Desired) and unmatched(found.wish, found.link)
    return found.decision if of.enabled and (asked or not depends) else None


def _scoping(wish: Desired | OutOfScope | NotReady, of: ObjectRules) -> Scoping:
    if not of.enabled:
        return Scoping("out", "type", f"{of.kind.lower()}s aren't provisioned to this app")
    if isinstance(wish, OutOfScope):
        return Scoping("out", wish.clause, wish.reason)
    if isinstance(wish, NotReady):
        return Scoping("not-ready", wish.code, wish.reason)
    return Scoping("in")


def _access(subject: Subject, job: Job) -> tuple[Access, ...]:
    rules = job.rules
    return tuple(
        Access(g.assignment_id, g.role_id, role_name(g.role_id, rules.roles), g.path, entitles(g, rules))
        for g in subject.grants
    )


# ---------------------------------------------------------------------------------------- the mappings


def _view(each: Mapped, wish: Desired | NotReady, decision: Decision | None, found: Evaluated) -> MappingView:
    mapping, redacted = each.mapping, each.mapping.source.redacted
    value = each.given(wish)
    return MappingView(
        target=mapping.target,
        source=printed(mapping.source.node, masked=True),
        read=dict.fromkeys(each.read, MASK) if redacted else each.read,
        value=MASK if redacted and value is not None else value,
        standing=_standing(each, wish, decision, found),
        flow=mapping.flow,
        matching=mapping.matching,
        reference=mapping.reference,
        defaulted=each.value is None and value is not None,
        redacted=redacted,
        error=each.error,
    )


def _standing(each: Mapped, wish: Desired | NotReady, decision: Decision | None, found: Evaluated) -> Standing:
    path = each.mapping.target
    if each.error:
        return "failed"
    if each.value is DROP:
        return "left-out"
    desired = found.wish
    if isinstance(desired, Desired):
        referred = desired.references.get(path)
        if path in desired.missing:
            return "missing"
        if referred is not None and referred not in found.around.accounts:
            return "waiting"
        if decision and path in {change.path for change in shown_changes(decision)}:
            return "sent"
    if each.given(wish) is None:
        return "empty"
    if not isinstance(desired, Desired) or decision is None or isinstance(decision.change, Skip):
        return "idle"
    return "unchanged" if path in desired.attributes or path in desired.references else "creation"


# ----------------------------------------------------------------------------------- what the app holds


async def _holding(job: Job, target: Target, lookup: Lookup, found: Evaluated, wish: Desired | NotReady) -> Holding:
    """What the app holds, by the link's id where there is one, else as a look-up finds it."""
    kind, of, link = found.subject.kind, job.rules.of(found.subject.kind), found.link
    if not of.enabled:
        return Holding("not-asked")
    if link is None or not link.alive or link.app_id is None:
        if found.observed is not None:
            return _looked_up(found.observed)
        if not isinstance(wish, Desired) or not wish.matches or found.subject.presence is Presence.PURGED:
            return Holding("not-asked")
        seen = await lookup.observe(kind, [(found.subject, wish.matches)], many=False)
        return _looked_up(seen[found.subject.id])
    resource = await target.read(kind, link.app_id, members=kind is Kind.GROUP and of.members)
    if resource is None:
        return Holding("gone", (link.app_id,))
    ids = documents.members(resource.document) if kind is Kind.GROUP else []
    known = await lookup.subjects_behind(ids)
    return Holding(
        "one",
        (link.app_id,),
        observe(resource.document, of, ("active",)),
        tuple(sorted(known.values())),
        len(ids) - len(known),
        differs={path: link.sent[path] for path in rewritten(link.sent, resource.document, of)},
    )


def _looked_up(seen: Observed) -> Holding:
    if isinstance(seen, Twins):
        return Holding("several", seen.app_ids)
    if isinstance(seen, Found):
        return Holding("one", (seen.app_id,), seen.observed, tuple(sorted(seen.members)), len(seen.foreign), seen.owner)
    return Holding("absent")


def _masked(attributes: Map[str, Any], redacted: frozenset[str]) -> dict[str, Any]:
    return {path: MASK if path in redacted else value for path, value in attributes.items()}


def _masked_link(link: Link | None, redacted: frozenset[str]) -> Link | None:
    if link is None:
        return None
    return msgspec.structs.replace(
        link, seed="", sent=_masked(link.sent, redacted), returned=_masked(link.returned, redacted)
    )
