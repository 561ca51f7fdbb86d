"""The reasons for which the app says no, whoever asks: an administrator or a SCIM client.

Each kind carries the HTTP status and the scimType (RFC 7644 §3.12) that a SCIM client gets to see. The text is
written for the person who has to do something about it, and names the thing and the way out.
"""


class Refusal(Exception):
    """The app won't do this. Its text says what is wrong and what would help."""

    status = 400
    scim_type = ""


class Unknown(Refusal):
    """There is no such organisation, member, team or domain."""

    status = 404


class Invalid(Refusal):
    """A value isn't one that the app takes."""

    scim_type = "invalidValue"


class Taken(Refusal):
    """The name, address or domain belongs to somebody already."""

    status = 409
    scim_type = "uniqueness"


class LastOwner(Refusal):
    """An organisation keeps at least one active Owner."""

    status = 409


class Forbidden(Refusal):
    """The plan or the claimed domains of the organisation don't allow this."""

    status = 403
