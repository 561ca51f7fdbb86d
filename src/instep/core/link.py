"""A link: what a job remembers of a subject.

`sent` is the document that the app accepted and `returned` what the app then said it holds where that
differs, both keyed by attribute path. Memberships are not in it: they are rows of their own.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
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
    FORGOTTEN = "forgotten"
    """To be matched again, since an administrator asked for it. Until then its account is remembered for the case that
    the subject has to lose access."""
    GONE = "gone"
    """The account doesn't exist any more."""


ALIVE = (Status.ACTIVE, Status.DISABLED, Status.RELEASED)
"""Where a link stands whose account is there."""


def new_seed(epoch: str, job: str, kind: Kind, subject_id: str) -> str:
    """The seed of a subject that has no link yet: 32 hexadecimal digits.

    The same until the link is made, so that a preview shows the very values that the cycle then sends. epoch: the
    directory's, random text that nobody outside of the database knows.
    """
    body = msgspec.json.encode((epoch, job, kind, subject_id))
    return hashlib.blake2b(body, digest_size=16).hexdigest()


class Hold(Struct, frozen=True):
    """A guarded decision that waits for somebody's approval."""

    digest: str
    """Names the decision exactly; an approval of another one doesn't count."""
    kind: str
    reason: str
    since: datetime
    verdict: str = "waiting"
    """`waiting`, `approved` or `rejected`."""
    effects: Mapping[str, int] = {}
    """How many guarded effects wait, per kind."""


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
        return self.app_id is not None and self.status in ALIVE

    @property
    def ours(self) -> bool:
        """Whether there is an account that access can be taken away from."""
        return self.alive or (self.app_id is not None and self.status is Status.FORGOTTEN)
