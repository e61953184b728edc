"""Notices: what people should know beside stories. One is told once for each cause, until the cause has ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.database import insert
from storage.tables import Channel, Delivery, Notice, table
from storage.work import row_count

CHANNEL = table(Channel)
DELIVERY = table(Delivery)
NOTICE = table(Notice)


def tell(
    session: Session,
    about: str,
    text: str,
    channel_ids: Iterable[int],
    *,
    now: datetime,
    later: Mapping[int, datetime] | None = None,
    is_over: bool = False,
) -> bool:
    """Tells these channels, some of them later, unless the same was told and has not ended. Whether it was.

    `is_over`: it tells of something that has no end to be told of.
    """
    values = {"about": about, "text": text, "created_at": now, "ended_at": now if is_over else None}
    statement = insert(session, NOTICE).values(**values)
    still_open = {"index_elements": ["about"], "index_where": NOTICE.c.ended_at.is_(None)}
    key = session.execute(statement.on_conflict_do_nothing(**still_open).returning(NOTICE.c.id)).scalar()
    if key is None:
        return False
    rows = [
        {
            "notice_id": key,
            "channel_id": channel_id,
            "due_at": (later or {}).get(channel_id, now),
            "created_at": now,
            **_UNTRIED,
        }
        for channel_id in sorted(set(channel_ids))
    ]
    if rows:
        session.execute(insert(session, DELIVERY), rows)
    return True


_UNTRIED = {"state": "pending", "attempts": 0, "note": ""}


def operators(session: Session) -> list[int]:
    """The channels that get what the operator should know."""
    wanted = select(CHANNEL.c.id).where(CHANNEL.c.operator, CHANNEL.c.removed_at.is_(None))
    return list(session.execute(wanted.order_by(CHANNEL.c.id)).scalars())


def keep_up(session: Session, causes: Mapping[str, str], kinds: Sequence[str], *, now: datetime) -> None:
    """Tells the operator of causes (what it is about → a sentence) that are new, and ends those that are gone.

    `kinds` are the first words of what was looked at: other notices are left alone.
    """
    opened = {one.about: one for one in standing(session) if one.about.startswith(tuple(kinds))}
    ended, begun = opened.keys() - causes.keys(), causes.keys() - opened.keys()
    to = operators(session) if ended or begun else []
    for about in sorted(ended):
        mine = update(NOTICE).where(NOTICE.c.id == opened[about].id, NOTICE.c.ended_at.is_(None))
        # What was lost is lost: a gap is never over. And of two schedulers the first says so.
        if row_count(session.execute(mine.values(ended_at=now))) and not about.startswith("gap"):
            tell(session, f"over: {about}", f"It is over: {opened[about].text}", to, now=now, is_over=True)
    for about in sorted(begun):
        tell(session, about, causes[about], to, now=now)


def standing(session: Session) -> Sequence[Notice]:
    """The notices whose cause has not ended, the newest first."""
    return session.exec(
        select_model(Notice).where(col(Notice.ended_at).is_(None)).order_by(col(Notice.id).desc())
    ).all()


def newest(session: Session, *, limit: int) -> Sequence[Notice]:
    return session.exec(select_model(Notice).order_by(col(Notice.id).desc()).limit(limit)).all()
