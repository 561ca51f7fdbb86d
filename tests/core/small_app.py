"""An app and a job in a dict each, to state laws of whole histories with: decisions are carried out to the letter, and
what comes of them is acknowledged."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec.structs import replace
from tests.core.examples import NOW, wish

from instep.core.acknowledge import acknowledge
from instep.core.change import Adopt, Create, Decision, Delete, Keep, Skip
from instep.core.decide import Around, decide
from instep.core.desire import Desired
from instep.core.link import Link
from instep.core.match import Absent, Found, Observed, Twins, matching_ids, observe
from instep.core.outcome import Done, Outcome, Refused, RetryLater, Unknown
from instep.core.plan import sends
from instep.core.rules import Rules
from instep.core.subject import Kind, Subject
from instep.scim import documents

Fate = Literal["done", "answer lost", "request lost", "refused", "put off"]
"""What becomes of a request. Of `answer lost` and `request lost` the job hears the same: nothing."""

OUTCOMES: Mapping[Fate, Outcome] = {
    "done": Done(),
    "answer lost": Unknown("no answer", "Timeout"),
    "request lost": Unknown("no answer", "Timeout"),
    "refused": Refused("no", "UnprocessableEntity"),
    "put off": RetryLater("later", "TooManyRequests", flow_control=True),
}


class SmallApp:
    """The app: documents and groups' members by id. It enforces nothing and ignores filters."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, Kind] = {}
        self.members: dict[str, set[str]] = {}
        self.made = 0

    def create(self, kind: Kind, attributes: Mapping[str, Any], members: set[str]) -> str:
        self.made += 1
        app_id = f"app-{self.made}"
        self.documents[app_id] = {"id": app_id, **documents.build(kind.value, attributes)}
        self.kinds[app_id], self.members[app_id] = kind, members
        return app_id

    def update(self, app_id: str, decision: Decision, accounts: Mapping[str, str]) -> None:
        change: Any = decision.change
        values = {c.path: plain(c.new) for c in change.changes}
        self.documents[app_id] = documents.changed(self.documents[app_id], values)
        self.members[app_id] |= {accounts[m] for m in getattr(change, "members_added", ())}
        self.members[app_id] -= {accounts[m] for m in getattr(change, "members_removed", ()) if m in accounts}
        self.members[app_id] -= set(getattr(change, "foreign_removed", ()))

    def delete(self, app_id: str) -> None:
        del self.documents[app_id]
        del self.members[app_id]
        for members in self.members.values():
            members.discard(app_id)


def plain(value: Any) -> Any:
    """A value as the wire has it: of a reference, the app id."""
    return value["value"] if isinstance(value, dict) and "subject" in value else value


class SmallJob:
    """The job: its links and memberships."""

    def __init__(self, rules: Rules, app: SmallApp) -> None:
        self.rules = rules
        self.app = app
        self.links: dict[str, Link] = {}
        self.memberships: dict[str, dict[str, str]] = {}

    @property
    def accounts(self) -> dict[str, str]:
        return {id: link.app_id for id, link in self.links.items() if link.alive and link.app_id}

    def decide(self, subject: Subject) -> Decision:
        """Look up where needed, and decide."""
        link = self.links.get(subject.id)
        wished = wish(subject, self.rules, f"seed of {subject.id}")
        around = Around(self.accounts, memberships=self.memberships.get(subject.id, {}))
        observed = None
        if isinstance(wished, Desired) and (link is None or not link.alive):
            observed = self._look_up(subject, wished.matches)
        return decide(subject, link, wished, observed, self.rules, around)

    def _look_up(self, subject: Subject, matches: tuple[tuple[str, str], ...]) -> Observed:
        everything = [(i, d) for i, d in self.app.documents.items() if self.app.kinds[i] is subject.kind]
        for path, value in matches:
            ids = matching_ids(everything, path, value)
            if len(ids) > 1:
                return Twins(path, value, tuple(ids))
            if ids:
                owner = next((i for i, k in self.links.items() if k.app_id == ids[0] and i != subject.id), "")
                behind = {app_id: id for id, app_id in self.accounts.items()}
                members = tuple(behind[m] for m in self.app.members[ids[0]] if m in behind)
                seen = observe(self.app.documents[ids[0]], self.rules.of(subject.kind), ("active",))
                return Found(ids[0], path, seen, owner, members)
        return Absent()

    def apply(self, decision: Decision, fate: Fate = "done") -> None:
        """Send it, or not, as its fate is; and acknowledge what is heard of it."""
        if isinstance(decision.change, Keep | Skip):
            return
        outcome = OUTCOMES[fate] if sends(decision.change) else Done()
        decision = self._resolved(decision)
        app_id = decision.app_id
        if fate in ("done", "answer lost"):
            app_id = self._carry_out(decision)
        link = self.links.get(decision.subject_id)
        link = link or Link(decision.kind, decision.subject_id, decision.name, seed=f"seed of {decision.subject_id}")
        heard = self.app.documents.get(app_id or "") if fate == "done" else None
        self.links[decision.subject_id] = acknowledge(decision, link, outcome, app_id, heard, self.rules, NOW)
        if decision.kind is Kind.GROUP:
            self._remember_members(decision, outcome)
        if isinstance(decision.change, Delete) and isinstance(outcome, Done):
            # With the account go its memberships, and with a group those of its members.
            self.memberships.pop(decision.subject_id, None)
            for states in self.memberships.values():
                states.pop(decision.subject_id, None)

    def _resolved(self, decision: Decision) -> Decision:
        """References with the app id of whom they point to; those who have none are left out."""
        if not isinstance(decision.change, Create):
            return decision
        attributes = {p: v for p, v in decision.change.attributes.items() if plain(v) is not None}
        return replace(decision, change=replace(decision.change, attributes=attributes))

    def _carry_out(self, decision: Decision) -> str | None:
        change, accounts = decision.change, self.accounts
        if isinstance(change, Create):
            attributes = {path: plain(value) for path, value in change.attributes.items()}
            return self.app.create(decision.kind, attributes, {accounts[m] for m in change.members})
        assert decision.app_id
        if isinstance(change, Delete):
            self.app.delete(decision.app_id)
        elif sends(change):
            self.app.update(decision.app_id, decision, accounts)
        return decision.app_id

    def _remember_members(self, decision: Decision, outcome: Outcome) -> None:
        change: Any = decision.change
        states = self.memberships.setdefault(decision.subject_id, {})
        if isinstance(change, Adopt):
            states |= dict.fromkeys(change.members_found, "sent")
        added = change.members if isinstance(change, Create) else getattr(change, "members_added", ())
        removed = getattr(change, "members_removed", ())
        if isinstance(outcome, Unknown):
            states |= dict.fromkeys((*added, *removed), "unknown")
        elif isinstance(outcome, Done):
            states |= dict.fromkeys(added, "sent")
            for member in removed:
                states.pop(member, None)
