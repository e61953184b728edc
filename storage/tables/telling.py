"""Whom to tell what: rules, channels, alerts, and their way out."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.sealing import Sealed
from storage.tables.columns import BigId, UtcDateTime, partial


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
    target: str = Field(default="", sa_type=Sealed, repr=False)
    secret: str = Field(default="", sa_type=Sealed, repr=False)
    former_secret: str = Field(default="", sa_type=Sealed, repr=False)
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
    correction, an update, a withdrawal. People have it `seen`, `assigned` to one of them, and a `remark` on it.
    """

    __table_args__ = (
        UniqueConstraint("rule_id", "item_id", "version"),
        Index("alert_rule_at", "rule_id", "created_at"),
        Index("alert_rule_id", "rule_id", "id"),
        partial("alert_new", "id", where="seen_at IS NULL"),
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
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_by: str = ""
    assigned: str = ""
    remark: str = Field(default="", sa_type=Text)


class Notice(SQLModel, table=True):
    """What people should know beside stories. `about` names its cause: it is told once until it has `ended_at`."""

    __table_args__ = (partial("notice_open", "about", unique=True, where="ended_at IS NULL"),)

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
        partial("delivery_due", "due_at", where="due_at IS NOT NULL"),
        partial("delivery_paused", "channel_id", where="reason = 'paused'"),
        Index("delivery_channel", "channel_id", "id"),
        partial("delivery_channel_sent", "channel_id", "sent_at", where="sent_at IS NOT NULL"),
        partial("ix_delivery_told_in", "told_in", where="told_in IS NOT NULL"),
        partial("delivery_waiting", "channel_id", "id", where="state = 'pending'"),
        partial("delivery_failed", "id", where="state = 'failed'"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", sa_type=BigId)
    notice_id: int | None = Field(default=None, foreign_key="notice.id")
    channel_id: int = Field(foreign_key="channel.id")
    told_in: int | None = Field(default=None, sa_type=BigInteger)
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
