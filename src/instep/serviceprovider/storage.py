"""One organisation's members and teams as scim2-server sees them, inside one transaction.

A storage is made for a request and knows its organisation; each query it makes carries that organisation, and there
is no way to ask it for another one's. It gives documents (for the quick way) and models (for the plain way). Whether
a change is allowed is up to `rules.py`; that the change is kept, and when, is up to the transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from scim2_models import (
    Error,
    NotFoundException,
    NotImplementedException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    SearchRequest,
)
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy import Connection, Row, bindparam, func, select

from instep.serviceprovider import documents, members, tables, teams
from instep.serviceprovider.conditions import Condition, condition, order
from instep.serviceprovider.documents import Document
from instep.serviceprovider.members import Role
from instep.serviceprovider.refusal import Refusal
from instep.serviceprovider.rules import Rules
from instep.serviceprovider.schemas import POLICY, description
from instep.serviceprovider.shapes import is_group, shape_of, table_of

_BY_ID = {
    table: select(table).where(
        table.c.organisation_id == bindparam("organisation"), table.c.id == bindparam("resource_id")
    )
    for table in (tables.members, tables.teams)
}


def scim_error(refusal: Refusal) -> SCIMException:
    """What a SCIM client is told when the app says no."""
    error = Error(status=refusal.status, scim_type=refusal.scim_type or None, detail=str(refusal))
    return SCIMException.from_error(error)


@contextmanager
def told_in_scim() -> Iterator[None]:
    """Turns the app's no into a SCIM error."""
    try:
        yield
    except Refusal as refusal:
        raise scim_error(refusal) from refusal


