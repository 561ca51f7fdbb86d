"""The tables of the directory. Every row that changes carries the number of its transaction in `seq`.

Memberships and assignments that end stay as tombstones (`removed`), and so do purged users and groups, with
nothing but their id and name. `document` holds the attributes under Graph's names, less what has a column.
Keys (`name_key`, `display_key`) are what names are compared by; see `key`.
"""

import unicodedata

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()

meta = Table("meta", metadata, Column("epoch", Text, nullable=False))
"""One row. The epoch names this directory; `instep.stores.directory.epoch` says when it gets another."""

sequence = Table("sequence", metadata, Column("number", Integer, nullable=False))
"""One row: the newest number. It's taken in the writing transaction, so no reader can miss a commit."""

moments = Table(
    "moments",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", Text, nullable=False),
)
"""When each number was taken: what the directory knew, and since when."""

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("display_key", Text),
    Column("enabled", Boolean, nullable=False),
    Column("manager_id", Text),
    Column("presence", Text, nullable=False),
    Column("deleted_at", Text),
    Column("source", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("users_seq", "seq"),
    Index("users_name", "name_key"),
    Index("users_display", "display_key"),
    Index("users_manager", "manager_id", sqlite_where=text("manager_id IS NOT NULL")),
    Index("users_deleted", "deleted_at", sqlite_where=text("deleted_at IS NOT NULL")),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    # The number of the change that made, deleted or restored it: that concerns whoever is below, a new name doesn't.
    Column("placed", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("presence", Text, nullable=False),
    Column("deleted_at", Text),
    Column("source", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("groups_seq", "seq"),
    Index("groups_placed", "placed"),
    Index("groups_name", "name_key"),
    Index("groups_deleted", "deleted_at", sqlite_where=text("deleted_at IS NOT NULL")),
)

memberships = Table(
    "memberships",
    metadata,
    Column("group_id", Text, primary_key=True),
    Column("member_id", Text, primary_key=True),
    Column("member_kind", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index("memberships_member", "member_id"),
    Index("memberships_seq", "seq"),
    sqlite_with_rowid=False,
)

assignments = Table(
    "assignments",
    metadata,
    Column("app", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("role_id", Text, primary_key=True),
    Column("principal_kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index("assignments_principal", "principal_id"),
    Index("assignments_seq", "seq"),
    sqlite_with_rowid=False,
)


def key(name: str) -> str:
    """What a name is compared by: without regard to case or to how its accents are composed."""
    return unicodedata.normalize("NFC", name.strip()).casefold()
