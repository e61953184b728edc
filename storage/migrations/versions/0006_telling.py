"""How channels are told: secrets, budgets, quiet hours, digests, threads, notices, what happened; the canary"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _add("feed", _flag("private"))
    _add("item", _flag("private"))
    _add("reading", _flag("bulk"))
    _add("rule", _text("digest"), _text("zone", "UTC"), _flag("urgent"), _flag("tells_old"))
    _add("rule", _moment("surging_from"), _moment("surging_until"), _flag("private"))
    _add("channel", *map(_text, ("secret", "former_secret", "template", "budget", "quiet", "paused_because")))
    _add("channel", _text("zone", "UTC"), *map(_flag, ("ordered", "operator", "private")))
    _add("channel", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    _add("alert", sa.Column("thread", sa.BigInteger(), nullable=False, server_default="0"), _text("kind"))
    _add("alert", sa.Column("follows", sa.BigInteger(), nullable=True), _flag("bulk"))
    op.execute(
        "UPDATE alert SET thread = (SELECT coalesce(item.cluster, item.id) FROM item WHERE item.id = alert.item_id)"
    )
    op.create_index("ix_alert_thread", "alert", ["thread"])
    op.create_index("alert_rule_at", "alert", ["rule_id", "created_at"])
    _notices()
    _deliveries()
    op.create_table(
        "canary",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("let_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )

    op.create_table(
        "setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index("notice_open", "notice", ["about"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("ix_notice_created_at", "notice", ["created_at"])


def _deliveries() -> None:
    op.drop_index("delivery_due", "delivery")
    op.drop_index("ix_delivery_channel_id", "delivery")
    with op.batch_alter_table("delivery") as table:
        table.alter_column("alert_id", existing_type=BIG_ID, nullable=True)
        table.add_column(sa.Column("notice_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("told_in", sa.BigInteger(), nullable=True))
        table.add_column(_text("reason"))
        table.add_column(_flag("taken"))
        table.add_column(_flag("maybe_twice"))
        table.create_foreign_key("delivery_notice", "notice", ["notice_id"], ["id"])
        table.create_unique_constraint("delivery_notice_channel", ["notice_id", "channel_id"])
    waits, pending = sa.text("due_at IS NOT NULL"), sa.text("state = 'pending'")
    op.create_index("delivery_due", "delivery", ["due_at"], sqlite_where=waits, postgresql_where=waits)
    columns = ["channel_id", "id"]
    op.create_index("delivery_waiting", "delivery", columns, sqlite_where=pending, postgresql_where=pending)
    paused = sa.text("reason = 'paused'")
    op.create_index("delivery_paused", "delivery", ["channel_id"], sqlite_where=paused, postgresql_where=paused)
    op.create_index("delivery_channel_sent", "delivery", ["channel_id", "sent_at"])
    op.create_index("ix_delivery_told_in", "delivery", ["told_in"])
    op.create_table(
        "delivery_event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("delivery_id", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_delivery_event_delivery_id", "delivery_event", ["delivery_id"])


def _add(table: str, *columns: sa.Column[object]) -> None:
    for column in columns:
        op.add_column(table, column)


def _text(name: str, default: str = "") -> sa.Column[object]:
    return sa.Column(name, sa.Text() if name == "template" else sa.String(), nullable=False, server_default=default)


def _flag(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)
