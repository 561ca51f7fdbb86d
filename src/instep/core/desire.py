"""desire: what the rules say the app should hold of a subject.

Three answers: `Desired`, `OutOfScope` with the clause that decided, or `NotReady` when that can't be told.
An error is never an absence: whatever fails here leads to `NotReady`, which changes nothing in the app.
"""

from collections.abc import Mapping as Map
from datetime import datetime
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from instep.core.change import Step
from instep.core.rules import Mapping, ObjectRules, Rules
from instep.core.scope import InScope, NotReady, OutOfScope, scope
from instep.core.subject import AppRole, Kind, Subject
from instep.expressions import DROP, Candidates, EvaluationError, Inputs, PatternTimeout, Redacted

ACTIVE = "active"
"""The attribute that ends and gives access (RFC 7643 section 4.1.1)."""
_USER = Kind.USER  # by name, since an enumeration's member is slow to fetch, and this is asked of everybody


class Desired(Struct, frozen=True, gc=False):
    """What the app should hold."""

    attributes: Map[str, Any]
    """By attribute path; what flows always."""
    initial: Map[str, Any] = {}
    """What is written on creation only: defaults, and mappings that say so."""
    references: Map[str, str | None] = {}
    """Attribute path to the subject referred to; none where the directory says nobody."""
    matches: tuple[tuple[str, str], ...] = ()
    """Matching path and value, in order of precedence."""
    cleared: tuple[str, ...] = ()
    """Paths that are to have no value."""
    candidates: Map[str, tuple[str, ...]] = {}
    """Path to values of which the first that nobody in the app has is taken, on creation."""
    missing: tuple[str, ...] = ()
    """Required paths without a value: no account can be made."""
    members: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()
    found: InScope | None = None
    """How the subject came into scope; none when that wasn't asked."""

    @property
    def trace(self) -> tuple[Step, ...]:
        """The steps that led here. Made only when asked for: whoever is in step already has none to tell."""
        return (_imported(self.found.subject), self.found.step) if self.found else ()


class Mapped(Struct, frozen=True):
    """What one mapping makes of a subject, for whoever asks why."""

    mapping: Mapping
    read: Map[str, Any]
    """The attributes that its expression reads, with what they hold."""
    value: Any = None
    """DROP, Candidates, or a value of the type that the attribute has; none when there is none."""
    error: str = ""
    """Why it has no value to be had; then nobody can say what the app should hold."""

    def given(self, wish: Desired | NotReady) -> Any:
        """What an account that is made gets of it, as `wish` says: with the default laid in, and with the chosen one
        of several candidates; a list of those while none is chosen, none for no value."""
        for values in (wish.attributes, wish.initial) if isinstance(wish, Desired) else ():
            if self.mapping.target in values:
                return values[self.mapping.target]
        if isinstance(self.value, Candidates):
            return list(self.value.values)
        return None if self.value is DROP else self.value


def desire(
    subject: Subject,
    rules: Rules,
    now: datetime,
    seed: str,
    default_domain: str | None = None,
    off: frozenset[str] = frozenset(),
) -> Desired | OutOfScope | NotReady:
    """What the app should hold of this subject.

    now: the cycle's time, UTC. seed: the link's, for values that are random once. off: texts of expressions and
    clauses that aren't tried any more, since their patterns took too long: whoever needs them is NotReady.
    """
    given = inputs(subject, rules.roles, now, seed, default_domain)
    scoped = scope(subject, rules, given, off)
    if isinstance(scoped, InScope):
        return in_scope(subject, rules, given, scoped, off)
    return replace(scoped, trace=(_imported(subject), *scoped.trace))


def _imported(subject: Subject) -> Step:
    said = f"{subject.kind.value} {subject.name} as of change {subject.seq}"
    return Step("import", "success", said, {"id": subject.id})


def in_scope(
    subject: Subject,
    rules: Rules,
    inputs: Inputs,
    found: InScope | None = None,
    off: frozenset[str] = frozenset(),
) -> Desired | NotReady:
    """What the app should hold of the subject, given that it is in scope. found: how that was found."""
    of = rules.of(subject.kind)
    attributes: dict[str, Any] = {}
    initial: dict[str, Any] = {}
    references: dict[str, str | None] = {}
    matching: dict[str, str] = {}
    missing: list[str] = []
    cleared: list[str] = []
    candidates: dict[str, tuple[str, ...]] = {}
    for mapping in of.mappings:
        try:
            if mapping.usual and not off:
                value = mapping.source.run(inputs)
                if type(value) is str and value:
                    # Most values, the short way.
                    if mapping.reference:
                        references[mapping.target] = value
                        continue
                    attributes[mapping.target] = value
                    if mapping.matching:
                        matching[mapping.target] = value
                    continue
            if mapping.source.text in off:
                raise ValueError("its pattern took too long too often, so it isn't tried any more")
            value = _value(mapping, inputs)
            default = _typed(mapping, mapping.default)
        except (EvaluationError, ValueError) as wrong:
            reason = f"the mapping of {mapping.target} failed: {wrong}"
            trace = (_imported(subject), found.step) if found else ()
            late = mapping.source.text if isinstance(wrong, PatternTimeout) else ""
            failed = Step("processing", "failure", reason)
            return NotReady("EntrySynchronizationError", reason, (*trace, failed), late)
        if value is DROP:
            continue
        if mapping.reference:
            references[mapping.target] = value
            continue
        if isinstance(value, Candidates):
            candidates[mapping.target] = value.values
            continue
        if value is None and mapping.default_on == "always":
            value = default
        if value is None:
            if default is not None:
                initial[mapping.target] = default
            elif mapping.required:
                missing.append(mapping.target)
            elif mapping.clear_when_empty:
                cleared.append(mapping.target)
            continue
        if mapping.flow == "create":
            initial[mapping.target] = value
        else:
            attributes[mapping.target] = value
        if mapping.matching:
            matching[mapping.target] = str(value)
    if subject.kind is _USER and rules.ending.by == "disable":
        # Never on creation only: it's by this attribute that access comes back after it was ended.
        attributes.setdefault(ACTIVE, initial.pop(ACTIVE, True))
    return Desired(
        attributes=attributes,
        initial=initial,
        references=references,
        matches=_by_precedence(of, matching),
        missing=tuple(missing),
        cleared=tuple(cleared),
        candidates=candidates,
        members=subject.members if of.members else (),
        redacted=of.redacted,
        found=found,
    )


