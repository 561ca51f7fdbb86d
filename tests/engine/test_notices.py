"""Notices: what is told after a cycle, to whom, how often; and a job's health, judged after it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.engine.small_world import SmallWorld, small_world
from tests.engine.test_crashes import people, person
from tests.engine.test_escrow import refuses

from instep.core.app import Credentials, Notifications
from instep.core.job import JobStatus, QuarantineReason
from instep.core.notices import Drifted, Person
from instep.core.outcome import Refused
from instep.core.subject import Kind
from instep.engine.health import judge_health
from instep.engine.notices import announce, announce_drift, deliver
from instep.mailing.layout import lay_out
from instep.ports import CycleSummary
from instep.ports.outbox import Mail, MailDelayed, MailRefused
from instep.targets.memory import Call, Fault


@dataclass
class Postman:
    """A mailer that keeps what it's given, and fails as it's told."""

    sent: list[Mail] = field(default_factory=list)
    trouble: Exception | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    async def send(self, mail: Mail) -> Mapping[str, str]:
        if self.trouble:
            raise self.trouble
        self.sent.append(mail)
        return self.refused

    @property
    def kinds(self) -> list[str]:
        return [mail.kind for mail in self.sent]


class Told:
    """A small world whose administrators are told."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.postman = Postman()
        self.app = replace(world.job.app, notifications=Notifications(("it@firm.example",)))

    async def cycle(self) -> JobStatus:
        """One cycle with all that follows it."""
        return await self.ended(await self.world.sync())

    async def ended(self, summary: CycleSummary) -> JobStatus:
        now = self.world.clock.now()
        status = await judge_health(self.world.state, self.app, summary, now)
        await self.tell()
        return status

    async def tell(self) -> None:
        await announce(self.world.state, lay_out, self.app, self.world.clock.now())
        await deliver(self.world.state, self.postman, self.world.clock)

    def later(self, **time: float) -> None:
        self.world.clock.shift += timedelta(**time)

    def leave(self, *ids: str) -> None:
        with self.world.directory.edit() as edit:
            for each in ids:
                person(edit, each, manager="u0", enabled=False)

    async def gone(self, code: str = "Unauthorized") -> JobStatus:
        """A cycle that ended since the app couldn't be asked."""
        now = self.world.clock.now()
        ended = CycleSummary("c9", "app", "incremental", now, now, "unavailable", {"requests": 1}, "GET /Users", code)
        return await self.ended(ended)

    def outbox(self) -> list[Mail]:
        with self.world.state.reading() as state:
            return state.notices("app")


def refuse_all(call: Call) -> Fault | None:
    reason = "403 Forbidden: the domain isn't claimed"
    return Fault(Refused(reason, "InsufficientRights")) if call.method == "create" else None


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with small_world(tmp_path) as world:
        yield Told(world)


async def test_job_that_fails_wholly_is_in_quarantine_after_its_first_cycle_and_told_of_once(told: Told) -> None:
    people(told.world, 20)
    told.world.target.hook = refuse_all
    status = await told.cycle()
    assert status.quarantine is not None
    assert status.quarantine.reason is QuarantineReason.PROPORTION
    assert "the domain isn't claimed" in status.quarantine.message
    assert "u0@firm.example" in status.quarantine.message
    [mail] = told.postman.sent
    assert (mail.kind, mail.addresses) == ("quarantine", ("it@firm.example",))
    assert "instep log app --status failure --cycle" in mail.text
    told.later(hours=7)
    status = await told.cycle()
    assert status.quarantine is not None
    assert status.quarantine.series_count == 2
    told.world.target.hook = None
    told.later(hours=13)
    status = await told.cycle()
    assert (status.quarantine, status.failed_cycles) == (None, 0)
    assert status.steady_last is not None
    assert told.postman.kinds == ["quarantine"]


async def test_three_people_who_all_fail_in_a_first_cycle_are_enough(told: Told) -> None:
    people(told.world, 3)
    told.world.target.hook = refuse_all
    assert (await told.cycle()).quarantine is not None


async def test_odd_people_are_tried_again_for_ever_without_a_quarantine(told: Told) -> None:
    people(told.world, 30)

    def odd(call: Call) -> Fault | None:
        refused = call.method == "create" and call.detail.get("userName", "").startswith("u1")  # eleven of thirty
        return Fault(Refused("no", "UnprocessableEntity")) if refused else None

    told.world.target.hook = odd
    for _ in range(4):
        status = await told.cycle()
        assert status.quarantine is None
        told.later(hours=25)
    assert (status.steady_last, told.postman.sent) == (None, [])


async def test_another_reason_is_told_too_but_not_within_the_hour(told: Told) -> None:
    people(told.world, 20)
    told.world.target.hook = refuse_all
    await told.cycle()
    told.later(minutes=30)
    await told.gone()
    assert told.postman.kinds == ["quarantine"]
    told.later(minutes=31)
    await told.tell()
    assert told.postman.kinds == ["quarantine", "quarantine"]
    assert "can't be reached" in told.postman.sent[1].subject


async def test_quarantine_that_ended_before_its_mail_could_go_is_not_told(told: Told) -> None:
    people(told.world, 3)
    await told.gone()
    await told.cycle()
    await told.gone()
    assert len(told.outbox()) == 2  # the second one waits for the hour to pass
    await told.cycle()
    told.later(hours=2)
    await told.tell()
    assert told.postman.kinds == ["quarantine"]
    assert len(told.outbox()) == 1


