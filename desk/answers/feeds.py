"""Feeds: how they stand, and how their polls went."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from desk.answers.base import Answer
from desk.shapes import FeedFacts, declared_of_feed, for_eyes
from storage import feeds, polls
from storage.tables import Feed, Poll

# A sparkline's days: long enough to see a habit, short enough to see a change.
DAYS = 14
_NOTHING = [0] * DAYS


class FeedLine(FeedFacts):
    """A feed as it stands; header values are not shown. `news` counts new stories a day, the last day last."""

    id: int
    state: str
    interval: float
    due_at: datetime | None
    failures: int
    last_status: int | None
    last_error: str
    last_polled_at: datetime | None
    last_new_at: datetime | None
    pushed_until: datetime | None
    moved_to: str
    created_at: datetime
    gap: bool
    news: list[int]


class Feeds(Answer):
    """A page of the feeds that are watched, by number. `next` asks for the one after it, as `after`; else null."""

    feeds: list[FeedLine]
    next: int | None


class PollLine(Answer):
    """A poll: when, what came of it, how long it took in seconds. A gap: it shared no story with the one before."""

    id: int
    at: datetime
    took: float
    outcome: str
    status: int | None
    bytes: int
    entries: int
    new: int
    revised: int
    gap: bool
    error: str


class Polls(Answer):
    """A feed's polls, the newest first."""

    polls: list[PollLine]


class Offer(Answer):
    """A feed that an address is, or that its page names."""

    url: str
    title: str
    kind: str
    entries: int | None


class Offers(Answer):
    """What is at an address: nothing, one feed, or several to choose from."""

    offers: list[Offer]


def page(session: Session, now: datetime, *, limit: int, after: int = 0) -> Feeds:
    """Feeds with how they stand."""
    news = polls.news_by_day(session, now.date() - timedelta(days=DAYS - 1), DAYS)
    gaps = {key for key, _, _ in polls.with_gaps(session, now - timedelta(days=1))}
    watched = feeds.watched(session, after=after, limit=limit + 1)
    found = [feed_line(one, news.get(one.id or 0, _NOTHING), gap=one.id in gaps) for one in watched[:limit]]
    return Feeds(feeds=found, next=found[-1].id if len(watched) > limit else None)


def feed(session: Session, which: str, now: datetime) -> FeedLine:
    """A feed by its number or address. Raises NotThere."""
    row = feeds.find(session, which)
    news = polls.news_by_day(session, now.date() - timedelta(days=DAYS - 1), DAYS, row.id)
    gaps = {key for key, _, _ in polls.with_gaps(session, now - timedelta(days=1))}
    return feed_line(row, news.get(row.id or 0, _NOTHING), gap=row.id in gaps)


def feed_line(row: Feed, news: list[int], *, gap: bool) -> FeedLine:
    named = (
        "interval", "failures", "last_status", "last_polled_at", "last_new_at", "pushed_until", "moved_to",
        "created_at",
    )  # fmt: skip
    return FeedLine.model_construct(
        **for_eyes(declared_of_feed(row)),
        **{name: getattr(row, name) for name in named},
        id=row.id or 0,
        state=state(row),
        due_at=row.due_at if row.enabled else None,
        last_error=row.paused_because or row.last_error,
        gap=gap,
        news=news,
    )


def state(feed: Feed) -> str:
    """How a feed does, in a word."""
    if not feed.enabled:
        return "paused"
    if feed.failures:
        return f"failing ({feed.failures})"
    return "well" if feed.last_polled_at else "waiting"


def polls_of(session: Session, which: str, limit: int) -> Polls:
    """The newest polls of a feed. Raises NotThere."""
    key = feeds.find(session, which).id or 0
    return Polls(polls=[poll_line(one) for one in polls.polls_of(session, key, limit)])


def poll_line(row: Poll) -> PollLine:
    named = ("id", "at", "took", "outcome", "status", "bytes", "entries", "new", "revised", "gap")
    said: dict[str, Any] = {name: getattr(row, name) for name in named}
    return PollLine(**said, error=row.error or row.note)
