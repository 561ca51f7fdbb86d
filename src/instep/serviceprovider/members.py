"""Members: who belongs to an organisation, with which role, and the rows that say so.

A person has one login with the app and may be a member of several organisations. A membership carries the role, which
only an administrator sets, and the SCIM document. What a SCIM client may do with members is said in `rules.py`; what
people do by hand (sign up, invite, set a role, remove) is here. How a member's teams are kept is said in `teams.py`.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from instep.serviceprovider import documents, domains, tables
from instep.serviceprovider.documents import Person
from instep.serviceprovider.organisations import Organisation
from instep.serviceprovider.refusal import LastOwner, Taken, Unknown
from instep.serviceprovider.text import folded, stamp

_table = tables.members
_ADD = insert(_table).returning(*_table.c)
_CHANGE = (
    update(_table).where(_table.c.seq == bindparam("at")).values(revision=_table.c.revision + 1).returning(*_table.c)
)
_ADD_EMAIL = insert(tables.emails)
_ADD_LOGIN = upsert(tables.logins).on_conflict_do_nothing()


class Role(StrEnum):
    """What a member may do in the organisation. SCIM can neither see nor set it."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING_ADMIN = "billing-admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as an administrator sees it."""

    id: str
    email: str
    name: str
    role: Role
    active: bool
    teams: int


# --- what people do by hand ---


def sign_up(connection: Connection, email: str, now: datetime) -> None:
    """Somebody makes a login with the app, outside of every organisation. Taken when there's one already."""
    domains.of_address(email)
    table = tables.logins
    if connection.scalar(select(table.c.key).where(table.c.key == folded(email))) is not None:
        raise Taken(f"{email} has a login already")
    _keep_login(connection, email, now)


def invite(
    connection: Connection, organisation: Organisation, email: str, role: Role, name: str | None, now: datetime
) -> Member:
    """Makes somebody a member by hand, whatever the domain and whether they had a login or not."""
    domains.of_address(email)
    document = {"schemas": [documents.USER], "userName": email} | ({"displayName": name} if name else {})
    add(connection, organisation.id, documents.person(document), role, now)
    return get(connection, organisation, email)


def set_role(connection: Connection, organisation: Organisation, email: str, role: Role) -> None:
    """Gives a member another role. LastOwner when nobody would be left who owns the organisation."""
    row = _row(connection, organisation, email)
    if role is not Role.OWNER:
        keep_an_owner(connection, row)
    connection.execute(update(_table).where(_table.c.seq == row.seq).values(role=role.value))


def remove(connection: Connection, organisation: Organisation, email: str) -> None:
    """Ends a membership by hand. The login stays. LastOwner when it's the last Owner's."""
    row = _row(connection, organisation, email)
    keep_an_owner(connection, row)
    drop(connection, row)


def get(connection: Connection, organisation: Organisation, email: str) -> Member:
    """The member with that address (case doesn't matter). Unknown when there's none."""
    return _listed(connection, _table.c.seq == _row(connection, organisation, email).seq)[0]


def every(connection: Connection, organisation: Organisation) -> list[Member]:
    """All members of an organisation, in the order in which they came."""
    return _listed(connection, _table.c.organisation_id == organisation.id)


# --- rows ---


def add(connection: Connection, organisation_id: int, person: Person, role: Role, now: datetime) -> Row[Any]:
    """Writes a new member, with a login when there's none. Gives the row. Taken when the address is a member's."""
    values = {
        "organisation_id": organisation_id,
        "id": uuid.uuid4().hex,
        "role": role.value,
        "revision": 1,
        "active": person.active is not False,
        "created_at": stamp(now),
        "modified_at": stamp(now),
    }
    try:
        row = connection.execute(_ADD, values | _columns(person)).one()
    except IntegrityError as wrong:
        raise Taken(f"{person.user_name} is a member already") from wrong
    _keep_emails(connection, row, person)
    _keep_login(connection, person.user_name, now)
    return row


