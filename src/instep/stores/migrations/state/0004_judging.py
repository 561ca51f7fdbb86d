"""Whether the rules have changed since a cycle last went through: it's to outlive a restart, which forgets how far a
job was."""

from alembic import op
from sqlalchemy import Boolean, Column

revision = "0004_judging"
down_revision = "0003_a_service"


def upgrade() -> None:
    """A job with links and no watermark may have been restarted after a change: its next cycle is guarded tightly."""
    op.add_column("jobs", Column("rules_changed", Boolean, nullable=False, server_default="0"))
    op.execute(
        "UPDATE jobs SET rules_changed = 1 "
        "WHERE epoch IS NULL AND EXISTS (SELECT 1 FROM links WHERE links.job = jobs.job)"
    )
