"""The directory: users, groups, memberships, assignments, the sequence and the epoch."""

import uuid

from alembic import op
from sqlalchemy import Boolean, Column, Integer, Text, text

revision = "0001_directory"
down_revision = None


def upgrade() -> None:
    """Make the tables, and the directory its epoch."""
    meta = op.create_table("meta", Column("epoch", Text, nullable=False))
    sequence = op.create_table("sequence", Column("number", Integer, nullable=False))
    op.bulk_insert(meta, [{"epoch": str(uuid.uuid4())}])
    op.bulk_insert(sequence, [{"number": 0}])

    op.create_table(
        "users",
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
    )
    op.create_index("users_seq", "users", ["seq"])
    op.create_index("users_name", "users", ["name_key"])
    op.create_index("users_display", "users", ["display_key"])
    op.create_index("users_manager", "users", ["manager_id"], sqlite_where=text("manager_id IS NOT NULL"))
    op.create_index("users_deleted", "users", ["deleted_at"], sqlite_where=text("deleted_at IS NOT NULL"))

    op.create_table(
        "groups",
        Column("id", Text, primary_key=True),
        Column("seq", Integer, nullable=False),
        Column("placed", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("name_key", Text, nullable=False),
        Column("presence", Text, nullable=False),
        Column("deleted_at", Text),
        Column("source", Text, nullable=False),
        Column("document", Text, nullable=False),
    )
    op.create_index("groups_seq", "groups", ["seq"])
    op.create_index("groups_placed", "groups", ["placed"])
    op.create_index("groups_name", "groups", ["name_key"])
    op.create_index("groups_deleted", "groups", ["deleted_at"], sqlite_where=text("deleted_at IS NOT NULL"))

    op.create_table(
        "memberships",
        Column("group_id", Text, primary_key=True),
        Column("member_id", Text, primary_key=True),
        Column("member_kind", Text, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("removed", Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("memberships_member", "memberships", ["member_id"])
    op.create_index("memberships_seq", "memberships", ["seq"])

    op.create_table(
        "assignments",
        Column("app", Text, primary_key=True),
        Column("principal_id", Text, primary_key=True),
        Column("role_id", Text, primary_key=True),
        Column("principal_kind", Text, nullable=False),
        Column("id", Text, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("removed", Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("assignments_principal", "assignments", ["principal_id"])
    op.create_index("assignments_seq", "assignments", ["seq"])
