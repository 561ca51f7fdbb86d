"""Checks of creating people (RFC 7644 section 3.3)."""

import unicodedata

from instep.checking.finding import Doubtful, Failed, NotJudged
from instep.checking.registry import check
from instep.checking.visit import Visit
from instep.checking.wire import json_of
from instep.scim import documents
from instep.scim.documents import ABSENT
from instep.scim.paths import CORE_USER, ENTERPRISE_USER

_AS_SENT = ("userName", "active", "name.givenName", "name.familyName", 'emails[type eq "work"].value')
LONG = 300
"""Characters of a long value: more than the 255 of many a database's column."""


@check(
    "create.user",
    "A user can be created",
    "must",
    "RFC 7644 section 3.3; one of Entra's onboarding checks",
    "Answer POST /Users with 201 and the new resource, its id included.",
)
async def create(visit: Visit) -> str | None:
    """Joiners get an account, and the answer says under which id."""
    answer = await visit.post("User", visit.person("new"))
    if not answer.succeeded:
        raise Failed(
            f"POST /Users was answered with {answer.words}. If the app takes addresses of certain domains only, "
            "name one by --domain"
        )
    if not answer.app_id:
        raise Failed("the answer has no id, so the account can't be changed or removed later")
    return None


@check(
    "create.status",
    "A creation is answered with 201",
    "should",
    "RFC 7644 section 3.3",
    "Answer with 201 Created.",
)
async def status(visit: Visit) -> str | None:
    """A client can tell a new account from one that was there."""
    somebody = await visit.somebody()
    if somebody.answer.status != 201:
        raise Failed(f"a creation was answered with {somebody.answer.status}")
    return None


@check(
    "create.location",
    "A new resource says where it is",
    "should",
    "RFC 7644 section 3.3 and 3.1; RFC 7643 section 3.1 (meta.location)",
    "Send the URL of the new resource as the header Location, and the same as meta.location.",
)
async def location(visit: Visit) -> str | None:
    """Header and document name the same place, and it's the one that the id leads to."""
    answer = (await visit.somebody()).answer
    header, inside = answer.headers.get("Location"), documents.read(answer.document, "meta.location")
    if header is None:
        raise Failed("a creation was answered without Location")
    if not header.endswith(f"/Users/{answer.app_id}"):
        raise Failed(f"Location is {header}, which isn't the resource {answer.app_id}")
    if inside is ABSENT:
        raise Failed("the new resource has no meta.location")
    if inside != header:
        raise Doubtful(f"Location is {header}, and meta.location is {inside}")
    return None


@check(
    "create.echo",
    "The answer shows what was created",
    "should",
    "RFC 7644 section 3.3",
    "Put the resource as it's now held into the answer.",
)
async def echo(visit: Visit) -> str | None:
    """A client sees at once what became of what it sent."""
    somebody = await visit.somebody()
    absent = [path for path in _AS_SENT if documents.read(somebody.answer.document, path) is ABSENT]
    if absent:
        raise Failed(f"the answer doesn't show {', '.join(absent)}")
    return None


@check(
    "create.stored",
    "Values are stored as they were sent",
    "must",
    "RFC 7644 section 3.3; Entra's checklist",
    "Keep userName, active, name and the work e-mail as they're sent, or refuse them with 400 and a reason.",
)
async def stored(visit: Visit) -> str | None:
    """What's read afterwards is what was sent. A value that's rewritten looks like a change for ever."""
    somebody = await visit.somebody()
    document = await visit.read(somebody)
    for path in _AS_SENT:
        sent, held = documents.read(somebody.sent, path), documents.read(document, path)
        if not documents.same(sent, held):
            raise Failed(f"{path} was sent as {json_of(sent)} and is held as {json_of(held)}")
    return None


