"""Kinds of tellings, enclosures, doubtful dates, furniture, and sketches of the last days' stories"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String(), nullable=False, server_default=""),
        sa.Column("enclosures", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("furniture", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("date_doubtful", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("item", column)
    op.create_index("ix_item_cluster", "item", ["cluster"])
    op.add_column("item_version", sa.Column("kind", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "shingle",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", "item_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_shingle_item_id", "shingle", ["item_id"])
    op.create_index("ix_shingle_seen_at", "shingle", ["seen_at"])
    op.create_table(
        "sentence",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sentence_seen_at", "sentence", ["seen_at"])
