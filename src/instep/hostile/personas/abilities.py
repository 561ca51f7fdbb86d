"""Apps that have less than they say, or less than a client hopes for."""

import dataclasses

from instep.hostile import discovery
from instep.hostile.app import Answer, App, Request, refusal
from instep.hostile.personas.persona import Go, Persona, Settings

_CLAIMED = ("filter", "sortBy", "sortOrder")


class ClaimsAbilities(Persona):
    """
    Its ServiceProviderConfig promises filter, PATCH of users, bulk, sort and ETags. None of them works: filters and
    sorting are ignored, PATCH of users and bulk are answered with 501, no version is sent.

    Many: the configuration is a file that somebody copied.

    Believe what an app does, not what it says; have a fallback for each ability, and remember which it needs.
    """

    name = "claims-abilities"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Promise, and break it."""
        if request.kind == "ServiceProviderConfig":
            return Answer(200, discovery.config(promises=True))
        if request.kind == "Bulk" or (request.kind == "Users" and request.method == "PATCH"):
            return refusal(501, "not implemented")
        query = {name: value for name, value in request.query.items() if name not in _CLAIMED}
        headers = {name: value for name, value in request.headers.items() if name != "If-Match"}
        answer = await go(dataclasses.replace(request, query=query, headers=headers))
        answer.headers.pop("ETag", None)
        return answer


class NoPatch(Persona):
    """
    Has no PATCH at all: 405 for users, 501 for groups.

    vCenter; apps built on SCIM libraries whose PATCH nobody has switched on.

    Read the resource, change it, PUT it whole with everything that was in it. Where that can't be done safely, say so
    for each resource.
    """

    name = "no-patch"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Refuse every PATCH."""
        if request.method != "PATCH":
            return await go(request)
        return refusal(405 if request.kind == "Users" else 501, "there is no PATCH here")


class NoDiscovery(Persona):
    """
    404 for ServiceProviderConfig, ResourceTypes and Schemas.

    vCenter, and many that were written for one identity provider.

    Work without: begin with what RFC 7644 says, and learn from what is refused.
    """

    name = "no-discovery"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Tell nothing."""
        if request.kind in discovery.ENDPOINTS:
            return refusal(404, "there is no such endpoint")
        return await go(request)


class NoUniqueness(Persona):
    """
    Takes a second user with the same `userName`, and a third.

    Apps that identify accounts by something else; group names nearly everywhere.

    Look before creating. When a look-up finds two, change neither: name both to a person.
    """

    name = "no-uniqueness"

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, settings)
        app.unique = False
