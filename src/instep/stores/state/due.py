"""What is due: subjects to look at though the directory didn't change.

Each question is one query that an index answers; none of them reads all links.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, literal, select

from instep.core.link import Status
from instep.core.subject import Kind
from instep.stores.state.rows import kind
from instep.stores.state.tables import HELD, IN_ESCROW, WAITING, links, memberships, pending

LIVING = (Status.ACTIVE, Status.DISABLED, Status.RELEASED)
"""The statuses of links that have an account."""

ALIVE = and_(links.c.app_id.is_not(None), links.c.status.in_(LIVING))
"""Whether a link has an account that references can point to: `Link.alive`, in SQL."""


def due(connection: Connection, job: str, now: datetime) -> list[tuple[Kind, str]]:
    """Users first, then groups, each ascending by id. See `instep.ports.StateReader.due`."""
    found = {
        (kind(row.kind), row.subject_id)
        for query in (_escrow(job, now), _approved(job), _references(job), _members(job))
        for row in connection.execute(query)
    }
    return sorted(found, key=lambda at: (at[0] is Kind.GROUP, at[1]))


Found = Select[Any, Any]


def _escrow(job: str, now: datetime) -> Found:
    """Those whose next try has come. Who was given up has no next try."""
    return select(links.c.kind, links.c.subject_id).where(links.c.job == job, IN_ESCROW, links.c.next_try <= now)


def _approved(job: str) -> Found:
    return select(links.c.kind, links.c.subject_id).where(
        links.c.job == job, HELD, links.c.hold_verdict == "approved", ~IN_ESCROW
    )


def _references(job: str) -> Found:
    """Those who refer to somebody who has an account by now."""
    return select(pending.c.kind, pending.c.subject_id).where(
        pending.c.job == job,
        _has_account(pending.c.target_id, job),
        ~_in_escrow(pending.c.kind, pending.c.subject_id, job),
    )


def _members(job: str) -> Found:
    """Groups in the app with a member who waits and has an account by now."""
    group = literal(Kind.GROUP.value)
    waiting = select(group.label("kind"), memberships.c.group_id.label("subject_id")).where(
        memberships.c.job == job,
        WAITING,
        _has_account(memberships.c.group_id, job),
        _has_account(memberships.c.member_id, job),
        ~_in_escrow(group, memberships.c.group_id, job),
    )
    return waiting.distinct()


def _has_account(subject_id: ColumnElement[str], job: str) -> ColumnElement[bool]:
    return select(1).where(links.c.job == job, links.c.kind.in_(Kind), links.c.subject_id == subject_id, ALIVE).exists()


def _in_escrow(kind: ColumnElement[str], subject_id: ColumnElement[str], job: str) -> ColumnElement[bool]:
    at = (links.c.job == job, links.c.kind == kind, links.c.subject_id == subject_id)
    return select(1).where(*at, IN_ESCROW).exists()
