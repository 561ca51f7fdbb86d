"""An app as one YAML document that a person can read and keep in git: what it is, how often it runs, its rules.

Secrets are never in it: it says where a token is to be read (`token: {env: NAME}` or `{file: PATH}`). Reading lists
everything that is wrong at once, each with its line. `rules` is the rules document, as in a gallery file.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from instep.core.app import App
from instep.core.compile import rules_faults
from instep.core.faults import Fault, content, form_faults
from instep.core.rules_document import RulesDocument, rules_document
from instep.core.subject import AppRole
from instep.documents import yaml_text
from instep.documents.yaml_text import LineFault

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NO_CHECKS: Mapping[str, Any] = {}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_YEAR = 525_600
_NO_SECRET = "a secret doesn't stand in the document; say where it is: {env: NAME} or {file: PATH}"


class TokenDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secret token is read, never the token itself: one of the two."""

    env: str | None = None
    """The name of an environment variable."""
    file: str | None = None
    """The path of a file, from the folder that the document is in."""


class ScheduleDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """When the job runs."""

    interval_minutes: int = 40
    """After how many minutes it runs again, at the latest."""


class AppDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """An app that is provisioned, as Instep's command line exports and applies it."""

    name: str
    """What the app is called in commands: lower-case letters, digits, dots, dashes."""
    display_name: str
    """What people read."""
    tenant_url: str
    """The app's SCIM base URL."""
    rules: RulesDocument
    """Who is provisioned, and with what."""
    template: str = "scim"
    """The app of the gallery that it was made from; `scim` for any other."""
    token: TokenDocument | None = None
    """Where the secret token is read; without it, an app that is there keeps the one it has."""
    schedule: ScheduleDocument = ScheduleDocument()
    """When its job runs."""


class FaultyDocument(ValueError):
    """A document that can't be used: `faults` has everything that is wrong with it, in the order of the lines."""

    def __init__(self, faults: Sequence[LineFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


Check = Callable[[str], object]
"""Raises ValueError, with what is wrong, for a value that can't be used."""


def load(text: str, checks: Mapping[str, Check] = _NO_CHECKS) -> AppDocument:
    """The document that a YAML text is.

    checks: of values that others know about, by their key: `template`, `tenant_url`. Raises FaultyDocument.
    """
    try:
        read = yaml_text.read(text)
    except yaml_text.NoYaml as wrong:
        raise FaultyDocument([LineFault(wrong.line, Fault("", wrong.problem))]) from None
    data = content(read.data)
    faults = [*_token_faults(data.get("token"))]
    faults += [fault for fault in form_faults(read.data, AppDocument) if not fault.place.startswith("token")]
    if "rules" in data:
        faults += [Fault(_inside(fault.place), fault.problem) for fault in rules_faults(data["rules"])]
    faults += _value_faults(data, checks)
    told = dict.fromkeys([*read.faults, *(LineFault(read.line(fault.place), fault) for fault in faults)])
    if told:
        raise FaultyDocument(sorted(told, key=lambda each: each.line))
    return msgspec.convert(read.data, AppDocument)


def _inside(place: str) -> str:
    return f"rules.{place}" if place else "rules"


def _token_faults(given: Any) -> Iterator[Fault]:
    """Faults that don't repeat what was written: it could be the secret."""
    if given is None:
        return
    if form_faults(given, TokenDocument):
        yield Fault("token", _NO_SECRET)
        return
    token = msgspec.convert(given, TokenDocument)
    if (token.env is None) == (token.file is None):
        yield Fault("token", "give one of the two: {env: NAME} or {file: PATH}")
    elif token.env is not None and not _VARIABLE.fullmatch(token.env):
        yield Fault("token.env", f"this can't be the name of an environment variable; {_NO_SECRET}")
    elif token.file == "":
        yield Fault("token.file", "the path is empty")


def _value_faults(data: dict[str, Any], checks: Mapping[str, Check]) -> Iterator[Fault]:
    for key, check in {"name": _check_name, **checks}.items():
        if isinstance(given := data.get(key), str):
            try:
                check(given)
            except ValueError as wrong:
                yield Fault(key, str(wrong))
    interval = content(data.get("schedule")).get("interval_minutes")
    if isinstance(interval, int) and not 1 <= interval <= _YEAR:
        yield Fault("schedule.interval_minutes", f"must be from 1 to {_YEAR} (a year)")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} can't be a name: use lower-case letters, digits, dots, dashes")


def dump(document: AppDocument) -> str:
    """The document as YAML: settings in full, rows without what is usual, each in one line."""
    return yaml_text.write(_section(document))


def _section(of: Struct) -> dict[str, Any]:
    """Keys and values; what fits into a line stands before what takes many."""
    shown: dict[str, Any] = {}
    for field in msgspec.structs.fields(of):
        value = getattr(of, field.name)
        if value is not None and not (value == () and field.default == ()):
            shown[field.name] = value
    return {name: _plain(shown[name]) for name in sorted(shown, key=lambda name: _rank(shown[name]))}


def _rank(value: Any) -> int:
    if isinstance(value, Struct):
        return 1 if _fits_a_line(value) else 3
    return 2 if isinstance(value, tuple) and any(isinstance(each, Struct) for each in value) else 0


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return _line(value, usual=True) if _fits_a_line(value) else _section(value)
    if isinstance(value, tuple):
        return [
            _line(each, usual=False) if isinstance(each, Struct) and _fits_a_line(each) else _plain(each)
            for each in value
        ]
    return value


def _fits_a_line(of: Struct) -> bool:
    return not any(isinstance(getattr(of, name), Struct | tuple) for name in of.__struct_fields__)


def _line(of: Struct, usual: bool) -> yaml_text.Line:
    """Keys and values in a line; usual: with those that have their default, none excepted."""
    given = yaml_text.Line()
    for field in msgspec.structs.fields(of):
        value = getattr(of, field.name)
        if value is not None and (usual or field.required or value != field.default):
            given[field.name] = value
    return given


def from_app(app: App) -> AppDocument:
    """The document of an app as it's kept. Raises DocumentError when its rules can't be used."""
    return AppDocument(
        name=app.name,
        display_name=app.display_name,
        tenant_url=app.tenant_url,
        rules=rules_document(app.rules),
        template=app.template,
        schedule=ScheduleDocument(app.interval_minutes),
    )


def to_app(document: AppDocument) -> App:
    """The app that a document describes, its token aside."""
    rules = document.rules
    return App(
        name=document.name,
        display_name=document.display_name,
        template=document.template,
        tenant_url=document.tenant_url.strip(),
        rules=msgspec.json.decode(msgspec.json.encode(rules)),
        roles=tuple(AppRole(role.id, role.value, role.display_name, role.provisions) for role in rules.roles),
        interval_minutes=document.schedule.interval_minutes,
    )
