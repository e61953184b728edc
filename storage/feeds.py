"""Feeds: adding and finding them, claiming those that are due, noting what a poll brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, insert, update
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.tables import Feed, Poll, table
from storage.work import claim_due, number
from wire.address import checked, host_of
from wire.cadence import Bounds
from wire.errors import BadInput

FEED = table(Feed)
POLL = table(Poll)
# One loss can be an innocent neighbour's of a killed worker, two a bad day; the third in a row, alone, is its own.
MOST_LOSSES = 3
_LOST = "Three polls in a row never came back: reading this feed kills or stalls its worker. Look at it, then resume."


@dataclass(frozen=True, slots=True)
class DueFeed:
    """What the scheduler needs to know of a feed it has claimed."""

    id: int
    host: str
    losses: int


@dataclass(frozen=True, slots=True)
class FeedToPoll:
    """What a worker needs to know of a feed to poll it and to judge what came."""

    id: int
    url: str
    title: str
    full_text: bool
    interval: float
    min_interval: float
    max_interval: float
    etag: str
    last_modified: str
    body_digest: str
    entry_digests: tuple[str, ...]
    failures: int

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.min_interval, self.max_interval)


_TO_POLL = [FEED.c[name] for name in FeedToPoll.__slots__]


def add(session: Session, url: str, *, now: datetime, bounds: Bounds, full_text: bool = False, title: str = "") -> Feed:
    """A new feed, due at once. One that was removed comes back with its memory. Raises BadInput if it is there."""
    address = checked(url)
    feed = session.exec(select_model(Feed).where(Feed.url == address)).one_or_none()
    if feed and feed.removed_at is None:
        raise BadInput(f"This feed is being watched already, as number {feed.id}.")
    feed = feed or Feed(
        url=address,
        host=host_of(address),
        min_interval=bounds.shortest,
        max_interval=bounds.longest,
        interval=bounds.shortest,
        due_at=now,
        created_at=now,
    )
    feed.sqlmodel_update(
        {
            "title": title or feed.title,
            "full_text": full_text,
            "removed_at": None,
            "min_interval": bounds.shortest,
            "max_interval": bounds.longest,
            "interval": bounds.shortest,
        }
    )
    resume(feed, now)
    session.add(feed)
    session.flush()
    return feed


def find(session: Session, which: str) -> Feed:
    """The feed of this number or address, or the only one whose address or title holds these letters."""
    watched = select_model(Feed).where(col(Feed.removed_at).is_(None))
    if (key := number(which)) is not None:
        found = session.exec(watched.where(Feed.id == key)).all()
    else:
        found = (
            session.exec(watched.where(Feed.url == which)).all()
            or session.exec(
                watched.where(
                    col(Feed.url).contains(which, autoescape=True) | col(Feed.title).icontains(which, autoescape=True)
                )
            ).all()
        )
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(f"{len(found)} feeds fit “{which}”. Give the number that `wirewatch feeds list` shows.")
    raise BadInput(f"No feed is “{which}”. `wirewatch feeds list` shows them.")


def watched(session: Session) -> Sequence[Feed]:
    """All feeds but the removed ones, oldest first."""
    return session.exec(select_model(Feed).where(col(Feed.removed_at).is_(None)).order_by(col(Feed.id))).all()


def pause(feed: Feed, because: str) -> None:
    feed.sqlmodel_update({"enabled": False, "paused_because": because})


def resume(feed: Feed, now: datetime) -> None:
    feed.sqlmodel_update({"enabled": True, "paused_because": "", "losses": 0, "taken": False, "failures": 0})
    poll_now(feed, now)


def poll_now(feed: Feed, now: datetime) -> None:
    """Makes a feed due. One that is being polled this moment is left alone: its answer is as fresh as can be."""
    if feed.claim is None:
        feed.due_at = now


def remove(feed: Feed, now: datetime) -> None:
    """Stops watching; the stories stay."""
    feed.sqlmodel_update({"removed_at": now, "enabled": False})


def claim_due_feeds(session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str) -> list[DueFeed]:
    """Takes feeds that are due. A claim that a worker had taken up and never finished counts as a loss.

    Feeds with too many losses in a row are paused with the reason and not returned (promise 7).
    """
    rows = claim_due(
        session,
        FEED,
        ready=FEED.c.enabled,
        now=now,
        lease=lease,
        limit=limit,
        claim=claim,
        losses=FEED.c.losses + FEED.c.taken.cast(FEED.c.losses.type),
        taken=False,
    )
    lost = [row.id for row in rows if row.losses >= MOST_LOSSES]
    if lost:
        session.execute(update(FEED).where(FEED.c.id.in_(lost)).values(enabled=False, paused_because=_LOST, claim=None))
    return [DueFeed(row.id, row.host, row.losses) for row in rows if row.losses < MOST_LOSSES]


def take(session: Session, ids: Sequence[int], claim: str, *, until: datetime) -> list[FeedToPoll]:
    """Marks claimed feeds as being worked on `until` then, and returns what a poll needs.

    Those claimed by another meanwhile are left out.
    """
    mine = (FEED.c.id.in_(ids), FEED.c.claim == claim)
    statement = update(FEED).where(*mine).values(taken=True, due_at=until).returning(*_TO_POLL)
    return [
        FeedToPoll(**{**row._mapping, "entry_digests": tuple(row.entry_digests)})  # noqa: SLF001 -- its public name
        for row in session.execute(statement)
    ]


def finish(session: Session, feed_id: int, claim: str, now: datetime, changes: Mapping[str, Any]) -> None:
    """Notes a finished poll: the claim is given back, the next time is set, losses are forgotten."""
    values = {"claim": None, "taken": False, "losses": 0, "last_polled_at": now, **changes}
    session.execute(update(FEED).where(_claimed(feed_id, claim)).values(**values))


def finish_quiet(session: Session, claim: str, now: datetime, due: Sequence[tuple[int, datetime, float, int]]) -> None:
    """The same for many polls that brought nothing: (feed id, next time, interval, status) each, in one statement."""
    if not due:
        return
    statement = (
        update(FEED)
        .where(FEED.c.id == bindparam("key"), FEED.c.claim == claim)
        .values(
            claim=None,
            taken=False,
            losses=0,
            failures=0,
            last_error="",
            last_polled_at=now,
            due_at=bindparam("next"),
            interval=bindparam("steered"),
            last_status=bindparam("status"),
        )
    )
    session.connection().execute(
        statement,
        [{"key": key, "next": when, "steered": steered, "status": status} for key, when, steered, status in due],
    )


def record_polls(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a poll."""
    if rows:
        session.execute(insert(POLL), rows)


def polls_of(session: Session, feed_id: int, limit: int) -> Sequence[Poll]:
    """The newest polls of a feed first."""
    return session.exec(
        select_model(Poll)
        .where(Poll.feed_id == feed_id)
        .order_by(col(Poll.at).desc(), col(Poll.id).desc())
        .limit(limit)
    ).all()


def forget_times(session: Session, now: datetime) -> None:
    """Makes every feed due that nobody is polling: the times on the rows are of a clock that was wrong."""
    session.execute(update(FEED).where(FEED.c.enabled, FEED.c.claim.is_(None)).values(due_at=now))


def _claimed(feed_id: int, claim: str) -> ColumnElement[bool]:
    return and_(FEED.c.id == feed_id, FEED.c.claim == claim)
