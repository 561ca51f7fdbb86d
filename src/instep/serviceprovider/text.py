"""How the app compares text and writes times.

Two values are the same when they agree in normalisation form C and, unless an attribute is case-exact, in lower case
(RFC 7643 §2.3.1, RFC 7644 §3.4.2.2). SQLite's own `lower` knows ASCII only, so the database borrows these functions.
"""

from datetime import UTC, datetime
from unicodedata import normalize


def exact(value: str) -> str:
    """The form in which case-exact values are compared."""
    return value if value.isascii() else normalize("NFC", value)


def folded(value: str) -> str:
    """The form in which all other values are compared."""
    return value.lower() if value.isascii() else normalize("NFC", normalize("NFC", value).lower())


def now() -> datetime:
    """The time on the wall, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A time as the database keeps it: UTC, microseconds, Z; such texts sort as the times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(stamped: str) -> datetime:
    """The time that `stamp` wrote down."""
    return datetime.fromisoformat(stamped)
