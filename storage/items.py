"""Items: keeping each story once, its sightings and versions; and finding them again."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select, text, update
from sqlalchemy import insert as plain_insert
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage import search
from storage.database import chunks, insert
from storage.tables import Feed, Item, ItemVersion, Sighting, table
from storage.work import number
from wire.errors import NotThere
from wire.furniture import without
from wire.kinds import WITHDRAWAL, kind_of
from wire.story import Fields, Story

ITEM = table(Item)
SIGHTING = table(Sighting)
VERSION = table(ItemVersion)
# An item's state: its page is still to be read, so it was not matched yet; or its text is what stands.
UNREAD, CURRENT = "unread", "current"
# Its wire took it back; it stays, marked.
WITHDRAWN = "withdrawn"


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
    read_at: datetime | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewStory:
    """A story that may be new: which feed brought it, and whether its page is still to be read."""

    story: Story
    feed_id: int | None = None
    unread: bool = False
    private: bool = False


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
    standing = _standing(story.title, story.text)
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
        "tags": list(story.tags),
        "enclosures": [asdict(one) for one in story.enclosures],
        "kind": standing["kind"],
        "date_doubtful": story.date_doubtful,
        "published_at": story.published_at,
        "first_seen_at": now,
        "feed_id": new.feed_id,
        "version": 1,
        "state": UNREAD if new.unread else standing["state"],
        "private": new.private,
    }


def _standing(title: str, text: str) -> dict[str, str]:
    """What the wire calls these words, and so whether they stand."""
    kind = kind_of(title, text)
    return {"kind": kind, "state": WITHDRAWN if kind == WITHDRAWAL else CURRENT}


def locked(session: Session, item_id: int) -> Known:
    """An item as it stands now, and stands still until the transaction ends."""
    wanted = [ITEM.c[name] for name in Known.__slots__]
    return Known(*session.execute(select(*wanted).where(ITEM.c.id == item_id).with_for_update()).one())


def facts(session: Session, item_ids: Sequence[int]) -> dict[int, Fields]:
    """What stored items offer to rules, by item id: their words and what is said about them."""
    feeds: dict[int, list[str]] = defaultdict(list)
    named = select(SIGHTING.c.item_id, Feed.title, Feed.url).join(Feed, Feed.id == SIGHTING.c.feed_id)  # type: ignore[call-overload]
    for some in chunks(item_ids):
        for row in session.execute(named.where(SIGHTING.c.item_id.in_(some)).order_by(SIGHTING.c.id)):
            feeds[row.item_id].append(row.title or row.url)
    rows = (row for some in chunks(item_ids) for row in session.execute(select(*_OFFERED).where(ITEM.c.id.in_(some))))
    return {row.id: _offered(row, feeds[row.id]) for row in rows}


_OFFERED = [
    ITEM.c[name]
    for name in ("id", "title", "text", "wire", "provider", "author", "language", "url", "tags", "furniture")
]


def _offered(row: Row[Any], feeds: Sequence[str]) -> Fields:
    return Fields(
        title=row.title,
        text=without(row.text, row.furniture),
        source="\n".join(filter(None, (row.wire, row.provider))),
        author=row.author,
        lang=row.language,
        url=row.url,
        tag="\n".join(row.tags),
        feed="\n".join(feeds),
    )


def sightings(session: Session, item_ids: Sequence[int], feed_ids: Sequence[int]) -> dict[tuple[int, int], str]:
    """What each feed last said of each item, as a digest, by (item id, feed id)."""
    wanted = select(SIGHTING.c.item_id, SIGHTING.c.feed_id, SIGHTING.c.digest)
    rows = (
        row
        for some in chunks(item_ids)
        for row in session.execute(wanted.where(SIGHTING.c.item_id.in_(some), SIGHTING.c.feed_id.in_(feed_ids)))
    )
    return {(row.item_id, row.feed_id): row.digest for row in rows}


def seen_at(session: Session, feed_id: int, urls: Sequence[str]) -> dict[tuple[str, str], tuple[str, datetime | None]]:
    """The items this feed carried at these addresses: (identity, date) by (address, what it said last, as digest)."""
    wanted = select(SIGHTING.c.url, SIGHTING.c.digest, ITEM.c.identity, ITEM.c.published_at)
    wanted = wanted.join(ITEM, ITEM.c.id == SIGHTING.c.item_id)
    rows = (
        row
        for some in chunks(urls)
        for row in session.execute(wanted.where(SIGHTING.c.feed_id == feed_id, SIGHTING.c.url.in_(some)))
    )
    return {(row.url, row.digest): (row.identity, row.published_at) for row in rows}


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
        "kind": kind_of(item.title, item.text),
        "title": item.title,
        "text": item.text,
        "replaced_at": now,
    }
    session.execute(plain_insert(VERSION).values(**former))
    version, title, text = item.version + 1, story.title or item.title, story.text or item.text
    said = {"version": version, "title": title, "text": text, "furniture": [], **_standing(title, text)}
    session.execute(update(ITEM).where(ITEM.c.id == item.id).values(**said))
    search.index(session, [(item.id, title, text)], again=True)
    return version


def complete(session: Session, item: Known, story: Story | None, now: datetime) -> None:
    """An unread item is read: it gets what its page said, or stays as its feed gave it when there is no page."""
    said: dict[str, Any] = {}
    if story:
        named = ("text", "title", "provider", "provider_code", "wire_date", "author", "published_at")
        said = {name: value for name in named if (value := getattr(story, name))} | {"read_at": now}
        said["furniture"] = []
        search.index(session, [(item.id, story.title or item.title, story.text)], again=True)
    said |= _standing((story and story.title) or item.title, (story and story.text) or item.text)
    session.execute(update(ITEM).where(ITEM.c.id == item.id).values(**said))


def note_read(session: Session, item: Known, now: datetime) -> None:
    """An item's page was read and said nothing new. What it left out stays: pages are shortened, and walled."""
    session.execute(update(ITEM).where(ITEM.c.id == item.id).values(read_at=now))


