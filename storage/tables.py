"""What is remembered: one class a table, one field a column. Rows hold; functions elsewhere act.

Every piece of waiting work (a feed to poll, a page to read, a delivery to send) has a `due_at` and a `claim`.
Whoever takes it writes its own token into `claim` and moves `due_at` past a lease; whoever is done clears the claim.
"""

from datetime import UTC, date, datetime
from typing import Any, ClassVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    Integer,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in INTEGER columns only


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and UTC on both sides of the database. A naive one is refused, for it is no moment."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def table(model: type[SQLModel]) -> Table:
    """The Core table behind a model, for statements that carry a batch."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]


class Feed(SQLModel, table=True):
    __table_args__ = (Index("feed_due", "due_at", sqlite_where=text("enabled"), postgresql_where=text("enabled")),)

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
    claim: str | None = None
    taken: bool = False
    losses: int = 0
    etag: str = ""
    last_modified: str = ""
    body_digest: str = ""
    carried: list[list[str]] = Field(default_factory=list, sa_type=JSON)
    full_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    headers: dict[str, str] = Field(default_factory=dict, sa_type=JSON, repr=False)
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
    secret: str = Field(repr=False)
    state: str
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    claim: str | None = None
    attempts: int = 0
    error: str = ""


class Poll(SQLModel, table=True):
    __table_args__ = (Index("poll_feed_at", "feed_id", "at"),)

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


class Host(SQLModel, table=True):
    """A host that asked for a pause: none of its feeds is polled before then."""

    name: str = Field(primary_key=True)
    resting_until: datetime = Field(sa_type=UtcDateTime)


class Item(SQLModel, table=True):
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
    cluster: int | None = Field(default=None, sa_type=BigId, index=True)
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

    __table_args__ = (UniqueConstraint("item_id", "feed_id"), Index("sighting_address", "feed_id", "url"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_id: int = Field(foreign_key="item.id", sa_type=BigId)
    feed_id: int = Field(foreign_key="feed.id")
    guid: str
    url: str
    title: str
    digest: str
    seen_at: datetime = Field(sa_type=UtcDateTime)


class Shingle(SQLModel, table=True):
    """One number of an item's sketch (wire/similar.py), for as long as others are compared with it."""

    __table_args__ = ({"sqlite_with_rowid": False},)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    item_id: int = Field(primary_key=True, sa_type=BigInteger, index=True)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)


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


