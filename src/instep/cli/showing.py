"""How text, times and numbers look in a terminal.

Names and values come from directories and apps and are shown as they are, less what a terminal would obey:
control characters are spelt out. How decisions look is in `decisions`.
"""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

MANY = 20
"""How many names are written out before the rest is counted."""


def plain(text: str) -> str:
    """Text without anything that a terminal would obey: control and formatting characters are spelt out."""
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else f"\\u{ord(c):04x}" for c in text
    )


def moment(time: datetime | None) -> str:
    """A time as people read it, UTC; empty for none."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def number(count: int, one: str, many: str = "") -> str:
    """`1 person`, `1,200 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def short(path: str) -> str:
    """An attribute path without its schema: `urn:...:User:manager` is `manager`."""
    return path.rpartition(":")[2] if path.lower().startswith("urn:") else path


def listed(names: Iterable[str], most: int = MANY) -> str:
    """Names in one line; beyond `most`, how many more there are."""
    given = [plain(name) for name in names]
    shown = ", ".join(given[:most])
    return shown if len(given) <= most else f"{shown} and {len(given) - most:,} more"


def worker(owner: str) -> str:
    """Who holds a lease, in words: `process 4711 on provisioner`."""
    parts = owner.split("/")
    return plain(f"process {parts[2]} on {parts[0]}" if len(parts) == 4 else owner)
