"""When each number of the sequence was taken. Nothing can be told of those before."""

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0002_moments"
down_revision = "0001_directory"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "moments",
        Column("number", Integer, primary_key=True),
        Column("at", Text, nullable=False),
    )
