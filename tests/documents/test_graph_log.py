"""The provisioning log in Graph's words."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from instep.core.change import AttributeChange, Step
from instep.core.codes import CODES, code
from instep.core.record import Exchange, LogEntry, Member
from instep.core.subject import Kind
from instep.documents.graph_log import Place, guid, members, summary, text, token

PLACE = Place("mixpanel", "Mixpanel")
CYCLE, CHANGE = "7b6b1c0e0c0b4b529a4e0f7f5f9f2f11", "5f3d1f8e6d534c869f8b0e4b2f8c1a02"


def entry(**fields: Any) -> LogEntry:
    """An entry of an account that was made."""
    values: dict[str, Any] = {
        "job": "mixpanel",
        "cycle": CYCLE,
        "change_id": CHANGE,
        "at": datetime(2026, 1, 20, 8, 41, 33, 250_000, UTC),
        "kind": Kind.USER,
        "subject_id": "u1",
        "name": "ada@example.com",
        "app_id": "a1",
        "action": "create",
        "status": "success",
        "milliseconds": 812,
        "sequence": 7,
    }
    return LogEntry(**(values | fields))


def test_entry_has_every_field_of_graphs_summary() -> None:
    told = summary(entry(changes=(AttributeChange("userName", None, "ada@example.com"),)), PLACE)
    assert set(told) == {
        "id", "activityDateTime", "tenantId", "jobId", "cycleId", "changeId", "provisioningAction",
        "durationInMilliseconds", "initiatedBy", "servicePrincipal", "sourceSystem", "targetSystem",
        "sourceIdentity", "targetIdentity", "provisioningStatusInfo", "provisioningSteps", "modifiedProperties",
    }  # fmt: skip
    assert told["activityDateTime"] == "2026-01-20T08:41:33.250Z"
    assert told["cycleId"] == "7b6b1c0e-0c0b-4b52-9a4e-0f7f5f9f2f11"
    assert told["durationInMilliseconds"] == 812
    assert told["initiatedBy"] == {"id": "", "displayName": "Instep", "initiatorType": "system"}
    assert told["sourceIdentity"]["details"]["UserPrincipalName"] == "ada@example.com"
    assert told["targetIdentity"]["id"] == "a1"
    assert told["provisioningStatusInfo"] == {"status": "success", "errorInformation": None}
    assert told["modifiedProperties"] == [{"displayName": "userName", "oldValue": None, "newValue": "ada@example.com"}]


def test_event_has_an_id_of_its_own_and_always_the_same() -> None:
    one, other = summary(entry(), PLACE)["id"], summary(entry(sequence=8), PLACE)["id"]
    assert one == summary(entry(), PLACE)["id"] != other
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one)


@pytest.mark.parametrize(
    ("action", "provisioned", "steps"),
    [
        ("create", "create", ["EntrySynchronizationAdd", "EntryExportAdd"]),
        ("update", "update", ["EntrySynchronizationUpdate", "EntryExportUpdate"]),
        ("enable", "update", ["EntrySynchronizationUpdate", "EntryExportUpdate"]),
        ("disable", "disable", ["EntrySynchronizationUpdate", "EntryExportUpdateSoftDelete"]),
        ("delete", "delete", ["EntrySynchronizationDelete", "EntryExportDelete"]),
        ("adopt", "other", ["EntrySynchronizationAdd", "EntryExportUpdate"]),
        ("hold", "stagedDelete", ["EntrySynchronizationSkip"]),
        ("skip", "other", ["EntrySynchronizationSkip"]),
        ("release", "other", ["EntrySynchronizationSkip"]),
    ],
)
def test_actions_and_their_steps_have_graphs_names(action: str, provisioned: str, steps: list[str]) -> None:
    told = summary(entry(action=action), PLACE)
    assert told["provisioningAction"] == provisioned
    assert [step["name"] for step in told["provisioningSteps"]] == steps


def test_trace_becomes_graphs_steps_with_texts_in_their_details() -> None:
    steps = (
        Step("import", "success", "as of change 7", {"id": "u1"}),
        Step("scoping", "success", "in scope", {"Assigned": True, "Through": ["Sales (Member)"]}),
        Step("matching", "success", "no match found", {"asked": ["userName eq 'ada'"]}),
    )
    told = summary(entry(steps=steps), PLACE)["provisioningSteps"]
    assert [step["name"] for step in told[:3]] == [
        "EntryImportAdd",
        "EntrySynchronizationScoping",
        "EntryImportObjectNotFound",
    ]
    assert told[1]["details"] == {"Assigned": "True", "Through": "Sales (Member)"}
    deleted = summary(entry(action="delete", steps=steps[:1]), PLACE)["provisioningSteps"]
    assert deleted[0]["name"] == "EntryImportDelete"


def test_failure_says_whose_turn_it_is_and_what_to_do() -> None:
    failed = entry(
        status="failure",
        code="Conflict",
        reason="409: taken",
        app_id=None,
        exchanges=(Exchange("POST", "/Users", None, 409, None, 3),),
    )
    told = summary(failed, PLACE)
    error = told["provisioningStatusInfo"]["errorInformation"]
    assert (error["errorCode"], error["reason"]) == ("Conflict", "409: taken")
    assert error["errorCategory"] == "nonServiceFailure"
    assert error["recommendedAction"].startswith("Look in the app for the account with that value")
    export = told["provisioningSteps"][-1]
    assert (export["status"], export["description"]) == (
        "failure",
        "Failed to create User 'ada@example.com' in Mixpanel",
    )
    assert export["details"] == {
        "ReportableIdentifier": "ada@example.com",
        "Request": "POST /Users",
        "Answer": "409",
    }
    assert told["targetIdentity"]["displayName"] == ""
    busy = summary(entry(status="failure", code="Timeout"), PLACE)["provisioningStatusInfo"]["errorInformation"]
    assert busy["errorCategory"] == "failure"


def test_decision_to_skip_is_no_error() -> None:
    skipped = entry(action="skip", status="skipped", code="NotEffectivelyEntitled", reason="ada isn't assigned")
    error = summary(skipped, PLACE)["provisioningStatusInfo"]["errorInformation"]
    assert error["errorCategory"] == "success"
    step = summary(skipped, PLACE)["provisioningSteps"][-1]
    assert (step["status"], step["details"]) == ("skipped", {"SkipReason": "NotEffectivelyEntitled"})


@pytest.mark.parametrize(("initiator", "kind"), [("", "system"), ("on-demand", "user"), ("approval", "user")])
def test_initiator_is_a_person_for_what_somebody_asked_for(initiator: str, kind: str) -> None:
    assert summary(entry(initiator=initiator), PLACE)["initiatedBy"]["initiatorType"] == kind


def test_members_are_properties_with_their_names() -> None:
    told = summary(
        entry(
            kind=Kind.GROUP,
            members_added=3,
            added=(Member("u1", "ada"), Member("u2")),
            members_removed=1,
            removed=(Member(app_id="foreign"),),
        ),
        PLACE,
    )
    assert told["modifiedProperties"] == [
        {"displayName": "members", "oldValue": None, "newValue": "ada,u2 and 1 more"},
        {"displayName": "members", "oldValue": "foreign", "newValue": None},
    ]
    assert members((), 4) == "4 members"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, "True"),
        (["a", "b"], "a,b"),
        ({"subject": "u9", "value": "a9"}, "a9"),
        ({"subject": "u9", "value": None}, "u9"),
        ({"ä": 1}, '{"ä": 1}'),
        (3, "3"),
    ],
)
def test_values_are_texts(value: Any, shown: str | None) -> None:
    assert text(value) == shown


def test_ids_become_guids_and_come_back() -> None:
    assert token(guid(CYCLE)) == CYCLE
    assert guid("c1") == token("c1") == "c1"


# ------------------------------------------------------------------------------------------- the codes


def test_every_documented_code_has_its_advice() -> None:
    documented = re.findall(
        r"\w+",
        """Conflict EntryConflict TooManyRequests InternalServerError InsufficientRights MethodNotAllowed
        NotPermitted Unauthorized UnprocessableEntity NotImplemented WebExceptionProtocolError InvalidAnchor
        MandatoryFieldsMissing MissingValues SchemaAttributeNotFound InternalError InvalidDomain Timeout
        LicenseLimitExceeded DuplicateTargetEntries DuplicateSourceEntries ImportSkipped EntrySynchronizationSkipped
        SystemForCrossDomainIdentityManagementMultipleEntriesInResponse SchemaPropertyCanOnlyAcceptValue
        SystemForCrossDomainIdentityManagementServiceIncompatible NotEffectivelyEntitled RedundantExport
        UnableToResolveReferenceAttributeValue""",
    )
    assert set(documented) <= set(CODES)
    assert all(known.meaning and (known.action or known.category == "success") for known in CODES.values())
    assert code("SomethingNew").action


def test_every_code_that_is_used_is_known() -> None:
    source = Path(__file__).parent.parent.parent / "src" / "instep"
    used: set[str] = set()
    for path in (*source.glob("core/*.py"), *source.glob("engine/*.py"), *source.glob("targets/*.py")):
        content = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"(?:Skip|NotReady|failure)\(\s*\"([A-Z]\w+)\"", content))
        used |= set(re.findall(r"(?:Refused|RetryLater|Unknown)\([^()]*?, \"([A-Z][a-z]\w+)\"", content))
        used |= set(re.findall(r"code=\"([A-Z]\w+)\"", content))
    assert len(used) > 8
    assert used - set(CODES) - {"Refused", "RetryLater", "Unknown"} == set()
