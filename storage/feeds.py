"""Feeds: adding and finding them, claiming those that are due, noting what a poll brought."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Text, and_, bindparam, cast, exists, func, or_, select, update
from sqlalchemy.orm import defer
from sqlmodel import Session, col
from sqlmodel import select as select_model
from sqlmodel.sql.expression import SelectOfScalar

from storage.database import insert as upsert
from storage.tables import Feed, Host, table
from storage.work import claim_due, number
from wire.address import checked, host_of
from wire.cadence import Bounds
from wire.courtesy import LONGEST_WAIT, Pace
from wire.errors import BadInput, NotThere, Taken

FEED = table(Feed)
HOST = table(Host)
# One loss can be an innocent neighbour's of a killed worker, two a bad day; the third in a row, alone, is its own.
MOST_LOSSES = 3
_LOST = "Three polls in a row never came back: reading this feed kills or stalls its worker. Look at it, then resume."


@dataclass(frozen=True, slots=True)
class DueFeed:
    """What the scheduler needs to know of a feed it has claimed."""

    id: int
    host: str
    losses: int


class Carried(NamedTuple):
    """An entry of a feed's last document, as digests: of its bytes (empty if unknown), story, link and guid."""

    piece: str
    story: str
    link: str
    guid: str = ""


@dataclass(frozen=True, slots=True)
class FeedToPoll:
    """What a worker needs to know of a feed to poll it and to judge what came.

    `remembered` is what it carried, as it stands in the database: most polls bring nothing and never read it.
    """

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
    remembered: str
    failures: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    full_at: datetime | None = None
    moved_to: str = ""
    moved_times: int = 0
    pace: Pace = field(default_factory=Pace)
    pushed_until: datetime | None = None
    pushed_at: datetime | None = None
    private: bool = False

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.min_interval, self.max_interval)

    @property
    def carried(self) -> tuple[Carried, ...]:
        """The entries of its last document, in their order."""
        return _carried(self.remembered)


@lru_cache(maxsize=200)
def _carried(remembered: str) -> tuple[Carried, ...]:
    return tuple(Carried(*one) for one in json.loads(remembered))


_TO_POLL = [
    cast(FEED.c.carried, Text).label(name) if name == "remembered" else FEED.c[name] for name in FeedToPoll.__slots__
]


def add(
    session: Session,
    url: str,
    *,
    now: datetime,
    bounds: Bounds,
    full_text: bool = False,
    title: str = "",
    headers: Mapping[str, str] | None = None,
) -> Feed:
    """A new feed, due at once. One that was removed comes back with its memory. Raises BadInput if it is there."""
    address = checked(url)
    feed = session.exec(select_model(Feed).where(Feed.url == address)).one_or_none()
    if feed and feed.removed_at is None:
        raise Taken(f"This feed is being watched already, as number {feed.id}.")
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
            "headers": dict(headers or {}),
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


def change(
    feed: Feed, *, bounds: Bounds, headers: Mapping[str, str], title: str | None = None, full_text: bool | None = None
) -> None:
    """New bounds and headers; a new title, and whether pages are read, where they are given."""
    feed.sqlmodel_update(
        {
            "min_interval": bounds.shortest,
            "max_interval": bounds.longest,
            "interval": bounds.within(feed.interval),
            "headers": dict(headers),
            "title": feed.title if title is None else title,
            "full_text": feed.full_text if full_text is None else full_text,
        }
    )


def _watched() -> SelectOfScalar[Feed]:
    """All but the removed ones and the canary's."""
    return select_model(Feed).where(col(Feed.removed_at).is_(None), col(Feed.private).is_(False))


def find(session: Session, which: str) -> Feed:
    """The feed of this number or address, or the only one whose address or title holds these letters."""
    watched = _watched()
    if (key := number(which, small=True)) is not None:
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
    raise NotThere(f"No feed is “{which}”. `wirewatch feeds list` shows them.")


