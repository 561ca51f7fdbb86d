"""Teams: named groups of an organisation's members, and the rows that say so.

A SCIM Group is a Team, matched by name whatever its case. Teams hold people, never teams. Membership lives in rows of
its own and is changed by whole sets of ids in one statement, so that a team of 10,000 costs what the change costs.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from instep.serviceprovider import documents, tables
from instep.serviceprovider.documents import Group
from instep.serviceprovider.organisations import Organisation
from instep.serviceprovider.refusal import Invalid, Taken
from instep.serviceprovider.text import folded, stamp

_table = tables.teams
_places = tables.team_members
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Team:
    """A team, as an administrator sees it."""

    id: str
    name: str
    managed: bool
    """Whether a SCIM client has created or changed it."""
    members: tuple[str, ...]
    """The addresses of its members."""


# --- what people do by hand ---


def create(connection: Connection, organisation: Organisation, name: str, emails: Iterable[str], now: datetime) -> str:
    """A team made by hand. Gives its id. Taken when there's one of that name, Invalid for an address of no member."""
    by_key = {folded(email): email for email in emails}
    member = tables.members
    rows = connection.execute(
        select(member.c.id, member.c.user_name_key).where(
            member.c.organisation_id == organisation.id, member.c.user_name_key.in_(by_key)
        )
    ).all()
    if strangers := by_key.keys() - {row.user_name_key for row in rows}:
        raise Invalid(f"{organisation.name} has no member {by_key[min(strangers)]}")
    document = {"schemas": [documents.GROUP], "displayName": name, "members": [{"value": row.id} for row in rows]}
    return add(connection, organisation.id, documents.group(document), now, managed=False)


def every(connection: Connection, organisation: Organisation) -> list[Team]:
    """All teams of an organisation with their members, by name."""
    rows = connection.execute(
        select(_table).where(_table.c.organisation_id == organisation.id).order_by(_table.c.name_key)
    ).all()
    member = tables.members
    addresses: dict[int, list[str]] = {row.seq: [] for row in rows}
    for place in connection.execute(
        select(_places.c.team_seq, member.c.user_name)
        .join(member, member.c.seq == _places.c.member_seq)
        .where(_places.c.organisation_id == organisation.id)
        .order_by(member.c.user_name_key)
    ):
        addresses[place.team_seq].append(place.user_name)
    return [Team(row.id, row.name, row.managed, tuple(addresses[row.seq])) for row in rows]


# --- rows ---


def add(connection: Connection, organisation_id: int, group: Group, now: datetime, *, managed: bool = True) -> str:
    """Writes a new team with its members. Gives its id. Taken when there's a team of that name."""
    team_id = uuid.uuid4().hex
    values = {"id": team_id, "managed": managed, "revision": 1, "created_at": stamp(now), "modified_at": stamp(now)}
    try:
        seq = connection.scalars(
            insert(_table).values(organisation_id=organisation_id, **values, **_columns(group)).returning(_table.c.seq)
        ).one()
    except IntegrityError as wrong:
        raise _name_taken(group.name) from wrong
    admit(connection, organisation_id, seq, group.members)
    return team_id


def adoptable(connection: Connection, organisation_id: int, name: str) -> str | None:
    """The id of the hand-made team of that name that no SCIM client has touched yet; None when there's none."""
    return connection.scalar(
        select(_table.c.id).where(
            _table.c.organisation_id == organisation_id, _table.c.name_key == folded(name), ~_table.c.managed
        )
    )


def change(
    connection: Connection, organisation_id: int, team_id: str, group: Group, now: datetime, *, keep: bool = False
) -> None:
    """Writes a team anew, and its members as the group says; with `keep`, nobody leaves. Taken as in `add`."""
    seq = connection.scalar(select(_table.c.seq).where(_is(organisation_id, team_id)))
    assert seq is not None
    if not keep:
        retain(connection, organisation_id, seq, group.members)
    admit(connection, organisation_id, seq, group.members)
    write(connection, organisation_id, team_id, now, name=group.name, **_columns(group))


def write(connection: Connection, organisation_id: int, team_id: str, now: datetime, **values: Any) -> None:
    """Changes a team's own columns: whoever changes the team or its members comes by here for the new revision."""
    if "name" in values:
        values |= _named(values["name"])
    try:
        connection.execute(
            update(_table)
            .where(_is(organisation_id, team_id))
            .values(revision=_table.c.revision + 1, modified_at=stamp(now), managed=True, **values)
        )
    except IntegrityError as wrong:
        raise _name_taken(values.get("name", "")) from wrong