@check(
    "create.spelling",
    "Capitals, spaces and signs are kept",
    "should",
    "Entra's checklist: values stored as sent; RFC 7643 section 2.2 (caseExact is about comparing, not about keeping)",
    "Keep values as they're spelt, and compare without regard to case where that's wanted.",
)
async def spelling(visit: Visit) -> str | None:
    """Nothing is put into small letters, trimmed or reformatted, so that nothing looks like a change for ever."""
    name = f"{visit.name('Spelling')}@{visit.domain.title()}"
    phones = [{"value": "+1 (555) 010-0100", "type": "mobile"}]
    made = await visit.user("spelling", userName=name, emails=[{"value": name, "type": "work"}], phoneNumbers=phones)
    document = await visit.read(made)
    for path in ("userName", 'emails[type eq "work"].value', 'phoneNumbers[type eq "mobile"].value'):
        sent, held = documents.read(made.sent, path), documents.read(document, path)
        if held is not ABSENT and held != sent:
            raise Doubtful(f"{path} was sent as {json_of(sent)} and is held as {json_of(held)}")
    return None


@check(
    "create.external-id",
    "externalId is stored as it was sent",
    "should",
    "RFC 7643 section 3.1",
    "Keep externalId; it's the client's, and compared with regard to case.",
)
async def external_id(visit: Visit) -> str | None:
    """The app keeps the id that the directory knows the person by."""
    somebody = await visit.somebody()
    await visit.holds(somebody, "externalId", somebody.sent["externalId"])
    return None


@check(
    "create.duplicate",
    "A second user of the same userName is refused",
    "must",
    "RFC 7644 section 3.3; RFC 7643 section 4.1.1 (userName is unique)",
    "Refuse it with 409, held by a unique index and not by a look beforehand.",
)
async def duplicate(visit: Visit) -> str | None:
    """Nobody gets two accounts, not even when an answer was lost and the creation is sent again."""
    first = await visit.user("twice")
    answer = await visit.post("User", visit.person("twice", userName=first.name))
    visit.facts.refuses_duplicates = not answer.succeeded
    if answer.succeeded:
        same = "the same" if answer.app_id == first.id else "another"
        raise Failed(f"it was answered with {answer.status} and {same} id")
    if answer.status != 409:
        raise Doubtful(f"it's refused with {answer.words}; 409 says that it's a duplicate")
    visit.learn(enforces_uniqueness=True)
    return None


@check(
    "create.duplicate-type",
    "A duplicate is refused with scimType uniqueness",
    "should",
    "RFC 7644 section 3.3 and 3.12",
    "Send a SCIM error with scimType uniqueness in the 409.",
)
async def duplicate_type(visit: Visit) -> str | None:
    """A client can tell a duplicate from another conflict, and look for who has the name."""
    somebody = await visit.somebody()
    answer = await visit.post("User", visit.person("twice", userName=somebody.name))
    if answer.status != 409:
        raise NotJudged("a duplicate isn't refused with 409: see create.duplicate")
    said = documents.lookup(answer.document, "scimType")
    if said != "uniqueness":
        raise Failed(f"scimType is {json_of(said)}")
    return None


@check(
    "create.duplicate-case",
    "A userName in other capitals is a duplicate",
    "should",
    "RFC 7643 section 4.1.1 and 8.7.1 (userName: caseExact false, uniqueness server)",
    "Compare userName case-insensitively when looking for duplicates.",
)
async def duplicate_case(visit: Visit) -> str | None:
    """Ada@ and ada@ are one person."""
    if visit.facts.refuses_duplicates is False:
        raise NotJudged("duplicates aren't refused at all: see create.duplicate")
    first = await visit.user("capitals")
    answer = await visit.post("User", visit.person("capitals", userName=first.name.upper()))
    if answer.succeeded:
        raise Failed("the same userName in capitals was taken for somebody else")
    return None


