"""A rules document becomes a synchronization schema (Microsoft Graph's `synchronizationSchema`).

Where the rules came from a schema, that schema is put out again: what the rules still say is left exactly as it is,
with everything that isn't understood here, and only what has changed is written into it. Otherwise one is made, with
all the attributes that both directories are known to have.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from instep.core.faults import Fault, content
from instep.core.rules_document import FilterDocument, MappingRow, ObjectDocument, RulesDocument
from instep.core.subject import Kind
from instep.documents.differences import differences
from instep.documents.graph_attributes import SOURCE, TARGET, TARGET_OBJECTS, attribute, source_object, target_object
from instep.documents.graph_reading import FaultySchema, Section, filter_document, read, section
from instep.documents.graph_schema import (
    ACTIONS,
    FLOWS,
    ObjectMapping,
    Placed,
    attribute_definition,
    canonical,
    keyed,
    object_mappings,
)
from instep.expressions import parse, to_tree

_NAMESPACE = UUID("6d0c5a5e-9a3f-4f43-8f52-2b6c1c1f7a10")
"""Of the ids that are made here: the same app has the same ids in every export."""
_FLOW_TYPES = {flow: name for name, flow in FLOWS.items()}


class Exported(Struct, frozen=True):
    """A schema."""

    schema: dict[str, Any]
    notes: tuple[str, ...]
    """What of the rules it doesn't say: a line for each difference that an import would make."""


def write(rules: RulesDocument, name: str, original: dict[str, Any] | None = None) -> Exported:
    """The schema of an app's rules.

    name: the app's, for the ids of a new schema. original: the schema that the rules were imported from.
    """
    schema = deepcopy(original) if original else _new(name)
    for kind, document in ((Kind.USER, rules.users), (Kind.GROUP, rules.groups)):
        found = object_mappings(schema, kind)
        if not found:
            if document == ObjectDocument(enabled=False):
                continue
            found = [_add_object_mapping(schema, kind)]
        _merge(_one_form(document), found[0], section(found[0], kind))
    return Exported(schema, tuple(_unsaid(rules, schema)))


def _unsaid(rules: RulesDocument, schema: dict[str, Any]) -> list[str]:
    try:
        again = read(schema).rules
    except FaultySchema as wrong:
        return [f"it can't be imported again: {fault}" for fault in wrong.faults]
    said = msgspec.structs.replace(rules, users=_one_form(rules.users), groups=_one_form(rules.groups))
    return list(differences(said, again))


def _one_form(document: ObjectDocument) -> ObjectDocument:
    """With its sources as expressions are printed, and actions in the usual order."""
    rows = tuple(msgspec.structs.replace(row, source=parse(row.source).text) for row in document.mappings)
    actions = tuple(action for action in ACTIONS.values() if action in document.actions)
    return msgspec.structs.replace(document, mappings=rows, actions=actions)


def _merge(wanted: ObjectDocument, into: ObjectMapping, held: Section) -> None:
    mapping, there = into.mapping.content, held.document
    if wanted.enabled != there.enabled:
        mapping["enabled"] = wanted.enabled
    if wanted.actions != there.actions:
        mapping["flowTypes"] = ", ".join(name for name, action in ACTIONS.items() if action in wanted.actions) or "None"
    if wanted.filters != there.filters:
        _write_filters(wanted, into)
    if wanted.mappings != there.mappings or wanted.members != there.members:
        _write_rows(wanted, into, held)


def _write_filters(wanted: ObjectDocument, into: ObjectMapping) -> None:
    scope = content(into.mapping.content.get("scope"))
    there = {filter_document(group, at): group for at, group in enumerate(keyed(scope.get("groups")))}
    scope["groups"] = [there.get(each) or _group(each) for each in wanted.filters]
    for key in ("inputFilterGroups", "categoryFilterGroups"):
        scope.setdefault(key, [])
    into.mapping.content["scope"] = scope
    _define_source([clause.attribute for each in wanted.filters for clause in each.clauses], into)


def _group(of: FilterDocument) -> dict[str, Any]:
    return {
        "name": of.name,
        "clauses": [
            {
                "operatorName": each.operator,
                "sourceOperandName": each.attribute,
                "targetOperand": {"values": [] if each.value is None else [each.value]},
            }
            for each in of.clauses
        ],
    }


