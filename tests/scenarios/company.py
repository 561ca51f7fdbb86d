"""A world's directory: made from data, and changed by the words that the worlds use.

Users and groups are named by their key in the file, which is their id. Unless a world says otherwise, a user's
userPrincipalName is `<key>@contoso.example` and the displayName the key with a capital letter.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from instep.core.directory import Assignment, Entry
from instep.core.subject import DEFAULT_ACCESS, Kind, Presence
from instep.stores.directory import DirectoryStore
from instep.stores.directory.editor import Editor

DOMAIN = "@contoso.example"
DELETED = datetime.now(UTC)


class Company:
    """Edits the directory of one app's world."""

    def __init__(self, directory: DirectoryStore, app: str) -> None:
        self._directory = directory
        self._app = app

    def add(self, given: Mapping[str, Any]) -> None:
        """Add `users` (key to attributes) and `groups` (key to members, `name`), and assign `assigned`."""
        with self._directory.edit() as editor:
            for key, attributes in (given.get("users") or {}).items():
                editor.put(_user(key, attributes or {}))
            groups: dict[str, Any] = given.get("groups") or {}
            for key, group in groups.items():
                editor.put(Entry(Kind.GROUP, key, _form(group).get("name", key)))
            for key, group in groups.items():
                self._join(editor, {key: _form(group).get("members", [])})
        self.assign(given.get("assigned") or [])

    def set(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        """Change attributes of users, or the `name` of groups."""
        with self._directory.edit() as editor:
            for key, attributes in given.items():
                entry = _entry(editor, key)
                if entry.kind is Kind.GROUP:
                    editor.put(msgspec.structs.replace(entry, name=attributes["name"]))
                else:
                    editor.put(
                        _user(key, {"manager": entry.manager, **entry.attributes, **_named(entry), **attributes})
                    )

    def enable(self, keys: Sequence[str]) -> None:
        """Enable accounts."""
        self._replace(keys, enabled=True)

    def disable(self, keys: Sequence[str]) -> None:
        """Disable accounts."""
        self._replace(keys, enabled=False)

    def delete(self, keys: Sequence[str]) -> None:
        """Put users or groups into the recycle bin."""
        self._replace(keys, presence=Presence.SOFT_DELETED, deleted=DELETED)

    def restore(self, keys: Sequence[str]) -> None:
        """Take users or groups out of the recycle bin."""
        self._replace(keys, presence=Presence.PRESENT, deleted=None)

    def purge(self, keys: Sequence[str]) -> None:
        """Delete users or groups for good."""
        with self._directory.edit() as editor:
            for key in keys:
                editor.purge(_entry(editor, key).kind, [key])

    def join(self, given: Mapping[str, Sequence[str]]) -> None:
        """Group to new members."""
        with self._directory.edit() as editor:
            self._join(editor, given)

    def leave(self, given: Mapping[str, Sequence[str]]) -> None:
        """Group to former members."""
        with self._directory.edit() as editor:
            for group, members in given.items():
                for member in members:
                    editor.leave(group, member)

    def assign(self, given: Sequence[str | Mapping[str, str]]) -> None:
        """Assign the app to users and groups: keys, or key to role id."""
        with self._directory.edit() as editor:
            for one in given:
                key, role = (one, DEFAULT_ACCESS) if isinstance(one, str) else next(iter(one.items()))
                kind = _entry(editor, key).kind
                editor.assign(Assignment(f"{key} {role}", self._app, kind, key, role))

    def unassign(self, keys: Sequence[str]) -> None:
        """Take the app away."""
        with self._directory.edit() as editor:
            for key in keys:
                editor.unassign(self._app, key, None)

    def _replace(self, keys: Sequence[str], **values: Any) -> None:
        with self._directory.edit() as editor:
            for key in keys:
                editor.put(msgspec.structs.replace(_entry(editor, key), **values))

    def _join(self, editor: Editor, given: Mapping[str, Sequence[str]]) -> None:
        for group, members in given.items():
            for member in members:
                editor.join(group, _entry(editor, member).kind, member)


def _form(group: Any) -> dict[str, Any]:
    """A group that is written as a list has just members."""
    return group if isinstance(group, dict) else {"members": group or []}


def _named(entry: Entry) -> dict[str, Any]:
    return {"userPrincipalName": entry.name, "enabled": entry.enabled}


def _user(key: str, given: Mapping[str, Any]) -> Entry:
    attributes = {"displayName": key.capitalize(), **given}
    name = attributes.pop("userPrincipalName", key + DOMAIN)
    enabled, manager = attributes.pop("enabled", True), attributes.pop("manager", None)
    return Entry(Kind.USER, key, name, attributes, enabled, manager)


def _entry(editor: Editor, key: str) -> Entry:
    found = editor.entry(Kind.USER, key) or editor.entry(Kind.GROUP, key)
    assert found is not None, f"the world has no {key!r}"
    return found
