"""Protection: accounts that a job never touches, whatever the directory and the rules say.

Break-glass accounts are for the day when everything else has failed, so nothing automatic may lock them out. They are
named by how the directory knows them, by how the app knows them, or both. Decisions ask here; nothing is decided here.
"""

from msgspec import Struct

from instep.core.key import key
from instep.core.link import Link
from instep.core.subject import Kind, Subject

LOGIN = "userName"
"""The attribute that an app knows people by (RFC 7643 section 4.1.1)."""


class Protection(Struct, frozen=True):
    """Who is left alone. All of it folded by `key`, as values that are matched by are."""

    people: frozenset[str] = frozenset()
    """userPrincipalNames and ids in the directory."""
    accounts: frozenset[str] = frozenset()
    """Login names in the app (`userName`)."""

    def person(self, subject: Subject) -> str:
        """Why the subject is left alone, whatever account it has; empty when nothing speaks against touching it."""
        if key(subject.id) in self.people:
            return f"{subject.name} is protected by id"
        if subject.kind is Kind.USER and key(subject.name) in self.people:
            return f"{subject.name} is protected"
        return ""

    def account(self, *logins: object) -> str:
        """Why the account with one of these login names is left alone; empty when it isn't protected."""
        protected = next((login for login in logins if login is not None and key(login) in self.accounts), None)
        return "" if protected is None else f"the app's account {protected} is protected"

    def linked(self, link: Link) -> str:
        """Why the account that the link is about is left alone, by what is remembered of it alone."""
        if key(link.subject_id) in self.people or (link.kind is Kind.USER and key(link.name) in self.people):
            return f"{link.name} is protected"
        return self.account(link.sent.get(LOGIN), link.returned.get(LOGIN)) if link.kind is Kind.USER else ""