def drop(connection: Connection, organisation_id: int, team_id: str) -> None:
    """Deletes a team. Its members stay members of the organisation."""
    connection.execute(delete(_table).where(_is(organisation_id, team_id)))


def admit(connection: Connection, organisation_id: int, team_seq: int, ids: Collection[str]) -> int:
    """Puts members into a team. Gives how many weren't in it before. Invalid when an id is no member's."""
    if not ids:
        return 0
    known = _known(organisation_id, ids, literal(organisation_id), literal(team_seq))
    columns = ["organisation_id", "team_seq", "member_seq"]
    added = connection.execute(upsert(_places).from_select(columns, known).on_conflict_do_nothing()).rowcount
    # Most often every id is new and known, and this is all. Only otherwise it has to be asked who isn't known.
    if added < len(ids):
        _refuse_strangers(connection, organisation_id, ids)
    return added


def expel(connection: Connection, organisation_id: int, team_seq: int, ids: Collection[str]) -> int:
    """Takes members out of a team. Gives how many were in it; ids that weren't don't matter."""
    if not ids:
        return 0
    known = _known(organisation_id, ids)
    return connection.execute(
        delete(_places).where(_places.c.team_seq == team_seq, _places.c.member_seq.in_(known))
    ).rowcount


def retain(connection: Connection, organisation_id: int, team_seq: int, ids: Collection[str]) -> int:
    """Takes everybody out of a team but these members. Gives how many left."""
    known = _known(organisation_id, ids)
    return connection.execute(
        delete(_places).where(_places.c.team_seq == team_seq, _places.c.member_seq.not_in(known))
    ).rowcount


def size(connection: Connection, team_seq: int) -> int:
    """How many members a team has."""
    return connection.scalar(select(func.count()).where(_places.c.team_seq == team_seq)) or 0


def people(connection: Connection, team_seqs: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The members of some teams: for each team's seq, rows with `id` and `shown_name`, oldest member first."""
    member = tables.members
    query = select(_places.c.team_seq.label("at"), member.c.id, member.c.shown_name).join(
        member, member.c.seq == _places.c.member_seq
    )
    return _gathered(connection, team_seqs, query.where(_places.c.team_seq.in_(_list(team_seqs))), member.c.seq)


def of_people(connection: Connection, member_seqs: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The teams of some members: for each member's seq, rows with `id` and `name`, oldest team first."""
    query = select(_places.c.member_seq.label("at"), _table.c.id, _table.c.name).join(
        _table, _table.c.seq == _places.c.team_seq
    )
    return _gathered(connection, member_seqs, query.where(_places.c.member_seq.in_(_list(member_seqs))), _table.c.seq)


def _is(organisation_id: int, team_id: str) -> ColumnElement[bool]:
    return (_table.c.organisation_id == organisation_id) & (_table.c.id == team_id)


def _columns(group: Group) -> dict[str, str | None]:
    return _named(group.name) | {"external_key": group.external_key, "document": group.rest}


def _named(name: str) -> dict[str, str | None]:
    if not name.strip():
        raise Invalid("a team needs a name (displayName)")
    return {"name": name, "name_key": folded(name)}


def _name_taken(name: str) -> Taken:
    return Taken(f"there is a team named {name!r} already")


def _list(values: Collection[object]) -> Select[Any]:
    """Values as one JSON parameter, however many: SQLite limits how many parameters there are."""
    listed = func.json_each(msgspec.json.encode(list(values)).decode()).table_valued("value")
    return select(listed.c.value)


def _known(organisation_id: int, ids: Collection[str], *more: ColumnElement[Any]) -> Select[Any]:
    """The `seq` of the organisation's own members among these ids: nobody else's id finds anything."""
    member = tables.members
    return select(*more, member.c.seq).where(member.c.organisation_id == organisation_id, member.c.id.in_(_list(ids)))


def _refuse_strangers(connection: Connection, organisation_id: int, ids: Collection[str]) -> None:
    member = tables.members
    known = set(
        connection.scalars(
            select(member.c.id).where(member.c.organisation_id == organisation_id, member.c.id.in_(_list(ids)))
        )
    )
    strangers = [each for each in ids if each not in known]
    if strangers:
        shown = ", ".join(repr(each) for each in strangers[:_NAMED]) + (", ..." if len(strangers) > _NAMED else "")
        raise Invalid(f"no member of this organisation has the id {shown}")


def _gathered(
    connection: Connection, keys: Collection[int], query: Select[*tuple[Any, ...]], order: ColumnElement[Any]
) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {key: [] for key in keys}
    if keys:
        for row in connection.execute(query.order_by(order)):
            found[row.at].append(row)
    return found
