"""Compiling: a job's rules document becomes `Rules`, or a list of everything that is wrong with it.

The document is what an administrator edits and what the gallery ships: plain values, with mappings as text of
the expression language. `Rules.version` is made from its content.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from instep.core.guard import Limits
from instep.core.rules import Action, Ending, ObjectRules, Rules
from instep.core.rules import Mapping as AttributeMapping
from instep.core.subject import AppRole, Kind
from instep.expressions import ExpressionError, parse
from instep.scim.paths import PathError
from instep.scim.paths import parse as parse_path


class RulesError(ValueError):
    """The document isn't right; `faults` names each place and what is wrong there."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


_SHAPE: dict[str, dict[str, Any]] = {
    "": {"scope": ("assigned", "all"), "default_access": bool, "roles": list, "nesting": dict, "users": dict,
         "groups": dict, "ending": dict, "guard": dict, "skip_out_of_scope_deletions": bool,
         "members": ("managed", "authoritative")},
    "nesting": {"scope": ("descendants", "direct"), "members": ("flattened", "direct")},
    "ending": {"by": ("disable", "delete"), "delete_when_purged": bool},
    "guard": {"cycle_count": int, "cycle_share": (int, float), "day_count": int, "day_share": (int, float)},
    "type": {"enabled": bool, "actions": list, "mappings": list, "members": bool},
    "mapping": {"target": str, "source": str, "default": str, "matching": int, "flow": ("always", "create"),
                "case_exact": bool, "required": bool, "reference": bool},
}  # fmt: skip


def compile_rules(document: Mapping[str, Any], roles: Iterable[AppRole] = ()) -> Rules:
    """The rules that the document describes. roles: the app's roles. Raises RulesError with all faults."""
    faults: list[str] = []
    _check(document, "", "", faults)
    for name in ("nesting", "ending", "guard"):
        if isinstance(part := document.get(name, {}), Mapping):
            _check(cast("Mapping[str, Any]", part), name, f"{name}.", faults)
    users = _type(document.get("users", {}), Kind.USER, faults)
    groups = _type(document.get("groups", {"enabled": False}), Kind.GROUP, faults)
    if faults:
        raise RulesError(faults)
    nesting, ending = document.get("nesting", {}), document.get("ending", {})
    content = msgspec.json.encode((document, list(roles)), order="deterministic")
    return Rules(
        version=hashlib.blake2b(content, digest_size=8).hexdigest(),
        users=users,
        groups=groups,
        scope=document.get("scope", "assigned"),
        roles=tuple(roles),
        default_access=document.get("default_access", True),
        scope_nesting=nesting.get("scope", "descendants"),
        member_nesting=nesting.get("members", "flattened"),
        skip_out_of_scope_deletions=document.get("skip_out_of_scope_deletions", False),
        authoritative_members=document.get("members") == "authoritative",
        ending=Ending(**ending),
        limits=Limits(**document.get("guard", {})),
    )


def _check(part: Mapping[str, Any], shape: str, place: str, faults: list[str]) -> None:
    """Each key is known, and its value of the right kind."""
    known = _SHAPE[shape]
    for name, value in part.items():
        if name not in known:
            faults.append(f"{place}{name}: unknown; expected one of {', '.join(known)}")
            continue
        wanted = known[name]
        if isinstance(wanted, tuple) and isinstance(wanted[0], str):
            if value not in wanted:
                faults.append(f"{place}{name}: {value!r}; expected {' or '.join(cast('tuple[str, ...]', wanted))}")
        elif not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            kinds = wanted if isinstance(wanted, tuple) else (wanted,)
            names = " or ".join(_NAMES[k] for k in cast("tuple[type, ...]", kinds))
            faults.append(f"{place}{name}: {value!r}; expected {names}")


_NAMES: dict[type, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a section",
}  # fmt: skip


def _type(part: Any, kind: Kind, faults: list[str]) -> ObjectRules:
    place = "users." if kind is Kind.USER else "groups."
    if not isinstance(part, Mapping):
        return ObjectRules(kind, ())
    section = cast("Mapping[str, Any]", part)
    _check(section, "type", place, faults)
    actions = cast("list[Any]", section.get("actions", ["create", "update", "delete"]))
    faults.extend(
        f"{place}actions: {a!r}; expected create, update or delete"
        for a in actions
        if a not in ("create", "update", "delete")
    )
    mappings: list[AttributeMapping] = []
    rows = cast("list[Any]", section.get("mappings", []))
    for number, row in enumerate(rows):
        at = f"{place}mappings[{number}]"
        if not isinstance(row, Mapping):
            faults.append(f"{at}: {row!r}; expected a section with target and source")
            continue
        mapping = _mapping(cast("Mapping[str, Any]", row), at, faults)
        if mapping:
            mappings.append(mapping)
    rules = ObjectRules(
        kind,
        tuple(mappings),
        section.get("enabled", True),
        frozenset(cast("list[Action]", actions)),
        section.get("members", False),
    )
    if rules.enabled and not rules.matching and not faults:
        faults.append(f"{place}mappings: none has a matching precedence; give one `matching: 1`")
    return rules


def _mapping(row: Mapping[str, Any], at: str, faults: list[str]) -> AttributeMapping | None:
    before = len(faults)
    _check(row, "mapping", f"{at}.", faults)
    faults.extend(f"{at}.{name}: missing" for name in ("target", "source") if name not in row)
    if len(faults) > before:
        return None
    try:
        target = str(parse_path(row["target"]))
    except PathError as wrong:
        faults.append(f"{at}.target: {wrong}")
        return None
    if target == "id":
        faults.append(f"{at}.target: id is the app's to give, and can't be mapped")
        return None
    try:
        source = parse(row["source"])
    except ExpressionError as wrong:
        faults.append(f"{at}.source: {wrong}")
        return None
    rest = {name: value for name, value in row.items() if name not in ("target", "source")}
    return AttributeMapping(target=target, source=source, **rest)
