"""The tables of the app's database. What they hold is written down here; how it's read and written is said elsewhere.

Every row that belongs to an organisation carries `organisation_id`. Times are text in UTC, with microseconds and a
final Z, so that they sort as text. A `*_key` column holds a name folded for comparison (`text.folded`). `seq` numbers
rows in the order of their making and never leaves the database; `id` is the random identifier that SCIM shows.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

VERSION = 1
"""The `user_version` of a database with these tables."""

metadata = MetaData()


def _organisation(*, primary_key: bool = False) -> Column[int]:
    return Column("organisation_id", ForeignKey("organisations.id"), nullable=False, primary_key=primary_key)


organisations = Table(
    "organisations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("plan", Text, nullable=False),
    Column("sso_sign_in_url", Text),
    Column("sso_issuer", Text, unique=True),
    Column("sso_certificate", Text),
    Column("created_at", Text, nullable=False),
    sqlite_autoincrement=True,
)

domains = Table(
    "domains",
    metadata,
    _organisation(primary_key=True),
    Column("domain", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("verified_at", Text),
    Column("missing_since", Text),  # the record of a verified domain isn't there any more
    # Anybody may claim a domain; it belongs to the first who proves it.
    Index("one_owner_per_domain", "domain", unique=True, sqlite_where=text("verified_at IS NOT NULL")),
)

tokens = Table(  # the organisation is the key: there's one live token for each
    "tokens",
    metadata,
    _organisation(primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),  # the last characters, to tell tokens apart
    Column("created_at", Text, nullable=False),
)

logins = Table(  # people's accounts with the app; they belong to no organisation
    "logins",
    metadata,
    Column("key", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("seq", Integer, primary_key=True),
    _organisation(),
    Column("id", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", Text, nullable=False),
    Column("external_key", Text),
    Column("shown_name", Text, nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("role", Text, nullable=False),
    Column("document", Text, nullable=False),  # the SCIM attributes that aren't columns, as JSON
    Column("revision", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("modified_at", Text, nullable=False),
    UniqueConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "user_name_key"),
    Index("members_by_external_id", "organisation_id", "external_key"),
    Index("members_in_order", "organisation_id", "seq"),
    sqlite_autoincrement=True,
)

emails = Table(  # the values of `emails`, so that a look-up by address needs no scan
    "emails",
    metadata,
    _organisation(primary_key=True),
    Column("value_key", Text, primary_key=True),
    Column("member_seq", ForeignKey("members.seq", ondelete="CASCADE"), primary_key=True),
    Index("emails_by_member", "member_seq"),
    sqlite_with_rowid=False,
)

departed = Table(  # who has left at some time, and may come back through SCIM
    "departed",
    metadata,
    _organisation(primary_key=True),
    Column("login_key", Text, primary_key=True),
    sqlite_with_rowid=False,
)

teams = Table(
    "teams",
    metadata,
    Column("seq", Integer, primary_key=True),
    _organisation(),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("external_key", Text),
    Column("managed", Boolean(create_constraint=False), nullable=False),  # a SCIM client has created or changed it
    Column("document", Text, nullable=False),  # the SCIM attributes that aren't columns, as JSON
    Column("revision", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("modified_at", Text, nullable=False),
    UniqueConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "name_key"),
    Index("teams_by_external_id", "organisation_id", "external_key"),
    Index("teams_in_order", "organisation_id", "seq"),
    sqlite_autoincrement=True,
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_seq", ForeignKey("teams.seq", ondelete="CASCADE"), primary_key=True),
    Column("member_seq", ForeignKey("members.seq", ondelete="CASCADE"), primary_key=True),
    _organisation(),
    Index("teams_of_a_member", "member_seq"),
    sqlite_with_rowid=False,
)
