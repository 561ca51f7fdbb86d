"""Keeping outcomes: many records become one statement per table and way of writing, in one transaction.

Records are folded in their order first, so that a later one about the same thing counts: an account that
vanished after it was put into a group leaves the membership waiting, not sent.
"""

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, Executable, Text, bindparam, case, cast, delete, insert, or_, select, update

from instep.core.link import Link
from instep.core.record import LogEntry, Member, Record
from instep.core.subject import Kind
from instep.ports import AlreadyLinked
from instep.stores.columns import among, upsert, words
from instep.stores.secrets import Vault
from instep.stores.state import chain, rows
from instep.stores.state.tables import effects, intents, links, memberships, pending

At = tuple[Kind, str]

_SAVE_MEMBERS = upsert(memberships)
_SAVE_PENDING = upsert(pending)
_COUNT = insert(effects)
_SAVE_LINKS = upsert(
    links,
    {
        # A verdict that was given since the link was read stays, as long as it's about the same decision.
        "hold_verdict": lambda new: case(
            (
                (new.excluded.hold_digest == links.c.hold_digest) & (new.excluded.hold_verdict == "waiting"),
                links.c.hold_verdict,
            ),
            else_=new.excluded.hold_verdict,
        )
    },
)
_JOB, _OF, _SUBJECT, _GROUP = (bindparam(name) for name in ("job_", "of", "subject", "group"))
_OWNERS = select(links.c.app_id, links.c.subject_id).where(
    links.c.job == _JOB, links.c.kind == _OF, among(links.c.app_id, "app_ids")
)
_NAMES = select(links.c.subject_id, links.c.name).where(
    links.c.job == _JOB, links.c.kind.in_(words(Kind)), among(links.c.subject_id, "ids")
)
_ACCOUNTS = select(links.c.subject_id, links.c.app_id).where(
    links.c.job == _JOB, links.c.kind == Kind.USER, among(links.c.subject_id, "ids")
)
# Reads all links: that somebody gets another account is rare.
_REFERRING = select(links.c.subject_id).where(
    links.c.job == _JOB, links.c.kind == Kind.USER, cast(links.c.sent, Text).like(bindparam("part"))
)
_FORGET_MEMBER = delete(memberships).where(
    memberships.c.job == _JOB, memberships.c.group_id == _GROUP, memberships.c.member_id == _SUBJECT
)
_WAIT_AGAIN = (
    update(memberships)
    .where(memberships.c.job == _JOB, or_(memberships.c.member_id == _SUBJECT, memberships.c.group_id == _SUBJECT))
    .values(state="pending")
)
_SETTLE = delete(intents).where(intents.c.job == _JOB, intents.c.kind == _OF, intents.c.subject_id == _SUBJECT)
_FORGET_PENDING = delete(pending).where(pending.c.job == _JOB, pending.c.kind == _OF, pending.c.subject_id == _SUBJECT)


def keep(connection: Connection, job: str, records: Sequence[Record], vault: Vault) -> None:
    """Write the records of one job. vault: seals the log's chain.

    Raises AlreadyLinked before anything is written, and SecretUnreadable when the key of the seal can't be read.
    """
    kept = {(r.link.kind, r.link.subject_id): r.link for r in records if r.link}
    _refuse_taken(connection, job, kept)
    replaced = _replaced(connection, job, kept)
    _many(connection, _SAVE_LINKS, [rows.link_values(job, link) for link in kept.values()])
    _keep_memberships(connection, job, records)
    _keep_references(connection, job, {_subject(r): r.pending for r in records if r.pending is not None})
    _wait_for_other_accounts(connection, job, kept, replaced)
    _many(connection, _SETTLE, [{"job_": job, "of": k, "subject": i} for k, i in _settled(records)])
    _append(connection, job, _with_names(connection, job, [r.log for r in records if r.log]), vault)


def _settled(records: Sequence[Record]) -> list[At]:
    return list(dict.fromkeys(r.settled for r in records if r.settled))


def _subject(record: Record) -> At:
    """Whom a record is about."""
    if record.subject:
        return record.subject
    if record.link:
        return record.link.kind, record.link.subject_id
    if record.settled:
        return record.settled
    if record.log:
        return record.log.kind, record.log.subject_id
    raise ValueError("a record with references or a lost account must say whom it is about")


def _refuse_taken(connection: Connection, job: str, kept: dict[At, Link]) -> None:
    """Raise AlreadyLinked when an app id of these links is another subject's, here or in the database."""
    for kind in Kind:
        owners: dict[str, str] = {}
        for (of, subject_id), link in kept.items():
            if of is kind and link.app_id is not None and owners.setdefault(link.app_id, subject_id) != subject_id:
                raise AlreadyLinked(link.app_id, owners[link.app_id])
        if not owners:
            continue
        for app_id, subject_id in connection.execute(_OWNERS, {"job_": job, "of": kind, "app_ids": list(owners)}):
            if owners[app_id] != subject_id:
                raise AlreadyLinked(app_id, subject_id)


