"""What a service needs that runs by itself: how jobs stand, wishes, notices, the log's chain, audits."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, String, Text

revision = "0003_a_service"
down_revision = "0002_schedules_and_schemas"


def upgrade() -> None:
    """Apps that are there already get what new ones have; their jobs wait to be started."""
    for name in ("credentials", "notifications", "audit", "quarantine"):
        op.add_column("apps", Column(name, Text, nullable=False, server_default="{}"))
    op.add_column("jobs", Column("version", String, nullable=False, server_default=""))
    op.add_column("jobs", Column("status", Text, nullable=False, server_default="{}"))
    op.add_column("jobs", Column("reset", Text, nullable=False, server_default="[]"))
    op.add_column("jobs", Column("progress", Text, nullable=False, server_default="null"))
    op.add_column("log", Column("ends", Boolean, nullable=False, server_default="0"))
    op.add_column("log", Column("previous", String, nullable=False, server_default=""))
    op.add_column("log", Column("hash", String, nullable=False, server_default=""))
    op.create_index("log_at", "log", ["job", "at"])
    op.execute("UPDATE log SET ends = 1 WHERE status = 'success' AND action IN ('disable', 'delete')")
    op.add_column("links", Column("hold_effects", Text, nullable=False, server_default="{}"))
    op.add_column("spool", Column("on_demand", Boolean, nullable=False, server_default="0"))
    op.add_column("cycles", Column("code", String, nullable=False, server_default=""))
    op.create_table(
        "chains",
        Column("job", String, primary_key=True),
        Column("first_sequence", BigInteger, nullable=False),
        Column("first_hash", String, nullable=False),
        Column("last_sequence", BigInteger, nullable=False),
        Column("last_hash", String, nullable=False),
        Column("broken_at", BigInteger, nullable=False),
        Column("seal", String, nullable=False),
    )
    op.create_table(
        "wishes",
        Column("id", Integer, primary_key=True),
        Column("job", String, nullable=False),
        Column("asked", DateTime(timezone=True), nullable=False),
        Column("subjects", Text, nullable=False),
        Column("cycle", String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("wishes_open", "wishes", ["job", "cycle"])
    _notices()
    _audits()


def _notices() -> None:
    op.create_table(
        "notices",
        Column("id", Integer, primary_key=True),
        Column("job", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("occasion", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("addresses", Text, nullable=False),
        Column("subject", String, nullable=False),
        Column("text", String, nullable=False),
        Column("html", String, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("next_try", DateTime(timezone=True)),
        Column("sent", DateTime(timezone=True)),
        Column("last_error", String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_occasion", "notices", ["job", "kind", "occasion"], unique=True)
    op.create_index("notices_next_try", "notices", ["next_try"])


def _audits() -> None:
    op.create_table(
        "audits",
        Column("job", String, primary_key=True),
        Column("began", DateTime(timezone=True), nullable=False),
        Column("ended", DateTime(timezone=True)),
        Column("result", String, nullable=False),
        Column("read", BigInteger, nullable=False),
        Column("requests", BigInteger, nullable=False),
        Column("counts", Text, nullable=False),
        Column("message", String, nullable=False),
    )
    op.create_table(
        "drift",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("subject_id", String, primary_key=True),
        Column("path", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("expected", Text, nullable=False),
        Column("found", Text, nullable=False),
        Column("first_seen", DateTime(timezone=True), nullable=False),
        Column("last_seen", DateTime(timezone=True), nullable=False),
        Column("times", Integer, nullable=False),
        Column("state", String, nullable=False),
    )
    op.create_table(
        "unmanaged",
        Column("job", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("app_id", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("subject_id", String),
        Column("reason", String, nullable=False),
        Column("first_seen", DateTime(timezone=True), nullable=False),
        Column("last_seen", DateTime(timezone=True), nullable=False),
    )
