"""What the SCIM endpoint says about itself: schemas, resource types and abilities (RFC 7643 §5 to §7).

They are the schemas of RFC 7643 as scim2-server ships them, less what the app never takes (passwords, roles,
entitlements) and with what it does differently: a team's name is unique, and teams hold people only. The models come
from these documents and not from scim2-models' own classes, which refuse addresses such as `ada@corp.local`.
"""

from functools import cache

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Mutability,
    Patch,
    Required,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_server.utils import load_default_resource_types, load_default_schemas

from instep.serviceprovider.documents import GROUP, USER

MAX_RESULTS = 1000
"""How many resources one page holds at the most, and without `count`."""

NEVER_TAKEN = frozenset({"password", "roles", "entitlements"})
"""Attributes of a User that are accepted and ignored: roles are given in the app, never through SCIM."""

POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.keep,
    # Entra removes members by a list of values, and writes `emails[type eq "work"].value` where there is no element.
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


@cache
def description() -> ScimProvider:
    """The description of the service."""
    schemas = load_default_schemas()
    _adapt_user(schemas[USER])
    _adapt_group(schemas[GROUP])
    return ScimProvider.from_discovery(
        schemas.values(), load_default_resource_types().values(), config=_abilities(), policy=POLICY
    )


def _abilities() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="SCIM token",
                description="The organisation's SCIM token as a bearer token; it selects the organisation",
            )
        ],
    )


def _adapt_user(schema: Schema) -> None:
    schema.attributes = [each for each in schema.attributes or [] if each.name not in NEVER_TAKEN]
    for attribute in schema.attributes:
        if attribute.name == "active":
            # A member is active or isn't: there's no third state to be had by removing the attribute. A document
            # without it is still taken: who joins is active, and who is replaced stays as they are.
            attribute.required = Required.true


def _adapt_group(schema: Schema) -> None:
    by_name = {each.name: each for each in schema.attributes or []}
    by_name["displayName"].uniqueness = Uniqueness.server
    parts = {each.name: each for each in by_name["members"].sub_attributes or []}
    parts["type"].canonical_values = ["User"]
    parts["$ref"].reference_types = ["User"]
    parts["display"].mutability = Mutability.read_only  # and never given: whoever wants names asks for the Users
