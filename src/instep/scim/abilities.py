"""Abilities: what is known of an app, and what it taught us.

They begin with what the gallery says, or these defaults, and are kept with the job. Each function below takes
abilities and returns those after one thing happened; it names the fallback that is used from then on. An
app's own `/ServiceProviderConfig` is not believed here: what it really did is.
"""

from typing import Literal

import msgspec
from msgspec import Struct

Dialect = Literal["rfc", "entra", "entra-compliant"]
Removal = Literal["value-path", "value-list"]


class Abilities(Struct, frozen=True, omit_defaults=True):
    """What an app can do, as far as we know. The defaults trust an app to follow RFC 7644."""

    dialect: Dialect = "rfc"
    """How PATCH is worded: RFC-clean, as Entra does by default, or as Entra does with `aadOptscim062020`."""
    page_size: int = 100
    """`count` of a list request; pages are counted by what comes, not by this."""
    members_per_patch: int = 100
    """Members in one request at the most."""
    members_in_create: bool = True
    """Whether a new group's first members ride in its creation."""
    removal: Removal = "value-path"
    """How members are taken out: `members[value eq "id"]`, or `members` with a list of values."""
    trusts_list: bool = True
    """Whether listing gives everything, each once."""
    trusts_filter: bool = True
    """Whether a filter narrows the answer."""
    enforces_uniqueness: bool = False
    """Whether the app refuses a second user with the same matching value, so that a creation may be sent
    without a look-up. It says nothing of groups: RFC 7643 doesn't ask for unique displayNames."""
    reads_members: bool = True
    """Whether reading a group shows its members. Stated by the gallery, never learnt: an empty group looks the
    same."""
    patch: bool = True
    """Whether users are changed by PATCH; otherwise by reading and PUT. Groups are always patched."""
    excluded_attributes: bool = True
    """Whether `excludedAttributes=members` is understood; otherwise it is left out."""
    bulk: bool = True
    """Whether writes of users are gathered into `/Bulk` requests, where `/ServiceProviderConfig` offers them. Not where
    an app's limits count the operations within."""


class AbilitiesError(ValueError):
    """Overrides that don't describe abilities; the message names the key."""


def override(abilities: Abilities, given: dict[str, object]) -> Abilities:
    """Abilities with the given keys replaced, as a gallery file states them. Raises AbilitiesError."""
    unknown = sorted(set(given) - set(Abilities.__struct_fields__))
    if unknown:
        raise AbilitiesError(f"{unknown[0]}: there is no such ability; known: {', '.join(Abilities.__struct_fields__)}")
    stated = msgspec.to_builtins(msgspec.structs.asdict(abilities)) | given
    try:
        result = msgspec.convert(stated, Abilities)
    except msgspec.ValidationError as wrong:
        problem, _, place = str(wrong).partition(" - at `$.")
        raise AbilitiesError(f"{place.rstrip('`')}: {problem}") from None
    for name in ("page_size", "members_per_patch"):
        if getattr(result, name) < 1:
            raise AbilitiesError(f"{name}: must be at least 1")
    return result


def ignored_filter(abilities: Abilities) -> Abilities:
    """A filter for a value that nobody has was answered with resources. Fallback: the list is read."""
    return msgspec.structs.replace(abilities, trusts_filter=False)


def listed_wrongly(abilities: Abilities) -> Abilities:
    """A list was incomplete or showed something twice. Fallback: look-ups one by one."""
    return msgspec.structs.replace(abilities, trusts_list=False)


def dropped_members(abilities: Abilities) -> Abilities:
    """A creation didn't show or didn't take its members. Fallback: they are added by PATCH."""
    return msgspec.structs.replace(abilities, members_in_create=False)


def refused_removal(abilities: Abilities) -> Abilities:
    """A form of taking members out was refused. Fallback: the other form."""
    other: Removal = "value-list" if abilities.removal == "value-path" else "value-path"
    return msgspec.structs.replace(abilities, removal=other)


def refused_size(abilities: Abilities, members: int) -> Abilities:
    """A request with that many members was too large (413). Fallback: half as many."""
    return msgspec.structs.replace(abilities, members_per_patch=max(1, min(members, abilities.members_per_patch) // 2))


def refused_patch(abilities: Abilities) -> Abilities:
    """PATCH of a user isn't offered. Fallback: read, and PUT the whole."""
    return msgspec.structs.replace(abilities, patch=False)


def refused_bulk(abilities: Abilities) -> Abilities:
    """`/Bulk` isn't offered, or is refused. Fallback: each write is sent alone."""
    return msgspec.structs.replace(abilities, bulk=False)


def refused_exclusion(abilities: Abilities) -> Abilities:
    """`excludedAttributes` was refused. Fallback: it is left out, and what comes is skipped."""
    return msgspec.structs.replace(abilities, excluded_attributes=False)