def retell(session: Session, item: Known, story: Story) -> None:
    """An item whose page is still to be read gets its feed's newer words; nobody was told the old ones."""
    title, text = story.title or item.title, story.text or item.text
    unread = update(ITEM).where(ITEM.c.id == item.id, ITEM.c.state == UNREAD)
    retold = unread.values(title=title, text=text, kind=kind_of(title, text)).returning(ITEM.c.id)
    if session.execute(retold).first():
        search.index(session, [(item.id, title, text)], again=True)


def newest(session: Session, *, limit: int, feed_id: int | None = None, after: int = 0) -> Sequence[Item]:
    """The newest items first; with `feed_id`, those that feed carried; with `after`, only with a greater number."""
    public = col(Item.private).is_(False)
    query = select_model(Item).where(col(Item.id) > after, public).order_by(col(Item.id).desc()).limit(limit)
    if feed_id is not None:
        carried = select(SIGHTING.c.item_id).where(SIGHTING.c.feed_id == feed_id)
        query = query.where(col(Item.id).in_(carried))
    return session.exec(query).all()


def get(session: Session, item_id: int) -> Item:
    """The item of this number. Raises NotThere."""
    found = session.get(Item, item_id)
    if found is None or found.private:
        raise NotThere(f"There is no item {item_id}. `wirewatch items list` shows their numbers.")
    return found


def find(session: Session, which: str) -> Item:
    """The item of this number, identity or story id. Raises BadInput when there is none."""
    query = select_model(Item).where((Item.identity == which) | (Item.story_id == which))
    found = min(session.exec(query).all(), key=lambda one: one.id or 0, default=None)
    if found is None and (key := number(which)) is not None:
        found = session.get(Item, key)
    if found is None or found.private:
        raise NotThere(f"No item is “{which}”. `wirewatch items list` shows numbers; a story id fits too.")
    return found


