"""Bytes from a feed → frozen entries. The one file that knows feedparser.

RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0 and CDF go through feedparser, with its HTML sanitiser and link resolver off:
they cost more than the parse, and we clean text and resolve links ourselves. JSON Feed has its own reader.
"""

import io
import re
import sys
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import struct_time
from typing import Any

import feedparser

from wire import jsonfeed, menafn
from wire.address import absolute
from wire.errors import NotAFeed
from wire.language import detect
from wire.markup import clip, line, plain, to_text
from wire.prune import cut
from wire.story import Document, Enclosure, Entry, Identity, Story, size_of

# What a person could want of one entry; beyond it lies an attack or a mistake, and a database row of megabytes.
LONGEST_TITLE = 1_000
LONGEST_AUTHOR = 300
LONGEST_GUID = 2_000
LONGEST_TEXT = 200_000
LONGEST_TAG = 100
MOST_TAGS = 30
MOST_ENCLOSURES = 20
# The largest of 1,800 captured feeds holds 500. A window of 5,000 is a feed's whole archive, and worth having.
MOST_ENTRIES = 5_000


def parse(body: bytes, *, url: str = "", content_type: str = "", seen: Container[str] = ()) -> Document:
    """The entries of a feed but for those whose digest was `seen`; see Document.

    `url` is where the body came from at last: relative links hang on it. Raises NotAFeed with a sentence for a person
    when the body is something else.
    """
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise NotAFeed("The answer was empty. A feed has at least a title; look at the address in a browser.")
    if start[:1] in (b"{", b"["):
        return _bounded(jsonfeed.parse(body, url=url))
    body = _REFERENCES.sub(_sound, body)
    try:
        document = _pruned(body, url, content_type, seen) or _whole(body, url, content_type)
    except (
        Exception
    ) as error:  # foreign bytes make a foreign parser and its dicts do anything; the feed gets the reason
        raise NotAFeed(f"The feed could not be read: {type(error).__name__}: {line(str(error))[:200]}") from error
    if document.kind == "unknown" and not document.entries:
        raise NotAFeed(f"The answer is {_looks_like(start)}, not a feed. {_ADVICE}")
    return _bounded(replace(document, cut_short=not document.digests and _ends_early(body)))


def _sound(run: re.Match[bytes]) -> bytes:
    """References to characters, without those that name none: halves of a pair (UTF-16) are put together.

    Old exporters write an emoji so, and no parser of XML reads on behind it.
    """
    numbers = [_number(one) for one in run[0].lower().replace(b"&#", b"").split(b";")[:-1]]
    if all(number < _FIRST_HALF or _LAST_HALF < number <= sys.maxunicode for number in numbers):
        return run[0]
    halves = "".join(chr(number) if number <= sys.maxunicode else "\ufffd" for number in numbers)
    whole = halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.encode("ascii", "xmlcharrefreplace")


def _number(reference: bytes) -> int:
    digits = reference.lstrip(b"x").lstrip(b"0")[:_ENOUGH_DIGITS] or b"0"
    return int(digits, 16 if reference[:1] == b"x" else 10)


def _ends_early(body: bytes) -> bool:
    """Whether a feed's last tag is missing, as it is when a server was cut off while it packed or sent the answer."""
    return not _LAST_TAG.search(body[-_TAIL:].replace(b"\0", b""))


def to_story(entry: Entry, identity: Identity, *, now: datetime, language: str = "") -> Story:
    """The story an entry tells. `language` is the feed's.

    The wire's furniture is taken off, so that a rule for Kuwait does not meet every story of Kuwait's agency. A date
    more than a day ahead is a mistake or a trick to stay on top, and counts as a day ahead; one before there were
    feeds is none.
    """
    provider, text = menafn.split_dateline(entry.text) or ("", entry.text)
    latest = now + timedelta(days=1)
    published_at = entry.published_at if entry.published_at and entry.published_at >= _FIRST_DATE else None
    is_ahead = published_at is not None and published_at > latest
    return Story(
        identity=identity,
        title=entry.title,
        text=menafn.without_furniture(text),
        url=entry.url,
        author=entry.author,
        provider=provider,
        published_at=latest if is_ahead else published_at,
        language=entry.language or language or detect(f"{entry.title}\n{text}"),
        tags=entry.tags,
        enclosures=entry.enclosures,
        date_doubtful=is_ahead,
    )


