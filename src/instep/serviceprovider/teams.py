"""Teams: named groups of an organisation's members, and the rows that say so.

A SCIM Group is a Team, matched by name whatever its case. Teams hold people, never teams. Membership lives in rows of
its own and is changed by whole sets of ids in one statement, so that a team of 10,000 costs what the change costs.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Integer, Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from instep.serviceprovider import documents, tables
from instep.serviceprovider.documents import Group
from instep.serviceprovider.organisations import Organisation
from instep.serviceprovider.refusal import Invalid, Taken
from instep.serviceprovider.text import folded, stamp

_table = tables.teams
_places = tables.team_members
_member = tables.members
_NAMED = 5

_ADD = insert(_table).returning(*_table.c)
_CHANGE = (
    update(_table)
    .where(_table.c.seq == bindparam("at"))
    .values(revision=_table.c.revision + 1, managed=True)
    .returning(*_table.c)
)
_ADOPTABLE = select(_table).where(
    _table.c.organisation_id == bindparam("organisation"), _table.c.name_key == bindparam("key"), ~_table.c.managed
)

# Ids and keys come as one JSON parameter, however many: SQLite limits how many parameters there are. An id finds the
# organisation's own members only: nobody else's.
_listed = func.json_each(bindparam("ids")).table_valued("value")
_ids = select(_listed.c.value)
_own = (_member.c.organisation_id == bindparam("organisation")) & _member.c.id.in_(_ids)
_KNOWN_IDS = select(_member.c.id).where(_own)
_ADMIT = (
    upsert(_places)
    .from_select(
        ["organisation_id", "team_seq", "member_seq"],
        select(bindparam("organisation", type_=Integer), bindparam("team", type_=Integer), _member.c.seq).where(_own),
    )
    .on_conflict_do_nothing()
)
_in_team = _places.c.team_seq == bindparam("team")
_EXPEL = delete(_places).where(_in_team, _places.c.member_seq.in_(select(_member.c.seq).where(_own)))
_RETAIN = delete(_places).where(_in_team, _places.c.member_seq.not_in(select(_member.c.seq).where(_own)))
_SIZE = select(func.count()).select_from(
    select(_places.c.member_seq).where(_in_team).limit(bindparam("most", type_=Integer)).subquery()
)
_PEOPLE = (
    select(_places.c.team_seq, _member.c.id)
    .join(_member, _member.c.seq == _places.c.member_seq)
    .where(_places.c.team_seq.in_(_ids))
    .order_by(_member.c.seq)
)
_OF_PEOPLE = (
    select(_places.c.member_seq, _table.c.id, _table.c.name)
    .join(_table, _table.c.seq == _places.c.team_seq)
    .where(_places.c.member_seq.in_(_ids))
    .order_by(_table.c.seq)
)


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
    return add(connection, organisation.id, documents.group(document), now, managed=False).id


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


def add(connection: Connection, organisation_id: int, group: Group, now: datetime, *, managed: bool = True) -> Row[Any]:
    """Writes a new team with its members. Gives the row. Taken when there's a team of that name."""
    values = {
        "organisation_id": organisation_id,
        "id": uuid.uuid4().hex,
        "managed": managed,
        "revision": 1,
        "created_at": stamp(now),
        "modified_at": stamp(now),
    }
    try:
        row = connection.execute(_ADD, values | _columns(group)).one()
    except IntegrityError as wrong:
        raise _name_taken(group.name) from wrong
    admit(connection, row, group.members)
    return row


def adoptable(connection: Connection, organisation_id: int, name: str) -> Row[Any] | None:
    """The hand-made team of that name that no SCIM client has touched yet; None when there's none."""
    return connection.execute(_ADOPTABLE, {"organisation": organisation_id, "key": folded(name)}).one_or_none()


