"""Whom a person means: by id, userPrincipalName, group name, or a displayName that only one has."""

from collections.abc import Sequence

from instep.core.directory import Entry
from instep.core.subject import Kind, Presence
from instep.directory.store import Browsing

WORD = {Kind.USER: "user", Kind.GROUP: "group"}


class Impossible(Exception):
    """What was asked for can't be done; the message says why and what can be done instead."""


def find(browsing: Browsing, kind: Kind, text: str) -> Entry:
    """The one user or group that `text` means; a deleted one if no present one is meant.

    Raises Impossible when there is none, or several.
    """
    found = browsing.named(kind, text)
    if not found:
        raise Impossible(f"There is no {WORD[kind]} {text!r} in the directory{_similar(browsing, kind, text)}")
    if len(found) > 1:
        choices = ", ".join(f"{entry.name} ({entry.id})" for entry in found[:5])
        raise Impossible(f"{text!r} is more than one {WORD[kind]}: {choices}; give the id")
    return found[0]


def find_present(browsing: Browsing, kind: Kind, text: str) -> Entry:
    """The same, but whoever is in the recycle bin is refused."""
    entry = find(browsing, kind, text)
    if entry.presence is not Presence.PRESENT:
        raise Impossible(f"{entry.name} was deleted; restore the {WORD[kind]} first")
    return entry


def _similar(browsing: Browsing, kind: Kind, text: str) -> str:
    entries: Sequence[Entry] = list(browsing.entries(kind, text, limit=3)) if text else []
    return f"; similar: {', '.join(entry.name for entry in entries)}" if entries else ""