def _keep_memberships(connection: Connection, job: str, records: Sequence[Record]) -> None:
    lost: list[str] = []
    states: dict[tuple[str, str], str | None] = {}
    for record in records:
        if record.account_gone:
            _, subject_id = _subject(record)
            lost.append(subject_id)
            states |= {at: "pending" for at, state in states.items() if subject_id in at and state is not None}
        states |= {(m.group_id, m.member_id): m.state for m in record.members}
        states |= dict.fromkeys(record.members_gone)
    _many(connection, _WAIT_AGAIN, [{"job_": job, "subject": subject_id} for subject_id in lost])
    _many(
        connection,
        _SAVE_MEMBERS,
        [{"job": job, "group_id": g, "member_id": m, "state": s} for (g, m), s in states.items() if s is not None],
    )
    gone = [{"job_": job, "group": g, "subject": m} for (g, m), state in states.items() if state is None]
    _many(connection, _FORGET_MEMBER, gone)


def _keep_references(connection: Connection, job: str, wanted: dict[At, tuple[str, ...]]) -> None:
    """Replace what these subjects wait for."""
    _many(connection, _FORGET_PENDING, [{"job_": job, "of": k, "subject": i} for k, i in wanted])
    waiting = [
        {"job": job, "kind": kind, "subject_id": subject_id, "target_id": target}
        for (kind, subject_id), targets in wanted.items()
        for target in targets
    ]
    _many(connection, _SAVE_PENDING, waiting)


def _replaced(connection: Connection, job: str, kept: dict[At, Link]) -> dict[str, str]:
    """The users who get another account than the one that they had, with that one's id."""
    new = {i: link.app_id for (kind, i), link in kept.items() if kind is Kind.USER and link.app_id}
    return {i: old for i, old in _accounts(connection, job, list(new)).items() if old and old != new[i]}


def _wait_for_other_accounts(connection: Connection, job: str, kept: dict[At, Link], replaced: dict[str, str]) -> None:
    """Whoever was sent a reference to an account that isn't its subject's any more waits for the other one."""
    waiting: dict[tuple[str, str], None] = {}
    for subject_id, old in replaced.items():
        for (referrer,) in connection.execute(_REFERRING, {"job_": job, "part": f'%"{old}"%'}):
            waiting[referrer, subject_id] = None
    sent = [
        (link.subject_id, value["subject"], value["value"])
        for (kind, _), link in kept.items()
        if kind is Kind.USER
        for value in link.sent.values()
        if isinstance(value, dict) and "subject" in value
    ]
    accounts = _accounts(connection, job, list({target for _, target, _ in sent}))
    waiting |= {(i, target): None for i, target, app_id in sent if accounts.get(target) not in (None, app_id)}
    at = [{"job": job, "kind": Kind.USER, "subject_id": i, "target_id": target} for i, target in waiting]
    _many(connection, _SAVE_PENDING, at)


def _accounts(connection: Connection, job: str, ids: list[str]) -> dict[str, str | None]:
    if not ids:
        return {}
    return {row.subject_id: row.app_id for row in connection.execute(_ACCOUNTS, {"job_": job, "ids": ids})}


def _with_names(connection: Connection, job: str, entries: list[LogEntry]) -> list[LogEntry]:
    """The entries with the names of those who came into a group or left it, as their links have them."""
    ids = list({m.id for entry in entries for m in (*entry.added, *entry.removed) if m.id and not m.name})
    if not ids:
        return entries
    names = {row.subject_id: row.name for row in connection.execute(_NAMES, {"job_": job, "ids": ids})}

    def named(members: tuple[Member, ...]) -> tuple[Member, ...]:
        return tuple(replace(m, name=names[m.id]) if m.id in names and not m.name else m for m in members)

    return [replace(e, added=named(e.added), removed=named(e.removed)) for e in entries]


def _append(connection: Connection, job: str, entries: Sequence[LogEntry], vault: Vault) -> None:
    """Append to the log; the effects of an entry are also counted, under its sequence. What an administrator approved
    isn't: after forty approved removals the guard has no less room for the next day's leavers."""
    sequences = chain.append(connection, job, [rows.entry_values(job, entry) for entry in entries], vault)
    counted: list[rows.Values] = [
        {"sequence": sequence, "kind": kind, "job": job, "at": entry.at, "count": count}
        for sequence, entry in zip(sequences, entries, strict=True)
        if entry.initiator != "approval"
        for kind, count in entry.effects.items()
    ]
    _many(connection, _COUNT, counted)


def _many(connection: Connection, statement: Executable, values: list[rows.Values]) -> None:
    if values:
        connection.execute(statement, values)
