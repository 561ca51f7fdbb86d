"""Compiling: a job's rules document becomes `Rules`, or a list of what is wrong with its expressions.

The document's form is checked before (`rules_document`); `rules_faults` lists what is wrong with both.
`Rules.version` is made from its content.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from instep.core.desire import ACTIVE
from instep.core.faults import Fault, content, elements, sound
from instep.core.guard import Limits
from instep.core.key import key
from instep.core.protection import Protection
from instep.core.rules import Ending, Mapping, ObjectRules, Rules
from instep.core.rules_document import (
    ClauseDocument,
    DocumentError,
    FilterDocument,
    GuardDocument,
    KindLimitsDocument,
    KindsDocument,
    MappingRow,
    ObjectDocument,
    ProtectedDocument,
    RulesDocument,
    document_faults,
)
from instep.core.scoping import Clause, ClauseError, Filter, clause
from instep.core.subject import AppRole, Kind
from instep.expressions import Expression, ExpressionError, parse
from instep.scim.paths import parse as parse_path

_KNOWN = {name.lower(): name for name in (ACTIVE, "userName")}
"""Attributes that the rules know by name, which is the same in any case (RFC 7643 section 2.1)."""
_NO_CLAUSES = "a filter without clauses would let everybody pass; leave it out"


def compile_rules(document: RulesDocument) -> Rules:
    """The rules that the document describes. Raises DocumentError naming all faulty expressions."""
    faults: list[Fault] = []
    users = _type(document.users, Kind.USER, faults)
    groups = _type(document.groups, Kind.GROUP, faults)
    if faults:
        raise DocumentError("; ".join(map(str, faults)))
    written = msgspec.json.encode(document, order="deterministic")
    return Rules(
        version=hashlib.blake2b(written, digest_size=8).hexdigest(),
        users=users,
        groups=groups,
        scope=document.scope,
        roles=tuple(AppRole(r.id, r.value, r.display_name, r.provisions) for r in document.roles),
        default_access=document.default_access,
        scope_nesting=document.nesting.scope,
        member_nesting=document.nesting.members,
        skip_out_of_scope_deletions=document.skip_out_of_scope_deletions,
        authoritative_members=document.authoritative_members,
        ending=Ending(document.ending.by, document.ending.delete_when_purged),
        limits=_limits(document.guard),
        protection=_protection(document.protected),
    )


def _limits(guard: GuardDocument) -> Limits:
    usual = Limits(guard.cycle_count, guard.cycle_share, guard.day_count, guard.day_share)
    kinds: dict[str, Limits] = {}
    for kind in KindsDocument.__struct_fields__:
        own: KindLimitsDocument | None = getattr(guard.kinds, kind, None)
        if own:
            given = {name: n for name, n in msgspec.structs.asdict(own).items() if n is not None}
            kinds[kind.replace("_", "-")] = replace(usual, **given)
    return replace(usual, kinds=kinds)


def _protection(document: ProtectedDocument | None) -> Protection | None:
    if document is None or not (document.people or document.accounts):
        return None
    return Protection(frozenset(map(key, document.people)), frozenset(map(key, document.accounts)))


def rules_faults(given: Any) -> list[Fault]:
    """Everything that is wrong with a rules document, its form and its expressions; none when it can be compiled."""
    faults = document_faults(given)
    for place in ("users", "groups"):
        section = content(content(given).get(place))
        for number, mapping in sound(section.get("mappings"), MappingRow).items():
            if mapping.source.strip():
                _source(mapping, f"{place}.mappings[{number}]", faults)
        for number, each in enumerate(elements(section.get("filters"))):
            where = f"{place}.filters[{number}]"
            if content(each).get("clauses") == []:
                faults.append(Fault(where, _NO_CLAUSES))
            for at, row in sound(content(each).get("clauses"), ClauseDocument).items():
                _clause(row, f"{where}.clauses[{at}]", faults)
    return faults


def _type(section: ObjectDocument, kind: Kind, faults: list[Fault]) -> ObjectRules:
    place = "users" if kind is Kind.USER else "groups"
    return ObjectRules(
        kind=kind,
        mappings=_mappings(section.mappings, place, faults),
        filters=_filters(section.filters, place, faults),
        enabled=section.enabled,
        actions=frozenset(section.actions),
        members=section.members,
    )


def _filters(given: Sequence[FilterDocument], place: str, faults: list[Fault]) -> tuple[Filter, ...]:
    filters: list[Filter] = []
    for number, each in enumerate(given):
        where = f"{place}.filters[{number}]"
        clauses = [_clause(row, f"{where}.clauses[{at}]", faults) for at, row in enumerate(each.clauses)]
        if not clauses:
            faults.append(Fault(where, _NO_CLAUSES))
        filters.append(Filter(each.name, tuple(clause for clause in clauses if clause)))
    return tuple(filters)


def _clause(row: ClauseDocument, where: str, faults: list[Fault]) -> Clause | None:
    try:
        return clause(row.attribute, row.operator, () if row.value is None else (row.value,))
    except (ClauseError, ExpressionError) as wrong:
        faults.append(Fault(where, str(wrong)))
        return None


def _source(row: MappingRow, where: str, faults: list[Fault]) -> Expression | None:
    try:
        source = parse(row.source)
    except ExpressionError as wrong:
        faults.append(Fault(f"{where}.source", str(wrong)))
        return None
    if "SelectUniqueValue" in source.functions and (row.matching or row.flow != "create"):
        why = "can't be matched by" if row.matching else "is for creation only: give the mapping `flow: create`"
        faults.append(Fault(f"{where}.source", f"SelectUniqueValue {why}"))
        return None
    return source


def _mappings(rows: Sequence[MappingRow], place: str, faults: list[Fault]) -> tuple[Mapping, ...]:
    mappings: list[Mapping] = []
    for number, row in enumerate(rows):
        source = _source(row, f"{place}.mappings[{number}]", faults)
        if source is None:
            continue
        target = str(parse_path(row.target))
        mappings.append(
            Mapping(
                target=_KNOWN.get(target.lower(), target),
                source=source,
                default=row.default,
                matching=row.matching,
                # Roles that were taken away stay in the app, as documented: this function only adds.
                flow="multi-value-add" if "AppRoleAssignmentsComplex" in source.functions else row.flow,
                default_on=row.default_on,
                clear_when_empty=row.clear_when_empty,
                multivalued=row.multivalued,
                case_exact=row.case_exact,
                required=row.required,
                reference=row.reference,
            )
        )
    return tuple(mappings)
