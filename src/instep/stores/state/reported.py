"""What happened to whom in a stretch of time: the log grouped by heading and subject, in SQL.

The database does the grouping, so that a log of any length takes no memory here.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from instep.core.report import HEADINGS, ReportRow
from instep.stores.state import rows
from instep.stores.state.tables import log

_DONE = log.c.status.in_(("success", "warning"))
_HEADING = case(
    (log.c.status == "failure", "failed"),
    (log.c.action == "hold", "held"),
    (log.c.ends, "ended"),
    (_DONE & (log.c.action == "create"), "created"),
    (_DONE & (log.c.action == "adopt"), "adopted"),
    (_DONE & log.c.action.in_(("update", "enable", "disable", "delete")), "changed"),
    (log.c.action == "release", "released"),
)
_PLACE = {heading: place for place, heading in enumerate(HEADINGS)}


def report(
    connection: Connection, job: str, since: datetime, until: datetime, heading: str | None, limit: int | None
) -> Iterator[ReportRow]:
    """By heading and name; see `SqlStateReader.report`."""
    groups = _groups(job, since, until).subquery()
    last = log.alias("last")
    place = case(_PLACE, value=groups.c.heading)
    columns = (last.c.kind, last.c.subject_id, last.c.name, last.c.app_id, groups.c.times,
               last.c.at, last.c.action, last.c.code, last.c.reason)  # fmt: skip
    wanted = (
        select(groups.c.heading, *columns)
        .join(last, last.c.sequence == groups.c.last)
        .order_by(place, last.c.name_key, last.c.subject_id)
        .limit(limit)
    )
    if heading is not None:
        wanted = wanted.where(groups.c.heading == heading)
    for under, kind, *rest in map(tuple, connection.execute(wanted, execution_options={"yield_per": 500})):
        yield ReportRow(under, rows.kind(kind), *rest)


def tally(connection: Connection, job: str, since: datetime, until: datetime) -> dict[str, int]:
    """How many subjects there are of each heading, those of none left out."""
    groups = _groups(job, since, until).subquery()
    found = connection.execute(select(groups.c.heading, func.count().label("number")).group_by(groups.c.heading)).all()
    numbers: dict[str, int] = {row.heading: row.number for row in found}
    return {heading: numbers[heading] for heading in HEADINGS if heading in numbers}


def _groups(job: str, since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    heading = _HEADING.label("heading")
    return (
        select(heading, func.count().label("times"), func.max(log.c.sequence).label("last"))
        .where(log.c.job == job, log.c.at >= since, log.c.at < until, heading.is_not(None))
        .group_by(heading, log.c.kind, log.c.subject_id)
    )
