"""Apps that make something else of a write than was asked for."""

import re

from instep.hostile.app import Answer, App, Request
from instep.hostile.attributes import get, key
from instep.hostile.content import Document, Kind
from instep.hostile.personas.persona import Go, Persona, Settings, share


class RewritesValues(Persona):
    """
    Keeps other values than it gets: `userName` and addresses in lower case, text trimmed, phone numbers in one form,
    and `name.formatted` made anew from the parts.

    Google, Zoom and Atlassian lower-case addresses; Salesforce and Webex reformat phone numbers; nearly all apps trim.

    Compare what should be with what was sent, and drift with what the app answered; never send the same value every
    cycle because it comes back another.
    """

    name = "rewrites-values"

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, settings)
        app.keeps.append(_rewritten)


class DisablingDeletes(Persona):
    """
    Takes `active: false` for the end: the account and its id are gone, and it is in no group any more.

    GitHub's organisation-level SCIM, and apps in which a member who has no seat isn't one.

    Expect 404 for the old id after disabling, and don't call it a failure; look the person up anew when they come back,
    and create them.
    """

    name = "disabling-deletes"

    async def handle(self, request: Request, go: Go) -> Answer:
        """Delete whoever was disabled."""
        answer = await go(request)
        if request.kind == "Users" and request.writes:
            gone = [i for i, user in self.app.content.all("Users").items() if get(user, "active") is False]
            for app_id in gone:
                self.app.content.put("Users", app_id, None)
                self.did(answer, f"deleted {app_id}, who isn't active")
        return answer


class Says200DoesNothing(Persona):
    """
    Acknowledges changes of users and groups and doesn't make them; the answer shows the resource as it stays.

    Apps that drop what they don't know; read-only modes; caches and gateways that answer for an app that is down.

    Read what the answer shows. Whoever should have lost access and is still shown as active hasn't lost it: that is a
    failure to be told, not a success.
    """

    name = "says-200-does-nothing"
    numbers = (share(1.0, "changes"),)

    async def handle(self, request: Request, go: Go) -> Answer:
        """Answer a change with what is there."""
        kind: Kind = "Groups" if request.kind == "Groups" else "Users"
        held = self.app.content.all(kind).get(request.id)
        if held is None or not request.writes or not self.happens():
            return await go(request)
        if request.method == "DELETE":
            return self.did(Answer(204), "nothing was done")
        return self.did(Answer(200, held), "nothing was done")


def _rewritten(kind: Kind, document: Document) -> Document:
    """The document as the app keeps it."""
    document = {name: _trimmed(value) for name, value in document.items()}
    if kind == "Groups":
        return document
    name = key(document, "userName")
    document[name] = document[name].lower()
    for email in _elements(document, "emails"):
        email["value"] = str(get(email, "value")).lower()
    for phone in _elements(document, "phoneNumbers"):
        phone["value"] = re.sub(r"[^\d+]", "", str(get(phone, "value")))
    parts = get(document, "name")
    if isinstance(parts, dict):
        known = [get(parts, part) for part in ("givenName", "familyName")]
        document[key(document, "name")] = {**parts, "formatted": " ".join(part for part in known if part)}
    return document


def _elements(document: Document, name: str) -> list[Document]:
    """The elements of an attribute that have a value, as copies that the document now has."""
    held = get(document, name)
    if not isinstance(held, list):
        return []
    document[key(document, name)] = [dict(each) if isinstance(each, dict) else each for each in held]
    return [each for each in get(document, name) if isinstance(each, dict) and get(each, "value") is not None]


def _trimmed(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value
