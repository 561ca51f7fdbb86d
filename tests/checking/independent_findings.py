"""What `instep check` finds in scim2-server 0.8.3 as it comes, each confirmed by hand against RFC 7643 and 7644.

Its in-memory server is a library's default: authentication is left to whoever mounts it, and its policies are the
strict ones. `seen` is what it really answers.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """A finding. `reading`: what the section says, and why this is a finding of that kind."""

    check: str
    result: str
    section: str
    seen: str
    reading: str


EXPECTED = (
    Expected(
        "auth.without-token",
        "failed",
        "RFC 7644 section 2; RFC 6750 section 3.1",
        "GET /Users without Authorization: 200 and the users",
        "Section 2 leaves the choice of the scheme to the provider and names TLS, bearer tokens and others; "
        "section 7 asks that personal data be protected. An endpoint that lists people to anybody has no "
        "authentication at all.",
    ),
    Expected(
        "auth.wrong-token",
        "failed",
        "RFC 7644 section 2; RFC 6750 section 3.1",
        "GET /Users with a made-up bearer token: 200 and the users",
        "Section 3.1 of RFC 6750: the token provided is invalid, so 401 with invalid_token is to be sent. Same "
        "cause as above; right as a finding of its own, since a server may ask for a token and not look at it.",
    ),
    Expected(
        "discovery.config",
        "failed",
        "RFC 7643 section 5",
        "GET /ServiceProviderConfig: patch, bulk, filter, changePassword, sort, etag; no authenticationSchemes",
        "authenticationSchemes: a multi-valued complex type that specifies supported authentication scheme "
        "properties, REQUIRED. It isn't there at all, so the document doesn't conform.",
    ),
    Expected(
        "create.unknown-attribute",
        "warning",
        "RFC 7643 section 3.3; RFC 7644 section 3.12",
        "POST with an attribute that no schema has: 400 invalidSyntax, and its name",
        "No section says what becomes of an attribute that isn't in any schema of `schemas`. invalidSyntax is for "
        "a body that didn't conform to the request schema, so refusing it is allowed; clients meet both. A "
        "warning.",
    ),
    Expected(
        "create.manager-of-entra",
        "warning",
        "RFC 7643 section 4.3",
        "PATCH add of manager with a bare id: 400 invalidValue",
        "manager is a complex attribute with value, $ref and displayName; a string isn't one, and refusing it is "
        "right. Entra sends a string all the same, so managers from there don't arrive. A warning.",
    ),
    Expected(
        "patch.value-path-of-nobody",
        "warning",
        "RFC 7644 section 3.5.2.3",
        'PATCH add of phoneNumbers[type eq "mobile"].value without any number: 400 noTarget',
        "For replace the section says: no record match was made, so 400 with noTarget; for add it says nothing of "
        "value paths. noTarget is the nearest reading. Entra expects that the element is made. A warning.",
    ),
    Expected(
        "delete.leaves-groups",
        "warning",
        "RFC 7643 section 4.2; RFC 7644 section 3.6",
        "After DELETE of a member the group still lists the id",
        "Section 3.6 asks for 404 on the resource itself, and that it isn't found; of references in other "
        "resources neither RFC says anything. A reference to what doesn't exist helps nobody. A warning.",
    ),
    Expected(
        "groups.remove-by-list",
        "warning",
        "RFC 7644 section 3.5.2.2",
        'PATCH remove with path members and a value: 400, "a remove operation carries no value"',
        "The section knows a path and no value: without a filter all values are removed. So a value is outside of "
        "the RFC, and refusing it is safer than emptying the group. Entra's default dialect sends it. A warning.",
    ),
    Expected(
        "groups.unknown-member",
        "warning",
        "RFC 7643 section 4.2",
        "PATCH add of an id that doesn't exist: 204, and it's a member",
        "value is the identifier of the member, and $ref the URI of a SCIM resource; that it has to exist isn't "
        "said. A client never learns that the member is gone. A warning.",
    ),
    Expected(
        "groups.duplicate",
        "warning",
        "RFC 7643 section 4.2 and 8.7.1",
        "POST of a second group with the same displayName: 201",
        "displayName of a group is required, and its uniqueness is none, so the answer is right. Who matches "
        "groups by name, as Entra does, can't tell the two apart. A warning.",
    ),
)
