"""All checks: importing this registers them."""

from instep.checking import (
    changes,
    creation,
    discovery,
    groups,
    leaving,
    listing,
    lookups,
    members,
    protocol,
    reads,
)
from instep.checking.registry import TITLES, UnknownCheck, checks, chosen

__all__ = ["TITLES", "UnknownCheck", "checks", "chosen"]

MODULES = (changes, creation, discovery, groups, leaving, listing, lookups, members, protocol, reads)
