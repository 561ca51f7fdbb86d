"""Functions on dates. Dates travel between functions as text in UTC, such as `6/29/2021 4:00:00 PM`."""

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Final

from ..dotnet import dateformats, datereading, dates
from ..errors import Fault
from ..registry import Example, Kind, Parameter, Site, form, function
from ..values import Evaluator

FAMILY = "Dates"

_INTERVALS: Final = ("yyyy", "m", "ww", "d", "h", "n", "s")
_LENGTHS: Final = {
    "ww": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "n": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_INTERVAL: Final = Parameter(
    "interval",
    Kind.TEXT,
    "yyyy for years, m for months, ww for weeks, d for days, h for hours, n for minutes, s for seconds.",
    choices=_INTERVALS,
)


def _interval(written: str) -> str:
    if written.lower() not in _INTERVALS:
        raise Fault(f"{{}} is no interval; intervals are {', '.join(_INTERVALS)}", written)
    return written.lower()


@form(
    "Now",
    family=FAMILY,
    about="The time of the cycle, which is the same for everybody in it.",
    parameters=(),
    returns=Kind.DATE,
    impure=True,
    examples=(Example("Now()", "7/2/2021 3:33:38 PM"),),
)
def now(site: Site) -> Evaluator:
    return lambda inputs: dates.written(dates.in_utc(inputs.now))


@function(
    "CDate",
    family=FAMILY,
    about="Reads a text as a date, and gives it in UTC. It takes ISO 8601, dates with the month first and slashes, and "
    "English names of months, each with or without a time and an offset. Without an offset UTC is meant; an offset "
    "without a time means midnight there.",
    parameters=(Parameter("expression", Kind.DATE, "The text."),),
    returns=Kind.DATE,
    examples=(
        Example('CDate("2020-03-16-07:00")', "3/16/2020 7:00:00 AM"),
        Example('CDate("2021-06-30+08:00")', "6/29/2021 4:00:00 PM"),
        Example('CDate("2009-06-15T01:45:30-07:00")', "6/15/2009 8:45:30 AM"),
        Example('CDate("2013-01-10 4:00 PM -8")', "1/11/2013 12:00:00 AM"),
        Example("CDate([hireDate])", None),
        Example("CDate([hireDate])", given={"hireDate": "soon"}, error='"soon" isn\'t a date'),
        Example('CDate("2021-02-30")', error="no such day"),
    ),
)
def c_date(moment: datetime) -> str:
    return dates.written(moment)


@function(
    "DateAdd",
    family=FAMILY,
    about="A date so many intervals later, or earlier for a negative number. Where a month is too short for the "
    "day, its last day is meant.",
    parameters=(
        _INTERVAL,
        Parameter("value", Kind.NUMBER, "How many."),
        Parameter("dateTime", Kind.DATE, "The date."),
    ),
    returns=Kind.DATE,
    examples=(
        Example('DateAdd("d", 7, CDate("2012-03-16-07:00"))', "3/23/2012 7:00:00 AM"),
        Example('DateAdd("d", -10, CDate("2012-03-16-07:00"))', "3/6/2012 7:00:00 AM"),
        Example('DateAdd("ww", 2, CDate("2012-03-16-07:00"))', "3/30/2012 7:00:00 AM"),
        Example('DateAdd("m", 10, CDate("2012-03-16-07:00"))', "1/16/2013 7:00:00 AM"),
        Example('DateAdd("yyyy", 2, CDate("2012-03-16-07:00"))', "3/16/2014 7:00:00 AM"),
        Example('DateAdd("m", 1, CDate("2023-01-31"))', "2/28/2023 12:00:00 AM"),
        Example('DateAdd("days", 1, CDate("2023-01-31"))', error="is one of yyyy, m, ww, d, h, n, s"),
    ),
)
def date_add(written: str, value: int, moment: datetime) -> str:
    interval = _interval(written)
    try:
        if interval in _LENGTHS:
            return dates.written(moment + value * _LENGTHS[interval])
        return dates.written(_months_later(moment, value * (12 if interval == "yyyy" else 1)))
    except (OverflowError, ValueError):
        raise Fault("the result is outside of the years 1 to 9999") from None


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=years, month=month + 1, day=min(moment.day, monthrange(years, month + 1)[1]))


