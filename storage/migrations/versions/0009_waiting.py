"""What waits is found without a look at all that was: indices of deliveries, polls and feeds, and since when a feed waits.

And what is cut into words otherwise than it was (words with ʼ and ー) is indexed anew.
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import Session

from storage.search import index

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for name in ("ix_delivery_told_in", "delivery_channel_sent", "delivery_waiting", "delivery_paused"):
        op.drop_index(name, "delivery")
    _partial("ix_delivery_told_in", "delivery", ["told_in"], "told_in IS NOT NULL")
    _partial("delivery_channel_sent", "delivery", ["channel_id", "sent_at"], "sent_at IS NOT NULL")
    op.create_index("delivery_channel", "delivery", ["channel_id", "id"])
    # SQLite, which is told no figures, takes the youngest of those that fit: so these come after the whole one.
    _partial("delivery_waiting", "delivery", ["channel_id", "id"], "state = 'pending'")
    _partial("delivery_paused", "delivery", ["channel_id"], "reason = 'paused'")
    _partial("poll_new", "poll", ["feed_id", "at"], "new > 0")
    op.add_column("feed", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))
    _partial("feed_waiting", "feed", ["waiting_since"], "waiting_since IS NOT NULL")
    if op.get_bind().dialect.name == "sqlite":  # which knows an index's condition again by its words alone
        op.drop_index("feed_due", "feed")
        op.create_index("feed_due", "feed", ["due_at"], sqlite_where=sa.text("enabled = 1"))
    _index_anew()


def _index_anew() -> None:
    cut_otherwise = " OR ".join(
        f"{column} LIKE '%{sign}%'" for column in ("title", "text") for sign in "\u02bc\u30fc\uff70"
    )
    wanted = f"SELECT id, title, text FROM item WHERE ({cut_otherwise}) AND NOT private"
    session = Session(op.get_bind())
    rows = session.execute(sa.text(wanted)).all()
    index(session, [(row.id, row.title, row.text) for row in rows], again=True)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
