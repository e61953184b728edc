"""Sketches: a row an item, and its numbers in one index where there were three."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ALL_OF = {"sqlite": "json_group_array", "postgresql": "json_agg"}


def upgrade() -> None:
    op.create_table(
        "sketch",
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_index("ix_sketch_seen_at", "sketch", ["seen_at"])
    together = _ALL_OF[op.get_bind().dialect.name]
    op.execute(
        f"INSERT INTO sketch (item_id, numbers, seen_at) "
        f"SELECT item_id, {together}(number), max(seen_at) FROM shingle GROUP BY item_id"
    )
    op.rename_table("shingle", "former_shingle")
    op.create_table(
        "shingle",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "item_id", name="shingle_numbers"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO shingle (number, item_id) SELECT number, item_id FROM former_shingle")
    op.drop_table("former_shingle")
