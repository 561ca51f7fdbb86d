"""Compiling: a job's rules document becomes `Rules`, or a list of what is wrong with its expressions.

The document's form is checked before (`rules_document`). `Rules.version` is made from its content.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from instep.core.desire import ACTIVE
from instep.core.guard import Limits
from instep.core.rules import Ending, Mapping, ObjectRules, Rules
from instep.core.rules_document import DocumentError, FilterDocument, MappingRow, ObjectDocument, RulesDocument
from instep.core.scoping import Clause, ClauseError, Filter, clause
from instep.core.subject import AppRole, Kind
from instep.expressions import ExpressionError, parse
from instep.scim.paths import parse as parse_path

_KNOWN = {name.lower(): name for name in (ACTIVE, "userName")}
"""Attributes that the rules know by name, which is the same in any case (RFC 7643 section 2.1)."""


def compile_rules(document: RulesDocument) -> Rules:
    """The rules that the document describes. Raises DocumentError naming all faulty expressions."""
    faults: list[str] = []
    users = _type(document.users, Kind.USER, faults)
    groups = _type(document.groups, Kind.GROUP, faults)
    if faults:
        raise DocumentError("; ".join(faults))
    content = msgspec.json.encode(document, order="deterministic")
    return Rules(
        version=hashlib.blake2b(content, digest_size=8).hexdigest(),
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
        limits=Limits(**msgspec.structs.asdict(document.guard)),
    )


def _type(section: ObjectDocument, kind: Kind, faults: list[str]) -> ObjectRules:
    place = "users" if kind is Kind.USER else "groups"
    return ObjectRules(
        kind=kind,
        mappings=_mappings(section.mappings, place, faults),
        filters=_filters(section.filters, place, faults),
        enabled=section.enabled,
        actions=frozenset(section.actions),
        members=section.members,
    )


def _filters(given: Sequence[FilterDocument], place: str, faults: list[str]) -> tuple[Filter, ...]:
    filters: list[Filter] = []
    for number, each in enumerate(given):
        clauses: list[Clause] = []
        for at, row in enumerate(each.clauses):
            try:
                clauses.append(clause(row.attribute, row.operator, () if row.value is None else (row.value,)))
            except (ClauseError, ExpressionError) as wrong:
                faults.append(f"{place}.filters[{number}].clauses[{at}]: {wrong}")
        if not each.clauses:
            faults.append(f"{place}.filters[{number}]: a filter without clauses would let everybody pass; leave it out")
        filters.append(Filter(each.name, tuple(clauses)))
    return tuple(filters)


def _mappings(rows: Sequence[MappingRow], place: str, faults: list[str]) -> tuple[Mapping, ...]:
    mappings: list[Mapping] = []
    for number, row in enumerate(rows):
        try:
            source = parse(row.source)
        except ExpressionError as wrong:
            faults.append(f"{place}.mappings[{number}].source: {wrong}")
            continue
        if "SelectUniqueValue" in source.functions:
            faults.append(f"{place}.mappings[{number}].source: SelectUniqueValue isn't supported: give one value")
            continue
        target = str(parse_path(row.target))
        mappings.append(
            Mapping(
                target=_KNOWN.get(target.lower(), target),
                source=source,
                default=row.default,
                matching=row.matching,
                flow=row.flow,
                case_exact=row.case_exact,
                required=row.required,
                reference=row.reference,
            )
        )
    return tuple(mappings)
