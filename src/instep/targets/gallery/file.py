"""Reading a gallery file: YAML text becomes a template, or an error that names the file, the key and the way out.

The format is described in docs/reference/gallery-format.md; the shape of `rules` is in `rules_document`.
"""

from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import Struct

from instep.core.rules_document import DocumentError, RulesDocument, convert, rules_document
from instep.core.subject import AppRole
from instep.scim.abilities import Abilities, AbilitiesError, override
from instep.scim.paths import PathError, parse
from instep.targets.gallery.templates import (
    AUTH,
    OFFERED,
    PROTOCOLS,
    SPOKEN,
    GalleryError,
    Limit,
    Template,
    placeholders,
)

if TYPE_CHECKING:
    from yaml import SafeLoader as _Safe
else:
    # With libyaml, which PyYAML's wheels carry, reading the whole gallery takes 0.05 s and not 1 s.
    _Safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """A gallery file as it is written."""

    name: str
    display_name: str
    protocol: str
    auth: tuple[str, ...] = (OFFERED,)
    provisionable: bool = True
    because: str = ""
    rules: dict[str, Any] | None = None
    tenant_url: str = ""
    placeholders: dict[str, str] = {}
    url_hint: str = ""
    token_hint: str = ""
    token_days: int = 0
    prerequisites: str = ""
    capabilities: tuple[str, ...] = ()
    provenance: str = ""
    to_choose: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    abilities: dict[str, Any] = {}
    notes: tuple[str, ...] = ()


def read(text: str, file: str) -> Template:
    """A template from YAML text; `file` is what errors call it. Raises GalleryError."""
    try:
        return _template(_Loader(text).get_single_data())
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise GalleryError(f"{file}: {place}{wrong.problem or wrong.context}") from None
    except (yaml.YAMLError, DocumentError) as wrong:
        raise GalleryError(f"{file}: {wrong}") from None


def _template(given: Any) -> Template:
    if not isinstance(given, dict):
        raise DocumentError("expected keys and values, such as `name: mixpanel`")
    file: _File = convert(given, _File)
    _check_connection(file)
    _check_url(file)
    _check_limits(file.limits)
    _check_paths(file.to_choose)
    rules = _rules(file)
    try:
        abilities = override(Abilities(), file.abilities)
    except AbilitiesError as wrong:
        raise DocumentError(f"abilities.{wrong}") from None
    stated = msgspec.structs.asdict(file) | {
        # As it will come back from the store: lists, no tuples.
        "rules": msgspec.json.decode(msgspec.json.encode(rules)) if rules else {},
        "abilities": abilities,
    }
    roles = tuple(AppRole(r.id, r.value, r.display_name, r.provisions) for r in rules.roles) if rules else ()
    return Template(**stated, roles=roles, default_access=rules.default_access if rules else True)


def _check_connection(file: _File) -> None:
    """What can be added must be able to connect, and what can't be added says why."""
    if file.protocol not in PROTOCOLS:
        raise DocumentError(f"protocol: {file.protocol!r} isn't known; known: {', '.join(PROTOCOLS)}")
    for number, way in enumerate(file.auth):
        if way not in AUTH:
            raise DocumentError(f"auth[{number}]: {way!r} isn't known; known: {', '.join(AUTH)}")
    if not file.provisionable:
        if not file.because:
            raise DocumentError("because: say why the app isn't provisionable, since `provisionable` is false")
        return
    if file.because:
        raise DocumentError("because: belongs to `provisionable: false`")
    if file.protocol != SPOKEN:
        raise DocumentError(
            f"protocol: {file.protocol!r} isn't spoken; `provisionable: false` lists the app all the same"
        )
    if OFFERED not in file.auth:
        raise DocumentError(
            f"auth: without {OFFERED!r} nobody can sign in; `provisionable: false` lists the app all the same"
        )


def _check_url(file: _File) -> None:
    if file.tenant_url and not file.tenant_url.startswith("https://"):
        raise DocumentError("tenant_url: must begin with https://")
    inside = placeholders(file.tenant_url)
    for name in inside:
        if name not in file.placeholders:
            raise DocumentError(f"placeholders: what {{{name}}} in tenant_url stands for isn't said")
    for name in file.placeholders:
        if name not in inside:
            raise DocumentError(f"placeholders.{name}: {{{name}}} doesn't stand in tenant_url")


def _check_limits(limits: tuple[Limit, ...]) -> None:
    for number, limit in enumerate(limits):
        for name in ("requests", "seconds", "burst", "above_bytes"):
            value = getattr(limit, name)
            if value is not None and value <= 0:
                raise DocumentError(f"limits[{number}].{name}: must be more than 0")
        if limit.of not in ("", "users", "groups"):
            raise DocumentError(f"limits[{number}].of: {limit.of!r} is neither users nor groups")


def _check_paths(paths: tuple[str, ...]) -> None:
    for number, path in enumerate(paths):
        try:
            parse(path)
        except PathError as wrong:
            raise DocumentError(f"to_choose[{number}]: {wrong}") from None


def _rules(file: _File) -> RulesDocument | None:
    if file.rules is None:
        if file.provisionable:
            raise DocumentError("rules: a new app has to begin with some")
        return None
    try:
        return rules_document(file.rules)
    except DocumentError as wrong:
        raise DocumentError(f"rules.{wrong}") from None


class _Loader(_Safe):
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
