"""A synchronization schema (Microsoft Graph's `synchronizationSchema`) becomes a rules document.

What Entra ID exports of a provisioning job is read as it is. Who is in scope, how access ends and the guard aren't in
it; they stay as they were, but for nested groups, which Entra doesn't follow. What has no place in our rules is told.
The schema itself is to be kept: `graph_writing` puts it out again with what has changed.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from instep.core.compile import rules_faults
from instep.core.faults import Fault, content, elements
from instep.core.rules_document import (
    Action,
    ClauseDocument,
    FilterDocument,
    MappingRow,
    NestingDocument,
    ObjectDocument,
    RulesDocument,
)
from instep.core.subject import Kind
from instep.documents.graph_schema import (
    ACTIONS,
    FLOWS,
    ObjectMapping,
    Placed,
    attribute_definition,
    canonical,
    object_mappings,
)
from instep.expressions import Expression, ExpressionError, constant, from_tree
from instep.expressions.nodes import Attribute

_ALL: tuple[Action, ...] = ("create", "update", "delete")


class FaultySchema(ValueError):
    """A schema that rules can't be made of: `faults` has everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Imported(Struct, frozen=True):
    """What a schema says."""

    rules: RulesDocument
    notes: tuple[str, ...]
    """What of it has no place in the rules, or means something else here: sentences."""


class Section(Struct):
    """What an object mapping says, and by which of its parts."""

    document: ObjectDocument
    rows: list[int]
    """Of each mapping, its place in `attributeMappings`."""
    members: int | None
    """The place of the mapping of memberships."""
    faults: list[Fault]
    notes: list[str]


def read(schema: Any, base: RulesDocument | None = None) -> Imported:
    """The rules that a schema describes.

    base: the rules that it doesn't speak of; a new app's unless given. Raises FaultySchema.
    """
    faults: list[Fault] = []
    notes: list[str] = []
    places: dict[str, str] = {}
    documents: dict[Kind, ObjectDocument] = {Kind.GROUP: ObjectDocument(enabled=False)}
    for kind in Kind:
        found = object_mappings(content(schema), kind)
        if not found:
            if kind is Kind.USER:
                faults.append(Fault("synchronizationRules", "no object mapping has the sourceObjectName User"))
            continue
        read = section(found[0], kind)
        documents[kind] = read.document
        faults += read.faults
        notes += [*read.notes, *(_unread(each) for each in found[1:])]
        places |= _places(read, found[0], kind)
    if not faults:
        nesting = NestingDocument(scope="direct", members="direct")
        groups = documents[Kind.GROUP]
        rules = RulesDocument(users=documents[Kind.USER], groups=groups, nesting=nesting)
        if base is not None:
            rules = msgspec.structs.replace(base, users=rules.users, groups=groups, nesting=nesting)
        faults = [_where(fault, places) for fault in rules_faults(msgspec.to_builtins(rules))]
        if not faults:
            return Imported(rules, (*notes, *_others(content(schema)), *_ending(rules)))
    raise FaultySchema(faults)


def section(of: ObjectMapping, kind: Kind) -> Section:
    """What an object mapping of users or groups says."""
    read = Section(ObjectDocument(), [], None, [], [])
    rows: list[MappingRow] = []
    for at, each in enumerate(of.mapping.parts("attributeMappings")):
        target = str(each.content.get("targetAttributeName") or "")
        if kind is Kind.GROUP and canonical(target) == "members":
            read.members = at
        elif row := _row(each, target, attribute_definition(of.target, target), read):
            rows.append(row)
            read.rows.append(at)
    read.document = ObjectDocument(
        mappings=tuple(rows),
        filters=_filters(of, read),
        enabled=of.mapping.content.get("enabled") is not False,
        actions=_actions(of, read),
        members=read.members is not None,
    )
    read.notes += _notes(of)
    return read


def _row(mapping: Placed, target: str, definition: dict[str, Any], read: Section) -> MappingRow | None:
    given, where = mapping.content, f"{mapping.place} ({target or 'no targetAttributeName'})"
    default, flow = given.get("defaultValue"), FLOWS.get(str(given.get("flowType") or "Always"))
    default = default if isinstance(default, str) and default else None
    if not target:
        read.faults.append(Fault(where, "an attribute mapping names the attribute that it writes to"))
        return None
    if flow is None:
        read.faults.append(Fault(f"{where}.flowType", f"expected one of {', '.join(FLOWS)}"))
        return None
    if not given.get("source"):
        # A mapping of the type None leaves the attribute; its default is for an attribute without a value.
        return MappingRow(target, constant(default).text, flow="attribute-add") if default else None
    try:
        source = from_tree(content(given["source"]))
    except ExpressionError as wrong:
        read.faults.append(Fault(f"{where}.source", str(wrong)))
        return None
    read.notes += _row_notes(given, where, definition)
    if definition.get("type") == "Reference" and isinstance(source.node, Attribute):
        return _reference(given, where, target, source, read)
    return MappingRow(
        target=target,
        source=source.text,
        matching=_priority(given),
        default=default,
        flow=flow,  # pyright: ignore[reportArgumentType]
        multivalued=definition.get("multivalued") is True,
        case_exact=definition.get("caseExact") is True,
        required=definition.get("required") is True,
    )


def _priority(given: dict[str, Any]) -> int:
    priority = given.get("matchingPriority")
    return priority if isinstance(priority, int) else 0


