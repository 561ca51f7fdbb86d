"""What drift audits keep, as a part of the state: their findings, and the correction of links.

The port that `instep.ports.State` takes in; `instep.stores.state.drift` implements it, `instep.engine.audit` uses it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from instep.core.drift import AuditSummary, Correction, Drift
from instep.core.link import Link
from instep.core.record import Lease
from instep.core.subject import Kind
from instep.core.unmanaged import Unmanaged


class AuditReader(Protocol):
    """Reads of what drift audits found."""

    def audit(self, job: str) -> AuditSummary | None:
        """The job's last audit, which may still run or have been cut off."""
        ...

    def drift(self, job: str) -> list[Drift]: ...
    def drift_of(self, job: str, kind: Kind, subject_ids: Sequence[str]) -> list[Drift]: ...
    def unmanaged(self, job: str) -> list[Unmanaged]: ...
    def managed_links(self, job: str, kind: Kind, after: str, limit: int) -> list[Link]:
        """Links whose account is looked after, ascending by subject, from the one behind `after`."""
        ...

    def touched(self, job: str, subject_ids: Sequence[str], since: datetime) -> set[str]:
        """Those of the subjects whom the log has something about since then."""
        ...


class AuditWriter(Protocol):
    """Writes of drift audits, under the lease of the audit; see `instep.core.drift.lease_name`."""

    def save_audit(self, lease: Lease, audit: AuditSummary) -> None: ...
    def keep_drift(self, lease: Lease, job: str, kept: Iterable[Drift], gone: Iterable[Drift]) -> None: ...
    def keep_unmanaged(self, lease: Lease, job: str, accounts: Iterable[Unmanaged]) -> None: ...
    def forget_unmanaged(self, lease: Lease, job: str, before: datetime) -> None:
        """Forget the accounts that were last seen before then."""
        ...

    def correct(
        self, job: str, corrections: Sequence[Correction], now: datetime, over: str | None = None
    ) -> set[tuple[Kind, str]]:
        """Have links say what the app holds, where they're still as they were compared; ask for a look at those
        that are due. Returns whose were corrected. Raises LeaseTaken while a cycle runs, unless by `over`."""
        ...
