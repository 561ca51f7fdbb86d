"""What is kept: intents, outcomes, the log, cycles, leases. Values only; the state store keeps them.

`Record` is the unit: everything that is written down of one subject, in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from instep.core.change import AttributeChange, Decision, Step
from instep.core.link import Link
from instep.core.subject import Kind


class Exchange(Struct, frozen=True):
    """One request and its answer, as the log keeps it. No header is kept: the token is in one of them."""

    method: str
    path: str
    body: Any
    status: int | None
    """HTTP status; none when no answer came."""
    answer: Any
    milliseconds: int


class Lease(Struct, frozen=True):
    """The right to run a job's cycle. The token grows with each taking and fences off earlier holders."""

    job: str
    owner: str
    token: int
    until: datetime


class Watermark(Struct, frozen=True):
    """Up to where the directory was evaluated."""

    epoch: str = ""
    sequence: int = 0


class Judging(Struct, frozen=True):
    """By what a job's links are judged. It outlives the watermark: a restart forgets how far the job was, not by which
    rules."""

    rules_version: str = ""
    """Of the last cycle that began, a run on demand too; empty before the first."""
    version: str = ""
    """Of Instep: another one may decide otherwise."""
    changed: bool = False
    """Whether one of them has changed, and no cycle has gone through since: links may be judged by earlier ones."""

    def by(self, rules_version: str, version: str) -> "Judging":
        """As it is once a cycle with these begins."""
        first = not self.rules_version
        changed = not first and (self.rules_version, self.version) != (rules_version, version)
        return Judging(rules_version, version, self.changed or changed)


class Intent(Struct, frozen=True):
    """A write that is about to be sent, or was, with no outcome kept yet."""

    kind: Kind
    subject_id: str
    name: str
    decision: Decision
    app_id: str | None
    began: datetime


class Member(Struct, frozen=True, omit_defaults=True):
    """Somebody who came into a group or left it, as the log keeps them."""

    id: str = ""
    """The subject's; empty for an account that nobody here stands behind."""
    name: str = ""
    """As its link has it; empty while it isn't known."""
    app_id: str = ""
    """Of an account that nobody here stands behind."""


MOST_MEMBERS = 1000
"""How many of those who came or left an entry names; the numbers are those of all."""


class LogEntry(Struct, frozen=True):
    """An entry of the provisioning log: a decision with its outcome (Graph's provisioningObjectSummary)."""

    job: str
    cycle: str
    change_id: str
    at: datetime
    kind: Kind
    subject_id: str
    name: str
    app_id: str | None
    action: str
    """`create`, `adopt`, `update`, `disable`, `enable`, `delete`, `release`, `skip` or `hold`."""
    status: str
    """`success`, `failure`, `skipped` or `warning`."""
    code: str = ""
    reason: str = ""
    changes: tuple[AttributeChange, ...] = ()
    members_added: int = 0
    members_removed: int = 0
    steps: tuple[Step, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    effects: Mapping[str, int] = {}
    """Guarded effects that happened, per kind: what the guard's 24 hours are counted from."""
    added: tuple[Member, ...] = ()
    """Who came into the group, the first `MOST_MEMBERS`."""
    removed: tuple[Member, ...] = ()
    initiator: str = ""
    """Who brought it about: `on-demand` or `approval`, a person either way; empty for a cycle of its own."""
    ended_by: int = 0
    """Of somebody whose access ends: the number of the directory's change that it ends by, where it is known."""
    milliseconds: int = 0
    sequence: int = 0
    """The entry's place in the log; given by the store."""


class Membership(Struct, frozen=True):
    """What the job knows of one membership in the app: state is `sent`, `pending` or `unknown`."""

    group_id: str
    member_id: str
    state: str


class Record(Struct, frozen=True):
    """What is kept of one subject after it was looked at or written: all in one transaction."""

    link: Link | None = None
    log: LogEntry | None = None
    subject: tuple[Kind, str] | None = None
    """Whom it is about, where neither link, log entry nor intent says so."""
    settled: tuple[Kind, str] | None = None
    """The subject whose intent is settled by this."""
    members: tuple[Membership, ...] = ()
    """Memberships to be set to their state."""
    members_gone: tuple[tuple[str, str], ...] = ()
    """(group id, member id) that aren't in the app and aren't wanted."""
    pending: tuple[str, ...] | None = None
    """Subjects that this one's reference attributes wait for; replaces what was kept; none leaves it."""
    account_gone: bool = False
    """The account or group vanished from the app, and with it its memberships there."""


class ChainFault(Struct, frozen=True):
    """Something that is wrong with the log's chain, and where."""

    how: str
    """`changed`, `missing`, `inserted`, `reordered`, or `seal` when it's about the seal of the chain's ends."""
    sequence: int
    """The entry that is wrong; of missing ones, the entry after which they are missing. 0: before the first."""
    words: str


class ChainReport(Struct, frozen=True):
    """What the verification of one job's log found."""

    job: str
    entries: int
    """How many the chain covers."""
    older: int
    """How many are there from before the chain began; nothing can be said about those."""
    sequence: int
    """The newest entry as sealed, with its hash: kept elsewhere, they show later that none of these was dropped."""
    hash: str
    pruned: int
    """The newest entry that isn't there any more, since it was old."""
    faults: tuple[ChainFault, ...] = ()
    more: int = 0
    """Faults that aren't listed."""


class CycleSummary(Struct, frozen=True):
    """A cycle, running or ended."""

    id: str
    job: str
    kind: str
    """`initial`, `incremental` or `on-demand`."""
    began: datetime
    ended: datetime | None = None
    result: str = "running"
    """`running`, `succeeded`, `failures`, `held`, `interrupted` or `unavailable`."""
    counts: Mapping[str, int] = {}
    """Per action, plus `failure` and `requests`. The word of what the guard held is `hold`."""
    message: str = ""
    code: str = ""
    """Of an app that is out of reach: a code of the provisioning log."""


class SpoolEntry(Struct, frozen=True):
    """A decision that waits for its turn; smaller priorities go first, then the order of `ordinal`."""

    decision: Decision
    priority: int
    ordinal: int = 0
    approved: bool = False
    """Whether an administrator approved its guarded effects: the guard lets it pass."""
    on_demand: bool = False
    """Whether somebody asked for this subject to be looked at."""
