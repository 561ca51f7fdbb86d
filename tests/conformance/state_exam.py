"""The exam of the port `State`: what every store must do alike. Its parts are in the folder `state`.

A class for a store inherits `StateExam` and gives it the fixture `state`, an empty store.
"""

from tests.conformance.state.apps import AppsExam
from tests.conformance.state.audits import AuditsExam, CorrectionsExam
from tests.conformance.state.cycles import CyclesExam
from tests.conformance.state.due import DueExam
from tests.conformance.state.leases import LeasesExam
from tests.conformance.state.links import LinksExam
from tests.conformance.state.log import LogExam
from tests.conformance.state.memberships import MembershipsExam
from tests.conformance.state.outbox import OutboxExam
from tests.conformance.state.transactions import TransactionsExam


class StateExam(
    AppsExam,
    LeasesExam,
    LinksExam,
    DueExam,
    MembershipsExam,
    AuditsExam,
    CorrectionsExam,
    CyclesExam,
    LogExam,
    OutboxExam,
    TransactionsExam,
):
    """All of it."""
