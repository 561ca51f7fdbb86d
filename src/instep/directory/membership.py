"""Who belongs to what: group members, and assignments to apps.

Each function is one transaction and raises `Impossible` when it can't be done. Which roles an app has is the
caller's to know: roles come as ids.
"""

from collections.abc import Callable

from instep.core.directory import Assignment, Entry
from instep.core.subject import DEFAULT_ACCESS, Kind
from instep.directory.lookup import Impossible, find, find_present
from instep.directory.store import Browsing, Store


def add_member(store: Store, group: str, kind: Kind, member: str) -> tuple[Entry, Entry, bool]:
    """Make somebody, or a group, a member. Returns group, member, and whether that's new."""
    with store.edit() as editing:
        to, joins = find_present(editing, Kind.GROUP, group), find_present(editing, kind, member)
        if kind is Kind.GROUP and to.id in _below(editing, joins.id):
            raise Impossible(
                f"{joins.name} can't be a member of {to.name}: groups would contain each other in a circle"
            )
        return to, joins, editing.join(to.id, kind, joins.id)


def remove_member(store: Store, group: str, kind: Kind, member: str) -> tuple[Entry, Entry]:
    """End a membership. Returns group and member."""
    with store.edit() as editing:
        of, leaves = find(editing, Kind.GROUP, group), find(editing, kind, member)
        if not editing.leave(of.id, leaves.id):
            raise Impossible(f"{leaves.name} isn't a direct member of {of.name}")
        return of, leaves


def assign(
    store: Store, app: str, kind: Kind, who: str, new_id: Callable[[], str], role: str = DEFAULT_ACCESS
) -> tuple[Entry, bool]:
    """Give the app to a user or group with a role. Returns whom, and whether that's new."""
    with store.edit() as editing:
        principal = find_present(editing, kind, who)
        return principal, editing.assign(Assignment(new_id(), app, kind, principal.id, role))


def unassign(store: Store, app: str, kind: Kind, who: str, role: str | None = None) -> tuple[Entry, int]:
    """Take the app away: one role, or all. Returns from whom, and how many assignments ended."""
    with store.edit() as editing:
        principal = find(editing, kind, who)
        ended = editing.unassign(app, principal.id, role)
        if not ended:
            raise Impossible(f"{principal.name} isn't assigned to {app}{' with that role' if role else ''} directly")
        return principal, ended


def _below(browsing: Browsing, group: str) -> set[str]:
    """A group and all groups in it."""
    children: dict[str, list[str]] = {}
    for parent, child in browsing.nested():
        children.setdefault(parent, []).append(child)
    found, waiting = {group}, [group]
    while waiting:
        fresh = set(children.get(waiting.pop(), ())) - found
        found |= fresh
        waiting.extend(fresh)
    return found
