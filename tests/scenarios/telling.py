"""A plan, the log and an app's content as short lines that a person can write down beforehand.

create anna                    update anna: title Clerk -> Boss, manager nothing -> bob
create sales + anna, tom       update sales + tom - anna
hold zoe: disable              skip gast: NotEffectivelyEntitled
fail eva: DuplicateTargetEntries
"""

from collections.abc import Mapping
from typing import Any

from instep.core import guard
from instep.core.change import Create, Decision, Disable, Enable
from instep.core.desire import ACTIVE
from instep.core.plan import Plan, action
from instep.core.record import LogEntry
from instep.core.rules import Rules
from instep.core.subject import Kind
from instep.ports import Target
from instep.scim import documents, paths

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"


def plan_lines(plan: Plan, skipped: list[LogEntry]) -> list[str]:
    """What would be done in order, then what would be held, then who is skipped or fails."""
    held = {(d.kind, d.subject_id): d for d in plan.held}
    lines: list[str] = []
    for decision in plan.decisions:
        waiting = held.get((decision.kind, decision.subject_id))
        free, _ = guard.split(decision, {e.kind for e in waiting.effects} if waiting else ())
        if free:
            lines.append(decision_line(free))
    lines += [f"hold {d.subject_id}: {_kinds(d)}" for d in plan.held]
    return lines + [log_line(entry) for entry in skipped]


def decision_line(decision: Decision) -> str:
    """One decision, with what changes."""
    change = decision.change
    added = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
    removed = getattr(change, "members_removed", ())
    line = f"{action(change)} {decision.subject_id}"
    if added:
        line += " + " + ", ".join(added)
    if removed:
        line += " - " + ", ".join(removed)
    changes = getattr(change, "changes", ())
    if isinstance(change, Enable | Disable):
        changes = [c for c in changes if c.path != ACTIVE]
    if changes:
        line += ": " + ", ".join(f"{_short(c.path)} {_value(c.old)} -> {_value(c.new)}" for c in changes)
    return line


def log_line(entry: LogEntry) -> str:
    """One entry of the log, without what changed."""
    if entry.action == "hold":
        return f"hold {entry.subject_id}"
    if entry.status in ("failure", "skipped"):
        return f"{'fail' if entry.status == 'failure' else 'skip'} {entry.subject_id}: {entry.code}"
    return f"{entry.action} {entry.subject_id}"


def without_changes(line: str) -> str:
    """A line of a plan as the log has it."""
    word, subject, *_ = line.split(" ", 2)
    if word in ("skip", "fail"):
        return line
    return f"{word} {subject.rstrip(':')}"


async def app_content(target: Target, rules: Rules, domain: str) -> dict[str, list[dict[str, Any]]]:
    """What the app holds, as far as the rules manage it: users by userName, groups by displayName.

    People are named by their userName without the world's domain. `active` is only said when it's false.
    """
    people = [resource async for page in target.pages(Kind.USER) for resource in page]
    teams = [resource async for page in target.pages(Kind.GROUP) for resource in page]
    names = {p.id: str(p.document.get("userName")).removesuffix(domain) for p in people}
    names |= {t.id: str(t.document["displayName"]) for t in teams}
    groups: list[dict[str, Any]] = []
    for team in teams:
        read = await target.read(Kind.GROUP, team.id, members=True)
        assert read is not None
        members = sorted(names[m] for m in documents.members(read.document))
        groups.append({"displayName": names[team.id]} | ({"members": members} if members else {}))
    users = [_user(names[p.id], p.document, rules, names) for p in people]
    return {"users": sorted(users, key=str), "groups": sorted(groups, key=str)}


def _user(name: str, document: Mapping[str, Any], rules: Rules, names: Mapping[str, str]) -> dict[str, Any]:
    user: dict[str, Any] = {"userName": name}
    for mapping in rules.users.mappings:
        value = documents.read(document, paths.parse(mapping.target))
        if value is documents.ABSENT or value is None or mapping.target == "userName":
            continue
        user[_short(mapping.target)] = names.get(value, value) if mapping.reference else value
    if user.pop(ACTIVE, document.get(ACTIVE, True)) is False:
        user[ACTIVE] = False
    return user


def _kinds(decision: Decision) -> str:
    return ", ".join(sorted({e.kind for e in decision.effects}))


def _short(path: str) -> str:
    return path.rpartition(":")[2]


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict) and "subject" in value:
        return str(value["subject"])
    return str(value)
