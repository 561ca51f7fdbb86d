"""Laws of desire, decide and acknowledge together, over whole histories of people and groups."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.examples import (
    EDITOR,
    FORGOTTEN,
    GUEST,
    LAW,
    MANAGER,
    RULES,
    decided,
    group,
    job,
    linked,
    person,
)
from tests.core.histories import (
    EXISTING,
    FATES,
    HISTORY,
    JOBS,
    PRELUDES,
    SUBJECTS,
    calm,
    check_in_step,
    people,
    running,
)
from tests.core.small_app import Fate

from instep.core.change import Create, Delete, Keep, Skip, Update
from instep.core.decide import Around
from instep.core.match import Found
from instep.core.rules import Rules
from instep.core.subject import Grant, Presence, Subject
from instep.scim import documents

HISTORIES = settings(LAW, max_examples=50)


@HISTORIES
@given(JOBS, EXISTING, HISTORY)
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
@given(JOBS, EXISTING, PRELUDES, st.lists(st.tuples(SUBJECTS, FATES), min_size=1, max_size=8))
def test_law_whatever_becomes_of_requests_all_come_in_step_in_the_end_and_nobody_is_there_twice(
    rules: Rules, existing: list[dict[str, Any]], prelude: list[Subject], rest: list[tuple[Subject, Fate]]
) -> None:
    work = running(rules, existing)
    history: list[tuple[Subject, Fate]] = [*((subject, "done") for subject in prelude), *rest]
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
@given(EXISTING, HISTORY)
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
@given(JOBS, EXISTING, HISTORY)
def test_law_the_same_inputs_give_the_same_decision(
    rules: Rules, existing: list[dict[str, Any]], history: list[Subject]
) -> None:
    work = running(rules, existing)
    for subject in history:
        first, second = work.decide(subject), work.decide(subject)
        assert first == second
        assert first.digest == second.digest
        work.apply(first)


STATES = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["sent", "pending", "unknown"]))
IDS = st.lists(st.sampled_from("abcde"), unique=True)


@LAW
@given(IDS, IDS, IDS, STATES, st.booleans(), st.randoms(use_true_random=False))
def test_law_the_order_of_members_does_not_matter(
    wanted: list[str], accounts: list[str], there: list[str], states: dict[str, str], known: bool, chance: Any
) -> None:
    digests = set[str]()
    for _ in range(3):
        around = Around({m: f"app-{m}" for m in accounts}, frozenset("a"), states)
        found = None if known else Found("app-team", "displayName", {"displayName": "Team"}, members=tuple(there))
        link = linked(group("team")) if known else None
        digests.add(decided(group("team", *wanted), link, found, around=around).digest)
        states = dict(chance.sample(list(states.items()), len(states)))
        for ids in (wanted, accounts, there):
            chance.shuffle(ids)
    assert len(digests) == 1


@LAW
@given(people(), st.permutations(["displayName", "jobTitle", "mail"]), st.permutations([EDITOR, GUEST, FORGOTTEN]))
def test_law_the_order_of_attributes_and_grants_does_not_matter(
    subject: Subject, names: list[str], roles: list[str]
) -> None:
    one = replace(subject, grants=tuple(Grant(f"as-{role}", role) for role in sorted(roles)))
    other = replace(
        one,
        attributes={name: subject.attributes[name] for name in names},
        grants=tuple(Grant(f"as-{role}", role) for role in roles),
    )
    for link in (None, linked(person(subject.id))):
        assert decided(one, link).digest == decided(other, link).digest


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


def test_an_account_is_never_made_twice_for_one_who_comes_and_goes() -> None:
    work = running(RULES, [])
    for subject in (person(), person(grants=()), person(), person(enabled=False), person()):
        change = work.decide(subject).change
        assert isinstance(change, Create) == (not work.links)
        work.apply(work.decide(subject))
    assert work.app.made == 1
