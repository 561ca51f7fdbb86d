"""The exam of `State`: the outbox, and what notices are about."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.conformance.state.values import HOUR, JOB, NOW, entry, group, held, keep, link, taken

from instep.core.quarantine import Remains
from instep.core.subject import Kind
from instep.ports import Record, State
from instep.ports.outbox import Mail

MINUTE = timedelta(minutes=1)


def mail(occasion: str = "o1", kind: str = "held", **given: Any) -> Mail:
    values: dict[str, Any] = {
        "job": JOB,
        "kind": kind,
        "occasion": occasion,
        "at": NOW,
        "addresses": ("it@firm.test",),
        "subject": f"about {occasion}",
        "text": "t",
        "html": "h",
    }
    return Mail(**(values | given))


def post(state: State, *mails: Mail) -> list[bool]:
    with state.writing() as writer:
        return [writer.post(each) for each in mails]


def claim(state: State, now: Any = NOW) -> list[Mail]:
    with state.writing() as writer:
        return writer.claim(now)


def send(state: State, now: Any = NOW) -> list[str]:
    """Claim what is due, and have it sent: the occasions."""
    claimed = claim(state, now)
    with state.writing() as writer:
        for each in claimed:
            writer.mail_sent(each, now)
    return [each.occasion for each in claimed]


class OutboxExam:
    """The outbox, and what notices are about."""

    def test_notice_is_kept_with_all_that_it_has_and_sent_once(self, state: State) -> None:
        assert post(state, mail()) == [True]
        [claimed] = claim(state)
        assert claimed == msgspec.structs.replace(mail(), tries=1, next_try=NOW + MINUTE, id=claimed.id)
        with state.writing() as writer:
            writer.mail_sent(claimed, NOW, "b@firm.test: 550")
            assert writer.told(JOB, "held") == NOW
            [kept] = writer.notices()
        assert (kept.sent, kept.next_try, kept.last_error) == (NOW, None, "b@firm.test: 550")
        assert send(state, NOW + 30 * HOUR) == []

    def test_no_occasion_is_told_twice(self, state: State) -> None:
        assert post(state, mail(), mail()) == [True, False]
        assert send(state) == ["o1"]
        assert post(state, mail(at=NOW + 50 * HOUR)) == [False]
        assert post(state, mail(kind="quarantine"), mail(job="aha")) == [True, True]

    def test_newer_notice_takes_the_place_of_one_that_nobody_has_tried_to_send(self, state: State) -> None:
        post(state, mail("o1"), mail("o2"))
        with state.reading() as reader:
            assert [each.occasion for each in reader.notices()] == ["o2"]
            assert reader.notices("aha") == []

    @pytest.mark.slow
    def test_an_hour_lies_between_two_mails_of_one_kind_about_one_job(self, state: State) -> None:
        sent: list[int] = []
        with state.writing() as writer:
            for minute in range(1000):
                now = NOW + minute * MINUTE
                writer.post(mail(f"o{minute}", at=now))
                for claimed in writer.claim(now):
                    writer.mail_sent(claimed, now)
                    sent.append(minute)
        assert sent == list(range(0, 1000, 60))

    def test_hour_counts_from_the_sending_also_after_an_outage_of_the_mail_server(self, state: State) -> None:
        post(state, mail("o1"))
        claim(state)
        post(state, mail("o2", at=NOW + 2 * HOUR))
        assert send(state, NOW + 2 * HOUR) == ["o2"]
        with state.reading() as reader:
            assert [each.last_error for each in reader.notices()] == ["", "not sent: a newer notice says it too"]
        post(state, mail("o3", at=NOW + 2 * HOUR + MINUTE))
        assert send(state, NOW + 3 * HOUR - MINUTE) == []
        assert send(state, NOW + 3 * HOUR) == ["o3"]

    def test_notice_that_came_while_another_was_being_sent_waits_for_the_hour_too(self, state: State) -> None:
        post(state, mail("o1"))
        [in_flight] = claim(state)
        post(state, mail("o2"))
        with state.writing() as writer:
            writer.mail_sent(in_flight, NOW)
        assert send(state, NOW + MINUTE) == []
        assert send(state, NOW + HOUR) == ["o2"]

    def test_what_cannot_be_sent_is_tried_less_and_less_often_and_given_up_after_three_days(self, state: State) -> None:
        post(state, mail())
        tries: list[int] = []
        now = NOW
        while now < NOW + timedelta(days=4):
            for claimed in claim(state, now):
                tries.append(int((now - NOW) / MINUTE))
                with state.writing() as writer:
                    writer.mail_failed(claimed, "no connection")
            now += MINUTE if now < NOW + HOUR else 6 * MINUTE
        assert tries[:6] == [0, 1, 6, 36, 156, 516]
        assert NOW + timedelta(days=3) > NOW + tries[-1] * MINUTE > NOW + timedelta(days=2.5)
        with state.reading() as reader:
            [kept] = reader.notices()
        assert (kept.sent, kept.next_try, kept.last_error) == (None, None, "no connection")

    def test_refused_for_good_is_not_tried_again(self, state: State) -> None:
        post(state, mail())
        [claimed] = claim(state)
        with state.writing() as writer:
            writer.mail_failed(claimed, "550 nobody", final=True)
        assert claim(state, NOW + 9 * HOUR) == []

    def test_without_an_address_it_is_kept_and_never_due(self, state: State) -> None:
        post(state, mail(addresses=(), last_error="nobody is told"))
        assert claim(state, NOW + 9 * HOUR) == []
        with state.reading() as reader:
            assert [each.last_error for each in reader.notices()] == ["nobody is told"]

    def test_withdrawn_is_what_was_put_off_and_not_what_is_due_or_sent(self, state: State) -> None:
        post(state, mail("o1"))
        with state.writing() as writer:
            writer.withdraw(JOB, "held", NOW)
        assert send(state) == ["o1"]
        post(state, mail("o2"))
        with state.writing() as writer:
            writer.withdraw(JOB, "held", NOW)
            assert [each.occasion for each in writer.notices()] == ["o1"]

    def test_old_notices_are_forgotten_unless_they_are_still_to_be_sent(self, state: State) -> None:
        post(state, mail("o1"))
        send(state)
        post(state, mail("o2", kind="quarantine"))
        with state.writing() as writer:
            writer.forget_notices(NOW)
            assert len(writer.notices()) == 2
            writer.forget_notices(NOW + HOUR)
            assert [each.occasion for each in writer.notices()] == ["o2"]

    def test_holds_that_wait_and_the_escrow_are_read_in_small(self, state: State) -> None:
        lease = taken(state)
        keep(
            state,
            lease,
            Record(link=held(link("u1"), "d1")),
            Record(link=held(group("g1"), "d2")),
            Record(link=held(link("u2"), "d3", "rejected")),
            Record(link=link("u3", failures=2, first_failure=NOW - HOUR, next_try=NOW, last_error="409")),
            Record(link=link("u4", failures=1, first_failure=NOW, last_error="400")),
            Record(link=link("u5", next_try=NOW)),
        )
        keep(state, lease, Record(log=entry("u1", status="warning")), Record(log=entry("u2", status="failure")))
        with state.reading() as reader:
            waiting = {(s.kind, s.name, s.effects, s.digest) for s in reader.waiting_holds(JOB)}
            assert waiting == {
                (Kind.USER, "u1@example.test", "disable", "d1"),
                (Kind.GROUP, "g1@example.test", "disable", "d2"),
            }
            assert reader.remains(JOB, NOW) == Remains(escrow=3, held=2, new=1)
            count, failing = reader.failing(JOB, None, 50)
            assert (count, [(f.name, f.error, f.failures) for f in failing]) == (
                2,
                [("u3@example.test", "409", 2), ("u4@example.test", "400", 1)],
            )
            assert reader.failing(JOB, NOW - HOUR, 50)[0] == 1
            assert (reader.failing(JOB, None, 1)[0], len(reader.failing(JOB, None, 1)[1])) == (2, 1)
            assert reader.incomplete(JOB, "c1") == 1
            assert reader.remains("aha", NOW) == Remains()
