"""What is watched: feeds, how their polls went, the hubs that push."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from storage.sealing import Sealed, SealedJson
from storage.tables.columns import BigId, UtcDateTime, partial


class Feed(SQLModel, table=True):
    __table_args__ = (
        Index("feed_due", "due_at", sqlite_where=text("enabled = 1"), postgresql_where=text("enabled")),
        partial("feed_waiting", "waiting_since", where="waiting_since IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)
    url: str = Field(unique=True)
    title: str = ""
    host: str = Field(index=True)
    enabled: bool = True
    paused_because: str = ""
    full_text: bool = False
    min_interval: float
    max_interval: float
    interval: float
    due_at: datetime = Field(sa_type=UtcDateTime)
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claim: str | None = None
    taken: bool = False
    losses: int = 0
    etag: str = ""
    last_modified: str = ""
    body_digest: str = ""
    carried: list[list[str]] = Field(default_factory=list, sa_type=JSON)
    full_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    headers: dict[str, str] = Field(default_factory=dict, sa_type=SealedJson, repr=False)
    moved_to: str = ""
    moved_times: int = 0
    pace: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    pushed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    pushed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failures: int = 0
    last_status: int | None = None
    last_error: str = ""
    last_polled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_new_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    private: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Subscription(SQLModel, table=True):
    """A feed's hub is asked to push (WebSub). `token` is the secret part of our address, `secret` signs pushes."""

    feed_id: int = Field(primary_key=True, foreign_key="feed.id")
    hub: str
    topic: str
    token: str = Field(unique=True, repr=False)
    secret: str = Field(sa_type=Sealed, repr=False)
    state: str
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    claim: str | None = None
    attempts: int = 0
    error: str = ""


class Poll(SQLModel, table=True):
    __table_args__ = (
        Index("poll_feed_at", "feed_id", "at"),
        partial("poll_gap", "at", where="gap"),
        partial("poll_new", "feed_id", "at", where="new > 0"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    feed_id: int = Field(foreign_key="feed.id")
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    took: float
    outcome: str
    status: int | None = None
    bytes: int = 0
    entries: int = 0
    new: int = 0
    revised: int = 0
    gap: bool = False
    error: str = ""
    note: str = ""


class FeedDay(SQLModel, table=True):
    """How many new stories a feed brought on a day (UTC), kept while its polls are forgotten."""

    __tablename__: ClassVar[Any] = "feed_day"

    feed_id: int = Field(primary_key=True, foreign_key="feed.id")
    day: date = Field(primary_key=True)
    new: int = 0


class Host(SQLModel, table=True):
    """A host that asked for a pause: none of its feeds is polled before then."""

    name: str = Field(primary_key=True)
    resting_until: datetime = Field(sa_type=UtcDateTime)
