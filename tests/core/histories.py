"""Histories to state laws over: people and a group who come, change and go; jobs of different rules; apps that somebody
else has used before."""

from typing import Any

import pytest
from hypothesis import strategies as st
from tests.core.examples import ASSIGNED, EDITOR, FORGOTTEN, GUEST, RULES, group, job, person, wish
from tests.core.small_app import OUTCOMES, SmallApp, SmallJob

from instep.core.change import Keep, Skip
from instep.core.desire import Desired
from instep.core.link import Status
from instep.core.rules import Rules
from instep.core.subject import Grant, Kind, Presence, Subject
from instep.scim import documents

PEOPLE = ("ada", "bo")
PRELUDES = st.sampled_from([[], [person("ada"), person("bo")], [person("ada"), group("team", "ada", "bo")]])
"""Histories begin with nobody, or with those whom the rest is then about."""

PRESENCES = st.sampled_from([Presence.PRESENT] * 4 + list(Presence))
ENABLED = st.sampled_from([True, True, True, False])
GRANTS = st.sampled_from(
    [ASSIGNED] * 4 + [(), (Grant("as-1", EDITOR),), (Grant("as-1", GUEST),), (Grant("as-1", FORGOTTEN),)]
)
WORDS = st.sampled_from([None, "", "Analyst", "ANALYST", "Countess"])


@st.composite
def people(draw: st.DrawFn) -> Subject:
    """One of two people as they may stand in the directory, now or later."""
    id, other = draw(st.permutations(PEOPLE))
    return person(
        id,
        name=f"{id}{draw(st.sampled_from(['', '', '.byron']))}@firm.example",
        presence=draw(PRESENCES),
        enabled=draw(ENABLED),
        grants=draw(GRANTS),
        manager=draw(st.sampled_from([None, other])),
        attributes={"displayName": draw(WORDS), "jobTitle": draw(WORDS), "mail": draw(WORDS)},
    )


@st.composite
def teams(draw: st.DrawFn) -> Subject:
    """A group as it may stand in the directory, now or later."""
    members = draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    return group("team", *members, presence=draw(PRESENCES), grants=draw(GRANTS))


SUBJECTS = people() | teams()
HISTORY = st.builds(list.__add__, PRELUDES, st.lists(SUBJECTS, min_size=1, max_size=8))
FATES = st.sampled_from([*OUTCOMES, "done"])
JOBS = st.sampled_from(
    [
        RULES,
        job(ending={"by": "delete"}),
        job(ending={"delete_when_purged": False}, scope="all"),
        job(skip_out_of_scope_deletions=True),
        job({"target": "active", "source": "Not([IsSoftDeleted])", "default": "True"}),
        job({"target": "active", "source": '"False"', "flow": "create"}),
        job({"target": "nickName", "source": "[mail]", "default": "nobody", "case_exact": True}),
        job({"target": "nickName", "source": "Guid()", "flow": "create"}),
        job({"target": "nickName", "source": "[mail]", "clear_when_empty": True}),
        job({"target": "nickName", "source": "[mail]", "default": "nobody", "default_on": "always"}),
        job({"target": "userType", "source": "IgnoreFlowIfNullOrEmpty([mail])"}, groups={"members": False}),
    ]
)
EXISTING = st.lists(
    st.fixed_dictionaries(
        {"userName": st.sampled_from(["ada@firm.example", "BO@firm.example", "eve@firm.example"])},
        optional={"active": st.booleans(), "displayName": WORDS, "title": st.just("Clerk")},
    ),
    max_size=3,
)


def running(rules: Rules, existing: list[dict[str, Any]]) -> SmallJob:
    """A job at its beginning, and an app that somebody else has used before."""
    app = SmallApp()
    for attributes in existing:
        app.create(Kind.USER, attributes, set())
    return SmallJob(rules, app)


def calm(work: SmallJob, latest: dict[str, Subject]) -> None:
    """Look at everyone until nothing is left to be done, as later cycles would."""
    for _ in range(4):
        if all(isinstance(work.decide(subject).change, Keep | Skip) for subject in latest.values()):
            return
        for subject in latest.values():
            work.apply(work.decide(subject))
    pytest.fail("it never comes to rest")


def check_in_step(work: SmallJob, latest: dict[str, Subject]) -> None:
    """The app holds of everyone what the rules say."""
    for subject in latest.values():
        link, wished = work.links.get(subject.id), wish(subject, work.rules, f"seed of {subject.id}")
        change = work.decide(subject).change
        if isinstance(change, Skip):
            continue
        assert link is not None
        document = work.app.documents[link.app_id or ""]
        if not isinstance(wished, Desired):
            assert link.status is Status.DISABLED
            assert document["active"] is False
            continue
        exact = {m.target: m.case_exact for m in work.rules.of(subject.kind).mappings}
        for path, value in wished.attributes.items():
            held = documents.read(document, path)
            in_use = path == "active" and value is True and held is documents.ABSENT
            assert in_use or documents.same(held, value, exact.get(path, False)), path
        for path, referred in wished.references.items():
            account = work.accounts.get(referred or "")
            if account or referred is None:
                assert documents.same(documents.read(document, path), account)
        if work.rules.of(subject.kind).members:
            wanted = {work.accounts[m] for m in wished.members if m in work.accounts}
            ours = set(work.accounts.values())
            assert work.app.members[link.app_id or ""] & ours == wanted
