"""An app as one YAML document that a person can read and keep in git: what it is, how often it runs, its rules.

Secrets are never in it: it says where a token is to be read (`token: {env: NAME}` or `{file: PATH}`). Reading lists
everything that is wrong at once, each with its line. `rules` is the rules document, as in a gallery file; the other
settings are in `app_settings`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from instep.core.app import App, Audit, Notifications, QuarantineLimits
from instep.core.compile import rules_faults
from instep.core.faults import Fault, content, form_faults
from instep.core.rules_document import RulesDocument, rules_document
from instep.core.subject import AppRole
from instep.documents import yaml_text
from instep.documents.app_settings import (
    AuditDocument,
    CredentialsDocument,
    NotificationsDocument,
    QuarantineDocument,
    ScheduleDocument,
    credentials,
    credentials_document,
    ending,
    setting_faults,
)
from instep.documents.yaml_text import LineFault

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NO_CHECKS: Mapping[str, Any] = {}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_SECRET = "a secret doesn't stand in the document; say where it is: {env: NAME} or {file: PATH}"


class TokenDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secret is read, never the secret itself: one of the two."""

    env: str | None = None
    """The name of an environment variable."""
    file: str | None = None
    """The path of a file, from the folder that the document is in."""


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
    """Where the secret is read: the bearer token, or the client's secret; without it, an app that is there keeps the
    one it has."""
    credentials: CredentialsDocument | None = None
    """How Instep shows the app who it is; a bearer token when it's left out."""
    schedule: ScheduleDocument = ScheduleDocument()
    """When its job runs."""
    audit: AuditDocument = AuditDocument()
    """What is done about what others changed in the app."""
    quarantine: QuarantineDocument = QuarantineDocument()
    """When failures mean that the job is unhealthy."""
    notifications: NotificationsDocument = NotificationsDocument()
    """Who is told by mail."""


class FaultyDocument(ValueError):
    """A document that can't be used: `faults` has everything that is wrong with it, in the order of the lines."""

    def __init__(self, faults: Sequence[LineFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


Check = Callable[[str], object]
"""Raises ValueError, with what is wrong, for a value that can't be used."""


def load(text: str, checks: Mapping[str, Check] = _NO_CHECKS) -> AppDocument:
    """The document that a YAML text is.

    checks: of values that others know about, by their place: `template`, `tenant_url`, `credentials.token_url`. Raises
    FaultyDocument.
    """
    try:
        read = yaml_text.read(text)
    except yaml_text.NoYaml as wrong:
        raise FaultyDocument([LineFault(wrong.line, Fault("", wrong.problem))]) from None
    data = content(read.data)
    audit = content(data.get("audit"))
    if audit.get("policy") is False:
        # YAML takes a bare `off` for false.
        data["audit"] = audit | {"policy": "off"}
    faults = [*_token_faults(data.get("token")), *_secret_faults(content(data.get("credentials")))]
    told = {fault.place for fault in faults} | {"token"}
    form = form_faults(data or read.data, AppDocument)
    faults += [fault for fault in form if fault.place not in told and not fault.place.startswith("token.")]
    if "rules" in data:
        faults += [Fault(_inside(fault.place), fault.problem) for fault in rules_faults(data["rules"])]
    faults += _value_faults(data, checks)
    lines = dict.fromkeys([*read.faults, *(LineFault(read.line(fault.place), fault) for fault in faults)])
    if lines:
        raise FaultyDocument(sorted(lines, key=lambda each: each.line))
    return msgspec.convert(data, AppDocument)


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


def _secret_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Keys that look as if the secret stood in them."""
    for name in given:
        if name not in CredentialsDocument.__struct_fields__ and ("secret" in name.lower() or "token" in name.lower()):
            yield Fault(f"credentials.{name}", "the secret is read from where `token` says: token: {env: NAME}")


def _value_faults(data: dict[str, Any], checks: Mapping[str, Check]) -> Iterator[Fault]:
    for place, check in {"name": _check_name, **checks}.items():
        section, _, key = place.rpartition(".")
        given = (content(data.get(section)) if section else data).get(key)
        if isinstance(given, str) and (given or not section):
            try:
                check(given)
            except ValueError as wrong:
                yield Fault(place, str(wrong))
    yield from setting_faults(data)


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
        credentials=credentials_document(app.credentials),
        schedule=ScheduleDocument(app.interval_minutes),
        audit=AuditDocument(app.audit.policy, app.audit.every_hours),
        quarantine=QuarantineDocument(app.quarantine.failures, app.quarantine.share),
        notifications=NotificationsDocument(app.notifications.addresses, app.notifications.on_failure),
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
        credentials=credentials(document.credentials),
        notifications=Notifications(document.notifications.addresses, document.notifications.on_failure),
        audit=Audit(document.audit.policy, document.audit.every_hours),
        quarantine=QuarantineLimits(document.quarantine.failures, document.quarantine.share),
    )


def settled(document: AppDocument, app: App) -> AppDocument:
    """The document with what it leaves open filled in from the app as it is: its secret, and when that ends."""
    made = ending(credentials(document.credentials), app.credentials, None, same_secret=True)
    return msgspec.structs.replace(document, token=None, credentials=credentials_document(made))
