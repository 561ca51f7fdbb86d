"""What a job has come to: its schedule, its quarantine, what was asked of it, how far its cycle is. Values only.

Words and codes are Microsoft Graph's (synchronizationStatus, synchronizationQuarantine).
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from instep.core.subject import Kind


class QuarantineReason(StrEnum):
    """Why a job is in quarantine: Graph's quarantineReason."""

    EXCEPTION = "EncounteredQuarantineException"
    """The app is out of reach, refuses the credentials, or isn't a SCIM endpoint."""
    PROPORTION = "EncounteredEscrowProportionThreshold"
    """Too large a share of the subjects failed."""
    BASE = "EncounteredBaseEscrowThreshold"
    """More than 40,000 failures, reference failures left out."""
    TOTAL = "EncounteredTotalEscrowThreshold"
    """More than 60,000 failures, reference failures included."""
    ON_DEMAND = "QuarantinedOnDemand"
    """An operator put it there."""


class Quarantine(Struct, frozen=True):
    """A job that is judged unhealthy and slowed down until it recovers."""

    reason: QuarantineReason
    message: str
    """The cause in words; what to do about it is `core/cause.way_out`'s to say."""
    code: str
    """A code of the provisioning log: `Unauthorized`, `Timeout`, ..."""
    began: datetime
    """When this quarantine was last imposed."""
    series_began: datetime
    """When the first of this run of quarantines was imposed."""
    series_count: int
    """How many attempts have left it in force, the first included."""
    next_attempt: datetime | None
    """None: given up after 28 days; an administrator has to start the job."""
    cycle: str = ""
    """The cycle that led to it: the log has its failures."""


class JobStatus(Struct, frozen=True):
    """How a job stands, beside its cycles."""

    schedule: Literal["disabled", "active", "paused"] = "disabled"
    """`disabled`: never started. The service runs only jobs that are active."""
    quarantine: Quarantine | None = None
    failed_cycles: int = 0
    """How many cycles in a row have failed wholly."""
    steady_first: datetime | None = None
    """When a cycle first ended with nothing left to do: the steady state."""
    steady_last: datetime | None = None


class Reset(StrEnum):
    """What a restart forgets: Graph's synchronizationJobRestartScope."""

    LINKS = "ConnectorDataStore"
    ESCROWS = "Escrows"
    WATERMARK = "Watermark"
    QUARANTINE = "QuarantineState"
    FORCE_DELETES = "ForceDeletes"


USUAL_RESET = frozenset({Reset.QUARANTINE, Reset.WATERMARK, Reset.ESCROWS})
"""What a restart forgets when nothing is said (the portal's button)."""
FULL_RESET = USUAL_RESET | {Reset.LINKS}


class Wish(Struct, frozen=True):
    """Something asked of whoever runs the job: a cycle, or a run of some subjects on demand."""

    job: str
    asked: datetime
    subjects: tuple[tuple[Kind, str], ...] = ()
    """Empty: a cycle."""
    id: int = 0
    """Given by the store."""
    cycle: str = ""
    """The cycle that took it up; empty while it waits."""


class Asked(Struct, frozen=True):
    """What administrators ask of a job at the moment."""

    schedule: str
    reset: frozenset[Reset]
    wishes: tuple[Wish, ...]
    """Those that nobody has taken up yet, the oldest first."""


class ProgressReport(Struct, frozen=True):
    """How far a running cycle is, for other processes to read."""

    cycle: str
    at: datetime
    phase: str
    evaluated: int = 0
    planned: int = 0
    applied: int = 0
    counts: dict[str, int] = {}
    requests: int = 0
