"""Accounts that nobody manages: whom in the directory they match, and why nobody manages them. Values only.

Compared as `match` does, by the rules' matching attributes. How they're found is in `engine/unmanaged`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from instep.core.desire import mapped
from instep.core.match import key
from instep.core.rules import ObjectRules, Rules
from instep.core.scope import OutOfScope, scope
from instep.core.subject import Kind, Presence, Subject
from instep.expressions import Inputs
from instep.scim import documents


class Reason(StrEnum):
    """Why nobody manages an account, the worst first."""

    DISABLED = "disabled"
    DELETED = "deleted"
    UNASSIGNED = "unassigned"
    OUT_OF_SCOPE = "out of scope"
    DUPLICATE = "has another account"
    NOT_LINKED = "in scope but not linked"
    UNKNOWN = "unknown"


STRAY = frozenset({Reason.DISABLED, Reason.DELETED, Reason.UNASSIGNED, Reason.OUT_OF_SCOPE})
"""The reasons of accounts whose person shouldn't have one."""


class Unmanaged(Struct, frozen=True):
    """An account in the app that no living link stands for."""

    kind: Kind
    app_id: str
    name: str
    active: bool
    subject_id: str | None
    """Whoever in the directory matches."""
    reason: str
    first_seen: datetime
    last_seen: datetime


Claim = tuple[str, str]
"""A matching path, and a value as it's compared."""


def held_claims(document: Mapping[str, Any], rules: ObjectRules) -> tuple[Claim, ...]:
    """By what an account would be matched, in order of precedence."""
    found: list[Claim] = []
    for mapping in rules.matching:
        held = documents.read(document, mapping.target)
        values = cast("list[Any]", held) if isinstance(held, list) else [held]
        found += [(mapping.target, key(v)) for v in values if v is not None and v is not documents.ABSENT]
    return tuple(found)


def wanted_claims(rules: ObjectRules, inputs: Inputs) -> tuple[Claim, ...]:
    """By what a subject would be matched. A mapping without a value, or one that fails, gives none."""
    matching = replace(rules, mappings=rules.matching)
    return tuple(
        (m.mapping.target, key(m.value)) for m in mapped(matching, inputs) if not m.error and isinstance(m.value, str)
    )


def standing(subject: Subject) -> int:
    """Who of several that match one account is meant: whoever is there and enabled first."""
    if subject.presence is Presence.PRESENT:
        return 0 if subject.enabled else 1
    return 2 if subject.presence is Presence.SOFT_DELETED else 3


def why_unmanaged(subject: Subject | None, rules: Rules, inputs: Inputs | None, has_account: bool) -> Reason:
    """Why nobody manages the account. has_account: whether the subject has a living link to another one."""
    if subject is None or inputs is None:
        return Reason.UNKNOWN
    if subject.presence is not Presence.PRESENT:
        return Reason.DELETED
    if not subject.enabled:
        return Reason.DISABLED
    scoped = scope(subject, rules, inputs)
    if isinstance(scoped, OutOfScope):
        return Reason.UNASSIGNED if scoped.clause in ("unassigned", "role") else Reason.OUT_OF_SCOPE
    return Reason.DUPLICATE if has_account else Reason.NOT_LINKED


def worst_first(accounts: Iterable[Unmanaged]) -> list[Unmanaged]:
    """Those who can sign in before those who can't, then by reason and name."""
    order = [reason.value for reason in Reason]
    return sorted(accounts, key=lambda a: (not a.active, order.index(a.reason), a.name.lower(), a.app_id))
