"""Dates as the mapping language passes them on, and the free forms in which people write them.

Between functions a date is a text in UTC, `M/d/yyyy h:mm:ss tt`. `parse` reads that and what .NET's general parser
takes with the invariant culture: ISO 8601, month first with slashes, names of months, each with or without a time and
an offset. A date without an offset is UTC; one with an offset and no time is that place's midnight. Two-digit years and
times without a date are refused, since they would mean something else in another year or on another day.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ..errors import Fault
from ..limits import DATE_LENGTH

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)


def _names(names: Sequence[str]) -> str:
    return "|".join(f"{name}|{name[:3]}" for name in names)


_DATES: Final = (
    r"(?P<year>\d{4})(?P<separator>[-/.])(?P<month>\d{1,2})(?P=separator)(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})[-/](?P<day>\d{1,2})[-/](?P<year>\d{4})",
    rf"(?P<day>\d{{1,2}})[- ](?P<name>{_names(MONTHS)})[- ,]\s*(?P<year>\d{{4}})",
    rf"(?P<name>{_names(MONTHS)}) (?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})",
)
_WEEKDAY: Final = rf"(?:(?:{_names(DAYS)}),?\s+)?"
_TIME: Final = (
    r"(?:(?:T|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AP])M)?)?"
)
_ZONE: Final = r"(?:\s?(?P<zone>Z|GMT|UTC|[+-]\d{1,2}(?::?\d{2})?))?"
_FORMS: Final = tuple(re.compile(rf"\s*{_WEEKDAY}{date}{_TIME}{_ZONE}\s*", re.IGNORECASE | re.ASCII) for date in _DATES)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_TRAVELLING: Final = re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M", re.ASCII)


def travels(text: str) -> bool:
    """Whether the text has the form in which dates are passed on."""
    return _TRAVELLING.fullmatch(text) is not None


def written(moment: datetime) -> str:
    """The date in the form in which it is passed on; seconds are the smallest part of it.

    >>> written(datetime(2021, 6, 29, 16, tzinfo=UTC))
    '6/29/2021 4:00:00 PM'
    """
    half = "AM" if moment.hour < 12 else "PM"
    hour = moment.hour % 12 or 12
    return f"{moment.month}/{moment.day}/{moment.year:04d} {hour}:{moment.minute:02d}:{moment.second:02d} {half}"


def in_utc(when: datetime) -> datetime:
    """A moment in UTC; one without an offset is taken to be that already."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def parse(text: str) -> datetime:
    """The moment in UTC that a text means, or a `Fault`."""
    if len(text) > DATE_LENGTH:
        raise Fault("{} isn't a date", text)
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is not None:
            return _moment(text, found)
    raise Fault("{} isn't a date that can be read; FormatDateTime reads other formats", text)


def _moment(text: str, found: re.Match[str]) -> datetime:
    parts = found.groupdict()
    month = int(parts["month"]) if parts.get("month") else month_named(parts["name"])
    hour = int(parts["hour"] or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise Fault("{} isn't a date: with AM or PM the hour is from 1 to 12", text)
        hour = hour % 12 + (12 if parts["half"].upper() == "P" else 0)
    return moment(
        text,
        (int(parts["year"]), month, int(parts["day"])),
        (hour, int(parts["minute"] or 0), int(parts["second"] or 0)),
        parts["fraction"] or "",
        offset(text, parts["zone"] or "Z"),
    )


def moment(
    text: str, date: tuple[int, int, int], time: tuple[int, int, int], fraction: str, zone: timedelta
) -> datetime:
    """A moment in UTC from its parts; a `Fault` about the whole text where there is no such day, time or year."""
    try:
        local = datetime(*date, *time, int(f"{fraction:0<6.6}"), tzinfo=timezone(zone))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Fault("{} isn't a date: there is no such day or time", text) from None


def month_named(name: str) -> int:
    """The number of a month, by its English name or the first three letters of it."""
    return next(number for number, full in enumerate(MONTHS, start=1) if full[:3].lower() == name[:3].lower())


def offset(text: str, zone: str) -> timedelta:
    """An offset such as `Z`, `+08:00`, `-0700` or `-8`."""
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return timedelta()
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours > 14 or minutes > 59:
        raise Fault("{} isn't a date: no place is more than 14 hours from UTC", text)
    return timedelta(hours=hours, minutes=minutes) * (-1 if found[1] == "-" else 1)


def from_file_time(ticks: int) -> datetime:
    """The moment that is so many steps of 100 nanoseconds after the year 1601 began, as Active Directory counts."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        raise Fault("{} is outside of the years 1 to 9999", ticks) from None


def file_time(when: datetime) -> int:
    """The steps of 100 nanoseconds from the beginning of 1601 to this moment."""
    return (when - _EPOCH) // timedelta(microseconds=1) * 10