def change(connection: Connection, row: Row[Any], person: Person, now: datetime) -> Row[Any]:
    """Writes a member anew and gives the new row. Unless the person says so, being active doesn't change.

    Taken when the address is another member's.
    """
    active = row.active if person.active is None else person.active
    values = {"at": row.seq, "active": active, "modified_at": stamp(now)}
    try:
        changed = connection.execute(_CHANGE, values | _columns(person)).one()
    except IntegrityError as wrong:
        raise Taken(f"{person.user_name} is a member already") from wrong
    if person.emails != documents.addresses(row.document):
        connection.execute(delete(tables.emails).where(tables.emails.c.member_seq == row.seq))
        _keep_emails(connection, row, person)
    if row.user_name != person.user_name:
        _move_login(connection, row.organisation_id, row.user_name, person.user_name, now)
    return changed


def drop(connection: Connection, row: Row[Any]) -> None:
    """Ends a membership: its place in every team goes with it, the login stays."""
    left = select(tables.team_members.c.team_seq).where(tables.team_members.c.member_seq == row.seq)
    revision = tables.teams.c.revision
    connection.execute(update(tables.teams).where(tables.teams.c.seq.in_(left)).values(revision=revision + 1))
    connection.execute(delete(_table).where(_table.c.seq == row.seq))
    gone = {"organisation_id": row.organisation_id, "login_key": row.user_name_key}
    connection.execute(upsert(tables.departed).values(gone).on_conflict_do_nothing())


def keep_an_owner(connection: Connection, row: Row[Any]) -> None:
    """LastOwner when this member is the only active Owner."""
    if not row.active or row.role != Role.OWNER.value:
        return
    owners = connection.scalar(
        select(func.count()).where(
            _table.c.organisation_id == row.organisation_id, _table.c.role == Role.OWNER.value, _table.c.active
        )
    )
    if owners == 1:
        raise LastOwner(f"{row.user_name} is the last active Owner of the organisation; make somebody else Owner first")


def _row(connection: Connection, organisation: Organisation, email: str) -> Row[Any]:
    row = connection.execute(
        select(_table).where(_table.c.organisation_id == organisation.id, _table.c.user_name_key == folded(email))
    ).one_or_none()
    if row is None:
        raise Unknown(f"{organisation.name} has no member {email}")
    return row


def _columns(person: Person) -> dict[str, str | None]:
    return {
        "user_name": person.user_name,
        "user_name_key": folded(person.user_name),
        "shown_name": person.shown_name,
        "external_key": person.external_key,
        "document": person.rest,
    }


def _keep_emails(connection: Connection, row: Row[Any], person: Person) -> None:
    if person.emails:
        own = {"organisation_id": row.organisation_id, "member_seq": row.seq}
        connection.execute(_ADD_EMAIL, [{**own, "value_key": key} for key in person.emails])


def _keep_login(connection: Connection, email: str, now: datetime) -> None:
    connection.execute(_ADD_LOGIN, {"key": folded(email), "email": email, "created_at": stamp(now)})


def _move_login(connection: Connection, organisation_id: int, old: str, new: str, now: datetime) -> None:
    """The login follows its person to a new address, unless another organisation knows it by the old one."""
    elsewhere = exists().where(_table.c.user_name_key == folded(old), _table.c.organisation_id != organisation_id)
    if connection.scalar(select(elsewhere)):
        _keep_login(connection, new, now)
    else:
        moved = {"key": folded(new), "email": new}
        connection.execute(update(tables.logins).where(tables.logins.c.key == folded(old)).values(moved))


def _listed(connection: Connection, condition: ColumnElement[bool]) -> list[Member]:
    places = tables.team_members
    teams = select(func.count()).where(places.c.member_seq == _table.c.seq).scalar_subquery()
    rows = connection.execute(select(_table, teams.label("teams")).where(condition).order_by(_table.c.seq))
    return [Member(row.id, row.user_name, row.shown_name, Role(row.role), row.active, row.teams) for row in rows]
