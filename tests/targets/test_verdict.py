"""The verdict: every status and fault has one, and a write that may have been carried out is never a failure."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import get_args

import pytest

from instep.core.outcome import Done, Refused, RetryLater, Unknown
from instep.scim.reading import Complaint
from instep.targets.verdict import LONGEST_WAIT, Fault, Purpose, of_fault, of_status, of_unreadable, retry_after

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
WRITES: tuple[Purpose, ...] = ("create", "change", "delete")
CODES = {
    "Conflict",
    "TooManyRequests",
    "InternalServerError",
    "InsufficientRights",
    "MethodNotAllowed",
    "NotPermitted",
    "Unauthorized",
    "UnprocessableEntity",
    "NotImplemented",
    "WebExceptionProtocolError",
    "InvalidAnchor",
    "SchemaAttributeNotFound",
    "Timeout",
    "LicenseLimitExceeded",
    "SystemForCrossDomainIdentityManagementServiceIncompatible",
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_status_has_a_verdict_with_a_code_of_the_log(purpose: Purpose) -> None:
    for status in range(100, 600):
        outcome = of_status(purpose, status)
        if not isinstance(outcome, Done):
            assert outcome.code in CODES, status
            assert str(status) in outcome.reason


@pytest.mark.parametrize("purpose", PURPOSES)
def test_only_some_successes_are_done(purpose: Purpose) -> None:
    done = {status for status in range(100, 600) if isinstance(of_status(purpose, status), Done)}
    expected: dict[Purpose, set[int]] = {
        "read": {200},
        "list": {200},
        "create": {200, 201},
        "change": {200, 201, 204},
        "delete": {200, 201, 204, 404, 410},
    }
    assert done == expected[purpose]


@pytest.mark.parametrize("purpose", WRITES)
@pytest.mark.parametrize("status", [202, 207, 500, 502, 504, 520, 599])
def test_a_write_that_may_have_been_carried_out_is_unknown(purpose: Purpose, status: int) -> None:
    assert isinstance(of_status(purpose, status), Unknown)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("status", [408, 423, 425, 429, 503])
def test_what_was_surely_not_done_is_tried_later(purpose: Purpose, status: int) -> None:
    assert isinstance(of_status(purpose, status), RetryLater)


@pytest.mark.parametrize("purpose", ["read", "list"])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_read_of_a_faulty_app_is_tried_later(purpose: Purpose, status: int) -> None:
    assert isinstance(of_status(purpose, status), RetryLater)


def test_patience_that_the_app_asks_for_is_no_failure() -> None:
    assert of_status("change", 429) == RetryLater("429 Too Many Requests", "TooManyRequests", None, True)
    assert of_status("change", 429, after=7) == RetryLater("429 Too Many Requests", "TooManyRequests", 7, True)
    busy = of_status("change", 503, after=7)
    assert isinstance(busy, RetryLater)
    assert (busy.after, busy.flow_control) == (7, True)
    down = of_status("change", 503)
    assert isinstance(down, RetryLater)
    assert not down.flow_control


@pytest.mark.parametrize(
    ("purpose", "status", "scim_type", "code"),
    [
        ("create", 400, "", "UnprocessableEntity"),
        ("create", 400, "uniqueness", "Conflict"),
        ("change", 400, "invalidpath", "SchemaAttributeNotFound"),
        ("change", 400, "notarget", "UnprocessableEntity"),
        ("change", 400, "mutability", "NotPermitted"),
        ("change", 400, "invalidvalue", "UnprocessableEntity"),
        ("change", 400, "toomany", "UnprocessableEntity"),
        ("change", 400, "made-up", "UnprocessableEntity"),
        ("list", 400, "invalidfilter", "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        ("change", 401, "", "Unauthorized"),
        ("change", 403, "", "InsufficientRights"),
        ("change", 404, "", "InvalidAnchor"),
        ("change", 410, "", "InvalidAnchor"),
        ("read", 404, "", "InvalidAnchor"),
        ("create", 404, "", "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        ("list", 404, "", "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        ("change", 405, "", "MethodNotAllowed"),
        ("create", 409, "", "Conflict"),
        ("create", 409, "uniqueness", "Conflict"),
        ("change", 422, "", "UnprocessableEntity"),
        ("change", 501, "", "NotImplemented"),
        ("change", 302, "", "SystemForCrossDomainIdentityManagementServiceIncompatible"),
    ],
)
def test_refusals_have_the_codes_of_the_log(purpose: Purpose, status: int, scim_type: str, code: str) -> None:
    outcome = of_status(purpose, status, Complaint("what it said", scim_type))
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert "what it said" in outcome.reason


@pytest.mark.parametrize("purpose", ["read", "change", "delete"])
def test_a_web_page_with_404_says_nothing_of_the_resource(purpose: Purpose) -> None:
    outcome = of_status(purpose, 404, Complaint("a web page", html=True))
    assert isinstance(outcome, Refused)
    assert outcome.code == "SystemForCrossDomainIdentityManagementServiceIncompatible"


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_has_a_verdict(fault: Fault) -> None:
    nothing_sent = fault not in (Fault.SLOW, Fault.LOST, Fault.TOO_LARGE)
    for purpose in PURPOSES:
        outcome = of_fault(purpose, fault, "detail")
        assert not isinstance(outcome, Done)
        assert outcome.code in CODES
        assert outcome.reason.endswith("detail")
        assert isinstance(outcome, Unknown) == (purpose in WRITES and not nothing_sent)


def test_a_success_that_cant_be_read_leaves_a_write_unknown() -> None:
    assert isinstance(of_unreadable("create", "no id"), Unknown)
    assert isinstance(of_unreadable("list", "no list"), Refused)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("7", 7),
        (" 7.5 ", 7.5),
        ("0", 0),
        ("-3", 0),
        ("999999999", LONGEST_WAIT),
        ("inf", LONGEST_WAIT),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOON - timedelta(days=1), usegmt=True), 0),
        (format_datetime(NOON + timedelta(days=9), usegmt=True), LONGEST_WAIT),
        ("Mon, 02 Mar 2026 12:00:30 -0000", 30),
        ("Mon, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds
