"""The key by which two names of people are compared, wherever they come from: directory, rules, app."""

import unicodedata
from typing import Any


def key(value: Any) -> str:
    """What two values of a matching attribute are compared by: Unicode's NFC, in lower case.

    Not folded: folding takes ß for ss and ſ for s, and would hand one person's account to another."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(value)).lower())
