"""Outcomes: what an attempt led to, named by what happens next.

Every HTTP status, SCIM error and network error is mapped to one of these in one place
(`instep.targets.verdict`); nothing else decides whether to try again.
"""

from msgspec import Struct


class Done(Struct, frozen=True, tag="Done"):
    """The app did it."""


class RetryLater(Struct, frozen=True, tag="RetryLater"):
    """Flow control or a brief fault: nothing was done, try again, not before `after` seconds where given."""

    reason: str
    code: str
    after: float | None = None
    flow_control: bool = False
    """The app is healthy and asks for patience (429): not a failure."""


class Refused(Struct, frozen=True, tag="Refused"):
    """The app won't do it as it stands: trying again at once is of no use."""

    reason: str
    code: str
    """A code of the provisioning log: `Conflict`, `InvalidAnchor`, `UnprocessableEntity`, ..."""


class Unknown(Struct, frozen=True, tag="Unknown"):
    """The request may have been carried out or not: only a read or an acknowledged write can tell."""

    reason: str
    code: str


Outcome = Done | RetryLater | Refused | Unknown
