"""The SCIM protocol as this app speaks it: scim2-server's service, with the clients' dialects and its own answers.

It reads and writes nothing: it turns requests into models and operations, applies operations to models, and builds
answers. What differs from the library is said where it differs. How a request gets here is in `endpoint.py`.
"""

from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    BaseModel,
    Context,
    InvalidPathException,
    PatchOp,
    Path,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
)
from scim2_server.conditions import Conditions
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService, scim_exception_of
from scim2_server.utils import parametrize

from instep.serviceprovider import dialects, filters
from instep.serviceprovider.dialects import Operation
from instep.serviceprovider.documents import ENTERPRISE
from instep.serviceprovider.storage import wants_members

LARGEST_BODY = 1024 * 1024
"""Bytes; a larger body gets 413."""

LARGE_TEAM = 1000
"""A PATCH of a team with more members is answered 204, without the team."""

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Service(ScimService):
    """The protocol, without input or output."""

    def max_body_size(self, request: ScimRequest) -> int:
        """The same for every request."""
        return LARGEST_BODY

    def read_body(self, model: type[Any], body: bytes, content_type: str | None, scim_ctx: Context) -> Any:
        """A body of a POST or PUT, freed from its client's dialect, as a model."""
        payload = dialects.resource(self.decode_body(body, content_type))
        if scim_ctx == Context.RESOURCE_CREATION_REQUEST and "active" in model.model_fields:
            payload = with_active(payload, True)
        try:
            return model.model_validate(payload, scim_ctx=scim_ctx)
        except ValidationError as wrong:
            raise scim_exception_of(wrong) from wrong

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> tuple[SearchRequest[Any], Any]:
        """A search whose filter has been capped and put right."""
        if isinstance(payload, dict):
            payload = {key: filters.tidied(value) if key == "filter" else value for key, value in payload.items()}
        return super().read_search(resource_types, payload)

    # --- PATCH ---

    def read_operations(self, resource_id: str, request: ScimRequest) -> list[Operation]:
        """The operations of a PATCH request."""
        payload = self.decode_body(request.body, request.header("Content-Type"))
        return dialects.operations(payload, resource_id)

    def apply(self, current: Resource[Any], changes: list[Operation], conditions: Conditions) -> bool:
        """Applies operations to a resource in place. Gives whether anything has changed.

        scim2-models drops what no schema declares from a PATCH; here it's kept, as in a POST.
        """
        self.check_preconditions(current, "PATCH", conditions)
        due = [each for each in changes if each.only_if_manager in (None, _manager(current))]
        unknown = [each for each in due if _is_unknown(type(current), each)]
        declared = [_as_sent(each) for each in due if each not in unknown]
        before = _member_ids(current)
        changed = False
        if declared:
            changed = self._read_patch(type(current), declared).patch(current)
        if changed and before is not None:
            # To the models, a member that is sent again without its $ref and type is another one.
            touched = {each.name for each in changes}
            changed = touched != {"members"} or _member_ids(current) != before
        for each in unknown:
            changed = _keep(current, each) or changed
        return changed

    @staticmethod
    def _read_patch(model: type[Resource[Any]], declared: list[dict[str, Any]]) -> Any:
        payload = {"schemas": [PATCH_SCHEMA], "Operations": declared}
        try:
            return parametrize(PatchOp, model).model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
        except ValidationError as wrong:
            raise scim_exception_of(wrong) from wrong

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        """200 with the resource, for clients that want one; 204 where the members would be a burden."""
        published = self.publish(base_url, resource)
        members = _member_ids(resource)
        if members is not None and is_burden(len(members), response_parameters):
            return unsaid(str(published.meta.version) if published.meta else "")
        return self.resource_response(published, Context.RESOURCE_REPLACEMENT_RESPONSE, response_parameters)

    # --- answers ---

    @staticmethod
    def resource_response(
        resource: Resource[Any],
        scim_ctx: Context,
        response_parameters: ResponseParameters[Any] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> ScimResponse:
        """A resource, with nothing but what `attributes` asks for (RFC 7644 §3.9)."""
        response = ScimService.resource_response(resource, scim_ctx, response_parameters, status)
        _drop_unasked(response.body, type(resource), response_parameters)
        return response

    def search_response(self, base_url: str, resource_types: Any, page: Any, search_request: Any) -> ScimResponse:
        """A page of resources, each as in `resource_response`."""
        response = super().search_response(base_url, resource_types, page, search_request)
        assert response.body is not None
        for resource, body in zip(page.resources, response.body.get("Resources", ()), strict=True):
            _drop_unasked(body, type(resource), search_request)
        return response


def with_active(payload: Any, active: bool) -> Any:
    """A User's document that says whether the member is active: as it says itself, or else so."""
    if not isinstance(payload, dict):
        return payload
    said = any(name.lower() == "active" and value is not None for name, value in payload.items())
    return payload if said else {**payload, "active": active}


def is_burden(members: int, parameters: ResponseParameters[Any]) -> bool:
    """Whether a PATCH's answer leaves its resource out: the team is large, or its members aren't wanted."""
    return not wants_members(parameters) or (members > LARGE_TEAM and not parameters.attributes)


def unsaid(version: str) -> ScimResponse:
    """204 with the new version."""
    return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": version})


def _manager(resource: Resource[Any]) -> str | None:
    """The id of a User's manager; a Group has none."""
    try:
        return parametrize(Path, type(resource))(f"{ENTERPRISE}:manager.value").get(resource)
    except InvalidPathException:
        return None


def _member_ids(resource: Resource[Any]) -> set[str] | None:
    """The ids of a Group's members; None for a User."""
    if "members" not in type(resource).model_fields:
        return None
    return {entry.value for entry in getattr(resource, "members", None) or ()}


def _as_sent(operation: Operation) -> dict[str, Any]:
    sent = {"op": operation.op, "path": operation.path}
    return {**sent, "value": operation.value} if operation.has_value else sent


def _is_unknown(model: type[BaseModel], operation: Operation) -> bool:
    """Whether no schema declares the attribute; a path that isn't one is for the validation to refuse."""
    name = f"{operation.schema}:{operation.name}" if operation.schema else operation.name
    try:
        path = parametrize(Path, model)(name)
    except InvalidPathException:
        return True
    return path.resolve() is None and path.model is None


def _keep(resource: Resource[Any], operation: Operation) -> bool:
    """Applies an operation to an attribute that no schema declares: a plain one, or a part of one."""
    if "[" in operation.rest or operation.rest.count(".") > 1:
        raise InvalidPathException(detail=f"{operation.path!r} is no attribute of the schema")
    own_name = operation.path.removesuffix(operation.rest)
    schema, _, name = own_name.rpartition(":") if operation.schema else ("", "", own_name)
    steps = [step for step in (schema, name, operation.rest.removeprefix(".")) if step]
    holder: Any = resource.unknown_attributes
    for step in steps[:-1]:
        step = _spelled(step, holder)
        if not isinstance(holder.get(step), dict):
            if operation.op == "remove":
                return False
            holder[step] = {}
        holder = holder[step]
    last = _spelled(steps[-1], holder)
    if operation.op == "remove" or operation.value is None:
        return holder.pop(last, None) is not None
    if schema and schema not in resource.schemas:
        resource.schemas = [*resource.schemas, schema]
    before = holder.get(last)
    holder[last] = operation.value
    return before != operation.value


def _spelled(name: str, holder: dict[str, Any]) -> str:
    """A name as it's spelled already: names aren't case-sensitive (RFC 7643 §2.1)."""
    return next((each for each in holder if each.lower() == name.lower()), name)


def _drop_unasked(
    body: dict[str, Any] | None, model: type[Resource[Any]], parameters: ResponseParameters[Any] | None
) -> None:
    """Takes attributes that no schema declares out of an answer that names the ones it wants."""
    if body is None or parameters is None or not parameters.attributes:
        return
    asked = {str(path).casefold() for path in parameters.attributes}
    for name in [each for each in body if each.casefold() not in asked]:
        try:
            path = parametrize(Path, model)(name)
        except InvalidPathException:
            path = None
        if path is None or (path.resolve() is None and path.model is None):
            del body[name]