@function(
    "DateDiff",
    family=FAMILY,
    about="How many intervals the second date is after the first, negative if it is before. Days, hours, minutes and "
    "seconds are whole ones that have gone by; years, months and weeks are counted by the calendar: by the turns of "
    "the year, of the month, or from Saturday to Sunday, that lie between the two.",
    parameters=(
        _INTERVAL,
        Parameter("date1", Kind.DATE, "The first date."),
        Parameter("date2", Kind.DATE, "The second."),
    ),
    returns=Kind.NUMBER,
    examples=(
        Example('DateDiff("d", CDate("2021-08-18+08:00"), CDate("2021-08-31+08:00"))', 13),
        Example('DateDiff("d", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))', -3449),
        Example('DateDiff("ww", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))', -493),
        Example('DateDiff("m", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))', -113),
        Example('DateDiff("yyyy", CDate("8/25/2021 5:41:18 PM"), CDate("2012-03-16-07:00"))', -9),
        Example('DateDiff("d", CDate("2021-08-31+08:00"), CDate("2021-08-31+08:00"))', 0),
        Example('DateDiff("h", CDate("2021-08-24"), CDate("2021-08-25"))', 24),
        Example('DateDiff("n", CDate("2021-08-24"), CDate("2021-08-25"))', 1440),
        Example('DateDiff("s", CDate("2021-08-24"), CDate("2021-08-25"))', 86400),
        Example('DateDiff("d", Now(), CDate([hireDate]))', None),
    ),
)
def date_diff(written: str, first: datetime, second: datetime) -> int:
    match _interval(written):
        case "yyyy":
            return second.year - first.year
        case "m":
            return (second.year - first.year) * 12 + second.month - first.month
        case "ww":
            return second.toordinal() // 7 - first.toordinal() // 7  # day 7 of the calendar was a Sunday
        case interval:
            elapsed = abs(second - first) // _LENGTHS[interval]
            return elapsed if second >= first else -elapsed


@function(
    "DateFromNum",
    family=FAMILY,
    about="The date of a number as Active Directory keeps it: steps of 100 nanoseconds since 1601, UTC.",
    parameters=(Parameter("value", Kind.NUMBER, "The number."),),
    returns=Kind.DATE,
    examples=(
        Example("DateFromNum(129699324000000000)", "1/1/2012 11:00:00 PM"),
        Example(
            "DateFromNum([lastLogonTimestamp])", "1/1/2012 11:00:00 PM", {"lastLogonTimestamp": "129699324000000000"}
        ),
    ),
)
def date_from_num(value: int) -> str:
    return dates.written(dates.from_file_time(value))


@function(
    "NumFromDate",
    family=FAMILY,
    about="The number, as text, by which Active Directory keeps a date.",
    parameters=(Parameter("value", Kind.DATE, "The date, for example in ISO 8601."),),
    returns=Kind.TEXT,
    examples=(
        Example('NumFromDate("2012-01-01 23:00:00")', "129699324000000000"),
        Example('NumFromDate("2020-12-31 23:59:59-08:00")', "132539615990000000"),
        Example(
            'NumFromDate(Join("", FormatDateTime([endDate], , "M/d/yyyy hh:mm:ss tt", "yyyy-MM-dd"), '
            '" 23:59:59-08:00"))',
            "132539615990000000",
            {"endDate": "12/31/2020 08:00:00 AM"},
        ),
    ),
)
def num_from_date(moment: datetime) -> str:
    return str(dates.file_time(moment))


@function(
    "FormatDateTime",
    family=FAMILY,
    about="Reads a date in one format and writes it in another. Formats are .NET's custom date formats, with English "
    "names. An offset in the source is worked into the time, so that the result is in UTC. The second argument may be "
    "left out with its comma.",
    parameters=(
        Parameter("source", Kind.TEXT, "The date."),
        Parameter(
            "dateTimeStyles",
            Kind.TEXT,
            ".NET's DateTimeStyles, separated by commas; white space around the date is allowed if left out.",
            required=False,
            check=datereading.styles,
        ),
        Parameter("inputFormat", Kind.TEXT, "The format that the source has.", check=datereading.check_input),
        Parameter("outputFormat", Kind.TEXT, "The format of the result.", check=dateformats.parts),
    ),
    returns=Kind.TEXT,
    skippable=1,
    examples=(
        Example(
            'FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")',
            "2015-01-23",
            {"extensionAttribute1": "20150123105347.1Z"},
        ),
        Example('FormatDateTime([endDate], "M/d/yyyy", "dd MMM yyyy")', "04 Jul 2021", {"endDate": "7/4/2021"}),
        Example(
            'FormatDateTime([endDate], , "yyyy-MM-ddzzz", "yyyy-MM-dd")', "2020-12-31", {"endDate": "2020-12-31-08:00"}
        ),
        Example('FormatDateTime([endDate], , "yyyy-MM-dd", "d.M.yy")', None),
        Example(
            'FormatDateTime([endDate], , "yyyy-MM-dd", "d.M.yy")',
            given={"endDate": "31.12.2020"},
            error='"31.12.2020" doesn\'t fit the date format "yyyy-MM-dd"',
        ),
        Example('FormatDateTime([endDate], , "dd.MM.", "yyyy")', error="has no year"),
    ),
)
def format_date_time(source: str, styles: str | None, read_in: str, write_in: str) -> str:
    if not source:
        return source
    return dateformats.write(datereading.read(source, read_in, datereading.styles(styles or "")), write_in)
