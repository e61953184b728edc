"""The values a story is made of, frozen at the door. Nothing here touches anything."""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes an item unique. `key` is stored under a unique constraint.

    `wire` names the wire whose own `story_id` it is; both are empty for a story known only by guid or URL.
    """

    key: str
    wire: str = ""
    story_id: str = ""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with a story: its address, what kind it says to be, and its size in bytes (0 if unsaid)."""

    url: str
    kind: str = ""
    size: int = 0


def size_of(written: str) -> int:
    """A size as a feed writes it; nothing for what no file has."""
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= _LONGEST_SIZE else 0


_LONGEST_SIZE = 15  # digits: a petabyte


@dataclass(frozen=True, slots=True)
class Entry:
    """One `<item>` or `<entry>` as the feed gave it: text cleaned of markup, links absolute, times UTC."""

    guid: str
    url: str
    title: str
    text: str
    author: str = ""
    published_at: datetime | None = None
    language: str = ""
    tags: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as one poll saw it.

    `digests` tell all its entries from others by their bytes, in their order; empty where entries could not be told
    apart so. Those that were seen before are among the digests and not among the `entries`. `cut_short`: the body ends
    before its feed does.
    """

    kind: str
    title: str
    entries: tuple[Entry, ...]
    language: str = ""
    digests: tuple[str, ...] = ()
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """A story ready to be kept: its identity, its final text, and what the wire says of it.

    `wire_date` and `provider_code` come from a MENAFN id line; `provider` is who wrote the story for the
    wire, empty where the wire did itself. `date_doubtful`: the wire's date lay in the future and was moved to a day
    from now at most.
    """

    identity: Identity
    title: str
    text: str
    url: str = ""
    author: str = ""
    provider: str = ""
    provider_code: str = ""
    wire_date: date | None = None
    published_at: datetime | None = None
    language: str = ""
    tags: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    date_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """What a story offers to rules: its own words, and what is said about it, each as text."""

    title: str
    text: str
    source: str = ""
    author: str = ""
    lang: str = ""
    url: str = ""
    tag: str = ""
    feed: str = ""

    def fact(self, name: str) -> str:
        """A field by its name."""
        return str(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Span:
    """Where a matched word stands: `field` is one of Fields, `start` and `end` count its characters from 0."""

    field: str
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Match:
    """A rule met a story, and with which words."""

    rule_id: int
    spans: tuple[Span, ...] = field(default_factory=tuple)