@check(
    "create.no-name",
    "A user without userName is refused",
    "should",
    "RFC 7643 section 4.1.1 (userName is required); RFC 7644 section 3.12 (invalidValue)",
    "Answer with 400 and scimType invalidValue, and say which attribute is missing.",
)
async def no_name(visit: Visit) -> str | None:
    """A mapping that gives no user name is found at once, not by an account that nobody can use."""
    document = visit.person("nameless")
    del document["userName"]
    answer = await visit.post("User", document)
    if answer.succeeded:
        raise Failed(f"it was answered with {answer.status}")
    visit.expect(answer, 400, 422)
    return None


@check(
    "create.unicode",
    "Names in all scripts are kept",
    "should",
    "RFC 7643 section 2.3.1 (strings are Unicode); RFC 8259 section 8.1 (UTF-8)",
    "Store text as Unicode (in MySQL, as utf8mb4), and don't change its normal form or escape it.",
)
async def in_all_scripts(visit: Visit) -> str | None:
    """Zoë (composed and decomposed), O'Brien, 李, משה, 👩‍👧 and <i> come back as they were sent."""
    # The decomposed form differs from the composed one in its bytes alone.
    texts = {"givenName": unicodedata.normalize("NFD", "Zoë") + " 李 משה", "familyName": "O'Brien-Şahin 👩‍👧 <i> & Zoë"}
    made = await visit.user("unicode", name=texts)
    document = await visit.read(made)
    for part, sent in texts.items():
        held = documents.read(document, f"name.{part}")
        if held == sent:
            continue
        alike = isinstance(held, str) and unicodedata.normalize("NFC", held) == unicodedata.normalize("NFC", sent)
        if alike:
            raise Doubtful(f"name.{part} is kept in another normal form: {sent!a} became {held!a}")
        raise Failed(f"name.{part} was sent as {json_of(sent)} and is held as {json_of(held)}")
    return None


@check(
    "create.long",
    "A long value is kept whole, or refused",
    "should",
    "RFC 7644 section 3.3 and 3.12 (invalidValue)",
    "Take values of 300 characters, or refuse them with 400 and the longest that's taken; never cut them.",
)
async def long_value(visit: Visit) -> str | None:
    """Nothing is cut in silence: a value that was cut looks like a change for ever."""
    given = "n" * LONG
    answer = await visit.post("User", visit.person("long", name={"givenName": given, "familyName": "Check"}))
    if not answer.succeeded:
        visit.expect(answer, 400, 413, 422)
        return f"{LONG} characters are refused: {answer.words}"
    held = documents.read((await visit.get("User", answer.app_id)).document, "name.givenName")
    if held is ABSENT:
        raise NotJudged("name.givenName isn't kept at all: see create.stored")
    if held != given:
        raise Failed(f"a name of {LONG} characters is held with {len(str(held))}")
    return None


@check(
    "create.nulls",
    "Nulls and empty lists count as no value",
    "should",
    "RFC 7643 section 2.5; Entra's creations carry some",
    "Take `null` and `[]` for an attribute that has no value.",
)
async def nulls(visit: Visit) -> str | None:
    """A creation as Entra sends it isn't refused for what it leaves empty."""
    answer = await visit.post("User", visit.person("nulls", title=None, phoneNumbers=[], roles=[]))
    visit.expect(answer, 201, 200)
    return None


@check(
    "create.own-id",
    "`id` and `meta` of the client are ignored",
    "should",
    "RFC 7643 section 3.1 (id, meta: readOnly); RFC 7644 section 3.3; Entra sends meta.resourceType",
    "Ignore readOnly attributes in a creation, and give an id of your own.",
)
async def own_id(visit: Visit) -> str | None:
    """The app gives the ids, and a creation as Entra sends it is taken."""
    answer = await visit.post("User", visit.person("id", id=visit.nobody, meta={"resourceType": "User"}))
    visit.expect(answer, 201, 200)
    if answer.app_id == visit.nobody:
        raise Failed("the id that the client sent was taken")
    return None


