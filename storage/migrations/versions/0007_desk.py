"""The desk: users, tokens, the audit; alerts seen, assigned and remarked on; a feed's days; what listings stand on"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "desk_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "desk_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        _moment("created_at"),
        sa.ForeignKeyConstraint(["user_id"], ["desk_user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_desk_token_user_id", "desk_token", ["user_id"])
    op.create_table(
        "change",
        sa.Column("id", BIG_ID, nullable=False),
        _moment("at"),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "feed_day",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"]),
        sa.PrimaryKeyConstraint("feed_id", "day"),
    )
    op.execute(
        "INSERT INTO feed_day (feed_id, day, new) "
        "SELECT feed_id, date(at), sum(new) FROM poll WHERE new > 0 GROUP BY feed_id, date(at)"
    )
    op.add_column("alert", _moment("seen_at", nullable=True))
    for name in ("seen_by", "assigned", "remark"):
        kind = sa.Text() if name == "remark" else sa.String()
        op.add_column("alert", sa.Column(name, kind, nullable=False, server_default=""))
    # What was raised before there was an inbox is not new in it.
    op.execute("UPDATE alert SET seen_at = created_at")
    _index("alert_new", "alert", "seen_at IS NULL", "id")
    _index("delivery_failed", "delivery", "state = 'failed'", "id")
    # Nearly all items have none: an index that counts them as the same looks worthless to SQLite.
    op.drop_index("ix_item_cluster", "item")
    _index("item_cluster", "item", "cluster IS NOT NULL", "cluster")
    _index("item_kind", "item", "kind <> ''", "kind", "id")
    _index("item_private", "item", "private", "id")
    _index("poll_gap", "poll", "gap", "at")
    op.create_index("alert_rule_id", "alert", ["rule_id", "id"])
    op.create_index("item_provider", "item", ["provider", "id"])
    op.create_index("item_language", "item", ["language", "id"])
    op.create_index("sighting_feed_item", "sighting", ["feed_id", "item_id"])
    if op.get_bind().dialect.name == "postgresql":
        # With the usual hundred it takes every word it does not know for one in forty stories, and walks all of them
        # to find some that hold it.
        op.execute("ALTER TABLE item_search ALTER COLUMN words SET STATISTICS 1000")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(name: str, table: str, where: str, *columns: str) -> None:
    op.create_index(name, table, list(columns), sqlite_where=sa.text(where), postgresql_where=sa.text(where))
