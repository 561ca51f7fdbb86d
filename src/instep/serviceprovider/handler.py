"""How a request becomes an answer: the plain way through models, and a quick way beside it.

`Handler` is scim2-server's way with this app's PATCH: every resource goes through a model. `QuickHandler` answers the
same from rows and documents where models would take too long: reading, listing, and changing a team's members. What
the quick way doesn't know goes the plain way; both give the same answers.
"""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

import msgspec
from scim2_models import ResourceType, ResponseParameters
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation as Route
from sqlalchemy import Row

from instep.serviceprovider import documents, teams
from instep.serviceprovider.dialects import Operation
from instep.serviceprovider.documents import ENTERPRISE, Document
from instep.serviceprovider.protocol import LARGE_TEAM, Service, is_burden, unsaid, with_active
from instep.serviceprovider.shapes import is_group
from instep.serviceprovider.storage import Storage, told_in_scim, wants_members
from instep.serviceprovider.teamchange import changed_team, team_step

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ALWAYS = frozenset({"id", "schemas"})


class Handler(ScimHandler):
    """Serves a request from one organisation's storage."""

    service: Service
    storage: Storage

    def replace(self, request: ScimRequest) -> ScimResponse:
        """Replaces a resource (RFC 7644 §3.5.1). A member whose document doesn't say `active` stays as they are."""
        with self.service.provider:
            target = self.service.route(request, Route.replace)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            row = self.storage.row(resource_type, cast(str, target.resource_id))
            if not is_group(resource_type):
                payload = self.service.decode_body(request.body, request.header("Content-Type"))
                request = replace(request, body=msgspec.json.encode(with_active(payload, row.active)))
            return super().replace(request)

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


_EVERYTHING = _Wanted(frozenset(), frozenset())


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

    def create(self, request: ScimRequest) -> ScimResponse:
        """Creates a resource (RFC 7644 §3.3)."""
        with self.service.provider:
            target = self.service.route(request, Route.create)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            resource = self.service.read_creation(resource_type, request.body, request.header("Content-Type"))
            response = self._answer(request, self.storage.made(resource_type, resource))
            response.status = HTTPStatus.CREATED
            response.headers["Location"] = response.headers["Content-Location"]
            return response

    def change(
        self,
        request: ScimRequest,
        resource_type: ResourceType,
        resource_id: str,
        changes: list[Operation],
        parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        """Applies the operations of a PATCH: to a team's rows, or to the model of a member."""
        wanted = _Wanted.of(parameters)
        group = is_group(resource_type)
        steps = [step for each in changes if group and (step := team_step(each))]
        if wanted is None or (group and len(steps) < len(changes)):
            return super().change(request, resource_type, resource_id, changes, parameters)
        row = self.storage.row(resource_type, resource_id)
        if not group:
            return self._answer(request, self._changed_member(request, resource_type, row, changes), wanted)
        self.service.read_conditions(request).check(documents.version(row.revision), "PATCH")
        with told_in_scim():
            row = changed_team(self.storage.connection, row, steps, self.storage.now)
        if is_burden(teams.size(self.storage.connection, row, LARGE_TEAM + 1), parameters):
            return unsaid(documents.version(row.revision))
        return self._answer(request, self.storage.document_of(resource_type, row), wanted)

    def _changed_member(
        self, request: ScimRequest, resource_type: ResourceType, row: Row[Any], changes: list[Operation]
    ) -> Document:
        resource = self.storage.get(resource_type, row.id)
        if self.service.apply(resource, changes, self.service.read_conditions(request)):
            return self.storage.changed(resource_type, row, resource)
        return self.storage.document_of(resource_type, row)

    def _answer(self, request: ScimRequest, document: Document, wanted: _Wanted = _EVERYTHING) -> ScimResponse:
        published = self._published(request, document)
        meta = published["meta"]
        return ScimResponse(
            HTTPStatus.OK, wanted.shown(published), {"Content-Location": meta["location"], "ETag": meta["version"]}
        )

    def _published(self, request: ScimRequest, document: Document) -> Document:
        return documents.published(document, request.base_url.rstrip("/"), self.service.reference_location)
