"""Stories and alerts as files: JSON Lines, CSV, RSS.

Written as they are read, a portion in a transaction: size costs no memory, and a slow reader holds nothing up.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any
from xml.etree import ElementTree as ET

from sqlmodel import Session
from starlette.responses import Response, StreamingResponse

from desk.answers import alerts as alert_answers
from desk.answers import stories as story_answers
from desk.web.site import Site
from storage import inbox, rules
from storage.listing import Wanted
from wire.markup import harmless, line
from wire.query import parse

_MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8", "rss": "application/rss+xml"}
CONTENT = {
    "application/jsonl": {"schema": {"type": "string"}},
    "text/csv": {"schema": {"type": "string"}},
    "application/rss+xml": {"schema": {"type": "string"}},
}
_STORY = ("id", "first_seen_at", "published_at", "identity", "provider", "language", "kind", "title", "url", "rules")
_ALERT = ("id", "at", "rule", "kind", "matched", "title", "url", "provider", "seen_by", "assigned", "remark")
_AT_ONCE = 200


def stories(site: Site, wanted: Wanted, form: str, most: int) -> Response:
    """Raises QueryError before the first byte, so that what begins is whole."""
    with site.reading() as session:
        if wanted.query:
            parse(wanted.query, rules.word_lists(session))

    def some(session: Session, below: int | None) -> tuple[Sequence[Any], int | None]:
        page = story_answers.many(session, wanted, limit=_AT_ONCE, before=below)
        return page.items, page.next

    return _file("stories", form, islice(_every(site, some), most), _STORY, site.pages)


def alerts(site: Site, wanted: inbox.Wanted, form: str, most: int) -> Response:
    """Raises BadInput before the first byte."""

    def some(session: Session, below: int | None) -> tuple[Sequence[Any], int | None]:
        page = alert_answers.page(session, wanted, limit=_AT_ONCE, before=below)
        return page.alerts, page.next

    return _file("alerts", form, islice(_every(site, some), most), _ALERT, site.pages)


def _every(site: Site, some: Callable[[Session, int | None], tuple[Sequence[Any], int | None]]) -> Iterator[Any]:
    """All rows, page after page, each page in a transaction of its own."""
    below: int | None = None
    while True:
        with site.reading() as session:
            rows, below = some(session, below)
        yield from rows
        if below is None:
            return


def _file(name: str, form: str, rows: Iterator[Any], columns: Sequence[str], pages: str) -> Response:
    first = next(rows, None)  # what is wrong is found here, while an error can still be told
    found: Iterator[Any] = chain([first], rows) if first is not None else iter(())
    match form:
        case "jsonl":
            told = _jsonl(found)
        case "csv":
            told = _csv(found, columns)
        case _:
            told = _rss(found, name, pages)
    return StreamingResponse(
        told, media_type=_MEDIA[form], headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    )


def _jsonl(rows: Iterator[Any]) -> Iterator[str]:
    return (row.model_dump_json() + "\n" for row in rows)


# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# In half of Europe a spreadsheet parts cells at semicolons, and takes what stands behind one for a cell's beginning.
_WITHIN = re.compile(r"""(;\s*"?)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])""")


def cell(value: Any) -> str:
    """A value as a cell that is read as text, whatever stands in it."""
    written = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    written = _WITHIN.sub(r"\1'", line(written))
    return f"'{written}" if written.startswith(_FORMULA) else written


def _csv(rows: Iterator[Any], columns: Sequence[str]) -> Iterator[str]:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(getattr(row, name)) for name in columns])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _rss(rows: Iterator[Any], name: str, pages: str) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
    yield f"<title>Wirewatch: {name}</title><link>{pages or 'http://127.0.0.1/'}</link><description>{name}</description>\n"
    for row in rows:
        item = ET.Element("item")
        _add(item, "title", row.title)
        _add(item, "link", row.url)
        _add(item, "description", "".join(piece.words for piece in row.passage))
        _add(item, "category", row.provider)
        _add(item, "pubDate", (row.published_at or row.first_seen_at).strftime("%a, %d %b %Y %H:%M:%S +0000"))
        guid = ET.SubElement(item, "guid", isPermaLink="false")
        guid.text = harmless(f"{row.identity}#{row.version}" if name == "stories" else f"alert-{row.id}")
        yield ET.tostring(item, encoding="unicode") + "\n"
    yield "</channel></rss>\n"


def _add(parent: ET.Element, name: str, words: str) -> None:
    if words:
        ET.SubElement(parent, name).text = harmless(words)