def at_address(session: Session, url: str) -> int | None:
    """The number of the feed at an address, be it watched or removed."""
    found: int | None = session.execute(select(FEED.c.id).where(FEED.c.url == url)).scalar_one_or_none()
    return found


def watched(session: Session, *, after: int = 0, limit: int | None = None) -> Sequence[Feed]:
    """The feeds but the removed ones and the canary's, oldest first; what their last documents held is left aside.

    Those with greater numbers than `after`, so many at most.
    """
    there = _watched().options(defer(Feed.carried)).order_by(col(Feed.id))  # type: ignore[arg-type]
    return session.exec(there.where(col(Feed.id) > after).limit(limit)).all()


def names(session: Session) -> list[tuple[int, str]]:
    """The number and the title, or else the address, of all feeds that are watched."""
    there = (FEED.c.removed_at.is_(None), FEED.c.private.is_(False))
    rows = session.execute(select(FEED.c.id, FEED.c.title, FEED.c.url).where(*there).order_by(FEED.c.id))
    return [(row.id, row.title or row.url) for row in rows]


def is_paused_by_hand(feed: Feed) -> bool:
    """Whether a person paused it, and not its failures."""
    return not feed.enabled and feed.paused_because == PAUSED_BY_HAND


def pause(feed: Feed, because: str) -> None:
    feed.sqlmodel_update({"enabled": False, "paused_because": because})


def resume(feed: Feed, now: datetime) -> None:
    feed.sqlmodel_update({"enabled": True, "paused_because": "", "losses": 0, "taken": False, "failures": 0})
    feed.waiting_since = None
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
        FEED.c.id,
        FEED.c.host,
        FEED.c.losses,
        ready=and_(FEED.c.enabled, ~_host_rests(now)),
        now=now,
        lease=lease,
        limit=limit,
        claim=claim,
        waiting_since=func.coalesce(FEED.c.waiting_since, FEED.c.due_at),
        losses=FEED.c.losses + FEED.c.taken.cast(FEED.c.losses.type),
        taken=False,
    )
    lost = [row.id for row in rows if row.losses >= MOST_LOSSES]
    if lost:
        session.execute(update(FEED).where(FEED.c.id.in_(lost)).values(enabled=False, paused_because=_LOST, claim=None))
    return [DueFeed(row.id, row.host, row.losses) for row in rows if row.losses < MOST_LOSSES]


def waits_longest(session: Session, now: datetime) -> datetime | None:
    """Since when the feed waits that has waited longest for its poll."""
    times = [
        session.execute(select(since).where(*_waiting(now), *which).order_by(since).limit(1)).scalar()
        for since, which in (
            (FEED.c.waiting_since, (FEED.c.waiting_since.is_not(None),)),
            (FEED.c.due_at, (FEED.c.claim.is_(None),)),
        )
    ]
    return min(filter(None, times), default=None)


def overdue(session: Session, since: datetime, now: datetime) -> int:
    """How many feeds have waited for their polls since then."""
    waited = func.coalesce(FEED.c.waiting_since, FEED.c.due_at) < since
    wanted = select(func.count()).select_from(FEED).where(waited, FEED.c.private.is_(False), *_waiting(now))
    return int(session.execute(wanted).scalar_one())


def _waiting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Feeds that nobody is at work on, though somebody may have been rung for them, and whose host does not rest."""
    return FEED.c.enabled, FEED.c.removed_at.is_(None), FEED.c.taken.is_(False), ~_host_rests(now)


def _host_rests(now: datetime) -> ColumnElement[bool]:
    # None was told to rest for longer than the limit: such a time is of a clock that was wrong.
    until = HOST.c.resting_until
    return exists().where(HOST.c.name == FEED.c.host, until > now, until <= now + timedelta(seconds=LONGEST_WAIT))


def rest_host(session: Session, host: str, until: datetime) -> None:
    """None of this host's feeds is polled before then."""
    statement = upsert(session, HOST).values(name=host, resting_until=until)
    later = {"resting_until": statement.excluded.resting_until}
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=later))


