"""How often an app's job runs, and the Graph schema documents that rules were imported from."""

from alembic import op
from sqlalchemy import Column, Integer, String, Text

revision = "0002_schedules_and_schemas"
down_revision = "0001_state"


def upgrade() -> None:
    """Apps that are there already run as often as new ones do."""
    op.add_column("apps", Column("interval_minutes", Integer, nullable=False, server_default="40"))
    op.create_table(
        "schemas",
        Column("app", String, primary_key=True),
        Column("document", Text, nullable=False),
    )
