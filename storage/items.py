"""Items: keeping each story once, its sightings and versions; and finding them again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy import insert as plain_insert
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage import search
from storage.database import chunks, insert
from storage.tables import Feed, Item, ItemVersion, Sighting, table
from wire.errors import BadInput
from wire.matcher import Matcher
from wire.query import parse
from wire.story import Story

ITEM = table(Item)
SIGHTING = table(Sighting)
VERSION = table(ItemVersion)
# An item's state: its page is still to be read, so it was not matched yet; or its text is what stands.
UNREAD, CURRENT = "unread", "current"


@dataclass(frozen=True, slots=True)
class Known:
    """A kept item as a later poll needs it: to tell known from changed."""

    id: int
    identity: str
    version: int
    title: str
    text: str
    url: str
    feed_id: int | None
    state: str


@dataclass(frozen=True, slots=True)
class NewStory:
    """A story that may be new: which feed brought it, and whether its page is still to be read."""

    story: Story
    feed_id: int | None = None
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A feed carried an item: the sighting to be noted."""

    item_id: int
    feed_id: int
    guid: str
    url: str
    title: str
    digest: str


def known(session: Session, identities: Iterable[str]) -> dict[str, Known]:
    """The kept items among these identities, by identity."""
    wanted = [ITEM.c[name] for name in Known.__slots__]
    rows = (
        row
        for some in chunks(sorted(set(identities)))
        for row in session.execute(select(*wanted).where(ITEM.c.identity.in_(some)))
    )
    return {row.identity: Known(*row) for row in rows}


def keep(session: Session, stories: Sequence[NewStory], *, now: datetime) -> dict[str, int]:
    """Keeps stories not kept before, each once; the id of each story that is new, by identity.

    Whether one is new the unique constraint says, not a look before: another worker may be keeping it this moment.
    Sorted, so that two workers never wait for each other in a ring.
    """
    rows = [_row(new, now) for new in sorted(stories, key=lambda new: new.story.identity.key)]
    new: dict[str, int] = {}
    for some in chunks(rows, 500):
        statement = insert(session, ITEM).on_conflict_do_nothing(index_elements=["identity"])
        kept = session.execute(statement.returning(ITEM.c.identity, ITEM.c.id), some)
        new.update({row.identity: row.id for row in kept})
    by_key = {new.story.identity.key: new.story for new in stories}
    search.index(session, [(item_id, by_key[key].title, by_key[key].text) for key, item_id in new.items()])
    return new


def _row(new: NewStory, now: datetime) -> dict[str, Any]:
    story = new.story
    return {
        "identity": story.identity.key,
        "wire": story.identity.wire,
        "story_id": story.identity.story_id,
        "wire_date": story.wire_date,
        "provider_code": story.provider_code,
        "provider": story.provider,
        "url": story.url,
        "title": story.title,
        "author": story.author,
        "text": story.text,
        "language": story.language,
        "published_at": story.published_at,
        "first_seen_at": now,
        "feed_id": new.feed_id,
        "version": 1,
        "state": UNREAD if new.unread else CURRENT,
    }


def sightings(session: Session, item_ids: Sequence[int], feed_ids: Sequence[int]) -> dict[tuple[int, int], str]:
    """What each feed last said of each item, as a digest, by (item id, feed id)."""
    wanted = select(SIGHTING.c.item_id, SIGHTING.c.feed_id, SIGHTING.c.digest)
    rows = (
        row
        for some in chunks(item_ids)
        for row in session.execute(wanted.where(SIGHTING.c.item_id.in_(some), SIGHTING.c.feed_id.in_(feed_ids)))
    )
    return {(row.item_id, row.feed_id): row.digest for row in rows}


def seen_at(session: Session, feed_id: int, urls: Sequence[str]) -> dict[tuple[str, str], str]:
    """The items this feed carried at these addresses: their identities by (address, title)."""
    wanted = select(SIGHTING.c.url, SIGHTING.c.title, ITEM.c.identity).join(ITEM, ITEM.c.id == SIGHTING.c.item_id)
    rows = (
        row
        for some in chunks(urls)
        for row in session.execute(wanted.where(SIGHTING.c.feed_id == feed_id, SIGHTING.c.url.in_(some)))
    )
    return {(row.url, row.title): row.identity for row in rows}


