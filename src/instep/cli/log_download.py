"""The log for other programs: an entry as JSON, and three CSV files for spreadsheets, joined by changeId.

The JSON is Microsoft Graph's (`instep.documents.graph_log`), with what Graph has no word for under `instep`. What a
spreadsheet would take for a formula is made text. Entries are written as they come, however many there are.
"""

import csv
import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.cli.job import stop

if TYPE_CHECKING:
    from instep.core.record import Member
    from instep.documents.graph_log import Place
    from instep.ports import LogEntry

ENTRIES = ("id", "activityDateTime", "jobId", "cycleId", "changeId", "provisioningAction", "status", "errorCode",
           "errorCategory", "reason", "recommendedAction", "durationInMilliseconds", "initiatedBy",
           "servicePrincipal", "sourceId", "sourceName", "sourceType", "targetId", "targetName")  # fmt: skip
STEPS = ("changeId", "number", "name", "provisioningStepType", "status", "description", "details")
PROPERTIES = ("changeId", "displayName", "oldValue", "newValue")
FILES = {"provisioning.csv": ENTRIES, "steps.csv": STEPS, "modified-properties.csv": PROPERTIES}


def entry_json(entry: "LogEntry", place: "Place") -> dict[str, Any]:
    """The entry in Graph's words, with what Graph has no word for under `instep`."""
    from instep.documents.graph_log import summary

    requests = [
        {"method": e.method, "path": e.path, "body": e.body, "status": e.status, "answer": e.answer,
         "milliseconds": e.milliseconds}
        for e in entry.exchanges
    ]  # fmt: skip
    more = {
        "sequence": entry.sequence,
        "action": entry.action,
        "membersAdded": {"number": entry.members_added, "named": _people(entry.added)},
        "membersRemoved": {"number": entry.members_removed, "named": _people(entry.removed)},
        "requests": requests,
    }
    return summary(entry, place) | {"instep": more}


def _people(members: "Iterable[Member]") -> list[dict[str, str]]:
    return [
        {key: value for key, value in (("id", m.id), ("name", m.name), ("appId", m.app_id)) if value} for m in members
    ]


def write_csv(entries: "Iterable[LogEntry]", place: "Place", folder: Path) -> int:
    """Write the three files, joined by changeId; returns how many entries. Ends the command when it can't."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files = [stack.enter_context((folder / name).open("w", newline="", encoding="utf-8")) for name in FILES]
            return _write_rows([csv.writer(file) for file in files], entries, place)
    except OSError as wrong:
        stop(f"{folder} can't be written: {wrong.strerror}")


def _write_rows(writers: list[Any], entries: "Iterable[LogEntry]", place: "Place") -> int:
    from instep.documents.graph_log import summary

    for writer, columns in zip(writers, FILES.values(), strict=True):
        writer.writerow(columns)
    main, steps, properties = writers
    number = 0
    for number, entry in enumerate(entries, start=1):  # noqa: B007 - the count is the result
        told = summary(entry, place)
        main.writerow([cell(value) for value in _flat(told)])
        for place_, step in enumerate(told["provisioningSteps"], start=1):
            row = {**step, "changeId": told["changeId"], "number": place_}
            row["details"] = json.dumps(step["details"], ensure_ascii=False)
            steps.writerow([cell(row[column]) for column in STEPS])
        for changed in told["modifiedProperties"]:
            properties.writerow([cell((changed | {"changeId": told["changeId"]})[column]) for column in PROPERTIES])
    return number


def _flat(told: dict[str, Any]) -> list[Any]:
    info = told["provisioningStatusInfo"]
    row = told | (info["errorInformation"] or {}) | {"status": info["status"]}
    row |= {"initiatedBy": told["initiatedBy"]["displayName"], "servicePrincipal": told["servicePrincipal"]["id"]}
    for side in ("source", "target"):
        identity = told[f"{side}Identity"]
        row |= {f"{side}Id": identity["id"], f"{side}Name": identity["displayName"]}
        row[f"{side}Type"] = identity["identityType"]
    return [row.get(column) for column in ENTRIES]


def cell(value: Any) -> str:
    """A value as a spreadsheet may see it: what it would take for a formula begins with an apostrophe.

    The characters are OWASP's (CSV injection); names come from people who may be anybody.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