class Rule(SQLModel, table=True):
    """A query with a name. `changed` is the rules' counter at its last change; a shadow records and tells nobody.

    `digest` says when its alerts are told, at once if empty (wire/hours.py), at times of `zone`; `urgent` breaks
    through quiet hours and budgets; `tells_old` tells also what is long past. The canary's rule is `private`.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    query: str = Field(sa_type=Text)
    version: int = 1
    enabled: bool = True
    shadow: bool = False
    digest: str = ""
    zone: str = "UTC"
    urgent: bool = False
    tells_old: bool = False
    surging_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    surging_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    private: bool = False
    changed: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WordList(SQLModel, table=True):
    """Spellings of one name or thing, which rules call by `list:name`."""

    __tablename__: ClassVar[Any] = "word_list"

    name: str = Field(primary_key=True)
    spellings: list[str] = Field(sa_type=JSON)


class Channel(SQLModel, table=True):
    """Where alerts go. `target` and `secret` may say where they stand instead: `env:NAME` or `file:PATH`.

    `former_secret` still signs beside the new one. `budget` and `quiet` are written as wire/hours.py reads them, quiet
    hours at times of `zone`; `ordered` keeps the order of alerts; `operator` gets what the operator should know.
    `failures` counts those in a row; a paused channel is tried again when it has rested, one paused by hand is not.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    kind: str
    target: str = Field(default="", repr=False)
    secret: str = Field(default="", repr=False)
    former_secret: str = Field(default="", repr=False)
    template: str = Field(default="", sa_type=Text)
    budget: str = ""
    quiet: str = ""
    zone: str = "UTC"
    ordered: bool = False
    operator: bool = False
    private: bool = False
    enabled: bool = True
    paused_because: str = ""
    failures: int = 0
    resting_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RuleChannel(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "rule_channel"

    rule_id: int = Field(primary_key=True, foreign_key="rule.id")
    channel_id: int = Field(primary_key=True, foreign_key="channel.id")


class Alert(SQLModel, table=True):
    """This version of an item met this version of a rule; `matches` are the spans of the words that did.

    `bulk`: its story came with many that were no news of that moment. `thread` is the first item of its cluster;
    `follows` the alert of the same rule and thread that was told before, and `kind` what this one is to that: a
    correction, an update, a withdrawal.
    """

    __table_args__ = (
        UniqueConstraint("rule_id", "item_id", "version"),
        Index("alert_rule_at", "rule_id", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    rule_id: int = Field(foreign_key="rule.id")
    rule_version: int
    query: str = Field(sa_type=Text)
    item_id: int = Field(foreign_key="item.id", sa_type=BigId, index=True)
    version: int
    matches: list[dict[str, Any]] = Field(sa_type=JSON)
    shadow: bool = False
    bulk: bool = False
    thread: int = Field(sa_type=BigInteger, index=True)
    follows: int | None = Field(default=None, sa_type=BigInteger)
    kind: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Notice(SQLModel, table=True):
    """What people should know beside stories. `about` names its cause: it is told once until it has `ended_at`."""

    __table_args__ = (
        Index(
            "notice_open",
            "about",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    about: str
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Delivery(SQLModel, table=True):
    """This alert (or notice) to this channel: pending, sent, failed, or held: why is in `reason` and `note`.

    `told_in`: it is told together with others, in the message of that delivery. What is held with a `due_at` is told
    then. `taken`: somebody is sending it; taken again, it is `maybe_twice`.
    """

    __table_args__ = (
        UniqueConstraint("alert_id", "channel_id"),
        UniqueConstraint("notice_id", "channel_id"),
        Index(
            "delivery_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "delivery_paused",
            "channel_id",
            sqlite_where=text("reason = 'paused'"),
            postgresql_where=text("reason = 'paused'"),
        ),
        Index("delivery_channel_sent", "channel_id", "sent_at"),
        Index(
            "delivery_waiting",
            "channel_id",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=BigId)
    notice_id: int | None = Field(default=None, foreign_key="notice.id")
    channel_id: int = Field(foreign_key="channel.id")
    told_in: int | None = Field(default=None, sa_type=BigInteger, index=True)
    state: str = "pending"
    reason: str = ""
    due_at: datetime | None = Field(sa_type=UtcDateTime)
    claim: str | None = None
    taken: bool = False
    maybe_twice: bool = False
    attempts: int = 0
    note: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DeliveryEvent(SQLModel, table=True):
    """What happened to a delivery: held, released, sent, failed, sent again by hand; and what was said."""

    __tablename__: ClassVar[Any] = "delivery_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    delivery_id: int = Field(foreign_key="delivery.id", sa_type=BigId, index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    what: str
    said: str = ""


class Canary(SQLModel, table=True):
    """A made-up story on its way through the whole pipe: when it was let in, and when it came out."""

    number: int = Field(primary_key=True)
    let_in_at: datetime = Field(sa_type=UtcDateTime)
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Counter(SQLModel, table=True):
    """A number that grows, by name: `rules` grows with every change of a rule, so that workers see it."""

    name: str = Field(primary_key=True)
    number: int = 0


class Setting(SQLModel, table=True):
    """What was made once and stays, by name."""

    name: str = Field(primary_key=True)
    value: str = Field(repr=False)


class Heartbeat(SQLModel, table=True):
    """When a process last showed that it does its work: the scheduler by a round, a worker by eating a task."""

    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    note: str = ""
