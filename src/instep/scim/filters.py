"""Filters: the one comparison that a provisioning client asks for (RFC 7644 section 3.4.2.2)."""

from instep.scim.paths import parse, quoted


def equals(path: str, value: str) -> str:
    """The filter `path eq "value"`, with the value as a JSON string. Raises PathError."""
    return f"{parse(path)} eq {quoted(value)}"
