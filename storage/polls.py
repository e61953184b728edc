"""How polls went: a line each, gaps among them, how much a day; and what is a feed's habit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import String, cast, func, insert, select
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.database import insert as upsert
from storage.feeds import FEED
from storage.tables import Feed, FeedDay, Poll, table

POLL = table(Poll)
DAY = table(FeedDay)


def record_polls(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a poll, and what it brought added to its feed's day."""
    if rows:
        session.execute(insert(POLL), rows)
    days = [{"feed_id": row["feed_id"], "day": row["at"].date(), "new": row.get("new", 0)} for row in rows]
    brought = [day for day in days if day["new"]]
    if brought:
        statement = upsert(session, DAY)
        more = {"new": DAY.c.new + statement.excluded.new}
        session.execute(statement.on_conflict_do_update(index_elements=["feed_id", "day"], set_=more), brought)


def news_by_day(session: Session, first: date, days: int, feed_id: int | None = None) -> dict[int, list[int]]:
    """How many new stories each feed brought on each of so many days from the first on, by feed id; or one feed alone.

    Feeds that brought nothing are left out.
    """
    wanted = select(DAY.c.feed_id, cast(DAY.c.day, String), DAY.c.new).where(DAY.c.day >= first)
    place = {str(first + timedelta(days=number)): number for number in range(days)}
    found: dict[int, list[int]] = defaultdict(lambda: [0] * days)
    for feed, day, new in session.execute(wanted if feed_id is None else wanted.where(DAY.c.feed_id == feed_id)):
        if (number := place.get(day)) is not None:
            found[feed][number] = new
    return found


def outcomes(session: Session, since: datetime) -> dict[str, int]:
    """How many polls since then ended how."""
    counted = select(POLL.c.outcome, func.count().label("polls")).where(POLL.c.at >= since).group_by(POLL.c.outcome)
    return {row.outcome: row.polls for row in session.execute(counted)}


def with_gaps(session: Session, since: datetime) -> Sequence[tuple[int, str, str]]:
    """The feeds (number, title, address) that had a gap since then."""
    gaps = select(POLL.c.feed_id).where(POLL.c.at >= since, POLL.c.gap)
    wanted = select(FEED.c.id, FEED.c.title, FEED.c.url).where(FEED.c.id.in_(gaps), FEED.c.private.is_(False))
    rows = session.execute(wanted.order_by(FEED.c.id))
    return [(row.id, row.title, row.url) for row in rows]


# A habit is what was seen so often in so many days; silence is beyond it when it lasts so many times as long as usual.
_HABIT_DAYS, _HABIT_TIMES, _BEYOND = 14, 10, 10
_SHORTEST_SILENCE = timedelta(hours=6)


def quiet_beyond_habit(session: Session, now: datetime) -> list[tuple[Feed, datetime, timedelta]]:
    """Feeds that bring nothing new for ten times as long as they usually do: (feed, last new, what is usual)."""
    came = (
        select(
            POLL.c.feed_id,
            func.count().label("times"),
            func.min(POLL.c.at).label("first"),
            func.max(POLL.c.at).label("last"),
        )
        .where(POLL.c.new > 0, POLL.c.at >= now - timedelta(days=_HABIT_DAYS))
        .group_by(POLL.c.feed_id)
        .having(func.count() >= _HABIT_TIMES)
    )
    found = []
    for row in session.execute(came).all():
        usual = (row.last - row.first) / (row.times - 1)
        if now - row.last > max(_BEYOND * usual, _SHORTEST_SILENCE):
            feed = session.get(Feed, row.feed_id)
            if feed and feed.enabled and feed.removed_at is None and not feed.private:
                found.append((feed, row.last, usual))
    return found


def still_quiet(session: Session, since: Mapping[int, datetime]) -> set[int]:
    """Those of these feeds that are watched and brought nothing new since then, by their numbers."""
    watching = (FEED.c.id.in_(since), FEED.c.enabled, FEED.c.removed_at.is_(None))
    rows = session.execute(select(FEED.c.id, FEED.c.last_new_at).where(*watching))
    return {row.id for row in rows if row.last_new_at is None or row.last_new_at <= since[row.id]}


def polls_of(session: Session, feed_id: int, limit: int) -> Sequence[Poll]:
    """The newest polls of a feed first."""
    return session.exec(
        select_model(Poll)
        .where(Poll.feed_id == feed_id)
        .order_by(col(Poll.at).desc(), col(Poll.id).desc())
        .limit(limit)
    ).all()
