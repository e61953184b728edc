"""Bytes from a feed → frozen entries. The one file that knows feedparser.

RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0 and CDF go through feedparser, with its HTML sanitiser and link resolver off:
they cost more than the parse, and we clean text and resolve links ourselves. JSON Feed has its own reader.
"""

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import struct_time
from typing import Any, cast
from urllib.parse import urljoin

import feedparser

from wire import jsonfeed, menafn
from wire.address import absolute
from wire.errors import NotAFeed
from wire.markup import clip, line, plain, to_text
from wire.story import Document, Entry, Identity, Story

# What a person could want of one entry; beyond it lies an attack or a mistake, and a database row of megabytes.
LONGEST_TITLE = 1_000
LONGEST_AUTHOR = 300
LONGEST_GUID = 2_000
LONGEST_TEXT = 200_000
LONGEST_TAG = 100
MOST_TAGS = 30
# The largest of 1,800 captured feeds holds 500. A window of 5,000 is a feed's whole archive, and worth having.
MOST_ENTRIES = 5_000


def parse(body: bytes, *, url: str = "", content_type: str = "") -> Document:
    """The entries of a feed. `url` is where the body came from at last: relative links hang on it.

    Raises NotAFeed with a sentence for a person when the body is something else.
    """
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise NotAFeed("The answer was empty. A feed has at least a title; look at the address in a browser.")
    if start[:1] in (b"{", b"["):
        return _bounded(jsonfeed.parse(body, url=url))
    try:
        document = _document(_feedparser(body, url, content_type), url)
    except (
        Exception
    ) as error:  # foreign bytes make a foreign parser and its dicts do anything; the feed gets the reason
        raise NotAFeed(f"The feed could not be read: {type(error).__name__}: {line(str(error))[:200]}") from error
    if document.kind == "unknown" and not document.entries:
        raise NotAFeed(f"The answer is {_looks_like(start)}, not a feed. {_ADVICE}")
    return _bounded(document)


def to_story(entry: Entry, identity: Identity, *, now: datetime) -> Story:
    """The story an entry tells.

    The wire's furniture is taken off, so that a rule for Kuwait does not meet every story of Kuwait's agency. A date
    more than a day ahead is a mistake or a trick to stay on top, and counts as a day ahead.
    """
    provider, text = menafn.split_dateline(entry.text) or ("", entry.text)
    latest = now + timedelta(days=1)
    return Story(
        identity=identity,
        title=entry.title,
        text=menafn.without_furniture(text),
        url=entry.url,
        author=entry.author,
        provider=provider,
        published_at=min(entry.published_at, latest) if entry.published_at else None,
        language=entry.language,
        tags=entry.tags,
    )


_ADVICE = "Look on the site for its RSS or Atom address and add that one."


def _feedparser(body: bytes, url: str, content_type: str) -> Mapping[str, Any]:
    headers = {"content-location": url, "content-type": content_type or "application/xml"}
    # Never bare bytes: feedparser opens a file or an address when the body names one.
    parsed: Mapping[str, Any] = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    return parsed


def _document(parsed: Mapping[str, Any], url: str) -> Document:
    feed, kind = parsed["feed"], str(parsed.get("version") or "unknown")
    entries = tuple(_entry(raw, parsed, url) for raw in parsed["entries"])
    return Document(kind, _text_of(feed, "title", kind), entries, line(str(feed.get("language", ""))))


def _looks_like(start: bytes) -> str:
    lowered = start.lower()
    if b"<html" in lowered or lowered.startswith(b"<!doctype html"):
        return "a web page"
    if b"<opml" in lowered:
        return "a list of feeds (OPML)"
    if start.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF")):
        return "a picture or document"
    return "an XML document of another kind" if start.startswith(b"<") else "plain text or data"


def _entry(raw: Mapping[str, Any], parsed: Mapping[str, Any], url: str) -> Entry:
    kind = str(parsed.get("version") or "")
    base = urljoin(url, str(_detail(raw, "title").get("base") or ""))
    return Entry(
        guid=line(str(raw.get("id") or "")),
        url=absolute(base, str(raw.get("link") or "")),
        title=_text_of(raw, "title", kind),
        text=max(_texts(raw, kind), key=len, default=""),
        author=line(to_text(str(raw.get("author") or ""))),
        published_at=_time(_moment(raw, "published_parsed")) or _time(_moment(raw, "updated_parsed")),
        language=line(str(raw.get("language") or "")),
        tags=_tags(raw),
    )


def _tags(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The entry's categories, each once."""
    terms = (line(to_text(str(tag.get("term") or ""))) for tag in list(raw.get("tags") or ())[:MOST_TAGS])
    return tuple(dict.fromkeys(clip(term, LONGEST_TAG) for term in terms if term))


def _moment(raw: Mapping[str, Any], name: str) -> struct_time | None:
    """A date of an entry, past feedparser's own `get`, which warns that it takes one date for the other."""
    found: struct_time | None = dict.get(cast("dict[str, Any]", raw), name)
    return found


def _texts(raw: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The entry's words, in each form the feed offers: full content where there is some, else the summary."""
    for content in raw.get("content", ()):
        yield _readable(content, kind)
    yield _readable(_detail(raw, "summary"), kind)


def _text_of(raw: Mapping[str, Any], name: str, kind: str) -> str:
    return _readable(_detail(raw, name), kind).replace("\n", " ")


def _detail(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What feedparser knows of an element; nothing where a feed's own element of that odd name stands in its place."""
    found = raw.get(f"{name}_detail")
    return found if isinstance(found, Mapping) else {}


def _readable(detail: Mapping[str, Any], kind: str) -> str:
    """Atom says which text is markup and is believed; in the other formats whatever looks like markup is."""
    value = str(detail.get("value") or "")
    if detail.get("type") == "text/plain" and kind.startswith("atom"):
        return plain(value)
    return to_text(value)


def _time(parsed: struct_time | None) -> datetime | None:
    """Feedparser's dates are UTC but can lie outside the calendar (year 0 or 10000): then there is none."""
    if not isinstance(parsed, struct_time):
        return None
    try:
        return datetime(*parsed[:6], tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _bounded(document: Document) -> Document:
    return Document(
        document.kind,
        clip(document.title, LONGEST_TITLE),
        tuple(_bounded_entry(entry) for entry in document.entries[:MOST_ENTRIES]),
        document.language[:40],
    )


def _bounded_entry(entry: Entry) -> Entry:
    return Entry(
        guid=entry.guid[:LONGEST_GUID],
        url=entry.url,
        title=clip(entry.title, LONGEST_TITLE),
        text=clip(entry.text, LONGEST_TEXT),
        author=clip(entry.author, LONGEST_AUTHOR),
        published_at=entry.published_at,
        language=entry.language[:40],
        tags=entry.tags[:MOST_TAGS],
    )
