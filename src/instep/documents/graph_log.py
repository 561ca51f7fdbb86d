"""The provisioning log in Microsoft Graph's words: an entry as a provisioningObjectSummary.

Whoever reads Entra's provisioning logs can read these. Values only: where an entry comes from, and how it is
printed, is no matter here. The names of steps are the ones that Graph uses; ids become GUIDs, as Graph has them.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from msgspec import Struct

from instep.core.change import Step
from instep.core.codes import code
from instep.core.record import LogEntry, Member
from instep.core.subject import Kind

SOURCE = "Instep directory"
_EVENTS = uuid.UUID("6a2f6c0e-3f0f-5c6b-9f6e-3a1f5d0c7b11")
"""The namespace of the ids of events (RFC 9562 section 5.5)."""

_TARGET_TYPE = {
    Kind.USER: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    Kind.GROUP: "urn:ietf:params:scim:schemas:core:2.0:Group",
}
_ACTIONS = {
    "create": "create",
    "update": "update",
    "enable": "update",
    "disable": "disable",
    "delete": "delete",
    "hold": "stagedDelete",
}
_CHANGE = {"create": "Add", "adopt": "Add", "delete": "Delete"}
_EXPORT = {"create": "Add", "disable": "UpdateSoftDelete", "delete": "Delete"}
_DONE = {
    "create": "was created in",
    "adopt": "was taken over in",
    "disable": "was disabled in",
    "delete": "was deleted in",
    "enable": "was enabled in",
}
_WRITES = ("create", "adopt", "update", "disable", "enable", "delete")
_INITIATORS = {"on-demand": "An administrator, on demand", "approval": "An administrator, by approval"}


class Place(Struct, frozen=True):
    """Whose log it is: the app, as the directory's Graph objects have it."""

    app_id: str
    app_name: str
    tenant_id: str = ""
    job_id: str = ""
    """The job's name in the log unless given."""


def summary(entry: LogEntry, place: Place) -> dict[str, Any]:
    """The entry as Graph's provisioningObjectSummary (v1.0), ready for JSON."""
    principal = {"id": place.app_id, "displayName": place.app_name}
    details = {
        "ApplicationId": place.app_id,
        "ServicePrincipalId": place.app_id,
        "ServicePrincipalDisplayName": place.app_name,
    }
    return {
        "id": str(uuid.uuid5(_EVENTS, f"{entry.job}/{entry.sequence}/{entry.change_id}")),
        "activityDateTime": moment(entry.at),
        "tenantId": place.tenant_id,
        "jobId": place.job_id or entry.job,
        "cycleId": guid(entry.cycle),
        "changeId": guid(entry.change_id),
        "provisioningAction": _action(entry),
        "durationInMilliseconds": entry.milliseconds,
        "initiatedBy": _initiator(entry),
        "servicePrincipal": principal,
        "sourceSystem": {"id": "", "displayName": SOURCE, "details": {}},
        "targetSystem": {**principal, "details": details},
        "sourceIdentity": _source(entry),
        "targetIdentity": {
            "id": entry.app_id or "",
            "displayName": entry.name if entry.app_id else "",
            "identityType": _TARGET_TYPE[entry.kind],
            "details": {},
        },
        "provisioningStatusInfo": {"status": entry.status, "errorInformation": _error(entry)},
        "provisioningSteps": list(_steps(entry, place)),
        "modifiedProperties": list(_properties(entry)),
    }


def guid(token: str) -> str:
    """An id as a GUID; as it is when it isn't 32 hexadecimal digits."""
    try:
        return str(uuid.UUID(hex=token)) if len(token) == 32 else token
    except ValueError:
        return token


def token(guid: str) -> str:
    """The id that `guid` was made of."""
    plain = guid.strip().lower().replace("-", "")
    return plain if len(guid) == 36 and len(plain) == 32 else guid