def carriers(session: Session, item_id: int) -> Sequence[Row[Any]]:
    """The feeds that carried an item, the first first: feed id, address, title, and when."""
    query = (
        select(SIGHTING.c.feed_id, Feed.url, Feed.title, SIGHTING.c.seen_at)  # type: ignore[call-overload]
        .join(Feed, Feed.id == SIGHTING.c.feed_id)
        .where(SIGHTING.c.item_id == item_id)
        .order_by(SIGHTING.c.seen_at, SIGHTING.c.id)
    )
    return session.execute(query).all()


def cluster_of(session: Session, item: Item) -> Sequence[Item]:
    """The other items that tell the same story in other words, the first first."""
    first = item.cluster or item.id
    alike = select_model(Item).where(or_(col(Item.cluster) == first, col(Item.id) == first), col(Item.id) != item.id)
    # Put in order here: asked for an order, SQLite walks all items in it.
    return sorted(session.exec(alike).all(), key=lambda one: one.id or 0)


def versions_of(session: Session, item_ids: Sequence[int]) -> dict[int, int]:
    """The numbers of the versions that stand, by item id."""
    wanted = select(ITEM.c.id, ITEM.c.version)
    rows = (row for some in chunks(item_ids) for row in session.execute(wanted.where(ITEM.c.id.in_(some))))
    return {row.id: row.version for row in rows}


def versions(session: Session, item_id: int) -> Sequence[ItemVersion]:
    """The former versions of an item, oldest first."""
    query = select_model(ItemVersion).where(ItemVersion.item_id == item_id).order_by(col(ItemVersion.version))
    return session.exec(query).all()


def highest(session: Session) -> int:
    """The highest number of an item."""
    return session.execute(select(func.max(ITEM.c.id))).scalar() or 0


def above(session: Session, mark: int, most: int) -> list[int]:
    """The numbers of public items above a mark, upwards, so many at most."""
    public = select(ITEM.c.id).where(ITEM.c.id > mark, ITEM.c.private.is_(False))
    return list(session.execute(public.order_by(ITEM.c.id).limit(most)).scalars())


def unread(session: Session, item_ids: Sequence[int]) -> list[int]:
    """Those of these items whose page is still to be read."""
    wanted = select(ITEM.c.id).where(ITEM.c.state == UNREAD)
    return [key for some in chunks(item_ids) for key in session.execute(wanted.where(ITEM.c.id.in_(some))).scalars()]


def carried_by(session: Session, item_ids: Sequence[int]) -> dict[int, list[int]]:
    """The numbers of the feeds that carried each item, by item id."""
    found: dict[int, list[int]] = defaultdict(list)
    for row in session.execute(select(SIGHTING.c.item_id, SIGHTING.c.feed_id).where(SIGHTING.c.item_id.in_(item_ids))):
        found[row.item_id].append(row.feed_id)
    return found


def story_ids(session: Session, wire: str, since: datetime) -> Sequence[str]:
    """The wire's own numbers of its stories first seen since then."""
    return (
        session.execute(select(ITEM.c.story_id).where(ITEM.c.wire == wire, ITEM.c.first_seen_at >= since))
        .scalars()
        .all()
    )


def count(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(ITEM)).scalar_one())


def count_public(session: Session, since: datetime | None = None) -> int:
    """How many items people see, first seen since then.

    All but the few private ones: each count is of an index alone, where one of both would read every story.
    """
    lately = [] if since is None else [ITEM.c.first_seen_at >= since]
    of_all = session.execute(select(func.count()).select_from(ITEM).where(*lately)).scalar_one()
    private = session.execute(select(ITEM.c.first_seen_at).where(IS_PRIVATE)).scalars()
    return int(of_all) - int(sum(since is None or seen >= since for seen in private))


# As its index says it, so that it is used.
IS_PRIVATE = text("item.private")
