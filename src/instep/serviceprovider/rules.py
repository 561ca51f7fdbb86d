"""What the app lets a SCIM client do with people.

A client may touch only people whose address is in one of the organisation's verified domains; all others are listed
and no more. It can't take over a login that somebody else made, and it can't take an organisation's last Owner away.
Each rule is asked inside the transaction that then writes.
"""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from instep.serviceprovider import domains, members, tables
from instep.serviceprovider.refusal import Forbidden, Invalid, Taken
from instep.serviceprovider.text import folded

_LOGIN = select(tables.logins.c.key).where(tables.logins.c.key == bindparam("key"))
_HERE = select(tables.members.c.seq).where(
    tables.members.c.organisation_id == bindparam("organisation"), tables.members.c.user_name_key == bindparam("key")
)
_BEFORE = select(tables.departed.c.login_key).where(
    tables.departed.c.organisation_id == bindparam("organisation"), tables.departed.c.login_key == bindparam("key")
)


class Rules:
    """The rules of one organisation."""

    def __init__(self, connection: Connection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    def may_join(self, email: str) -> None:
        """Whether somebody with this address may become a member. Invalid or Taken when not."""
        self._in_claimed_domain(email)
        if self._has_login(email) and not self._was_here(email):
            raise Taken(
                f"{email} has a login that isn't a member of this organisation; invite that person by hand first"
            )

    def may_touch(self, email: str) -> None:
        """Whether the member with this address may be changed or removed at all. Forbidden when not."""
        if not domains.is_verified(self._connection, self._organisation_id, domains.of_address(email)):
            raise Forbidden(f"SCIM can't change {email}: the address isn't in a verified domain of this organisation")

    def may_move(self, old: str, new: str) -> None:
        """Whether a member may get this new address. Invalid or Taken when not."""
        if folded(old) == folded(new):
            return
        self._in_claimed_domain(new)
        if self._has_login(new):
            raise Taken(f"{new} is the login of somebody else")

    def may_lose_access(self, row: Row[Any]) -> None:
        """Whether a member may be deactivated or removed. LastOwner when not."""
        members.keep_an_owner(self._connection, row)

    def _in_claimed_domain(self, email: str) -> None:
        domain = domains.of_address(email)
        if not domains.is_verified(self._connection, self._organisation_id, domain):
            raise Invalid(f"{domain}, the domain of {email}, isn't a verified domain of this organisation")

    def _has_login(self, email: str) -> bool:
        return self._connection.scalar(_LOGIN, {"key": folded(email)}) is not None

    def _was_here(self, email: str) -> bool:
        """Whether the login is or has been a member here: then the unique index, or nothing, stands in the way."""
        asked = {"organisation": self._organisation_id, "key": folded(email)}
        return any(self._connection.execute(query, asked).first() is not None for query in (_HERE, _BEFORE))
