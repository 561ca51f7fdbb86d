"""The outbox's ports: what mails need of the state, and who sends them.

A notice is written down first and sent afterwards, so that none is lost and none goes out twice. What is to be told is
`core/notices.py`'s to say, when it's sent `engine/notices.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from instep.core.notices import Failing, HeldSubject, Letter
from instep.core.quarantine import Remains


class Mail(Struct, frozen=True):
    """A notice as it's written down, and as it's sent."""

    job: str
    kind: str
    occasion: str
    at: datetime
    addresses: tuple[str, ...]
    subject: str
    text: str
    html: str
    tries: int = 0
    next_try: datetime | None = None
    """None: sent, given up, or there's nobody to send it to."""
    sent: datetime | None = None
    last_error: str = ""
    id: int = 0
    """Given by the store."""


class Layout(Protocol):
    """Lays a letter out. Raises nothing for any text in it."""

    def __call__(self, letter: Letter, /) -> tuple[str, str]:
        """The letter as plain text and as HTML."""
        ...


class MailDelayed(Exception):
    """It wasn't sent and may be later: no connection, a temporary refusal, a setting that has to be put right."""


class MailRefused(Exception):
    """The mail server won't take this mail for any of its addresses: trying again is of no use."""


class Mailer(Protocol):
    """Sends mails. One call, one mail."""

    async def send(self, mail: Mail) -> Mapping[str, str]:
        """Send it; those of its addresses that were refused, with what was said. Raises MailDelayed, MailRefused."""
        ...


class OutboxReader(Protocol):
    """Reads of the outbox, and of what notices are about."""

    def notices(self, job: str | None = None, limit: int = 50) -> list[Mail]:
        """The newest first; of all jobs unless one is given."""
        ...

    def notice(self, id: int) -> Mail | None: ...

    def told(self, job: str, kind: str) -> datetime | None:
        """Of when the newest notice of that kind is that was sent."""
        ...

    def mail_due(self, now: datetime) -> bool:
        """Whether there's anything to claim; cheap enough to be asked several times a minute."""
        ...

    def mails_waiting(self) -> int:
        """How many mails are still to be sent."""
        ...

    def waiting_holds(self, job: str) -> list[HeldSubject]: ...
    def failing(self, job: str, since: datetime | None, limit: int) -> tuple[int, list[Failing]]:
        """How many of the escrow failed first after `since`, and the first of them by name."""
        ...

    def remains(self, job: str, since: datetime) -> Remains:
        """What is in escrow and held; `new` are those who failed first at `since` or later."""
        ...

    def incomplete(self, job: str, cycle: str) -> int:
        """How many log entries of that cycle are warnings: done, but not with all references."""
        ...


class OutboxWriter(Protocol):
    """Writes of the outbox. Of one job and kind at most one notice waits that nobody has tried to send yet."""

    def post(self, mail: Mail) -> bool:
        """Put it in, in place of one of its job and kind that nobody has tried to send yet. False, with nothing
        changed, when there's one for this occasion already."""
        ...

    def withdraw(self, job: str, kind: str, now: datetime) -> None:
        """Take away what isn't true any more, if it was put off and nobody has tried to send it yet."""
        ...

    def claim(self, now: datetime) -> list[Mail]:
        """What is to be sent now, each with one try more and its next try set, so that no other process sends it too.

        Of one job and kind only the newest, and only if none was sent within the gap that the kind keeps."""
        ...

    def mail_sent(self, mail: Mail, at: datetime, error: str = "") -> None: ...
    def mail_failed(self, mail: Mail, error: str, final: bool = False) -> None:
        """Keep why it wasn't sent; final: and give it up."""
        ...

    def forget_notices(self, before: datetime) -> None:
        """Take away those that were sent or given up before then."""
        ...
