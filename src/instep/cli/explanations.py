"""How an explanation looks in a terminal, and as JSON for scripts.

What a mapping redacts has been masked before it gets here. How decisions look is in `decisions`.
"""

from collections.abc import Mapping
from typing import Any

from instep.cli import decisions, showing
from instep.cli.decisions import Names
from instep.cli.job import out
from instep.core.link import Link
from instep.engine.explain import Access, Explanation, Holding, MappingView

_STANDING = {
    "sent": "sent now",
    "unchanged": "as it was sent",
    "creation": "on creation only",
    "waiting": "has no account in the app yet: written as soon as there is one",
    "empty": "no value: left alone",
    "left-out": "left out, as the expression says",
    "missing": "required, and there is no value",
    "failed": "failed",
    "idle": "",
}
_HOLDS = {
    "not-asked": "not asked",
    "absent": "no such account",
    "one": "account",
    "several": "several accounts match",
    "gone": "the account is gone",
}
_SCOPE = {"in": ("in scope of", "green"), "out": ("out of scope of", "yellow"), "not-ready": ("not ready for", "red")}
_MARK = {True: ("yes", "green"), False: ("no", "red"), None: ("error", "red")}


# ------------------------------------------------------------------------------------------ for scripts


def explanation_json(app: str, explained: Explanation, names: Names) -> dict[str, Any]:
    """An explanation for scripts, complete."""
    subject, scoping, holding = explained.subject, explained.scoping, explained.holding
    return {
        "app": app,
        "kind": subject.kind.value,
        "id": subject.id,
        "name": subject.name,
        "scope": {"state": scoping.state, "decidedBy": scoping.decided_by or None, "reason": scoping.reason or None},
        "assignments": [
            {"id": a.assignment_id, "roleId": a.role_id, "role": a.role, "path": list(a.path), "entitles": a.entitles}
            for a in explained.access
        ],
        "clauses": [
            {"filter": c.filter, "clause": c.clause, "value": c.value, "holds": c.holds, "error": c.error or None}
            for c in explained.clauses
        ],
        "mappings": [_mapping_json(each, names) for each in explained.mappings],
        "decision": decisions.decision_json(explained.decision, names) if explained.decision else None,
        "waitsFor": names.all(explained.decision.pending) if explained.decision else [],
        "verdict": explained.verdict or None,
        "inApp": {
            "state": holding.state,
            "appIds": list(holding.app_ids),
            "attributes": {path: decisions.value(v, names) for path, v in holding.attributes.items()},
            "sentInstead": {path: decisions.value(v, names) for path, v in holding.differs.items()},
            "members": names.all(holding.members),
            "unknownMembers": holding.unknown_members,
            "belongsTo": holding.owner or None,
        },
        "link": _link_json(explained.link, names) if explained.link else None,
        "unsettled": explained.unsettled,
        "log": [decisions.entry_json(entry) for entry in explained.log],
    }


def _mapping_json(each: MappingView, names: Names) -> dict[str, Any]:
    return {
        "attribute": each.target,
        "expression": each.source,
        "reads": dict(each.read),
        "value": names.of(each.value) if each.reference and each.value and not each.redacted else each.value,
        "isDefault": each.defaulted,
        "flow": each.flow,
        "matching": each.matching,
        "sent": each.standing == "sent",
        "standing": each.standing,
        "error": each.error or None,
    }


def _link_json(link: Link, names: Names) -> dict[str, Any]:
    hold = link.hold
    return {
        "status": link.status.value,
        "appId": link.app_id,
        "adopted": link.adopted,
        "sent": {path: decisions.value(v, names) for path, v in link.sent.items()},
        "unknown": sorted(link.unknown),
        "sequence": link.seq,
        "failures": link.failures,
        "lastError": link.last_error or None,
        "nextTry": link.next_try,
        "hold": hold and {"effects": hold.kind.split(","), "reason": hold.reason, "verdict": hold.verdict},
    }


# ------------------------------------------------------------------------------------------- for people