def mapped(of: ObjectRules, inputs: Inputs) -> tuple[Mapped, ...]:
    """What each mapping makes of the subject, one that fails beside the others. `in_scope` says what comes of it."""
    found: list[Mapped] = []
    for mapping in of.mappings:
        read = {name: inputs.attributes.get(name) for name in sorted(mapping.source.attributes)}
        try:
            _typed(mapping, mapping.default)
            found.append(Mapped(mapping, read, _value(mapping, inputs)))
        except (EvaluationError, ValueError) as wrong:
            found.append(Mapped(mapping, read, error=str(wrong)))
    return tuple(found)


def _by_precedence(of: ObjectRules, values: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((m.target, values[m.target]) for m in of.matching if values.get(m.target))


def _value(mapping: Mapping, inputs: Inputs) -> Any:
    """What the mapping gives: DROP, none, or a value of the type that the attribute has.

    Raises EvaluationError, and ValueError for a value that the attribute can't have."""
    if mapping.source.impure:
        # Two attributes that are both random don't get the same value.
        inputs = replace(inputs, seed=f"{inputs.seed}/{mapping.target}")
    value = mapping.source.evaluate(inputs)
    if value is None or (mapping.plain and type(value) is str):
        return value or None
    if isinstance(value, Redacted):
        value = value.value
    if value is DROP or isinstance(value, Candidates):
        return value
    typed = _typed(mapping, value)
    if mapping.matching and isinstance(typed, list):
        raise ValueError("an attribute that is matched by needs one value, not a list")
    return typed


def _typed(mapping: Mapping, value: Any) -> Any:
    """Booleans travel through expressions as text; the attributes that are boolean by RFC 7643 get one."""
    if value is None or value == "":
        return None
    if mapping.boolean:
        text = str(value).strip().lower()
        if text not in ("true", "false"):
            raise ValueError(f"{'the value' if mapping.source.redacted else repr(value)} is neither True nor False")
        return text == "true"
    if isinstance(value, tuple):
        return list(cast("tuple[Any, ...]", value)) or None
    return [value] if mapping.multivalued else value


def inputs(
    subject: Subject, roles: tuple[AppRole, ...], now: datetime, seed: str, default_domain: str | None = None
) -> Inputs:
    """What expressions and filters may read of the subject. roles: the app's; the other arguments as for `desire`."""
    return Inputs(attributes=_attributes(subject, roles), now=now, seed=seed, default_domain=default_domain)


def _attributes(subject: Subject, roles: tuple[AppRole, ...]) -> dict[str, Any]:
    """IsSoftDeleted is computed: whoever is mapped is in scope."""
    values = subject.attributes
    if list in map(type, values.values()):
        values = {n: tuple(cast("list[Any]", v)) if type(v) is list else v for n, v in values.items()}
    name = subject.name
    if subject.kind is _USER:
        named = {"userPrincipalName": home_address(name), "originalUserPrincipalName": name}
    else:
        named = {"displayName": name}
    return {
        **values,
        **named,
        "id": subject.id,
        "manager": subject.manager,
        "IsSoftDeleted": "False",
        "accountEnabled": subject.enabled,
        "appRoleAssignments": _assigned(subject, roles) if roles else (),
    }


def _assigned(subject: Subject, roles: tuple[AppRole, ...]) -> tuple[dict[str, str], ...]:
    held = {grant.role_id for grant in subject.grants}
    return tuple({"id": r.id, "value": r.value, "displayName": r.display_name} for r in roles if r.id in held)


def home_address(name: str) -> str:
    """A guest's address at home. In the directory a guest is `alias_theirdomain#EXT#@tenant`; the documented service
    maps that to `alias@theirdomain`, and keeps the former as originalUserPrincipalName."""
    if "#" not in name:
        return name
    guest, _, tenant = name.partition("#EXT#@")
    alias, _, domain = guest.rpartition("_")
    return f"{alias}@{domain}" if tenant and alias and "." in domain else name
