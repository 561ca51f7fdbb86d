"""The gallery: what is known of each app, one YAML file each, read and checked.

A vendor's differences are data in its file, never code. The format is described in
docs/reference/gallery-format.md; the shape of `rules` is in `rules_document`.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from instep.core.rules_document import DocumentError, RulesDocument, convert, rules_document
from instep.core.subject import AppRole
from instep.scim.abilities import Abilities, AbilitiesError, override

__all__ = ["GalleryError", "RulesDocument", "DocumentError", "Template", "names", "read", "rules_document", "template"]


class GalleryError(ValueError):
    """A template that doesn't exist or can't be used; the message names the file and the key."""


class Template(Struct, frozen=True):
    """What the gallery knows of an app."""

    name: str
    display_name: str
    protocol: str
    tenant_url: str
    """The app's URL, or its shape with `{placeholders}`; empty where each customer has their own."""
    auth: str
    """`bearer` for a token that is pasted; what else a file may say isn't offered yet."""
    rules: Mapping[str, Any]
    """The rules document that a new app begins with: plain data, checked."""
    roles: tuple[AppRole, ...]
    default_access: bool
    """Whether Default Access entitles to provisioning."""
    abilities: Abilities
    token_hint: str = ""
    """Where an administrator finds the token."""
    prerequisites: str = ""
    capabilities: tuple[str, ...] = ()
    provenance: str = ""
    """Where the mappings come from, and what of them is assumed."""
    notes: tuple[str, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """A gallery file as it is written."""

    name: str
    display_name: str
    protocol: str
    rules: dict[str, Any]
    tenant_url: str = ""
    auth: str = "bearer"
    token_hint: str = ""
    prerequisites: str = ""
    capabilities: tuple[str, ...] = ()
    provenance: str = ""
    abilities: dict[str, Any] = {}
    notes: tuple[str, ...] = ()


PROTOCOLS = ("scim-2.0",)
AUTH = ("bearer",)


def names() -> list[str]:
    """The names of all templates, in alphabetical order."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


@lru_cache(maxsize=64)
def template(name: str) -> Template:
    """One app's template. Raises GalleryError when there is none, or its file isn't right."""
    if name not in names():
        raise GalleryError(f"the gallery has no app {name!r}; it has: {', '.join(names())}")
    file = resources.files(__name__).joinpath(f"{name}.yaml")
    made = read(file.read_text(encoding="utf-8"), file.name)
    if made.name != name:
        raise GalleryError(f"{file.name}: name: {made.name!r} must be {name!r}, as the file is called")
    return made


def read(text: str, file: str) -> Template:
    """A template from YAML text; `file` is what errors call it. Raises GalleryError."""
    try:
        return _template(_Loader(text).get_single_data())
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise GalleryError(f"{file}: {place}{wrong.problem or wrong.context}") from None
    except yaml.YAMLError as wrong:
        raise GalleryError(f"{file}: {wrong}") from None
    except DocumentError as wrong:
        raise GalleryError(f"{file}: {wrong}") from None


def _template(given: Any) -> Template:
    if not isinstance(given, dict):
        raise DocumentError("expected keys and values, such as `name: mixpanel`")
    file: _File = convert(given, _File)
    if file.protocol not in PROTOCOLS:
        raise DocumentError(f"protocol: {file.protocol!r} isn't spoken; known: {', '.join(PROTOCOLS)}")
    if file.auth not in AUTH:
        raise DocumentError(f"auth: {file.auth!r} isn't offered; known: {', '.join(AUTH)}")
    if file.tenant_url and not file.tenant_url.startswith("https://"):
        raise DocumentError("tenant_url: must begin with https://")
    try:
        rules = rules_document(file.rules)
    except DocumentError as wrong:
        raise DocumentError(f"rules.{wrong}") from None
    try:
        abilities = override(Abilities(), file.abilities)
    except AbilitiesError as wrong:
        raise DocumentError(f"abilities.{wrong}") from None
    return Template(
        name=file.name,
        display_name=file.display_name,
        protocol=file.protocol,
        tenant_url=file.tenant_url,
        auth=file.auth,
        # As it will come back from the store: lists, no tuples.
        rules=msgspec.json.decode(msgspec.json.encode(rules)),
        roles=tuple(AppRole(role.id, role.value, role.display_name, role.provisions) for role in rules.roles),
        default_access=rules.default_access,
        abilities=abilities,
        token_hint=file.token_hint,
        prerequisites=file.prerequisites,
        capabilities=file.capabilities,
        provenance=file.provenance,
        notes=file.notes,
    )


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice is an error, and not the last one's win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