def _write_rows(wanted: ObjectDocument, into: ObjectMapping, held: Section) -> None:
    parts = [part.content for part in into.mapping.parts("attributeMappings")]
    there = {canonical(row.target): at for row, at in zip(held.document.mappings, held.rows, strict=True)}
    before = {canonical(row.target): row for row in held.document.mappings}
    others = _others(parts, held, wanted.members)
    written = others.pop(-1, [])
    for row in wanted.mappings:
        name = canonical(row.target)
        at = there.get(name, len(parts))
        if before.get(name) == row:
            written.append(parts[at])
        else:
            written.append(_attribute_mapping(row, parts[at] if name in there else {}))
            _define_target(row, into)
            _define_source(parse(row.source).attributes, into)
        written += others.pop(at, [])
    written += [part for left in others.values() for part in left]
    if wanted.members and held.members is None:
        written.append(_attribute_mapping(MappingRow("members", "[members]"), {}))
        if not attribute_definition(into.target, "members"):
            members = attribute("members", type="Reference", multivalued=True, of=TARGET_OBJECTS[Kind.USER])
            into.target.setdefault("attributes", []).append(members)
    into.mapping.content["attributeMappings"] = written


def _others(parts: list[dict[str, Any]], held: Section, members: bool) -> dict[int, list[dict[str, Any]]]:
    """What is no row of ours, by the row that it follows (-1 at the beginning): memberships, what maps nothing."""
    found: dict[int, list[dict[str, Any]]] = {}
    last = -1
    for at, part in enumerate(parts):
        if at in held.rows:
            last = at
        elif members or at != held.members:
            found.setdefault(last, []).append(part)
    return found


def _attribute_mapping(row: MappingRow, part: dict[str, Any]) -> dict[str, Any]:
    """Graph's attributeMapping of a row, in what was there before."""
    usual = {"flowBehavior": "FlowWhenChanged", "exportMissingReferences": False}
    return (
        usual
        | part
        | {
            "targetAttributeName": row.target,
            "matchingPriority": row.matching,
            "flowType": _FLOW_TYPES[row.flow],
            "defaultValue": row.default,
            "source": to_tree(parse(row.source)),
        }
    )


def _define_target(row: MappingRow, into: ObjectMapping) -> None:
    of = attribute_definition(into.target, row.target)
    if not of:
        of = attribute(row.target)
        into.target.setdefault("attributes", []).append(of)
    if row.reference and of.get("type") != "Reference":
        of["type"] = "Reference"
        of["referencedObjects"] = [{"referencedObjectName": TARGET_OBJECTS[Kind.USER], "referencedProperty": None}]
    elif not row.reference and of.get("type") == "Reference":
        of["type"] = "String"
    if not row.reference:
        of |= {"caseExact": row.case_exact, "required": row.required, "multivalued": row.multivalued}


def _define_source(names: Iterable[str], into: ObjectMapping) -> None:
    """Every attribute that is read is in the source's definition."""
    for name in sorted(names):
        if into.source and not attribute_definition(into.source, name):
            into.source.setdefault("attributes", []).append(attribute(name))


def _new(name: str) -> dict[str, Any]:
    """A schema that maps nothing yet."""
    directories = [
        {
            "id": _id(name, directory),
            "name": directory,
            "discoverabilities": "None",
            "discoveryDateTime": None,
            "readOnly": False,
            "version": "1",
            "objects": [object_(kind) for kind in Kind],
        }
        for directory, object_ in ((SOURCE, source_object), (TARGET, target_object))
    ]
    rule: dict[str, Any] = {
        "id": _id(name, "rule"),
        "name": "USER_OUTBOUND_USER",
        "priority": 1,
        "editable": True,
        "sourceDirectoryName": SOURCE,
        "targetDirectoryName": TARGET,
        "metadata": [],
        "containerFilter": None,
        "groupFilter": None,
        "objectMappings": [],
    }
    return {
        "id": f"{name}.{_id(name, 'schema').replace('-', '')}.{_id(name, 'job')}",
        "version": "v1.0",
        "directories": directories,
        "synchronizationRules": [rule],
    }


def _id(name: str, of: str) -> str:
    return str(uuid5(_NAMESPACE, f"{name}/{of}"))


def _add_object_mapping(schema: dict[str, Any], kind: Kind) -> ObjectMapping:
    """An object mapping that maps nothing yet, in the first of the rules. Raises FaultySchema where there is none."""
    rules = Placed("", schema).parts("synchronizationRules")
    if not rules:
        raise FaultySchema([Fault("synchronizationRules", "there are none")])
    rules[0].content.setdefault("objectMappings", []).append(
        {
            "name": f"Provision Microsoft Entra ID {kind}s",
            "enabled": True,
            "flowTypes": ", ".join(ACTIONS),
            "sourceObjectName": str(kind),
            "targetObjectName": TARGET_OBJECTS[kind],
            "metadata": [
                {"key": "EscrowBehavior", "value": '"Default"'},
                {"key": "Disposition", "value": '"Normal"'},
            ],
            "scope": None,
            "attributeMappings": [],
        }
    )
    return object_mappings(schema, kind)[0]
