"""Editing users and groups by hand: add, change, disable, delete, restore, purge.

Deleting is soft: for 30 days it can be undone (Graph's deletedItems), then `purge_expired` deletes for good. A
purged user or group leaves a tombstone with nothing but id and name. Each function is one transaction, returns the
entry as it is then, and raises `Impossible` when it can't be done.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from instep.core.directory import NAMED, Entry
from instep.core.subject import Kind, Presence
from instep.directory.lookup import WORD, Impossible, find, find_present
from instep.directory.store import Browsing, Editing, Store

KEPT = timedelta(days=30)
"""How long a deleted user or group can be restored."""

_FIXED = {"id", "deletedDateTime", "members"}


def add_user(store: Store, name: str, attributes: Mapping[str, Any], new_id: Callable[[], str]) -> Entry:
    """Add a user. `attributes` are Graph's, `accountEnabled` and `manager` (id or name) among them."""
    with store.edit() as editing:
        return _change(editing, Entry(Kind.USER, new_id(), name, {}), {**attributes, NAMED[Kind.USER]: name})


def add_group(store: Store, name: str, attributes: Mapping[str, Any], new_id: Callable[[], str]) -> Entry:
    """Add a group; names are told apart without regard to case, so that people can name groups."""
    with store.edit() as editing:
        return _change(editing, Entry(Kind.GROUP, new_id(), name, {}), {**attributes, NAMED[Kind.GROUP]: name})


def set_attributes(store: Store, kind: Kind, who: str, attributes: Mapping[str, Any]) -> Entry:
    """Change attributes; None clears one. The name, `accountEnabled` and `manager` are changed the same way."""
    with store.edit() as editing:
        return _change(editing, find_present(editing, kind, who), attributes)


def delete(store: Store, kind: Kind, who: str, now: datetime) -> Entry:
    """Soft-delete: memberships and assignments stay, for a restore, but give nothing any more."""
    with store.edit() as editing:
        entry = find(editing, kind, who)
        if entry.presence is Presence.SOFT_DELETED:
            raise Impossible(f"{entry.name} was deleted already")
        return _put(editing, replace(entry, presence=Presence.SOFT_DELETED, deleted=now))


def restore(store: Store, kind: Kind, who: str) -> Entry:
    """Take back from the recycle bin."""
    with store.edit() as editing:
        entry = _deleted(editing, kind, who)
        _check_name(editing, entry)
        return _put(editing, replace(entry, presence=Presence.PRESENT, deleted=None))


def purge(store: Store, kind: Kind, who: str) -> Entry:
    """Delete for good what was soft-deleted before."""
    with store.edit() as editing:
        entry = _deleted(editing, kind, who)
        editing.purge(kind, [entry.id])
        return entry


def purge_expired(store: Store, now: datetime) -> int:
    """Delete for good whatever was soft-deleted 30 days ago or earlier. Returns how many that were."""
    with store.edit() as editing:
        expired = {kind: editing.deleted_before(kind, now - KEPT) for kind in Kind}
        for kind, ids in expired.items():
            if ids:
                editing.purge(kind, ids)
        return sum(map(len, expired.values()))


def _deleted(browsing: Browsing, kind: Kind, who: str) -> Entry:
    found = [e for e in browsing.named(kind, who) if e.presence is Presence.SOFT_DELETED]
    if not found:
        found = [e for e in browsing.entries(kind, who, Presence.SOFT_DELETED) if e.name.casefold() == who.casefold()]
    if len(found) > 1:
        ids = ", ".join(entry.id for entry in found)
        raise Impossible(f"{who!r} was deleted more than once; give the id: {ids}")
    if not found:
        entry = find(browsing, kind, who)
        raise Impossible(f"{entry.name} isn't deleted; only a deleted {WORD[kind]} can be restored or purged")
    return found[0]


def _change(editing: Editing, entry: Entry, changes: Mapping[str, Any]) -> Entry:
    fixed = sorted(_FIXED & changes.keys())
    if fixed:
        raise Impossible(f"{fixed[0]} can't be set")
    changes = dict(changes)
    name = changes.get(NAMED[entry.kind], entry.name)
    _check_text(entry.kind, name)
    if entry.kind is Kind.USER:
        entry = _with_account(editing, entry, changes)
    entry = replace(entry, name=name, attributes={**entry.attributes, **changes})
    _check_name(editing, entry)
    return _put(editing, entry)


def _with_account(editing: Editing, entry: Entry, changes: dict[str, Any]) -> Entry:
    """The entry with the changes that have fields of their own, taken out of `changes`."""
    enabled = changes.pop("accountEnabled", entry.enabled)
    if not isinstance(enabled, bool):
        raise Impossible(f"accountEnabled is true or false, not {enabled!r}")
    if "manager" not in changes:
        return replace(entry, enabled=enabled)
    manager = changes.pop("manager")
    if manager in (None, ""):
        return replace(entry, enabled=enabled, manager=None)
    above = find_present(editing, Kind.USER, str(manager))
    if above.id == entry.id:
        raise Impossible(f"{entry.name} can't be their own manager")
    if entry.id in editing.managers(above.id):
        raise Impossible(f"{above.name} can't manage {entry.name}: people would manage each other in a circle")
    return replace(entry, enabled=enabled, manager=above.id)


def _check_text(kind: Kind, name: Any) -> None:
    printable = isinstance(name, str) and name.strip() == name and bool(name) and name.isprintable()
    if kind is Kind.USER and not (printable and "@" in name and " " not in name):
        raise Impossible(f"{name!r} can't be a userPrincipalName: it looks like ada@example.com")
    if not printable:
        raise Impossible(f"{name!r} can't be a group's displayName")


def _check_name(browsing: Browsing, entry: Entry) -> None:
    """No two present entries may be meant by one name."""
    for other in browsing.named(entry.kind, entry.name):
        if other.id != entry.id and other.presence is Presence.PRESENT and _same(other.name, entry.name):
            raise Impossible(f"{other.name} belongs to another {WORD[entry.kind]} already, with the id {other.id}")


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _put(editing: Editing, entry: Entry) -> Entry:
    editing.put(entry)
    return editing.entry(entry.kind, entry.id) or entry
