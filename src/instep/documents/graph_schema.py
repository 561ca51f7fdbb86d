"""The parts of a synchronization schema (Microsoft Graph's `synchronizationSchema`) that rules are made of.

A schema is plain JSON data, however sloppy: a part that isn't there, or isn't what it should be, counts as empty.
Reading is in `graph_reading`, writing in `graph_writing`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from msgspec import Struct

from instep.core.faults import content, elements
from instep.core.rules_document import Action
from instep.core.subject import Kind
from instep.scim.paths import PathError, parse

FLOWS: Final[Mapping[str, str]] = {
    "Always": "always",
    "ObjectAddOnly": "create",
    "MultiValueAddOnly": "multi-value-add",
    "ValueAddOnly": "value-add",
    "AttributeAddOnly": "attribute-add",
}
"""Graph's attributeFlowType, and a mapping row's `flow`."""
ACTIONS: Final[Mapping[str, Action]] = {"Add": "create", "Update": "update", "Delete": "delete"}
"""Graph's objectFlowTypes."""


class Placed(Struct, frozen=True):
    """A part of the schema and where it stands: `synchronizationRules[0].objectMappings[1]`."""

    place: str
    content: dict[str, Any]

    def parts(self, key: str) -> "list[Placed]":
        """The elements of a list in it that have keys and values."""
        return [
            Placed(f"{self.place}.{key}[{at}]" if self.place else f"{key}[{at}]", each)
            for at, each in enumerate(keyed(self.content.get(key)))
        ]


class ObjectMapping(Struct, frozen=True):
    """An object mapping with what is known of the two objects that it maps."""

    mapping: Placed
    rule: Placed
    source: dict[str, Any]
    """The objectDefinition of the source, and of the target; empty where the schema has none."""
    target: dict[str, Any]


def object_mappings(schema: dict[str, Any], kind: Kind) -> list[ObjectMapping]:
    """The mappings of users, or of groups: those that are switched on first, then by the priority of their rule."""
    found: list[ObjectMapping] = []
    for rule in sorted(Placed("", schema).parts("synchronizationRules"), key=_priority):
        for mapping in rule.parts("objectMappings"):
            if str(mapping.content.get("sourceObjectName")).lower() == kind.lower():
                source = definition(schema, rule.content.get("sourceDirectoryName"), str(kind))
                target = definition(
                    schema, rule.content.get("targetDirectoryName"), mapping.content.get("targetObjectName")
                )
                found.append(ObjectMapping(mapping, rule, source, target))
    return sorted(found, key=lambda each: each.mapping.content.get("enabled") is False)


def _priority(rule: Placed) -> float:
    given = rule.content.get("priority")
    return given if isinstance(given, int | float) else float("inf")


def definition(schema: dict[str, Any], directory: Any, name: Any) -> dict[str, Any]:
    """The objectDefinition of that name in that directory; empty when there is none."""
    for each in elements(schema.get("directories")):
        if content(each).get("name") == directory:
            for one in keyed(content(each).get("objects")):
                if str(one.get("name")).lower() == str(name).lower():
                    return one
    return {}


def attribute_definition(of: dict[str, Any], name: str) -> dict[str, Any]:
    """The attributeDefinition of that name in an objectDefinition; empty when there is none."""
    wanted = canonical(name)
    for each in keyed(of.get("attributes")):
        if canonical(str(each.get("name"))) == wanted:
            return each
    return {}


def keyed(given: Any) -> list[dict[str, Any]]:
    """The elements of a list that have keys and values, themselves and no copies."""
    return [cast("dict[str, Any]", each) for each in elements(given) if isinstance(each, dict)]


def canonical(target: str) -> str:
    """A target attribute's name in the one form that names are compared in."""
    try:
        return str(parse(target)).lower()
    except PathError:
        return target.strip().lower()
