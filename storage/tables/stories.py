"""What was kept: stories, who carried them, how they changed, what is still to be read."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import BigId, UtcDateTime, partial


class Item(SQLModel, table=True):
    __table_args__ = (
        Index("item_provider", "provider", "id"),
        Index("item_language", "language", "id"),
        partial("item_kind", "kind", "id", where="kind <> ''"),
        partial("item_cluster", "cluster", where="cluster IS NOT NULL"),
        partial("item_private", "id", where="private"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    identity: str = Field(unique=True)
    wire: str = ""
    story_id: str = Field(default="", index=True)
    wire_date: date | None = None
    provider_code: str = ""
    provider: str = ""
    url: str = ""
    title: str = ""
    author: str = ""
    text: str = Field(default="", sa_type=Text)
    language: str = ""
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_seen_at: datetime = Field(sa_type=UtcDateTime, index=True)
    feed_id: int | None = Field(default=None, foreign_key="feed.id")
    version: int = 1
    state: str = "current"
    kind: str = ""
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    enclosures: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    furniture: list[list[int]] = Field(default_factory=list, sa_type=JSON)
    date_doubtful: bool = False
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cluster: int | None = Field(default=None, sa_type=BigId)
    private: bool = False


class ItemVersion(SQLModel, table=True):
    """An item's text as it stood before a revision; the text that stands now is the item's own."""

    __tablename__: ClassVar[Any] = "item_version"
    __table_args__ = (UniqueConstraint("item_id", "version"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_id: int = Field(foreign_key="item.id", sa_type=BigId)
    version: int
    kind: str = ""
    title: str
    text: str = Field(sa_type=Text)
    replaced_at: datetime = Field(sa_type=UtcDateTime)


class Sighting(SQLModel, table=True):
    """This feed carried this item, under this guid, address and title. `digest` is what the feed last said of it."""

    __table_args__ = (
        UniqueConstraint("item_id", "feed_id"),
        Index("sighting_address", "feed_id", "url"),
        Index("sighting_feed_item", "feed_id", "item_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_id: int = Field(foreign_key="item.id", sa_type=BigId)
    feed_id: int = Field(foreign_key="feed.id")
    guid: str
    url: str
    title: str
    digest: str
    seen_at: datetime = Field(sa_type=UtcDateTime)


class Sketch(SQLModel, table=True):
    """An item's sketch (wire/similar.py), for as long as others are compared with it."""

    item_id: int = Field(primary_key=True, sa_type=BigId)
    numbers: list[int] = Field(sa_type=JSON)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Shingle(SQLModel, table=True):
    """One of the smallest numbers of an item's sketch: who holds it too?"""

    __table_args__ = ({"sqlite_with_rowid": False},)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    item_id: int = Field(primary_key=True, sa_type=BigInteger)


class Sentence(SQLModel, table=True):
    """In how many stories of a source a sentence was seen (wire/furniture.py)."""

    __table_args__ = ({"sqlite_with_rowid": False},)

    source: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    stories: int
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Reading(SQLModel, table=True):
    """A page that waits to be read. Gone when it was; kept without `due_at`, with the reason, when it was given up.

    `bulk`: its story came with a feed's first poll.
    """

    item_id: int = Field(primary_key=True, foreign_key="item.id", sa_type=BigId)
    url: str
    bulk: bool = False
    due_at: datetime | None = Field(sa_type=UtcDateTime, index=True)
    claim: str | None = None
    attempts: int = 0
    error: str = ""
