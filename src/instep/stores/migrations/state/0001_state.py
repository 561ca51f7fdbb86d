"""The state: apps, jobs, links, memberships, intents, spool, log, effects, cycles."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, String, Text, text

revision = "0001_state"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "apps",
        Column("name", String, primary_key=True),
        Column("display_name", String, nullable=False),
        Column("template", String, nullable=False),
        Column("tenant_url", String, nullable=False),
        Column("rules", Text, nullable=False),
        Column("roles", Text, nullable=False),
        Column("token", LargeBinary),
    )

    op.create_table(
        "jobs",
        Column("job", String, primary_key=True),
        Column("epoch", String),
        Column("sequence", BigInteger, nullable=False),
        Column("rules_version", String, nullable=False),
        Column("abilities", Text, nullable=False),
        Column("lease_owner", String),
        Column("lease_token", BigInteger, nullable=False),
        Column("lease_until", DateTime(timezone=True)),
    )

    op.create_table(
        "links",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("subject_id", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("status", String, nullable=False),
        Column("app_id", String),
        Column("sent", Text, nullable=False),
        Column("returned", Text, nullable=False),
        Column("unknown", Text, nullable=False),
        Column("adopted", Boolean, nullable=False),
        Column("seed", String, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("rules_version", String, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("first_failure", DateTime(timezone=True)),
        Column("next_try", DateTime(timezone=True)),
        Column("last_error", String, nullable=False),
        Column("hold_digest", String),
        Column("hold_kind", String),
        Column("hold_reason", String),
        Column("hold_since", DateTime(timezone=True)),
        Column("hold_verdict", String),
    )
    op.create_index("links_status", "links", ["job", "kind", "status"])
    op.create_index("links_app_id", "links", ["job", "kind", "app_id"], unique=True)
    op.create_index(
        "links_escrow",
        "links",
        ["job", "next_try"],
        sqlite_where=text("failures > 0 OR next_try IS NOT NULL"),
        postgresql_where=text("failures > 0 OR next_try IS NOT NULL"),
    )
    op.create_index(
        "links_holds",
        "links",
        ["job", "hold_digest"],
        sqlite_where=text("hold_digest IS NOT NULL"),
        postgresql_where=text("hold_digest IS NOT NULL"),
    )

    op.create_table(
        "memberships",
        Column("job", String, primary_key=True),
        Column("group_id", String, primary_key=True),
        Column("member_id", String, primary_key=True),
        Column("state", String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "memberships_pending",
        "memberships",
        ["job", "member_id", "state"],
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    )
    op.create_index("memberships_member", "memberships", ["job", "member_id"])

    op.create_table(
        "pending",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("subject_id", String, primary_key=True),
        Column("target_id", String, primary_key=True),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "intents",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("subject_id", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("app_id", String),
        Column("began", DateTime(timezone=True), nullable=False),
        Column("decision", Text, nullable=False),
    )

    op.create_table(
        "spool",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("subject_id", String, primary_key=True),
        Column("priority", Integer, nullable=False),
        Column("ordinal", BigInteger, nullable=False),
        Column("approved", Boolean, nullable=False),
        Column("makes_account", Boolean, nullable=False),
        Column("decision", Text, nullable=False),
    )
    op.create_index("spool_order", "spool", ["job", "priority", "ordinal", "kind", "subject_id"])

    op.create_table(
        "log",
        Column("sequence", Integer, primary_key=True),
        Column("job", String, nullable=False),
        Column("cycle", String, nullable=False),
        Column("change_id", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("kind", String, nullable=False),
        Column("subject_id", String, nullable=False),
        Column("name", String, nullable=False),
        Column("name_key", String, nullable=False),
        Column("app_id", String),
        Column("action", String, nullable=False),
        Column("status", String, nullable=False),
        Column("code", String, nullable=False),
        Column("reason", String, nullable=False),
        Column("members_added", Integer, nullable=False),
        Column("members_removed", Integer, nullable=False),
        Column("milliseconds", BigInteger, nullable=False),
        Column("detail", Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("log_job", "log", ["job", "sequence"])
    op.create_index("log_subject", "log", ["job", "subject_id"])
    op.create_index("log_cycle", "log", ["job", "cycle"])
    op.create_index("log_name", "log", ["job", "name_key"])

    op.create_table(
        "effects",
        Column("sequence", Integer, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("job", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("count", Integer, nullable=False),
    )
    op.create_index("effects_at", "effects", ["job", "at"])

    op.create_table(
        "cycles",
        Column("job", String, primary_key=True),
        Column("id", String, primary_key=True),
        Column("kind", String, nullable=False),
        Column("began", DateTime(timezone=True), nullable=False),
        Column("ended", DateTime(timezone=True)),
        Column("result", String, nullable=False),
        Column("counts", Text, nullable=False),
        Column("message", String, nullable=False),
    )
    op.create_index("cycles_began", "cycles", ["job", "began"])