def _reference(given: dict[str, Any], where: str, target: str, source: Expression, read: Section) -> MappingRow:
    if _priority(given) or given.get("defaultValue") or given.get("flowType") not in (None, "Always"):
        read.notes.append(
            f"{where}: a reference is written whenever the account that it points to is there; matching, default and "
            "flowType aren't looked at"
        )
    return MappingRow(target, source.text, reference=True)


def _row_notes(given: dict[str, Any], where: str, definition: dict[str, Any]) -> Iterator[str]:
    if given.get("flowBehavior") == "FlowAlways":
        yield f"{where}: flowBehavior FlowAlways sends in every cycle; here a value is sent when it changed"
    if definition.get("flowNullValues") is True:
        yield f"{where}: flowNullValues does nothing for an app; `clear_when_empty: true` in the rules does"


def _filters(of: ObjectMapping, read: Section) -> tuple[FilterDocument, ...]:
    scope = Placed(f"{of.mapping.place}.scope", content(of.mapping.content.get("scope")))
    found: list[FilterDocument] = []
    for at, group in enumerate(scope.parts("groups")):
        clauses = tuple(_clause(clause, read) for clause in group.parts("clauses"))
        found.append(FilterDocument(str(group.content.get("name") or f"filter {at + 1}"), clauses))
    for key, meaning in _UNUSED_FILTERS.items():
        if scope.content.get(key):
            read.notes.append(f"{scope.place}.{key}: not looked at; in Entra they {meaning}")
    return tuple(found)


_UNUSED_FILTERS = {
    "inputFilterGroups": "keep objects from being read, so that more people may be in scope here",
    "categoryFilterGroups": "choose which object mapping is meant for an object",
}


def filter_document(group: dict[str, Any], number: int) -> FilterDocument:
    """The filter that an element of `scope.groups` is; faults aside."""
    read = Section(ObjectDocument(), [], None, [], [])
    placed = Placed("", group)
    clauses = tuple(_clause(clause, read) for clause in placed.parts("clauses"))
    return FilterDocument(str(group.get("name") or f"filter {number + 1}"), clauses)


def _clause(clause: Placed, read: Section) -> ClauseDocument:
    values = elements(content(clause.content.get("targetOperand")).get("values"))
    if len(values) > 1 or not all(isinstance(value, str) for value in values):
        read.faults.append(Fault(f"{clause.place}.targetOperand.values", "expected one text, or none"))
    return ClauseDocument(
        attribute=str(clause.content.get("sourceOperandName") or ""),
        operator=str(clause.content.get("operatorName") or ""),
        value=str(values[0]) if values else None,
    )


def _actions(of: ObjectMapping, read: Section) -> tuple[Action, ...]:
    given = of.mapping.content.get("flowTypes")
    if given is None:
        return _ALL
    words = [word.strip() for word in str(given).split(",") if word.strip() not in ("", "None")]
    for word in words:
        if word not in ACTIONS:
            read.faults.append(Fault(f"{of.mapping.place}.flowTypes", f"expected {', '.join(ACTIONS)}"))
    return tuple(action for word, action in ACTIONS.items() if word in words)


def _notes(of: ObjectMapping) -> Iterator[str]:
    usual = {"Disposition": "normal", "Unsynchronized": "false"}
    for each in of.mapping.parts("metadata"):
        key, value = str(each.content.get("key")), str(each.content.get("value")).strip('"')
        if key in usual and value.lower() != usual[key]:
            yield f"{of.mapping.place}.metadata: {key} is {value}, which isn't looked at"
    for key, inside in (("containerFilter", "includedContainers"), ("groupFilter", "includedGroups")):
        if content(of.rule.content.get(key)).get(inside):
            yield f"{of.rule.place}.{key}: not looked at, so that more people may be in scope here"


def _unread(other: ObjectMapping) -> str:
    name = other.mapping.content.get("name")
    return f"{other.mapping.place} ({name}): not looked at; each type has one object mapping here"


def _others(schema: dict[str, Any]) -> Iterator[str]:
    kinds = {kind.lower() for kind in Kind}
    for rule in Placed("", schema).parts("synchronizationRules"):
        for mapping in rule.parts("objectMappings"):
            name = str(mapping.content.get("sourceObjectName"))
            if name.lower() not in kinds:
                yield f"{mapping.place} ({name}): not looked at; users and groups are provisioned"


def _ending(rules: RulesDocument) -> Iterator[str]:
    if rules.ending.by != "disable":
        return
    sources = [row.source for row in rules.users.mappings if canonical(row.target) == "active"]
    if not sources:
        yield "active isn't mapped, so Entra leaves accounts as they are when access ends; here they are disabled"
    elif "IsSoftDeleted" not in sources[0]:
        yield f"active comes from {sources[0]}, so Entra doesn't disable who is unassigned; here accounts are disabled"


def _places(read: Section, of: ObjectMapping, kind: Kind) -> dict[str, str]:
    """Places in the rules, and the schema's parts that they come from."""
    at = "users" if kind is Kind.USER else "groups"
    rows = {
        f"{at}.mappings[{number}]": f"{of.mapping.place}.attributeMappings[{row}] ({document.target})"
        for number, (row, document) in enumerate(zip(read.rows, read.document.mappings, strict=True))
    }
    filters = {
        f"{at}.filters[{number}]": f"{of.mapping.place}.scope.groups[{number}]"
        for number in range(len(read.document.filters))
    }
    return rows | filters | {f"{at}.mappings": f"{of.mapping.place}.attributeMappings"}


def _where(fault: Fault, places: dict[str, str]) -> Fault:
    start = max((place for place in places if fault.place.startswith(place)), key=len, default="")
    return Fault(places.get(start, "") + fault.place.removeprefix(start), fault.problem)
