"""The functions of the mapping language, a module for each family. Importing this package registers them all."""

from collections.abc import Mapping

from ..registry import Function, registered
from . import asking, dates, encodings, lettercase, lists, logic, made, replacing, roles, text

__all__ = [
    "functions",
    "asking",
    "dates",
    "encodings",
    "lettercase",
    "lists",
    "logic",
    "made",
    "replacing",
    "roles",
    "text",
]


def functions() -> Mapping[str, Function]:
    """All functions of the language by their names, in alphabetical order."""
    return registered()
