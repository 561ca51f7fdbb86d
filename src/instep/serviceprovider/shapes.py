"""Where the attributes of Users and Groups are in the database, for `conditions.py` to search.

What has a column is found by an index, if it's an identifier; what has none is looked up in the document. A User's
groups and a Group's members are rows of their own.
"""

from functools import lru_cache
from typing import Any

from scim2_models import ResourceType
from sqlalchemy import ColumnElement, FromClause, Table, bindparam, literal, select

from instep.serviceprovider import tables
from instep.serviceprovider.conditions import Condition, Shape
from instep.serviceprovider.documents import GROUP
from instep.serviceprovider.schemas import description

_members, _teams, _places = tables.members, tables.teams, tables.team_members


def table_of(resource_type: ResourceType) -> Table:
    """The table with the rows of a resource type."""
    return _teams if is_group(resource_type) else _members


def is_group(resource_type: ResourceType) -> bool:
    """Whether it's Groups and not Users."""
    return str(resource_type.schema_) == GROUP


def shape_of(resource_type: ResourceType, organisation_id: int) -> Shape:
    """The shape of a resource type in an organisation."""
    return _groups() if is_group(resource_type) else _users(organisation_id)


@lru_cache(maxsize=1)
def _groups() -> Shape:
    people = _Places(
        _places.join(_members, _members.c.seq == _places.c.member_seq),
        _places.c.team_seq == _teams.c.seq,
        {"value": _members.c.id, "type": literal("User")},
    )
    columns = {"displayName": _teams.c.name_key} | _common(_teams, "Group")
    return Shape(_model("Group"), _teams.c.document, columns, {"members": people})


@lru_cache(maxsize=256)
def _users(organisation_id: int) -> Shape:
    groups = _Places(
        _places.join(_teams, _teams.c.seq == _places.c.team_seq),
        _places.c.member_seq == _members.c.seq,
        {"value": _teams.c.id, "display": _teams.c.name, "type": literal("direct")},
    )
    columns = {"userName": _members.c.user_name_key, "active": _members.c.active} | _common(_members, "User")
    email = tables.emails
    by_email = select(email.c.member_seq).where(
        email.c.organisation_id == organisation_id, email.c.value_key == bindparam("email")
    )
    return Shape(_model("User"), _members.c.document, columns, {"groups": groups}, by_email, _members.c.seq)


def _common(table: Table, name: str) -> dict[str, ColumnElement[Any]]:
    return {
        "id": table.c.id,
        "externalId": table.c.external_key,
        "meta.resourceType": literal(name),
        "meta.created": table.c.created_at,
        "meta.lastModified": table.c.modified_at,
        "meta.version": literal('W/"') + table.c.revision.cast(table.c.id.type) + literal('"'),
    }


def _model(name: str) -> Any:
    return description().model_for(name)


class _Places:
    """The elements of an attribute that is rows: a team's members, or a member's teams."""

    def __init__(self, joined: FromClause, own: Condition, parts: dict[str, ColumnElement[Any]]) -> None:
        self._joined, self._own, self._parts = joined, own, parts

    def having(self, condition: Condition) -> Condition:
        return select(literal(1)).select_from(self._joined).where(self._own, condition).exists()

    def part(self, name: str) -> ColumnElement[Any] | None:
        return self._parts.get(name)

    def anything(self) -> Condition:
        return select(literal(1)).select_from(self._joined).where(self._own).exists()
