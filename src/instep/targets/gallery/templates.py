"""What the gallery knows of an app: values that a file becomes, and the words they are told in.

How files are read and checked is in `file`, which files there are in the package itself.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from instep.core.subject import AppRole
from instep.scim.abilities import Abilities

PROTOCOLS = {"scim-2.0": "SCIM 2.0", "scim-1.1": "SCIM 1.1", "native": "an API of its own"}
"""What apps are provisioned through, with the words for it."""
AUTH = {
    "bearer": "a bearer token",
    "basic": "an administrator's name and password",
    "oauth-authorization-code": "an administrator's consent (OAuth authorization code)",
}
"""Ways to sign in to an app, with the words for them."""
SPOKEN, OFFERED = "scim-2.0", "bearer"
"""The protocol that Instep speaks, and the way to sign in that it offers. The rest is listed, and can't be added."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class GalleryError(ValueError):
    """A template that doesn't exist or can't be used; the message names the file and the key."""


class Limit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many requests an app takes. Where several limits fit a request, each of them holds."""

    requests: int
    seconds: float | None = None
    """The span in which so many are taken; without it, so many are taken at the same time."""
    burst: int | None = None
    """How many of them may come at once."""
    methods: tuple[str, ...] = ()
    """HTTP methods that are counted together; all when there are none."""
    of: str = ""
    """`users` or `groups`; both when empty."""
    lists: bool = False
    """Only requests for a list, and not for one user or group."""
    above_bytes: int | None = None
    """Only requests with a larger body."""

    def __str__(self) -> str:
        span = f"in {self.seconds:g} s" if self.seconds else "at the same time"
        parts = [f"{self.requests:,} requests {span}"]
        if self.burst:
            parts.append(f", {self.burst:,} of them at once")
        if self.methods or self.of:
            parts.append(f": {', '.join(self.methods) or 'all'}{f' of {self.of}' if self.of else ''}")
        if self.lists:
            parts.append(", lists only")
        if self.above_bytes:
            parts.append(f", above {self.above_bytes:,} bytes")
        return "".join(parts)


class Template(Struct, frozen=True):
    """What the gallery knows of an app."""

    name: str
    display_name: str
    protocol: str
    """One of PROTOCOLS."""
    tenant_url: str
    """The app's URL, or its shape with `{placeholders}`; empty where nothing is known of it."""
    auth: tuple[str, ...]
    """Some of AUTH: how one can sign in."""
    rules: Mapping[str, Any]
    """The rules document that a new app begins with: plain data, checked. Empty where the attributes aren't known."""
    roles: tuple[AppRole, ...]
    default_access: bool
    """Whether Default Access entitles to provisioning."""
    abilities: Abilities
    provisionable: bool = True
    """Whether it can be added as an app."""
    because: str = ""
    """Why not, where it can't."""
    placeholders: Mapping[str, str] = {}
    """What has to be filled in in the URL: name to meaning."""
    url_hint: str = ""
    """Where an administrator finds the URL."""
    token_hint: str = ""
    """Where an administrator finds the token."""
    token_days: int = 0
    """After how many days the token ends; 0 where it doesn't, or that isn't known."""
    prerequisites: str = ""
    capabilities: tuple[str, ...] = ()
    provenance: str = ""
    """Where the mappings come from, and what of them is assumed."""
    to_choose: tuple[str, ...] = ()
    """Attribute paths that the app takes and that have no usual source."""
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def signs_in_by(self) -> str:
        """The ways to sign in, in words."""
        return " or ".join(AUTH[way] for way in self.auth)

    @property
    def has_groups(self) -> bool:
        """Whether groups are provisioned to begin with."""
        return bool(self.rules) and self.rules["groups"]["enabled"]

    @property
    def ends_by(self) -> str:
        """What is sent when access ends: `active=false` or `DELETE`; empty where that isn't known."""
        if not self.rules:
            return ""
        return "DELETE" if self.rules["ending"]["by"] == "delete" else "active=false"


def placeholders(url: str) -> list[str]:
    """What stands in braces in a URL, and has to be filled in, each once.

    >>> placeholders("https://{account}.{region}.example.com/scim/v2")
    ['account', 'region']
    """
    return list(dict.fromkeys(_PLACEHOLDER.findall(url)))
