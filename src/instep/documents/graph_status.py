"""How a job stands, in the shape of Graph's synchronizationStatus and synchronizationSchedule. Pure.

Counts that Graph has and Instep doesn't keep are left out, never made up.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from instep.core.job import JobStatus, ProgressReport, Quarantine
from instep.core.quarantine import ACTIONS, BRIEF
from instep.core.record import CycleSummary

NEVER = "0001-01-01T00:00:00Z"
"""How Graph writes a time that isn't set."""
_RESULTS = {"succeeded": "Succeeded", "held": "Succeeded", "failures": "EntryLevelErrors"}


def synchronization_schedule(status: JobStatus, interval_minutes: int) -> dict[str, Any]:
    """Graph's synchronizationSchedule."""
    return {"expiration": None, "interval": f"PT{interval_minutes}M", "state": status.schedule.capitalize()}


def synchronization_status(
    status: JobStatus,
    configured: bool,
    cycles: Sequence[CycleSummary],
    accounts: Mapping[str, int],
    progress: ProgressReport | None = None,
) -> dict[str, Any]:
    """Graph's synchronizationStatus.

    configured: whether there are credentials. cycles: the newest first. accounts: how many live ones per type.
    """
    ended = [cycle for cycle in cycles if cycle.ended and cycle.kind != "on-demand"]
    good = [cycle for cycle in ended if _RESULTS.get(cycle.result) == "Succeeded"]
    exported = [cycle for cycle in good if _exported(cycle)]
    return {
        "code": _code(status, configured, bool(ended)),
        "countSuccessiveCompleteFailures": status.failed_cycles,
        "escrowsPruned": False,
        "steadyStateFirstAchievedTime": graph_time(status.steady_first),
        "steadyStateLastAchievedTime": graph_time(status.steady_last),
        "troubleshootingUrl": None,
        "quarantine": status.quarantine and _quarantine(status.quarantine),
        "progress": [_progress(progress)] if progress else [],
        "synchronizedEntryCountByType": [{"key": key, "value": number} for key, number in sorted(accounts.items())],
        "lastExecution": _execution(ended[0]) if ended else None,
        "lastSuccessfulExecution": _execution(good[0]) if good else None,
        "lastSuccessfulExecutionWithExports": _execution(exported[0]) if exported else None,
    }


def graph_time(time: datetime | None) -> str:
    """A time as Graph writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else NEVER


def _code(status: JobStatus, configured: bool, has_run: bool) -> str:
    if not configured:
        return "NotConfigured"
    if status.quarantine:
        return "Quarantine"
    if status.schedule == "paused":
        return "Paused"
    return "Active" if has_run else "NotRun"


def _quarantine(held: Quarantine) -> dict[str, Any]:
    return {
        "reason": str(held.reason),
        "currentBegan": graph_time(held.began),
        "nextAttempt": graph_time(held.next_attempt),
        "seriesBegan": graph_time(held.series_began),
        "seriesCount": held.series_count,
        "error": {"code": held.code, "message": held.message, "tenantActionable": held.code not in BRIEF},
    }


def _progress(report: ProgressReport) -> dict[str, Any]:
    return {
        "completedUnits": report.applied,
        "totalUnits": report.planned,
        "units": "decisions",
        "progressObservationDateTime": graph_time(report.at),
    }


def _exported(cycle: CycleSummary) -> int:
    return sum(cycle.counts.get(word, 0) for word in ACTIONS if word != "failure")


def _execution(cycle: CycleSummary) -> dict[str, Any]:
    failed, exported = cycle.counts.get("failure", 0), _exported(cycle)
    error = {"code": cycle.code, "message": cycle.message, "tenantActionable": cycle.code not in BRIEF}
    return {
        "activityIdentifier": cycle.id,
        "state": _RESULTS.get(cycle.result, "Failed"),
        "timeBegan": graph_time(cycle.began),
        "timeEnded": graph_time(cycle.ended),
        "countExports": exported + failed,
        "countExported": exported,
        "countEscrowed": failed,
        "countEscrowedRaw": failed,
        "error": error if cycle.result == "unavailable" else None,
    }
