"""Dates: what is read, what is written, in which formats."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.expressions import EvaluationError, Inputs, parse
from instep.expressions.dotnet import dateformats, datereading, dates
from instep.expressions.errors import Fault

NOW = datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1601, 1, 1), datetime(9998, 12, 31)).map(lambda when: when.replace(tzinfo=UTC))  # noqa: DTZ001


def value(text: str, **given: str) -> object:
    return parse(text).evaluate(Inputs(given, now=NOW))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-08-24", "8/24/2021 12:00:00 AM"),
        ("2021-08-24T10:11", "8/24/2021 10:11:00 AM"),
        ("2021-08-24T10:11:12Z", "8/24/2021 10:11:12 AM"),
        ("2021-08-24 10:11:12.1234567+02:00", "8/24/2021 8:11:12 AM"),
        ("2021-08-24T10:11:12-0730", "8/24/2021 5:41:12 PM"),
        ("2021/8/4", "8/4/2021 12:00:00 AM"),
        ("8/4/2021", "8/4/2021 12:00:00 AM"),
        ("8/25/2021 5:41:18 PM", "8/25/2021 5:41:18 PM"),
        ("8/25/2021 12:00 AM", "8/25/2021 12:00:00 AM"),
        ("8/25/2021 12:00 pm", "8/25/2021 12:00:00 PM"),
        ("Mon, 15 Jun 2009 20:45:30 GMT", "6/15/2009 8:45:30 PM"),
        ("15 June 2009", "6/15/2009 12:00:00 AM"),
        ("June 15, 2009 3:04 PM", "6/15/2009 3:04:00 PM"),
        ("  2021-08-24  ", "8/24/2021 12:00:00 AM"),
        ("0001-01-01", "1/1/0001 12:00:00 AM"),
    ],
)
def test_text_is_read_as_a_date(text: str, expected: str) -> None:
    assert value("CDate([x])", x=text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2021-02-30",
        "2021-13-01",
        "8/25/21",
        "25/8/2021",
        "4:00 PM",
        "2021-08-24T25:00",
        "2021-08-24 13:00 PM",
        "2021-08-24+15:00",
        "0001-01-01+08:00",
        "9999-12-31T23:59-08:00",
        "20210824",
        "2021-08-24" + " " * 200,
        "٢٠٢١-٠٨-٢٤",
    ],
)
def test_text_that_is_no_date_fails_the_object_with_its_value(text: str) -> None:
    with pytest.raises(EvaluationError, match="isn't a date"):
        value("CDate([x])", x=text)


def test_nothing_is_no_date_and_no_error() -> None:
    assert value("CDate([x])") is None
    assert value("CDate([x])", x="") is None
    assert value('DateDiff("d", Now(), CDate([x]))') is None


@given(MOMENTS)
def test_what_is_written_is_read_back(when: datetime) -> None:
    assert dates.parse(dates.written(when)) == when.replace(microsecond=0)
    assert dates.travels(dates.written(when))
    assert dates.parse(when.isoformat()) == when


@given(MOMENTS, st.integers(-5000, 5000), st.sampled_from(["d", "ww", "h", "n", "s"]))
def test_difference_undoes_addition_of_elapsed_time(when: datetime, count: int, interval: str) -> None:
    text = f'DateDiff("{interval}", [x], DateAdd("{interval}", {count}, [x]))'
    shifted = when.replace(year=min(max(when.year, 1800), 9000))
    assert value(text, x=dates.written(shifted)) == count


@given(st.dates(date(1800, 1, 31), date(9000, 1, 1)), st.integers(-500, 500))
def test_months_are_clamped_to_their_last_day(day: date, months: int) -> None:
    added = dates.parse(str(value(f'DateAdd("m", {months}, [x])', x=day.isoformat())))
    assert (added.year * 12 + added.month) - (day.year * 12 + day.month) == months
    assert added.day == day.day or (added.day < day.day and (added + timedelta(days=1)).day == 1)
    assert value('DateDiff("m", [x], [y])', x=day.isoformat(), y=dates.written(added)) == months


def test_weeks_turn_from_saturday_to_sunday() -> None:
    assert value('DateDiff("ww", "2021-07-03", "2021-07-04")') == 1
    assert value('DateDiff("ww", "2021-07-04", "2021-07-10")') == 0


def test_elapsed_time_is_cut_off_towards_zero() -> None:
    assert value('DateDiff("d", "2021-07-03 12:00", "2021-07-05 11:59")') == 1
    assert value('DateDiff("d", "2021-07-05 11:59", "2021-07-03 12:00")') == -1


@pytest.mark.parametrize("text", ['DateAdd("yyyy", 9000, Now())', 'DateAdd("d", 9223372036854775807, Now())'])
def test_date_that_no_calendar_has_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError, match="outside of the years 1 to 9999"):
        value(text)


@given(MOMENTS)
def test_file_times_are_read_back(when: datetime) -> None:
    written = value("NumFromDate([x])", x=when.isoformat())
    assert dates.from_file_time(int(str(written))) == when


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd", "2009-06-05"),
        ("d.M.yy", "5.6.09"),
        ("dddd, d MMMM yyyy", "Friday, 5 June 2009"),
        ("ddd dd MMM", "Fri 05 Jun"),
        ("h:mm:ss tt", "3:04:05 PM"),
        ("hh H HH t", "03 15 15 P"),
        ("f ff fff ffffff fffffff", "6 67 678 678900 6789000"),
        ("F FF FFFF FFFFFFF", "6 67 6789 6789"),
        ("yyyyMMddHHmmss.fZ", "20090605150405.6Z"),
        ("yyyy'-'MM\"-\"dd", "2009-06-05"),
        (r"yyyy\y", "2009y"),
        ("%d", "5"),
        ("%h", "3"),
        ("yyy yyyyy y", "2009 02009 9"),
        ("z zz zzz", "+0 +00 +00:00"),
        ("yyyyK", "2009Z"),
        ("g", "06/05/2009 15:04"),
        ("gg", "A.D."),
        ("s", "2009-06-05T15:04:05"),
        ("u", "2009-06-05 15:04:05Z"),
        ("o", "2009-06-05T15:04:05.6789000Z"),
        ("R", "Fri, 05 Jun 2009 15:04:05 GMT"),
        ("d", "06/05/2009"),
        ("yyyy年M月d日", "2009年6月5日"),
    ],
)
def test_custom_format_is_written(pattern: str, expected: str) -> None:
    stamp = dateformats.Stamp(datetime(2009, 6, 5, 15, 4, 5, 678_900, tzinfo=UTC), zoned=True)
    assert dateformats.write(stamp, pattern) == expected


def test_digits_of_a_second_that_are_zero_take_their_point_with_them() -> None:
    stamp = dateformats.Stamp(datetime(2009, 6, 5, 15, 4, 5, tzinfo=UTC), zoned=False)
    assert dateformats.write(stamp, "ss.FFF") == "05"
    assert dateformats.write(stamp, "ss.fff") == "05.000"


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("20150123105347.1Z", "yyyyMMddHHmmss.fZ", "2015-01-23T10:53:47.1"),
        ("20150123105347Z", "yyyyMMddHHmmss.FZ", "2015-01-23T10:53:47"),
        ("1/3/2021 08:00:00 PM", "M/d/yyyy hh:mm:ss tt", "2021-01-03T20:00:00"),
        ("12/31/2021 12:30:00 am", "M/d/yyyy hh:mm:ss tt", "2021-12-31T00:30:00"),
        ("2020-12-31-08:00", "yyyy-MM-ddzzz", "2020-12-31T08:00:00"),
        ("2020-12-31+8", "yyyy-MM-ddz", "2020-12-30T16:00:00"),
        ("2020-12-31Z", "yyyy-MM-ddK", "2020-12-31T00:00:00"),
        ("2020-12-31", "yyyy-MM-ddK", "2020-12-31T00:00:00"),
        ("31 DEC 2020", "dd MMM yyyy", "2020-12-31T00:00:00"),
        ("Thursday, 31 December 2020", "dddd, d MMMM yyyy", "2020-12-31T00:00:00"),
        ("1/2/49", "d/M/yy", "2049-02-01T00:00:00"),
        ("1/2/50", "d/M/yy", "1950-02-01T00:00:00"),
        ("  2020  ", "yyyy", "2020-01-01T00:00:00"),
    ],
)
def test_custom_format_is_read(text: str, pattern: str, expected: str) -> None:
    assert datereading.read(text, pattern).moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("2020-12-31", "yyyyMMdd"),
        ("2020-1-31", "yyyy-MM-dd"),
        ("2020-12-31x", "yyyy-MM-dd"),
        ("20-12-31", "yyyy-MM-dd"),
        ("13:00 PM 2020", "hh:mm tt yyyy"),
        ("2020 2021", "yyyy yyyy"),
        ("Foo 2020", "MMM yyyy"),
        ("2020", "yyyyzzz"),
    ],
)
def test_text_that_does_not_fit_the_format_is_refused(text: str, pattern: str) -> None:
    with pytest.raises(Fault) as caught:
        datereading.read(text, pattern)
    assert "doesn't fit the date format" in caught.value.told(redacted=False)


@pytest.mark.parametrize("pattern", ["", "q", "ffffffff yyyy", "'yyyy", "yyyy\\", "dd.MM."])
def test_format_that_makes_no_sense_is_refused(pattern: str) -> None:
    with pytest.raises(Fault):
        datereading.check_input(pattern)


def test_styles_let_white_space_differ() -> None:
    strict = datereading.styles("None")
    with pytest.raises(Fault):
        datereading.read(" 2020", "yyyy", strict)
    loose = datereading.styles("DateTimeStyles.AssumeUniversal, AllowWhiteSpaces")
    assert datereading.read(" 31 12  2020 ", "dd MM yyyy", loose).moment.year == 2020


@given(
    MOMENTS, st.sampled_from(["o", "yyyy-MM-ddTHH:mm:ss.ffffffZ", "M/d/yyyy h:mm:ss.ffffff tt", "yyyyMMddHHmmssffffff"])
)
def test_what_a_full_format_writes_it_reads_back(when: datetime, pattern: str) -> None:
    stamp = dateformats.Stamp(when, zoned=True)
    assert datereading.read(dateformats.write(stamp, pattern), pattern).moment == when


def test_now_is_the_time_of_the_cycle_in_utc() -> None:
    there = datetime.fromisoformat("2021-07-03T00:33:38+09:00")
    assert parse("Now()").evaluate(Inputs({}, now=there)) == "7/2/2021 3:33:38 PM"
    assert value('IIF(CDate([x]) > Now(), "later", "earlier")', x="2021-10-01") == "later"