async def test_cycle_with_nothing_to_send_finds_out_whether_the_app_is_back(told: Told) -> None:
    people(told.world, 3)
    await told.cycle()
    assert (await told.gone()).quarantine is not None
    told.world.target.hook = lambda call: Fault(Refused("401", "Unauthorized"))
    status = await told.cycle()
    assert status.quarantine is not None
    assert status.quarantine.series_count == 2
    told.world.target.hook = None
    assert (await told.cycle()).quarantine is None
    before = len(told.world.target.calls)
    await told.cycle()
    assert len(told.world.target.calls) == before


async def test_job_that_is_given_up_is_told_of(told: Told) -> None:
    for _ in range(40):
        status = await told.gone()
        told.later(days=1)
    assert status.quarantine is not None
    assert status.quarantine.next_attempt is None
    assert told.postman.kinds == ["quarantine", "given-up"]


async def test_held_people_are_told_by_name_once_and_new_ones_after_an_hour(told: Told) -> None:
    people(told.world, 40)
    await told.cycle()
    told.leave(*(f"u{i}" for i in range(1, 26)))
    await told.cycle()
    await told.cycle()
    [mail] = told.postman.sent
    assert mail.kind == "held"
    assert "25 changes are held" in mail.subject
    assert "u7@firm.example, would lose access" in mail.text
    assert "instep approve app --fingerprint" in mail.text
    for more in (range(26, 32), range(32, 39)):
        told.leave(*(f"u{i}" for i in more))
        told.later(minutes=5)
        await told.cycle()
    assert len(told.postman.sent) == 1
    told.later(minutes=51)
    await told.tell()
    assert len(told.postman.sent) == 2
    again = told.postman.sent[1]
    assert "13 changes are held" in again.subject
    assert "u35@firm.example" in again.text
    assert "u7@firm.example" not in again.text
    assert "Waiting in all: 38" in again.text
    told.later(hours=2)
    await told.cycle()
    assert len(told.postman.sent) == 2


async def test_same_accident_a_month_later_is_told_again(told: Told) -> None:
    people(told.world, 10)
    await told.cycle()
    for _ in range(2):
        told.leave(*(f"u{i}" for i in range(1, 9)))
        await told.cycle()
        people(told.world, 10)
        await told.cycle()
        told.later(days=30)
    assert told.postman.kinds == ["held", "held"]


async def test_more_than_fifty_held_people_are_counted(told: Told) -> None:
    people(told.world, 70)
    await told.cycle()
    told.leave(*(f"u{i}" for i in range(1, 66)))
    await told.cycle()
    [mail] = told.postman.sent
    assert mail.text.count("@firm.example, would lose access") == 50
    assert "... and 15 more" in mail.text


async def test_failures_are_told_once_a_day_to_those_who_want_to_know(told: Told) -> None:
    people(told.world, 6)
    told.world.target.hook = refuses("u3")
    await told.cycle()
    assert told.postman.sent == []
    told.app = replace(told.app, notifications=Notifications(("it@firm.example",), on_failure=True))
    await told.tell()
    [mail] = told.postman.sent
    assert (mail.kind, "u3@firm.example" in mail.text, "isn't welcome" in mail.text) == ("failures", True, True)
    told.world.target.hook = refuses("u3")
    for hour in range(1, 24):
        with told.world.directory.edit() as edit:
            person(edit, f"u3{hour}", manager="u0")
            edit.join("g1", Kind.USER, f"u3{hour}")
        told.later(minutes=59)
        await told.cycle()
    assert len(told.postman.sent) == 1
    told.later(hours=2)
    await told.cycle()
    assert len(told.postman.sent) == 2
    assert "23 people and groups" in told.postman.sent[1].subject


async def test_end_of_the_credentials_is_told_30_7_and_1_days_before(told: Told) -> None:
    end = told.world.clock.now() + timedelta(days=40)
    told.app = replace(told.app, credentials=Credentials(expires=end))
    days: list[int] = []
    for _ in range(50 * 2):
        await told.tell()
        days += [(end - told.world.clock.now()).days] * (len(told.postman.sent) - len(days))
        told.later(hours=12)
    assert days == [29, 6, 0]
    assert "instep app set app --token-file FILE" in told.postman.sent[0].text


async def test_audit_is_told_once_and_only_when_it_found_something(told: Told) -> None:
    now = told.world.clock.now()
    found = Drifted(now, 3, 2, 1, (Person("anna", "displayName"),))
    assert not await announce_drift(told.world.state, lay_out, told.app, Drifted(now, 0, 0, 0), now)
    assert await announce_drift(told.world.state, lay_out, told.app, found, now)
    assert not await announce_drift(told.world.state, lay_out, told.app, found, now)
    await told.tell()
    assert told.postman.kinds == ["drift"]


async def test_what_a_mail_server_says_is_kept_with_the_notice(told: Told) -> None:
    told.postman.trouble = MailDelayed("no connection")
    await told.gone()
    [kept] = told.outbox()
    assert (kept.tries, kept.last_error, kept.sent) == (1, "no connection", None)
    told.postman.trouble = MailRefused("550 nobody")
    told.later(minutes=2)
    await told.tell()
    [kept] = told.outbox()
    assert (kept.tries, kept.last_error, kept.next_try) == (2, "550 nobody", None)


async def test_addresses_that_were_refused_are_kept_with_the_notice_that_was_sent(told: Told) -> None:
    told.postman.refused = {"b@firm.example": "550"}
    await told.gone()
    [kept] = told.outbox()
    assert (kept.sent is not None, kept.last_error) == (True, "b@firm.example: 550")


async def test_without_an_address_a_notice_is_kept_and_says_so(told: Told) -> None:
    told.app = replace(told.app, notifications=Notifications())
    await told.gone()
    [kept] = told.outbox()
    assert "nobody is told" in kept.last_error
    assert told.postman.sent == []
