"""Points in time as people type them: `7d`, `12h`, `2026-03-01`, `2026-03-01T08:30`."""

import re
from datetime import UTC, datetime, timedelta

from instep.cli.job import stop

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HELP = "a time (2026-03-01, 2026-03-01T08:30, UTC unless it says otherwise) or how long ago (30m, 12h, 7d, 2w)"


def moment(text: str, now: datetime) -> datetime:
    """The time that `text` says. Raises ValueError."""
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip().lower())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} isn't a time; give {HELP}") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def given(option: str, text: str | None, now: datetime) -> datetime | None:
    """The time that an option says, none when it wasn't given; ends the command when it can't be read."""
    if text is None:
        return None
    try:
        return moment(text, now)
    except ValueError as wrong:
        stop(f"{option}: {wrong}")
