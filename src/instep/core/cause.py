"""The cause of trouble in words: which failures were the most frequent, whom they befell, and the way out. Pure.

For quarantine, mails and `instep status` alike. Names come from directories and are shown as they are: whoever
prints them takes out what a terminal or a mail would obey.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from instep.core.job import Quarantine, QuarantineReason
from instep.core.record import LogEntry

NAMED = 5
"""How many subjects are named for each cause."""


class Cause(Struct, frozen=True):
    """One kind of failure within a cycle."""

    code: str
    count: int
    """Subjects."""
    names: tuple[str, ...]
    """The first of them."""
    reason: str
    """What was said of the first of them."""


class Command(Struct, frozen=True):
    """A line to be typed, and what it does."""

    line: str
    does: str


class Advice(Struct, frozen=True):
    """The way out of a trouble."""

    text: str
    commands: tuple[Command, ...]


def causes(entries: Iterable[LogEntry]) -> tuple[Cause, ...]:
    """What failed in these entries of the log, by code, the most frequent first; each subject counts once."""
    last = {(entry.kind, entry.subject_id): entry for entry in entries}
    groups: dict[str, list[LogEntry]] = {}
    for entry in last.values():
        if entry.status == "failure":
            groups.setdefault(entry.code, []).append(entry)
    found = (
        Cause(code, len(group), tuple(e.name for e in group[:NAMED]), group[0].reason) for code, group in groups.items()
    )
    return tuple(sorted(found, key=lambda cause: -cause.count))


def in_words(found: Sequence[Cause], most: int = 3) -> str:
    """Causes in a sentence: `48 × InsufficientRights (403 Forbidden): anna, ben and 46 more; 2 × Conflict ...`."""
    said = [f"{c.count:,} × {c.code or 'failed'} ({c.reason}): {_named(c)}" for c in found[:most]]
    if len(found) > most:
        said.append(f"{len(found) - most:,} other causes")
    return "; ".join(said)


def way_out(held: Quarantine, app: str) -> Advice:
    """How a job gets out of its quarantine; `app` is the app's name in commands."""
    start = Command(f"instep start {app}", "starts the job again at once")
    test = Command(f"instep app test {app}", "tests the connection")
    if held.next_attempt is None and held.reason is not QuarantineReason.ON_DEMAND:
        return Advice("The job was given up after 28 days. Put the cause right, then start it.", (test, start))
    if held.reason is QuarantineReason.ON_DEMAND:
        return Advice("An operator put the job there. It runs again when it's started.", (start,))
    if held.reason is not QuarantineReason.EXCEPTION:
        log = Command(f"instep log {app} --status failure --cycle {held.cycle}", "lists who failed, with the reasons")
        text = "Look at the failures, put the cause right, in the app or in the rules, and start the job."
        return Advice(text, (log, start))
    return _reconnecting(held.code, app, test, start)


def _reconnecting(code: str, app: str, test: Command, start: Command) -> Advice:
    token = Command(f"instep app set {app} --token-file FILE", "gives a new token; the job goes on within a minute")
    url = Command(f"instep app set {app} --url URL", "changes the tenant URL; the job goes on within a minute")
    if code == "Unauthorized":
        return Advice(
            "The app doesn't accept the credentials. Make new ones in the app and give them here.", (token, test)
        )
    if code in ("InsufficientRights", "NotPermitted", "LicenseLimitExceeded"):
        text = "The app knows the credentials and doesn't allow the request. See to their rights, or give others."
        return Advice(text, (test, token, start))
    if code in ("SystemForCrossDomainIdentityManagementServiceIncompatible", "MethodNotAllowed", "NotImplemented"):
        return Advice("What answers isn't a SCIM endpoint as it should be. Check the tenant URL.", (test, url, start))
    text = "If the app is down, wait: it's tried again by itself. Otherwise check the network between here and there."
    return Advice(text, (test, start))


def _named(cause: Cause) -> str:
    rest = cause.count - len(cause.names)
    return ", ".join(cause.names) + (f" and {rest:,} more" if rest else "")
