"""A link: what a job remembers of a subject.

`sent` is the document that the app accepted and `returned` what the app then said it holds where that
differs, both keyed by attribute path. Memberships are not in it: they are rows of their own.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from instep.core.subject import Kind


class Status(StrEnum):
    """Where a link stands. A link outlives its subject, so that its account is never taken for another's."""

    UNLINKED = "unlinked"
    """No account is known: a creation failed or waits."""
    ACTIVE = "active"
    DISABLED = "disabled"
    RELEASED = "released"
    """We let go: the account is as it was, and no longer managed."""
    GONE = "gone"
    """The account doesn't exist any more."""


_ALIVE = (Status.ACTIVE, Status.DISABLED, Status.RELEASED)


class Hold(Struct, frozen=True):
    """A guarded decision that waits for somebody's approval."""

    digest: str
    """Names the decision exactly; an approval of another one doesn't count."""
    kind: str
    reason: str
    since: datetime
    verdict: str = "waiting"
    """`waiting`, `approved` or `rejected`."""


class Link(Struct, frozen=True):
    """What a job knows of one subject in its app."""

    kind: Kind
    subject_id: str
    name: str
    status: Status = Status.UNLINKED
    app_id: str | None = None
    sent: Mapping[str, Any] = {}
    returned: Mapping[str, Any] = {}
    unknown: frozenset[str] = frozenset()
    """Paths whose value in the app isn't known, since a write was never acknowledged."""
    adopted: bool = False
    seed: str = ""
    """Random text made once with the link: what Guid and RandomString derive from."""
    seq: int = 0
    """The subject's sequence number when it was last acted upon."""
    rules_version: str = ""
    failures: int = 0
    first_failure: datetime | None = None
    next_try: datetime | None = None
    last_error: str = ""
    hold: Hold | None = None

    @property
    def alive(self) -> bool:
        """Whether there is an account that references can point to."""
        return self.app_id is not None and self.status in _ALIVE
