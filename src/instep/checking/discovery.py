"""Checks of transport, authorisation and of what the endpoint says about itself (RFC 7643 sections 5 to 7).

The discovery documents are believed in nothing here: each claim that matters has a check of what the app really does.
"""

from typing import Any

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Visit
from instep.checking.wire import Answer
from instep.scim.documents import ABSENT, lookup
from instep.scim.paths import CORE_GROUP, CORE_USER

ONE = "startIndex=1&count=1"
_FLAGS = ("patch", "bulk", "filter", "changePassword", "sort", "etag")


@check(
    "transport.https",
    "The endpoint is reached over HTTPS",
    "must",
    "RFC 7644 section 2 and 7.2; Entra's checklist asks for TLS 1.2",
    "Serve the endpoint over TLS 1.2 or newer, with a certificate of a public authority.",
    writes=False,
)
async def https(visit: Visit) -> str | None:
    """Tokens and personal data don't travel in the clear, the certificate is valid, and TLS is 1.2 or newer."""
    if not visit.wire.secure:
        raise NotJudged("this is plain HTTP on this machine itself, which is fine for a test")
    return "the certificate is valid, and TLS is 1.2 or newer"


@check(
    "auth.without-token",
    "Nobody gets in without a token",
    "must",
    "RFC 7644 section 2; RFC 6750 section 3.1",
    "Answer every request without an Authorization header with 401, before anything else is looked at.",
    writes=False,
)
async def without_token(visit: Visit) -> str | None:
    """People can't be listed by somebody who has no token."""
    _refused(await visit.wire.send("GET", "/Users", ONE, token=""), "without a token")
    return None


@check(
    "auth.wrong-token",
    "Nobody gets in with a wrong token",
    "must",
    "RFC 7644 section 2; RFC 6750 section 3.1",
    "Compare the whole token, and answer 401 when it isn't one that was issued.",
    writes=False,
)
async def wrong_token(visit: Visit) -> str | None:
    """People can't be listed by somebody who made a token up."""
    answer = await visit.wire.send("GET", "/Users", ONE, token=f"Bearer {visit.prefix}-is-no-token")
    _refused(answer, "with a token that was made up")
    return None


def _refused(answer: Answer, how: str) -> None:
    if answer.succeeded:
        raise Failed(f"GET /Users {how} was answered with {answer.status}")
    if answer.status != 401:
        raise Doubtful(f"GET /Users {how} was answered with {answer.words}; 401 says that it's about the token")


@check(
    "auth.challenge",
    "A 401 says how to authenticate",
    "nice",
    "RFC 9110 section 15.5.2; RFC 6750 section 3",
    "Send `WWW-Authenticate: Bearer` with each 401.",
    writes=False,
)
async def challenge(visit: Visit) -> str | None:
    """Clients and people who look for a mistake see from a 401 which scheme is wanted."""
    answer = await visit.wire.send("GET", "/Users", ONE, token="")
    if answer.status != 401:
        raise NotJudged("a request without a token isn't answered with 401")
    if "WWW-Authenticate" not in answer.headers:
        raise Failed("the 401 has no WWW-Authenticate")
    return None


@check(
    "transport.content-type",
    "Answers are application/scim+json",
    "should",
    "RFC 7644 section 3.8 and 8.1",
    "Send `Content-Type: application/scim+json` with each answer that has a body.",
    writes=False,
)
async def content_type(visit: Visit) -> str | None:
    """Clients that look at the media type take the answers for SCIM."""
    answer = await visit.wire.send("GET", "/Users", ONE)
    visit.expect(answer, 200)
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        raise Doubtful("answers are application/json, which clients have to be lenient for")
    if kind != "application/scim+json":
        raise Failed(f"answers are {kind or 'of no stated type'}")
    return None


@check(
    "transport.plain-json",
    "Requests of type application/json are taken too",
    "nice",
    "RFC 7644 section 3.8 and 8.1; several clients send it",
    "Take `application/json` as well as `application/scim+json`.",
)
async def plain_json(visit: Visit) -> str | None:
    """Clients which don't know SCIM's media type can create people."""
    answer = await visit.post("User", visit.person("json"), headers={"Content-Type": "application/json"})
    visit.expect(answer, 201, 200)
    return None


