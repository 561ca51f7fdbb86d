"""Laws of desire, decide and acknowledge together, over whole histories of people and groups."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import (
    ASSIGNED,
    EDITOR,
    FORGOTTEN,
    GUEST,
    LAW,
    MANAGER,
    RULES,
    desired,
    group,
    job,
    person,
    wish,
)
from tests.core.small_app import OUTCOMES, Fate, SmallApp, SmallJob, plain

from instep.core.change import Create, Delete, Keep, Skip, Update
from instep.core.decide import Around, decide
from instep.core.desire import Desired
from instep.core.link import Status
from instep.core.match import Absent
from instep.core.rules import Rules
from instep.core.subject import Grant, Kind, Presence, Subject
from instep.scim import documents

HISTORIES = settings(LAW, max_examples=120)

PEOPLE = ("ada", "bo", "cy")
GRANTS = st.lists(
    st.sampled_from([*ASSIGNED, *(Grant(f"as-{role}", role) for role in (EDITOR, GUEST, FORGOTTEN))]), max_size=2
)
WORDS = st.sampled_from([None, "", "Analyst", "ANALYST", "Countess"])


@st.composite
def people(draw: st.DrawFn) -> Subject:
    """One of three people as they may stand in the directory, now or later."""
    id = draw(st.sampled_from(PEOPLE))
    return person(
        id,
        name=f"{id}{draw(st.sampled_from(['', '.byron']))}@firm.example",
        presence=draw(st.sampled_from([Presence.PRESENT] * 3 + list(Presence))),
        enabled=draw(st.sampled_from([True, True, False])),
        grants=tuple(draw(st.just(ASSIGNED) | GRANTS)),
        manager=draw(st.none() | st.sampled_from([p for p in PEOPLE if p != id])),
        attributes={"displayName": draw(WORDS), "jobTitle": draw(WORDS), "mail": draw(WORDS)},
    )


@st.composite
def teams(draw: st.DrawFn) -> Subject:
    """One of two groups as they may stand in the directory, now or later."""
    members = draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    return group(
        draw(st.sampled_from(["team", "squad"])),
        *members,
        presence=draw(st.sampled_from([Presence.PRESENT] * 3 + list(Presence))),
        grants=tuple(draw(st.just(ASSIGNED) | GRANTS)),
    )


SUBJECTS = people() | teams()
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


@HISTORIES
@given(JOBS, EXISTING, st.lists(SUBJECTS, min_size=1, max_size=10))
def test_law_after_a_plan_is_applied_there_is_nothing_left_to_do(
    rules: Rules, existing: list[dict[str, Any]], history: list[Subject]
) -> None:
    work = running(rules, existing)
    for subject in history:
        work.apply(work.decide(subject))
        again = work.decide(subject).change
        assert isinstance(again, Keep | Skip), again
    latest = {s.id: s for s in history}
    calm(work, latest)
    check_in_step(work, latest)


@HISTORIES
@given(
    JOBS,
    EXISTING,
    st.lists(st.tuples(SUBJECTS, st.sampled_from(list(OUTCOMES))), min_size=1, max_size=10),
)
def test_law_whatever_becomes_of_requests_all_come_in_step_in_the_end_and_nobody_is_there_twice(
    rules: Rules, existing: list[dict[str, Any]], history: list[tuple[Subject, Fate]]
) -> None:
    work = running(rules, existing)
    for subject, fate in history:
        decision = work.decide(subject)
        # Whether a deletion happened isn't told by any value: that is read before anything else is decided.
        read = fate == "answer lost" and isinstance(decision.change, Delete)
        work.apply(decision, "done" if read else fate)
    latest = {s.id: s for s, _ in history}
    calm(work, latest)
    check_in_step(work, latest)
    owned = [link.app_id for link in work.links.values() if link.alive]
    assert len(owned) == len(set(owned))
    ours = [d["userName"].lower() for d in work.app.documents.values() if "userName" in d]
    assert len(set(ours)) >= len(ours) - len(existing)


@HISTORIES
@given(EXISTING, st.lists(SUBJECTS, min_size=1, max_size=10))
def test_law_an_account_without_a_link_is_never_changed(existing: list[dict[str, Any]], history: list[Subject]) -> None:
    work = running(RULES, existing)
    for subject in history:
        free = {i: dict(d) for i, d in work.app.documents.items() if i not in work.accounts.values()}
        decision = work.decide(subject)
        work.apply(decision)
        linked_now = set(work.accounts.values())
        for app_id, document in free.items():
            assert app_id in linked_now or work.app.documents[app_id] == document


@HISTORIES
@given(JOBS, EXISTING, st.lists(SUBJECTS, min_size=1, max_size=6))
def test_law_the_same_inputs_give_the_same_decision(
    rules: Rules, existing: list[dict[str, Any]], history: list[Subject]
) -> None:
    work = running(rules, existing)
    for subject in history:
        first, second = work.decide(subject), work.decide(subject)
        assert first == second
        assert first.digest == second.digest
        work.apply(first)


@LAW
@given(SUBJECTS, st.randoms(use_true_random=False))
def test_law_the_order_of_what_is_known_does_not_matter(subject: Subject, chance: Any) -> None:
    def shuffled(values: Any) -> list[Any]:
        return chance.sample(list(values), len(values))

    accounts = {"ada": "app-a", "bo": "app-b"}
    memberships = {"ada": "sent", "bo": "unknown", "cy": "sent"}
    other = replace(
        subject,
        attributes=dict(shuffled(subject.attributes.items())),
        members=tuple(shuffled(subject.members)),
        grants=tuple(shuffled(subject.grants)),
    )
    around = Around(accounts, frozenset({"cy"}), memberships)
    turned = Around(dict(shuffled(accounts.items())), {"cy"}, dict(shuffled(memberships.items())))
    for link in (None, SmallJobLink(subject)):
        one = decide(subject, link, wish(subject), Absent(), RULES, around)
        two = decide(other, link, wish(other), Absent(), RULES, turned)
        assert one.digest == two.digest


def SmallJobLink(subject: Subject) -> Any:
    work = SmallJob(job(scope="all"), SmallApp())
    work.apply(work.decide(replace(subject, presence=Presence.PRESENT, enabled=True)))
    return work.links[subject.id]


@LAW
@given(people(), people(), st.sampled_from(["answer lost", "request lost"]))
def test_law_a_read_settles_what_was_unknown(before: Subject, now: Subject, fate: Fate) -> None:
    """Whatever the app did with a write whose answer was lost: once it's read, only what differs is sent."""
    work = running(job(scope="all"), [])
    first = replace(before, presence=Presence.PRESENT, enabled=True, manager=None)
    then = replace(now, id=first.id, presence=Presence.PRESENT, enabled=True, manager=None)
    work.apply(work.decide(first))
    decision = work.decide(then)
    work.apply(decision, fate)
    link = work.links[first.id]
    if not isinstance(decision.change, Update):
        return
    assert link.unknown == {c.path for c in decision.change.changes}
    assert not isinstance(work.decide(then).change, Keep)
    document = work.app.documents[link.app_id or ""]
    read = {path: documents.read(document, path) for path in link.unknown}
    known = {path: value for path, value in read.items() if value is not documents.ABSENT}
    kept = {path: value for path, value in link.sent.items() if path not in link.unknown}
    work.links[first.id] = replace(link, sent={**kept, **known}, unknown=frozenset())
    settled = work.decide(then).change
    assert settled == Keep() if fate == "answer lost" else isinstance(settled, Update)


