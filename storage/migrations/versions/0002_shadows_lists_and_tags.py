"""Rules that only record, word lists, tags of items, pages read, channels that rest."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table, column in (
        ("item", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]")),
        ("item", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True)),
        ("rule", sa.Column("shadow", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("rule", sa.Column("changed", sa.Integer(), nullable=False, server_default="0")),
        ("alert", sa.Column("shadow", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("channel", sa.Column("resting_until", sa.DateTime(timezone=True), nullable=True)),
    ):
        op.add_column(table, column)
    op.create_table(
        "word_list",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("spellings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