# References of five digits or more, of which few are to no character at all. Begun with what is looked for first, and
# with a case of its own: so a body without any is passed over at once.
_REFERENCE = rb"&#(?:[xX][0-9a-fA-F]{4,}|[0-9]{5,});"
_REFERENCES = re.compile(_REFERENCE + rb"(?:" + _REFERENCE + rb")*")
_ENOUGH_DIGITS = 9
_FIRST_HALF, _LAST_HALF = 0xD800, 0xDFFF
# What a program writes that has no date lies before: the years 1 and 1970.
_FIRST_DATE = datetime(1971, 1, 1, tzinfo=UTC)
# Whoever can be read this far in ASCII is not UTF-16, whatever he says (XML 1.0, appendix F).
_WIDE = re.compile(
    rb"""^(\s*<\?xml[^>]{0,100}?)\sencoding\s*=\s*["'](?:utf|ucs)-?(?:16|32|2|4)[^"'>]{0,10}["']""", re.IGNORECASE
)
# Declared over two lines, or with blanks around its equals signs, an encoding is none to feedparser.
_DECLARATION = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml\s[^>]{0,200}\?>")
_LAST_TAG = re.compile(rb"</(?:[\w.-]{1,20}:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_TAIL = 4_096
# The kind of a document of which nothing had to be parsed.
ALL_SEEN = "seen"
_ADVICE = "Look on the site for its RSS or Atom address and add that one."


def _on_one_line(declaration: re.Match[bytes]) -> bytes:
    return re.sub(rb"\s*=\s*", b"=", b" ".join(declaration[0].split()))


def _feedparser(body: bytes, content_type: str) -> Mapping[str, Any]:
    # Not where it came from: feedparser would make addresses of guids, and `<guid>1</guid>` is no address. What it
    # resolves by xml:base alone is resolved by us against where it came from.
    headers = {"content-type": content_type or "application/xml"}
    body = _WIDE.sub(rb"\1", _DECLARATION.sub(_on_one_line, body, count=1), count=1)
    # Never bare bytes: feedparser opens a file or an address when the body names one.
    parsed: Mapping[str, Any] = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    return parsed


def _whole(body: bytes, url: str, content_type: str) -> Document:
    return _document(_feedparser(body, content_type), url)


def _pruned(body: bytes, url: str, content_type: str, seen: Container[str]) -> Document | None:
    """The document without its entries seen before; None when only the whole of it can be read for certain."""
    pieces = cut(body, url=url, content_type=content_type)
    if not pieces or len(pieces.digests) > MOST_ENTRIES:
        return None
    left = [digest for digest in pieces.digests if digest not in seen]
    if pieces.digests and not left:
        return Document(ALL_SEEN, "", (), "", pieces.digests)
    parsed = _feedparser(pieces.without(seen), content_type)
    if not _is_sound(parsed) or len(parsed["entries"]) != len(left):
        return None
    return replace(_document(parsed, url), digests=pieces.digests)


def _is_sound(parsed: Mapping[str, Any]) -> bool:
    """Whether feedparser read it strictly; its looser ways let one broken entry change how others are read."""
    return not parsed.get("bozo") or isinstance(
        parsed.get("bozo_exception"), (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
    )


def _document(parsed: Mapping[str, Any], url: str) -> Document:
    feed, kind = parsed["feed"], str(parsed.get("version") or "unknown")
    # As plain dictionaries: feedparser's own look each name up under its former ones too, and warn of some.
    entries = tuple(_entry(dict(raw), parsed, url) for raw in parsed["entries"])
    return Document(kind, _text_of(feed, "title", kind), entries, line(str(feed.get("language", ""))))


def _looks_like(start: bytes) -> str:
    lowered = start.lower()
    if b"<html" in lowered or lowered.startswith(b"<!doctype html"):
        return "a web page"
    if b"<opml" in lowered:
        return "a list of feeds (OPML)"
    if start.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF")):
        return "a picture or document"
    if start.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        return "packed twice over (gzip or zstd inside what was unpacked)"
    return "an XML document of another kind" if start.startswith(b"<") else "plain text or data"


def _entry(raw: Mapping[str, Any], parsed: Mapping[str, Any], url: str) -> Entry:
    kind = str(parsed.get("version") or "")
    return Entry(
        guid=line(str(raw.get("id") or "")),
        url=absolute(url, str(raw.get("link") or "")),
        title=_text_of(raw, "title", kind),
        text=_longest_text(raw, kind),
        author=line(to_text(str(raw.get("author") or ""))),
        published_at=_time(raw.get("published_parsed")) or _time(raw.get("updated_parsed")),
        language=line(str(raw.get("language") or "")),
        tags=_tags(raw),
        enclosures=_enclosures(raw, url),
    )


def _enclosures(raw: Mapping[str, Any], base: str) -> tuple[Enclosure, ...]:
    found = [one for one in _parts(raw, "links") if one.get("rel") == "enclosure"][:MOST_ENCLOSURES]
    return tuple(
        Enclosure(address, clip(line(str(one.get("type") or "")), LONGEST_TAG), size_of(str(one.get("length") or "")))
        for one in found
        if (address := absolute(base, str(one.get("href") or "")))
    )


def _tags(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The entry's categories, each once."""
    terms = (line(to_text(str(tag.get("term") or ""))) for tag in _parts(raw, "tags")[:MOST_TAGS])
    return tuple(dict.fromkeys(clip(term, LONGEST_TAG) for term in terms if term))


def _parts(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of things feedparser found; nothing where a feed's own element of that name stands in its place."""
    found = raw.get(name)
    return [dict(one) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _longest_text(raw: Mapping[str, Any], kind: str) -> str:
    """The entry's words in the longest form the feed offers: full content where there is some, else the summary."""
    longest = ""
    for part in [*_parts(raw, "content"), _detail(raw, "summary")]:
        if len(str(part.get("value") or "")) > len(longest):  # what is shorter as markup need not be read
            longest = max(longest, _readable(part, kind), key=len)
    return longest


def _text_of(raw: Mapping[str, Any], name: str, kind: str) -> str:
    return _readable(_detail(raw, name), kind).replace("\n", " ")


def _detail(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What feedparser knows of an element; nothing where a feed's own element of that odd name stands in its place.

    After markup that was not escaped and nests a `summary` or `title` in another, it gives the bare words alone.
    """
    found = raw.get(f"{name}_detail", raw.get(name))
    if isinstance(found, str):
        return {"value": found}
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
    return replace(
        document,
        title=clip(document.title, LONGEST_TITLE),
        entries=tuple(_bounded_entry(entry) for entry in document.entries[:MOST_ENTRIES]),
        language=document.language[:40],
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
        tags=tuple(clip(tag, LONGEST_TAG) for tag in entry.tags[:MOST_TAGS]),
        enclosures=entry.enclosures[:MOST_ENCLOSURES],
    )