def see(session: Session, seen: Sequence[Seen], now: datetime) -> None:
    """Notes sightings; a feed that says something else of an item than before has its sighting corrected."""
    rows = [
        {
            "item_id": one.item_id,
            "feed_id": one.feed_id,
            "guid": one.guid,
            "url": one.url,
            "title": one.title,
            "digest": one.digest,
            "seen_at": now,
        }
        for one in sorted(seen, key=lambda one: (one.item_id, one.feed_id))
    ]
    if rows:
        statement = insert(session, SIGHTING)
        newer = {name: statement.excluded[name] for name in ("guid", "url", "title", "digest")}
        session.execute(statement.on_conflict_do_update(index_elements=["item_id", "feed_id"], set_=newer), rows)


def revise(session: Session, item: Known, story: Story, now: datetime) -> int:
    """Gives an item a new version, the story as told now, and keeps the old one's words; the new version's number."""
    former = {
        "item_id": item.id,
        "version": item.version,
        "title": item.title,
        "text": item.text,
        "replaced_at": now,
    }
    session.execute(plain_insert(VERSION).values(**former))
    version, title, text = item.version + 1, story.title or item.title, story.text or item.text
    session.execute(update(ITEM).where(ITEM.c.id == item.id).values(title=title, text=text, version=version))
    search.index(session, [(item.id, title, text)], again=True)
    return version


def complete(session: Session, item: Known, story: Story | None) -> None:
    """An unread item is read: it gets what its page said, or stays as its feed gave it when there is no page."""
    facts: dict[str, Any] = {}
    if story:
        named = ("text", "title", "provider", "provider_code", "wire_date", "author", "published_at")
        facts = {name: value for name in named if (value := getattr(story, name))}
        search.index(session, [(item.id, story.title or item.title, story.text)], again=True)
    session.execute(update(ITEM).where(ITEM.c.id == item.id).values(state=CURRENT, **facts))


def newest(session: Session, *, limit: int, feed_id: int | None = None, after: int = 0) -> Sequence[Item]:
    """The newest items first; with `feed_id`, those that feed carried; with `after`, only with a greater number."""
    query = select_model(Item).where(col(Item.id) > after).order_by(col(Item.id).desc()).limit(limit)
    if feed_id is not None:
        carried = select(SIGHTING.c.item_id).where(SIGHTING.c.feed_id == feed_id)
        query = query.where(col(Item.id).in_(carried))
    return session.exec(query).all()


def find(session: Session, which: str) -> Item:
    """The item of this number, identity or story id. Raises BadInput when there is none."""
    query = select_model(Item).where((Item.identity == which) | (Item.story_id == which))
    found = session.exec(query.order_by(col(Item.id))).first()
    if found is None and which.isdigit() and len(which) < 18:  # noqa: PLR2004 -- 64 bits hold no more
        found = session.get(Item, int(which))
    if found is None:
        raise BadInput(f"No item is “{which}”. `wirewatch items list` shows numbers; a story id fits too.")
    return found


def search_items(session: Session, query: str, *, limit: int) -> list[Item]:
    """The newest items that meet a query, exactly as a rule of the same words would. Raises QueryError."""
    matcher = Matcher([(0, query)])
    wanted = select_model(Item).order_by(col(Item.id).desc())
    narrowed = search.candidates(session, parse(query))
    if narrowed is not None:
        wanted = wanted.where(narrowed)
    return list(_first(limit, (item for item in _paged(session, wanted) if matcher.match(item.title, item.text))))


def _paged(session: Session, wanted: Any) -> Iterator[Item]:
    yield from session.exec(wanted.execution_options(yield_per=200))


def _first(limit: int, items: Iterator[Item]) -> Iterator[Item]:
    for _, item in zip(range(limit), items, strict=False):
        yield item


def carriers(session: Session, item_id: int) -> Sequence[Row[Any]]:
    """The feeds that carried an item, the first first: feed id, address, title, and when."""
    query = (
        select(SIGHTING.c.feed_id, Feed.url, Feed.title, SIGHTING.c.seen_at)  # type: ignore[call-overload]
        .join(Feed, Feed.id == SIGHTING.c.feed_id)
        .where(SIGHTING.c.item_id == item_id)
        .order_by(SIGHTING.c.seen_at, SIGHTING.c.id)
    )
    return session.execute(query).all()


def versions(session: Session, item_id: int) -> Sequence[ItemVersion]:
    """The former versions of an item, oldest first."""
    query = select_model(ItemVersion).where(ItemVersion.item_id == item_id).order_by(col(ItemVersion.version))
    return session.exec(query).all()


def count(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(ITEM)).scalar_one())
