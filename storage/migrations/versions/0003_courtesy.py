"""What a feed carries, told by its bytes too; what its server asks of us; notes on polls; hosts that rest"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE feed RENAME COLUMN entry_digests TO carried")
    for column in (
        sa.Column("headers", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("moved_to", sa.String(), nullable=False, server_default=""),
        sa.Column("moved_times", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pace", sa.JSON(), nullable=False, server_default="{}"),
    ):
        op.add_column("feed", column)
    op.add_column("poll", sa.Column("note", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "host",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("resting_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _tell_by_bytes_too()


def _tell_by_bytes_too() -> None:
    """Each mark of a story becomes (the entry's bytes: unknown, the story, its link: unknown)."""
    connection = op.get_bind()
    feed = sa.table("feed", sa.column("id", sa.Integer), sa.column("carried", sa.JSON))
    for row in connection.execute(sa.select(feed.c.id, feed.c.carried)).all():
        marks = json.loads(row.carried) if isinstance(row.carried, str) else row.carried
        carried = [["", mark, ""] for mark in marks if isinstance(mark, str)]
        connection.execute(sa.update(feed).where(feed.c.id == row.id).values(carried=carried))