def moment(at: datetime) -> str:
    """A time as Graph writes it: UTC, to the millisecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _action(entry: LogEntry) -> str:
    if entry.action == "adopt":
        return "update" if entry.changes or entry.members_added or entry.members_removed else "other"
    return _ACTIONS.get(entry.action, "other")


def _initiator(entry: LogEntry) -> dict[str, Any]:
    who = _INITIATORS.get(entry.initiator)
    return {"id": "", "displayName": who or "Instep", "initiatorType": "user" if who else "system"}


def _source(entry: LogEntry) -> dict[str, Any]:
    naming = "UserPrincipalName" if entry.kind is Kind.USER else "DisplayName"
    return {
        "id": entry.subject_id,
        "displayName": entry.name,
        "identityType": entry.kind.value,
        "details": {"id": entry.subject_id, "odatatype": entry.kind.value, naming: entry.name},
    }


def _error(entry: LogEntry) -> dict[str, Any] | None:
    """What went wrong, or why nothing was done; none for what simply succeeded."""
    if not entry.code and not entry.reason and entry.status == "success":
        return None
    known = code(entry.code)
    failed = entry.status == "failure"
    category = known.category if known.category != "success" or not failed else "nonServiceFailure"
    return {
        "errorCode": entry.code or None,
        "reason": entry.reason or known.meaning or None,
        "additionalDetails": known.meaning if entry.reason and known.meaning else None,
        "errorCategory": category if failed else "success",
        "recommendedAction": known.action or None,
    }


# ------------------------------------------------------------------------------------------- the steps


def _steps(entry: LogEntry, place: Place) -> Iterable[dict[str, Any]]:
    for step in entry.steps:
        yield _step(_name(step, entry), step.type, step.status, step.description, step.details)
    who = f"{entry.kind.value} '{entry.name}'"
    if entry.action not in _WRITES:
        status = "failure" if entry.status == "failure" else "skipped"
        details = {"SkipReason": entry.code or entry.action}
        yield _step("EntrySynchronizationSkip", "export", status, entry.reason or f"{who} was skipped", details)
        return
    decided = _CHANGE.get(entry.action, "Update")
    said = {"Add": "created", "Delete": "deleted"}.get(decided, "updated")
    yield _step(f"EntrySynchronization{decided}", "processing", "success", f"{who} will be {said} in {place.app_name}")
    details = {"ReportableIdentifier": entry.name}
    if entry.exchanges:
        asked = entry.exchanges[-1]
        details |= {"Request": f"{asked.method} {asked.path}", "Answer": str(asked.status or "none")}
    done = f"{who} {_DONE.get(entry.action, 'was updated in')} {place.app_name}"
    failed = f"Failed to {entry.action} {who} in {place.app_name}"
    status = entry.status if entry.status in ("success", "warning") else "failure"
    words = failed if status == "failure" else done
    yield _step(f"EntryExport{_EXPORT.get(entry.action, 'Update')}", "export", status, words, details)


def _step(name: str, type: str, status: str, words: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    told = {key: text(value) or "" for key, value in (details or {}).items()}
    return {"name": name, "provisioningStepType": type, "status": status, "description": words, "details": told}


def _name(step: Step, entry: LogEntry) -> str:
    """Graph's name of a step."""
    if step.type == "import":
        return f"EntryImport{_CHANGE.get(entry.action, 'Update')}"
    if step.type == "scoping":
        return "EntrySynchronizationScoping"
    if step.type == "matching":
        return "EntryImportObjectNotFound" if "asked" in step.details else "EntryImport"
    if step.type == "referenceResolution":
        return "EntryReferenceResolution"
    if step.status == "failure":
        return "EntrySynchronizationError"
    return f"EntrySynchronization{_CHANGE.get(entry.action, 'Update')}"


# -------------------------------------------------------------------------------------- the properties


def _properties(entry: LogEntry) -> Iterable[dict[str, Any]]:
    """Attributes with their old and new values, and the members who came or left."""
    for change in entry.changes:
        yield {"displayName": change.path, "oldValue": text(change.old), "newValue": text(change.new)}
    if entry.members_added:
        yield {"displayName": "members", "oldValue": None, "newValue": members(entry.added, entry.members_added)}
    if entry.members_removed:
        yield {"displayName": "members", "oldValue": members(entry.removed, entry.members_removed), "newValue": None}


def members(named: Sequence[Member], number: int) -> str:
    """Members as a text: their names, ids where there's no name; and how many more there are."""
    told = ",".join(m.name or m.id or m.app_id for m in named)
    more = number - len(named)
    return told if more <= 0 else f"{told} and {more} more" if told else f"{number} members"


def text(value: Any) -> str | None:
    """A value as Graph's strings have it: several joined by commas; of a reference, the app's id."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, Mapping):
        given = cast("Mapping[str, Any]", value)
        if "subject" in given:
            return text(given.get("value") or given["subject"])
        return json.dumps(given, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return ",".join(text(each) or "" for each in cast("Sequence[Any]", value))
    return str(value)