def change(connection: Connection, row: Row[Any], group: Group, now: datetime, *, keep: bool = False) -> Row[Any]:
    """Writes a team anew, with the members that the group says; with `keep`, nobody leaves. Gives the new row.

    Taken as in `add`.
    """
    if not keep:
        retain(connection, row, group.members)
    admit(connection, row, group.members)
    return write(connection, row, now, _columns(group))


def write(connection: Connection, row: Row[Any], now: datetime, values: Mapping[str, Any]) -> Row[Any]:
    """Changes some columns of a team and gives the new row.

    Whoever changes a team or its members comes by here, for the new revision.
    """
    name = _named(values["name"]) if "name" in values else {}
    try:
        return connection.execute(_CHANGE, {"at": row.seq, "modified_at": stamp(now), **values, **name}).one()
    except IntegrityError as wrong:
        raise _name_taken(values.get("name", "")) from wrong


def drop(connection: Connection, row: Row[Any]) -> None:
    """Deletes a team. Its members stay members of the organisation."""
    connection.execute(delete(_table).where(_table.c.seq == row.seq))


def admit(connection: Connection, row: Row[Any], ids: Collection[str]) -> int:
    """Puts members into a team. Gives how many weren't in it before. Invalid when an id is no member's."""
    if not ids:
        return 0
    added = connection.execute(_ADMIT, _people(row, ids)).rowcount
    # Most often every id is new and known, and this is all. Only otherwise it has to be asked who isn't known.
    if added < len(ids):
        _refuse_strangers(connection, row, ids)
    return added


def expel(connection: Connection, row: Row[Any], ids: Collection[str]) -> int:
    """Takes members out of a team. Gives how many were in it; ids that weren't don't matter."""
    return connection.execute(_EXPEL, _people(row, ids)).rowcount if ids else 0


def retain(connection: Connection, row: Row[Any], ids: Collection[str]) -> int:
    """Takes everybody out of a team but these members. Gives how many left."""
    return connection.execute(_RETAIN, _people(row, ids)).rowcount


def size(connection: Connection, row: Row[Any], most: int) -> int:
    """How many members a team has, counted up to `most`."""
    return connection.scalar(_SIZE, {"team": row.seq, "most": most}) or 0


def people(connection: Connection, team_seqs: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The members of some teams: for each team's seq, rows (seq, id), oldest member first."""
    return _gathered(connection, team_seqs, _PEOPLE)


def of_people(connection: Connection, member_seqs: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The teams of some members: for each member's seq, rows (seq, id, name), oldest team first."""
    return _gathered(connection, member_seqs, _OF_PEOPLE)


def _columns(group: Group) -> dict[str, str | None]:
    return _named(group.name) | {"external_key": group.external_key, "document": group.rest}


def _named(name: str) -> dict[str, str | None]:
    if not name.strip():
        raise Invalid("a team needs a name (displayName)")
    return {"name": name, "name_key": folded(name)}


def _name_taken(name: str) -> Taken:
    return Taken(f"there is a team named {name!r} already")


def _people(row: Row[Any], ids: Collection[str]) -> dict[str, Any]:
    return {"organisation": row.organisation_id, "team": row.seq, "ids": _json(ids)}


def _json(values: Collection[object]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _refuse_strangers(connection: Connection, row: Row[Any], ids: Collection[str]) -> None:
    known = set(connection.scalars(_KNOWN_IDS, {"organisation": row.organisation_id, "ids": _json(ids)}))
    strangers = [each for each in ids if each not in known]
    if strangers:
        shown = ", ".join(repr(each) for each in strangers[:_NAMED]) + (", ..." if len(strangers) > _NAMED else "")
        raise Invalid(f"no member of this organisation has the id {shown}")


def _gathered(
    connection: Connection, keys: Collection[int], query: Select[*tuple[Any, ...]]
) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {key: [] for key in keys}
    if keys:
        for row in connection.execute(query, {"ids": _json(keys)}):
            found[row[0]].append(row)
    return found