def test_a_reference_heals_when_the_account_is_there() -> None:
    work = running(RULES, [])
    ada, grace = person("ada", manager="grace"), person("grace")
    assert work.decide(ada).after == ("grace",)
    work.apply(work.decide(ada))
    assert work.decide(ada).pending == ("grace",)
    assert work.decide(ada).change == Keep()
    work.apply(work.decide(grace))
    work.apply(work.decide(ada))
    assert work.decide(ada).pending == ()
    account = work.app.documents[work.accounts["ada"]]
    assert documents.read(account, MANAGER) == work.accounts["grace"]


def test_a_creation_that_was_never_acknowledged_is_found_again_and_not_repeated() -> None:
    work = running(RULES, [])
    work.apply(work.decide(person()), "answer lost")
    assert not work.links["ada"].alive
    work.apply(work.decide(person()))
    assert list(work.app.documents) == ["app-1"]
    assert work.accounts == {"ada": "app-1"}


def test_a_value_that_was_sent_in_vain_and_then_taken_back_is_written_back() -> None:
    work = running(RULES, [])
    work.apply(work.decide(person()))
    work.apply(work.decide(person(attributes={"jobTitle": "Countess"})), "answer lost")
    assert work.app.documents["app-1"]["title"] == "Countess"
    work.apply(work.decide(person()))
    assert work.app.documents["app-1"]["title"] == "Analyst"
    assert plain(desired(person()).attributes["title"]) == "Analyst"


def test_an_account_is_never_made_twice_for_one_who_comes_and_goes() -> None:
    work = running(RULES, [])
    for subject in (person(), person(grants=()), person(), person(enabled=False), person()):
        change = work.decide(subject).change
        assert isinstance(change, Create) == (not work.links)
        work.apply(work.decide(subject))
    assert work.app.made == 1
