"""Notices: on which occasions an administrator is told something, and in which words. Pure.

Each function looks at how something stands and gives a notice, or none. An occasion names the event, so that asking
again gives the same notice and nobody is told twice: what has been told is the outbox's to know
(`stores/state/notices.py`). How a letter looks is `instep.mailing`'s business.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from instep.core.app import App
from instep.core.cause import Command, way_out
from instep.core.job import JobStatus, QuarantineReason
from instep.core.subject import Kind

NAMED = 50
"""How many people a letter names."""
EXPIRY_DAYS = (1, 7, 30)
"""How many days before its end a credential is announced."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    QUARANTINE = "quarantine"
    GIVEN_UP = "given-up"
    HELD = "held"
    FAILURES = "failures"
    CREDENTIALS = "credentials"
    DRIFT = "drift"


def gap(kind: str) -> timedelta:
    """How long lies at least between two mails of this kind about one job, whatever happens."""
    return timedelta(days=1) if kind == NoticeKind.FAILURES else timedelta(hours=1)


class Person(Struct, frozen=True):
    """Somebody named in a letter."""

    name: str
    what: str
    """What happens to them, in a few words."""
    why: str = ""


class Letter(Struct, frozen=True):
    """What is to be said, without a layout."""

    subject: str
    headline: str
    text: str
    tone: Literal["alarm", "attention"] = "attention"
    facts: tuple[tuple[str, str], ...] = ()
    """Labels with their values."""
    people_title: str = ""
    people: tuple[Person, ...] = ()
    more: int = 0
    """How many more people there are than those who are named."""
    advice: str = ""
    commands: tuple[Command, ...] = ()


class Notice(Struct, frozen=True):
    """A letter with the occasion that it's for."""

    job: str
    kind: NoticeKind
    occasion: str
    letter: Letter


class HeldSubject(Struct, frozen=True):
    """Somebody for whom the guard holds a decision that waits for a word."""

    kind: Kind
    name: str
    effects: str
    """Kinds of effects, with commas."""
    reason: str
    since: datetime
    digest: str


class Failing(Struct, frozen=True):
    """Somebody in escrow."""

    kind: Kind
    name: str
    error: str
    failures: int
    since: datetime
    next_try: datetime | None


class Drifted(Struct, frozen=True):
    """What an audit of the app found."""

    began: datetime
    found: int
    """Values and memberships that aren't as they were left."""
    repaired: int
    unmanaged: int
    """Accounts that nobody manages and that match somebody who shouldn't have one."""
    people: tuple[Person, ...] = ()
    """The first of them."""


def quarantined(app: App, status: JobStatus) -> Notice | None:
    """That the job is in quarantine; another notice only when the reason changes."""
    held = status.quarantine
    if held is None or held.next_attempt is None:
        return None
    out_of_reach = held.reason is QuarantineReason.EXCEPTION
    what = "can't be reached" if out_of_reach else "too many people failed"
    advice = way_out(held, app.name)
    letter = Letter(
        f"{app.display_name}: provisioning is in quarantine, {what}",
        f"Provisioning to {app.display_name} is in quarantine",
        f"{'The app can’t be used as it is' if out_of_reach else 'The app refused too many people'}. "
        "Nobody gets or loses access there until it works again. It's tried again by itself, less and less often; "
        "nothing is lost meanwhile.",
        "alarm",
        (
            ("Why", held.message),
            ("Since", moment(held.series_began)),
            ("Next attempt", moment(held.next_attempt)),
            ("Code", f"{held.reason}, {held.code}" if held.code else str(held.reason)),
        ),
        advice=advice.text,
        commands=advice.commands,
    )
    return Notice(app.name, NoticeKind.QUARANTINE, f"{held.reason} {held.began.isoformat()}", letter)


def given_up(app: App, status: JobStatus) -> Notice | None:
    """That the job isn't tried any more."""
    held = status.quarantine
    if held is None or held.next_attempt is not None or held.reason is QuarantineReason.ON_DEMAND:
        return None
    advice = way_out(held, app.name)
    letter = Letter(
        f"{app.display_name}: provisioning was given up after 28 days",
        f"Provisioning to {app.display_name} was given up",
        f"It failed for 28 days and isn't tried any more. Until it's started again, leavers keep their access to "
        f"{app.display_name} and new people get none.",
        "alarm",
        (("Why", held.message), ("Since", moment(held.series_began)), ("Attempts", f"{held.series_count:,}")),
        advice=advice.text,
        commands=advice.commands,
    )
    return Notice(app.name, NoticeKind.GIVEN_UP, held.series_began.isoformat(), letter)