@check(
    "create.unknown-attribute",
    "An attribute that no schema has does no harm",
    "nice",
    "RFC 7643 section 3.3 (extensions); RFC 7644 section 3.12",
    "Ignore attributes that aren't known, or refuse them with 400 and their name; never fail with 500.",
)
async def unknown_attribute(visit: Visit) -> str | None:
    """A mapping to an attribute that isn't there stops nobody, or is found at once by its name."""
    answer = await visit.post("User", visit.person("unknown", instepCheckAttribute="anything"))
    if answer.succeeded:
        return "it's taken"
    visit.expect(answer, 400)
    raise Doubtful(f"it's refused: {answer.words}")


@check(
    "create.inactive",
    "Somebody can be created who isn't active yet",
    "should",
    "RFC 7643 section 4.1.1 (active)",
    "Heed `active` in a creation.",
)
async def inactive(visit: Visit) -> str | None:
    """Who joins next month has an account, and can't sign in yet."""
    await visit.holds(await visit.user("inactive", active=False), "active", False)
    return None


@check(
    "create.enterprise",
    "The enterprise extension is kept",
    "nice",
    "RFC 7643 section 4.3",
    f"Keep the attributes of {ENTERPRISE_USER}, or leave it out of /Schemas.",
)
async def enterprise(visit: Visit) -> str | None:
    """Department and employee number arrive."""
    extends(visit)
    parts = {"department": "Maths", "employeeNumber": "1815"}
    document = visit.person("enterprise", schemas=[CORE_USER, ENTERPRISE_USER], **{ENTERPRISE_USER: parts})
    answer = await visit.post("User", document)
    visit.expect(answer, 201, 200)
    held = (await visit.get("User", answer.app_id)).document
    for name, value in parts.items():
        if documents.read(held, f"{ENTERPRISE_USER}:{name}") != value:
            raise Failed(f"{name} isn't held as it was sent")
    return None


def extends(visit: Visit) -> None:
    """Raises NotJudged where /Schemas has no enterprise extension."""
    if visit.facts.schemas and ENTERPRISE_USER.lower() not in visit.facts.schemas:
        raise NotJudged("/Schemas has no enterprise extension")


@check(
    "create.manager",
    "A manager is set, changed and removed",
    "nice",
    "RFC 7643 section 4.3 (manager); RFC 7644 section 3.5.2; three of Entra's onboarding checks",
    "Take `manager` as an object with `value`, by PATCH too, and its removal.",
)
async def manager(visit: Visit) -> str | None:
    """Who reports to whom follows the directory."""
    extends(visit)
    made, boss, other = await visit.user("report"), await visit.somebody(), await visit.user("boss")
    path = f"{ENTERPRISE_USER}:manager"
    await visit.patched(made, {"op": "add", "path": path, "value": {"value": boss.id}})
    await visit.holds(made, path, boss.id)
    await visit.patched(made, {"op": "replace", "path": path, "value": {"value": other.id}})
    await visit.holds(made, path, other.id)
    await visit.patched(made, {"op": "remove", "path": path})
    await visit.holds(made, path, ABSENT)
    return None


@check(
    "create.manager-of-entra",
    "A manager is set and cleared in Entra's words",
    "nice",
    "What Entra sends: a bare id as value, and an empty string to clear",
    "Take a string for `manager` as its id, and an empty string as no manager.",
)
async def manager_of_entra(visit: Visit) -> str | None:
    """Managers from Entra arrive, although its form isn't the RFC's."""
    extends(visit)
    made, boss = await visit.user("report"), await visit.somebody()
    path = f"{ENTERPRISE_USER}:manager"
    for operation, value in (("add", boss.id), ("replace", "")):
        answer = await visit.patch(made, {"op": operation, "path": path, "value": value})
        if answer.status == 400:
            raise Doubtful(f"{json_of(value)} is refused, as the RFC allows: {answer.words}")
        visit.expect(answer, 200, 204)
        await visit.holds(made, path, value or ABSENT)
    return None
