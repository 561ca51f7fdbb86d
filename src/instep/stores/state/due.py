"""What is due: subjects to look at though the directory didn't change.

Each question is one query that an index answers; none of them reads all links.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, literal, select

from instep.core.link import Status
from instep.core.subject import Kind
from instep.stores.columns import words
from instep.stores.state.rows import kind
from instep.stores.state.tables import HELD, IN_ESCROW, WAITING, links, memberships, pending

LIVING = (Status.ACTIVE, Status.DISABLED, Status.RELEASED)
"""The statuses of links that have an account."""

ALIVE = and_(links.c.app_id.is_not(None), links.c.status.in_(words(LIVING)))
"""Whether a link has an account that references can point to: `Link.alive`, in SQL."""


def due(connection: Connection, job: str, now: datetime) -> list[tuple[Kind, str]]:
    """Users first, then groups, each ascending by id. See `instep.ports.StateReader.due`."""
    given = {"job_": job, "now_": now}
    found = {(kind(row.kind), row.subject_id) for query in _DUE for row in connection.execute(query, given)}
    return sorted(found, key=lambda at: (at[0] is Kind.GROUP, at[1]))


def _has_account(subject_id: ColumnElement[str]) -> ColumnElement[bool]:
    at = (links.c.job == _JOB, links.c.kind.in_(words(Kind)), links.c.subject_id == subject_id)
    return select(1).where(*at, ALIVE).exists()


def _in_escrow(kind: ColumnElement[str], subject_id: ColumnElement[str]) -> ColumnElement[bool]:
    at = (links.c.job == _JOB, links.c.kind == kind, links.c.subject_id == subject_id)
    return select(1).where(*at, IN_ESCROW).exists()


# Made once, since a cycle asks them several times.
_JOB = bindparam("job_")
_GROUP = literal(Kind.GROUP.value)
_DUE: tuple[Select[Any, Any], ...] = (
    # Those whose next try has come. Who was given up has no next try.
    select(links.c.kind, links.c.subject_id).where(
        links.c.job == _JOB, IN_ESCROW, links.c.next_try <= bindparam("now_")
    ),
    # Those whose hold was approved.
    select(links.c.kind, links.c.subject_id).where(
        links.c.job == _JOB, HELD, links.c.hold_verdict == "approved", ~IN_ESCROW
    ),
    # Those who refer to somebody who has an account by now.
    select(pending.c.kind, pending.c.subject_id).where(
        pending.c.job == _JOB,
        _has_account(pending.c.target_id),
        ~_in_escrow(pending.c.kind, pending.c.subject_id),
    ),
    # Groups in the app with a member who waits and has an account by now.
    select(_GROUP.label("kind"), memberships.c.group_id.label("subject_id"))
    .where(
        memberships.c.job == _JOB,
        WAITING,
        _has_account(memberships.c.group_id),
        _has_account(memberships.c.member_id),
        ~_in_escrow(_GROUP, memberships.c.group_id),
    )
    .distinct(),
)
