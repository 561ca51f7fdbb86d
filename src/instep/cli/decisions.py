"""How decisions and log entries look in a terminal, and as JSON for scripts.

What a mapping redacts has been masked before it gets here.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from rich.text import Text

from instep.cli.showing import listed, number, plain, short
from instep.core.change import AttributeChange, Create, Decision, Step
from instep.core.plan import action
from instep.core.record import LogEntry
from instep.core.subject import Kind
from instep.engine.entries import shown_changes
from instep.stores.directory.browser import Browser

COLOURS = {
    "create": "green",
    "adopt": "cyan",
    "update": "blue",
    "enable": "green",
    "disable": "yellow",
    "delete": "red",
    "hold": "magenta",
    "fail": "red",
    "skip": "dim",
}


class Names:
    """The names of subjects, by id; looked up in the directory, each once."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._known: dict[str, str] = {}

    def of(self, subject_id: str) -> str:
        """userPrincipalName or group name; the id when the directory never had it."""
        if subject_id not in self._known:
            entry = self._browser.entry(Kind.USER, subject_id) or self._browser.entry(Kind.GROUP, subject_id)
            self._known[subject_id] = entry.name if entry else subject_id
        return self._known[subject_id]

    def all(self, subject_ids: Iterable[str]) -> list[str]:
        """The names of several."""
        return [self.of(subject_id) for subject_id in subject_ids]


def value(given: Any, names: Names | None = None) -> Any:
    """A value as it's shown: of a reference, the name of whom it refers to."""
    if isinstance(given, Mapping) and "subject" in given:
        subject = str(given["subject"])
        return names.of(subject) if names else subject
    return given


def value_text(given: Any, names: Names | None = None) -> str:
    """A value in one line."""
    shown = value(given, names)
    if shown is None:
        return "nothing"
    return plain(shown) if isinstance(shown, str) else plain(str(shown))


def changes_json(changes: Iterable[AttributeChange], names: Names | None = None) -> list[dict[str, Any]]:
    """Attribute changes for scripts."""
    return [{"attribute": c.path, "before": value(c.old, names), "after": value(c.new, names)} for c in changes]


def members(decision: Decision) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Subject ids that become members and that cease to be, and app ids of unknown members that are taken out."""
    change = decision.change
    added = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
    return added, getattr(change, "members_removed", ()), getattr(change, "foreign_removed", ())


def decision_json(decision: Decision, names: Names) -> dict[str, Any]:
    """A decision for scripts."""
    added, removed, foreign = members(decision)
    return {
        "kind": decision.kind.value,
        "id": decision.subject_id,
        "name": decision.name,
        "action": action(decision.change),
        "appId": decision.app_id,
        "changes": changes_json(shown_changes(decision), names),
        "membersAdded": names.all(added),
        "membersRemoved": names.all(removed),
        "unknownMembersRemoved": list(foreign),
        "effects": sorted({e.kind for e in decision.effects}),
        "why": list(why(decision.trace)),
        "digest": decision.digest,
    }


def decision_lines(decision: Decision, names: Names, word: str = "") -> list[Text]:
    """A decision for people: whom it's about, what changes, and why."""
    added, removed, foreign = members(decision)
    lines = [heading(word or action(decision.change), decision.kind, decision.name)]
    lines += change_lines(shown_changes(decision), names, new=isinstance(decision.change, Create))
    if added:
        lines.append(_detail(f"+ {listed(names.all(added))}"))
    if removed:
        lines.append(_detail(f"- {listed(names.all(removed))}"))
    if foreign:
        lines.append(_detail(f"- {number(len(foreign), 'member')} whom nobody here stands behind"))
    lines.append(_detail(plain("; ".join(why(decision.trace))), "dim"))
    return lines


def why(trace: Iterable[Step]) -> Iterator[str]:
    """What led to a decision, step by step; of being in scope, through which assignments."""
    for step in trace:
        through = step.details.get("Through") if step.type == "scoping" else None
        yield f"{step.description}: {listed(through, 3)}" if through else step.description


def heading(word: str, kind: Kind, name: str) -> Text:
    """`create   anna@contoso.example`, with the action's colour."""
    text = Text(f"{word:<8}", style=COLOURS.get(word, ""))
    text.append(plain(name), style="bold")
    if kind is Kind.GROUP:
        text.append(" (group)", style="dim")
    return text


def change_lines(changes: Iterable[AttributeChange], names: Names | None = None, new: bool = False) -> list[Text]:
    """One line per attribute: before and after, or just what a new account gets."""
    rows = [(short(c.path), value_text(c.old, names), value_text(c.new, names)) for c in changes]
    width = max((len(path) for path, _, _ in rows), default=0)
    return [_detail(f"{path:<{width}}  {after if new else f'{before} → {after}'}") for path, before, after in rows]


def entry_json(entry: LogEntry) -> dict[str, Any]:
    """An entry of the log for scripts, all of it."""
    return {
        "sequence": entry.sequence,
        "at": entry.at.astimezone(UTC).isoformat(),
        "cycle": entry.cycle,
        "changeId": entry.change_id,
        "kind": entry.kind.value,
        "id": entry.subject_id,
        "name": entry.name,
        "appId": entry.app_id,
        "action": entry.action,
        "status": entry.status,
        "code": entry.code,
        "reason": entry.reason,
        "changes": changes_json(entry.changes),
        "membersAdded": entry.members_added,
        "membersRemoved": entry.members_removed,
        "steps": [
            {"type": s.type, "status": s.status, "description": s.description, "details": s.details}
            for s in entry.steps
        ],
        "exchanges": [
            {
                "method": e.method,
                "path": e.path,
                "body": e.body,
                "status": e.status,
                "answer": e.answer,
                "milliseconds": e.milliseconds,
            }
            for e in entry.exchanges
        ],
        "milliseconds": entry.milliseconds,
    }


def _detail(text: str, style: str = "") -> Text:
    return Text(f"        {text}", style=style)
