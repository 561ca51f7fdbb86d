"""Tests of rules, as a YAML document: people, and what the rules are expected to make of them.

`load` reads the text, `prepare` lays it over an app's rules and finds the people; `expectations` compares. What is
wrong in a document is told with its line, all at once. docs/how-to/ask-why.md describes the format.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from instep.core.faults import Fault, content, elements, form_faults
from instep.core.rules import Rules
from instep.core.subject import DEFAULT_ACCESS, AppRole, Grant, Kind, Presence, Subject
from instep.documents import yaml_text
from instep.documents.app_document import FaultyDocument
from instep.documents.yaml_text import LineFault, YamlText
from instep.expressions import Expression, ExpressionError, parse
from instep.scim.paths import PathError
from instep.scim.paths import parse as parse_path

FAILS = "fails"
"""The key under which an error is expected instead of a value."""
_IMPLIED = ("active",)
"""What the app gets without a mapping, where access ends by it."""


class TestDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One test: somebody, and what is expected."""

    person: Any
    """Attributes by their Graph names; or a name: of one of `people`, else of somebody in the directory."""
    name: str = ""
    roles: tuple[str, ...] | None = None
    """App roles of somebody made up here; Default Access unless said, nothing assigned for `[]`."""
    deleted: bool = False
    """Whether somebody made up here is in the recycle bin."""
    scope: Literal["in", "out", "not-ready"] | None = None
    clause: str | None = None
    """What puts them out: `unassigned`, `role`, `filter`, `disabled`, `soft-deleted`, or the text of a clause."""
    targets: dict[str, Any] = {}
    """Attribute in the app to the value that a new account gets; `{fails: TEXT}` for an error that says so."""
    expressions: dict[str, Any] = {}


class TestsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    tests: tuple[TestDocument, ...]
    app: str | None = None
    """Whose rules are tested, as they are kept."""
    document: str | None = None
    """The app document whose rules are tested: a path from the folder that this one is in."""
    people: dict[str, Any] = {}
    """Name to attributes, for tests that share somebody."""
    now: str | None = None
    """The time that `Now` tells, ISO 8601; the time of the run unless said."""


class Tests(Struct, frozen=True):
    """A document whose form is right."""

    document: TestsDocument
    text: YamlText


class Prepared(Struct, frozen=True):
    """A test that can be run."""

    name: str
    line: int
    subject: Subject
    given: TestDocument
    targets: Mapping[str, str]
    """As written, to the rules' own spelling."""
    expressions: Mapping[str, Expression]


def load(text: str) -> Tests:
    """The tests that a YAML text is. Raises FaultyDocument."""
    try:
        read = yaml_text.read(text)
    except yaml_text.NoYaml as wrong:
        raise FaultyDocument([LineFault(wrong.line, Fault("", wrong.problem))]) from None
    faults = form_faults(read.data, TestsDocument)
    data = content(read.data)
    faults += [fault for name, who in content(data.get("people")).items() for fault in _person(who, f"people.{name}")]
    for at, test in enumerate(elements(data.get("tests"))):
        faults += _sound(content(test), f"tests[{at}]", data)
    if "people" in data and not isinstance(data["people"], Mapping):
        faults.append(Fault("people", "expected names, each with attributes"))
    if data.get("tests") == []:
        faults.append(Fault("tests", "there is no test"))
    if data.get("app") is not None and data.get("document") is not None:
        faults.append(Fault("document", "give `app` or `document`, not both"))
    if isinstance(now := data.get("now"), str) and _moment(now) is None:
        faults.append(Fault("now", "expected a time such as 2026-03-02T09:00:00Z"))
    _refuse(read, faults)
    return Tests(msgspec.convert(read.data, TestsDocument), read)


def _sound(test: dict[str, Any], place: str, data: Mapping[str, Any]) -> Iterator[Fault]:
    """What a type can't say of a test."""
    ruled = data.get("app") is not None or data.get("document") is not None
    for key in ("scope", "clause", "targets", "roles"):
        if key in test and not ruled:
            yield Fault(f"{place}.{key}", "is about an app's rules: say at the top which, by `app` or `document`")
    if not test.keys() & {"scope", "targets", "expressions"}:
        yield Fault(place, "expects nothing: give `scope`, `targets` or `expressions`")
    if "clause" in test and test.get("scope") != "out":
        yield Fault(f"{place}.clause", "belongs to `scope: out`")
    for key in ("targets", "expressions"):
        if key in test and not isinstance(test[key], Mapping):
            yield Fault(f"{place}.{key}", "expected keys and values")
        for name, value in content(test.get(key)).items():
            yield from _expected(value, f"{place}.{key}.{name}")
    who = test.get("person")
    if isinstance(who, str):
        if who not in content(data.get("people")):
            for key in test.keys() & {"roles", "deleted"}:
                yield Fault(f"{place}.{key}", "is for people made up here; of others the directory knows it")
    elif "person" in test:
        yield from _person(who, f"{place}.person")