class Storage(ScimStorage):
    """The resources of one organisation, in the connection's transaction."""

    def __init__(self, connection: Connection, organisation_id: int, now: datetime, rules: Rules | None = None) -> None:
        self.connection = connection
        self.organisation_id = organisation_id
        self.now = now
        self._rules = rules or Rules(connection, organisation_id)

    # --- documents ---

    def row(self, resource_type: ResourceType, resource_id: str) -> Row[Any]:
        """The row of a resource. NotFoundException when the organisation has no such one."""
        asked = {"organisation": self.organisation_id, "resource_id": resource_id}
        found = self.connection.execute(_BY_ID[table_of(resource_type)], asked).one_or_none()
        if found is None:
            raise NotFoundException(detail=f"{resource_type.name} {resource_id!r} not found")
        return found

    def document(self, resource_type: ResourceType, resource_id: str, *, people: bool = True) -> Document:
        """A resource as a document; without `people` a team comes without its members."""
        return self.document_of(resource_type, self.row(resource_type, resource_id), people=people)

    def document_of(self, resource_type: ResourceType, row: Row[Any], *, people: bool = True) -> Document:
        """The same, of a row that has been read already."""
        return self._documents(resource_type, [row], people)[0]

    def page(
        self, resource_types: list[ResourceType], request: SearchRequest[Any], *, people: bool = True
    ) -> tuple[int, list[Document]]:
        """How many resources match, and the asked page of them; one type after the other."""
        if request.sort_by is not None and len(resource_types) > 1:
            raise NotImplementedException(detail="searching several resource types at once can't be sorted")
        start, left, total = request.start_index_0 or 0, request.count, 0
        found: list[Document] = []
        for resource_type in resource_types:
            count, rows = self._rows(resource_type, request, max(start - total, 0), left)
            found += self._documents(resource_type, rows, people)
            total += count
            left = None if left is None else left - len(rows)
        return total, found

    def _rows(
        self, resource_type: ResourceType, request: SearchRequest[Any], offset: int, limit: int | None
    ) -> tuple[int, list[Row[Any]]]:
        """How many rows match, and those from offset on."""
        table, shape = table_of(resource_type), shape_of(resource_type, self.organisation_id)
        where: list[Condition] = [table.c.organisation_id == self.organisation_id]
        if request.filter is not None:
            if "emails" in request.filter.lower():
                # SQLite guesses that an organisation has ten rows; then it'd rather read them all than the index of
                # addresses.
                where = [func.likely(where[0])]
            where.append(condition(request.filter, shape))
        query = select(table).where(*where).order_by(*order(request, shape), table.c.seq)
        rows: list[Row[Any]] = []
        if limit is None or limit > 0:
            rows = list(self.connection.execute(query.limit(limit if limit is not None else -1).offset(offset)))
            last_page = limit is None or len(rows) < limit
            if last_page and (rows or offset == 0):
                return offset + len(rows), rows
        count = self.connection.scalar(select(func.count()).select_from(table).where(*where))
        return count or 0, rows

    def _documents(self, resource_type: ResourceType, rows: list[Row[Any]], people: bool) -> list[Document]:
        seqs = [row.seq for row in rows]
        if is_group(resource_type):
            inside = teams.people(self.connection, seqs) if people else {}
            return [documents.group_document(row, inside.get(row.seq, ())) for row in rows]
        around = teams.of_people(self.connection, seqs)
        return [documents.user_document(row, around[row.seq]) for row in rows]

    # --- what scim2-server asks for ---

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """A resource as a model."""
        people = response_parameters is None or wants_members(response_parameters)
        return self._model(resource_type, self.document(resource_type, resource_id, people=people))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """A page of resources as models."""
        total, found = self.page(resource_types, search_request, people=wants_members(search_request))
        by_name = {str(each.name): each for each in resource_types}
        return SearchPage(total, [self._model(by_name[each["meta"]["resourceType"]], each) for each in found])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """A new resource, as a model."""
        return self._model(resource_type, self.made(resource_type, resource))

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """The resource as it shall be from now on, as a model."""
        row = self.row(resource_type, str(resource.id))
        _check_version(row, expected_version)
        return self._model(resource_type, self.changed(resource_type, row, resource))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Ends a membership (the login stays), or deletes a team."""
        row = self.row(resource_type, resource_id)
        _check_version(row, expected_version)
        if is_group(resource_type):
            teams.drop(self.connection, row)
            return
        with told_in_scim():
            self._rules.may_touch(row.user_name)
            self._rules.may_lose_access(row)
        members.drop(self.connection, row)

    # --- writing, document for document ---

    def made(self, resource_type: ResourceType, resource: Resource[Any]) -> Document:
        """A new member with the Member role; or a new team, or a hand-made one adopted by its name."""
        document = resource.model_dump(scim_policy=POLICY)
        with told_in_scim():
            if is_group(resource_type):
                row = self._make_team(documents.group(document))
            else:
                person = documents.person(document)
                self._rules.may_join(person.user_name)
                row = members.add(self.connection, self.organisation_id, person, Role.MEMBER, self.now)
        return self.document_of(resource_type, row)

    def changed(self, resource_type: ResourceType, row: Row[Any], resource: Resource[Any]) -> Document:
        """The resource of this row as it shall be from now on."""
        document = resource.model_dump(scim_policy=POLICY)
        with told_in_scim():
            if is_group(resource_type):
                after = teams.change(self.connection, row, documents.group(document), self.now)
            else:
                after = self._change_member(row, documents.person(document))
        return self.document_of(resource_type, after)

    def _make_team(self, group: documents.Group) -> Row[Any]:
        # A push of a group whose team is there already takes that team over; nobody loses a place by it.
        adopted = teams.adoptable(self.connection, self.organisation_id, group.name)
        if adopted is None:
            return teams.add(self.connection, self.organisation_id, group, self.now)
        return teams.change(self.connection, adopted, group, self.now, keep=True)

    def _change_member(self, row: Row[Any], person: documents.Person) -> Row[Any]:
        self._rules.may_touch(row.user_name)
        self._rules.may_move(row.user_name, person.user_name)
        if person.active is False:
            self._rules.may_lose_access(row)
        return members.change(self.connection, row, person, self.now)

    def _model(self, resource_type: ResourceType, document: Document) -> Resource[Any]:
        model: Any = description().model_for(resource_type)
        return model.model_validate(document, scim_policy=POLICY)


def wants_members(parameters: ResponseParameters[Any]) -> bool:
    """Whether an answer with these parameters shows members (RFC 7644 §3.9)."""
    return not any(_is_members(path) for path in parameters.excluded_attributes or ())


def _is_members(path: object) -> bool:
    return str(path).removeprefix(f"{documents.GROUP}:").casefold() == "members"


def _check_version(row: Row[Any], expected: str | None) -> None:
    if expected is not None and expected != documents.version(row.revision):
        raise PreconditionFailedException