def held(app: App, waiting: Sequence[HeldSubject], fingerprint: str, told: datetime | None) -> Notice | None:
    """That the guard holds decisions; names those who weren't held when an administrator was `told` last."""
    new = sorted((s for s in waiting if told is None or s.since > told), key=lambda s: (s.kind != Kind.USER, s.name))
    if not new:
        return None
    reasons = list(dict.fromkeys(subject.reason for subject in new))
    facts = [("Why", reason) for reason in reasons[:3]]
    facts.append(("Waiting in all", f"{len(waiting):,}"))
    facts.append(("Fingerprint", fingerprint))
    approve = f"instep approve {app.name} --fingerprint {fingerprint}"
    count = number(len(new), "change is", "changes are")
    letter = Letter(
        f"{app.display_name}: {count} held and {'waits' if len(new) == 1 else 'wait'} for your word",
        f"{count} held back in {app.display_name}",
        "They look like an accident: too much would be taken away at once. Nothing of it has been sent, and everything "
        "else goes on.",
        "alarm",
        tuple(facts),
        "Held now" if told is None else "Held since the last mail",
        tuple(Person(s.name, effect_words(s.effects), "group" if s.kind == Kind.GROUP else "") for s in new[:NAMED]),
        max(0, len(new) - NAMED),
        "If it's a mistake, put the cause right in the directory, and the next cycle lets go of them. If it's meant, "
        "approve it.",
        (
            Command(f"instep approve {app.name}", "lists them with before and after, and asks"),
            Command(approve, f"lets all {len(waiting):,} that wait pass without asking; refused if others have come"),
            Command(f"instep reject {app.name}", "drops them: the people stay as they are in the app"),
        ),
    )
    newest = max(subject.since for subject in new)
    return Notice(app.name, NoticeKind.HELD, f"{fingerprint} {newest.isoformat()}", letter)


def failures(app: App, failing: Sequence[Failing], count: int, status: JobStatus) -> Notice | None:
    """That subjects fail, to those who want to know. failing: the first of `count` that haven't been told of.

    Not in quarantine: that mail says it already."""
    if not app.notifications.on_failure or not failing or status.quarantine:
        return None
    letter = Letter(
        f"{app.display_name}: {number(count, 'person or group', 'people and groups')} could not be provisioned",
        f"{number(count, 'subject', 'subjects')} failed in {app.display_name}",
        "They wait and are tried again by themselves, at first after minutes, later once a day, for 28 days. All "
        "others are done.",
        people_title="Who failed, and what the app said",
        people=tuple(Person(f.name, f.error, _again(f)) for f in failing[:NAMED]),
        more=max(0, count - NAMED),
        advice="A change of the person in the directory, or of the rules, makes the next try come at once.",
        commands=(
            Command(f"instep log {app.name} --status failure --steps", "shows the requests and answers"),
            Command(f"instep status {app.name}", "shows who waits, and until when"),
        ),
    )
    newest = max(f.since for f in failing)
    return Notice(app.name, NoticeKind.FAILURES, newest.isoformat(), letter)


def expiring(app: App, now: datetime) -> Notice | None:
    """That the app's credentials near their end: 30, 7 and 1 days before."""
    expires = app.credentials.expires
    if expires is None or expires <= now:
        return None
    left = expires - now
    days = next((days for days in EXPIRY_DAYS if left <= timedelta(days=days)), None)
    if days is None:
        return None
    about = f"{left.days} days" if left.days > 1 else "one day" if left.days == 1 else "less than a day"
    letter = Letter(
        f"{app.display_name}: the credentials end in {about}",
        f"The credentials for {app.display_name} end in {about}",
        "From then on the app refuses every request: new people get no access, and leavers keep theirs.",
        "alarm" if days == EXPIRY_DAYS[0] else "attention",
        (("End", moment(expires)), ("App", app.tenant_url)),
        advice="Make new ones in the app and give them here. Nothing has to be stopped for that.",
        commands=(Command(f"instep app set {app.name} --token-file FILE", "takes the new token from a file"),),
    )
    return Notice(app.name, NoticeKind.CREDENTIALS, f"{expires.isoformat()} {days}", letter)


def drifted(app: App, found: Drifted) -> Notice | None:
    """What an audit of the app found, where it found anything."""
    if not (found.found or found.unmanaged):
        return None
    changed = number(found.found, "value was", "values were")
    facts = [("Changed by others", f"{found.found:,}"), ("Set right again", f"{found.repaired:,}")]
    if found.unmanaged:
        facts.append(("Accounts nobody manages", f"{found.unmanaged:,} of people who shouldn't have one"))
    letter = Letter(
        f"{app.display_name}: the audit found {number(found.found + found.unmanaged, 'difference')}",
        f"{changed} changed in {app.display_name} by others"
        if found.found
        else f"Stray accounts in {app.display_name}",
        "The audit compared what the app holds with what was sent to it.",
        facts=(*facts, ("Audit of", moment(found.began))),
        people_title="The first of them",
        people=found.people[:NAMED],
        more=max(0, found.found + found.unmanaged - len(found.people[:NAMED])) if found.people else 0,
        advice="See who changes these in the app, or let Instep set them right.",
        commands=(Command(f"instep status {app.name}", "shows how the app stands"),),
    )
    return Notice(app.name, NoticeKind.DRIFT, found.began.isoformat(), letter)


_EFFECTS = {
    "disable": "would lose access",
    "delete": "would be deleted",
    "login-change": "would get another login name",
    "membership-removal": "would lose members",
    "group-deletion": "would be deleted",
    "disabled-deletion": "would be deleted, disabled already",
}


def effect_words(effects: str) -> str:
    """What held effects would do to somebody, in words."""
    return ", ".join(_EFFECTS.get(kind, kind) for kind in effects.split(","))


def moment(time: datetime) -> str:
    """A time as people read it: UTC, to the minute."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(count: int, one: str, many: str = "") -> str:
    """`1 person`, `1,200 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _again(failing: Failing) -> str:
    return f"next try {moment(failing.next_try)}" if failing.next_try else "given up until something changes"
