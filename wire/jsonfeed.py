"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1) → entries; feedparser reads none of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wire.address import absolute
from wire.errors import NotAFeed
from wire.markup import line, plain, to_text
from wire.story import Document, Enclosure, Entry, size_of


def parse(body: bytes, *, url: str = "") -> Document:
    """The entries of a JSON Feed. Raises NotAFeed for JSON that is something else."""
    try:
        feed = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotAFeed(f"The answer starts like JSON but cannot be read: {line(str(error))[:200]}") from error
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise NotAFeed("The answer is JSON, but no JSON Feed: it has no list of items.")
    entries = tuple(_entry(item, url) for item in feed["items"] if isinstance(item, dict))
    return Document("json", line(_string(feed, "title")), entries, line(_string(feed, "language")))


def _entry(item: Mapping[str, Any], url: str) -> Entry:
    text = to_text(_string(item, "content_html")) or plain(_string(item, "content_text"))
    return Entry(
        guid=line(_string(item, "id")),
        url=absolute(url, _string(item, "url") or _string(item, "external_url")),
        title=line(_string(item, "title")),
        text=text or plain(_string(item, "summary")),
        author=line(_author(item)),
        published_at=_time(_string(item, "date_published")) or _time(_string(item, "date_modified")),
        language=line(_string(item, "language")),
        tags=_tags(item),
        enclosures=_attachments(item, url),
    )


def _attachments(item: Mapping[str, Any], base: str) -> tuple[Enclosure, ...]:
    found = item.get("attachments")
    return tuple(
        Enclosure(address, line(_string(one, "mime_type"))[:100], size_of(_string(one, "size_in_bytes").split(".")[0]))
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict) and (address := absolute(base, _string(one, "url")))
    )


def _string(item: Mapping[str, Any], name: str) -> str:
    """The specification wants strings and tells readers to take numbers too (ids are often numbers)."""
    value = item.get(name)
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _author(item: Mapping[str, Any]) -> str:
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    return ", ".join(_string(author, "name") for author in authors or () if isinstance(author, dict))


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    tags = item.get("tags")
    return tuple(line(tag) for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def _time(written: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(written)
    except ValueError:
        return None
    try:
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    except OverflowError:  # the year 1 in a zone east of Greenwich
        return None