@check(
    "discovery.config",
    "/ServiceProviderConfig says what the endpoint offers",
    "should",
    "RFC 7644 section 4; RFC 7643 section 5",
    "Answer GET /ServiceProviderConfig with patch, bulk, filter, changePassword, sort, etag (each with `supported`) "
    "and authenticationSchemes.",
    writes=False,
)
async def config(visit: Visit) -> str | None:
    """A client can find out what's offered, and needn't be told."""
    answer = await visit.wire.send("GET", "/ServiceProviderConfig")
    visit.expect(answer, 200)
    visit.facts.config = document = answer.document
    missing = [flag for flag in _FLAGS if not isinstance(_supported(document, flag), bool)]
    if lookup(document, "authenticationSchemes") is ABSENT:
        missing.append("authenticationSchemes")
    if missing:
        raise Failed(f"it says nothing of {', '.join(missing)}")
    offered = [flag for flag in _FLAGS if _supported(document, flag)]
    return f"offers {', '.join(offered) or 'nothing beyond the least'}"


def _supported(document: dict[str, Any], flag: str) -> Any:
    feature = lookup(document, flag)
    return lookup(feature, "supported") if isinstance(feature, dict) else ABSENT


async def announced(visit: Visit, flag: str) -> bool:
    """Whether /ServiceProviderConfig says that a feature is supported."""
    if not visit.facts.config:
        visit.facts.config = (await visit.wire.send("GET", "/ServiceProviderConfig")).document
    return _supported(visit.facts.config, flag) is True


@check(
    "discovery.resource-types",
    "/ResourceTypes lists users, and groups where there are any",
    "should",
    "RFC 7644 section 4; RFC 7643 section 6",
    "Answer GET /ResourceTypes with a ListResponse: each type with name, endpoint and schema.",
    writes=False,
)
async def resource_types(visit: Visit) -> str | None:
    """A client can find out which kinds of resources there are, and where."""
    entries = [document for _, document in visit.listed(await visit.wire.send("GET", "/ResourceTypes"))]
    visit.facts.types = {str(lookup(entry, "endpoint")) for entry in entries}
    for entry in entries:
        if absent := [name for name in ("name", "endpoint", "schema") if lookup(entry, name) is ABSENT]:
            raise Failed(f"an entry has no {absent[0]}")
    if not any(endpoint.rstrip("/").endswith("/Users") for endpoint in visit.facts.types):
        raise Failed("there's no type with the endpoint /Users")
    return f"there are {', '.join(sorted(visit.facts.types))}"


@check(
    "discovery.schemas",
    "/Schemas describes the attributes",
    "should",
    "RFC 7644 section 4; RFC 7643 section 7; one of Entra's onboarding checks",
    "Answer GET /Schemas with a ListResponse of schemas: each with its URN as id, and attributes with name and type.",
    writes=False,
)
async def schemas(visit: Visit) -> str | None:
    """A client can offer the app's attributes for mapping: Entra reads them when the mapping page opens."""
    entries = [document for _, document in visit.listed(await visit.wire.send("GET", "/Schemas"))]
    visit.facts.schemas = {str(lookup(entry, "id")).lower(): entry for entry in entries}
    for entry in entries:
        attributes = lookup(entry, "attributes")
        for one in attributes if isinstance(attributes, list) else []:
            if not isinstance(one, dict) or ABSENT in (lookup(one, "name"), lookup(one, "type")):
                raise Failed(f"an attribute of {lookup(entry, 'id')} has no name or no type")
    if CORE_USER.lower() not in visit.facts.schemas:
        raise Failed(f"the schema of users, {CORE_USER}, isn't among them")
    if CORE_GROUP.lower() not in visit.facts.schemas and visit.facts.has_groups:
        raise Failed(f"the schema of groups, {CORE_GROUP}, isn't among them")
    return f"{len(entries)} schemas"


@check(
    "discovery.one-schema",
    "A schema can be read by its URN",
    "nice",
    "RFC 7644 section 4",
    "Answer GET /Schemas/{URN} with that schema, and 404 for a URN that isn't known.",
    writes=False,
)
async def one_schema(visit: Visit) -> str | None:
    """Each schema is a resource of its own."""
    if not (await visit.wire.send("GET", "/Schemas")).succeeded:
        raise NotJudged("there are no schemas: see discovery.schemas")
    answer = await visit.wire.send("GET", f"/Schemas/{CORE_USER}")
    visit.expect(answer, 200)
    if answer.app_id.lower() != CORE_USER.lower():
        raise Failed(f"the schema that came has the id {answer.app_id!r}")
    visit.expect(await visit.wire.send("GET", f"/Schemas/{CORE_USER}-unknown"), 404)
    return None