def _expected(value: Any, place: str) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        given = content(value)
        if not (set(given) == {FAILS} and isinstance(given[FAILS], str)):
            yield Fault(place, f"expected a value, or {{{FAILS}: what the error says}}")
        return
    try:
        json.dumps(value)
    except TypeError:
        yield Fault(place, "dates are texts here; put it in quotes")


def _person(who: Any, place: str) -> Iterator[Fault]:
    if not isinstance(who, Mapping):
        yield Fault(place, "expected attributes, such as {userPrincipalName: anna@contoso.example}")
        return
    for name, value in content(who).items():
        single = value is None or isinstance(value, str | bool | int)
        if not single and not (isinstance(value, list) and all(isinstance(v, str) for v in cast("list[Any]", value))):
            yield Fault(f"{place}.{name}", "expected a text, a whole number, true, false, nothing or a list of texts")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse(read: YamlText, faults: Sequence[Fault]) -> None:
    told = dict.fromkeys([*read.faults, *(LineFault(read.line(fault.place), fault) for fault in faults)])
    if told:
        raise FaultyDocument(sorted(told, key=lambda each: each.line))


# ---------------------------------------------------------------------------------------- getting ready


def prepare(tests: Tests, rules: Rules | None, find: Callable[[str], Subject]) -> list[Prepared]:
    """The tests over these rules, with their people. find: whom a name means in the directory; ValueError for nobody.

    Raises FaultyDocument.
    """
    faults: list[Fault] = []
    prepared: list[Prepared] = []
    for at, test in enumerate(tests.document.tests):
        place = f"tests[{at}]"
        subject = _subject(test, tests.document.people, rules, find, place, faults)
        expressions = dict(_expressions(test, rules, place, faults))
        targets = dict(_targets(test, rules, place, faults))
        name = test.name or f"test {at + 1}"
        if subject:
            prepared.append(Prepared(name, tests.text.line(place), subject, test, targets, expressions))
    _refuse(tests.text, faults)
    return prepared


def _subject(
    test: TestDocument,
    people: Mapping[str, Any],
    rules: Rules | None,
    find: Callable[[str], Subject],
    place: str,
    faults: list[Fault],
) -> Subject | None:
    who = test.person
    if isinstance(who, str) and who not in people:
        try:
            return find(who)
        except ValueError as wrong:
            faults.append(Fault(f"{place}.person", str(wrong)))
            return None
    attributes = dict(people[who] if isinstance(who, str) else who)
    name = str(attributes.get("userPrincipalName") or "")
    enabled, manager = attributes.pop("accountEnabled", True), attributes.pop("manager", None)
    return Subject(
        Kind.USER,
        str(attributes.pop("id", None) or name or place),
        0,
        name,
        Presence.SOFT_DELETED if test.deleted else Presence.PRESENT,
        enabled is not False,
        attributes,
        manager,
        tuple(_grants(test.roles, rules.roles if rules else (), place, faults)),
    )


def _grants(names: Sequence[str] | None, roles: Sequence[AppRole], place: str, faults: list[Fault]) -> Iterator[Grant]:
    if names is None:
        yield Grant("made up")
    for at, name in enumerate(names or ()):
        means = name.casefold()
        found = [r.id for r in roles if means in (r.display_name.casefold(), r.value.casefold(), r.id.casefold())]
        if found or means == "default access":
            yield Grant(f"made up {at}", found[0] if found else DEFAULT_ACCESS)
        else:
            known = ", ".join(r.display_name for r in roles) or "none but Default Access"
            faults.append(Fault(f"{place}.roles[{at}]", f"the app has no role {name!r}; it has: {known}"))


def _expressions(
    test: TestDocument, rules: Rules | None, place: str, faults: list[Fault]
) -> Iterator[tuple[str, Expression]]:
    for text in test.expressions:
        where = f"{place}.expressions.{text}"
        try:
            found = parse(text)
        except ExpressionError as wrong:
            faults.append(Fault(where, str(wrong)))
            continue
        if rules is None and "appRoleAssignments" in found.attributes:
            faults.append(Fault(where, "roles are an app's: say at the top which, by `app` or `document`"))
        yield text, found


def _targets(test: TestDocument, rules: Rules | None, place: str, faults: list[Fault]) -> Iterator[tuple[str, str]]:
    known = {m.target.lower(): m.target for m in rules.users.mappings} if rules else {}
    if rules and rules.ending.by == "disable":
        known |= {name: name for name in _IMPLIED}
    for written in test.targets:
        try:
            path = str(parse_path(written)).lower()
        except PathError as wrong:
            faults.append(Fault(f"{place}.targets.{written}", str(wrong)))
            continue
        if path in known:
            yield written, known[path]
        elif rules:
            near = get_close_matches(path, known, n=1)
            meant = f"; did you mean `{known[near[0]]}`?" if near else ""
            faults.append(Fault(f"{place}.targets.{written}", f"the rules have no mapping for it{meant}"))


def moment(tests: Tests, now: datetime) -> datetime:
    """The time that the tests say it is; `now` where they say nothing."""
    return (_moment(tests.document.now) if tests.document.now else None) or now
