"""How a request becomes an answer: the plain way through models, and a quick way beside it.

`Handler` is scim2-server's way with this app's PATCH: every resource goes through a model. `QuickHandler` answers the
same from rows and documents where models would take too long: reading, listing, and changing a team's members. What
the quick way doesn't know goes the plain way; both give the same answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from scim2_models import ResourceType, ResponseParameters
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation as Route

from instep.serviceprovider import documents, teams
from instep.serviceprovider.dialects import VALUE_IS, Operation
from instep.serviceprovider.documents import ENTERPRISE, Document
from instep.serviceprovider.service import Service, is_burden, unsaid
from instep.serviceprovider.shapes import is_group
from instep.serviceprovider.storage import Storage, told_in_scim, wants_members

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ALWAYS = frozenset({"id", "schemas"})


class Handler(ScimHandler):
    """Serves a request from one organisation's storage."""

    service: Service
    storage: Storage

    def patch(self, request: ScimRequest) -> ScimResponse:
        """Modifies a resource (RFC 7644 §3.5.2)."""
        with self.service.provider:
            target = self.service.route(request, Route.patch)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            resource_id = cast(str, target.resource_id)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            changes = self.service.read_operations(resource_id, request)
            return self.change(request, resource_type, resource_id, changes, parameters)

    def change(
        self,
        request: ScimRequest,
        resource_type: ResourceType,
        resource_id: str,
        changes: list[Operation],
        parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        """Applies the operations of a PATCH to the model of the resource."""
        resource = self.storage.get(resource_type, resource_id)
        if self.service.apply(resource, changes, self.service.read_conditions(request)):
            resource = self.storage.update(resource_type, resource)
        return self.service.patch_response(request.base_url, resource, parameters)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The attributes that an answer shows, where only whole ones are named."""

    only: frozenset[str]
    without: frozenset[str]

    @classmethod
    def of(cls, parameters: ResponseParameters[Any]) -> "_Wanted | None":
        """None when an attribute's schema or a sub-attribute is named: that is for the plain way."""
        only = frozenset(str(path).casefold() for path in parameters.attributes or ())
        without = frozenset(str(path).casefold() for path in parameters.excluded_attributes or ())
        return None if any(mark in name for name in only | without for mark in ".:") else cls(only, without)

    def shown(self, document: Document) -> Document:
        """The document with nothing else."""
        if not self.only and not self.without:
            return document
        shown = {name: value for name, value in document.items() if self._shows(name)}
        if ENTERPRISE not in shown:
            shown["schemas"] = [schema for schema in document["schemas"] if schema != ENTERPRISE]
        return shown

    def _shows(self, name: str) -> bool:
        if name in _ALWAYS:
            return True
        return name.casefold() in self.only if self.only else name.casefold() not in self.without


class QuickHandler(Handler):
    """The same answers, without models where there can be many resources or members."""

    def query(self, request: ScimRequest) -> ScimResponse:
        """Reads a resource (RFC 7644 §3.4.1)."""
        with self.service.provider:
            target = self.service.route(request, Route.query)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            parameters = self.service.read_response_parameters(resource_type, request.query)
            wanted = _Wanted.of(parameters)
            if wanted is None:
                return super().query(request)
            document = self.storage.document(
                resource_type, cast(str, target.resource_id), people=wants_members(parameters)
            )
            if not self.service.read_conditions(request).check(document["meta"]["version"], "GET"):
                return ScimResponse(HTTPStatus.NOT_MODIFIED, None, {"ETag": document["meta"]["version"]})
            return self._answer(request, document, wanted)

    def search(self, request: ScimRequest) -> ScimResponse:
        """Searches with GET (RFC 7644 §3.4.2)."""
        with self.service.provider:
            target = self.service.route(request, Route.search)
            resource_types = self.service.searched_types(target.endpoint)
            asked, _ = self.service.read_search_query(resource_types, request.query)
            wanted = _Wanted.of(asked)
            if wanted is None:
                return super().search(request)
            total, found = self.storage.page(resource_types, asked, people=wants_members(asked))
            resources = [wanted.shown(self._published(request, document)) for document in found]
            return ScimResponse(
                HTTPStatus.OK,
                {
                    "schemas": [LIST_RESPONSE],
                    "totalResults": total,
                    "startIndex": asked.start_index,
                    "itemsPerPage": len(resources),
                    "Resources": resources,
                },
            )

    def change(
        self,
        request: ScimRequest,
        resource_type: ResourceType,
        resource_id: str,
        changes: list[Operation],
        parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        """Applies the operations of a PATCH to a team's rows."""
        steps = [_step(each) for each in changes] if is_group(resource_type) else [None]
        wanted = _Wanted.of(parameters)
        if wanted is None or not all(steps):
            return super().change(request, resource_type, resource_id, changes, parameters)
        row = self.storage.row(resource_type, resource_id)
        self.service.read_conditions(request).check(documents.version(row.revision), "PATCH")
        with told_in_scim():
            change = _TeamChange(self.storage, row.seq, row.name, row.document)
            for step in steps:
                assert step is not None
                step(change)
            if change.is_one:
                teams.write(
                    self.storage.connection, self.storage.organisation_id, row.id, self.storage.now, **change.values
                )
        if is_burden(teams.size(self.storage.connection, row.seq), parameters):
            return unsaid(documents.version(self.storage.row(resource_type, resource_id).revision))
        return self._answer(request, self.storage.document(resource_type, resource_id), wanted)

    def _answer(self, request: ScimRequest, document: Document, wanted: _Wanted) -> ScimResponse:
        published = self._published(request, document)
        meta = published["meta"]
        return ScimResponse(
            HTTPStatus.OK, wanted.shown(published), {"Content-Location": meta["location"], "ETag": meta["version"]}
        )

    def _published(self, request: ScimRequest, document: Document) -> Document:
        return documents.published(document, request.base_url.rstrip("/"), self.service.reference_location)


class _TeamChange:
    """A change of one team that is under way: its members change at once, its own columns at the end."""

    def __init__(self, storage: Storage, seq: int, name: str, rest: str) -> None:
        self._storage, self._seq = storage, seq
        self._name, self._rest = name, rest
        self._moved = 0
        self.values: dict[str, str | None] = {}

    @property
    def is_one(self) -> bool:
        """Whether anything has changed."""
        return bool(self._moved or self.values)

    def admit(self, ids: list[str]) -> None:
        self._moved += teams.admit(self._storage.connection, self._storage.organisation_id, self._seq, ids)

    def expel(self, ids: list[str]) -> None:
        self._moved += teams.expel(self._storage.connection, self._storage.organisation_id, self._seq, ids)

    def retain(self, ids: list[str]) -> None:
        self._moved += teams.retain(self._storage.connection, self._storage.organisation_id, self._seq, ids)

    def replace(self, ids: list[str]) -> None:
        self.retain(ids)
        self.admit(ids)

    def rename(self, name: str) -> None:
        if name != self.values.get("name", self._name):
            self.values["name"] = name

    def set_external_id(self, value: str | None) -> None:
        rest = documents.with_external_id(self._rest, value)
        if rest != self.values.get("document", self._rest):
            self.values |= {"document": rest, "external_key": documents.external_key(value)}


_Step = Callable[[_TeamChange], None]


def _step(operation: Operation) -> _Step | None:
    """An operation on a team as a step on its rows; None when it isn't one of the plain forms that there are."""
    if operation.schema:
        return None
    value = operation.value
    match operation.name, operation.op, operation.rest:
        case "displayname", "add" | "replace", "" if isinstance(value, str):
            return lambda change: change.rename(value)
        case "externalid", "add" | "replace", "" if isinstance(value, str):
            return lambda change: change.set_external_id(value)
        case "members", op, "":
            return _member_step(operation, op)
        case "members", "remove", rest if value is None and (asked := VALUE_IS.fullmatch(rest)):
            return lambda change: change.expel([asked["id"]])
        case _:
            return None


def _member_step(operation: Operation, op: str) -> _Step | None:
    ids = [entry["value"] for entry in operation.value or ()]
    match op:
        case "add" if ids:
            return lambda change: change.admit(ids)
        case "replace" if operation.has_value:
            return lambda change: change.replace(ids)
        case "remove" if operation.value is None:
            return lambda change: change.retain([])
        case "remove":
            return lambda change: change.expel(ids)
        case _:
            return None
