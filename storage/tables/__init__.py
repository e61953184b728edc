"""What is remembered: one class a table, one field a column. Rows hold; functions elsewhere act.

Every piece of waiting work (a feed to poll, a page to read, a delivery to send) has a `due_at` and a `claim`.
Whoever takes it writes its own token into `claim` and moves `due_at` past a lease; whoever is done clears the claim.
"""

from storage.tables.columns import BigId, UtcDateTime, table
from storage.tables.house import Canary, Counter, Heartbeat, Setting
from storage.tables.people import Change, Token, User
from storage.tables.stories import Item, ItemVersion, Reading, Sentence, Shingle, Sighting, Sketch
from storage.tables.telling import Alert, Channel, Delivery, DeliveryEvent, Notice, Rule, RuleChannel, WordList
from storage.tables.watched import Feed, FeedDay, Host, Poll, Subscription

__all__ = [
    "Alert",
    "BigId",
    "Canary",
    "Change",
    "Channel",
    "Counter",
    "Delivery",
    "DeliveryEvent",
    "Feed",
    "FeedDay",
    "Heartbeat",
    "Host",
    "Item",
    "ItemVersion",
    "Notice",
    "Poll",
    "Reading",
    "Rule",
    "RuleChannel",
    "Sentence",
    "Setting",
    "Shingle",
    "Sighting",
    "Sketch",
    "Subscription",
    "Token",
    "User",
    "UtcDateTime",
    "WordList",
    "table",
]