def resting(session: Session, host: str, now: datetime) -> datetime | None:
    """Until when a host rests, if it does."""
    found = session.get(Host, host)
    return found.resting_until if found and found.resting_until > now else None


def take(session: Session, ids: Sequence[int], claim: str, *, until: datetime) -> list[FeedToPoll]:
    """Marks claimed feeds as being worked on `until` then, and returns what a poll needs.

    Those claimed by another meanwhile are left out.
    """
    mine = (FEED.c.id.in_(ids), FEED.c.claim == claim)
    statement = update(FEED).where(*mine).values(taken=True, due_at=until).returning(*_TO_POLL)
    return [_to_poll(row) for row in session.execute(statement)]


def _to_poll(row: Row[Any]) -> FeedToPoll:
    return FeedToPoll(**{**row._mapping, "pace": Pace.kept(row.pace)})  # noqa: SLF001 -- its public name


def ring(session: Session, feed_id: int, now: datetime) -> None:
    """A feed's hub says that there is news: it is due, and again when it is being polled at this moment."""
    session.execute(update(FEED).where(FEED.c.id == feed_id).values(pushed_at=now))
    session.execute(update(FEED).where(FEED.c.id == feed_id, FEED.c.claim.is_(None)).values(due_at=now))


def poll_again(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Makes feeds due whose poll has just been noted."""
    if ids:
        session.execute(update(FEED).where(FEED.c.id.in_(ids)).values(due_at=now))


def finish(session: Session, feed_id: int, claim: str, now: datetime, changes: Mapping[str, Any]) -> None:
    """Notes a finished poll: the claim is given back, the next time is set, losses are forgotten."""
    values = {"claim": None, "taken": False, "losses": 0, "waiting_since": None, "last_polled_at": now, **changes}
    session.execute(update(FEED).where(_claimed(feed_id, claim)).values(**values))


@dataclass(frozen=True, slots=True)
class Quiet:
    """A poll that brought nothing: when the feed is due again, and what of it is kept."""

    feed_id: int
    due_at: datetime
    interval: float
    last_status: int
    etag: str
    last_modified: str
    full_at: datetime | None


def finish_quiet(session: Session, claim: str, now: datetime, polls: Sequence[Quiet]) -> None:
    """The same for many polls that brought nothing, in one statement."""
    if not polls:
        return
    statement = (
        update(FEED)
        .where(FEED.c.id == bindparam("key"), FEED.c.claim == claim)
        .values(
            claim=None,
            taken=False,
            losses=0,
            waiting_since=None,
            failures=0,
            last_error="",
            last_polled_at=now,
            due_at=bindparam("next"),
            interval=bindparam("steered"),
            last_status=bindparam("said"),
            etag=bindparam("tag"),
            last_modified=bindparam("modified"),
            full_at=bindparam("full"),
        )
    )
    session.connection().execute(
        statement,
        [
            {
                "key": one.feed_id,
                "next": one.due_at,
                "steered": one.interval,
                "said": one.last_status,
                "tag": one.etag,
                "modified": one.last_modified,
                "full": one.full_at,
            }
            for one in polls
        ],
    )


PAUSED_BY_HAND = "paused by hand"
# A feed that failed so often in a row has reached its slowest pace.
_OFTEN = 12


def in_trouble(session: Session) -> Sequence[Feed]:
    """Feeds that were paused, but not by a person, and those that fail and fail."""
    paused = and_(col(Feed.enabled).is_(False), col(Feed.paused_because) != PAUSED_BY_HAND)
    return session.exec(_watched().where(or_(paused, col(Feed.failures) >= _OFTEN)).order_by(col(Feed.id))).all()


def _claimed(feed_id: int, claim: str) -> ColumnElement[bool]:
    return and_(FEED.c.id == feed_id, FEED.c.claim == claim)
