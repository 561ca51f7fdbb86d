"""A job, people, groups and links to state facts with. Nothing here decides anything: it only fills in what a fact
leaves open."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings

from instep.core.change import Decision
from instep.core.compile import compile_rules
from instep.core.decide import Around, decide
from instep.core.desire import Desired, NotReady, OutOfScope, desire
from instep.core.link import Link, Status
from instep.core.match import Absent, Observed
from instep.core.rules import Rules
from instep.core.rules_document import rules_document
from instep.core.subject import Grant, Kind, Subject

LAW = settings(deadline=None, max_examples=100)
"""For laws: no deadline, since the machine may be busy with something else."""

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

USERS: tuple[dict[str, Any], ...] = (
    {"target": "userName", "source": "[userPrincipalName]", "matching": 1, "required": True},
    {"target": "displayName", "source": "[displayName]"},
    {"target": "title", "source": "[jobTitle]"},
    {"target": MANAGER, "source": "[manager]", "reference": True},
)
GROUPS: tuple[dict[str, Any], ...] = ({"target": "displayName", "source": "[displayName]", "matching": 1},)

EDITOR, GUEST, FORGOTTEN = "role-editor", "role-guest", "role-forgotten"
ROLES = (
    {"id": EDITOR, "value": "editor", "display_name": "Editor"},
    {"id": GUEST, "value": "guest", "display_name": "Guest", "provisions": False},
)
"""`FORGOTTEN` isn't among them."""

ASSIGNED = (Grant("as-1"),)


def job(
    *extra: dict[str, Any],
    users: Mapping[str, Any] | None = None,
    groups: Mapping[str, Any] | None = None,
    **given: Any,
) -> Rules:
    """Rules: the usual mappings of people and these `extra` ones, groups with members, and what is given."""
    document = {
        "users": {"mappings": [*USERS, *extra], **(users or {})},
        "groups": {"mappings": [*GROUPS], "members": True, **(groups or {})},
        "roles": list(ROLES),
        **given,
    }
    return compile_rules(rules_document(document))


RULES = job()


def person(id: str = "ada", **given: Any) -> Subject:
    """Somebody present, enabled and assigned, at change 7."""
    attributes = {"displayName": id.title(), "jobTitle": "Analyst", **given.pop("attributes", {})}
    fields = {"seq": 7, "name": f"{id}@firm.example", "grants": ASSIGNED, **given}
    return Subject(Kind.USER, id, attributes=attributes, **fields)


def group(id: str = "team", *members: str, **given: Any) -> Subject:
    """A group that is assigned, at change 7."""
    return Subject(Kind.GROUP, id, members=members, **{"seq": 7, "name": id.title(), "grants": ASSIGNED, **given})


def wish(subject: Subject, rules: Rules = RULES, seed: str = "seed") -> Desired | OutOfScope | NotReady:
    """What is desired of the subject now."""
    return desire(subject, rules, NOW, seed)


def desired(subject: Subject, rules: Rules = RULES, seed: str = "seed") -> Desired:
    """The same, of somebody who is known to be in scope."""
    found = wish(subject, rules, seed)
    assert isinstance(found, Desired), found
    return found


def linked(subject: Subject, rules: Rules = RULES, status: Status = Status.ACTIVE, **given: Any) -> Link:
    """The link of a subject who is in step: everything that is desired of them was sent and taken."""
    found = wish(subject, rules)
    sent = dict(found.attributes) if isinstance(found, Desired) else {"userName": subject.name, "active": True}
    if status is Status.DISABLED:
        sent["active"] = False
    if status is Status.GONE:
        sent = {}
    fields = {"app_id": None if status is Status.UNLINKED else f"app-{subject.id}", "sent": sent, **given}
    return Link(subject.kind, subject.id, subject.name, status=status, **fields)


def decided(
    subject: Subject,
    link: Link | None = None,
    observed: Observed | None = None,
    rules: Rules = RULES,
    around: Around | None = None,
) -> Decision:
    """What is decided about the subject. Who has no account is looked up in vain, if nothing else is said."""
    if observed is None and (link is None or not link.alive):
        observed = Absent()
    return decide(subject, link, wish(subject, rules), observed, rules, around or Around())
