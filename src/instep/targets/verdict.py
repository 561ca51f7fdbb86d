# pyright: strict
"""The verdict on an attempt: every HTTP status, SCIM error and network fault as an Outcome, in this one place.

Pure: numbers and words in, an Outcome out. The question that decides is whether the app may have carried
the request out. A write that was answered with 500, 502 or 504, or not at all, may have been: that is
`Unknown`, and only a look can tell. 429, 503 and 501 say that nothing was done. The codes are those of the
provisioning log.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Literal

from instep.core.outcome import Done, Outcome, Refused, RetryLater, Unknown
from instep.scim.reading import Complaint

Purpose = Literal["read", "list", "create", "change", "delete"]
"""What a request is for: one resource, a list, POST, PATCH or PUT, or DELETE."""

INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"
GONE = "InvalidAnchor"
LONGEST_WAIT = 3600.0
"""Seconds; a longer Retry-After is taken for a mistake and cut to this."""


class Fault(StrEnum):
    """What the network did instead of bringing an answer."""

    NAME = "name"
    """The host name couldn't be resolved."""
    ADDRESS = "address"
    """The host's address isn't allowed."""
    CONNECT = "connect"
    """No connection came about: nothing was sent."""
    TLS = "tls"
    """The certificate or the TLS handshake failed: nothing was sent."""
    SLOW = "slow"
    """No answer, or not all of it, in time."""
    LOST = "lost"
    """The connection broke before the answer was complete."""
    TOO_LARGE = "too-large"
    """The answer was larger than the limit."""
    NO_TOKEN = "no-token"
    """No access token could be fetched for now: nothing was sent."""
    UNAUTHORIZED = "unauthorized"
    """The token endpoint refuses to give an access token: nothing was sent."""


_NOT_SENT = {
    Fault.NAME: RetryLater("the host name can't be resolved", "WebExceptionProtocolError"),
    Fault.ADDRESS: Refused("the host's address isn't allowed", "NotPermitted"),
    Fault.CONNECT: RetryLater("no connection", "WebExceptionProtocolError"),
    Fault.TLS: RetryLater("the TLS connection failed", "WebExceptionProtocolError"),
    Fault.NO_TOKEN: RetryLater("no access token could be fetched", "WebExceptionProtocolError"),
    Fault.UNAUTHORIZED: Refused("no access token is given", "Unauthorized"),
}
_NO_ANSWER = {
    Fault.SLOW: ("no answer in time", "Timeout"),
    Fault.LOST: ("the connection broke before the answer came", "WebExceptionProtocolError"),
    Fault.TOO_LARGE: ("the answer is larger than 10 MB", INCOMPATIBLE),
}

_BY_SCIM_TYPE = {
    "uniqueness": "Conflict",
    "invalidpath": "SchemaAttributeNotFound",
    "notarget": "UnprocessableEntity",
    "mutability": "NotPermitted",
    "sensitive": "NotPermitted",
    "invalidvalue": "UnprocessableEntity",
    "invalidsyntax": INCOMPATIBLE,
    "invalidfilter": INCOMPATIBLE,
    "invalidvers": INCOMPATIBLE,
    "toomany": "UnprocessableEntity",
}
_BY_STATUS = {
    401: "Unauthorized",
    402: "LicenseLimitExceeded",
    403: "InsufficientRights",
    404: INCOMPATIBLE,
    405: "MethodNotAllowed",
    406: INCOMPATIBLE,
    407: "Unauthorized",
    409: "Conflict",
    410: INCOMPATIBLE,
    415: INCOMPATIBLE,
    501: "NotImplemented",
    505: "NotImplemented",
}
_PASSING = {
    408: "Timeout",
    423: "Conflict",
    425: "InternalServerError",
    429: "TooManyRequests",
    503: "InternalServerError",
}
"""Statuses that say nothing was done and it may go better later."""


def of_status(purpose: Purpose, status: int, said: Complaint | None = None, after: float | None = None) -> Outcome:
    """The outcome of an answer by its status; of a success, the body is still to be looked at.

    said: what the app said was wrong. after: seconds of its Retry-After, where it sent one.
    """
    said = said or Complaint()
    reason = _reason(status, said)
    if 200 <= status < 300:
        return _of_success(purpose, status, reason)
    if status in (404, 410) and purpose in ("read", "change", "delete") and not said.html:
        return Done() if purpose == "delete" else Refused(reason, GONE)
    if status in _PASSING:
        return RetryLater(reason, _PASSING[status], after, flow_control=status == 429 or after is not None)
    if 300 <= status < 400:
        return Refused(f"{reason}: redirects aren't followed", INCOMPATIBLE)
    if 400 <= status < 500:
        code = _BY_SCIM_TYPE.get(said.scim_type) if status in (400, 409, 412, 422) else None
        return Refused(reason, code or _BY_STATUS.get(status, "UnprocessableEntity"))
    if status in (501, 505):
        return Refused(reason, _BY_STATUS[status])
    code = "Timeout" if status == 504 else "InternalServerError" if status >= 500 else "WebExceptionProtocolError"
    return _in_doubt(purpose, reason, code)


def of_fault(purpose: Purpose, fault: Fault, detail: str = "") -> Outcome:
    """The outcome of a request that the network brought no answer to."""
    if fault in _NOT_SENT:
        known = _NOT_SENT[fault]
        reason = f"{known.reason}: {detail}" if detail else known.reason
        return Refused(reason, known.code) if isinstance(known, Refused) else RetryLater(reason, known.code)
    reason, code = _NO_ANSWER[fault]
    return _in_doubt(purpose, f"{reason}: {detail}" if detail else reason, code)


def of_unreadable(purpose: Purpose, problem: str) -> Outcome:
    """The outcome of an answer with a status of success and a body that can't be believed."""
    return _in_doubt(purpose, problem, INCOMPATIBLE)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or an HTTP date; at most LONGEST_WAIT.

    None when there is no header, or none that can be read. now: UTC.
    """
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    if seconds != seconds:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _of_success(purpose: Purpose, status: int, reason: str) -> Outcome:
    fine = {"create": (200, 201), "read": (200,), "list": (200,)}.get(purpose, (200, 201, 204))
    return Done() if status in fine else _in_doubt(purpose, f"{reason} isn't an answer to that request", INCOMPATIBLE)


def _in_doubt(purpose: Purpose, reason: str, code: str) -> Outcome:
    """Reads can be made again; of a write nobody knows whether it was carried out."""
    if purpose in ("read", "list"):
        return Refused(reason, code) if code == INCOMPATIBLE else RetryLater(reason, code)
    return Unknown(reason, code)


def _reason(status: int, said: Complaint) -> str:
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    kind = f" ({said.scim_type})" if said.scim_type else ""
    return f"{name}{kind}: {said.detail}" if said.detail else f"{name}{kind}"
