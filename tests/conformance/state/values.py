"""Values and steps that the parts of the exam of `State` share."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from instep.core.change import Create, Decision
from instep.core.link import Hold, Link, Status
from instep.core.subject import AppRole, Kind
from instep.ports import App, Intent, Lease, LogEntry, Record, State

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = "mixpanel"
APP = App(
    name=JOB,
    display_name="Mixpanel",
    template="mixpanel",
    tenant_url="https://mixpanel.test/scim/v2",
    rules={"scope": "assigned", "users": {"mappings": [{"target": "userName"}]}},
    roles=(AppRole("r1", "member", "Member", provisions=False),),
)


def link(subject_id: str, app_id: str | None = "", kind: Kind = Kind.USER, **fields: Any) -> Link:
    """An active link whose app id is made of the subject's id unless given; unlinked when that's none."""
    status = fields.pop("status", Status.UNLINKED if app_id is None else Status.ACTIVE)
    app_id = f"app-{subject_id}" if app_id == "" else app_id
    return Link(kind, subject_id, f"{subject_id}@example.test", status, app_id, **fields)


def group(subject_id: str, app_id: str | None = "", **fields: Any) -> Link:
    """The same of a group."""
    return link(subject_id, app_id, Kind.GROUP, **fields)


def entry(subject_id: str, **fields: Any) -> LogEntry:
    """A log entry about that subject."""
    values: dict[str, Any] = {
        "job": JOB,
        "cycle": "c1",
        "change_id": f"change-{subject_id}",
        "at": NOW,
        "kind": Kind.USER,
        "subject_id": subject_id,
        "name": f"{subject_id}@example.test",
        "app_id": f"app-{subject_id}",
        "action": "create",
        "status": "success",
    }
    return LogEntry(**(values | fields))


def decision(subject_id: str, change: Any = None, kind: Kind = Kind.USER, **fields: Any) -> Decision:
    """A decision about that subject: a creation unless given."""
    return Decision(kind, subject_id, f"{subject_id}@example.test", 7, change or Create({"active": True}), **fields)


def intent(subject_id: str, kind: Kind = Kind.USER) -> Intent:
    """An intent to create that subject."""
    return Intent(kind, subject_id, f"{subject_id}@example.test", decision(subject_id, kind=kind), None, NOW)


def held(link: Link, digest: str, verdict: str = "waiting") -> Link:
    """The link with a decision of that digest held."""
    return msgspec.structs.replace(link, hold=Hold(digest, "disable", "6 people would lose access", NOW, verdict))


def taken(state: State, owner: str = "worker", job: str = JOB) -> Lease:
    """The job's lease for an hour."""
    with state.writing() as writer:
        return writer.take_lease(job, owner, NOW, 3600)


def keep(state: State, lease: Lease, *records: Record) -> None:
    """Record these in one transaction."""
    with state.writing() as writer:
        writer.record(lease, records)


def keep_links(state: State, lease: Lease, links: Iterable[Link]) -> None:
    """Record these links in one transaction."""
    keep(state, lease, *(Record(link=link) for link in links))


def due(state: State, now: datetime = NOW) -> list[tuple[Kind, str]]:
    """What is due in the job."""
    with state.reading() as reader:
        return reader.due(JOB, now)