class Told:
    """An explanation, told to people: from who it is to what the log says."""

    def __init__(self, app: str, explained: Explanation, names: Names) -> None:
        self._app = app
        self._explained = explained
        self._names = names

    def show(self) -> None:
        """All of it."""
        self._scope()
        self._mappings()
        self._decision()
        self._holding(self._explained.holding)
        self._link(self._explained.link)
        self._log()

    def _scope(self) -> None:
        subject, scoping = self._explained.subject, self._explained.scoping
        word, style = _SCOPE[scoping.state]
        out.print(f"{showing.plain(subject.name)} ({subject.kind.lower()} {showing.plain(subject.id)})", style="bold")
        out.print(f"{word} {self._app}{showing.plain(f': {scoping.reason}' if scoping.reason else '')}", style=style)
        for access in self._explained.access:
            out.print(f"  {showing.plain(_through(access))}")
        for clause in self._explained.clauses:
            mark, style = _MARK[clause.holds]
            text = f"{clause.filter}: {clause.clause}"
            why = clause.error or ("it has no value" if _nothing(clause.value) else f"it is {self._text(clause.value)}")
            out.print(f"  {mark:<5} ", style=style, end="")
            out.print(f"{showing.plain(text)}  ({showing.plain(why)})")

    def _mappings(self) -> None:
        views = self._explained.mappings
        if not views:
            return
        out.print("\nWhat the rules give" + ("" if self._explained.scoping.state == "in" else ", were this in scope"))
        empty = [each for each in views if each.standing == "empty" and all(map(_nothing, each.read.values()))]
        width = max(len(showing.short(each.target)) for each in views)
        for each in views:
            if each not in empty:
                self._mapping(each, width)
        if empty:
            listed = "; ".join(f"{showing.short(each.target)} from {each.source}" for each in empty)
            out.print(f"  no value, so left alone: {showing.plain(listed)}", style="dim")

    def _mapping(self, each: MappingView, width: int) -> None:
        value = showing.plain(each.error or self._value(each))
        out.print(f"  {showing.short(each.target):<{width}}  {value}", end="")
        standing = "" if each.error else self._standing(each)
        out.print(f"  ({standing})" if standing else "", style="dim")
        reads = "; ".join(f"{name} is {self._read(name, read)}" for name, read in each.read.items())
        notes = (
            f"matching {each.matching}" if each.matching else "",
            f"flow {each.flow}" if each.flow != "always" else "",
        )
        said = "; ".join(note for note in (f"from {each.source}", reads, *notes) if note)
        out.print(f"  {'':<{width}}  {showing.plain(said)}", style="dim")

    def _value(self, each: MappingView) -> str:
        if each.reference and each.value:
            return self._names.of(str(each.value))
        return self._text(each.value) + (", the default" if each.defaulted else "")

    def _standing(self, each: MappingView) -> str:
        return _STANDING[each.standing]

    def _read(self, name: str, value: Any) -> str:
        return self._names.of(value) if name == "manager" and isinstance(value, str) else self._text(value)

    def _text(self, value: Any) -> str:
        if isinstance(value, Mapping) and "displayName" in value:
            return str(value["displayName"])
        if isinstance(value, list | tuple):
            return ", ".join(self._text(each) for each in value) or "nothing"
        return "nothing" if _nothing(value) else decisions.value_text(value, self._names)

    def _decision(self) -> None:
        explained = self._explained
        out.print("\nWhat would be done now")
        if explained.unsettled:
            out.print("  The outcome of an earlier request isn't known: the next cycle finds out first.")
        if explained.decision is None:
            unasked = explained.scoping.state == "in"
            out.print("  depends on what the app holds, which wasn't asked" if unasked else "  nothing")
            return
        for line in decisions.decision_lines(explained.decision, self._names):
            out.print(line)
        effects = sorted({effect.kind for effect in explained.decision.effects})
        if effects:
            out.print(f"        the guard counts it: {', '.join(effects)}")
        if explained.decision.pending:
            out.print(f"        waits for the account of {showing.listed(self._names.all(explained.decision.pending))}")

    def _holding(self, holding: Holding) -> None:
        said = _HOLDS[holding.state] + (f" {', '.join(holding.app_ids)}" if holding.app_ids else "")
        out.print(f"\nWhat the app holds: {showing.plain(said)}")
        if holding.owner:
            out.print(f"  It belongs to {showing.plain(holding.owner)}.")
        width = max((len(showing.short(path)) for path in holding.attributes), default=0)
        for path, value in holding.attributes.items():
            sent = f"  (sent was {self._text(holding.differs[path])})" if path in holding.differs else ""
            out.print(f"  {showing.short(path):<{width}}  {self._text(value)}{showing.plain(sent)}")
        for path in holding.differs.keys() - holding.attributes.keys():
            out.print(f"  {showing.short(path):<{width}}  nothing  (sent was {self._text(holding.differs[path])})")
        if holding.members or holding.unknown_members:
            unknown = f", and {holding.unknown_members:,} nobody here stands behind" if holding.unknown_members else ""
            out.print(f"  members: {showing.listed(self._names.all(holding.members)) or 'none of ours'}{unknown}")

    def _link(self, link: Link | None) -> None:
        if link is None:
            out.print("\nWhat Instep remembers: nothing")
            return
        adopted = ", which was there before and was adopted" if link.adopted else ""
        account = f", account {link.app_id}{adopted}" if link.app_id else ""
        out.print(f"\nWhat Instep remembers: {showing.plain(link.status.value + account)}")
        if link.unknown:
            out.print(f"  not known whether it was taken: {showing.listed(map(showing.short, sorted(link.unknown)))}")
        if link.failures:
            again = f"next try {showing.moment(link.next_try)}" if link.next_try else "given up until something changes"
            out.print(f"  {showing.number(link.failures, 'failure')}, {again}: {showing.plain(link.last_error)}")
        if link.hold:
            since = f"since {showing.moment(link.hold.since)}, {link.hold.verdict}"
            out.print(f"  held by the guard {since}: {showing.plain(link.hold.reason)}")

    def _log(self) -> None:
        if self._explained.log:
            out.print(f"\nLast in the log (`instep log {self._app} --person {self._explained.subject.id}` has all)")
        for entry in self._explained.log:
            out.print(decisions.heading("fail" if entry.status == "failure" else entry.action, entry.kind, entry.name))
            reason = f": {showing.plain(entry.reason)}" if entry.reason else ""
            out.print(f"        {showing.moment(entry.at)} {entry.status}{reason}", style="dim")


def _nothing(value: Any) -> bool:
    return value is None or value in ("", (), [])


def _through(access: Access) -> str:
    """An assignment in words: by which path, with which role, and whether that entitles."""
    path = f"through {' > '.join(access.path)}" if access.path else "directly"
    entitles = {True: "", False: ", which doesn't entitle to an account", None: ", which the app doesn't know"}
    return f"assigned {path} as {access.role}{entitles[access.entitles]}"
